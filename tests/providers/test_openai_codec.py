import json
from collections.abc import Mapping
from typing import Any

import pytest

from llms import __version__
from llms.errors import (
    GatewayError,
    ModelNotFoundError,
    RateLimitedError,
    UpstreamAuthError,
    UpstreamBadResponseError,
    UpstreamFailedError,
    UpstreamOverloadedError,
    UpstreamRefusedError,
)
from llms.providers.openai_codec import Codec, Service
from llms.providers.presets import Dialect
from llms.records import Block, Call, Model, Target
from llms.wire.accumulate import Accumulator
from llms.wire.think import ThinkTags

CALL = Call("req_0123456789abcdef01234567", 1790000000, "chat.completions", "mine", stream=True, body={})
TARGET = Target("acme", "vendor/upstream-1")
SERVICE = Service(
    "acme", "https://api.acme.test/v1", {"Authorization": "Bearer hunter2"}, "$ACME_API_KEY", ("hunter2",)
)
CODEC = Codec(SERVICE)


def asked(body: Mapping[str, Any], *, stream: bool = True) -> Call:
    return Call(CALL.id, CALL.started_at, CALL.api, CALL.model, stream=stream, body=body)


def read(*reads: bytes) -> Block:
    decoder = CODEC.decoder(CALL, TARGET)
    return [chunk for data in reads for chunk in decoder.feed(data)] + decoder.close()


def event(delta: dict[str, Any], finish: str | None = None) -> bytes:
    return b"data: %s\n\n" % json.dumps({"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}).encode()


@pytest.mark.parametrize(("stream", "accept"), [(True, "text/event-stream"), (False, "application/json")])
def test_chat_request(accept: str, *, stream: bool) -> None:
    """A chat goes to /chat/completions with the key, as itself and uncompressed."""
    request = CODEC.chat(asked({"messages": []}, stream=stream), TARGET)

    assert ("POST", "https://api.acme.test/v1/chat/completions") == (request.method, request.url)
    assert {
        "Accept": accept,
        "Accept-Encoding": "identity",
        "Authorization": "Bearer hunter2",
        "Content-Type": "application/json",
        "User-Agent": f"llms/{__version__}",
    } == request.headers
    assert "hunter2" not in repr(request) + repr(SERVICE)


def test_embed_request() -> None:
    """Embeddings go to /embeddings as they were asked for."""
    request = Codec(Service("acme", "http://a/v1", drop=("user",))).embed(asked({"input": "a", "user": "u"}), TARGET)

    assert ("http://a/v1/embeddings", b'{"model":"vendor/upstream-1","input":"a"}') == (request.url, request.body)


def test_models_request() -> None:
    """The list of models is asked for without a body."""
    request = CODEC.list_models()

    assert ("GET", "https://api.acme.test/v1/models", None) == (request.method, request.url, request.body)
    assert "Content-Type" not in request.headers


def test_message_of_no_shape() -> None:
    """Messages that are no objects are the provider's to refuse."""
    request = CODEC.chat(asked({"messages": ["hi", None], "max_tokens": 1}), TARGET)
    odd = CODEC.chat(asked({"messages": "hi"}), TARGET)

    assert (["hi", None], "hi") == tuple(json.loads(sent.body or b"")["messages"] for sent in (request, odd))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {}),
        ({"max_tokens": 5}, {"max_completion_tokens": 5}),
        ({"max_completion_tokens": 5}, {"max_completion_tokens": 5}),
        ({"max_tokens": 5, "max_completion_tokens": 6}, {"max_completion_tokens": 5}),
        ({"max_tokens": "x", "max_completion_tokens": 6}, {"max_completion_tokens": "x"}),
    ],
)
def test_max_tokens(given: dict[str, Any], expected: dict[str, Any]) -> None:
    """Check 33: a service that knows one name for the limit gets the smaller of the two under it."""
    codec = Codec(Service("acme", "http://a/v1", dialect=Dialect(max_tokens_field="max_completion_tokens")))

    body = json.loads(codec.chat(asked(given), TARGET).body or b"")

    assert expected == {name: value for name, value in body.items() if name.startswith("max_")}


