"""The catalogue in the package, and how it is looked up."""

import json
from pathlib import Path

import pytest

from llms.prices import Price, packaged
from llms.providers.registry import TYPES

FILE = Path(packaged.__file__).with_name("models.json")
WORDS = {
    "takes": {"text", "image", "audio", "video"},
    "gives": {"text", "audio", "image", "embeddings"},
    "can": {"tools", "vision", "reasoning", "json_schema", "web_search"},
}
RATES = {"input", "output", "cache_read", "cache_write"}
MODELS = packaged.document()["models"]


def rates(price):
    yield {name: price[name] for name in RATES & set(price)}
    for inner in (price.get("long"), *price.get("tiers", {}).values()):
        if inner:
            yield from rates(inner)


def test_file():
    """It is small, says whence it is, and has one model a line in order, so that a change can be read."""
    text = FILE.read_text("utf-8")
    head = json.loads(text)
    lines = [line for line in text.splitlines() if line.startswith(' "')]

    assert len(text) < 300_000
    assert {"source", "version", "date", "models"} == set(head)
    assert [json.loads(f"{{{line.rstrip(',')}}}").popitem()[0] for line in lines] == sorted(head["models"])


@pytest.mark.parametrize("name", MODELS)
def test_models(name):
    """Each is of a provider that there is, and holds what can be: whole micro-dollars, counts, known words."""
    kind, _, model = name.partition("/")
    entry = MODELS[name]

    assert kind in TYPES
    assert model
    assert set(entry) <= {"price", "context", "output", *WORDS}
    assert all(type(entry[key]) is int and 0 < entry[key] < 1 << 30 for key in ("context", "output") if key in entry)
    assert all(set(entry.get(key, ())) <= WORDS[key] for key in WORDS)
    for price in rates(entry["price"]) if "price" in entry else ():
        assert all(type(value) is int and 0 <= value <= 2_000_000_000 for value in price.values())
        assert 0 < price["input"]
        assert 0 < price.get("cache_read", 1) <= price["input"]
        assert price["input"] <= price.get("cache_write", price["input"]) <= 2 * price["input"]


@pytest.mark.parametrize(
    ("name", "into", "out"),
    [
        ("openai/gpt-4o", 2.5, 10),
        ("openai/gpt-4o-mini", 0.15, 0.6),
        ("openai/gpt-4.1", 2, 8),
        ("openai/gpt-5", 1.25, 10),
        ("openai/gpt-5-mini", 0.25, 2),
        ("openai/o3", 2, 8),
        ("openai/gpt-4", 30, 60),
        ("openai/gpt-3.5-turbo", 0.5, 1.5),
        ("openai/text-embedding-3-small", 0.02, 0),
        ("openai/text-embedding-3-large", 0.13, 0),
        ("deepseek/deepseek-chat", 0.28, 0.42),
        ("mistral/codestral-latest", 0.3, 0.9),
        ("groq/openai/gpt-oss-120b", 0.15, 0.6),
        ("cerebras/gpt-oss-120b", 0.35, 0.75),
    ],
)
def test_well_known(name, into, out):
    """Prices that are public knowledge, in dollars for a million tokens: what guards a renewal against wrong units."""
    kind, _, model = name.partition("/")
    price = packaged.price(kind, model)

    assert price is not None
    assert (into, out) == (price.input / 1e6, price.output / 1e6)


@pytest.mark.parametrize(
    ("model", "same_as"),
    [
        ("gpt-4o-2031-12-24", "gpt-4o"),
        ("ft:gpt-4o-mini-2024-07-18:my-org:name:id", "ft:gpt-4o-mini-2024-07-18"),
        ("ft:gpt-3.5-turbo-2031-12-24:my-org::id", "ft:gpt-3.5-turbo"),
    ],
)
def test_by_family(model, same_as):
    """A name with a day is looked up without it, and a model that was trained further by what it was made of."""
    found = packaged.price("openai", model)

    assert found is not None
    assert found == packaged.price("openai", same_as)


def test_exact_first():
    """A name with a day that has a price of its own has that."""
    assert packaged.price("openai", "gpt-4o-2024-05-13") != packaged.price("openai", "gpt-4o")


@pytest.mark.parametrize(
    ("kind", "model"),
    [
        ("openai", "gpt-4o-latest"),
        ("openai", "gpt-4o-2031"),
        ("openai", "gpt-4"[:3]),
        ("openai", "ft:mine:gpt-4o"),
        ("openai", ""),
        ("groq", "gpt-4o"),
        ("openrouter", "openai/gpt-4o"),
        ("nobody", "gpt-4o"),
        ("openai", "gpt-audio"),
    ],
)
def test_unknown(kind, model):
    """What is not known is not guessed."""
    assert packaged.price(kind, model) is None


@pytest.mark.parametrize("kind", sorted(packaged.FREE))
def test_free(kind):
    """Servers that people run by themselves send no bill, whatever the model."""
    assert Price(0, 0) == packaged.price(kind, "anything")
    assert kind in TYPES


def test_whole_price():
    """A price has all its parts: the cache, long calls, tiers."""
    price = packaged.price("openai", "gpt-6.1-sol")

    assert price is not None
    assert (100_000, 2_500_000, 272_000) == (price.cache_read, price.cache_write, price.above)
    assert price.long == Price(4_000_000, 15_000_000, 200_000, 5_000_000)
    assert price.at("priority").input == 4_000_000
