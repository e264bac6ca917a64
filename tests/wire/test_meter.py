from llms.records import Call, Usage
from llms.wire.chunks import ChunkBuilder
from llms.wire.meter import Meter
from llms.wire.text_block import MixedBlock, TextBlock

CALL = Call("req_0123456789abcdef01234567", 1790000000, "chat.completions", "mine", stream=True, body={})
RAW = {
    "prompt_tokens": 5,
    "completion_tokens": 4,
    "prompt_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 1},
    "completion_tokens_details": {"reasoning_tokens": 2},
}


def test_stream() -> None:
    """A record knows the chunks, the finish and the tokens of a stream."""
    build, meter = ChunkBuilder(CALL), Meter()

    meter.look([build.content("a"), build.content("b")])
    meter.look([*build.finish("length"), build.content("late"), *build.usage(RAW)])

    assert (5, "length", Usage(5, 4, 3, 2, 1)) == (meter.chunks, meter.finish_reason, meter.usage)


def test_no_usage() -> None:
    """A stream without usage has none, rather than zero."""
    build, meter = ChunkBuilder(CALL), Meter()

    meter.look([build.content("a"), {**build.content("b"), "choices": []}])

    assert (2, None, None) == (meter.chunks, meter.finish_reason, meter.usage)


def test_answer() -> None:
    """A whole answer counts the same; embeddings have tokens and no finish."""
    chat, embeddings = Meter(), Meter()

    chat.answer({"choices": [{"message": {"content": None}, "finish_reason": "stop"}], "usage": RAW})
    embeddings.answer({"usage": {"prompt_tokens": 7, "total_tokens": 7}})

    assert ("stop", Usage(5, 4, 3, 2, 1)) == (chat.finish_reason, chat.usage)
    assert (None, Usage(7, 0)) == (embeddings.finish_reason, embeddings.usage)


def test_texts() -> None:
    """Of a block of texts the chunks count; it has no finish and no usage."""
    build, meter = ChunkBuilder(CALL), Meter()

    meter.look([*build.finish("length"), *build.usage(RAW)])
    meter.look(TextBlock({}, "content", ["a", "b"]))
    meter.look(MixedBlock([TextBlock({}, "content", ["c"]), [build.content("d")]]))

    assert (7, "length", Usage(5, 4, 3, 2, 1)) == (meter.chunks, meter.finish_reason, meter.usage)


def test_seen_bytes() -> None:
    """Of a stream all text counts that was seen, as UTF-8: what was answered, reasoned, refused and asked of tools."""
    build, meter = ChunkBuilder(CALL), Meter()

    meter.look(TextBlock({}, "content", ["ab", "ç", "日本"]))
    meter.look(MixedBlock([TextBlock({}, "reasoning_content", ["c"]), [build.content("d"), build.refusal("é")]]))
    meter.look(build.tool_call("id", "find", '{"a":'))
    meter.look([build.tool_arguments("1}"), *build.finish("tool_calls"), *build.usage(RAW)])

    assert (2 + 2 + 6) + (1 + 1 + 2) + (4 + 5) + 2 == meter.seen_bytes


def test_seen_bytes_of_choices() -> None:
    """Every choice counts."""
    meter = Meter()
    choices = [{"index": i, "delta": {"content": "abc"}, "finish_reason": None} for i in range(3)]

    meter.look([{"choices": choices}])

    assert 9 == meter.seen_bytes


def test_seen_bytes_of_an_answer() -> None:
    """A whole answer is looked into, whether its tokens were counted or not: they may be unbelievable."""
    call = {"function": {"name": "f", "arguments": "{}"}}
    message = {
        "content": "abc",
        "reasoning_content": "d",
        "refusal": None,
        "tool_calls": [call, {"custom": {"name": "g", "input": "é"}}],
    }
    choice = {"message": message, "finish_reason": "stop"}
    counted, other = Meter(), Meter()

    counted.answer({"choices": [choice], "usage": RAW})
    other.answer({"choices": [choice, choice]})
    other.answer({"data": []})

    assert (10, 20) == (counted.seen_bytes, other.seen_bytes)
