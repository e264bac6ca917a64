"""What a call may take before it is sent, and what it has taken where nobody says so that can be believed."""

import pytest

from llms import estimate
from llms.estimate import Estimate
from llms.prices import Price, Prices
from llms.records import Call, Target, Usage

PRICES = Prices({"a/m": Price(1_000_000, 2_000_000), "b/m": Price(3_000_000, 1_000_000)}, {"openai": "openai"})
ONE = Target("a", "m")
LONG = "x" * 3_000_000
IMAGE = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{LONG}"}}
PARTS = {
    "input_audio": {"type": "input_audio", "input_audio": {"data": LONG, "format": "wav"}},
    "file": {"type": "file", "file": {"file_data": LONG, "filename": "f.pdf"}},
    "video_url": {"type": "video_url", "video_url": {"url": LONG}},
    "image_url": IMAGE,
}


def call(body, api="chat.completions", size=3000):
    return Call("req_0", 0, api, "m", stream=False, body=body, bytes_in=size)


def chat(content="x", **fields):
    return {"messages": [{"role": "user", "content": content}], **fields}


def before(body, *targets, assumed=4096, **options):
    return estimate.before(call(body, **options), targets or (ONE,), PRICES, assumed)


@pytest.mark.parametrize(("size", "tokens"), [(1, 1), (3, 1), (4, 2), (3000, 1000), (30_000_000, 10_000_000)])
def test_by_length(size, tokens):
    """A request's length says how many tokens it has, whatever is in it; it is not looked into."""
    found = before(chat([{"type": "text", "text": "anything"}]), size=size)

    assert tokens == found.input_tokens


@pytest.mark.parametrize("kind", sorted(PARTS))
def test_media(kind):
    """A picture, sound or file counts for a fixed number, not for its base64; the text beside it counts as ever."""
    text = {"type": "text", "text": "y" * 300}

    found = before(chat([text, PARTS[kind], PARTS[kind], "no part"]), size=6_000_400)

    assert 2 * estimate.MEDIA[kind] + 100 <= found.input_tokens <= 2 * estimate.MEDIA[kind] + 150


def test_walked():
    """Where nobody knows the length all texts count: messages, tools, inputs in letters and in tokens."""
    tools = [{"type": "function", "function": {"name": "f", "description": "d" * 299 + "\ud83d"}}]

    assert 100 <= before(chat("日" * 100), size=0).input_tokens <= 110
    assert 200 <= before(chat("x" * 300, tools=tools), size=0).input_tokens <= 260
    assert 101 == before({"input": ["x" * 301]}, api="embeddings", size=0).input_tokens
    assert 5 == before({"input": [1, 2, 3, 4, 5]}, api="embeddings", size=0).input_tokens - 1
    assert 5 == before({"input": [[1, 2, 3], [4, 5]]}, api="embeddings", size=0).input_tokens - 1


@pytest.mark.parametrize(
    ("fields", "tokens"),
    [
        ({"max_tokens": 10}, 10),
        ({"max_completion_tokens": 10, "n": 3}, 30),
        ({"max_completion_tokens": 10, "max_tokens": 20}, 20),
        ({}, 4096),
        ({"n": 2}, 8192),
        ({"max_tokens": None, "n": None}, 4096),
    ],
)
def test_output(fields, tokens):
    """An answer has as many tokens as it may have, for each choice; without a limit as many as are assumed."""
    assert tokens == before(chat(**fields)).output_tokens


def test_output_of_a_model():
    """A model that cannot answer with as many as are assumed is not assumed to."""
    known = Target("openai", "gpt-4")

    assert 4096 == before(chat(), known, assumed=100_000).output_tokens
    assert 50 == before(chat(max_tokens=50), known).output_tokens


