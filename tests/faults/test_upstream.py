"""The way to the provider: connections made, refused, reused and redirected. Cases U of the fault catalogue."""

import asyncio
import socket

import pytest

from tests.faults.conftest import PATH
from tests.support.raw import RawClient
from tests.upstream import openai
from tests.upstream.framing import answer, head
from tests.upstream.server import Upstream
from tests.upstream.steps import fin, send


@pytest.mark.case("U01", without={"I6": "the provider stays away"})
@pytest.mark.parametrize("stream", [False, True])
async def test_u01_refused(pair, upstream, stream):
    """U01: nobody listens there."""
    both = await pair()
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        both.upstream._server.close()
        await both.upstream._server.wait_closed()

        started = asyncio.get_running_loop().time()
        response = await both.ask(stream=stream)

    assert (502, "upstream_unreachable") == (response.status, response.json["error"]["code"])
    assert "false" == response.header("x-should-retry")
    assert asyncio.get_running_loop().time() - started < 3


@pytest.mark.case("U02")
async def test_u02_no_connection_in_time(gateway):
    """U02: a full accept queue, where a connection is neither made nor refused."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        section = {"type": "openai", "base_url": f"http://127.0.0.1:{full.getsockname()[1]}/v1", "models": ["m"]}
        running = await gateway(providers={"up": section}, server={"clocks": {"connect_s": 0.3}})
        started = asyncio.get_running_loop().time()
        async with RawClient("127.0.0.1", running.port) as client:
            await client.request("POST", PATH, body={"model": "m", "messages": [{"role": "user", "content": "x"}]})
            response = await client.read_response()
        for filler in fillers:
            filler.close()

    assert (504, "upstream_connect_timeout") == (response.status, response.json["error"]["code"])
    assert 0.25 <= asyncio.get_running_loop().time() - started < 3


@pytest.mark.case("U66")
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "place", ["/v1/other", PATH, "http://localhost:{port}/v1/other", "//127.0.0.1:{port}/x", "file:///etc/passwd", ""]
)
async def test_u66_redirect(pair, status, place):
    """U66: a redirect is not followed, wherever to: neither the prompt nor the key goes there."""
    both = await pair()
    location = place.format(port=both.upstream.port)
    both.upstream.on("POST", PATH, (send(head(status, [("Location", location), ("Content-Length", "0")])),))

    response = await both.ask()

    assert (502, "upstream_redirect") == (response.status, response.json["error"]["code"])
    assert [PATH] == [request.path for request in both.upstream.requests]
    assert response.header("Location") is None


@pytest.mark.case("U66")
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_u66_redirect_elsewhere(pair, status):
    """U66: the place that a redirect names gets no connection: no request, no key."""
    both = await pair()
    async with Upstream() as elsewhere:
        location = ("Location", f"{elsewhere.url}{PATH}")
        both.upstream.on("POST", PATH, (send(head(status, [location, ("Content-Length", "0")])),))

        response = await both.ask(stream=True)

        assert (502, "upstream_redirect") == (response.status, response.json["error"]["code"])
        assert [] == elsewhere.connections
    assert 1 == len(both.upstream.requests)


@pytest.mark.case("U62", "U63")
async def test_u62_u63_stale_connection(pair):
    """U62, U63: an idle connection that the provider closes under a request costs the client nothing."""
    both = await pair()
    both.upstream.on("POST", PATH, openai.completion(), (fin(),), openai.completion())

    first = await both.ask()
    second = await both.ask()

    assert (200, 200) == (first.status, second.status)
    assert 3 == len(both.upstream.requests)
    assert [["ok"], ["upstream_disconnected", "ok"]] == [[a.outcome for a in r.attempts] for r in both.gateway.records]


@pytest.mark.case("U63")
async def test_stale_connection_is_tried_again_once(pair):
    """U63: the second attempt goes over a new connection, and there is no third."""
    both = await pair()
    both.upstream.on("POST", PATH, openai.completion(), (fin(),))

    assert 200 == (await both.ask()).status
    assert 502 == (await both.ask()).status
    assert 3 == len(both.upstream.requests)


async def test_stored_answer_is_not_asked_for_twice(pair):
    """A request that leaves something behind at the provider is not sent twice, stale connection or not."""
    both = await pair()
    both.upstream.on("POST", PATH, openai.completion(), (fin(),), openai.completion())

    assert 200 == (await both.ask()).status
    assert 502 == (await both.ask(store=True)).status


@pytest.mark.case("U06")
async def test_fresh_connection_is_not_tried_again(pair):
    """U06: what failed on a fresh connection may be generating and billing: it is not sent twice."""
    both = await pair()
    both.upstream.on("POST", PATH, (fin(),), openai.completion())

    assert 502 == (await both.ask()).status
    assert 1 == len(both.upstream.requests)


async def test_connections_are_reused(pair):
    """One connection serves calls one after the other, streamed or not."""
    both = await pair()
    both.upstream.on(
        "POST",
        PATH,
        openai.stream(["Hel", "lo"]),
        openai.completion(),
        openai.stream(["Hel", "lo"]),
        openai.completion(),
    )

    for stream in (True, False, True, False):
        assert 200 == (await both.ask(stream=stream)).status
        await asyncio.sleep(0.05)

    assert 1 == len(both.upstream.connections)


@pytest.mark.case("U64")
async def test_u64_bytes_after_the_answer(pair):
    """U64: a connection with bytes left over after its answer is not used again."""
    both = await pair()
    forged = answer(b'{"forged": true}')
    both.upstream.on("POST", PATH, (*openai.completion("one"), *forged), openai.completion("two"))

    first = await both.ask()
    await asyncio.sleep(0.05)
    second = await both.ask()

    assert ["one", "two"] == [r.json["choices"][0]["message"]["content"] for r in (first, second)]
    assert 2 == len(both.upstream.connections)
