"""
A request is sent again under its ``Idempotency-Key`` to a gateway of two workers: C47 where they share the answers.

Which worker takes a connection is the kernel's to say, so that of many connections both get some.
"""

import asyncio
import os
import signal
from collections import Counter
from contextlib import asynccontextmanager

import pytest

from tests.faults.test_client_idempotency import Ends, asked, code, replayed, send
from tests.support.process import configure, serving
from tests.upstream import openai
from tests.upstream.server import Upstream
from tests.upstream.steps import hang, tell, wait

pytestmark = pytest.mark.case("C47")

PATH = "/v1/chat/completions"
STORES = ["sqlite", "postgresql", "redis"]


async def answers(served):
    """Whether somebody listens."""
    try:
        return (await served.get("/healthz")).status == 200
    except (OSError, EOFError):
        return False


@asynccontextmanager
async def two_workers(kind, request, tmp_path, *reactions):
    """Run a gateway of two workers whose store is of a kind."""
    environ = {"LLMS_STORE": f"sqlite:{tmp_path / 'llms.db'}"}
    if kind == "postgresql":
        environ = {"LLMS_STORE": request.getfixturevalue("postgres_url")}
    store = {}
    if kind == "redis":
        environ["LLMS_REDIS"] = request.getfixturevalue("redis_url")
        store = {"store": {"redis": "$LLMS_REDIS"}}
    async with Upstream() as upstream:
        upstream.on("POST", PATH, *reactions)
        up = {"base_url": f"{upstream.url}/v1", "models": ["m"]}
        configure(tmp_path, {**store, "providers": {"up": up}})
        async with serving(tmp_path, "--workers", "2", environ=environ) as served:
            await served.until(lambda: len(served.workers()) == 2)
            yield Ends(served, upstream)


@pytest.mark.parametrize("kind", STORES)
async def test_50_at_once(kind, request, tmp_path, record_property):
    """Of 50 at once, at both workers, one is served and 49 are told to come again; then all get its answer."""
    go = asyncio.Event()
    async with two_workers(kind, request, tmp_path, (wait(go), *openai.completion("once"))) as both:
        sending = [asyncio.create_task(send(both)) for _ in range(50)]
        async with asyncio.timeout(20):
            while sum(task.done() for task in sending) < 49:
                await asyncio.wait([task for task in sending if not task.done()], return_when="FIRST_COMPLETED")
        go.set()
        first = await asyncio.gather(*sending)
        mismatch = await send(both, user="other")
        again = []
        async with asyncio.timeout(20):  # until the other worker knows the answer, it says that it is being made
            while len(again) < 20:
                one = await send(both)
                again += [one] if one.status == 200 else []

        assert {200: 1, 409: 49} == Counter(response.status for response in first)
        assert {"idempotency_in_progress"} == {code(response) for response in first if response.status == 409}
        assert 422 == mismatch.status
        assert [True] * 20 == [replayed(response) for response in again]
        assert 1 == len({response.body for response in (*again, *(one for one in first if one.status == 200))})
        assert 1 == asked(both)
    record_property("came_out", "1 × 200, 49 × 409, then replays at both workers; one upstream call")


@pytest.mark.parametrize("kind", STORES)
async def test_worker_is_killed(kind, request, tmp_path, record_property):
    """The key of a call whose worker was killed stays in progress: the provider is not asked again behind its back."""
    said = asyncio.Event()
    async with two_workers(kind, request, tmp_path, (tell(said), hang())) as both:
        sending = asyncio.create_task(send(both))
        await said.wait()
        for worker in both.gateway.workers():
            os.kill(worker, signal.SIGKILL)
        with pytest.raises((OSError, EOFError, asyncio.IncompleteReadError)):
            await sending
        await both.gateway.until(lambda: answers(both.gateway))
        again = await send(both)

        assert (409, "idempotency_in_progress") == (again.status, code(again))
        assert 1 == asked(both)
    record_property("came_out", "409 until the lease ends; one upstream call")
