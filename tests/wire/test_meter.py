from llms.records import Call, Usage
from llms.wire.chunks import ChunkBuilder
from llms.wire.meter import Meter
from llms.wire.text_block import MixedBlock, TextBlock

CALL = Call("req_0123456789abcdef01234567", 1790000000, "chat.completions", "mine", stream=True, body={})
RAW = {
    "prompt_tokens": 5,
    "completion_tokens": 4,
    "prompt_tokens_details": {"cached_tokens": 3},
    "completion_tokens_details": {"reasoning_tokens": 2},
}


def test_stream() -> None:
    """A record knows the chunks, the finish and the tokens of a stream."""
    build, meter = ChunkBuilder(CALL), Meter()

    meter.look([build.content("a"), build.content("b")])
    meter.look([*build.finish("length"), build.content("late"), *build.usage(RAW)])

    assert (5, "length", Usage(5, 4, 3, 2)) == (meter.chunks, meter.finish_reason, meter.usage)


def test_no_usage() -> None:
    """A stream without usage has none, rather than zero."""
    build, meter = ChunkBuilder(CALL), Meter()

    meter.look([build.content("a"), {**build.content("b"), "choices": []}])

    assert (2, None, None) == (meter.chunks, meter.finish_reason, meter.usage)


def test_answer() -> None:
    """A whole answer counts the same; embeddings have tokens and no finish."""
    chat, embeddings = Meter(), Meter()

    chat.answer({"choices": [{"finish_reason": "stop"}], "usage": RAW})
    embeddings.answer({"usage": {"prompt_tokens": 7, "total_tokens": 7}})

    assert ("stop", Usage(5, 4, 3, 2)) == (chat.finish_reason, chat.usage)
    assert (None, Usage(7, 0)) == (embeddings.finish_reason, embeddings.usage)


def test_texts() -> None:
    """Of a block of texts the chunks count; it has no finish and no usage."""
    build, meter = ChunkBuilder(CALL), Meter()

    meter.look([*build.finish("length"), *build.usage(RAW)])
    meter.look(TextBlock({}, "content", ["a", "b"]))
    meter.look(MixedBlock([TextBlock({}, "content", ["c"]), [build.content("d")]]))

    assert (7, "length", Usage(5, 4, 3, 2)) == (meter.chunks, meter.finish_reason, meter.usage)
