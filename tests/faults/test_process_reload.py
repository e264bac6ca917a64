"""The configuration is read again while the gateway runs, and no call notices: P05, P20, P21, P22."""

import asyncio
import json
import os
import signal
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from llms.config import Server
from tests.faults.conftest import PATH
from tests.faults.streams import data_events, said
from tests.support.process import configure, serving
from tests.support.raw import RawClient
from tests.upstream import openai
from tests.upstream.server import Upstream
from tests.upstream.steps import wait

CANARY = "sk-canary-0123456789"

DEMO = {"providers": {"demo": {"chunk_delay_s": 0}}}


def aliased(*names, **server):
    return {"server": server, **DEMO, "models": dict.fromkeys(names, "demo/demo")}


async def state(served):
    return (await served.get("/healthz")).json


BAD = {
    "not JSON": (b'{"server": {"port": ', "line 1"),
    "half written": (json.dumps(aliased("a", "b")).encode()[:-20], "is not JSON"),
    "unknown key": (json.dumps({**DEMO, "server": {"prot": CANARY}}).encode(), "server.prot: unknown option"),
    "unknown section": (json.dumps({**DEMO, "sever": {"x": CANARY}}).encode(), "sever: unknown section"),
    "wrong type": (json.dumps({**DEMO, "server": {"drain_s": CANARY}}).encode(), "server.drain_s: must be a number"),
    "a secret": (json.dumps({"providers": {"openai": {"api_key": CANARY}}}).encode(), "providers.openai.api_key: must"),
    "missing variable": (
        json.dumps({**DEMO, "server": {"keys": ["$NO_SUCH"]}}).encode(),
        "server.keys[0]: the environ",
    ),
    "alias of nothing": (json.dumps({**DEMO, "models": {"x": "none/m"}}).encode(), "models.x: no such provider"),
    "open door": (
        json.dumps({**DEMO, "server": {"host": "0.0.0.0"}}).encode(),
        "server.keys: server.host can be reached",
    ),
    "a list": (b"[]", "must be an object"),
    "empty": (b"", "is empty"),
    "blank": (b" \n\t ", "is empty"),
    "binary": (bytes(range(256)) * 16, "is not UTF-8"),
    "NUL": (b"\0" * 4096, "is not JSON"),
    "deep": (b"[" * 100_000, "nested too deeply"),
    "twice": (b'{"providers": {"demo": {}, "demo": {}}}', "providers.demo: is there twice"),
    "100 MB": (100_000_000, "is larger than 4 MiB"),
    "BOM of UTF-16": ("{}".encode("utf-16"), "is not UTF-8"),
    "a comment": (b'{"server": {} // no\n}', "is not JSON: line 1"),
    "a comma too many": (b'{"server": {},}', "is not JSON: line 1"),
    "NaN": (b'{"server": {"drain_s": NaN}}', "is not JSON"),
    "a huge number": (b'{"server": {"drain_s": 1e999}}', "is not JSON"),
    "half a surrogate": (b'{"models": {"\\ud800": "demo/demo"}}', "holds half of a surrogate pair"),
    "a clock of 0": (json.dumps({**DEMO, "server": {"clocks": {"idle_s": 0}}}).encode(), "server.clocks.idle_s: must"),
    "a port too high": (json.dumps({**DEMO, "server": {"port": 65_536}}).encode(), "server.port: must"),
    "two values": (b"{} {}", "is not JSON: line 1"),
    "another program's": (b'{"compilerOptions": {}}', "does not look like a configuration of llms"),
    **{
        f"wrong {name}": (json.dumps({**DEMO, "server": {name: {"x": CANARY}}}).encode(), f"server.{name}")
        for name in Server.model_fields
        if name != "clocks"
    },
    **{
        f"wrong provider: {words}": (json.dumps({"providers": {"p": section}}).encode(), f"providers.p{words}")
        for section, words in (
            ({"type": CANARY}, ".type: unknown type"),
            ({"type": 7}, ".type: must be a string"),
            ({}, ": no service of that name"),
            ({"base_url": "ftp://x"}, ".base_url: must be a URL"),
            ({"base_url": f"http://{CANARY}@x/v1"}, ".base_url: must hold no user name"),
            ({"base_url": "http://x/v1", "models": "m"}, ".models: must be a list"),
            ({"base_url": "http://x/v1", "enabled": CANARY}, ".enabled: must be true or false"),
            ({"base_url": "http://x/v1", "bas_url": CANARY}, ".bas_url: unknown option"),
            (CANARY, ": must be an object"),
        )
    },
}


