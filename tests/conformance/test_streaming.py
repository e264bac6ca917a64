"""Checks 15 to 19 and 65: what goes on while a stream runs."""

import asyncio
import contextlib
import logging

import openai as official
import pytest

from llms import call_log
from tests.conformance import answers
from tests.conformance.dialects import COUNTED, EVERYONE, OPENAI_WIRES, UPSTREAMS, Answer
from tests.conformance.users import MODEL
from tests.support.raw import RawClient
from tests.upstream import openai
from tests.upstream.steps import hang, sleep, wait

TEXT = ("1 ", "zwölf\u2028\u0085", "日本 🙂", " 3")
HUGE = b"x" * (2 << 20)

SSE_NOISE = {
    "comments": (b": ping\n\n", b":\n\n", b": a\n: b\n\n"),
    "ping": (b"event: ping\n\n", b"event: ping\ndata: {}\n\n", b"data:\n\n"),
    "retry and id": (b"retry: 10\n\n", b"id: 1\n\n", b"id: 2\nretry: 3\n"),
    "a line of 2 MB": (b'data: {"obfuscation":"' + HUGE + b'"}\n\n', b": " + HUGE + b"\n\n", b""),
    "event name": (b"event: message\n", b"event: chunk\n", b""),
}
LINE_NOISE = {
    "blank lines": (b"\n", b"\r\n", b"\n\n"),
    "a line of 2 MB": (
        b'{"message":{"role":"assistant","content":""},"context":"' + HUGE + b'","done":false}\n',
        b"",
        b"",
    ),
}
FRAMINGS = {
    "CRLF": {"newline": b"\r\n"},
    "3-byte pieces": {"piece": 3},
    "3-byte pieces, CRLF": {"piece": 3, "newline": b"\r\n"},
    "one write": {"joined": True},
    "until close": {"framing": "close"},
}
SSE_FRAMINGS = {
    "CR": {"newline": b"\r"},
    "byte order mark": {"prefix": b"\xef\xbb\xbf"},
    "plain text": {"content_type": "text/plain"},
    "no content type": {"content_type": ""},
}


def choices(response):
    """All that the client is told of the choices."""
    return [chunk["choices"] for chunk in answers.stream(response).chunks]


async def clean(running):
    running.says(Answer(pieces=TEXT))
    return choices(await running.ask(stream=True))


@pytest.mark.parametrize(
    ("provider", "noise"),
    [(provider, noise) for provider in OPENAI_WIRES for noise in SSE_NOISE]
    + [("ollama", noise) for noise in LINE_NOISE],
)
async def test_check_15_noise(house, provider, noise):
    """What an upstream sends besides its chunks makes no difference."""
    running = await house(provider)
    first, second, third = (LINE_NOISE if provider == "ollama" else SSE_NOISE)[noise]
    expected = await clean(running)
    running.says(Answer(pieces=(first, TEXT[0], second, TEXT[1], third, *TEXT[2:])))

    assert expected == choices(await running.ask(stream=True))


@pytest.mark.parametrize(
    ("provider", "framing"),
    [(provider, framing) for provider in UPSTREAMS for framing in FRAMINGS]
    + [(provider, framing) for provider in OPENAI_WIRES for framing in SSE_FRAMINGS],
)
async def test_check_15_framing(house, provider, framing):
    """How the upstream cuts and ends its lines and writes makes no difference."""
    running = await house(provider)
    expected = await clean(running)
    running.says(Answer(pieces=TEXT), **{**FRAMINGS, **SSE_FRAMINGS}[framing])

    assert expected == choices(await running.ask(stream=True))
    assert "".join(TEXT) == "".join(choice["delta"].get("content", "") for [choice] in expected)


STALL_S, READ_S, KEEP_ALIVE_S = 1.5, 1.0, 0.1
"""Check 16's 20 and 5 seconds, and the default of 15, made shorter."""


@pytest.mark.parametrize(("provider", "kind"), [(provider, "async") for provider in UPSTREAMS] + [("openai", "sync")])
async def test_check_16_silence_before_the_first_token(house, provider, kind):
    """An upstream that thinks for longer than the client's read timeout is waited for, thanks to the comments."""
    running = await house(provider, server={"keepalive_s": KEEP_ALIVE_S})
    running.says(Answer(pieces=(sleep(STALL_S), *COUNTED.pieces)))
    chunks = []

    async with running.user(kind, timeout=READ_S) as user:
        await user.read(chunks)

    assert "1 2 3" == "".join(chunk.choices[0].delta.content or "" for chunk in chunks)


async def test_check_16_comments_on_the_wire(house):
    """While nothing comes from upstream, before the first chunk and between two, the client gets comments."""
    running = await house("openai", server={"keepalive_s": 0.05})
    running.plays((sleep(0.2), *openai.stream(["1 ", sleep(0.2), "2"])))

    response = await running.ask(stream=True)

    raw = answers.stream(response)
    assert (("1 2", "stop"), True) == ((raw.text(), raw.finish), 4 <= raw.comments <= 10)
    assert response.body.startswith(b": ")
    between = response.body.partition(b'"1 "')[2].partition(b'"2"')[0]
    assert b"\n\n: " in between


