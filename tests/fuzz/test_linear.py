import json

import pytest

from llms.records import Target
from llms.wire import sse
from tests.fuzz import linear, rules
from tests.fuzz.linear import MOST, SHAPES, growth
from tests.fuzz.targets import openai

HUGE = 10**9


@pytest.mark.case("A06")
@pytest.mark.parametrize("name", SHAPES)
def test_linear(name: str) -> None:
    """Twice the input takes about twice the calls and memory, never four times: U35, U54, C45."""
    more, held = growth(SHAPES[name], 256)

    assert more <= MOST
    assert held <= MOST


def test_quadratic_is_seen() -> None:
    """The count tells a loop in a loop, and a list of lists, from a single one."""
    more, held = growth(lambda n: lambda: [[repr(at) for at in range(n)] for _ in range(n)], 256)

    assert more > MOST
    assert held > MOST


@pytest.mark.parametrize(
    "choice",
    [
        {"index": HUGE, "delta": {"content": "a"}},
        {
            "index": 0,
            "delta": {"tool_calls": [{"index": HUGE, "id": "a", "function": {"name": "f", "arguments": "{}"}}]},
        },
        {"index": 0, "delta": {"annotations": [{"index": HUGE}]}},
        {"index": 0, "delta": {"content": [{"type": "text", "text": "a", "index": HUGE}]}},
    ],
)
def test_nothing_is_made_of_an_index(choice: dict) -> None:
    """An index says where something belongs; nothing is reserved up to there."""
    event = b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n"

    run = linear.answer(lambda: openai.CODEC.decoder(rules.CALL, Target("fuzzed", "plain")), [event, sse.DONE])

    run()
    assert linear.peak(run) < 200_000