@pytest.mark.case("P20")
async def test_a_bad_file_changes_nothing(tmp_path, record_property):
    """P20: what was in force stays; the log names file and place and no value; health is degraded until it is mended."""
    assert len(BAD) >= 50
    configure(tmp_path, aliased("good"))
    async with serving(tmp_path) as served:
        done = asyncio.Event()
        calls = asyncio.create_task(_calls_until(done, served))
        for number, (name, (content, complaint)) in enumerate(BAD.items(), start=1):
            lines_before = len(served.lines)
            if isinstance(content, int):
                with (tmp_path / "config.new").open("wb") as file:
                    file.truncate(content)
                (tmp_path / "config.new").replace(tmp_path / "config.json")
            else:
                configure(tmp_path, content)
            served.send_signal(signal.SIGHUP)
            await served.until(lambda: any(complaint in line for line in served.lines[lines_before:]))  # noqa: B023
            health = await state(served)
            answer = await served.chat(model="good")

            assert ("degraded", 200) == (health["status"], answer.status), name
            assert number <= health["failed_reloads"], name
            assert CANARY not in json.dumps(health)
            complaints = [line for line in served.lines[lines_before:] if "llms.config" in line]
            assert all("ERROR" in line and "config.json" in line for line in complaints), complaints
        configure(tmp_path, aliased("good", "new"))
        await served.until(lambda: _is(served, "ok"))
        done.set()
        statuses = await calls

        assert {200} == set(statuses)
        assert 200 == (await served.chat(model="new")).status
        assert CANARY not in served.errors
        assert "Traceback" not in served.errors
    record_property("came_out", f"{len(BAD)} of {len(BAD)} refused, degraded; {len(statuses)} calls meanwhile, all 200")


async def _calls_until(done, served):
    statuses = []
    while not done.is_set():
        statuses.append((await served.chat(model="good")).status)
        await asyncio.sleep(0.01)
    return statuses


async def _is(served, status):
    return (await state(served))["status"] == status


@pytest.mark.case("P20")
async def test_a_file_that_goes_away_and_comes_back(tmp_path):
    """P20: a file that is deleted, a directory, a pipe in its place: all found without a signal, and their end, too."""
    configure(tmp_path, aliased("good"))
    path = tmp_path / "config.json"
    async with serving(tmp_path) as served:
        path.unlink()
        await served.until(lambda: "there is no such file" in served.errors)
        assert "degraded" == (await state(served))["status"]
        path.mkdir()
        await served.until(lambda: "is a directory" in served.errors)
        path.rmdir()
        os.mkfifo(path)
        served.send_signal(signal.SIGHUP)
        await served.until(lambda: "is no ordinary file" in served.errors)
        assert 200 == (await served.chat(model="good")).status
        configure(tmp_path, aliased("good"))
        await served.until(lambda: _is(served, "ok"))


@pytest.mark.case("P20")
async def test_a_file_that_is_written_slowly(tmp_path):
    """P20: a file written piece by piece in place is taken once it is whole, and never before."""
    configure(tmp_path, aliased("good"))
    text = json.dumps(aliased("good", "new"))
    async with serving(tmp_path) as served:
        with (tmp_path / "config.json").open("w") as file:
            for start in range(0, len(text), 20):
                file.write(text[start : start + 20])
                file.flush()
                served.send_signal(signal.SIGHUP)
                assert 200 == (await served.chat(model="good")).status
                await asyncio.sleep(0.1)

        await served.until(lambda: _is(served, "ok"))
        assert 200 == (await served.chat(model="new")).status