def test_stops_at_done() -> None:
    """U17, U18: at [DONE] nothing more is read, whatever follows and however often it is said."""
    decoder = CODEC.decoder(CALL, TARGET)

    block = decoder.feed(event({"content": "a"}, "stop") + b"data:[DONE] x\n\ndata: [DONE]\n\ndata: {\n\n")

    assert (2, True, [], []) == (len(block), decoder.done, decoder.feed(b"data: {\n\n"), decoder.close())


@pytest.mark.parametrize(
    ("data", "kind", "message"),
    [
        (b"data: {\n\n", UpstreamBadResponseError, "The provider sent something that is not JSON."),
        (b'data: {"error":{"message":"vendor/upstream-1 hunter2"}}\n\n', UpstreamFailedError, "mine [key]"),
        (b"event: error\ndata: out of memory\n\n", UpstreamFailedError, "out of memory"),
        (b'event: error\ndata: {"message":"m"}\n\n', UpstreamFailedError, "m"),
        (b'event: error\ndata: {"error":{"message":"m"}}\n\n', UpstreamFailedError, "m"),
        (b"event: error\ndata: 5\n\n", UpstreamFailedError, "The provider failed and did not say why."),
        (b'data: {"error":{"code":401}}\n\n', UpstreamAuthError, "The provider refused the gateway's key, or what it may do with it."),
    ],
)  # fmt: skip
def test_error_in_stream(data: bytes, kind: type[GatewayError], message: str) -> None:
    """U31, U37: an error ends the stream after the chunks that came before it, though one read held both."""
    decoder = CODEC.decoder(CALL, TARGET)

    block = decoder.feed(event({"content": "a"}) + data + event({"content": "b"}))

    assert (1, True, []) == (len(block), decoder.done, decoder.feed(event({"content": "c"})))
    with pytest.raises(kind) as caught:
        decoder.close()
    assert message == caught.value.message


def test_error_first() -> None:
    """U38: an error before any chunk is raised at once, so that another target can be tried."""
    with pytest.raises(UpstreamOverloadedError):
        CODEC.decoder(CALL, TARGET).feed(b'data: {"error":{"type":"overloaded_error"}}\n\n')


def test_error_with_text() -> None:
    """Text in the chunk that says the answer broke off comes before the error."""
    decoder = CODEC.decoder(CALL, TARGET)
    decoder.feed(event({"content": "a"}))

    with pytest.raises(UpstreamFailedError):
        decoder.feed(event({}, "error"))


def test_ping() -> None:
    """U26: a ping is none of the client's business, whatever it holds."""
    assert 2 == len(read(b"event: ping\ndata: ping\n\n", event({"content": "a"}, "stop")))


def test_event_too_large() -> None:
    """U33: an event over 4 MiB is an error."""
    with pytest.raises(GatewayError) as caught:
        read(b"data: " + b"x" * (4 << 20))

    assert "upstream_event_too_large" == caught.value.code


def test_large_event() -> None:
    """Check 15: an event of 2 MB is not."""
    text = "x" * 2_000_000

    assert text == read(event({"content": text}, "stop"))[0]["choices"][0]["delta"]["content"]


