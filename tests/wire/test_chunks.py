from typing import Any

import pytest

from llms.records import Block, Call
from llms.wire.chunks import ChunkBuilder, finish_reason, usage
from tests.support import openapi

CALL = Call("req_0123456789abcdef01234567", 1790000000, "chat.completions", "mine", stream=True, body={})


def deltas(block: Block) -> list[Any]:
    for chunk in block:
        openapi.validate("CreateChatCompletionStreamResponse", chunk)
    return [choice["finish_reason"] or choice["delta"] for chunk in block for choice in chunk["choices"]]


def test_text() -> None:
    """The role comes once, the finish last."""
    build = ChunkBuilder(CALL)

    block = [build.reasoning("r"), build.content("a"), build.refusal("n"), *build.finish("eos")]

    assert [{"role": "assistant", "reasoning_content": "r"}, {"content": "a"}, {"refusal": "n"}, "stop"] == deltas(
        block
    )


def test_nothing() -> None:
    """An answer without text is still an answer."""
    assert [{"role": "assistant", "content": ""}, "length"] == deltas(ChunkBuilder(CALL).finish("length"))


def test_tools() -> None:
    """Tool calls have dense indexes, and arguments even where there are none."""
    build = ChunkBuilder(CALL)

    block = build.tool_call("a", "f") + build.tool_call("b", "g", "{") + [build.tool_arguments("}")]
    block += build.tool_call("c", "h") + build.finish("stop")

    entries = [entry for delta in deltas(block)[:-1] for entry in delta["tool_calls"]]
    assert [(0, ""), (0, "{}"), (1, "{"), (1, "}"), (2, ""), (2, "{}")] == [
        (entry["index"], entry["function"]["arguments"]) for entry in entries
    ]
    assert "tool_calls" == deltas(block)[-1]


def test_usage_chunk() -> None:
    """Usage comes in a chunk without choices; one that cannot be believed does not come."""
    build = ChunkBuilder(CALL)

    assert [[]] == [chunk["choices"] for chunk in build.usage({"prompt_tokens": 1, "completion_tokens": 2})]
    assert [] == build.usage({"prompt_tokens": -1})


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}, (1, 2)),
        ({"prompt_tokens": 1}, (1, 0)),
        ({"prompt_tokens": 1.0, "completion_tokens": 0}, (1, 0)),
        # xAI and Gemini: reasoning is in the total only
        ({"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 10}, (1, 9)),
        ({"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 1 << 60}, (1, 2)),
        ({"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": "many"}, (1, 2)),
    ],
)
def test_usage(raw: dict[str, Any], expected: tuple[int, int]) -> None:
    """The total is the sum of what was counted."""
    counted = usage(raw)

    assert counted is not None
    assert (*expected, sum(expected)) == tuple(counted.values())


@pytest.mark.parametrize(
    "raw",
    [
        None,
        [],
        {},
        {"prompt_tokens": None, "completion_tokens": None},
        {"prompt_tokens": -1},
        {"prompt_tokens": 1.5},
        {"prompt_tokens": "1"},
        {"prompt_tokens": True},
        {"prompt_tokens": 1e18},
        {"prompt_tokens": float("nan")},
        {"prompt_tokens": float("inf")},
        {"prompt_tokens": 1, "completion_tokens": -2},
    ],
)
def test_usage_unbelievable(raw: object) -> None:
    """U69: a count that is no whole number from 0 up would credit a budget; it is no usage."""
    assert None is usage(raw)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"prompt_tokens_details": {"cached_tokens": 3, "text_tokens": None, "x": -1}}, {"cached_tokens": 3}),
        ({"prompt_cache_hit_tokens": 3}, {"cached_tokens": 3}),
        ({"cached_tokens": 3}, {"cached_tokens": 3}),
        ({"cached_tokens": 3, "prompt_tokens_details": {"cached_tokens": 2}}, {"cached_tokens": 2}),
        ({"cached_tokens": "3", "prompt_tokens_details": None}, None),
        ({"cached_tokens": "3", "cache_read_input_tokens": 2}, {"cached_tokens": 2}),
        ({"prompt_tokens_details": {"cache_write_tokens": 3}}, {"cache_write_tokens": 3}),
        ({"cache_creation_input_tokens": 3}, {"cache_write_tokens": 3}),
        ({"cache_creation_input_tokens": -3}, None),
        (
            # LiteLLM says it twice
            {
                "prompt_tokens_details": {"cached_tokens": 1, "cache_creation_tokens": 3},
                "cache_creation_input_tokens": 3,
                "cache_read_input_tokens": 1,
            },
            {"cached_tokens": 1, "cache_creation_tokens": 3, "cache_write_tokens": 3},
        ),
        (
            {"prompt_tokens_details": {"cached_write_tokens": 2, "cache_write_tokens": 3}},
            {"cached_write_tokens": 2, "cache_write_tokens": 3},
        ),
        ({"prompt_tokens_details": {}}, {}),
    ],
)
def test_cached(raw: dict[str, Any], expected: dict[str, int] | None) -> None:
    """Tokens read from the cache, or written to it, are counted under whichever name a service gives them."""
    counted = usage({"prompt_tokens": 5, "completion_tokens": 1, **raw})

    assert counted is not None
    assert expected == counted.get("prompt_tokens_details")


@pytest.mark.parametrize(
    ("reason", "tools", "expected"),
    [
        ("stop", False, "stop"),
        ("stop", True, "tool_calls"),
        ("tool_use", False, "tool_calls"),
        ("length", True, "length"),
        ("whatever", False, "stop"),
        (None, False, "stop"),
        (None, True, "tool_calls"),
        ("RECITATION", False, "content_filter"),
        ("function_call", False, "function_call"),
    ],
)
def test_finish_reason(reason: object, expected: str, *, tools: bool) -> None:
    """Check 51: one of OpenAI's five."""
    assert expected == finish_reason(reason, tool_calls=tools)
