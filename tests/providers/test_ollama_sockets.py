"""The provider over the real transport and a scripted Ollama."""

import socket
from collections.abc import AsyncGenerator

import pytest

from llms.errors import UpstreamFailedError, UpstreamUnreachableError
from llms.providers.ollama import Options
from llms.records import Block, Call, Provider, Target
from llms.transport import Transport
from tests.upstream import ollama, steps
from tests.upstream.server import Upstream

TARGET = Target("ollama", "llama-upstream")
BODY = {"messages": [{"role": "user", "content": "Hello"}], "reasoning_effort": "high"}
CALL = Call("req_1", 1790000000, "chat.completions", "small", stream=True, body=BODY)


@pytest.fixture
async def upstream() -> AsyncGenerator[Upstream, None]:
    async with Upstream() as upstream:
        yield upstream


@pytest.fixture
async def transport() -> AsyncGenerator[Transport, None]:
    async with Transport(connect_s=5) as transport:
        yield transport


def make_provider(transport: Transport, url: str) -> Provider:
    return Options(base_url=url).build("ollama", {}, transport.send)


async def drain(provider: Provider, chunks: Block) -> None:
    async for block in provider.chat(CALL, TARGET):
        chunks += block


async def test_a_stream_after_a_refused_effort(upstream: Upstream, transport: Transport) -> None:
    """A model that cannot think is asked again on the wire, and its answer is streamed (check 55)."""
    refusal = ollama.error(400, '"llama-upstream" does not support thinking')
    upstream.on("POST", "/api/chat", refusal, ollama.chat_lines(["Hel", "lo"]))
    chunks: Block = []

    await drain(make_provider(transport, upstream.url), chunks)

    assert ["Hel", "lo", None] == [choice["delta"].get("content") for chunk in chunks for choice in chunk["choices"]]
    assert {"prompt_tokens": 26, "completion_tokens": 282, "total_tokens": 308} == chunks[-1]["usage"]
    assert ["high", None] == [request.json.get("think") for request in upstream.requests]
    assert ["identity", "identity"] == [request.header("accept-encoding") for request in upstream.requests]


async def test_an_answer_that_is_no_stream(upstream: Upstream, transport: Transport) -> None:
    """One JSON object serves a client that streams and one that does not (U40)."""
    upstream.on("POST", "/api/chat", ollama.chat("Hello"))
    provider = make_provider(transport, upstream.url)
    chunks: Block = []

    await drain(provider, chunks)
    completion = await provider.complete(CALL, TARGET)

    assert "Hello" == chunks[0]["choices"][0]["delta"]["content"]
    assert "Hello" == completion["choices"][0]["message"]["content"]


async def test_an_error_line(upstream: Upstream, transport: Transport) -> None:
    """An error in mid-stream comes after what was said before it, even in one read (check 56)."""
    burst = ollama.line(ollama.message(content="Hel")) + ollama.error_line("out of memory")
    upstream.on("POST", "/api/chat", ollama.chat_lines([burst, steps.hang()], done=False))
    chunks: Block = []

    with pytest.raises(UpstreamFailedError, match="out of memory"):
        await drain(make_provider(transport, upstream.url), chunks)

    assert ["Hel"] == [chunk["choices"][0]["delta"]["content"] for chunk in chunks]


async def test_a_client_that_leaves(upstream: Upstream, transport: Transport) -> None:
    """A stream that is closed early closes the connection, which stops the model (check 18)."""
    upstream.on("POST", "/api/chat", ollama.chat_lines(["Hel", steps.hang()], done=False))
    blocks = make_provider(transport, upstream.url).chat(CALL, TARGET)

    await anext(blocks)
    await blocks.aclose()

    assert await upstream.quiet()


async def test_models_and_embeddings(upstream: Upstream, transport: Transport) -> None:
    """The list and the vectors are read."""
    upstream.on("GET", "/api/tags", ollama.tags(["llama3.2:latest", "qwen3:8b"]))
    upstream.on("POST", "/api/embed", ollama.embed([[0.5, 1.0]]))
    provider = make_provider(transport, upstream.url)
    call = Call("req_1", 0, "embeddings", "mini", stream=False, body={"input": "a"})

    models = await provider.models()
    answer = await provider.embed(call, TARGET)

    assert ["llama3.2", "qwen3:8b"] == [model.id for model in models]
    assert [[0.5, 1.0]] == [item["embedding"] for item in answer["data"]]


async def test_ollama_that_is_not_running(transport: Transport) -> None:
    """A closed port gives a hint at once (check 55)."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    with pytest.raises(UpstreamUnreachableError, match="ollama serve"):
        await make_provider(transport, f"http://127.0.0.1:{port}").complete(CALL, TARGET)
