"""
The log's sink is full, closed, blocked or failing: P14, P31. No call notices; what is lost is counted.

Calls are kept meanwhile, and each has its row.
"""

import asyncio
import contextlib
import os
import signal
import sqlite3

import pytest

from tests.support.packages import needs
from tests.support.process import PATIENCE_S, configure, serving
from tests.support.raw import RawClient

CALLS = 600
"""A line of some 200 bytes each: more than a pipe holds."""


async def ask(served, count=CALLS):
    """Ask so often; each within a moment."""
    body = {"model": "demo", "messages": [{"role": "user", "content": "count to 1"}]}
    async with asyncio.timeout(PATIENCE_S), RawClient("127.0.0.1", served.port) as client:
        for _ in range(count):
            await client.request("POST", "/v1/chat/completions", body=body)
            assert 200 == (await client.read_response()).status


async def dropped(served):
    return (await served.get("/healthz")).json["dropped_log_lines"]


async def stopped(served):
    served.send_signal(signal.SIGTERM)
    return (await served.ended())[0]


async def stopped_at_last(served):
    """
    Say SIGTERM until it is heard.

    The interpreter passes a signal on to asyncio's loop by write(2), too: where writes fail, so does that.
    """
    ending = asyncio.create_task(served.ended())
    while not ending.done():
        with contextlib.suppress(ProcessLookupError):  # it has just ended
            served.send_signal(signal.SIGTERM)
        await asyncio.wait([ending], timeout=2)
    return (await ending)[0]


@pytest.fixture
def folder(tmp_path):
    store = {"url": f"sqlite:{tmp_path}/llms.db"}
    configure(tmp_path, {"providers": {"demo": {"chunk_delay_s": 0}}, "store": store})
    return tmp_path


def kept(folder):
    """How many calls have a row."""
    with contextlib.closing(sqlite3.connect(folder / "llms.db")) as opened:
        ((count,),) = opened.execute("SELECT COUNT(*) FROM calls WHERE status = 'ok'").fetchall()
    return count


@pytest.mark.case("P14", "P31")
@pytest.mark.parametrize("workers", ["1", "2"])
async def test_no_space_left(folder, record_property, workers):
    """P14: with standard error on a full disk every line is dropped and counted, and calls go on."""
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        async with serving(folder, "--workers", workers, stderr=full) as served:
            await ask(served)
            # Connections may go to either of two workers, each of which counts its own; all calls went to one.
            await served.until(lambda: _at_least(served, CALLS))
            status = await stopped(served)
    finally:
        os.close(full)

    assert (0, CALLS) == (status, kept(folder))
    record_property("came_out", f"{CALLS} calls served and kept, {CALLS} lines counted as dropped")


@pytest.mark.case("P14")
async def test_no_space_left_for_what_it_says_first(folder):
    """P14: it serves though its standard output is full, too."""
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        async with serving(folder, stdout=full, stderr=full) as served:
            await ask(served, 5)
            status = await stopped(served)
    finally:
        os.close(full)

    assert (0, 5) == (status, kept(folder))


@pytest.mark.case("P14", "P31")
async def test_a_reader_that_stops_reading(folder, record_property):
    """P14, P31: a pipe that nobody empties holds up nothing; once it is read again, the log says how much is missing."""
    reading, writing = os.pipe()
    hooks = [{"at": "llms.cli.stderr:_MOST_WAITING", "set": 100}]
    async with serving(folder, stderr=writing, hooks=hooks) as served:
        os.close(writing)
        await ask(served)
        await served.until(lambda: _at_least(served, 1))
        log = asyncio.create_task(asyncio.to_thread(_all_of, reading))
        await asyncio.sleep(0.2)
        await ask(served, 5)
        missing = await dropped(served)
        status = await stopped(served)
        text = await log

    lines = text.splitlines()
    told = sum(int(line.split()[4]) for line in lines if "lines were dropped" in line)
    assert (0, CALLS + 5) == (status, kept(folder))
    assert missing == told
    assert CALLS + 5 == told + sum("status=ok" in line for line in lines)
    record_property("came_out", f"{CALLS} calls served and kept, {missing} lines missing and told of")


async def _at_least(served, count):
    return await dropped(served) >= count


def _all_of(descriptor):
    with os.fdopen(descriptor, "rb") as pipe:
        return pipe.read().decode()


@pytest.mark.case("P14", "P31")
async def test_a_reader_that_goes_away(folder, record_property):
    """P14, P31: a log reader that ends takes nobody with it."""
    reading, writing = os.pipe()
    async with serving(folder, stderr=writing) as served:
        os.close(writing)
        await ask(served, 5)
        os.close(reading)
        await ask(served)
        await served.until(lambda: _at_least(served, CALLS))
        status = await stopped(served)

    assert (0, CALLS + 5) == (status, kept(folder))
    record_property("came_out", f"{CALLS} calls served and kept, {CALLS} lines counted as dropped")


async def _all_settled(served):
    """Whether each call's line has come or has been dropped: lines wait in a queue when the last call has its answer."""
    return await dropped(served) + served.errors.count("status=ok") >= CALLS


@pytest.mark.case("P14", "P31")
async def test_writes_that_fail_now_and_then(folder, record_property):
    """P14, P31: a third of all writes fails (FIU): those lines are missing, counted and told of; the others are whole."""
    needs("fiu-run", package="fiu-utils")
    # In asyncio's own loop only the log is written with write(2); libuv wakes itself with it, and aborts if it fails.
    hooks = [{"at": "llms.cli.serve:new_event_loop", "set": "asyncio:new_event_loop"}]
    within = ("fiu-run", "-x", "-c", "enable_random name=posix/io/rw/write,probability=0.3")
    async with serving(folder, hooks=hooks, within=within, stdout=asyncio.subprocess.DEVNULL) as served:
        await ask(served)
        await served.until(lambda: _all_settled(served))
        missing = await dropped(served)
        status = await stopped_at_last(served)

    lines = served.errors.splitlines()
    told = sum(int(line.split()[4]) for line in lines if "lines were dropped" in line)
    written = sum("status=ok" in line for line in lines)
    assert (0, CALLS) == (status, kept(folder))
    assert min(told, missing) > 0
    assert CALLS <= missing + written, "lines that say that rows cannot be written are missing, too, and later ones"
    record_property("came_out", f"{CALLS} calls served and kept, {missing} lines missing and counted")
