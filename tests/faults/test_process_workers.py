"""Workers and event loops that die, hang and lose their parent: P10, P11, P38."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from tests.faults.streams import FIRST
from tests.support.process import configure, serving
from tests.support.raw import RawClient
from tests.upstream.server import Upstream
from tests.upstream.steps import expect_closed

PATH = "/v1/chat/completions"

DEMO = {"providers": {"demo": {"chunk_delay_s": 0}}}


def gone(process_id):
    try:
        return "\nState:\tZ" in Path(f"/proc/{process_id}/status").read_text()
    except OSError:
        return True


def owner_of(served, client):
    """The worker that has this client's connection."""
    ours = client._writer.get_extra_info("sockname")[1]
    for worker in served.workers():
        text = Path(f"/proc/{worker}/net/tcp").read_text()
        inodes = {
            line.split()[9]
            for line in text.splitlines()[1:]
            if line.split()[2].endswith(f":{ours:04X}") and line.split()[1].endswith(f":{served.port:04X}")
        }
        for entry in Path(f"/proc/{worker}/fd").iterdir():
            try:
                if str(entry.readlink())[8:-1] in inodes:
                    return worker
            except OSError:
                continue
    return None


async def both_serve(served):
    """Wait until two workers have announced that they listen: each has a descriptor that does."""

    def listening(worker):
        port = f":{served.port:04X}"
        rows = [line.split() for line in Path(f"/proc/{worker}/net/tcp").read_text().splitlines()[1:]]
        inodes = {row[9] for row in rows if row[1].endswith(port) and row[3] == "0A"}
        links = set()
        for entry in Path(f"/proc/{worker}/fd").iterdir():
            try:
                links.add(str(entry.readlink())[8:-1])
            except OSError:
                continue
        return bool(inodes & links)

    return await served.until(lambda: sum(listening(worker) for worker in served.workers()) == 2)


@pytest.mark.case("P10")
async def test_a_worker_is_killed(tmp_path, record_property):
    """P10: its client sees a body that is cut, never a clean end; the other worker's does not notice; a new one comes."""
    async with Upstream() as upstream:
        upstream.on("POST", PATH, (*FIRST, expect_closed(60)))
        up = {"base_url": f"{upstream.url}/v1", "models": ["m"]}
        configure(tmp_path, {"providers": {**DEMO["providers"], "up": up}})
        async with serving(tmp_path, "--workers", "2") as served:
            await both_serve(served)
            before = set(served.workers())
            streams = {}
            async with asyncio.TaskGroup() as group:
                clients = [RawClient("127.0.0.1", served.port) for _ in range(20)]

                async def begin(client):
                    await client.__aenter__()
                    await client.request("POST", PATH, body={"model": "m", "stream": True, "messages": MESSAGES})
                    await client.read_head()
                    streams.setdefault(owner_of(served, client), []).append(client)

                for client in clients:
                    group.create_task(begin(client))
            assert before == set(streams), "the kernel gave all to one"
            killed, lives = sorted(streams)
            os.kill(killed, signal.SIGKILL)
            for client in streams[killed]:
                rest = b""
                try:
                    while data := await client.read_some():
                        rest += data
                except ConnectionError:
                    pass
                assert not rest.endswith(b"0\r\n\r\n")
                assert b"[DONE]" not in rest
            took_s = await served.until(lambda: len(served.workers()) == 2)  # one is promised; the machine may be busy
            await both_serve(served)
            answers = [(await served.chat()).status for _ in range(8)]
            ends = [await client.eof_within(0.01) for client in streams[lives]]
            for client in clients:
                await client.__aexit__(None, None, None)
            await served.until(lambda: "status=client_closed" in served.errors)

            assert lives in served.workers()
            assert [200] * 8 == answers
            assert not any(ends)
            assert "a worker ended with status -9; another takes its place" in served.errors
    record_property("came_out", f"a new process after {took_s:.1f} s, streams of the dead one cut, others whole")


MESSAGES = [{"role": "user", "content": "x"}]