def test_output_of_a_target():
    """What a target adds to a request, sets in it or leaves out of it counts."""
    body = chat(max_tokens=10)

    assert 99 == before(body, Target("a", "m", overrides={"max_completion_tokens": 99})).output_tokens
    assert 10 == before(body, Target("a", "m", defaults={"max_completion_tokens": 99})).output_tokens
    assert 4096 == before(body, Target("a", "m", drop=("max_tokens",))).output_tokens


def test_embeddings():
    """Embeddings have no answer in tokens."""
    found = before({"input": "x"}, api="embeddings", size=300)

    assert (100, 0, 100, 0) == (found.input_tokens, found.output_tokens, found.cost, found.most_output)


def test_cost():
    """The cost is that of the target that may cost most; one without a price adds nothing."""
    body = chat(max_tokens=100)

    assert 1000 + 200 == before(body).cost
    assert 3000 + 100 == before(body, ONE, Target("b", "m"), Target("c", "m")).cost
    assert 0 == before(body, Target("c", "m")).cost


def test_cost_of_a_tier():
    """A service tier that costs more is reserved for at its price, under either of its names."""
    target = Target("openai", "gpt-5")
    plain, fast, other = (before(chat(service_tier=tier), target).cost for tier in (None, "priority", "fast"))

    assert 2 * plain == fast == other


def test_prices_as_they_were():
    """B07: a price that changes while a call runs changes nothing for it."""
    prices, other = Prices(), Target("list", "x", rank=1)
    listed = {"pricing": {"prompt": "0.000001", "completion": "0.000002"}}
    prices.learn("list", {"x": listed})
    found = estimate.before(call(chat()), [ONE, other], prices, 10)
    prices.learn("list", {"x": {"pricing": {"prompt": "5", "completion": "5"}}})

    assert Price(1_000_000, 2_000_000) == found.price(Target("list", "x"))
    assert None is found.price(ONE) is found.price(Target("nobody", "x"))


ESTIMATE = Estimate(1000, 100, 0, 1000 * 3 + 32_768, 4096)


@pytest.mark.parametrize(
    "usage", [Usage(1000, 50), Usage(0, 0), Usage(3000, 4096), Usage(35_768, 1, 500, 1, 400), Usage(10, 4000, 0, 3999)]
)
def test_believed(usage):
    """What a provider says counts as it is, within what can be."""
    assert (usage, True) == estimate.counted(usage, ESTIMATE, 77)


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (None, Usage(1000, 26)),
        (Usage(1 << 40, 50, 1 << 39), Usage(1000, 50, 1000)),
        (Usage(500, 1 << 40, 100, 1 << 39), Usage(500, 26, 100, 26)),
        (Usage(-5, -5), Usage(1000, 26)),
        (Usage(1 << 40, 0, 600, 0, 600), Usage(1000, 0, 600, 0, 400)),
    ],
)
def test_not_believed(usage, expected):
    """K09, U-h: what cannot be is estimated from what was asked and seen, and told from what was counted."""
    assert (expected, False) == estimate.counted(usage, ESTIMATE, 77)


def test_long_answer_of_nobody():
    """An answer that went on for longer than can be believed is still not more than it can be."""
    assert 4096 == estimate.counted(Usage(5, 1 << 30), ESTIMATE, 1 << 30)[0].output_tokens


@pytest.mark.parametrize(("seen", "tokens"), [(0, 0), (1, 1), (3, 1), (4, 2)])
def test_output_tokens(seen, tokens):
    """What was seen of an answer is counted as what is asked is: three bytes to a token, rounded up."""
    assert tokens == estimate.output_tokens(seen)


def test_text_bytes():
    """Texts count as UTF-8 at any depth, without recursion; half a surrogate pair is three bytes as any letter is."""
    deep = "x"
    for _ in range(100_000):
        deep = [deep]

    assert 1 == estimate.text_bytes(deep)
    assert 1 + 2 + 3 + 3 == estimate.text_bytes({"a": ["x", "é", {"b": "日", "file": "no", "n": 5}, "\ud83d", None]})
