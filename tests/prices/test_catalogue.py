"""Which price is a target's: the configuration's, its provider's list's, or the catalogue's."""

import pytest

from llms.prices import Price, Prices, packaged
from llms.prices.catalogue import listed, shown
from llms.records import Target

KINDS = {"mine": "openai", "local": "ollama"}
GPT = Target("mine", "gpt-4o")


def test_order():
    """What the configuration says counts before the provider's list, and that before the catalogue."""
    given, prices = Prices({"mine/gpt-4o": Price(1, 2)}, KINDS), Prices({}, KINDS)
    own = {"gpt-4o": {"pricing": {"prompt": "0.000001", "completion": "0.000002"}}}

    first = prices.of(GPT)
    for one in (given, prices):
        one.learn("mine", own)

    assert packaged.price("openai", "gpt-4o") == first
    assert Price(1, 2) == given.of(GPT)
    assert Price(1_000_000, 2_000_000) == prices.of(GPT)


def test_learn_anew():
    """A newer list takes the place of the one before; that of another provider does not."""
    prices = Prices({}, {})
    target, other = Target("router", "x/y"), Target("other", "x/y")
    for name in ("router", "other"):
        prices.learn(name, {"x/y": {"pricing": {"prompt": "0.000001", "completion": "0.000002"}}})
    assert prices.of(target) is not None

    prices.learn("router", {"x/y": {}})

    assert prices.of(target) is None
    assert prices.of(other) is not None


def test_unknown():
    """A provider that the catalogue may not speak of has no prices, whatever its models' names."""
    prices = Prices({}, KINDS)

    assert prices.of(Target("openai", "gpt-4o")) is None
    assert prices.of(Target("mine", "nobody-knows")) is None
    assert Price(0, 0) == prices.of(Target("local", "nobody-knows"))


def test_many_names():
    """Names come from clients: they fill no memory, and are found all the same."""
    prices = Prices({}, KINDS)
    for number in range(10_000):
        prices.of(Target("mine", f"nobody-knows-{number}"))

    assert len(prices._found) <= 4096
    assert prices.of(GPT) is not None


@pytest.mark.parametrize(
    ("pricing", "price"),
    [
        ({"prompt": "0.0000025", "completion": "0.00001"}, Price(2_500_000, 10_000_000)),
        ({"prompt": "0", "completion": "0.00001", "request": "0"}, Price(0, 10_000_000)),
        (
            {"prompt": "0.000003", "completion": "0.000015", "input_cache_read": "0.0000003", "input_cache_write": "0"},
            Price(3_000_000, 15_000_000, 300_000, 0),
        ),
        ({"prompt": "0.0000000000001", "completion": "0.0000000000011"}, Price(1, 2)),
        ({"prompt": "0", "completion": "0"}, None),
        ({"prompt": "0.000001", "completion": "0.000001", "request": "0.005"}, None),
        ({"prompt": "0.000001"}, None),
        ({}, None),
    ],
)
def test_listed(pricing, price):
    """A listed price is rounded up; none is one that is for each call, too, or nothing without saying that it is free."""
    assert price == listed("x/y", pricing)


def test_listed_as_free():
    """OpenRouter's models whose names end in :free cost nothing."""
    assert Price(0, 0) == listed("x/y:free", {"prompt": "0", "completion": "0"})


@pytest.mark.parametrize("price", [Price(2_500_000, 10_000_000), Price(37_500, 1, 3, 4), Price(0, 0), Price(10**12, 7)])
def test_shown(price):
    """A price is shown without an exponent, and is the same when it is read again."""
    words = shown(price)

    assert not any("e" in text.lower() for text in words.values())
    assert price == listed("x:free", words)


def test_facts():
    """Of a catalogue model all is shown that is known, in the form of the lists; the list's own words come first."""
    prices = Prices({}, KINDS)

    found = prices.facts("mine", "gpt-4o", {"context_length": 5})

    assert found == {
        "context_length": 5,
        "max_output_tokens": 16384,
        "architecture": {"input_modalities": ["text", "image"]},
        "capabilities": {"tools": True, "vision": True, "json_schema": True},
        "pricing": {"prompt": "0.0000025", "completion": "0.00001", "input_cache_read": "0.00000125"},
    }
    assert (prices.of(GPT), 16384) == prices.known(GPT)
    assert (None, None) == prices.known(Target("nobody", "gpt-4o"))


def test_facts_of_the_unknown():
    """Of a model that nobody knows nothing is shown but what its list says, and the configuration's price before that."""
    own = {"pricing": {"prompt": "1", "completion": "1"}, "owner": "x"}

    assert Prices().facts("a", "b") == {}
    assert Prices().facts("a", "b", own) == own
    assert Prices({"a/b": Price(1_000_000, 2_000_000)}).facts("a", "b", own) == {
        "pricing": {"prompt": "0.000001", "completion": "0.000002"},
        "owner": "x",
    }
