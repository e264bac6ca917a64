"""The wall clock jumps while the gateway runs: P30."""

import asyncio
import re
import time

import pytest

from tests.faults.streams import FIRST
from tests.support.process import configure, serving
from tests.support.raw import RawClient
from tests.support.wall_clock import Clock
from tests.upstream import openai
from tests.upstream.framing import answer
from tests.upstream.server import Upstream
from tests.upstream.steps import expect_closed, sleep

PATH = "/v1/chat/completions"
BODY = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "x"}]}

JUMPS = ["+400d", "-2h", "+1s", "-1s"]


def created(text):
    return int(re.search(rb'"created":(\d+)', text)[1])


@pytest.mark.case("P30")
@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
async def test_a_stream_over_jumps(tmp_path, record_property, loop):
    """P30: a stream goes on over jumps of 400 days and of 2 hours back; none of its timeouts runs out, or stands still."""
    clock = Clock(tmp_path)
    parts = ["a", sleep(0.3), "b", sleep(0.3), "c", sleep(0.3), "d", sleep(0.3), "e"]
    async with Upstream() as upstream:
        upstream.on("POST", PATH, openai.stream(parts), (*FIRST, expect_closed(60)))
        clocks = {"first_byte_s": 2, "idle_s": 2, "total_s": 30}
        up = {"base_url": f"{upstream.url}/v1", "models": ["m"]}
        configure(tmp_path, {"server": {"clocks": clocks, "keepalive_s": 0.2}, "providers": {"up": up, "demo": {}}})
        hooks = [{"at": "llms.cli.serve:new_event_loop", "set": "asyncio:new_event_loop"}] if loop == "asyncio" else []
        async with serving(tmp_path, environ=clock.environ, hooks=hooks) as served:
            async with RawClient("127.0.0.1", served.port) as client:
                await client.request("POST", PATH, body=BODY)
                await client.read_head()
                seen = b""
                for jump in JUMPS:
                    clock.move(jump)
                    seen += await client.read_some()
                while b"[DONE]" not in seen:
                    seen += await client.read_some()

            times = []
            monotonic = asyncio.get_running_loop()
            for jump in JUMPS[:2]:
                async with RawClient("127.0.0.1", served.port) as client:
                    await client.request("POST", PATH, body=BODY)
                    await client.read_head()
                    began_at = monotonic.time()
                    clock.move(jump)
                    silent = await _rest(client)
                    times.append(monotonic.time() - began_at)
                assert b"upstream_idle_timeout" in silent
            clock.move("+400d")
            future = created((await served.chat()).body)
            clock.move("-2h")
            past = created((await served.chat()).body)
            served.process.terminate()
            status, errors = await served.ended()

    assert [b"a", b"b", b"c", b"d", b"e"] == re.findall(rb'"content":"([a-e])"', seen)
    assert b"error" not in seen
    assert all(1.9 < took_s < 8 for took_s in times), times
    assert 399 * 86_400 < future - time.time() < 401 * 86_400
    assert -7500 < past - time.time() < -7000
    assert (0, False) == (status, "Traceback" in errors)
    assert "has not run for" not in errors
    record_property("came_out", f"the stream whole; an idle timeout of 2 s after {times[0]:.1f} s")


async def _rest(client):
    data = b""
    while more := await client.read_some():
        data += more
    return data


@pytest.mark.case("P30")
@pytest.mark.parametrize("jump", JUMPS[:2])
async def test_retry_after_is_never_negative(tmp_path, record_property, jump):
    """P30: a date in Retry-After that a jump has put into the past, or far ahead, becomes a sane number."""
    clock = Clock(tmp_path)
    date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 5))
    async with Upstream() as upstream:
        refusal = answer(b'{"error": {"message": "slow"}}', status=429, headers=[("Retry-After", date)])
        upstream.on("POST", PATH, refusal)
        up = {"base_url": f"{upstream.url}/v1", "models": ["m"]}
        configure(tmp_path, {"providers": {"up": up}})
        async with serving(tmp_path, environ=clock.environ) as served:
            clock.move(jump)
            response = await served.chat(model="m")

    assert 429 == response.status
    assert 0 <= int(response.header("retry-after")) <= 600
    assert 0 <= float(response.header("retry-after-ms")) <= 600_000
    record_property("came_out", f"retry-after {response.header('retry-after')}")


@pytest.mark.case("P30")
async def test_workers_over_jumps(tmp_path, record_property):
    """P30: a supervisor whose clock jumps takes no worker for hung, and the file is read again as before."""
    clock = Clock(tmp_path)
    configure(tmp_path, {"providers": {"demo": {}}})
    hooks = [{"at": "llms.cli.workers:_SILENT_S", "set": 3}]
    async with serving(tmp_path, "--workers", "2", environ=clock.environ, hooks=hooks) as served:
        await served.until(lambda: len(served.workers()) == 2)
        before = served.workers()
        for jump in JUMPS:
            clock.move(jump)
            await asyncio.sleep(1)
        configure(tmp_path, {"providers": {"demo": {}}, "models": {"new": "demo/demo"}})
        await served.until(lambda: served.errors.count("is in force as it is now") == 2)
        after = served.workers()
        served.process.terminate()
        status, errors = await served.ended()

    assert (before, 0) == (after, status)
    assert "hung" not in errors
    record_property("came_out", "both workers went on")