@pytest.mark.case("P05")
async def test_a_storm_of_signals(tmp_path, record_property):
    """P05: 1,000 SIGHUPs are few readings and one effective reload; nothing is left over."""
    configure(tmp_path, aliased("good"))
    async with serving(tmp_path) as served:
        descriptors = Path(f"/proc/{served.process.pid}/fd")
        threads = Path(f"/proc/{served.process.pid}/task")
        before = [len(list(folder.iterdir())) for folder in (descriptors, threads)]
        configure(tmp_path, aliased("good", "new"))
        for _ in range(1000):
            served.send_signal(signal.SIGHUP)
        await served.until(lambda: "is in force" in served.errors)
        answer = await served.chat(model="new")
        await asyncio.sleep(0.5)
        after = [len(list(folder.iterdir())) for folder in (descriptors, threads)]
        served.send_signal(signal.SIGTERM)
        status, errors = await served.ended()

    assert (200, 0) == (answer.status, status)
    assert 1 == errors.count("is in force as it is now")
    readings = errors.count("llms.config")
    assert readings <= 50
    assert before == after
    record_property("came_out", f"1 effective reload, {readings} readings")


@pytest.mark.case("P21")
@pytest.mark.parametrize("workers", [1, 2])
async def test_what_is_taken_away(tmp_path, record_property, workers):
    """P21: a stream of a model, and under a key, that a reload takes away goes on; new calls get 404 and 401 within 5 s."""
    go = asyncio.Event()
    async with Upstream() as upstream:
        upstream.on("POST", PATH, openai.stream(["Hel", wait(go, 60), "lo"]))
        up = {"up": {"base_url": f"{upstream.url}/v1", "models": ["m"]}}
        configure(tmp_path, {"server": {"keys": ["$ONE", "$TWO"]}, "providers": {**DEMO["providers"], **up}})
        environ = {"ONE": "key-one", "TWO": "key-two"}
        async with AsyncExitStack() as stack:
            served = await stack.enter_async_context(serving(tmp_path, "--workers", str(workers), environ=environ))
            client = await stack.enter_async_context(RawClient("127.0.0.1", served.port))
            body = {"model": "m", "messages": [{"role": "user", "content": "x"}], "stream": True}
            await client.request("POST", PATH, [("Authorization", "Bearer key-one")], body)
            await client.read_head()
            configure(tmp_path, {"server": {"keys": ["$TWO"]}, **DEMO})
            loop = asyncio.get_running_loop()
            started_at = loop.time()
            # 429 is for who has come with a wrong key too often, to the worker that is the first to know of it (A10).
            for key, model, refusals in (("key-one", "demo", {401, 429}), ("key-two", "m", {404})):
                refused = []
                while len(refused) < 12:  # in a row, each on a connection that may go to another worker
                    answer = await served.chat(key=key, model=model)
                    refused = [*refused, answer.status] if answer.status in refusals else []
                    await asyncio.sleep(0.02)
                assert min(refusals) in refused
            took_s = loop.time() - started_at
            go.set()
            whole = await _rest(client)

    assert "Hello" == said(whole)
    assert "[DONE]" == whole[-1]
    assert took_s < 10  # five are promised; the machine may be busy
    record_property("came_out", "stream finished; new ones 401 and 404")


async def _rest(client):
    chunks = []
    await client._read_chunks(chunks)
    body = b"".join(chunk.data for chunk in chunks)
    frames = [frame.removeprefix(b"data: ") for frame in body.split(b"\n\n") if frame.startswith(b"data: ")]
    return [frame.decode() if frame == b"[DONE]" else json.loads(frame) for frame in frames]


