"""An event loop that does not run is noticed, and named."""

import asyncio
import time

from llms.process.watchdog import Watchdog


async def patient(condition):
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - another thread's doing
            await asyncio.sleep(0.01)


async def test_stall(caplog):
    """One line says where it hangs, one that it is over; then it may happen again."""
    watchdog = Watchdog(stall_s=0.2, look_s=0.05)
    for number in (1, 2):
        await asyncio.sleep(0.2)
        time.sleep(0.6)  # noqa: ASYNC251 - the fault
        await patient(lambda: caplog.text.count("runs again, after 0.") == number)  # noqa: B023
    watchdog.close()

    stalls = [record.getMessage() for record in caplog.records if "has not run" in record.message]
    assert 2 == len(stalls)
    assert all("it is in process/test_watchdog.py:" in line for line in stalls)


async def test_alive():
    """The owner hears of it for as long as the loop runs, and not of a loop that does not."""
    beats = []
    watchdog = Watchdog(lambda: beats.append(time.monotonic()), stall_s=0.3, look_s=0.05)
    await patient(lambda: len(beats) > 3)
    stood_at = time.monotonic()
    time.sleep(1)  # noqa: ASYNC251 - the fault
    ran_at = time.monotonic()
    await patient(lambda: beats[-1] > ran_at)
    watchdog.close()

    assert [] == [at for at in beats if stood_at + 0.6 < at < ran_at - 0.1]
