"""The gateway is told to stop: P01 to P04."""

import asyncio
import os
import signal

import pytest

from tests.faults.streams import FIRST
from tests.support.process import PATIENCE_S, configure, llms, serving
from tests.support.raw import RawClient
from tests.upstream import openai
from tests.upstream.server import Upstream
from tests.upstream.steps import expect_closed, flood, wait

PATH = "/v1/chat/completions"
BODY = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "x"}]}

STREAMS = 200
"""The catalogue says 1,000, of which the test's own half costs too much time on two busy cores."""


def configured(folder, upstream, **server):
    configure(folder, {"server": server, "providers": {"up": {"base_url": f"{upstream.url}/v1", "models": ["m"]}}})


async def rest_of(client):
    """All that comes until the connection ends."""
    data = b""
    while more := await client.read_some(PATIENCE_S):
        data += more
    return data


@pytest.mark.case("P01")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("workers", ["1", "2"])
async def test_idle(tmp_path, record_property, number, workers):
    """P01: told to stop while nothing runs, it ends at once, with 0, open keep-alive connections or not."""
    configure(tmp_path, {"providers": {"demo": {}}})
    async with serving(tmp_path, "--workers", workers) as served, RawClient("127.0.0.1", served.port) as idle:
        await idle.request("GET", "/healthz")
        await idle.read_response()
        loop = asyncio.get_running_loop()
        told_at = loop.time()
        served.send_signal(number)
        status, errors = await served.ended()
        took_s = loop.time() - told_at

    assert (0, False) == (status, "Traceback" in errors)
    assert took_s < 5  # one is promised; the machine may be busy
    record_property("came_out", f"status 0 after {took_s:.1f} s")


