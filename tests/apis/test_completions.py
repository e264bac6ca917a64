import copy

import orjson
import pytest

from llms.apis.completions import API
from llms.errors import InvalidRequestError, UpstreamTruncatedError
from llms.records import Call
from llms.wire.accumulate import Accumulator
from llms.wire.chunks import ChunkBuilder
from tests.support.openapi import validate

USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
HEAD = {"id": "cmpl-0123456789abcdef01234567", "object": "text_completion", "created": 1_700_000_000, "model": "demo"}


def make_call(*, include_usage=False):
    return Call(
        id="req_0123456789abcdef01234567",
        started_at=1_700_000_000,
        api="completions",
        model="demo",
        stream=True,
        body={},
        include_usage=include_usage,
    )


def token(text, logprob, **top):
    alternatives = [{"token": name, "logprob": value, "bytes": None} for name, value in top.items()]
    return {"token": text, "logprob": logprob, "bytes": None, "top_logprobs": alternatives}


def choice(text, index=0, logprobs=None, finish_reason=None):
    return {"text": text, "index": index, "logprobs": logprobs, "finish_reason": finish_reason}


def make_stream(call):
    builder = ChunkBuilder(call)
    return [
        builder.reasoning("Let me see."),
        builder.content("Hi", {"content": [token("H", -0.5, H=-0.5, J=-1.5), token("i", -0.25)], "refusal": None}),
        builder.content(""),
        builder.content(" there", {"content": [token(" there", -2, here=-0.5)], "refusal": None}),
        *builder.finish("stop"),
        *builder.usage(USAGE),
    ]


def decode(data):
    """Give the objects of a stream's events."""
    frames = data.split(b"\n\n")
    assert frames.pop() == b""
    return [orjson.loads(frame.removeprefix(b"data: ")) for frame in frames]


@pytest.mark.parametrize("prompt", ["Say hi", ["Say hi"]])
def test_the_prompt_becomes_the_message_of_a_user(prompt):
    """A text, or a list of one, is what the model is asked."""
    asked = API.read({"model": "demo", "prompt": prompt, "max_tokens": 5})

    assert API.name == "completions"
    assert (asked.model, asked.stream, asked.include_usage) == ("demo", False, False)
    assert {"messages": [{"role": "user", "content": "Say hi"}], "max_tokens": 5} == asked.body


def test_fields_that_both_apis_have_are_kept():
    """Sampling, stops, seeds and fields of one service reach the provider; what asks for nothing is dropped."""
    same = {
        "max_tokens": 7,
        "temperature": 0.5,
        "top_p": 0.9,
        "n": 2,
        "stop": ["\n"],
        "seed": 1,
        "logit_bias": {"50256": -100},
        "frequency_penalty": 0.1,
        "presence_penalty": 0.2,
        "user": "u",
        "top_k": 40,
    }
    nothing = {"echo": False, "suffix": "", "best_of": 1, "logprobs": None, "tools": [], "messages": None}

    asked = API.read({"model": "demo", "prompt": "", **same, **nothing})

    assert {"messages": [{"role": "user", "content": ""}], **same} == asked.body


def test_a_stream_may_be_asked_for_with_usage():
    """``stream`` and ``stream_options`` mean what they mean in chat completions."""
    asked = API.read({"model": "demo", "prompt": "Hi", "stream": True, "stream_options": {"include_usage": True}})

    assert (asked.stream, asked.include_usage) == (True, True)
    assert {"messages", "max_tokens"} == asked.body.keys()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {"max_tokens": 16}),
        ({"max_tokens": None}, {"max_tokens": 16}),
        ({"max_tokens": 100}, {"max_tokens": 100}),
        ({"max_tokens": -1}, {}),
        ({"max_completion_tokens": 100}, {"max_completion_tokens": 100}),
    ],
)
def test_sixteen_tokens_unless_the_request_says_otherwise(given, expected):
    """The documented default holds for who asks for nothing."""
    asked = API.read({"model": "demo", "prompt": "Hi", **given})

    assert expected == {name: value for name, value in asked.body.items() if name != "messages"}


