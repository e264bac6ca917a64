"""The places of a provider, whoever leaves when."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llms.bulkhead import Bulkhead
from llms.errors import OverloadedError, Retry
from llms.terms import Room


@asynccontextmanager
async def place(bulkhead, *, wait):
    await bulkhead.take(wait=wait)
    try:
        yield
    finally:
        bulkhead.give()


class Caller:
    """Takes a place in a task of its own, and keeps it until told otherwise."""

    def __init__(self, bulkhead, *, wait=True):
        self.inside = False
        self._leave = asyncio.Event()
        self.task = asyncio.create_task(self._run(bulkhead, wait=wait))

    async def _run(self, bulkhead, *, wait):
        async with place(bulkhead, wait=wait):
            self.inside = True
            try:
                await self._leave.wait()
            finally:
                self.inside = False

    async def leave(self):
        self._leave.set()
        await self.task


async def turns():
    for _ in range(5):
        await asyncio.sleep(0)


async def refused(bulkhead, *, wait=True):
    with pytest.raises(OverloadedError) as caught:
        async with place(bulkhead, wait=wait):
            raise AssertionError
    return caught.value


async def test_any_number():
    """Without a limit nobody waits."""
    bulkhead = Bulkhead("p", Room())
    callers = [Caller(bulkhead, wait=False) for _ in range(50)]
    await turns()

    assert 50 == bulkhead.running == sum(caller.inside for caller in callers)
    for caller in callers:
        await caller.leave()
    assert 0 == bulkhead.running


async def test_who_does_not_wait_is_told_at_once():
    """With the provider's name, a time to come back, and leave to go elsewhere."""
    bulkhead = Bulkhead("slow", Room(concurrency=1))
    first = Caller(bulkhead)
    await turns()

    failure = await refused(bulkhead, wait=False)

    assert (503, "overloaded", 1, Retry.ELSEWHERE) == (
        failure.http_status(),
        failure.code,
        failure.retry_after_s,
        failure.retry,
    )
    assert "slow" in failure.message
    await first.leave()


async def test_first_come_first_served():
    """Places are handed on in order; nobody slips in between."""
    bulkhead = Bulkhead("p", Room(concurrency=1))
    callers = [Caller(bulkhead) for _ in range(4)]
    await turns()
    for number, caller in enumerate(callers):
        assert [number] == [index for index, one in enumerate(callers) if one.inside]
        await caller.leave()
        if number < 3:
            await refused(bulkhead, wait=False)
        await turns()

    assert 0 == bulkhead.running


async def test_queue_is_bounded():
    """Who finds it full is told at once."""
    bulkhead = Bulkhead("p", Room(concurrency=1, queue=1))
    callers = [Caller(bulkhead) for _ in range(2)]
    await turns()

    await refused(bulkhead)

    for caller in callers:
        await caller.leave()


async def test_waiting_ends():
    """After ``queue_s`` the call is refused, and what it held of the queue is free for others."""
    bulkhead = Bulkhead("p", Room(concurrency=1, queue=2, queue_s=0.05))
    first = Caller(bulkhead)
    await turns()

    for _ in range(4):
        await refused(bulkhead)
    last = Caller(bulkhead)
    await turns()
    await first.leave()
    await turns()

    assert last.inside
    await last.leave()


async def test_who_left_the_queue_holds_nothing_of_it():
    """A queue of those that are gone would refuse those that are there."""
    bulkhead = Bulkhead("p", Room(concurrency=1, queue=2))
    first = Caller(bulkhead)
    await turns()
    for _ in range(3):
        gone = [Caller(bulkhead) for _ in range(2)]
        await turns()
        for caller in gone:
            caller.task.cancel()
        await asyncio.gather(*(caller.task for caller in gone), return_exceptions=True)

    waits = Caller(bulkhead)
    await turns()
    assert not waits.task.done()
    await first.leave()
    await waits.leave()
    assert 0 == bulkhead.running


async def test_turn_comes_as_its_client_leaves():
    """The place goes to the next, whichever of the two is first."""
    bulkhead = Bulkhead("p", Room(concurrency=1))
    callers = [Caller(bulkhead) for _ in range(4)]
    await turns()
    callers[0].task.cancel()
    await asyncio.sleep(0)  # the first has left, and the second has its turn, but has not run yet
    callers[1].task.cancel()
    callers[2].task.cancel()
    await turns()

    assert callers[3].inside
    await callers[3].leave()
    assert 0 == bulkhead.running
    await asyncio.gather(*(caller.task for caller in callers), return_exceptions=True)


EVENTS = st.lists(
    st.tuples(st.sampled_from(["come", "look in", "leave", "cancel", "turn", "time"]), st.integers(0, 7)), max_size=60
)


@given(EVENTS)
@settings(max_examples=300, deadline=None)
def test_no_place_is_lost_and_none_is_made(events):
    """Whoever comes, leaves, gives up or runs out of time in whatever order: at most two run, and all places come back."""
    asyncio.run(_play(events))


async def _play(events):
    room = Room(concurrency=2, queue=3, queue_s=1000)
    bulkhead = Bulkhead("p", room)
    callers = []
    for event, number in events:
        await _happen(event, number, bulkhead, callers)
        assert sum(caller.inside for caller in callers) <= bulkhead.running <= room.concurrency
        assert len(bulkhead._waiting) <= room.queue

    for _ in range(40):
        await asyncio.sleep(0)
    if sum(not caller.task.done() for caller in callers) > room.concurrency:
        assert room.concurrency == bulkhead.running  # nobody waits beside a free place
    for caller in callers:
        caller._leave.set()
    await asyncio.gather(*(caller.task for caller in callers), return_exceptions=True)
    assert (0, 0) == (bulkhead.running, len(bulkhead._waiting))
    async with place(bulkhead, wait=False), place(bulkhead, wait=False):
        await refused(bulkhead, wait=False)


async def _happen(event, number, bulkhead, callers):
    if event in ("come", "look in"):
        callers.append(Caller(bulkhead, wait=event == "come"))
    elif event == "turn":
        await asyncio.sleep(0)
    elif event == "time":  # all that wait run out of it at once
        for handle in [one for one in asyncio.get_running_loop()._scheduled if not one.cancelled()]:
            handle._run()
            handle.cancel()
    elif callers:
        caller = callers[number % len(callers)]
        if event == "leave":
            caller._leave.set()
        else:
            caller.task.cancel()


async def test_less_room():
    """Those that run stay; a place that they leave is free only once there are few enough."""
    bulkhead = Bulkhead("p", Room(concurrency=3))
    callers = [Caller(bulkhead) for _ in range(4)]
    await turns()

    bulkhead.resize(Room(concurrency=1))

    for running in (2, 1):
        await callers.pop(0).leave()
        await turns()
        assert (running, False) == (bulkhead.running, callers[-1].inside)
        await refused(bulkhead, wait=False)
    await callers.pop(0).leave()
    await turns()
    assert (1, True) == (bulkhead.running, callers[0].inside)
    await callers[0].leave()
    assert 0 == bulkhead.running


@pytest.mark.parametrize(("concurrency", "inside"), [(3, 3), (None, 5)])
async def test_more_room(concurrency, inside):
    """Who waits has it at once."""
    bulkhead = Bulkhead("p", Room(concurrency=1))
    callers = [Caller(bulkhead) for _ in range(5)]
    await turns()

    bulkhead.resize(Room(concurrency=concurrency))
    await turns()

    assert inside == bulkhead.running == sum(caller.inside for caller in callers)
    for caller in callers:
        await caller.leave()
    assert 0 == bulkhead.running