@pytest.mark.case("P02")
@pytest.mark.parametrize("workers", ["1", "2"])
async def test_streams_finish_or_are_ended(tmp_path, record_property, workers):
    """P02: no new connections, not ready; streams that can finish do; the others get an error event; each has its line."""
    go = asyncio.Event()
    count = 0

    def script(_request):
        nonlocal count
        count += 1
        return openai.stream(["Hel", wait(go, 60), "lo"]) if count % 2 else (*FIRST, expect_closed(60))

    async with Upstream() as upstream:
        upstream.on("POST", PATH, script)
        configured(tmp_path, upstream, drain_s=3)
        async with serving(tmp_path, "--workers", workers) as served:
            clients = [RawClient("127.0.0.1", served.port) for _ in range(STREAMS)]
            for client in clients:
                await client.__aenter__()
                await client.request("POST", PATH, body=BODY)
            for client in clients:
                await client.read_head()
            reading = [asyncio.create_task(rest_of(client)) for client in clients]
            served.send_signal(signal.SIGTERM)
            await served.until(lambda: _refused(served))
            go.set()
            ends = await asyncio.gather(*reading)
            status, errors = await served.ended()
            for client in clients:
                await client.__aexit__(None, None, None)

    whole = sum(b"data: [DONE]" in end for end in ends)
    told = sum(b'"code":"draining"' in end and b"[DONE]" not in end for end in ends)
    assert (0, STREAMS // 2, STREAMS // 2) == (status, whole, told)
    assert all(end.endswith(b"0\r\n\r\n") for end in ends)
    assert (STREAMS // 2, STREAMS // 2) == (errors.count("status=ok"), errors.count("status=draining"))
    assert "Traceback" not in errors
    record_property("came_out", f"{whole} finished, {told} error events draining, {STREAMS} lines, status 0")


async def _refused(served):
    try:
        async with RawClient("127.0.0.1", served.port) as client:
            await client.request("GET", "/readyz")
            return (await client.read_response()).status == 503
    except (ConnectionError, asyncio.IncompleteReadError):
        return True


@pytest.mark.case("P02")
async def test_a_request_that_is_half_there(tmp_path):
    """P02: a request whose body is still on its way when the drain begins is not begun, and says so."""
    async with Upstream() as upstream:
        upstream.on("POST", PATH, (*FIRST, expect_closed(60)))
        configured(tmp_path, upstream, drain_s=20)
        async with serving(tmp_path) as served:
            async with RawClient("127.0.0.1", served.port) as keeps, RawClient("127.0.0.1", served.port) as half:
                await keeps.request("POST", PATH, body=BODY)
                await keeps.read_head()
                await half.request(
                    "POST", PATH, [("Content-Type", "application/json"), ("Content-Length", "100")], b'{"model": "m"'
                )
                await asyncio.sleep(0.2)
                served.send_signal(signal.SIGTERM)
                await served.until(lambda: _refused(served))
                await half.send(b', "messages": [{"role": "user", "content": "x"}]}'.ljust(87))
                answer = await half.read_response()
            await served.ended()

    assert (503, "draining", "close") == (answer.status, answer.json["error"]["code"], answer.header("connection"))
    assert 1 == len(upstream.requests)


@pytest.mark.case("P03")
@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
async def test_a_second_signal(tmp_path, record_property, second, workers):
    """P03: a second signal ends every call with an error event, at once."""
    async with Upstream() as upstream:
        upstream.on("POST", PATH, (*FIRST, expect_closed(60)))
        configured(tmp_path, upstream, drain_s=600)
        async with serving(tmp_path, "--workers", workers) as served, RawClient("127.0.0.1", served.port) as client:
            await client.request("POST", PATH, body=BODY)
            await client.read_head()
            served.send_signal(signal.SIGTERM)
            await served.until(lambda: _refused(served))
            loop = asyncio.get_running_loop()
            told_at = loop.time()
            served.send_signal(second)
            end = await rest_of(client)
            status, errors = await served.ended()
            took_s = loop.time() - told_at

    assert (0, True, True) == (status, b'"code":"draining"' in end, end.endswith(b"0\r\n\r\n"))
    assert "status=draining" in errors
    assert took_s < 5  # two are promised
    record_property("came_out", f"error event draining, ended after {took_s:.1f} s")


@pytest.mark.case("P03")
async def test_a_client_that_does_not_read_the_end(tmp_path, record_property):
    """P03: a client that takes nothing holds nobody up: two seconds after the second signal the process is gone."""
    chunk = openai.event(openai.chunk({"content": "x" * 60_000}))
    async with Upstream() as upstream:
        upstream.on("POST", PATH, (*FIRST, flood(b"%x\r\n%b\r\n" % (len(chunk), chunk))))
        configured(tmp_path, upstream, drain_s=600)
        async with serving(tmp_path) as served, RawClient("127.0.0.1", served.port, receive_buffer=4096) as client:
            await client.request("POST", PATH, body=BODY)
            await client.read_head()
            await asyncio.sleep(0.5)
            loop = asyncio.get_running_loop()
            told_at = loop.time()
            served.send_signal(signal.SIGTERM)
            await asyncio.sleep(0.1)
            served.send_signal(signal.SIGTERM)
            status, errors = await served.ended()
            took_s = loop.time() - told_at

    assert (0, False) == (status, "Traceback" in errors)
    assert took_s < 8
    record_property("came_out", f"ended after {took_s:.1f} s")


_PYTHONS_OWN = (b"Failed to import the site module", b"Could not import runpy module", b"<frozen runpy>")
"""Where Python says that it was as it was told to stop, one after the other until ours runs."""


@pytest.mark.case("P04")
@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_while_it_starts(tmp_path, record_property, number, workers):
    """P04: told to stop at any moment of its start it ends, without a traceback; nobody listens afterwards."""
    configure(tmp_path, {"server": {"port": 0}, "providers": {"demo": {}}})
    statuses = []
    for tenth in (1, 3, 5, 6, 7, 8, 10):
        process = await llms(tmp_path, "serve", "--workers", workers)
        await asyncio.sleep(tenth / 10)
        process.send_signal(number)
        async with asyncio.timeout(PATIENCE_S):
            _, errors = await process.communicate()
        statuses.append(process.returncode)
        # Before the first line of ours runs, a Ctrl-C is Python's to answer.
        pythons_own = (
            number == signal.SIGINT
            and any(where in errors for where in _PYTHONS_OWN)
            and errors.endswith(b"KeyboardInterrupt\n")
        )
        assert pythons_own or b"Traceback" not in errors, (tenth, errors.decode())
        assert b"this is a bug" not in errors, (tenth, errors.decode())
    assert {*statuses} <= {0, 1, -number, 128 + number}, statuses
    record_property("came_out", f"statuses {' '.join(map(str, statuses))}")


@pytest.mark.case("P04")
async def test_while_it_reloads(tmp_path, record_property):
    """P04: told to stop while it reads its configuration again it ends, with 0."""
    configure(tmp_path, {"providers": {"demo": {}}})
    slow = {"at": "llms.config.source:load", "block_s": 60, "while": str(tmp_path / "fault")}
    async with serving(tmp_path, hooks=[slow]) as served:
        (tmp_path / "fault").touch()
        configure(tmp_path, {"providers": {"demo": {}}, "models": {"x": "demo/demo"}})
        served.send_signal(signal.SIGHUP)
        await asyncio.sleep(0.5)
        assert 200 == (await served.chat()).status
        served.send_signal(signal.SIGHUP)
        served.send_signal(signal.SIGTERM)
        status, errors = await served.ended()

    assert (0, False) == (status, "Traceback" in errors)
    record_property("came_out", "status 0")


@pytest.mark.case("P01")
@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("nohup", [False, True])
async def test_the_terminal_is_closed(tmp_path, record_property, workers, nohup):
    """Closing the terminal that it runs in is an order to stop, and no reload; with nohup it means nothing."""
    configure(tmp_path, {"providers": {"demo": {}}})
    ours, its = os.openpty()
    within = ("setsid", "--ctty", *(["nohup"] if nohup else []))
    try:
        async with serving(tmp_path, "--workers", workers, within=within, stdin=its) as served:
            served.send_signal(signal.SIGHUP)  # the terminal is there: a reload
            await served.until(lambda: "says what is in force already" in served.errors)
            os.close(its)
            os.close(ours)
            ours = its = None
            if nohup:
                await asyncio.sleep(0.5)
                assert 200 == (await served.get("/healthz")).status
                served.send_signal(signal.SIGTERM)
            status, errors = await served.ended()
    finally:
        for descriptor in (ours, its):
            if descriptor is not None:
                os.close(descriptor)

    assert (0, False) == (status, "Traceback" in errors)
    record_property("came_out", "goes on, ends when told" if nohup else "status 0")
