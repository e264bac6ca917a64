"""What the client gets for answers that are not as they should be: failures, odd lines, wrong shapes."""

import json
import re
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llms.errors import (
    GatewayError,
    ModelNotFoundError,
    RateLimitedError,
    Retry,
    UpstreamAuthError,
    UpstreamBadResponseError,
    UpstreamEventTooLargeError,
    UpstreamFailedError,
    UpstreamOverloadedError,
    UpstreamRefusedError,
    UpstreamTruncatedError,
)
from llms.providers.ollama_codec import Codec
from llms.records import Block, Call, Model, Target

CODEC = Codec("ollama", "http://127.0.0.1:11434", "sesame-secret")
CALL = Call("req_1", 7, "chat.completions", "small", stream=True, body={"input": ["a", "b"]})
TARGET = Target("ollama", "llama3.2:latest")
DONE = b'{"done":true,"done_reason":"stop"}\n'


def failure(status: int, text: object, headers: dict[str, str] | None = None) -> GatewayError:
    return CODEC.failure(status, headers or {}, json.dumps({"error": text}).encode(), CALL, TARGET)


def read(data: bytes) -> Block:
    decoder = CODEC.decoder(CALL, TARGET)
    return decoder.feed(data) + decoder.close()


def line(**message: Any) -> bytes:
    return json.dumps({"message": message}).encode() + b"\n"


@pytest.mark.parametrize(
    ("status", "text", "kind", "answered", "code"),
    [
        (400, "invalid options", UpstreamRefusedError, 400, "invalid_value"),
        (400, '"llama3.2" does not support thinking', UpstreamRefusedError, 400, "unsupported_value"),
        (400, 'invalid think value: "max"', UpstreamRefusedError, 400, "unsupported_value"),
        (400, "the input length exceeds the context length", UpstreamRefusedError, 400, "context_length_exceeded"),
        (413, "", UpstreamRefusedError, 413, "invalid_value"),
        (401, "unauthorized", UpstreamAuthError, 502, "upstream_auth_error"),
        (403, "cloud is disabled", UpstreamAuthError, 502, "upstream_auth_error"),
        (404, "model 'llama3.2' not found", ModelNotFoundError, 404, "model_not_found"),
        (429, "weekly limit reached", RateLimitedError, 429, "rate_limit_exceeded"),
        (499, "request cancelled", UpstreamFailedError, 502, "upstream_error"),
        (
            500,
            "prompt too long; exceeded max context length by 4",
            UpstreamRefusedError,
            400,
            "context_length_exceeded",
        ),
        (500, "the request exceeds the available context size", UpstreamRefusedError, 400, "context_length_exceeded"),
        (500, 'option "stop" must be of type array', UpstreamRefusedError, 400, "invalid_value"),
        (500, "llama runner process has terminated", UpstreamFailedError, 502, "upstream_error"),
        (500, "prompt eval exceeded: context deadline exceeded", UpstreamFailedError, 502, "upstream_error"),
        (502, "", UpstreamFailedError, 502, "upstream_error"),
        (503, "server busy, please try again", UpstreamOverloadedError, 503, "overloaded"),
        (529, "", UpstreamOverloadedError, 503, "overloaded"),
    ],
)
def test_a_bad_status(status: int, text: str, kind: type[GatewayError], answered: int, code: str) -> None:
    """Each failure is told for what it is: the client's to mend, the provider's, or one that passes (checks 11, 55)."""
    result = failure(status, text)

    assert (kind, answered, code) == (type(result), result.http_status(), result.code)
    assert result.message


def test_who_may_try_again() -> None:
    """What the client has to mend is not tried elsewhere; a failed provider, or one without the model, is."""
    assert Retry.NEVER == failure(500, "exceeds the context window").retry
    assert Retry.ELSEWHERE == failure(404, "not found").retry
    assert Retry.REJECT == failure(500, "out of memory").retry
    assert Retry.REJECT == failure(503, "busy").retry