@pytest.mark.parametrize("count", [0, 5])
def test_logprobs_are_asked_for_in_the_chat_form(count):
    """A number of alternatives is a flag and a number there."""
    asked = API.read({"model": "demo", "prompt": "Hi", "logprobs": count})

    assert (True, count) == (asked.body["logprobs"], asked.body["top_logprobs"])


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ({"prompt": None}, "prompt", "missing_required_parameter"),
        ({"prompt": []}, "prompt", "missing_required_parameter"),
        ({"prompt": ["a", "b"]}, "prompt", "unsupported_parameter"),
        ({"prompt": [1, 2]}, "prompt", "unsupported_parameter"),
        ({"prompt": [[1, 2]]}, "prompt", "unsupported_parameter"),
        ({"prompt": {"text": "Hi"}}, "prompt", "invalid_value"),
        ({"prompt": [None]}, "prompt", "invalid_value"),
        ({"prompt": 5}, "prompt", "invalid_value"),
        ({"echo": True}, "echo", "unsupported_parameter"),
        ({"echo": "yes"}, "echo", "invalid_value"),
        ({"suffix": "}"}, "suffix", "unsupported_parameter"),
        ({"best_of": 2}, "best_of", "unsupported_parameter"),
        ({"best_of": 21}, "best_of", "invalid_value"),
        ({"logprobs": 6}, "logprobs", "invalid_value"),
        ({"logprobs": True}, "logprobs", "invalid_value"),
        ({"max_tokens": 0}, "max_tokens", "unsupported_parameter"),
        ({"max_tokens": "5"}, "max_tokens", "invalid_value"),
        ({"temperature": 3}, "temperature", "invalid_value"),
        ({"messages": [{"role": "user", "content": "Hi"}]}, "messages", "unsupported_parameter"),
        ({"tools": [{"type": "function"}]}, "tools", "unsupported_parameter"),
        ({"model": None}, "model", "missing_required_parameter"),
    ],
)
def test_refuses_what_cannot_be_served(body, param, code):
    """Bad input, and what a chat model cannot do, is a 400 that names the field."""
    with pytest.raises(InvalidRequestError) as caught:
        API.read({"model": "demo", "prompt": "Hi", **body})

    assert (caught.value.http_status(), caught.value.param, caught.value.code) == (400, param, code)
    validate("ErrorResponse", caught.value.body())


def test_the_request_is_not_changed():
    """What was read can be read again."""
    body = {"model": "demo", "prompt": ["Hi"], "logprobs": 1, "max_tokens": None}
    before = copy.deepcopy(body)

    API.read(body)

    assert before == body


def test_a_stream_of_text():
    """Text, its log probabilities and the end are events; a role and reasoning are none."""
    call = make_call()

    events = decode(API.encoder(call).feed(make_stream(call)))

    first = {
        "tokens": ["H", "i"],
        "token_logprobs": [-0.5, -0.25],
        "top_logprobs": [{"H": -0.5, "J": -1.5}, {"i": -0.25}],
        "text_offset": [0, 1],
    }
    second = {
        "tokens": [" there"],
        "token_logprobs": [-2],
        "top_logprobs": [{" there": -2, "here": -0.5}],
        "text_offset": [2],
    }
    assert [
        {**HEAD, "choices": [choice("Hi", logprobs=first)]},
        {**HEAD, "choices": [choice(" there", logprobs=second)]},
        {**HEAD, "choices": [choice("", finish_reason="stop")]},
    ] == events


@pytest.mark.parametrize("include_usage", [False, True])
def test_every_event_fits_the_document(include_usage):
    """Streamed and whole answers have one shape."""
    call = make_call(include_usage=include_usage)

    for event in decode(API.encoder(call).feed(make_stream(call))):
        validate("CreateCompletionResponse", event)


def test_usage_is_null_until_the_last_event():
    """A client that asked for usage finds it as in chat completions."""
    call = make_call(include_usage=True)

    encoder = API.encoder(call)
    stream = make_stream(call)
    early = {**stream[-1], "usage": {**USAGE, "completion_tokens": 1}}
    events = decode(encoder.feed([early, *stream]) + encoder.close().removesuffix(b"data: [DONE]\n\n"))

    assert [None, None, None, USAGE] == [event["usage"] for event in events]
    assert {**HEAD, "choices": [], "usage": USAGE} == events[-1]


