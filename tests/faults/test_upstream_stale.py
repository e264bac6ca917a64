"""
Idle connections that the provider has closed: U62 and U63 of the fault catalogue.

FAULT_CALLS in the environment sets how many calls the long ones make: 10,000 are the catalogue's (four minutes).
"""

import asyncio
import os
import random

import pytest

from llms.exchange import UpstreamRequest
from llms.transport import Transport
from tests.faults.conftest import PATH
from tests.support.raw import RawClient
from tests.upstream import openai
from tests.upstream.framing import answer
from tests.upstream.steps import fin, rst, send, sleep

UNSEEN = {
    "I4": "a request on a connection that is closing is an attempt that the provider does not see",
    "I7": "with 10,000 calls the test's own memory of them counts",
}

CALLS = int(os.environ.get("FAULT_CALLS", "300"))
SLOW = {"connect_s": 10, "first_byte_s": 10, "answer_s": 10, "total_s": 60}


def closes_when_used_again(upstream, end, *first):
    """A provider that answers once on each connection, and on a second request ends it."""

    def react(request):
        used = next(c for c in upstream.connections if any(r is request for r in c.requests))
        return (end,) if len(used.requests) > 1 else first

    return react


async def warm(both, count):
    """Have ``count`` idle connections in the pool."""
    both.upstream.on("POST", PATH, (sleep(0.3), *openai.completion()))
    assert [200] * count == [response.status for response in await asyncio.gather(*(both.ask() for _ in range(count)))]
    assert count == len(both.upstream.connections)


@pytest.mark.case("U62", "U63")
@pytest.mark.parametrize("end", [fin(), rst()], ids=["closed", "reset"])
@pytest.mark.parametrize("stream", [False, True])
async def test_every_idle_connection_is_stale(pair, end, stream):
    """U63: with all idle connections closed the call takes two attempts, not one for each: the second is on a new one."""
    both = await pair(clocks=SLOW)
    await warm(both, 5)
    good = openai.stream(["x"]) if stream else openai.completion()
    both.upstream.on("POST", PATH, closes_when_used_again(both.upstream, end, *good))

    assert 200 == (await both.ask(stream=stream)).status
    assert ["upstream_disconnected", "ok"] == [attempt.outcome for attempt in both.gateway.records[-1].attempts]
    assert 7 == len(both.upstream.requests)
    assert 6 == len(both.upstream.connections)


@pytest.mark.case("U63")
async def test_many_calls_on_stale_connections(pair):
    """U63: calls that run at a time over connections that are all closed are served, each in two attempts at most."""
    both = await pair(clocks=SLOW)
    await warm(both, 8)
    both.upstream.on("POST", PATH, closes_when_used_again(both.upstream, fin(), *openai.completion()))

    responses = await asyncio.gather(*(both.ask() for _ in range(16)))

    assert [200] * 16 == [response.status for response in responses]
    assert all(len(record.attempts) <= 2 for record in both.gateway.records)


@pytest.mark.case("U63")
@pytest.mark.parametrize("begin", [b"HTTP/1.1 200 OK\r\nContent-Le", b"HTTP/1.1 2", b"H"])
async def test_answer_that_had_begun(pair, begin):
    """U63: a request that was being answered is not sent again, idle connection or not."""
    both = await pair(clocks=SLOW)
    both.upstream.on("POST", PATH, openai.completion(), (send(begin), fin()))
    assert 200 == (await both.ask()).status

    assert 502 == (await both.ask()).status
    assert 2 == len(both.upstream.requests)


@pytest.mark.case("U63")
async def test_late_end_is_not_a_stale_connection(pair):
    """U63: a connection that ends a second and more after the request went out may have been working on it."""
    both = await pair(clocks=SLOW)
    both.upstream.on("POST", PATH, openai.completion(), (sleep(1.2), fin()))
    assert 200 == (await both.ask()).status

    assert 502 == (await both.ask()).status
    assert 2 == len(both.upstream.requests)


@pytest.mark.case("U62", without=UNSEEN)
async def test_closes_after_each_answer(pair, record_property):
    """U62: a provider that closes after each answer without a word, now at once and now a moment later."""
    both = await pair(clocks=SLOW)
    chance = random.Random(62)  # noqa: S311
    both.upstream.on(
        "POST", PATH, lambda _request: (*openai.completion(), sleep(chance.choice([0, 0, 0.001, 0.003])), fin())
    )

    outcomes = await in_a_row(both, CALLS, lambda: 0)

    assert {"ok"} == outcomes
    attempts = [len(record.attempts) for record in both.gateway.records]
    assert max(attempts) <= 2
    record_property("came_out", f"200 ×{CALLS}, {attempts.count(2)} of them in two attempts")


@pytest.mark.case("U63", without=UNSEEN)
async def test_closes_just_when_it_is_used(pair, record_property):
    """U63: a provider whose patience ends within a millisecond of the next request."""
    both = await pair(clocks=SLOW)
    chance = random.Random(63)  # noqa: S311
    both.upstream.on("POST", PATH, (*openai.completion(), sleep(0.01), fin()))

    outcomes = await in_a_row(both, CALLS, lambda: chance.uniform(0.006, 0.011))

    assert {"ok"} == outcomes
    attempts = [len(record.attempts) for record in both.gateway.records]
    assert max(attempts) <= 2
    record_property("came_out", f"200 ×{CALLS}, {attempts.count(2)} of them in two attempts")


@pytest.mark.case("U63")
async def test_idle_connections_are_let_go_first(pair):
    """U63: the gateway lets an idle connection go before five seconds, when common servers do."""
    both = await pair(clocks=SLOW)
    both.upstream.on("POST", PATH, openai.completion())
    assert 200 == (await both.ask()).status

    await asyncio.sleep(4.5)

    assert 200 == (await both.ask()).status
    assert [1, 1] == [len(connection.requests) for connection in both.upstream.connections]
    assert [1, 1] == [len(record.attempts) for record in both.gateway.records]


async def test_get_on_stale_connections(upstream):
    """A request that changes nothing is sent again by the transport itself, once, on a new connection."""
    async with Transport(5) as transport:
        upstream.on("GET", "/", (sleep(0.2), *answer(b"{}")))
        await asyncio.gather(*(status_of(transport, upstream) for _ in range(4)))
        upstream.on("GET", "/", closes_when_used_again(upstream, fin(), *answer(b"{}")))

        assert 200 == await status_of(transport, upstream)
        assert 6 == len(upstream.requests)


async def in_a_row(both, count, pause):
    """Make calls over one connection; give how they ended."""
    async with RawClient("127.0.0.1", both.gateway.port) as client:
        for _ in range(count):
            await client.request("POST", PATH, body=both.body())
            await client.read_response()
            await asyncio.sleep(pause())
    return {record.code or "ok" for record in both.gateway.records}


async def status_of(transport, upstream):
    async with transport.send(UpstreamRequest("GET", f"{upstream.url}/", {})) as response:
        await response.read(1000)
        return response.status