@pytest.mark.parametrize(
    ("status", "header", "expected"),
    [
        (503, None, 2.0),
        (503, "0", 0.0),
        (503, "30", 30.0),
        (429, None, None),
        (429, "1.5", 1.5),
        (429, "-3", 0.0),
        (429, "1e9", 600.0),
        (429, "nan", None),
        (429, "soon", None),
    ],
)
def test_when_to_try_again(status: int, header: str | None, expected: float | None) -> None:
    """The provider's word is taken within reason; a full queue without one is worth two seconds."""
    result = failure(status, "busy", {} if header is None else {"retry-after": header})

    assert expected == result.retry_after_s


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    "headers",
    [
        {"retry-after-ms": "2500", "retry-after": "30"},
        {"date": "Fri, 20 Nov 2026 10:00:00 GMT", "retry-after": "Fri, 20 Nov 2026 10:00:02 GMT"},
    ],
)
def test_other_ways_to_say_when(status: int, headers: dict[str, str]) -> None:
    """A proxy before Ollama may say it in milliseconds, or as a date."""
    expected = 2.5 if "retry-after-ms" in headers else 2.0

    assert expected == failure(status, "busy", headers).retry_after_s


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('registry.ollama.ai/library/llama3.2:latest is "llama3.2"', 'registry.ollama.ai/library/small is "small"'),
        ("xllama3.2 llama3.25", "xllama3.2 llama3.25"),
        ("dial 10.0.0.5:8080 with sesame-secret", "dial [address] with [key]"),
        ({"message": "as OpenAI has it"}, "as OpenAI has it"),
    ],
)
def test_words_are_fit_for_the_client(text: object, expected: str) -> None:
    """The client reads its own name for the model, no key and no address."""
    assert expected == failure(500, text).message


def test_the_option_to_blame_is_named() -> None:
    """An option of the wrong type is named as the client wrote it."""
    assert "top_k" == failure(500, 'option "top_k" must be of type integer').param


def test_a_model_is_named_as_the_client_did() -> None:
    """Where both names are the same nothing is replaced, and a missing model is named."""
    same = Target("ollama", "small")

    result = CODEC.failure(404, {}, b'{"error":"model \\"small\\" not found"}', CALL, same)

    assert "The provider does not have the model 'small'. Pull it first, or choose another." == result.message
    assert "small failed" == CODEC.failure(500, {}, b'{"error":"small failed"}', CALL, same).message


@pytest.mark.parametrize("body", [b"", b"<html>sesame</html>", b"[]", b'"x"', b'{"error":5}', b'{"detail":"x"}'])
def test_a_strange_body_is_not_shown(body: bytes) -> None:
    """Only Ollama's own words are passed on."""
    assert "The provider failed with status 502." == CODEC.failure(502, {}, body, CALL, TARGET).message
    assert "The provider refused the request with status 400." == CODEC.failure(400, {}, body, CALL, TARGET).message


def test_a_list_of_models_that_is_refused() -> None:
    """A failure without a call is about the configuration."""
    result = CODEC.failure(404, {}, b"404 page not found", None, None)

    assert UpstreamBadResponseError is type(result)
    assert "The provider refused to list its models, with status 404. Check its base_url." == result.message


@pytest.mark.parametrize(
    "data",
    [
        b"\n\r\n" + line(content="a\u2028b") + DONE,
        line(content="a\u2028b").replace(b"\n", b"\r\n") + DONE.replace(b"\n", b"\r\n"),
        b"\xef\xbb\xbf" + line(content="a\u2028b") + DONE.strip(),
        line(content="a\u2028b", thinking=None, tool_calls=None, images=None)
        + b'{"status":"x"}\n'
        + DONE
        + b"{garbage",
        line(content="a\u2028b") + DONE + line(content="late") + DONE,
    ],
)
def test_odd_but_readable_streams(data: bytes) -> None:
    """Blank lines, CRLF, a BOM, a missing last newline and anything after the end change nothing (check 15)."""
    assert read(line(content="a\u2028b") + DONE) == read(data)


def test_a_line_of_two_megabytes() -> None:
    """One long line is one chunk (check 15)."""
    block = read(line(content="x" * (2 << 20)) + DONE)

    assert 2 << 20 == len(block[0]["choices"][0]["delta"]["content"])


def test_a_line_without_end() -> None:
    """A line over the limit ends the answer instead of filling the memory (U34)."""
    decoder = CODEC.decoder(CALL, TARGET)

    for _ in range(4):
        assert [] == decoder.feed(b"x" * (1 << 20))
    with pytest.raises(UpstreamEventTooLargeError):
        decoder.feed(b"x")

    assert decoder.done


def test_bytes_that_are_no_utf8() -> None:
    """Broken bytes become U+FFFD, half an emoji is kept for its other half (U29, U30)."""
    block = read(b'{"message":{"content":"\xff"}}\n{"message":{"content":"\\ud83d"}}\n' + DONE)

    assert ["\ufffd", "\ud83d"] == [chunk["choices"][0]["delta"]["content"] for chunk in block[:2]]