@pytest.mark.parametrize("include_usage", [False, True])
def test_blocks_do_not_show(include_usage):
    """The bytes are the same however the chunks arrived."""
    call = make_call(include_usage=include_usage)
    stream = make_stream(call)
    before = copy.deepcopy(stream)
    expected = API.encoder(call).feed(stream)

    for cut in range(len(stream) + 1):
        encoder = API.encoder(call)
        assert expected == encoder.feed(stream[:cut]) + encoder.feed(stream[cut:])
    assert before == stream


def test_each_choice_has_its_own_offsets():
    """Of two answers each counts its own characters; a chunk for both gives an event for who has something to say."""

    def chunk(*choices):
        return {
            "choices": [
                {
                    "index": index,
                    "delta": {"role": "assistant", "content": text},
                    "logprobs": {"content": [token(text, -1)] if text else [], "refusal": None},
                    "finish_reason": None,
                }
                for index, text in choices
            ]
        }

    events = decode(API.encoder(make_call()).feed([chunk((0, "abc"), (1, "")), chunk((1, "d")), chunk((0, "e"))]))

    offsets = [[(item["index"], item["logprobs"]["text_offset"]) for item in event["choices"]] for event in events]
    assert [[(0, [0])], [(1, [0])], [(0, [3])]] == offsets


def test_a_token_without_text_keeps_its_log_probability():
    """Part of a character is a token too; its text comes with the next one."""
    call = make_call()
    chunk = ChunkBuilder(call).content("", {"content": [token("\\xf0", -1)], "refusal": None})

    events = decode(API.encoder(call).feed([chunk]))

    assert [("", ["\\xf0"])] == [(item["text"], item["logprobs"]["tokens"]) for item in events[0]["choices"]]


@pytest.mark.parametrize(
    ("chat", "legacy"),
    [
        ("stop", "stop"),
        ("length", "length"),
        ("content_filter", "content_filter"),
        ("tool_calls", "stop"),
        ("function_call", "stop"),
    ],
)
def test_finish_reasons_are_those_of_the_legacy_api(chat, legacy):
    """An answer ends in one of three ways, streamed or whole."""
    call = make_call()
    stream = ChunkBuilder(call).finish(chat)
    stream[-1]["choices"][0]["finish_reason"] = chat
    whole = Accumulator(call)
    whole.feed(stream)

    events = decode(API.encoder(call).feed(stream))
    result = API.answer(call, whole.completion())

    assert [{**HEAD, "choices": [choice("", finish_reason=legacy)]}] == events
    assert {**HEAD, "choices": [choice("", finish_reason=legacy)]} == result
    validate("CreateCompletionResponse", result)


def test_a_refusal_is_text():
    """The client sees why there is no answer."""
    call = make_call()
    builder = ChunkBuilder(call)
    stream = [builder.refusal("I must "), builder.refusal("not."), *builder.finish("stop")]
    stream[1]["choices"][0]["logprobs"] = {"content": None, "refusal": [token("not.", -1)]}
    whole = Accumulator(call)
    whole.feed(stream)

    events = decode(API.encoder(call).feed(stream))

    assert "I must not." == "".join(event["choices"][0]["text"] for event in events)
    assert [["not."]] == [item["tokens"] for event in events if (item := event["choices"][0]["logprobs"])]
    assert "I must not." == API.answer(call, whole.completion())["choices"][0]["text"]


def test_a_whole_answer():
    """It is the sum of the stream, and fits the document."""
    call = make_call()
    whole = Accumulator(call)
    whole.feed(make_stream(call))

    result = API.answer(call, whole.completion())

    logprobs = {
        "tokens": ["H", "i", " there"],
        "token_logprobs": [-0.5, -0.25, -2],
        "top_logprobs": [{"H": -0.5, "J": -1.5}, {"i": -0.25}, {" there": -2, "here": -0.5}],
        "text_offset": [0, 1, 2],
    }
    expected = {**HEAD, "choices": [choice("Hi there", logprobs=logprobs, finish_reason="stop")], "usage": USAGE}
    assert expected == result
    validate("CreateCompletionResponse", result)


def test_a_complete_answer_ends_in_done():
    """The last event is exactly ``data: [DONE]``."""
    assert API.encoder(make_call()).close() == b"data: [DONE]\n\n"


def test_a_failure_is_the_last_event():
    """An answer cut short ends in an error object."""
    failure = UpstreamTruncatedError("The provider broke off.")

    assert [failure.body()] == decode(API.encoder(make_call()).error(failure))
