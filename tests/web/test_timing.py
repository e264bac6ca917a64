"""``Server-Timing``: on every answer, and what it says is so."""

import asyncio
import json
import socket

import pytest

from llms import call_log
from llms.web import lane
from tests.support import timing
from tests.support.raw import RawClient
from tests.upstream import ollama, openai
from tests.upstream.server import Upstream
from tests.upstream.steps import send, sleep, wait

BOTH_LOOPS = pytest.mark.asyncio(loop_factories=["asyncio", "uvloop"])
SIDES = pytest.mark.parametrize("headers", [(), (("x-llms-trail", "1"),)], ids=["lane", "aiohttp"])
PATH = "/v1/chat/completions"
CHAT = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
DEMO = {**CHAT, "model": "demo"}
STREAM = {**CHAT, "stream": True}
SLOW_S = 0.2
SLOW_US = 195_000  # uvloop's timers may be some milliseconds early

_BODY = b'{"choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}]}'
WHOLE = (
    send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(_BODY)),
    send(_BODY),
)
"""An answer whose head comes by itself."""


async def ask(gateway, method, target, headers=(), body=None):
    async with RawClient("127.0.0.1", gateway.port) as client:
        await client.request(method, target, headers, body)
        return await client.read_response()


async def said(gateway, data):
    async with RawClient("127.0.0.1", gateway.port) as client:
        await client.send(data)
        return await client.read_response()


@pytest.fixture
async def upstream():
    async with Upstream() as one:
        yield one


@pytest.fixture
async def second():
    async with Upstream() as one:
        yield one


def section(upstream, **options):
    return {"type": "openai", "base_url": f"{upstream.url}/v1", "models": ["m"], **options}


def longest(parts, count=1):
    """Give the names of the parts that took longest; what is waited for on purpose is longer than all else."""
    own = {name: taken for name, taken in parts.items() if name != "total"}
    return set(sorted(own, key=own.__getitem__)[-count:])


@BOTH_LOOPS
@SIDES
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_call(gateway, upstream, headers, stream):
    """An answer tells of each stage; a connection that is used again took no time."""
    upstream.on("POST", PATH, openai.stream(["Hello"]) if stream else openai.completion())
    running = await gateway(providers={"up": section(upstream)})

    first = timing.of(await ask(running, "POST", PATH, headers, {**CHAT, "stream": stream}))
    again = timing.of(await ask(running, "POST", PATH, headers, {**CHAT, "stream": stream}))

    stages = {"auth", "parse", "limits", "route", "queue", "connect", "upstream", "answer", "gateway", "total"}
    assert stages == first.keys() - {"body"}
    assert (0, True) == (again["connect"], first["connect"] > 0)
    assert bool(headers) <= ("body" in first)


@BOTH_LOOPS
@SIDES
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("part", ["upstream", "answer"])
async def test_slow_upstream(gateway, upstream, headers, stream, part):
    """What the provider takes up to its head is ``upstream``, what it takes from there ``answer``; nothing else has it."""
    script = openai.stream(["Hello"]) if stream else WHOLE
    at = 0 if part == "upstream" else 1
    upstream.on("POST", PATH, (*script[:at], sleep(SLOW_S), *script[at:]))
    running = await gateway(providers={"up": section(upstream)})

    parts = timing.of(await ask(running, "POST", PATH, headers, {**CHAT, "stream": stream}))

    assert SLOW_US <= parts[part]
    assert {part} == longest(parts)


@BOTH_LOOPS
@SIDES
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_retry(gateway, upstream, headers, stream):
    """What went to an attempt that failed, and to waiting after it, is ``retries``; the rest is the last attempt's."""
    good = openai.stream(["Hello"]) if stream else openai.completion()
    upstream.on("POST", PATH, (sleep(SLOW_S), *openai.error(503)), good)
    running = await gateway(providers={"up": section(upstream)})

    parts = timing.of(await ask(running, "POST", PATH, headers, {**CHAT, "stream": stream}))

    assert SLOW_US <= parts["retries"]
    assert {"retries"} == longest(parts)


async def test_fallback(gateway, upstream, second):
    """So is what went to another provider."""
    upstream.on("POST", PATH, (sleep(SLOW_S), *openai.error(503)))
    second.on("POST", PATH, (sleep(SLOW_S), *openai.completion()))
    running = await gateway(
        providers={"one": section(upstream, retries=0), "two": section(second)},
        models={"both": ["one/m", "two/m"]},
    )

    parts = timing.of(await ask(running, "POST", PATH, body={**CHAT, "model": "both"}))

    assert SLOW_US <= min(parts["retries"], parts["upstream"])
    assert {"retries", "upstream"} == longest(parts, 2)