@pytest.mark.case("P22")
async def test_reloads_under_load(tmp_path, record_property):
    """P22: ten reloads a second while clients call and stream: not one fails, and memory stays where it was."""
    configure(tmp_path, aliased("good"))
    async with serving(tmp_path, "--log-level", "warning") as served:
        done = asyncio.Event()
        failed, count = [], 0

        async def call(stream):
            nonlocal count
            while not done.is_set():
                answer = await served.chat("count to 20", model="good", stream=stream)
                count += 1
                if answer.status != 200 or not answer.complete or (stream and "[DONE]" != data_events(answer)[-1]):
                    failed.append(answer)

        calls = [asyncio.create_task(call(number % 2 == 0)) for number in range(6)]
        sizes = []
        for number in range(60):
            configure(tmp_path, aliased("good", f"n{number % 7}", keepalive_s=1 + number % 5))
            served.send_signal(signal.SIGHUP)
            await asyncio.sleep(0.1)
            sizes.append(_resident_bytes(served.process.pid))
        done.set()
        await asyncio.gather(*calls)
        served.send_signal(signal.SIGTERM)
        status, errors = await served.ended()

    assert ([], 0, "") == (failed, status, errors)
    assert sizes[-1] - sizes[20] < 4 << 20, sizes
    record_property("came_out", f"60 reloads, {count} calls, 0 failed")


def _resident_bytes(process_id):
    return int(Path(f"/proc/{process_id}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.case("P22")
async def test_what_cannot_change(tmp_path):
    """Another host or port is named in a warning that asks for a restart; the rest of the file is taken."""
    configure(tmp_path, aliased("good", port=1234))
    async with serving(tmp_path, "--log-level", "info") as served:
        configure(tmp_path, aliased("good", "new", port=1235, host="127.0.0.2", log_level="error"))
        await served.until(lambda: "is in force" in served.errors)
        await served.until(lambda: "server.host cannot change while the gateway runs" in served.errors)
        answer = await served.chat(model="new")

        assert 200 == answer.status
        assert "store cannot" not in served.errors
        assert "server.port" not in served.errors  # the command line's holds
        await served.until(lambda: "status=ok" in served.errors)  # so does its log level


@pytest.mark.case("P22")
async def test_another_store(tmp_path):
    """Another store is named in a warning, too: the one that is open stays."""
    configure(tmp_path, aliased("good"))
    async with serving(tmp_path, environ={"LLMS_STORE": f"sqlite:{tmp_path}/llms.db"}) as served:
        configure(tmp_path, {**aliased("good", "new"), "store": {"url": "none"}})
        await served.until(lambda: "store cannot change while the gateway runs" in served.errors)

        assert 200 == (await served.chat(model="new")).status
        assert 200 == (await served.get("/admin/v1/calls")).status


@pytest.mark.case("P21")
async def test_a_worker_that_comes_later(tmp_path):
    """A worker that takes a dead one's place begins with what was good last, though the file is bad by then."""
    configure(tmp_path, {"server": {"keys": ["$ONE", "$TWO"]}, **DEMO})
    environ = {"ONE": "key-one", "TWO": "key-two"}
    async with serving(tmp_path, "--workers", "2", environ=environ) as served:
        await served.until(lambda: len(served.workers()) == 2)
        configure(tmp_path, {"server": {"keys": ["$TWO"], "host": "127.0.0.2"}, **DEMO})
        await served.until(lambda: served.errors.count("is in force as it is now") == 2)
        await served.until(lambda: "server.host cannot change" in served.errors)  # the parent has read it, too
        configure(tmp_path, b"{")
        await served.until(lambda: served.errors.count("is not JSON") >= 2)
        for worker in served.workers():
            os.kill(worker, signal.SIGKILL)
        await served.until(lambda: served.errors.count("is not JSON") >= 4)

        answers = [(await served.chat(key=key)).status for key in ("key-one", "key-two") * 6]

    assert [401, 200] * 6 == answers
