"""What a credential that is not known may cause."""

import asyncio
from contextlib import asynccontextmanager

from llms import renewal as module
from llms.renewal import CatchUp
from tests.ledger.entries import DOWN


class Reading:
    """Notes when it began; ends once it may."""

    def __init__(self):
        self.began = []
        self.may_end = asyncio.Event()

    async def __call__(self):
        self.began.append(asyncio.get_running_loop().time())
        await self.may_end.wait()


@asynccontextmanager
async def catching_up(renew):
    catch_up = CatchUp(renew)
    try:
        yield catch_up
    finally:
        await catch_up.close()


async def test_all_who_wait_have_one():
    """A hundred who come together cause one reading, and a hundred who come while it runs another one after it."""
    reading = Reading()
    async with catching_up(reading) as catch_up, asyncio.TaskGroup() as group:
        for _ in range(100):
            group.create_task(catch_up.now())
        while not reading.began:  # noqa: ASYNC110 - no event tells of it
            await asyncio.sleep(0)
        late = [group.create_task(catch_up.now()) for _ in range(100)]
        reading.may_end.set()
        await asyncio.wait(late, return_when=asyncio.FIRST_COMPLETED)
        count = len(reading.began)

    assert (2, 2) == (count, len(reading.began))


async def test_not_often():
    """Who comes soon after the last reading waits for the next: a key may have been made in between."""
    reading = Reading()
    reading.may_end.set()
    async with catching_up(reading) as catch_up:
        for _ in range(3):
            await catch_up.now()

    apart = [after - before for before, after in zip(reading.began, reading.began[1:], strict=False)]
    assert 2 == len(apart)
    assert all(one > 0.19 for one in apart)


async def test_a_store_that_is_slow(monkeypatch):
    """Nobody waits for long; there is one reading at a time, which those who come later wait for as well."""
    monkeypatch.setattr(module, "_PATIENCE_S", 0.05)
    monkeypatch.setattr(module, "_APART_S", 0)
    reading = Reading()
    async with catching_up(reading) as catch_up:
        async with asyncio.timeout(10):
            for _ in range(5):
                await catch_up.now()
        count = len(reading.began)
        reading.may_end.set()
        await catch_up.now()

    assert (1, 2) == (count, len(reading.began))


async def test_a_store_that_is_away():
    """It is as if nothing was changed."""
    asked = []

    async def fail():
        asked.append(1)
        raise DOWN

    async with catching_up(fail) as catch_up:
        await asyncio.gather(*(catch_up.now() for _ in range(10)))

    assert [1] == asked


async def test_closed_in_between():
    """What is under way at the end ends with it."""
    reading = Reading()
    async with catching_up(reading) as catch_up:
        waiting = asyncio.create_task(catch_up.now())
        while not reading.began:  # noqa: ASYNC110 - no event tells of it
            await asyncio.sleep(0)
        await catch_up.close()
        await waiting

    assert (1, set()) == (len(reading.began), catch_up._tasks)
