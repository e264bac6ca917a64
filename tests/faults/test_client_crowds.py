"""
Many clients at once that are slow, idle, or gone: C03, C05, C07, C20–C24, C48, C53.

Each crowd is large enough that one slot too few, or one task left over for each, shows; the soak has the larger ones.
A plain call is made in the middle of each: it works as if nobody else were there.
"""

import asyncio
import logging
import os
import resource
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.faults.conftest import PATH
from tests.faults.streams import FIRST
from tests.faults.talk import head
from tests.support.raw import RawClient
from tests.upstream import openai
from tests.upstream.steps import flood, hang, tell, wait

LONG = {"connect_s": 60, "first_byte_s": 60, "answer_s": 60, "idle_s": 60, "total_s": 120}
PATIENCE_S = 60  # nothing here is said about speed: the machine has other things to do


async def crowd(stack, both, count, **options):
    """Connect ``count`` clients, some at a time."""
    clients = [RawClient("127.0.0.1", both.gateway.port, **options) for _ in range(count)]
    for start in range(0, count, 100):
        await asyncio.gather(*(stack.enter_async_context(client) for client in clients[start : start + 100]))
    return clients


async def plain_call(both):
    """Make a plain call; the upstream answers those that are not streamed."""
    async with asyncio.timeout(PATIENCE_S):
        response = await both.ask()
    assert 200 == response.status
    assert "plain" == response.json["choices"][0]["message"]["content"]


def by_stream(streamed):
    """What streamed calls get, beside plain ones."""
    return lambda request: streamed if request.json.get("stream") else openai.completion("plain")


async def let_go(both):
    """Wait until every connection on which a stream was asked for is closed; give the loop time of the last end."""
    streams = [c for c in both.upstream.connections if any(r.json.get("stream") for r in c.requests)]
    async with asyncio.timeout(PATIENCE_S):
        await asyncio.gather(*(connection.gone.wait() for connection in streams))
    return max(connection.closed_at for connection in streams)


async def every_end(clients, within_s):
    """Wait until the gateway has closed every connection; give the seconds that the last one took."""
    loop = asyncio.get_running_loop()
    started_at = loop.time()
    ended = await asyncio.gather(*(client.eof_within(within_s) for client in clients))
    assert all(ended)
    return loop.time() - started_at


@pytest.mark.case("C20", "A07")
async def test_nothing_is_said(pair, invariants):
    """A connection on which nothing comes is closed on the clock for heads, and no answer is wasted on it."""
    both = await pair(head_s=0.4)
    async with RawClient("127.0.0.1", both.gateway.port) as client:
        assert b"" == await client.read_some(5)

    invariants.notes.append("closed")


@pytest.mark.case("C20", "A07")
async def test_idle_between_requests(pair):
    """The clock for heads runs from a head's first byte: between requests a connection may rest for longer."""
    both = await pair(head_s=0.3)
    async with RawClient("127.0.0.1", both.gateway.port) as client:
        for _ in range(2):
            await client.request("GET", "/healthz")
            assert 200 == (await client.read_response()).status
            await asyncio.sleep(0.6)
        await client.send(b"GET /heal")

        assert await client.eof_within(5)


@pytest.mark.case("C21", "A07")
async def test_500_slow_heads(pair, invariants):
    """500 heads that grow by a line now and then are closed on their clock, which no byte moves."""
    both = await pair(head_s=1)
    both.upstream.on("POST", PATH, openai.completion("plain"))
    async with AsyncExitStack() as stack:
        clients = await crowd(stack, both, 500)
        for client in clients:
            await client.send(head("GET", "/healthz")[:-2])
        dripping = asyncio.create_task(_drip(clients, b"X: y\r\n"))
        await plain_call(both)
        took_s = await every_end(clients, PATIENCE_S)
        dripping.cancel()

    assert took_s < 30
    invariants.notes.append("500 closed")


async def _drip(clients, data):
    while True:
        await asyncio.sleep(0.2)
        await asyncio.gather(*(client.send(data) for client in clients), return_exceptions=True)


