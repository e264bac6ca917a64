"""The provider as a whole, over a scripted way out, and its section of the configuration."""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from pydantic import ValidationError

from llms.errors import (
    FirstByteTimeoutError,
    GatewayError,
    ModelNotFoundError,
    Retry,
    UpstreamBadResponseError,
    UpstreamFailedError,
    UpstreamRefusedError,
    UpstreamTruncatedError,
    UpstreamUnreachableError,
)
from llms.exchange import EnoughError, UpstreamRequest
from llms.providers.ollama import Options
from llms.records import Block, Call, Model, Provider, Target

TARGET = Target("ollama", "llama3.2")
LINES = (
    b'{"message":{"role":"assistant","content":"Hel"},"done":false}\n',
    b'{"message":{"role":"assistant","content":"lo"},"done":false}\n',
    b'{"message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","prompt_eval_count":3,"eval_count":2}\n',
)
NO_THINKING = b'{"error":"\\"llama3.2\\" does not support thinking"}'


@dataclass
class Response:
    status: int = 200
    content_type: str = "application/x-ndjson"
    reads: tuple[bytes, ...] = LINES
    headers: Mapping[str, str] = field(default_factory=dict)
    closed: bool = False

    async def blocks(self) -> AsyncGenerator[bytes, None]:
        for data in self.reads:
            yield data

    async def into(self, take: Callable[[bytes], object]) -> None:
        with suppress(EnoughError):
            for data in self.reads:
                take(data)

    async def read(self, limit: int) -> bytes:
        return b"".join(self.reads)


class Upstream:
    """Answers requests with what it was given, in turn."""

    def __init__(self, *answers: Response | GatewayError) -> None:
        self.answers = list(answers)
        self.responses = [answer for answer in answers if isinstance(answer, Response)]
        self.requests: list[UpstreamRequest] = []

    @asynccontextmanager
    async def send(self, request: UpstreamRequest, connect_s: float | None = None) -> AsyncIterator[Response]:
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, GatewayError):
            raise answer
        try:
            yield answer
        finally:
            answer.closed = True

    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(request.body or b"null") for request in self.requests]


def make_provider(upstream: Upstream, **section: Any) -> Provider:
    return Options(**section).build("ollama", {"OLLAMA_API_KEY": "sesame-secret"}, upstream.send)


def make_call(**body: Any) -> Call:
    messages = [{"role": "user", "content": "Hello"}]
    return Call("req_1", 1790000000, "chat.completions", "small", stream=True, body={"messages": messages, **body})


def refused(body: bytes, status: int = 400) -> Response:
    return Response(status, "application/json", (body,))


async def collect(provider: Provider, call: Call) -> Block:
    return [chunk async for block in provider.chat(call, TARGET) for chunk in block]


async def drain(provider: Provider, call: Call, chunks: Block) -> None:
    async for block in provider.chat(call, TARGET):
        chunks += block


def text(block: Block) -> str:
    return "".join(choice["delta"].get("content", "") for chunk in block for choice in chunk["choices"])


async def test_an_answer_is_streamed_block_by_block() -> None:
    """Each read of the upstream is passed on at once, as one block."""
    upstream = Upstream(Response(reads=(LINES[0] + LINES[1], LINES[2])))

    blocks = [block async for block in make_provider(upstream).chat(make_call(), TARGET)]

    assert [2, 2] == [len(block) for block in blocks]
    assert "Hello" == text(blocks[0])
    assert upstream.responses[0].closed


async def test_where_and_how_ollama_is_asked() -> None:
    """The request goes to the native API, uncompressed, and asks for a stream."""
    upstream = Upstream(Response())

    await collect(make_provider(upstream, base_url="http://localhost:1234/"), make_call())

    request = upstream.requests[0]
    assert ("POST", "http://localhost:1234/api/chat") == (request.method, request.url)
    assert {
        "accept": "application/x-ndjson",
        "accept-encoding": "identity",
        "content-type": "application/json",
    } == dict(request.headers)
    assert upstream.bodies()[0]["stream"] is True


async def test_a_whole_answer_is_collected() -> None:
    """A client that does not stream gets the whole answer with its usage (check 1)."""
    upstream = Upstream(Response())

    completion = await make_provider(upstream).complete(replace(make_call(), stream=False), TARGET)

    assert {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1790000000,
        "model": "small",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Hello", "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
    } == completion
    assert upstream.bodies()[0]["stream"] is True


