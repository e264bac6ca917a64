"""Limits that real processes share: as many as there are workers, and some of them are killed."""

import asyncio
import signal
import time
from collections import Counter
from contextlib import AsyncExitStack

import pytest

from llms.errors import BudgetSpentError, OverLimitError
from llms.keys import Limits
from llms.limits import Need, Scope, books
from llms.limits.clock import SharedClock
from tests.limits.process import FileLedger, child

LEASE_MS = 1500
BUDGET = ["key:k", {"budget_day": 50}]


@pytest.fixture
async def children(shared, tmp_path, monkeypatch):
    """Start processes; their ledger is that of the test's own limiters."""
    monkeypatch.setattr(books, "_LEASE_MS", LEASE_MS)
    shared.ledger = FileLedger(tmp_path / "ledger")
    async with AsyncExitStack() as stack:

        async def start(count=1):
            made = [
                await stack.enter_async_context(child(shared.url, shared.ledger.path, LEASE_MS)) for _ in range(count)
            ]
            await asyncio.gather(*(one.tell("settle", tokens=0, cost=0) for one in made))  # they have started
            return made

        yield start
    shared.ledger.close()


async def minute_with(seconds):
    """Wait until the minute that runs has so many seconds left."""
    left = 60 - time.time() % 60
    if left < seconds:
        await asyncio.sleep(left + 0.05)


async def until(admit, wanted, within_s):
    """Try until ``admit`` gives what is wanted; give how many seconds that took."""
    began = time.monotonic()
    while (found := await admit()) != wanted:
        assert time.monotonic() - began < within_s, found
        await asyncio.sleep(0.05)
    return time.monotonic() - began


@pytest.mark.case("B01")
async def test_b01_four_processes_admit_exactly_five(children, shared):
    four = await children(4)
    for number in range(5):
        scopes = [[f"key:{number}", {"budget_day": 50}], ["gateway", {"budget_total": 10**9}]]

        answers = await asyncio.gather(*(one.tell("admit", scopes=scopes, need=[1, 10], count=250) for one in four))

        assert 5 == sum(answer["admitted"] for answer in answers)
        refused = sum((Counter(answer["refused"]) for answer in answers), Counter())
        assert 995 == refused["BudgetSpentError"] + refused["LimiterUnavailableError"]  # on a machine that is too busy


@pytest.mark.case("B10")
async def test_b10_four_processes_keep_to_a_rate(children, shared):
    four = await children(4)
    await minute_with(15)

    answers = await asyncio.gather(
        *(one.tell("churn", scopes=[["key:k", {"rpm": 300}]], need=[1, 1], cost=1, seconds=2) for one in four)
    )

    assert 300 == sum(answer["admitted"] for answer in answers)


@pytest.mark.case("B16")
async def test_b16_what_four_processes_spend_adds_up(children, shared):
    four = await children(4)
    scopes = [["key:k", {"budget_day": 10**9, "concurrency": 7}], ["gateway", {"budget_total": 10**9}]]
    answers = await asyncio.gather(
        *(one.tell("churn", scopes=scopes, need=[1, 100], cost=13, seconds=1.5) for one in four)
    )
    limiter = shared.limiter(clock=SharedClock())
    count = sum(answer["admitted"] for answer in answers)

    async def taken():
        names = [Scope("key:k", Limits(budget_day=10**9)), Scope("gateway", Limits(budget_total=10**9))]
        return [(one.running, one.reserved, *one.spent.values()) for one in await limiter.taken(names)]

    assert count > 0
    await until(taken, [(0, 0, count * 13)] * 2, 2)
    assert count * 13 == shared.ledger.sum("key:k")


@pytest.mark.case("B06", "B12")
async def test_b06_b12_what_a_killed_process_held_is_free_when_its_lease_has_ended(children, shared):
    doomed, other = await children(2)
    scopes = [["key:k", {"budget_day": 50, "concurrency": 6}]]
    limiter = shared.limiter(clock=SharedClock())
    assert 3 == (await doomed.tell("admit", scopes=scopes, need=[1, 10], count=3))["admitted"]
    assert 1 == (await other.tell("admit", scopes=scopes, need=[1, 10], count=1))["admitted"]
    await doomed.tell("settle", tokens=1, cost=10, count=1)  # it was done: that stays
    await asyncio.sleep(0.2)
    await doomed.kill()

    async def admit():
        try:
            held = await limiter.admit([Scope("key:k", Limits(budget_day=50, concurrency=6))], Need(1, 30))
        except (BudgetSpentError, OverLimitError) as error:
            return type(error)
        held.settle(0, 0)
        return "admitted"

    assert BudgetSpentError is await admit()
    await until(admit, "admitted", 5)
    taken = (await limiter.taken([Scope("key:k", Limits(budget_day=50))]))[0]
    assert (1, 10, {"day": 10}) == (taken.running, taken.reserved, taken.spent)  # what the other one holds


@pytest.mark.case("P09")
async def test_p09_a_process_that_was_stopped_puts_back_what_it_holds(children, shared):
    (stopped,) = await children(1)
    scopes = [["key:k", {"concurrency": 5}]]
    limiter = shared.limiter(clock=SharedClock())
    assert 3 == (await stopped.tell("admit", scopes=scopes, need=[1, 1], count=3))["admitted"]

    async def running():
        return (await limiter.taken([Scope("key:k", Limits(concurrency=5))]))[0].running

    assert 3 == await running()
    stopped.signal(signal.SIGSTOP)
    try:
        await until(running, 0, 5)
    finally:
        stopped.signal(signal.SIGCONT)
    await until(running, 3, 2)
    await stopped.tell("settle", tokens=1, cost=1)

    await until(running, 0, 2)


async def test_the_last_that_ends_leaves_nothing_behind_that_is_not_in_the_ledger(children, shared):
    """Killed, it has not told what it settled last; but nobody else is left, so that the ledger is asked again."""
    (only,) = await children(1)
    assert 4 == (await only.tell("admit", scopes=[BUDGET], need=[1, 10], count=4))["admitted"]
    await only.tell("settle", tokens=1, cost=10, count=2)
    await only.kill()
    await asyncio.sleep(LEASE_MS / 1000)
    (after,) = await children(1)

    assert {"admitted": 3, "refused": {"BudgetSpentError": 7}} == await after.tell(
        "admit", scopes=[BUDGET], need=[1, 10], count=10
    )
