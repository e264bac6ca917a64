"""What clients do to a gateway: cases C of the fault catalogue."""

import asyncio
import json
import resource
from pathlib import Path

import pytest

from tests.faults.conftest import PATH, SHORT
from tests.faults.streams import FIRST, data_events, said
from tests.support.raw import RawClient
from tests.upstream import openai
from tests.upstream.steps import flood, hang, send, wait

PROMPT_S = 0.1
"""How soon an upstream's connection is closed once its client has gone."""

LONG = {"first_byte_s": 5, "answer_s": 5, "idle_s": 5, "total_s": 10}


async def gone_after(both, leave):
    """Have the client leave; give the seconds until the upstream's connection is closed."""
    loop = asyncio.get_running_loop()
    left_at = loop.time()
    leave()
    connection = both.upstream.connections[-1]
    async with asyncio.timeout(5):
        await connection.gone.wait()
    return connection.closed_at - left_at


async def soonest_end(both, way, *, stream, begun):
    """Leave three calls; give the shortest time that the upstream's connection then lived: a busy machine has pauses."""
    delays = []
    for number in range(3):
        async with RawClient("127.0.0.1", both.gateway.port) as client:
            await client.request("POST", PATH, body=both.body(stream=stream))
            await both.upstream.received(number + 1)
            seen = b""
            while begun and b"Hel" not in seen:
                seen += await client.read_some()
            delays.append(await gone_after(both, getattr(client, way)))
    return min(delays)


@pytest.mark.case("C04", "C06", "C08")
@pytest.mark.parametrize("way", ["fin", "rst"])
@pytest.mark.parametrize("stream", [True, False])
async def test_c04_c06_client_leaves_before_the_first_byte(pair, way, stream):
    """C04, C06, C08: a client that leaves before anything came ends the upstream's work at once."""
    both = await pair(clocks=LONG)
    both.upstream.on("POST", PATH, (hang(),))

    assert await soonest_end(both, way, stream=stream, begun=False) < PROMPT_S
    await asyncio.sleep(0)
    assert ["client_closed"] * 3 == [record.status for record in both.gateway.records]


@pytest.mark.case("C05")
@pytest.mark.parametrize("way", ["fin", "rst"])
async def test_c05_client_leaves_in_mid_stream(pair, way):
    """C05: a client that leaves in mid-stream ends the upstream's work at once."""
    both = await pair(clocks=LONG)
    both.upstream.on("POST", PATH, (*FIRST, hang()))

    assert await soonest_end(both, way, stream=True, begun=True) < PROMPT_S
    await asyncio.sleep(0)
    assert ["client_closed"] * 3 == [record.status for record in both.gateway.records]


@pytest.mark.case("U67")
async def test_u67_upstream_ignores_that_the_client_left(pair):
    """U67: an upstream that goes on sending is cut off all the same."""
    both = await pair(clocks=LONG)
    chunk = openai.event(openai.chunk({"content": "x"}))
    both.upstream.on("POST", PATH, (*FIRST, flood(b"%x\r\n%b\r\n" % (len(chunk), chunk))))
    async with RawClient("127.0.0.1", both.gateway.port) as client:
        await client.request("POST", PATH, body=both.body(stream=True))
        await client.read_head()

        assert await gone_after(both, client.rst) < 10 * PROMPT_S


@pytest.mark.case("C01")
async def test_c01_slow_reader_slows_the_upstream(pair, upstream):
    """C01: a client that does not read makes the upstream wait: what lies between them is bounded."""
    both = await pair(clocks={**LONG, "idle_s": 0.3})
    chunk = openai.event(openai.chunk({"content": "x" * 10_000}))
    both.upstream.on("POST", PATH, (*FIRST, flood(b"%x\r\n%b\r\n" % (len(chunk), chunk))))
    async with RawClient("127.0.0.1", both.gateway.port, receive_buffer=4096) as client:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        await client.request("POST", PATH, body=both.body(stream=True))
        await client.read_head()
        connection = both.upstream.connections[0]
        last = -1
        while connection.sent_bytes != last:
            last = connection.sent_bytes
            await asyncio.sleep(0.3)

        # Kernel buffers of four sockets hold most of it; the gateway's own share is seen in the memory.
        assert connection.sent_bytes < 20 << 20
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 8 << 10
        # It stood still for longer than idle_s, and that was no fault of the upstream.
        assert connection.closed_at is None
        assert await gone_after(both, client.rst) < 10 * PROMPT_S