@pytest.mark.parametrize(
    ("status", "body", "kind", "sent", "message"),
    [
        (401, b'{"error":{"message":"Incorrect API key provided: sk-...abcd"}}', UpstreamAuthError, 502,
         "Provider acme refused the gateway's key. Check $ACME_API_KEY."),
        (403, b"", UpstreamAuthError, 502, "Provider acme refused the gateway's key. Check $ACME_API_KEY."),
        (400, b'{"error":{"message":"API key not valid."}}', UpstreamAuthError, 502,
         "Provider acme refused the gateway's key. Check $ACME_API_KEY."),
        (404, b'{"error":{"message":"The model `vendor/upstream-1` does not exist","code":"model_not_found"}}',
         ModelNotFoundError, 404, "The model 'mine' does not exist at its provider, or is not open to this gateway."),
        (404, b'{"detail":"No such Model"}',
         ModelNotFoundError, 404, "The model 'mine' does not exist at its provider, or is not open to this gateway."),
        (404, b"<html>", UpstreamRefusedError, 404, "Provider acme has no such endpoint. Check its base_url."),
        (404, b'{"error":{"message":"no thread"}}', UpstreamRefusedError, 404, "no thread"),
        (400, b'{"error":{"message":"vendor/upstream-1 takes no images, http://10.1.2.3/x hunter2"}}',
         UpstreamRefusedError, 400, "mine takes no images, [url] [key]"),
        (400, b'{"error":{"message":"vendor/upstream-10 and xvendor/upstream-1"}}', UpstreamRefusedError, 400,
         "vendor/upstream-10 and xvendor/upstream-1"),
        (422, b'{"detail":[{"msg":"extra"}]}', UpstreamRefusedError, 422, '[{"msg":"extra"}]'),
        (400, b"<html>sorry</html>", UpstreamRefusedError, 400, "The provider refused the request and did not say why."),
        (429, b'{"error":{"message":"slow down"}}', RateLimitedError, 429, "slow down"),
        (429, b"slow down", RateLimitedError, 429, "The provider allows no more requests for now."),
        (500, b"<html>", UpstreamFailedError, 502, "The provider failed and did not say why."),
        (503, b"", UpstreamOverloadedError, 503, "The provider is overloaded."),
    ],
)  # fmt: skip
def test_failure(status: int, body: bytes, kind: type[GatewayError], sent: int, message: str) -> None:
    """U42-U47: an error answer in the gateway's terms: no key, no address, no upstream model name, no HTML."""
    result = CODEC.failure(status, {"retry-after": "2"}, body, CALL, TARGET)

    assert (kind, sent, message) == (type(result), result.http_status(), result.message)


def test_failure_retry_after() -> None:
    """U42: how long to wait is passed on."""
    assert 2.0 == CODEC.failure(429, {"retry-after": "2"}, b"", CALL, TARGET).retry_after_s


def test_failure_without_call() -> None:
    """A failure of the list of models names no model."""
    result = CODEC.failure(404, {}, b'{"error":{"message":"no models here"}}', None, None)
    auth = Codec(Service("acme", "http://a/v1")).failure(401, {}, b"", None, None)

    assert (UpstreamRefusedError, "no models here") == (type(result), result.message)
    assert "Provider acme refused the gateway's key. Set its api_key." == auth.message


def test_failure_same_name() -> None:
    """A model that has the same name here and there keeps it."""
    result = CODEC.failure(400, {}, b'{"error":{"message":"mine is bad"}}', CALL, Target("acme", "mine"))

    assert "mine is bad" == result.message


@pytest.mark.parametrize("given", ["a", ["a"], [1, 2, 3]])
def test_embeddings(given: object) -> None:
    """One text, or one list of tokens, has one embedding; floats and base64 pass as they are."""
    floats = b'{"data":[{"index":0,"embedding":[0.5,1],"object":"x"}],"model":"u","usage":{"prompt_tokens":3,"total_tokens":3}}'

    assert {
        "object": "list",
        "data": [{"object": "embedding", "index": 0, "embedding": [0.5, 1]}],
        "model": "mine",
        "usage": {"prompt_tokens": 3, "total_tokens": 3},
    } == CODEC.embeddings(asked({"input": given}), TARGET, floats)