async def test_one_json_object_is_an_answer_too() -> None:
    """A server that ignores ``stream`` and answers with one object is understood, by a stream too."""
    whole = b'{"message":{"content":"Hi"},\n"done":true,"done_reason":"length"}'
    upstream = Upstream(*(Response(content_type="application/json", reads=(whole,)) for _ in range(2)))
    provider = make_provider(upstream)

    completion = await provider.complete(make_call(), TARGET)
    block = await collect(provider, make_call())

    assert ("Hi", "length") == (
        completion["choices"][0]["message"]["content"],
        completion["choices"][0]["finish_reason"],
    )
    assert "Hi" == text(block)


@pytest.mark.parametrize("content_type", ["application/json", "application/x-ndjson"])
@pytest.mark.parametrize("stream", [True, False])
async def test_an_empty_answer_may_have_been_billed(content_type: str, *, stream: bool) -> None:
    """An answer of nothing is an error that the gateway does not repeat by itself (U49)."""
    provider = make_provider(Upstream(Response(content_type=content_type, reads=())))

    with pytest.raises(UpstreamBadResponseError) as caught:
        await (collect(provider, make_call()) if stream else provider.complete(make_call(), TARGET))

    assert Retry.AMBIGUOUS is caught.value.retry


async def test_a_cut_answer_is_an_error() -> None:
    """An answer that ends too early is never passed off as a short one (check 13)."""
    upstream = Upstream(Response(reads=LINES[:2]), Response(reads=LINES[:2]))
    provider = make_provider(upstream)
    chunks: Block = []

    with pytest.raises(UpstreamTruncatedError):
        await drain(provider, make_call(), chunks)
    with pytest.raises(UpstreamTruncatedError):
        await provider.complete(make_call(), TARGET)

    assert "Hello" == text(chunks)


async def test_an_error_line_comes_after_the_chunks_before_it() -> None:
    """What was generated before an error reaches the client, even if both came in one read (checks 12, 56)."""
    upstream = Upstream(Response(reads=(LINES[0] + b'{"error":"out of memory"}\n',)))
    chunks: Block = []

    with pytest.raises(UpstreamFailedError, match=r"^out of memory$"):
        await drain(make_provider(upstream), make_call(), chunks)

    assert "Hel" == text(chunks)
    assert upstream.responses[0].closed


@pytest.mark.parametrize("effort", ["low", "none"])
async def test_a_model_that_cannot_think_is_asked_again_without(effort: str) -> None:
    """A reasoning_effort set for all models does not keep a plain one from answering (check 55)."""
    upstream = Upstream(refused(NO_THINKING), Response(), refused(NO_THINKING), Response())
    provider = make_provider(upstream)

    block = await collect(provider, make_call(reasoning_effort=effort, top_k=3))
    completion = await provider.complete(make_call(reasoning_effort=effort, top_k=3), TARGET)

    assert "Hello" == text(block)
    assert "Hello" == completion["choices"][0]["message"]["content"]
    assert [True, False, True, False] == ["think" in body for body in upstream.bodies()]
    assert [3, 3, 3, 3] == [body["options"]["top_k"] for body in upstream.bodies()]
    assert all(response.closed for response in upstream.responses)


async def test_asking_again_happens_once() -> None:
    """A server that still complains is believed."""
    upstream = Upstream(*(refused(NO_THINKING) for _ in range(4)))
    provider = make_provider(upstream)

    with pytest.raises(UpstreamRefusedError):
        await collect(provider, make_call(reasoning_effort="low"))
    with pytest.raises(UpstreamRefusedError):
        await provider.complete(make_call(reasoning_effort="low"), TARGET)

    assert 4 == len(upstream.requests)


async def test_other_refusals_are_not_tried_again() -> None:
    """Only a refused ``think`` is sent again, and only where there was one."""
    upstream = Upstream(
        refused(b'{"error":"\\"llama3.2\\" does not support tools"}'),
        refused(NO_THINKING),
        refused(b'{"error":"x"}', 404),
    )
    provider = make_provider(upstream)

    with pytest.raises(UpstreamRefusedError, match='"small" does not support tools'):
        await collect(provider, make_call(reasoning_effort="low"))
    with pytest.raises(UpstreamRefusedError):
        await provider.complete(make_call(), TARGET)
    with pytest.raises(ModelNotFoundError):
        await provider.complete(make_call(reasoning_effort="low"), TARGET)

    assert 3 == len(upstream.requests)


async def test_a_client_that_leaves_closes_the_upstream() -> None:
    """Closing the stream early ends the upstream's work, also in the second attempt (check 18)."""
    upstream = Upstream(Response(), refused(NO_THINKING), Response())
    provider = make_provider(upstream)

    for call in (make_call(), make_call(reasoning_effort="low")):
        blocks = provider.chat(call, TARGET)
        await anext(blocks)
        await blocks.aclose()

    assert [True, True, True] == [response.closed for response in upstream.responses]