@pytest.mark.parametrize("wins", ["first", "second"])
async def test_hedge(gateway, upstream, second, wins):
    """Of a call that two targets were asked for, it is told what the one took that answered, and the wait before it."""
    upstream.on("POST", PATH, openai.completion())
    running = await gateway(
        providers={"one": section(upstream), "two": section(second)},
        models={"fast": {"targets": ["one/m", "two/m"], "hedge_percent": 100}},
    )
    for _ in range(20):
        await ask(running, "POST", PATH, body={**CHAT, "model": "fast"})
    upstream.on("POST", PATH, (sleep(SLOW_S if wins == "first" else 10), *openai.completion()))
    second.on("POST", PATH, (sleep(10 if wins == "first" else SLOW_S), *openai.completion()))

    response = await ask(running, "POST", PATH, body={**CHAT, "model": "fast"})

    parts = timing.of(response)
    assert 1 == len(second.requests)
    assert ("one" if wins == "first" else "two") == response.header("x-llms-provider")
    assert (wins == "second") == ("retries" in parts)
    assert SLOW_US <= parts["upstream"]
    assert {"upstream"} == longest(parts)


@SIDES
async def test_no_connection(gateway, headers):
    """An attempt that never had a connection is all ``connect``, and the error says so."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.socket() for _ in range(8)]  # more than the kernel lets wait
        try:
            for one in waiting:
                one.setblocking(False)
                one.connect_ex(full.getsockname())
            url = f"http://127.0.0.1:{full.getsockname()[1]}/v1"
            running = await gateway(
                providers={"up": {"type": "openai", "base_url": url, "models": ["m"], "retries": 0}},
                server={"clocks": {"connect_s": SLOW_S}},
            )
            response = await ask(running, "POST", PATH, headers, CHAT)
        finally:
            for one in waiting:
                one.close()

    parts = timing.of(response)
    assert 504 == response.status
    assert SLOW_US <= parts["connect"]
    assert "upstream" not in parts
    assert {"connect"} == longest(parts)


@SIDES
async def test_queue(gateway, upstream, headers):
    """Waiting for a place at the provider is ``queue``."""
    go = asyncio.Event()
    upstream.on("POST", PATH, (wait(go), *openai.completion()), openai.completion())
    running = await gateway(providers={"up": section(upstream, concurrency=1)})

    before = asyncio.create_task(ask(running, "POST", PATH, headers, CHAT))
    await upstream.received(1)
    waits = asyncio.create_task(ask(running, "POST", PATH, headers, CHAT))
    while not running.generations._core.made["up"].upstream.bulkhead._waiting:  # noqa: ASYNC110 - no event tells of it
        await asyncio.sleep(0.01)
    await asyncio.sleep(2 * SLOW_S)
    go.set()
    parts = timing.of(await waits)
    await before

    assert SLOW_US <= parts["queue"]
    assert {"queue"} == longest(parts)


@BOTH_LOOPS
@SIDES
async def test_slow_body(gateway, headers):
    """Waiting for the rest of a request is ``body``."""
    running = await gateway()
    body = json.dumps(DEMO).encode()
    lines = [f"{name}: {value}\r\n" for name, value in headers]
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n{''.join(lines)}"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    async with RawClient("127.0.0.1", running.port) as client:
        for piece in (head.encode(), body[:5], body[5:]):
            await client.send(piece)
            await asyncio.sleep(SLOW_S / 2)
        first = timing.of(await client.read_response())
        await client.send(head.encode() + body)
        second = timing.of(await client.read_response())

    assert SLOW_US / 2 <= first["body"]
    assert {"body"} == longest(first)
    assert second.get("body", 0) < first["body"]


@BOTH_LOOPS
async def test_slow_body_that_is_handed_over(gateway, monkeypatch):
    """So is waiting for what leaves its lane in the middle; the next request has nothing of it."""
    monkeypatch.setattr(lane, "_BODY_S", SLOW_S)
    running = await gateway()
    head = f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {len(BODY)}\r\n\r\n"
    async with RawClient("127.0.0.1", running.port) as client:
        await client.send(head.encode() + BODY[:5])
        await asyncio.sleep(2 * SLOW_S)
        await client.send(BODY[5:])
        first = timing.of(await client.read_response())
        await client.send(head.encode() + BODY)
        second = timing.of(await client.read_response())

    assert 2 * SLOW_US <= first["body"]
    assert {"body"} == longest(first)
    assert second.get("body", 0) < first["body"]


@BOTH_LOOPS
@SIDES
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_record(gateway, upstream, headers, stream):
    """The log has what the header said; of a whole answer, from a moment before it."""
    script = openai.stream(["Hello", " you"]) if stream else openai.completion()
    upstream.on("POST", PATH, (*script[:1], *((sleep(0.05), *script[1:]) if stream else ())))
    running = await gateway(providers={"up": section(upstream)})

    response = await ask(running, "POST", PATH, headers, {**CHAT, "stream": stream})

    told, value = timing.of(response), response.header("Server-Timing")
    [record] = running.records
    logged = timing.microseconds(record.timing)
    assert f' timing="{record.timing}"' in call_log.line(record)
    if stream:
        assert value == record.timing
    assert value.partition("gateway")[0] == record.timing.partition("gateway")[0]
    assert logged["total"] <= told["total"]
    assert logged["total"] <= record.duration_s * 1e6 + 1


async def test_header_with_a_keep_alive(gateway, upstream):
    """A header that goes out before there is an answer says what is known by then; the log knows all."""
    upstream.on("POST", PATH, (sleep(3 * SLOW_S), *openai.stream(["Hello"])))
    running = await gateway(providers={"up": section(upstream)}, server={"keepalive_s": SLOW_S})

    told = timing.of(await ask(running, "POST", PATH, body=STREAM))

    logged = timing.microseconds(running.records[0].timing)
    assert SLOW_US / 2 <= told["upstream"] < logged["upstream"]
    assert 3 * SLOW_US <= logged["upstream"]
    assert ("answer" in told, "answer" in logged) == (False, True)


async def test_stream_that_fails_after_a_keep_alive(gateway, upstream):
    """The log has all of the time of such a call, which the header could not have."""
    upstream.on("POST", PATH, (sleep(3 * SLOW_S), *openai.error(500)))
    running = await gateway(providers={"up": section(upstream, retries=0)}, server={"keepalive_s": SLOW_S})

    told = timing.of(await ask(running, "POST", PATH, body=STREAM))

    logged = timing.microseconds(running.records[0].timing)
    assert told["upstream"] < 3 * SLOW_US <= logged["upstream"]


async def test_second_request_of_an_attempt(gateway, upstream):
    """Where a provider has to be asked once more in another way, the first way is ``retries``."""
    refusal = ollama.error(400, '"m" does not support thinking')
    upstream.on("POST", "/api/chat", (sleep(SLOW_S), *refusal), ollama.chat("Hello"))
    running = await gateway(providers={"up": {"type": "ollama", "base_url": upstream.url, "models": ["m"]}})

    response = await ask(running, "POST", PATH, body={**CHAT, "reasoning_effort": "high"})

    parts = timing.of(response)
    assert (200, 2) == (response.status, len(upstream.requests))
    assert SLOW_US <= parts["retries"]
    assert {"retries"} == longest(parts)


async def test_provider_without_a_connection(gateway):
    """A provider that needs no connection has none; what it takes is ``upstream``."""
    running = await gateway()

    parts = timing.of(await ask(running, "POST", PATH, body=DEMO))

    assert {"auth", "parse", "limits", "route", "queue", "upstream", "gateway", "total"} == parts.keys() - {"body"}


@pytest.mark.parametrize("length", [10, 100_000], ids=["short", "long"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_replay(gateway, upstream, stream, length):
    """A replay has the times of the replay: nobody was asked."""
    good = openai.stream(["a" * length]) if stream else openai.completion("a" * length)
    upstream.on("POST", PATH, (sleep(SLOW_S), *good))
    running = await gateway(providers={"up": section(upstream)})
    headers = [("Idempotency-Key", "one")]

    first = await ask(running, "POST", PATH, headers, {**CHAT, "stream": stream})
    replay = await ask(running, "POST", PATH, headers, {**CHAT, "stream": stream})

    assert (None, "true") == (first.header("x-idempotent-replay"), replay.header("x-idempotent-replay"))
    assert "upstream" in timing.of(first)
    parts = timing.of(replay)
    assert {"body", "auth", "parse", "gateway", "total"} == parts.keys()


BODY = json.dumps(DEMO).encode()
JSON = ("Content-Type", "application/json")
OTHERS = {
    "health": ("GET", "/healthz", (), None, 200),
    "models": ("GET", "/v1/models", (), None, 200),
    "providers": ("GET", "/v1/providers", (), None, 200),
    "explain": ("POST", "/v1/route/explain", (), DEMO, 200),
    "head": ("HEAD", "/healthz", (), None, 200),
    "page": ("GET", "/", (), None, 200),
    "page compressed": ("GET", "/", (("Accept-Encoding", "gzip"),), None, 200),
    "leads on": ("GET", "/ui", (), None, 302),
    "no such asset": ("GET", "/ui/none", (), None, 404),
    "no icon": ("GET", "/favicon.ico", (), None, 204),
    "no such path": ("GET", "/none", (), None, 404),
    "no such method": ("DELETE", "/v1/models", (), None, 405),
    "no such model": ("POST", PATH, (), {**DEMO, "model": "none"}, 404),
    "bad field, lane": ("POST", PATH, (), {"model": "demo"}, 400),
    "bad field": ("POST", PATH, (("x-llms-trail", "1"),), {"model": "demo"}, 400),
    "bad json": ("POST", PATH, (JSON,), b"{", 400),
    "no json": ("POST", PATH, (("Content-Type", "text/plain"),), b"{}", 415),
    "other host": ("GET", "/healthz", (("Host", "evil.example"),), None, 421),
    "other origin": ("POST", PATH, (("Origin", "https://evil.example"),), DEMO, 403),
    "preflight": (
        "OPTIONS",
        PATH,
        (("Origin", "https://chat.example"), ("Access-Control-Request-Method", "POST")),
        None,
        204,
    ),
    "embeddings": ("POST", "/v1/embeddings", (), {"model": "demo", "input": "a"}, 200),
    "text": ("POST", "/v1/completions", (), {"model": "demo", "prompt": "a"}, 200),
    "expects": ("POST", PATH, (("Expect", "a miracle"),), DEMO, 417),
    "expects a lot": ("GET", "/healthz", (("Expect", "a miracle"),), None, 417),
}


@pytest.mark.parametrize("name", OTHERS)
async def test_every_answer(gateway, name):
    """Every answer has the header, and it adds up, whatever the answer is."""
    method, target, headers, body, status = OTHERS[name]
    running = await gateway(server={"allowed_origins": ["https://chat.example"]})

    response = await ask(running, method, target, headers, body)

    assert status == response.status
    assert timing.of(response)["total"] > 0


async def test_unchanged_page(gateway):
    """A 304 has it as well."""
    running = await gateway()
    etag = (await ask(running, "GET", "/")).header("ETag")

    response = await ask(running, "GET", "/", [("If-None-Match", etag)])

    assert 304 == response.status
    timing.of(response)


@pytest.mark.parametrize(
    "data",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nno colon\r\n\r\n",
        b"GET /healthz HTTP/1.2\r\nHost: 127.0.0.1\r\n\r\n",
        b"POST /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    ],
    ids=["no HTTP", "no header", "version", "coding"],
)
async def test_what_cannot_be_read(gateway, data):
    """What is refused before it is a request has the total, and that is the gateway's own."""
    running = await gateway()

    response = await said(running, data)

    assert 400 == response.status
    assert {"gateway", "total"} == timing.of(response).keys()