@pytest.mark.parametrize(
    ("indexes", "expected"),
    [([2, 0, 1], ["AAAA", "AAAB", "AAAC"]), ([0, 0, 0], ["AAAC", "AAAA", "AAAB"]), ([None] * 3, ["AAAC", "AAAA", "AAAB"])],
)  # fmt: skip
def test_embeddings_in_order(indexes: list[Any], expected: list[str]) -> None:
    """Check 45: embeddings are in the order of the texts; without usage the count is 0."""
    data = [{"index": index, "embedding": text} for index, text in zip(indexes, ["AAAC", "AAAA", "AAAB"], strict=True)]

    result = CODEC.embeddings(asked({"input": [[1], [2], [3]]}), TARGET, json.dumps({"data": data}).encode())

    assert expected == [entry["embedding"] for entry in result["data"]]
    assert [0, 1, 2] == [entry["index"] for entry in result["data"]]
    assert {"prompt_tokens": 0, "total_tokens": 0} == result["usage"]


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"{}",
        b"x",
        b'{"data":[]}',
        b'{"data":{}}',
        b'{"data":[1]}',
        b'{"data":[{"embedding":[]}]}',
        b'{"data":[{"embedding":["x"]}]}',
        b'{"data":[{"embedding":[true]}]}',
        b'{"data":[{"embedding":""}]}',
        b'{"data":[{"embedding":[1]},{"embedding":[1]}]}',
    ],
)
def test_embeddings_shapeless(body: bytes) -> None:
    """Anything but one embedding for each text is a fault of the provider."""
    with pytest.raises(UpstreamBadResponseError):
        CODEC.embeddings(asked({"input": ["a"]}), TARGET, body)


def test_embeddings_error() -> None:
    """An error in a body with status 200 is an error."""
    with pytest.raises(UpstreamFailedError):
        CODEC.embeddings(asked({"input": "a"}), TARGET, b'{"error":{"message":"m"}}')


@pytest.mark.parametrize("form", [b'{"object":"list","data":%s}', b"%s"])
def test_models(form: bytes) -> None:
    """Models are read from an object or, as Together sends them, from a bare list; what is no model is left out."""
    body = form % (
        b'[{"id":"a","created":5,"owned_by":"x","context_length":8},{"id":"b","created":1.5,"context_window":9},'
        b'{"id":"c","created":null,"context_length":0,"max_model_len":10},{"id":"d","created":-1,"context_length":"x"},'
        b'{"id":""},{"id":5},7,{"id":"a","created":9}]'
    )

    assert [
        Model("a", "acme", 5, {"context_length": 8}),
        Model("b", "acme", 0, {"context_length": 9}),
        Model("c", "acme", 0, {"context_length": 10}),
        Model("d", "acme"),
    ] == CODEC.models(body)


@pytest.mark.parametrize("body", [b"{}", b"7", b'{"data":{}}', b"<html>"])
def test_models_shapeless(body: bytes) -> None:
    """Anything but a list of models is a fault of the provider."""
    with pytest.raises(UpstreamBadResponseError):
        CODEC.models(body)


def test_whole_answer() -> None:
    """A whole answer that is not JSON is a fault of the provider."""
    with pytest.raises(UpstreamBadResponseError):
        CODEC.completion(CALL, TARGET, b"")


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({}, (None, "<think>a</think>b")),
        ({"mine": "tagged"}, (None, "<think>a</think>b")),
        ({"vendor/upstream-1": "tagged"}, ("a", "b")),
        ({"*": "tagged"}, ("a", "b")),
        ({"*": "opened", "mine": "opened"}, ("a", "b")),
    ],
)
def test_think_tags(tags: dict[str, ThinkTags], expected: tuple[str | None, str]) -> None:
    """Check 42: think tags are read, streamed or not, for the models that are named, by their names at the provider."""
    codec = Codec(Service("acme", "http://a/v1", think_tags=tags))
    answer = {"choices": [{"message": {"content": "<think>a</think>b"}, "finish_reason": "stop"}]}
    data = b"".join(event({"content": piece}) for piece in ("<th", "ink>a</thi", "nk>b")) + event({}, "stop")

    whole, streamed = codec.completion(CALL, TARGET, json.dumps(answer).encode()), Accumulator(CALL)
    decoder = codec.decoder(CALL, TARGET)
    streamed.feed(decoder.feed(data))
    streamed.feed(decoder.close())

    messages = [found["choices"][0]["message"] for found in (whole, streamed.completion())]
    assert [expected] * 2 == [(message.get("reasoning_content"), message["content"]) for message in messages]


def test_headers_are_made_once() -> None:
    """Calls of one kind share the object that holds their headers, so that a transport can know it again."""
    codec = Codec(Service("acme", "http://a/v1"))

    one, two = codec.chat(CALL, TARGET), codec.chat(CALL, TARGET)

    assert one.headers is two.headers