@pytest.mark.case("C01")
async def test_c01_long_answer_read_slowly(pair):
    """C01: a client that takes little of a long answer, but takes, is no stalled one, however long that lasts."""
    both = await pair(clocks=LONG, write_stall_s=0.5)
    both.upstream.on("POST", PATH, openai.completion("x" * 3_000_000))
    async with RawClient("127.0.0.1", both.gateway.port, receive_buffer=65_536) as client:
        await client.request("POST", PATH, body=both.body())
        head = await client.read_head()
        seen = 0
        while piece := await client.read_some():
            seen += len(piece)
            if seen == int(head.header("content-length")):
                break
            await asyncio.sleep(0.03)

    assert (200, str(seen)) == (head.status, head.header("content-length"))


@pytest.mark.case("C01")
@pytest.mark.parametrize("stream", [True, False])
async def test_c01_kernel_holds_little(pair, invariants, stream):
    """C01, F15: of what a client does not take, the kernel holds what it is told to, not megabytes."""
    both = await pair(clocks=LONG, send_buffer_bytes=64 << 10)
    text = "x" * 1_000_000
    both.upstream.on("POST", PATH, openai.stream([text] * 20) if stream else openai.completion(text * 20))
    async with RawClient("127.0.0.1", both.gateway.port, receive_buffer=4096) as client:
        await client.request("POST", PATH, body=both.body(stream=stream))
        await client.read_head()
        queued = 0
        for _ in range(20):
            queued = max(queued, _queued(both.gateway.port, client.own_port)[0])
            await asyncio.sleep(0.02)
        client.rst()
        await both.gateway.services.gateway.idle()

    assert 0 < queued <= 512 << 10
    invariants.notes.append("at most 512 KiB in the kernel")


@pytest.mark.case("C01")
async def test_c01_kernel_takes_little_in_advance(pair, upstream, invariants):
    """C01, F15: while a client does not read, little of what its provider sends waits in the kernel."""
    both = await pair(clocks=LONG)
    chunk = openai.event(openai.chunk({"content": "x" * 10_000}))
    both.upstream.on("POST", PATH, (*FIRST, flood(b"%x\r\n%b\r\n" % (len(chunk), chunk))))
    async with RawClient("127.0.0.1", both.gateway.port, receive_buffer=4096) as client:
        await client.request("POST", PATH, body=both.body(stream=True))
        await client.read_head()
        connection = both.upstream.connections[0]
        sent = -1
        while connection.sent_bytes != sent:
            sent = connection.sent_bytes
            await asyncio.sleep(0.3)
        waiting = _queued(connection.peer_port, upstream.port)[1]
        client.rst()
        await both.gateway.services.gateway.idle()

    assert 0 < waiting <= 512 << 10
    invariants.notes.append("at most 512 KiB of the provider's in the kernel")


def _queued(port, other_port):
    """What the kernel holds at ``port``: sent and not acknowledged, or not sent; and received and not read."""
    for line in Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]:
        _, local, remote, _, queues, *_ = line.split()
        if [port, other_port] == [int(end.partition(":")[2], 16) for end in (local, remote)]:
            return [int(queue, 16) for queue in queues.split(":")]
    return [0, 0]


async def test_keep_alive_before_the_first_byte(pair):
    """A stream that is silent before its first byte is kept alive with comments, and is whole afterwards."""
    both = await pair(clocks=LONG, keepalive_s=0.1)
    go = asyncio.Event()
    both.upstream.on("POST", PATH, (wait(go), *openai.stream(["Hel", "lo"])))
    async with RawClient("127.0.0.1", both.gateway.port) as client:
        await client.request("POST", PATH, body=both.body(stream=True))
        head = await client.read_head()
        seen = b""
        while seen.count(b": keep-alive\n\n") < 3:
            seen += await client.read_some()
        go.set()
        while b"[DONE]" not in seen:
            seen += await client.read_some()

    assert (200, "text/event-stream") == (head.status, head.header("content-type"))
    assert b'"Hel"' in seen
    assert seen.index(b"keep-alive") < seen.index(b'"Hel"')


async def test_keep_alive_between_chunks(pair):
    """Silence between two chunks is kept alive too, and only silence: the comments stop when data flows."""
    both = await pair(clocks=LONG, keepalive_s=0.15)
    go = asyncio.Event()
    both.upstream.on("POST", PATH, (*openai.stream(["Hel", wait(go), *("l" * 30), "o"]),))
    async with RawClient("127.0.0.1", both.gateway.port) as client:
        await client.request("POST", PATH, body=both.body(stream=True))
        seen = b""
        while seen.count(b": keep-alive\n\n") < 2:
            seen += await client.read_some()
        go.set()
        rest = b""
        while b"[DONE]" not in rest:
            rest += await client.read_some()

    assert seen.index(b'"Hel"') < seen.index(b"keep-alive")
    assert rest.count(b"keep-alive") <= 1