@pytest.mark.parametrize("headers", [(), (("Authorization", "Bearer sk-other"),)], ids=["none", "wrong"])
async def test_no_key(gateway, headers):
    """A refusal does not tell how long it took to find that the key is wrong."""
    running = await gateway(server={"keys": ["$K"]}, environ={"K": "sk-one"})

    response = await ask(running, "POST", PATH, headers, DEMO)

    assert 401 == response.status
    assert {"gateway", "total"} == timing.of(response).keys()


async def test_gateway_that_stops(gateway):
    """So has a call that comes too late, on its lane."""
    running = await gateway()
    running.live.stopping.set()

    response = await ask(running, "POST", PATH, body=DEMO)

    assert 503 == response.status
    timing.of(response)


@pytest.mark.parametrize("body", [DEMO, {**DEMO, "stream": True}, {**DEMO, "model": "none"}])
async def test_allowed_origin(gateway, body):
    """A page of an allowed origin may see the times."""
    running = await gateway(server={"allowed_origins": ["https://chat.example"]})

    response = await ask(running, "POST", PATH, [("Origin", "https://chat.example")], body)

    assert "https://chat.example" == response.header("Timing-Allow-Origin")
    assert "server-timing" in response.header("Access-Control-Expose-Headers")


async def test_other_origin(gateway):
    """No other page may."""
    running = await gateway(server={"allowed_origins": ["https://chat.example"]})

    refused = await ask(running, "POST", PATH, [("Origin", "https://evil.example")], DEMO)
    read = await ask(running, "GET", "/healthz", [("Origin", "https://evil.example")])

    assert (None, None) == (refused.header("Timing-Allow-Origin"), read.header("Timing-Allow-Origin"))