def test_arguments_are_always_text() -> None:
    """Arguments as an object, as text, or none at all reach the client as text (check 9)."""
    given: list[Any] = [{"a": [1, "é"]}, '{"b":2}', "", {}, None]

    block = read(line(tool_calls=[{"function": {"name": "f", "arguments": item}} for item in given]) + DONE)

    entries = [
        entry for chunk in block for choice in chunk["choices"] for entry in choice["delta"].get("tool_calls", ())
    ]
    assert ['{"a":[1,"é"]}', '{"b":2}', "{}", "{}", "{}"] == [entry["function"]["arguments"] for entry in entries]
    assert "tool_calls" == block[-1]["choices"][0]["finish_reason"]


@pytest.mark.parametrize(
    "raw", [5, [], ["x"], [{"token": 1}], [{"token": "x", "logprob": "0"}], [{"token": "x", "logprob": None}]]
)
def test_logprobs_that_cannot_be_believed(raw: object) -> None:
    """The answer is worth more than its logprobs."""
    data = json.dumps({"message": {"content": "a"}, "logprobs": raw}).encode() + b"\n" + DONE

    assert read(line(content="a") + DONE) == read(data)


def test_logprobs_of_reasoning() -> None:
    """Logprobs are those of the answer; OpenAI has no place for those of the reasoning."""
    data = json.dumps({"message": {"thinking": "a"}, "logprobs": [{"token": "a", "logprob": 0}]}).encode() + b"\n"

    assert read(line(thinking="a") + DONE) == read(data + DONE)


@pytest.mark.parametrize("count", ['"5"', "-1", "1e18", "0.5", "[1]"])
def test_usage_that_cannot_be_believed(count: str) -> None:
    """Counts that are none do not reach a budget (U69)."""
    block = read(b'{"done":true,"eval_count":' + count.encode() + b"}\n")

    assert [] == [chunk for chunk in block if "usage" in chunk]


@pytest.mark.parametrize(
    "data",
    [
        b"{oops}\n",
        b"[]\n",
        b"null\n",
        b"5\n",
        b'{"message":"x"}\n',
        line(content=5),
        line(content=["x"]),
        line(thinking={}),
        line(tool_calls={}),
        line(tool_calls=["x"]),
        line(tool_calls=[{"function": None}]),
        line(tool_calls=[{"function": {"name": ""}}]),
        line(tool_calls=[{"function": {"name": "f", "arguments": [1]}}]),
        line(tool_calls=[{"function": {"name": "f", "arguments": 1}}]),
    ],
)
def test_lines_that_cannot_be_read(data: bytes) -> None:
    """A line that makes no sense ends the answer with an error, after what came before it (U31, U32)."""
    with pytest.raises(UpstreamBadResponseError):
        read(data + DONE)

    decoder = CODEC.decoder(CALL, TARGET)
    assert "a" == decoder.feed(line(content="a") + data + DONE)[0]["choices"][0]["delta"]["content"]
    assert decoder.done
    with pytest.raises(UpstreamBadResponseError):
        decoder.close()


@pytest.mark.parametrize(
    "rest", [b"", b"\n", b'{"message":{"content":"b"}', b'{"done":true,"done_reason":"st', b"\xf0"]
)
def test_an_answer_cut_short(rest: bytes) -> None:
    """Wherever the connection ends before the last line does, the answer counts as cut short (check 13)."""
    decoder = CODEC.decoder(CALL, TARGET)
    decoder.feed(line(content="a") + rest)

    with pytest.raises(UpstreamTruncatedError):
        decoder.close()


def test_arguments_too_deep_to_write() -> None:
    """Arguments that can be read but not written are an error, not a crash."""
    deep: dict[str, Any] = {}
    for _ in range(200_000):
        deep = {"a": deep}

    with pytest.raises(UpstreamBadResponseError, match="nested too deeply"):
        CODEC.decoder(CALL, TARGET).take({"message": {"tool_calls": [{"function": {"name": "f", "arguments": deep}}]}})


@pytest.mark.parametrize("error", ["out of memory", {"message": "out of memory"}])
def test_an_error_line(error: object) -> None:
    """An error in mid-stream is told in Ollama's words (checks 12, 56)."""
    with pytest.raises(UpstreamFailedError, match=r"^out of memory$") as caught:
        read(json.dumps({"error": error}).encode() + b"\n")

    assert ("upstream_error", "upstream_error") == (caught.value.type, caught.value.code)