@pytest.mark.case("C22", "A07")
async def test_500_slow_bodies(pair, invariants):
    """500 bodies that grow by a byte now and then are answered 408 on their clock."""
    both = await pair(body_s=1)
    both.upstream.on("POST", PATH, openai.completion("plain"))
    async with AsyncExitStack() as stack:
        clients = await crowd(stack, both, 500)
        for client in clients:
            await client.request("POST", PATH, [("Content-Type", "application/json"), ("Content-Length", "5000")])
        dripping = asyncio.create_task(_drip(clients, b" "))
        await plain_call(both)
        heads = await asyncio.gather(*(client.read_head() for client in clients))
        dripping.cancel()
        await every_end(clients, PATIENCE_S)

    assert {408} == {one.status for one in heads}
    invariants.notes.append("500 times 408, closed")


@pytest.mark.case("C24", "C02", without={"I7": "what was queued at 500 upstreams and clients was of this process too"})
async def test_500_that_do_not_read(pair, invariants):
    """500 clients that read nothing of their streams are cut off, the provider is let go; memory stays small."""
    both = await pair(clocks=LONG, write_stall_s=1)
    event = openai.event(openai.chunk({"content": "x" * 20_000}))
    both.upstream.on("POST", PATH, by_stream((*FIRST, flood(b"%x\r\n%b\r\n" % (len(event), event)))))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    async with AsyncExitStack() as stack:
        clients = await crowd(stack, both, 500, receive_buffer=4096)
        await asyncio.gather(*(client.request("POST", PATH, body=both.body(stream=True)) for client in clients))
        await plain_call(both)
        await let_go(both)

    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10
    assert grown < 500  # MiB: one for each
    assert ["client_closed"] * 500 == [r.status for r in both.gateway.records if r.call.stream]
    invariants.notes.append("500 cut off")


