import copy

import orjson
import pytest

from llms.apis.chat_completions import API
from llms.errors import UpstreamTruncatedError
from llms.records import Call
from llms.wire.accumulate import Accumulator
from llms.wire.chunks import ChunkBuilder
from llms.wire.text_block import MixedBlock, TextBlock
from tests.support.openapi import validate

USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
TOKEN = {"token": "Hi", "logprob": -0.5, "bytes": [72, 105], "top_logprobs": []}


def make_call(*, include_usage=False):
    return Call(
        id="req_0123456789abcdef01234567",
        started_at=1_700_000_000,
        api="chat.completions",
        model="demo",
        stream=True,
        body={},
        include_usage=include_usage,
    )


def make_stream(call):
    builder = ChunkBuilder(call)
    return [
        builder.reasoning("Let me see."),
        builder.content("Hi", {"content": [TOKEN], "refusal": None}),
        builder.refusal("No."),
        *builder.tool_call("call_1", "weather"),
        builder.tool_arguments('{"city"'),
        builder.tool_arguments(': "Rome"}'),
        *builder.tool_call("call_2", "time"),
        *builder.finish("tool_calls"),
        *builder.usage(USAGE),
    ]


def decode(data):
    """Give the objects of a stream's events."""
    assert data.endswith(b"\n\n")
    frames = data.split(b"\n\n")[:-1]
    return [orjson.loads(frame.removeprefix(b"data: ")) for frame in frames]


def test_one_chunk_is_one_event():
    """A client reads one line of JSON and a blank line for each chunk."""
    call = make_call()
    chunk = ChunkBuilder(call).content("Hi")

    data = API.encoder(call).feed([chunk])

    expected = (
        b'data: {"id":"chatcmpl-0123456789abcdef01234567","object":"chat.completion.chunk","created":1700000000,'
        b'"model":"demo","choices":[{"index":0,"delta":{"role":"assistant","content":"Hi"},"logprobs":null,'
        b'"finish_reason":null}]}\n\n'
    )
    assert expected == data


@pytest.mark.parametrize("include_usage", [False, True])
def test_every_chunk_fits_the_document(include_usage):
    """Text, reasoning, refusals, tool calls and usage are chunks as OpenAI documents them."""
    call = make_call(include_usage=include_usage)

    events = decode(API.encoder(call).feed(make_stream(call)))

    assert len(events) >= 8
    for event in events:
        validate("CreateChatCompletionStreamResponse", event)


def test_usage_is_left_out_unless_asked_for():
    """A client that did not ask for usage sees neither the key nor a chunk without choices."""
    call = make_call()
    stream = make_stream(call)

    events = decode(API.encoder(call).feed(stream))

    assert stream[:-1] == events
    assert all("usage" not in event for event in events)


def test_usage_is_null_until_the_last_chunk():
    """A client that asked for usage finds the key in every chunk, filled in the last, which has no choices: once."""
    call = make_call(include_usage=True)
    stream = make_stream(call)

    encoder = API.encoder(call)
    early = {**stream[-1], "usage": {**USAGE, "completion_tokens": 1}}
    events = decode(encoder.feed([early, *stream]) + encoder.close().removesuffix(b"data: [DONE]\n\n"))

    assert [{**chunk, "usage": None} for chunk in stream[:-1]] + [stream[-1]] == events
    assert [*[None] * (len(stream) - 1), USAGE] == [event["usage"] for event in events]
    assert events[-1]["choices"] == []


@pytest.mark.parametrize("include_usage", [False, True])
def test_blocks_do_not_show(include_usage):
    """The bytes are the same however the chunks arrived."""
    call = make_call(include_usage=include_usage)
    stream = make_stream(call)
    expected = API.encoder(call).feed(stream)

    for cut in range(len(stream) + 1):
        encoder = API.encoder(call)
        assert expected == encoder.feed(stream[:cut]) + encoder.feed(stream[cut:])


@pytest.mark.parametrize("include_usage", [False, True])
def test_chunks_are_left_as_they_are(include_usage):
    """What the meter or a log holds is not changed by writing it."""
    call = make_call(include_usage=include_usage)
    stream = make_stream(call)
    before = copy.deepcopy(stream)

    API.encoder(call).feed(stream)

    assert before == stream


def test_a_complete_answer_ends_in_done():
    """The last event is exactly ``data: [DONE]``."""
    assert API.encoder(make_call()).close() == b"data: [DONE]\n\n"


def test_a_failure_is_the_last_event():
    """An answer cut short ends in an error object that the official client raises."""
    data = API.encoder(make_call()).error(UpstreamTruncatedError("The provider broke off."))

    assert [
        {
            "error": {
                "message": "The provider broke off.",
                "type": "upstream_error",
                "param": None,
                "code": "upstream_truncated",
            }
        }
    ] == decode(data)
    validate("ErrorResponse", decode(data)[0])


def test_a_whole_answer_fits_the_document():
    """An answer collected from a stream is a completion as OpenAI documents it."""
    call = make_call()
    whole = Accumulator(call)
    whole.feed(make_stream(call))

    result = API.answer(call, whole.completion())

    validate("CreateChatCompletionResponse", result)
    assert whole.completion() == result


def test_required_keys_are_added_as_null():
    """A provider that left out ``refusal``, ``content`` or ``logprobs`` costs a strict client nothing."""
    completion = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "demo",
        "choices": [{"index": 0, "message": {"reasoning_content": "Hm."}, "finish_reason": "stop"}],
        "system_fingerprint": "fp",
    }
    before = copy.deepcopy(completion)

    result = API.answer(make_call(), completion)

    message = {"role": "assistant", "content": None, "refusal": None, "reasoning_content": "Hm."}
    choice = {"logprobs": None, "index": 0, "message": message, "finish_reason": "stop"}
    assert {**completion, "choices": [choice]} == result
    assert before == completion
    validate("CreateChatCompletionResponse", result)


def test_reads_a_request():
    """The name and the reader are those of chat completions."""
    asked = API.read({"model": "demo", "messages": [{"role": "user", "content": "Hi"}], "stream": True})

    assert (API.name, asked.model, asked.stream) == ("chat.completions", "demo", True)


@pytest.mark.parametrize("include_usage", [False, True])
def test_texts(include_usage):
    """A block of texts is written as its chunks would be, whatever is in them and in what they have in common."""
    call = make_call(include_usage=include_usage)
    head = {"id": "a", "object": "chat.completion.chunk", "created": 1, "model": '"content":""'}
    blocks = [
        TextBlock(head, "content", ["a"]),
        TextBlock(head, "content", ["b", ",\n  ", '",\n  "', '"content":""', "é\u2028"]),
        TextBlock({**head, "system_fingerprint": "fp_1"}, "content", ["\ud83d", "c"]),
        TextBlock(head, "reasoning_content", ["d", "e"]),
        MixedBlock([TextBlock(head, "content", ["a"]), make_stream(call), TextBlock(head, "content", ["b"])]),
    ]
    encoder, other = API.encoder(call), API.encoder(call)

    assert [other.feed(list(block)) for block in blocks] == [encoder.feed(block) for block in blocks]
