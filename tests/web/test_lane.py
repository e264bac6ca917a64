"""A connection on its lane, and where it leaves it. What is the same on both sides other tests ask of both."""

import asyncio
import json

import pytest

from llms.web import lane as lanes
from tests.support.raw import RawClient
from tests.upstream import openai
from tests.upstream.server import Upstream
from tests.upstream.steps import hang

BOTH_LOOPS = pytest.mark.asyncio(loop_factories=["asyncio", "uvloop"])
PATH = "/v1/chat/completions"
BODY = json.dumps({"model": "demo", "messages": [{"role": "user", "content": "count to 2"}]}).encode()
HEAD = (
    f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {len(BODY)}\r\n\r\n"
).encode()
PLAIN = HEAD + BODY
STREAM = json.dumps({"model": "demo", "messages": [{"role": "user", "content": "count to 2"}], "stream": True}).encode()
CHUNKED = (
    (
        f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        f"{len(STREAM):x}\r\n"
    ).encode()
    + STREAM
    + b"\r\n0\r\n\r\n"
)
GET = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


def on_lanes(running):
    return len(running.runner.server._lanes.open)


async def statuses(running, *pieces, answers, pause_s=0.0):
    """Send pieces; give the status of each answer, and whether it came on a lane."""
    found = []
    async with RawClient("127.0.0.1", running.port) as client:
        for piece in pieces:
            await client.send(piece)
            await asyncio.sleep(pause_s)
        for _ in range(answers):
            response = await client.read_response()
            found.append((response.status, response.complete))
        return found, on_lanes(running)


@BOTH_LOOPS
@pytest.mark.parametrize(
    "pieces",
    [
        (PLAIN,),
        (HEAD, BODY),
        (HEAD[:5], HEAD[5:-2], HEAD[-2:] + BODY[:3], BODY[3:]),
        tuple(PLAIN[at : at + 1] for at in range(len(PLAIN))),
    ],
    ids=["whole", "head, body", "pieces", "bytes"],
)
async def test_plain_request_however_it_is_cut(gateway, pieces):
    """A plain request is answered on the lane, in whatever pieces it comes."""
    running = await gateway()

    assert ([(200, True)], 1) == await statuses(running, *pieces, answers=1, pause_s=0.001)
    assert ["ok"] == [record.status for record in running.records]


@BOTH_LOOPS
@pytest.mark.parametrize(
    ("sent", "answers", "lanes_left"),
    [
        (PLAIN * 3, 3, 1),
        (GET + PLAIN, 2, 0),
        (PLAIN + GET, 2, 0),
        (PLAIN + GET + PLAIN + GET, 4, 0),
        (CHUNKED + PLAIN, 2, 0),
        (PLAIN + CHUNKED + PLAIN, 3, 0),
        (PLAIN + CHUNKED[:-4], 1, 1),
    ],
)
async def test_requests_ahead(gateway, sent, answers, lanes_left):
    """Requests that come one behind the other are answered in their order; at the first that is not plain it is left."""
    running = await gateway()

    found, left = await statuses(running, sent, answers=answers)

    assert [(200, True)] * answers == found
    assert left in (lanes_left, 0)


@BOTH_LOOPS
async def test_slow_body_is_handed_over(gateway, monkeypatch):
    """A body that takes its time is aiohttp's to wait for, and is answered."""
    monkeypatch.setattr(lanes, "_BODY_S", 0.1)
    running = await gateway()
    async with RawClient("127.0.0.1", running.port) as client:
        await client.send(HEAD + BODY[:5])
        await asyncio.sleep(0.05)
        before = on_lanes(running)
        await asyncio.sleep(0.3)
        after = on_lanes(running)
        await client.send(BODY[5:])
        response = await client.read_response()

    assert (1, 0, 200) == (before, after, response.status)


async def test_idle_connection_is_closed(gateway, monkeypatch):
    """A connection on which nothing comes any more is closed."""
    monkeypatch.setattr(lanes, "KEEP_ALIVE_S", 0.2)
    running = await gateway()
    async with RawClient("127.0.0.1", running.port) as client:
        await client.send(PLAIN)
        await client.read_response()
        assert await client.eof_within(3)

    assert 0 == on_lanes(running)


@BOTH_LOOPS
async def test_too_much_ahead(gateway):
    """While a request runs its client is read ahead up to a bound only; nothing of it is lost."""
    async with Upstream() as upstream:
        upstream.on("POST", PATH, openai.completion("Hello"))
        running = await gateway(
            providers={"up": {"type": "openai", "base_url": f"{upstream.url}/v1", "models": ["m"]}, "demo": {}}
        )
        slow = PLAIN.replace(b'"demo"', b'"up/m"')
        async with RawClient("127.0.0.1", running.port) as client:
            await client.send(slow + PLAIN * 1000)
            found = [(await client.read_response()).status for _ in range(1001)]

    assert [200] * 1001 == found


@BOTH_LOOPS
async def test_answers_that_nobody_reads(gateway):
    """Of very many requests at once whose answers nobody reads few are taken, then the client is cut off."""
    running = await gateway(server={"write_stall_s": 1})
    async with RawClient("127.0.0.1", running.port, receive_buffer=4096) as client:
        many = PLAIN.replace(b"\r\nHost", b"\r\nX: " + b"y" * 2000 + b"\r\nHost") * 20_000  # more than the kernel takes
        sending = asyncio.create_task(client.send(many))
        async with asyncio.timeout(20):
            with pytest.raises((ConnectionError, TimeoutError)):
                await sending

    assert 0 < len(running.records) < 5_000


@BOTH_LOOPS
async def test_stream_on_the_lane(gateway):
    """A stream is framed as any, and the connection can be used again."""
    running = await gateway()
    head = HEAD.replace(b"Content-Length: %d" % len(BODY), b"Content-Length: %d" % len(STREAM))
    async with RawClient("127.0.0.1", running.port) as client:
        for _ in range(3):
            await client.send(head + STREAM)
            response = await client.read_response()
            assert (200, True) == (response.status, response.complete)
            assert response.body.endswith(b"data: [DONE]\n\n")
        assert 1 == on_lanes(running)


@BOTH_LOOPS
async def test_stop_ends_what_runs(gateway):
    """When the server stops, idle lanes close at once, and a call that runs is ended."""
    async with Upstream() as upstream:
        upstream.on("POST", PATH, (hang(),))
        running = await gateway(providers={"up": {"type": "openai", "base_url": f"{upstream.url}/v1", "models": ["m"]}})
        async with RawClient("127.0.0.1", running.port) as idle, RawClient("127.0.0.1", running.port) as busy:
            body = BODY.replace(b'"demo"', b'"m"')
            await busy.send(HEAD.replace(b"%d" % len(BODY), b"%d" % len(body)) + body)
            await upstream.received(1)
            running.runner.server.pre_shutdown()
            assert await idle.eof_within(3)
            await running.runner.server.shutdown(0.1)
            assert await busy.eof_within(3)

    assert ["client_closed"] == [record.status for record in running.records]