@pytest.mark.case("C03")
async def test_1000_idle_streams(pair, invariants):
    """A thousand streams on which nothing comes are kept alive, each on time, with little memory, and end well."""
    both = await pair(clocks=LONG, keepalive_s=1)
    go = asyncio.Event()
    both.upstream.on("POST", PATH, by_stream(openai.stream(["Hel", wait(go), "lo"])))
    async with AsyncExitStack() as stack:
        clients = await crowd(stack, both, 1000)
        before = _resident()
        await asyncio.gather(*(client.request("POST", PATH, body=both.body(stream=True)) for client in clients))
        await both.upstream.received(1000)
        await plain_call(both)
        seen = await asyncio.gather(*(_comments(client, 2) for client in clients))
        grown = _resident() - before
        go.set()
        rest = await asyncio.gather(*(_to_the_end(client) for client in clients))

    assert all(b'"Hel"' in one for one in seen)
    assert all(one.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n") for one in rest)
    assert grown < 1000 * 128 << 10  # client and provider are in this process too
    assert ["ok"] * 1001 == [record.status for record in both.gateway.records]
    invariants.notes.append("1,000 kept alive, then [DONE]")


def _resident():
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def _comments(client, count):
    seen = b""
    while seen.count(b": keep-alive\n\n") < count:
        seen += await client.read_some()
    return seen


async def _to_the_end(client):
    seen = b""
    while not seen.endswith(b"0\r\n\r\n"):
        seen += await client.read_some()
    return seen


@pytest.mark.case("C05", "C53")
@pytest.mark.parametrize("way", ["fin", "rst"])
async def test_1000_leave_at_once(pair, way, invariants):
    """A thousand clients that leave at the same moment end a thousand calls, and the loop goes on meanwhile."""
    both = await pair(clocks=LONG)
    both.upstream.on("POST", PATH, by_stream((*FIRST, hang())))
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as stack:
        clients = await crowd(stack, both, 1000)
        await asyncio.gather(*(client.request("POST", PATH, body=both.body(stream=True)) for client in clients))
        await asyncio.gather(*(client.read_head() for client in clients))
        left_at = loop.time()
        for client in clients:
            getattr(client, way)()
        await plain_call(both)
        took_s = await let_go(both) - left_at

    assert took_s < 20  # for all thousand, on a busy machine, with their clients and upstreams in this process too
    assert {"client_closed": 1000, "ok": 1} == _counted(record.status for record in both.gateway.records)
    invariants.notes.append("1,000 recorded client_closed")


def _counted(values):
    counts = {}
    for value in values:
        counts[value] = counts.get(value, 0) + 1
    return counts


@pytest.mark.case("C05")
async def test_1000_leave_in_mid_stream(pair, invariants):
    """A thousand streams, some at a time, left in their middle: each provider's connection is closed, none is kept."""
    both = await pair(clocks=LONG)
    both.upstream.on("POST", PATH, by_stream((*FIRST, hang())))
    delays = []

    async def leave(number):
        async with RawClient("127.0.0.1", both.gateway.port) as client:
            body = both.body(stream=True, user=str(number))
            await client.request("POST", PATH, body=body)
            seen = b""
            while b"Hel" not in seen:
                seen += await client.read_some()
            connection = next(
                c for c in both.upstream.connections if c.requests and c.requests[-1].json["user"] == str(number)
            )
            left_at = asyncio.get_running_loop().time()
            client.rst() if number % 2 else client.fin()
            await connection.gone.wait()
            delays.append(connection.closed_at - left_at)

    async def some(first):
        for number in range(first, 1000, 20):
            await leave(number)

    async with asyncio.timeout(PATIENCE_S):
        await asyncio.gather(*(some(first) for first in range(20)))

    delays.sort()
    assert delays[500] < 0.1  # the median: the rest share two cores with others
    assert {"client_closed": 1000} == _counted(record.status for record in both.gateway.records)
    invariants.notes.append("1,000 recorded client_closed")


@pytest.mark.case("C07")
@pytest.mark.parametrize("last", ["text", "finish", "usage"])
async def test_client_leaves_near_the_end(pair, last, invariants):
    """A client that leaves between the last text and [DONE] leaves one record; usage that had come is in it."""
    both = await pair(clocks=LONG)
    parts = {"text": {"finish": None}, "finish": {}, "usage": {"usage": openai.USAGE}}[last]
    whole = openai.stream(["Hello"], done=False, **parts)
    sent = asyncio.Event()
    both.upstream.on("POST", PATH, (*whole[:-1], tell(sent), hang()))
    async with RawClient("127.0.0.1", both.gateway.port) as client:
        await client.request("POST", PATH, body=both.body(stream=True, stream_options={"include_usage": True}))
        seen = b""
        while (b"Hello" if last == "text" else b'"stop"') not in seen:
            seen += await client.read_some()
        await sent.wait()
        await asyncio.sleep(0.2)  # the usage is held back from the client, so nothing tells that it has come
        client.rst()
        async with asyncio.timeout(5):
            await both.gateway.services.gateway.idle()
        assert await both.upstream.quiet()

    (record,) = both.gateway.records
    assert "client_closed" == record.status
    assert (19, 2) == (record.usage.input_tokens, record.usage.output_tokens) if last == "usage" else not record.usage
    assert ("stop" if last != "text" else None) == record.finish_reason


@pytest.mark.case("C48")
@pytest.mark.parametrize("way", ["fin", "rst"])
async def test_connections_come_and_go(pair, way, invariants):
    """Three thousand connections that ask nothing leave nothing behind, and no line in the log."""
    both = await pair()
    both.upstream.on("POST", PATH, openai.completion("plain"))

    async def come_and_go():
        for _ in range(150):
            async with RawClient("127.0.0.1", both.gateway.port) as client:
                getattr(client, way)()

    await asyncio.gather(*(come_and_go() for _ in range(20)))
    await plain_call(both)

    assert [] == [line for level, line in invariants.lines if level > logging.DEBUG]
    invariants.notes.append("no line in the log")
