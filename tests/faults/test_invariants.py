"""Each invariant is seen when it is broken."""

import asyncio
import logging

import pytest

from tests.faults.conftest import CLIENT_KEY, PATH
from tests.support.invariants import PROMPT, Watch
from tests.support.raw import Head, RawClient, Response
from tests.upstream import openai
from tests.upstream.steps import hang, wait

_log = logging.getLogger("llms.test")


@pytest.fixture
async def both(pair):
    started = await pair(clocks={"first_byte_s": 9, "answer_s": 9, "total_s": 9})
    started.upstream.on("POST", PATH, openai.completion())
    return started


async def broken(both, fault, **options):
    """Give the names of the invariants that do not hold once ``fault`` has been done."""
    with Watch(options.pop("without", {}), **options) as watch:
        watch.secret("sk-upstream-canary", CLIENT_KEY)
        assert 200 == (await both.ask()).status
        undo = await fault(watch)
        found = await watch.broken(both.gateway, both.upstream)
        if undo is not None:
            undo()
    return {text.partition(":")[0] for text in found}


async def test_nothing_is_broken(both):
    """After a plain call all holds."""

    async def nothing(_watch): ...

    assert set() == await broken(both, nothing)


async def test_i2_upstream_is_still_busy(both):
    """I2: a connection on which the upstream is still at work."""
    async with RawClient("127.0.0.1", both.upstream.port) as client:

        async def keep_busy(_watch):
            both.upstream.on("POST", "/other", (hang(),))
            await client.request("POST", "/other", body={})
            await both.upstream.received(2)

        assert {"I2"} == await broken(both, keep_busy)


async def test_i2_call_goes_on(both):
    """I2: a call that the gateway still runs."""
    go = asyncio.Event()
    both.upstream.on("POST", PATH, openai.completion(), (wait(go), *openai.completion()))
    calls = []

    async def leave_running(_watch):
        calls.append(asyncio.create_task(both.ask()))
        await both.upstream.received(2)

    found = await broken(both, leave_running)
    go.set()
    await asyncio.gather(*calls)

    assert "I2" in found


async def test_i3_place(both):
    """I3: a place at a provider that nobody has given back."""
    bulkhead = both.gateway.generations._core.made["up"].upstream.bulkhead

    async def fault(_watch):
        bulkhead.running += 1

    assert {"I3"} == await broken(both, fault)


async def test_i2_i4_several_providers(both):
    """I2, I4: of several providers each is looked at, by the attempts that were its own."""
    async with RawClient("127.0.0.1", both.upstream.port) as client:
        with Watch({}) as watch:
            await both.ask()
            await watch.check_each(both.gateway, {"up": both.upstream})
            assert [] == watch._broken
            both.upstream.on("POST", PATH, (hang(),))
            await client.request("POST", PATH, body={})
            await both.upstream.received(2)
            await watch.check_each(both.gateway, {"up": both.upstream})

    assert ["I2", "I4"] == [text.partition(":")[0] for text in watch._broken]


@pytest.mark.parametrize("change", [lambda records: records.append(records[0]), lambda records: records.clear()])
async def test_i4_records(both, change):
    """I4: a call with two records, or with none."""

    async def fault(_watch):
        change(both.gateway.records)

    assert {"I4"} == await broken(both, fault)


async def test_i4_attempts(both):
    """I4: a request that no attempt tells of."""

    async def fault(_watch):
        async with RawClient("127.0.0.1", both.upstream.port) as client:
            await client.request("POST", PATH, body={})
            await client.read_response()
            client.fin()

    assert {"I4"} == await broken(both, fault)


async def test_i6_next_call(both):
    """I6: the next call does not work."""

    async def fault(_watch):
        both.gateway.live.stopping.set()  # it takes no calls any more
        return both.gateway.live.stopping.clear

    assert {"I6"} == await broken(both, fault)


async def test_i6_same_connection(both):
    """I6: the connection that was kept has been left out of step, so that another answer comes."""

    async def fault(_watch):
        async with RawClient("127.0.0.1", both.gateway.port) as client:
            await client.request("GET", "/v1/models")
            await client.send(b"GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n")
            await client.read_response()

    assert {"I6"} == await broken(both, fault)


async def test_i7_memory(both):
    """I7: memory that is not given back."""
    held = []

    async def fault(_watch):
        held.append(b"x" * (96 << 20))

    assert {"I7"} == await broken(both, fault, growth_bytes=16 << 20)


@pytest.mark.parametrize("secret", ["sk-upstream-canary", CLIENT_KEY, PROMPT])
async def test_i8_secrets(both, secret):
    """I8: a key or a prompt in the log, down to debug, and in an answer."""

    async def logged(_watch):
        _log.debug("it said %r", secret)

    async def answered(_watch):
        both.upstream.on("POST", PATH, openai.completion(secret))
        await both.ask()

    assert {"I8"} == await broken(both, logged)
    both.upstream.requests.clear()
    both.gateway.records.clear()
    both.upstream.on("POST", PATH, openai.completion())
    assert {"I8"} == await broken(both, answered)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b'{"error": "no"}'),
        ("application/json", b'{"error": {"message": "no", "type": "x", "code": null}}'),
        ("text/event-stream", b'data: {"error": {}}\n\n'),
        ("text/event-stream", b'data: {"choices": {}}\n\n'),
    ],
)
async def test_i10_form(both, kind, body):
    """I10: an error, or a chunk, that is not as OpenAI's document has it."""

    async def fault(watch):
        watch.heard.append(Response(Head(400, [("content-type", kind)], b""), [_Piece(body)], complete=True))

    assert {"I10"} == await broken(both, fault)


class _Piece:
    def __init__(self, data):
        self.data = data


async def test_left_out(both):
    """A case may leave an invariant out by its name."""

    async def fault(_watch):
        both.gateway.records.clear()

    assert set() == await broken(both, fault, without={"I4": "for this test"})