@pytest.mark.parametrize(("provider", "kind"), [(provider, "async") for provider in UPSTREAMS] + [("openai", "sync")])
async def test_check_17_client_gives_up(house, provider, kind):
    """A client whose patience ends before the first byte times out, and the upstream is let go at once."""
    running = await house(provider, server={"keepalive_s": 0})
    running.plays((hang(),))

    async with running.user(kind, timeout=0.3) as user:
        with pytest.raises(official.APITimeoutError):
            await user.read([])
        left_at = asyncio.get_running_loop().time()

    await gone(running, left_at)


async def gone(running, left_at):
    """The upstream's connection is closed within 100 ms of ``left_at``; the call has ended, and says how."""
    [connection] = running.upstream.connections
    assert await connection.closed_within(1)
    assert 0.1 > connection.closed_at - left_at
    async with asyncio.timeout(1):
        await running.gateway.services.gateway.idle()
    [record] = running.gateway.records
    assert "client_closed" == record.status
    assert "status=client_closed" in call_log.line(record)


@pytest.mark.starred
@pytest.mark.parametrize("provider", UPSTREAMS)
async def test_check_18_client_leaves_a_stream(house, provider, kind, caplog):
    """A client that breaks out of its loop closes the upstream within 100 ms; its leaving is no error in the log."""
    caplog.set_level(logging.INFO)
    running = await house(provider)
    running.says(Answer(pieces=("1 ", "2 ", "3 ", hang())))
    chunks = []

    async with running.user(kind) as user:
        await user.read(chunks, enough=3)
        left_at = asyncio.get_running_loop().time()

        await gone(running, left_at)

    assert 3 == len(chunks)
    assert [] == [entry for entry in caplog.records if entry.levelno > logging.INFO or entry.exc_info]


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("provider", UPSTREAMS)
async def test_check_18_client_leaves_before_the_answer(house, provider, stream):
    """A client that leaves while it waits for an answer, streamed or not, closes the upstream within 100 ms."""
    running = await house(provider)
    running.plays((hang(),))

    async with running.user("async") as user:
        body = {"model": MODEL, "messages": [{"role": "user", "content": "Count to 3"}]}
        waiting = asyncio.create_task(user.call("chat.completions.create", stream=stream, **body))
        await running.upstream.received()
        waiting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await waiting
        left_at = asyncio.get_running_loop().time()

        await gone(running, left_at)


async def test_check_18_client_of_the_demo_leaves(house):
    """The demo model, too, stops when its reader leaves."""
    running = await house("demo", section={"chunk_delay_s": 0.01})

    async with running.user("async") as user:
        await user.read([], enough=3)

    async with asyncio.timeout(0.5):
        await running.gateway.services.gateway.idle()
    assert ["client_closed"] == [record.status for record in running.gateway.records]


@pytest.mark.starred
@pytest.mark.parametrize("provider", EVERYONE)
async def test_check_19_streams_in_a_row(house, provider, kind):
    """Twenty streams through one client, which may drop the connection right after [DONE], are twenty whole answers."""
    running = await house(provider)
    running.says()
    texts = []

    async with running.user(kind) as user:
        for _ in range(20):
            chunks = []
            await user.read(chunks)
            texts.append("".join(chunk.choices[0].delta.content or "" for chunk in chunks))

    assert ["1 2 3"] * 20 == texts
    async with asyncio.timeout(1):
        await running.gateway.services.gateway.idle()
    assert ["ok"] * 20 == [record.status for record in running.gateway.records]


@pytest.mark.parametrize("provider", ["openai", "ollama"])
async def test_check_65_a_thousand_chunks(house, provider):
    """A thousand chunks come through as the upstream wrote them, each in a write of its own."""
    running = await house(provider)
    words = [f"wörd{number} " for number in range(1000)]
    running.says(Answer(pieces=tuple(piece for word in words for piece in (word, sleep(0.001)))))

    response = await running.ask(stream=True)

    contents = (choice["delta"].get("content") for choice in answers.stream(response).choices(0))
    assert words == [content for content in contents if content]
    assert [1] * 1000 == [count for chunk in response.chunks if (count := chunk.data.count("wörd".encode()))]


@pytest.mark.parametrize("provider", UPSTREAMS)
async def test_check_65_a_burst(house, provider):
    """Chunks that the upstream wrote at once are written at once: nothing is cut apart either."""
    running = await house(provider)
    words = [f"word{number} " for number in range(32)]
    go = asyncio.Event()
    running.says(Answer(pieces=("first ", wait(go), *words)), joined=True)

    async with RawClient("127.0.0.1", running.gateway.port) as client:
        body = {"model": MODEL, "stream": True, "messages": [{"role": "user", "content": "Count to 3"}]}
        await client.request("POST", "/v1/chat/completions", body=body)
        reading = asyncio.create_task(client.read_response())
        await running.upstream.received()
        await asyncio.sleep(0.05)
        go.set()
        response = await reading

    assert "first " + "".join(words) == answers.stream(response).text()
    assert 1 == len([chunk for chunk in response.chunks if b"word" in chunk.data])