def test_an_error_line_without_words() -> None:
    """An error that says nothing is an error still."""
    with pytest.raises(UpstreamFailedError, match="in the middle of the answer"):
        read(b'{"error":true}\n')


def test_no_tool_call_is_finished_as_one_where_the_limit_was_met() -> None:
    """An answer cut by the limit says so, tool call or not."""
    block = read(line(tool_calls=[{"function": {"name": "f"}}]) + b'{"done":true,"done_reason":"length"}\n')

    assert "length" == block[-1]["choices"][0]["finish_reason"]


@settings(deadline=None, max_examples=200)
@given(data=st.binary(max_size=200) | st.lists(st.sampled_from([*DONE, *line(content="é")])).map(bytes))
def test_no_bytes_break_the_decoder(data: bytes) -> None:
    """Whatever an upstream sends, the end is an answer or one of our errors."""
    with suppress(GatewayError):
        assert "stop" == read(data)[-2]["choices"][0]["finish_reason"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"done":true,"message":5}'])
def test_a_whole_answer_that_cannot_be_read(body: bytes) -> None:
    """One object where it makes no sense is an error (U49)."""
    with pytest.raises(UpstreamBadResponseError):
        CODEC.completion(CALL, TARGET, body)


def test_a_whole_answer_that_is_not_done() -> None:
    """One object without an end is an answer cut short."""
    with pytest.raises(UpstreamTruncatedError):
        CODEC.completion(CALL, TARGET, line(content="a"))


@pytest.mark.parametrize(
    ("count", "tokens"), [(b"", 0), (b',"prompt_eval_count":4', 4), (b',"prompt_eval_count":"x"', 0)]
)
def test_embeddings(count: bytes, tokens: int) -> None:
    """The vectors come in the order of the input, with the tokens counted where Ollama counts them (check 45)."""
    answer = CODEC.embeddings(CALL, TARGET, b'{"model":"m","embeddings":[[0.5,1],[2.0,-1]]' + count + b"}")

    assert {
        "object": "list",
        "data": [
            {"object": "embedding", "index": 0, "embedding": [0.5, 1]},
            {"object": "embedding", "index": 1, "embedding": [2.0, -1]},
        ],
        "model": "small",
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    } == answer


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"embeddings":[]}',
        b'{"embeddings":[[1.0]]}',
        b'{"embeddings":[[1.0],[]]}',
        b'{"embeddings":[[1.0],[null]]}',
        b'{"embeddings":[[1.0],"AAAA"]}',
        b'{"embeddings":[[1.0],[true]]}',
        b'{"embeddings":{"a":1}}',
    ],
)
def test_embeddings_that_cannot_be_read(body: bytes) -> None:
    """Anything but one vector for each input is an error, never an empty list."""
    with pytest.raises(UpstreamBadResponseError):
        CODEC.embeddings(CALL, TARGET, body)


def test_embeddings_that_failed() -> None:
    """An error under status 200 is an error."""
    with pytest.raises(UpstreamFailedError, match="no vectors today"):
        CODEC.embeddings(CALL, TARGET, b'{"error":"no vectors today"}')


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}", b'{"models":{}}', b'{"models":null}'])
def test_a_list_of_models_that_cannot_be_read(body: bytes) -> None:
    """A server that is no Ollama is found out."""
    with pytest.raises(UpstreamBadResponseError):
        CODEC.models(body)


def test_a_list_of_models_with_gaps() -> None:
    """Entries that name nothing are left out; a time that is none is not shown."""
    body = b'{"models":[1,{},{"name":5},{"name":"a","modified_at":"soon","details":5},{"name":"b:1b","modified_at":3}]}'

    assert [Model("a", "ollama"), Model("b:1b", "ollama")] == CODEC.models(body)


def test_an_id_that_is_too_long_to_keep() -> None:
    """An id that is no id is replaced, since ids are kept for the length of the answer (U70)."""
    calls = [{"id": "x" * size, "function": {"name": "f", "arguments": {}}} for size in (256, 257)]

    block = read(line(tool_calls=calls) + DONE)

    ids = [
        call["id"] for chunk in block for choice in chunk["choices"] for call in choice["delta"].get("tool_calls", ())
    ]
    assert "x" * 256 == ids[0]
    assert re.fullmatch(r"call_[0-9a-f]{24}", ids[1])