async def test_keep_alive_does_not_move_the_clocks(pair):
    """Comments to the client are no data from the upstream: its clocks run out under them, and the error is in band."""
    both = await pair(clocks=SHORT, keepalive_s=0.1)
    both.upstream.on("POST", PATH, (hang(),))

    response = await both.ask(stream=True)

    assert (200, True) == (response.status, response.complete)
    assert b": keep-alive\n\n" in response.body
    assert ["upstream_first_byte_timeout"] == [event["error"]["code"] for event in data_events(response)]


async def test_no_keep_alive(pair):
    """With keepalive_s 0 there are no comments, and a late failure still has its status."""
    both = await pair(clocks=SHORT, keepalive_s=0)
    both.upstream.on("POST", PATH, (hang(),))

    assert 504 == (await both.ask(stream=True)).status


async def test_quick_failure_has_its_status(pair):
    """A failure within the first silence is an HTTP error, as nothing has been sent yet."""
    both = await pair(keepalive_s=5)
    both.upstream.on("POST", PATH, openai.error(400, "no"))

    assert 400 == (await both.ask(stream=True)).status


@pytest.mark.case("C09")
async def test_c09_pipelined(pair):
    """C09: requests sent at once are answered in order."""
    both = await pair()
    both.upstream.on("POST", PATH, *(openai.completion(str(number)) for number in range(200)))
    async with RawClient("127.0.0.1", both.gateway.port) as client:
        for _ in range(200):
            await client.request("POST", PATH, body=both.body())
        answers = [await client.read_response() for _ in range(200)]

    assert [str(number) for number in range(200)] == [a.json["choices"][0]["message"]["content"] for a in answers]


@pytest.mark.case("C35", "C36", "C37", "K01", "K02", "K05")
@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({"n": 10**9}, "n", "invalid_value"),
        ({"max_tokens": 10**12}, "max_tokens", "invalid_value"),
        ({"max_tokens": "5"}, "max_tokens", "invalid_value"),
        ({"max_tokens": 1.5}, "max_tokens", "invalid_value"),
        ({"top_p": 7}, "top_p", "invalid_value"),
        ({"temperature": "hot"}, "temperature", "invalid_value"),
        ({"n": True}, "n", "invalid_value"),
        ({"stop": ["x"] * 10_000}, "stop", "invalid_value"),
        ({"messages": [{"role": "user", "content": ""}] * 20_000}, "messages", "invalid_value"),
        ({"tools": [{}] * 100_000}, "tools", None),
        ({"model": ""}, "model", "invalid_value"),
        ({"model": "m" * 1_000_000}, "model", "invalid_value"),
        ({"model": "a\r\nb"}, "model", "invalid_value"),
        ({"model": None}, "model", "missing_required_parameter"),
        ({"base_url": "http://127.0.0.1:9/"}, "base_url", "unknown_parameter"),
        ({"api_key": "sk-x"}, "api_key", "unknown_parameter"),
        ({"extra_headers": {}}, "extra_headers", "unknown_parameter"),
        ({"stream": "true"}, "stream", "invalid_value"),
    ],
)
async def test_c35_c36_c37_bad_values(pair, fields, param, code):
    """C35–C37: a bad value is a 400 that names the field, and nothing is sent anywhere."""
    both = await pair()

    response = await both.ask(**fields)

    error = response.json["error"]
    assert (400, "invalid_request_error") == (response.status, error["type"])
    assert error["param"].startswith(param)
    assert code is None or code == error["code"]
    assert "false" == response.header("x-should-retry")
    assert [] == both.upstream.requests


@pytest.mark.case("C36", "C52", "K02")
@pytest.mark.parametrize("model", ["../x", "%00", "ｍ", "M", "m ", "up/../../admin", "http://127.0.0.1/m"])
async def test_c36_c52_odd_model_names(pair, model):
    """C36, C52: a model's name is looked up, never made part of an URL; what is not there is 404."""
    both = await pair()
    both.upstream.on("POST", PATH, openai.error(404, "no such model"))

    response = await both.ask(model=model)

    assert (404, "model_not_found") == (response.status, response.json["error"]["code"])
    assert {PATH} >= {request.path for request in both.upstream.requests}


@pytest.mark.case("C28", "U30")
async def test_c28_odd_text_goes_through(pair):
    """C28, U30: lone surrogates, NUL and bidi marks reach the provider and come back unharmed."""
    both = await pair()
    odd = "\ud83d \x00 \u202e \uffff 😀"
    halves = [json.dumps(openai.chunk({"content": half})).encode() for half in ("\ud83d", "\ude00")]
    both.upstream.on("POST", PATH, openai.stream([b"data: " + half + b"\n\n" for half in halves]))
    body = json.dumps(both.body(messages=[{"role": "user", "content": odd}], stream=True)).encode()
    async with RawClient("127.0.0.1", both.gateway.port) as client:
        await client.request("POST", PATH, [("Content-Type", "application/json")], body)
        response = await client.read_response()

    assert odd == both.upstream.requests[0].json["messages"][0]["content"]
    assert "\ud83d\ude00" == said(data_events(response))


