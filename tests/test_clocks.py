import asyncio
import socket
import time

import pytest

from llms.clocks import Alarms, FirstByte, Watch
from llms.errors import DrainingError, FirstByteTimeoutError, IdleTimeoutError, TotalTimeoutError
from llms.terms import Clocks

CLOCKS = Clocks(first_byte_s=0.2, answer_s=0.2, idle_s=0.2, total_s=10)


async def test_first_data():
    """An attempt whose first data does not come in time ends with that failure; another may follow it."""
    for _ in range(2):
        with pytest.raises(FirstByteTimeoutError, match="first_byte_s"), FirstByte(Alarms(), CLOCKS, stream=True):
            await asyncio.sleep(5)


async def test_whole_answer():
    """An answer that is not streamed has a clock of its own."""
    with (
        pytest.raises(FirstByteTimeoutError, match="answer_s"),
        FirstByte(Alarms(), Clocks(first_byte_s=10, answer_s=0.2), stream=False),
    ):
        await asyncio.sleep(5)


async def test_first_data_that_says_nothing():
    """Data that says nothing yet gives what follows the time that there is between any two."""
    with FirstByte(Alarms(), Clocks(first_byte_s=0.2, idle_s=5), stream=True) as clock:
        clock.restart()
        await asyncio.sleep(0.4)


async def test_silence_after_what_says_nothing():
    """The message names the clock that ran out."""
    with (
        pytest.raises(FirstByteTimeoutError, match=r"before its answer said anything \(idle_s\)"),
        FirstByte(Alarms(), Clocks(first_byte_s=5, idle_s=0.05), stream=True) as clock,
    ):
        clock.restart()
        await asyncio.sleep(5)


async def test_other_limits():
    """A target's own limits take the place of the server's; the total is that of the whole call."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    with pytest.raises(TotalTimeoutError), Watch(Alarms(), CLOCKS) as watch:
        await asyncio.sleep(0.2)
        watch.use(Clocks(total_s=0.4))
        assert watch.left_s < 0.25
        await asyncio.sleep(5)

    assert 0.39 <= loop.time() - started < 2


async def test_silence_after_data():
    """Silence after data is another failure, counted from the last data."""
    loop = asyncio.get_running_loop()
    with pytest.raises(IdleTimeoutError), Watch(Alarms(), CLOCKS) as watch:
        for _ in range(4):
            watch.await_next()
            await asyncio.sleep(0.06)
            watch.arrived()
        last = loop.time()
        watch.await_next()
        await asyncio.sleep(5)

    assert 0.19 <= loop.time() - last < 2


@pytest.mark.asyncio(loop_factories=["asyncio", "uvloop"])  # which of what is due comes first differs
async def test_process_that_stood_still():
    """P09: what has come while the process stood still counts, though its time was over; silence still ends."""
    alarms = Alarms()
    ours, its = socket.socketpair()
    ours.setblocking(False)
    with ours, its:
        reading = asyncio.create_task(asyncio.get_running_loop().sock_recv(ours, 1))
        with pytest.raises(IdleTimeoutError), Watch(alarms, CLOCKS) as watch:
            watch.await_next()
            its.send(b"x")
            await asyncio.sleep(0)
            time.sleep(0.6)  # noqa: ASYNC251 - it stands still
            assert b"x" == await reading
            watch.arrived()
            watch.await_next()
            await asyncio.sleep(5)
        assert b"x" == reading.result()


async def test_clock_stands_while_nothing_is_due():
    """While the gateway writes to a slow client the upstream's clock stands still."""
    with Watch(Alarms(), CLOCKS) as watch:
        watch.await_next()
        watch.arrived()
        await asyncio.sleep(0.4)
        watch.await_next()
        await asyncio.sleep(0.02)
        watch.arrived()


async def test_total():
    """The total clock runs on whatever arrives."""
    with pytest.raises(TotalTimeoutError), Watch(Alarms(), Clocks(idle_s=1, total_s=0.3)) as watch:
        while True:
            watch.await_next()
            await asyncio.sleep(0.01)
            watch.arrived()


async def test_told_to_end():
    """A call can be ended from outside; the first reason counts."""
    with pytest.raises(DrainingError, match="first"), Watch(Alarms(), CLOCKS) as watch:
        asyncio.get_running_loop().call_soon(watch.end, DrainingError("first"))
        asyncio.get_running_loop().call_soon(watch.end, DrainingError("second"))
        await asyncio.sleep(5)


async def test_cancellation_from_outside_stays_one():
    """A call that is cancelled by its client is cancelled, not timed out."""
    entered = asyncio.Event()

    async def run():
        with Watch(Alarms(), CLOCKS) as watch:
            watch.await_next()
            entered.set()
            await asyncio.sleep(5)

    task = asyncio.create_task(run())
    await entered.wait()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
