from typing import Any

from llms.records import Block, Call
from llms.wire.accumulate import Accumulator, chunks
from llms.wire.chunks import ChunkBuilder
from tests.support import openapi

CALL = Call("req_0123456789abcdef01234567", 1790000000, "chat.completions", "mine", stream=True, body={})


def collect(block: Block) -> dict[str, Any]:
    whole = Accumulator(CALL)
    whole.feed(block)
    answer = whole.completion()
    openapi.validate("CreateChatCompletionResponse", answer)
    return answer


def message(*deltas: dict[str, Any]) -> dict[str, Any]:
    build = ChunkBuilder(CALL)
    block = []
    for delta in deltas:
        chunk = build.content("")
        chunk["choices"][0]["delta"] = delta
        block.append(chunk)
    found: dict[str, Any] = collect([*block, *build.finish("stop")])["choices"][0]["message"]
    return found


def test_text() -> None:
    """Pieces are joined, usage and finish are kept."""
    build = ChunkBuilder(CALL)

    answer = collect([build.reasoning("r"), build.content("a"), build.content("b"), *build.finish("length")])
    with_usage = collect([*build.finish("stop"), *build.usage({"prompt_tokens": 1, "completion_tokens": 2})])

    expected = {"role": "assistant", "content": "ab", "refusal": None, "reasoning_content": "r"}
    choice = {"index": 0, "message": expected, "logprobs": None, "finish_reason": "length"}
    assert ([choice], False) == (answer["choices"], "usage" in answer)
    assert {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3} == with_usage["usage"]


def test_empty() -> None:
    """An answer without anything has empty content; one with something else has none."""
    assert "" == message({"role": "assistant"})["content"]
    assert None is message({"refusal": "n"})["content"]
    assert None is message({"function_call": {"name": "f", "arguments": ""}})["content"]
    assert None is message({"audio": {"id": "a", "data": "", "transcript": "", "expires_at": 5}})["content"]


def test_tools() -> None:
    """Tool calls are put together, of either kind, with their signatures."""
    signed = {"google": {"thought_signature": "s"}}
    one = {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": "{"}}
    two = {"index": 1, "id": "b", "type": "custom", "custom": {"name": "g", "input": "x"}}

    found = message(
        {"role": "assistant", "content": "", "tool_calls": [{**one, "extra_content": signed}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": "}"}}, two]},
        {"tool_calls": [{"index": 1, "custom": {"input": "y"}}]},
    )

    assert None is found["content"]
    assert [
        {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}, "extra_content": signed},
        {"id": "b", "type": "custom", "custom": {"name": "g", "input": "xy"}},
    ] == found["tool_calls"]


def test_function_call() -> None:
    """The old function calls are put together too."""
    found = message({"function_call": {"name": "f", "arguments": "{"}}, {"function_call": {"arguments": "}"}})

    assert {"name": "f", "arguments": "{}"} == found["function_call"]


def test_audio_and_annotations() -> None:
    """Audio is joined, annotations are listed without the index that streams need, the rest is kept."""
    found = message(
        {"audio": {"id": "a", "data": "x", "transcript": "h"}, "extra_content": {"a": 1}, "other": None},
        {"audio": {"data": "y", "transcript": "i"}, "annotations": [{"index": 0, "type": "url_citation",
         "url_citation": {"end_index": 1, "start_index": 0, "url": "u", "title": "t"}}]},
        {"audio": {"expires_at": 5}},
    )  # fmt: skip

    assert {"id": "a", "data": "xy", "transcript": "hi", "expires_at": 5} == found["audio"]
    assert ["url_citation"] == [note["type"] for note in found["annotations"] if "index" not in note]
    assert {"a": 1} == found["extra_content"]
    assert "other" not in found


def test_logprobs() -> None:
    """Log probabilities are joined, and the chunks that held them stay as they were."""
    build = ChunkBuilder(CALL)
    score = {"token": "a", "logprob": -1, "bytes": None, "top_logprobs": []}
    first, second = (build.content("a", {"content": [score], "refusal": None}) for _ in range(2))

    answer = collect([first, second, *build.finish("stop")])

    assert {"content": [score, score], "refusal": None} == answer["choices"][0]["logprobs"]
    assert [score] == first["choices"][0]["logprobs"]["content"]


def test_about() -> None:
    """Tier and fingerprint of the chunks are those of the answer."""
    build = ChunkBuilder(CALL)

    answer = collect([{**chunk, "service_tier": "flex", "system_fingerprint": "fp"} for chunk in build.finish("stop")])

    assert ("flex", "fp") == (answer["service_tier"], answer["system_fingerprint"])
    assert {"flex"} == {chunk["service_tier"] for chunk in chunks(answer)}


def test_choices_sorted() -> None:
    """Choices are in order, whichever ended first."""
    build = ChunkBuilder(CALL)
    block = build.finish("stop")

    answer = collect([{**chunk, "choices": [{**chunk["choices"][0], "index": 1}]} for chunk in block] + block)

    assert [0, 1] == [choice["index"] for choice in answer["choices"]]


def test_chunks() -> None:
    """U40: a whole answer becomes role, reasoning, content, tool calls, finish and usage."""
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    answer = {
        "id": "x", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "logprobs": None, "finish_reason": "tool_calls", "message": {
            "role": "assistant", "content": "c", "refusal": None, "reasoning_content": "r", "tool_calls": [call]}}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
    }  # fmt: skip

    block = chunks(answer)

    for chunk in block:
        openapi.validate("CreateChatCompletionStreamResponse", chunk)
    assert [
        {"role": "assistant", "reasoning_content": "r"},
        {"content": "c", "tool_calls": [{"index": 0, **call}]},
        {},
    ] == [choice["delta"] for chunk in block for choice in chunk["choices"]]
    assert answer["usage"] == block[-1]["usage"]


def test_chunks_of_nothing() -> None:
    """An empty answer has a role and a finish."""
    answer = collect(ChunkBuilder(CALL).finish("stop"))

    assert ["", None] == [chunk["choices"][0]["delta"].get("content") for chunk in chunks(answer)]


def test_chunks_of_null() -> None:
    """Content that is null is empty content in a stream, which has no null."""
    answer = collect(ChunkBuilder(CALL).finish("stop"))
    answer["choices"][0]["message"]["content"] = None

    assert {"role": "assistant", "content": ""} == chunks(answer)[0]["choices"][0]["delta"]