async def test_ollama_that_is_not_running() -> None:
    """Where nothing answers, the client is told what to start (check 55)."""
    upstream = Upstream(UpstreamUnreachableError("refused"), FirstByteTimeoutError("late"))
    provider = make_provider(upstream)

    with pytest.raises(UpstreamUnreachableError, match="ollama serve") as caught:
        await collect(provider, make_call())
    with pytest.raises(FirstByteTimeoutError, match="late"):
        await collect(provider, make_call())

    assert Retry.SAFE == caught.value.retry


async def test_models_and_embeddings() -> None:
    """The provider lists its models and embeds text."""
    tags = Response(content_type="application/json", reads=(b'{"models":[{"name":"all-minilm:latest"}]}',))
    vectors = Response(content_type="application/json", reads=(b'{"embeddings":[[0.5,1]],"prompt_eval_count":2}',))
    upstream = Upstream(tags, vectors)
    provider = make_provider(upstream, api_key="$OLLAMA_API_KEY", base_url="https://ollama.com")
    call = Call("req_1", 0, "embeddings", "mini", stream=False, body={"input": "Hello"})

    models = await provider.models()
    embeddings = await provider.embed(call, Target("ollama", "all-minilm"))

    assert [Model("all-minilm", "ollama")] == models
    assert {
        "object": "list",
        "data": [{"object": "embedding", "index": 0, "embedding": [0.5, 1]}],
        "model": "mini",
        "usage": {"prompt_tokens": 2, "total_tokens": 2},
    } == embeddings
    assert [
        ("GET", "https://ollama.com/api/tags", "Bearer sesame-secret"),
        ("POST", "https://ollama.com/api/embed", "Bearer sesame-secret"),
    ] == [(request.method, request.url, request.headers["authorization"]) for request in upstream.requests]
    assert [{"model": "all-minilm", "input": "Hello"}] == upstream.bodies()[1:]


async def test_keep_alive_of_the_configuration() -> None:
    """How long a model stays in memory is set for all calls, and by a call for itself."""
    upstream = Upstream(Response(), Response())
    provider = make_provider(upstream, keep_alive=-1)

    await collect(provider, make_call())
    await collect(provider, make_call(keep_alive="1m"))

    assert [-1, "1m"] == [body["keep_alive"] for body in upstream.bodies()]


async def test_the_key_is_never_shown() -> None:
    """A key that the upstream repeats is taken out, and no representation shows it."""
    upstream = Upstream(refused(b'{"error":"bad key sesame-secret"}'))
    provider = make_provider(upstream, api_key="$OLLAMA_API_KEY")

    with pytest.raises(UpstreamRefusedError, match=r"^bad key \[key\]$"):
        await collect(provider, make_call())

    assert "sesame" not in repr(provider._http._codec)  # type: ignore[attr-defined]


def test_a_named_key_has_to_be_there() -> None:
    """A section that names a variable is off until the variable is set."""
    section = Options(api_key="$OLLAMA_API_KEY")

    assert "OLLAMA_API_KEY is not set" == section.missing({})
    assert section.missing({"OLLAMA_API_KEY": "k"}) is None
    assert Options().missing({}) is None


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        ({}, "http://127.0.0.1:11434"),
        ({"base_url": "http://localhost:1/"}, "http://localhost:1"),
        ({"base_url": "http://[::1]:1"}, "http://[::1]:1"),
        ({"base_url": "http://192.168.1.5:11434"}, None),
        ({"base_url": "https://ollama.com"}, None),
        ({"api_key": "$OLLAMA_API_KEY"}, None),
    ],
)
def test_a_local_server_is_looked_for(section: dict[str, Any], expected: str | None) -> None:
    """Only a server on this machine that needs no key is asked whether it runs."""
    assert expected == Options(**section).local_url


@pytest.mark.parametrize(
    "section",
    [
        {"base_url": "127.0.0.1:11434"},
        {"base_url": "ftp://127.0.0.1"},
        {"base_url": "http://"},
        {"base_url": "http://127.0.0.1:port"},
        {"base_url": "http://[::1"},
        {"base_url": "http://127.0.0.1:0"},
        {"base_url": "http://me@127.0.0.1"},
        {"base_url": "http://:secret@127.0.0.1"},
        {"base_url": "http://127.0.0.1/a b"},
        {"base_url": "http://127.0.0.1#a"},
        {"base_url": "http://127.0.0.1?a=b"},
        {"api_key": "sk-written-out"},
        {"keep_alive": [1]},
        {"unknown": 1},
    ],
)
def test_a_wrong_section_is_refused(section: dict[str, Any]) -> None:
    """Mistakes are found when the configuration is read."""
    with pytest.raises(ValidationError):
        Options(**section)
