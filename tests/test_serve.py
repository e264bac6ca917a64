"""The gateway as a real process: starts, serves, survives, drains, exits 0 (P01–P03, P33)."""

import asyncio
import json
import os
import signal
import socket
import sys
from pathlib import Path

import pytest

from tests.faults.streams import data_events, said
from tests.support.process import PATIENCE_S, environment, llms, serving
from tests.support.raw import RawClient
from tests.upstream import openai
from tests.upstream.server import Upstream
from tests.upstream.steps import hang, wait

PATH = "/v1/chat/completions"


def demo(text, **fields):
    return {"model": "demo", "messages": [{"role": "user", "content": text}], **fields}


async def ask(port, body):
    async with RawClient("127.0.0.1", port) as client:
        await client.request("POST", PATH, body=body)
        return await client.read_response()


async def finished(process):
    async with asyncio.timeout(PATIENCE_S):
        out, errors = await process.communicate()
    return process.returncode, out.decode(), errors.decode()


def configured(folder: Path, upstream, **server):
    config = {
        "server": server,
        "providers": {"up": {"base_url": f"{upstream.url}/v1", "models": ["m"]}, "demo": {"chunk_delay_s": 0.01}},
    }
    (folder / "config.json").write_text(json.dumps(config))


async def test_starts_with_nothing_and_stops(tmp_path):
    """In an empty folder it starts, says how to use it, streams, and exits 0 on SIGTERM, at once as nothing runs (P01)."""
    async with serving(tmp_path) as served:
        response = await ask(served.port, demo("count to 5", stream=True))
        events = data_events(response)
        loop = asyncio.get_running_loop()
        told_at = loop.time()
        served.process.send_signal(signal.SIGTERM)
        status, errors = await served.ended()

    assert "1 2 3 4 5" == said(events)
    assert f"http://127.0.0.1:{served.port}/v1/chat/completions" in served.said
    assert "demo" in served.said
    assert 0 == status
    assert loop.time() - told_at < 10
    assert "Traceback" not in errors
    assert "status=ok" in errors
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_finishes_what_runs(tmp_path, number):
    """Told to stop, it takes no new connection, says so at /readyz, finishes the stream that runs, and exits 0 (P02)."""
    go = asyncio.Event()
    async with Upstream() as upstream:
        upstream.on("POST", PATH, openai.stream(["Hel", wait(go), "lo"]))
        configured(tmp_path, upstream, drain_s=20)
        async with serving(tmp_path) as served, RawClient("127.0.0.1", served.port) as client:
            async with RawClient("127.0.0.1", served.port) as other:
                await other.request("GET", "/readyz")
                assert 200 == (await other.read_response()).status
                await client.request("POST", PATH, body=demo("x", model="m", stream=True))
                await upstream.received()
                await other.request("GET", "/readyz")
                assert 200 == (await other.read_response()).status
                await other.send(b"POST /v1/chat/completions HTTP/1.1\r\n")  # busy, so that it is not closed as idle
                served.process.send_signal(number)
                await asyncio.sleep(0.3)
                await other.send(b"Host: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
                refused = await other.read_response()
                assert (503, "draining") == (refused.status, refused.json["error"]["code"])
                assert await other.eof_within(5)
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection("127.0.0.1", served.port)
            go.set()
            response = await client.read_response()
            status, errors = await served.ended()

    assert "Hello" == said(data_events(response))
    assert "[DONE]" == data_events(response)[-1]
    assert (0, False) == (status, "Traceback" in errors)


@pytest.mark.parametrize("second", [True, False])
async def test_ends_what_does_not_finish(tmp_path, second):
    """At the drain's end, or at a second signal, a stream that still runs is ended with an error event (P02, P03)."""
    async with Upstream() as upstream:
        upstream.on("POST", PATH, openai.stream(["Hel", hang()]))
        configured(tmp_path, upstream, drain_s=20 if second else 0.3)
        async with serving(tmp_path) as served, RawClient("127.0.0.1", served.port) as client:
            await client.request("POST", PATH, body=demo("x", model="m", stream=True))
            await upstream.received()
            await client.read_head()
            served.process.send_signal(signal.SIGTERM)
            if second:
                await asyncio.sleep(0.3)
                served.process.send_signal(signal.SIGTERM)
            seen = b""
            while data := await client.read_some():
                seen += data
            status, errors = await served.ended()

    assert b'"code":"draining"' in seen
    assert b"[DONE]" not in seen
    assert seen.endswith(b"0\r\n\r\n")
    assert (0, False) == (status, "Traceback" in errors)
    assert "status=draining" in errors


async def test_survives(tmp_path):
    """Garbage, abandoned streams and failures leave the process as it was (I1, I6)."""
    async with serving(tmp_path) as served:
        for junk in (b"\x16\x03\x01\x02\x00", b"GET / HTTP/9.9\r\n\r\n", b"\r\n" * 100, b"POST"):
            async with RawClient("127.0.0.1", served.port) as client:
                await client.send(junk)
        for _ in range(20):
            async with RawClient("127.0.0.1", served.port) as client:
                await client.request("POST", PATH, body=demo("count to 100000", stream=True))
                await client.read_head()
        assert 404 == (await ask(served.port, demo("x", model="none"))).status
        response = await ask(served.port, demo("count to 3"))
        served.process.send_signal(signal.SIGTERM)
        status, errors = await served.ended()

    assert "1 2 3" == response.json["choices"][0]["message"]["content"]
    assert (0, False) == (status, "Traceback" in errors)


async def test_port_taken(tmp_path):
    """A port that is taken is one line that says what to do."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        status, out, errors = await finished(await llms(tmp_path, "serve", "--port", port))

    assert (1, "") == (status, out)
    assert f"llms: port {port} on 127.0.0.1 is taken; choose another with --port\n" == errors


@pytest.mark.case("A13")
async def test_open_to_the_network_without_a_key(tmp_path, record_property):
    """Another address than the loopback's without a key is refused, with the way out (A13)."""
    status, _, errors = await finished(await llms(tmp_path, "serve", "--host", "0.0.0.0", "--port", "0"))

    assert 78 == status
    assert 1 == len(errors.splitlines())
    assert "server.keys" in errors
    record_property("came_out", "status 78, one line")


async def test_open_to_the_network_with_a_key(tmp_path):
    """With a key it listens on every address, and asks for the key on each."""
    config = {"server": {"host": "0.0.0.0", "port": 0, "keys": ["$LLMS_KEY"]}, "providers": {"demo": {}}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    process = await llms(tmp_path, "serve", environ={"LLMS_KEY": "sk-one"})
    async with asyncio.timeout(PATIENCE_S):
        line = await process.stdout.readline()
    port = int(line.decode().rsplit(":", 1)[1])
    async with RawClient("127.0.0.1", port) as client:
        await client.request("POST", PATH, body=demo("count to 2"))
        refused = await client.read_response()
        await client.request("POST", PATH, [("Authorization", "Bearer sk-one")], demo("count to 2"))
        served = await client.read_response()
    process.send_signal(signal.SIGTERM)
    status, _, errors = await finished(process)

    assert (401, 200, 0) == (refused.status, served.status, status)
    assert "sk-one" not in errors


async def test_bad_configuration(tmp_path):
    """Every mistake is a line with its path; exit status 78, no traceback."""
    (tmp_path / "config.json").write_text('{"server": {"prot": 1}, "providers": {"groq": {"bas_url": "x"}}}')

    status, out, errors = await finished(await llms(tmp_path, "serve"))

    assert (78, "") == (status, out)
    assert 2 == len(errors.splitlines())
    assert "server.prot" in errors
    assert "`port`" in errors
    assert "providers.groq.bas_url" in errors
    assert "`base_url`" in errors


@pytest.mark.skipif(not hasattr(socket, "SO_REUSEPORT"), reason="needs SO_REUSEPORT")
async def test_workers(tmp_path):
    """Several workers share the port and stop together."""
    async with serving(tmp_path, "--workers", "2") as served:
        children = Path(f"/proc/{served.process.pid}/task/{served.process.pid}/children")
        for _ in range(100):
            pids = [int(pid) for pid in children.read_text().split()]  # noqa: ASYNC240 - no disk
            if len(pids) >= 2:
                break
            await asyncio.sleep(0.1)
        for _ in range(8):
            assert 200 == (await ask(served.port, demo("count to 2"))).status
        served.process.send_signal(signal.SIGTERM)
        status, errors = await served.ended()

    assert 0 == status, errors
    assert "Traceback" not in errors
    async with asyncio.timeout(PATIENCE_S):
        while any(Path(f"/proc/{pid}").exists() for pid in pids):  # noqa: ASYNC110, ASYNC240 - /proc tells nobody
            await asyncio.sleep(0.05)


async def test_first_step_with_the_openai_package(tmp_path):
    """The line that the start prints for the openai package streams an answer as it stands."""
    async with serving(tmp_path) as served:
        while "openai import OpenAI" not in served.said:
            served.said += (await served.process.stdout.readline()).decode()
        line = next(line for line in served.said.splitlines() if "openai import OpenAI" in line)
        step = await asyncio.create_subprocess_shell(
            line.replace("python3", sys.executable, 1),
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        status, out, errors = await finished(step)

    assert (0, "") == (status, errors)
    assert len(out) > 200


async def test_first_step_with_curl(tmp_path):
    """The curl line that the start prints streams an answer as it stands."""
    async with serving(tmp_path) as served:
        line = next(line for line in served.said.splitlines() if "curl" in line)
        step = await asyncio.create_subprocess_shell(
            line, cwd=tmp_path, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        status, out, _ = await finished(step)

    assert 0 == status
    assert out.rstrip().endswith("data: [DONE]")


async def test_standard_error_that_nobody_reads(tmp_path):
    """A pipe that nobody empties holds up neither calls nor the end (P14, P31)."""
    (tmp_path / "config.json").write_text(json.dumps({"providers": {"demo": {"chunk_delay_s": 0}}}))
    reading, writing = os.pipe()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "llms", "serve", "--port", "0"),
        cwd=tmp_path,
        env=environment(),
        stdout=asyncio.subprocess.PIPE,
        stderr=writing,
    )
    os.close(writing)
    async with asyncio.timeout(PATIENCE_S):
        port = int((await process.stdout.readline()).decode().rsplit(":", 1)[1])
        async with RawClient("127.0.0.1", port) as client:
            for _ in range(1000):  # a line each, some 200 bytes: more than a pipe holds
                await client.request("POST", PATH, body=demo("count to 1"))
                assert 200 == (await client.read_response()).status
        process.send_signal(signal.SIGTERM)
        await process.communicate()
    os.close(reading)

    assert 0 == process.returncode


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
async def test_closed_standard_streams(tmp_path, closed):
    """Started with standard streams closed, it serves and exits 0."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = f"exec {sys.executable} -m llms serve --port {port} {closed}"
    process = await asyncio.create_subprocess_shell(
        command, cwd=tmp_path, env=environment(), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                response = await ask(port, demo("count to 2"))
                break
            except ConnectionError:
                await asyncio.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        status = await process.wait()

    assert (200, 0) == (response.status, status)
