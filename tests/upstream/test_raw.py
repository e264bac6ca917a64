import asyncio

import pytest

from tests.support.raw import RawClient
from tests.upstream.server import Upstream
from tests.upstream.steps import fin, send, wait

both_loops = pytest.mark.asyncio(loop_factories=["asyncio", "uvloop"])


async def test_chunks_have_their_arrival_times():
    """Chunks are shown one by one with the time they came; 1xx heads are skipped, trailers dropped."""
    between = asyncio.Event()
    body = [send(b"2\r\nab\r\n"), wait(between), send(b"1\r\nc\r\n0\r\nX-T: 1\r\n\r\n")]
    async with Upstream() as upstream:
        upstream.on(
            "GET",
            "/",
            (send(b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), *body),
        )
        async with RawClient("127.0.0.1", upstream.port) as raw:
            await raw.request("GET", "/")
            reading = asyncio.create_task(raw.read_response())
            await upstream.received()
            loop = asyncio.get_running_loop()
            loop.call_later(0.01, between.set)
            sent_at = loop.time()
            response = await reading

    first, second = response.chunks
    assert (b"ab", b"c") == (first.data, second.data)
    assert first.at < second.at
    assert sent_at <= second.at
    assert [("transfer-encoding", "chunked")] == response.headers


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab",
    ],
)
async def test_a_cut_body_is_not_complete(answer):
    """A body that ends before its framing says so is shown as incomplete."""
    async with Upstream() as upstream:
        upstream.on("GET", "/", (send(answer), fin()))
        async with RawClient("127.0.0.1", upstream.port) as raw:
            await raw.request("GET", "/")
            response = await raw.read_response()

    assert not response.complete


async def test_an_answer_to_head_has_no_body():
    """An answer to HEAD, and a 204, end with their head."""
    async with Upstream() as upstream:
        upstream.on("HEAD", "/", (send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"),))
        upstream.on("GET", "/", (send(b"HTTP/1.1 204 No Content\r\n\r\n"),))
        async with RawClient("127.0.0.1", upstream.port) as raw:
            await raw.request("HEAD", "/")
            head = await raw.read_response()
            await raw.request("GET", "/")
            nothing = await raw.read_response()

    assert [(200, b"", True), (204, b"", True)] == [(r.status, r.body, r.complete) for r in (head, nothing)]


async def test_json_bodies_and_own_headers():
    """A dict is sent as JSON; headers that are given are not added again."""
    async with Upstream() as upstream:
        upstream.on("POST", "/", (send(b"HTTP/1.1 204 No Content\r\n\r\n"),))
        async with RawClient("127.0.0.1", upstream.port) as raw:
            await raw.request("POST", "/", [("Host", "other"), ("Content-Type", "text/plain")], {"a": 1})
            await raw.read_response()

    (request,) = upstream.requests
    assert (("host", "other"), ("content-type", "text/plain"), ("content-length", "8")) == request.headers
    assert {"a": 1} == request.json


@both_loops
async def test_fin_half_closes():
    """After ``fin`` the other side sees the end, and what it still sends is read."""
    seen = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.write(b"late")
        writer.close()
        await writer.wait_closed()
        seen.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with RawClient(*server.sockets[0].getsockname()) as raw:
        raw.fin()
        assert b"late" == await raw.read_some()
    await seen.wait()
    server.close()
    await server.wait_closed()


async def test_a_refused_connection_raises():
    """Where nobody listens, entering raises and leaves no socket."""
    async with Upstream() as upstream:
        pass

    with pytest.raises(ConnectionRefusedError):
        await RawClient("127.0.0.1", upstream.port).__aenter__()
