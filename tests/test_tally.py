"""A count that can be waited for."""

import asyncio

from llms.tally import Tally


async def test_waits_for_none():
    """Whoever waits goes on once all have gone, and at once where there is nobody."""
    tally = Tally()
    await tally.none()
    tally.more()
    tally.more()
    waiting = [asyncio.create_task(tally.none()) for _ in range(2)]

    await asyncio.sleep(0)
    tally.less()
    await asyncio.sleep(0.01)
    assert (1, [False, False]) == (tally.count, [task.done() for task in waiting])

    tally.less()
    await asyncio.wait_for(asyncio.gather(*waiting), 1)


async def test_one_that_comes_meanwhile_is_waited_for():
    """None is none at the moment at which the wait ends; a wait that was cancelled is in nobody's way."""
    tally = Tally()
    tally.more()
    waiting, cancelled = (asyncio.create_task(tally.none()) for _ in range(2))
    await asyncio.sleep(0)
    cancelled.cancel()
    await asyncio.sleep(0)

    tally.less()
    tally.more()
    await asyncio.sleep(0.01)
    assert not waiting.done()

    tally.less()
    await asyncio.wait_for(waiting, 1)