@pytest.mark.case("P11")
async def test_a_blocked_loop_is_named(tmp_path, record_property):
    """P11: within 2 s the log has one line that says where the loop hangs, and one when it runs again."""
    configure(tmp_path, DEMO)
    hooks = [{"at": "llms.gateway:Gateway.open", "block_s": 4, "while": str(tmp_path / "fault")}]
    async with serving(tmp_path, hooks=hooks) as served:
        assert 200 == (await served.chat()).status
        (tmp_path / "fault").touch()
        calling = asyncio.create_task(served.chat())
        took_s = await served.until(lambda: "the event loop has not run" in served.errors, patience_s=3.5)
        alive = False
        try:
            async with asyncio.timeout(0.3):
                await served.get("/healthz")
                alive = True
        except TimeoutError:
            pass
        (tmp_path / "fault").unlink()
        answer = await calling
        await served.until(lambda: "the event loop runs again, after 4." in served.errors)

        lines = [line for line in served.lines if "has not run" in line]
        assert 1 == len(lines)
        assert "support/hook.py" in lines[0]
        assert " < web/inference.py:" in lines[0]
        assert (200, False) == (answer.status, alive)
    record_property("came_out", f"its stack in the log after {took_s:.1f} s; liveness fails meanwhile")


@pytest.mark.case("P11")
async def test_a_worker_that_hangs_is_replaced(tmp_path, record_property):
    """P11: a worker whose loop hangs is killed and replaced; the others serve; an order to stop is not held up."""
    configure(tmp_path, DEMO)
    hooks = [
        {"at": "llms.gateway:Gateway.open", "block_s": 60, "while": str(tmp_path / "fault")},
        {"at": "llms.cli.workers:_SILENT_S", "set": 3},
    ]
    async with serving(tmp_path, "--workers", "2", hooks=hooks) as served:
        await both_serve(served)
        before = set(served.workers())
        (tmp_path / "fault").touch()
        hanging = asyncio.create_task(served.chat())
        await served.until(lambda: "the event loop has not run" in served.errors)
        (tmp_path / "fault").unlink()
        await served.until(lambda: "a worker's event loop has hung" in served.errors)
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await hanging
        await both_serve(served)
        answers = [(await served.chat()).status for _ in range(8)]
        kept = before & set(served.workers())

        (tmp_path / "fault").touch()
        hanging = asyncio.create_task(served.chat())
        await served.until(lambda: served.errors.count("the event loop has not run") == 2)
        served.send_signal(signal.SIGTERM)
        status, errors = await served.ended()
        await asyncio.gather(hanging, return_exceptions=True)

    assert ([200] * 8, 1, 0) == (answers, len(kept), status)
    assert errors.count("a worker's event loop has hung for 3") == 2
    record_property("came_out", "killed and replaced, the other one served")


@pytest.mark.case("P38")
@pytest.mark.parametrize("busy", [True, False])
async def test_the_parent_is_killed(tmp_path, record_property, busy):
    """P38: workers end within 5 s of a kill -9 of their parent, with streams that run, which are told, and without."""
    async with Upstream() as upstream:
        upstream.on("POST", PATH, (*FIRST, expect_closed(60)))
        up = {"base_url": f"{upstream.url}/v1", "models": ["m"]}
        configure(tmp_path, {"server": {"drain_s": 600}, "providers": {"up": up}})
        async with serving(tmp_path, "--workers", "2") as served, RawClient("127.0.0.1", served.port) as client:
            await both_serve(served)
            workers = served.workers()
            if busy:
                await client.request("POST", PATH, body={"model": "m", "stream": True, "messages": MESSAGES})
                await client.read_head()
            served.process.kill()
            took_s = await served.until(lambda: all(gone(worker) for worker in workers), patience_s=8)
            rest = b""
            while busy and (data := await client.read_some()):
                rest += data

    assert not busy or b'"code":"draining"' in rest
    record_property("came_out", f"ended after {took_s:.1f} s")


@pytest.mark.case("P38")
async def test_the_parent_is_killed_while_a_loop_hangs(tmp_path, record_property):
    """P38: a worker whose loop hangs ends all the same."""
    configure(tmp_path, DEMO)
    hooks = [{"at": "llms.gateway:Gateway.open", "block_s": 60}]
    async with serving(tmp_path, "--workers", "2", hooks=hooks) as served:
        await both_serve(served)
        workers = served.workers()
        hanging = asyncio.create_task(served.chat())
        await served.until(lambda: "the event loop has not run" in served.errors)
        served.process.kill()
        took_s = await served.until(lambda: all(gone(worker) for worker in workers), patience_s=8)
        await asyncio.gather(hanging, return_exceptions=True)
    record_property("came_out", f"ended after {took_s:.1f} s")