@pytest.mark.case("C25", "C45")
@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"m","messages":' + b"[" * 5_000_000,
        b'{"model":"m","messages":[' + b"[]," * 3_300_000 + b"[]]}",
        b"{" + b",".join(b'"k%d":1' % number for number in range(900_000)) + b"}",
        b'{"a":' + b"9" * 10_000_000 + b"}",
    ],
    ids=["deep", "many lists", "many keys", "long number"],
)
async def test_m17_c45_shapes_do_not_stall_the_loop(pair, body):
    """M17, C25, C45: ten megabytes of brackets or keys are refused, and other calls are answered meanwhile."""
    both = await pair()
    loop = asyncio.get_running_loop()
    lags = []

    async def beat():
        while True:
            before = loop.time()
            await asyncio.sleep(0.005)
            lags.append(loop.time() - before)

    pulse = asyncio.create_task(beat())
    async with RawClient("127.0.0.1", both.gateway.port) as client:
        await client.request("POST", PATH, [("Content-Type", "application/json")], body)
        response = await client.read_response()
    pulse.cancel()

    assert 400 == response.status
    # The test's own writing of ten megabytes is in there too; a stall of json.loads on these takes ten times as long.
    assert max(lags) < 0.4


async def test_raw_upstream_error_text_is_not_passed_on(pair):
    """U-e: keys, addresses and control characters are taken out of what a provider says."""
    both = await pair()
    said = "bad\r\nthing at http://10.0.0.5:8080/v1 with sk-upstream-canary and Bearer abc.def \x1b[31m"
    both.upstream.on("POST", PATH, openai.error(400, said))

    message = (await both.ask()).json["error"]["message"]

    assert "bad thing at [url] with" in message
    for leak in ("canary", "10.0.0.5", "abc.def", "\x1b", "\n"):
        assert leak not in message


@pytest.mark.case("C02")
@pytest.mark.parametrize("end", ["more", "error", "done"])
async def test_c02_client_never_reads(pair, end):
    """C02: a client that takes nothing is cut off, in mid-stream and at its end; the upstream is let go."""
    both = await pair(clocks={**LONG, "idle_s": 0.3}, write_stall_s=0.3)
    chunk = openai.event(openai.chunk({"content": "x" * 100_000}))
    framed = b"%x\r\n%b\r\n" % (len(chunk), chunk)
    rest = {
        "more": (flood(framed),),
        "error": (*(send(framed) for _ in range(400)), hang()),
        "done": (*(send(framed) for _ in range(400)), *openai.stream([], role=False)[1:]),
    }
    both.upstream.on("POST", PATH, (*FIRST, *rest[end]))
    async with RawClient("127.0.0.1", both.gateway.port, receive_buffer=4096) as client:
        await client.request("POST", PATH, body=both.body(stream=True))
        await both.upstream.received()
        async with asyncio.timeout(8):
            await both.gateway.services.gateway.idle()
        assert await both.upstream.quiet(5)

    assert ["client_closed"] == [record.status for record in both.gateway.records]


@pytest.mark.case("C02")
async def test_c02_client_never_reads_a_whole_answer(pair):
    """C02: the same for an answer that is not streamed; nothing is left of it."""
    both = await pair(clocks=LONG, write_stall_s=0.3)
    both.upstream.on("POST", PATH, openai.completion("x" * 20_000_000))
    async with RawClient("127.0.0.1", both.gateway.port, receive_buffer=4096) as client:
        await client.request("POST", PATH, body=both.body())
        await both.upstream.received()
        async with asyncio.timeout(8):
            await both.gateway.services.gateway.idle()
        await asyncio.sleep(1)
        assert await client.eof_within(3)


@pytest.mark.case("C01")
async def test_slow_reader_is_left_alone(pair):
    """C01: a client that takes little, but takes, is no stalled one."""
    both = await pair(clocks=LONG, write_stall_s=0.4)
    both.upstream.on("POST", PATH, openai.stream(["x" * 100_000] * 40))
    async with RawClient("127.0.0.1", both.gateway.port, receive_buffer=65536) as client:
        await client.request("POST", PATH, body=both.body(stream=True))
        seen = b""
        while not seen.endswith(b"0\r\n\r\n"):
            seen += await client.read_some()
            await asyncio.sleep(0.01)

    assert b"[DONE]" in seen
    assert ["ok"] == [record.status for record in both.gateway.records]
