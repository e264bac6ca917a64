import asyncio
import logging

import pytest

from llms.errors import BudgetSpentError, LimiterUnavailableError, OverLimitError
from llms.keys import Limits
from llms.limits import Need, Scope
from llms.limits.memory import MemoryLimiter
from llms.limits.state import DAY_MS
from tests.limits.ledger import Ledger, Now, ms

KEY = [Scope("key:k", Limits(budget_day=100))]


@pytest.fixture
def ledger():
    return Ledger()


@pytest.fixture
def now():
    return Now()


@pytest.fixture
async def limiter(ledger, now):
    made = MemoryLimiter(ledger, now)
    yield made
    await made.close()


async def spent(limiter, scopes=KEY):
    return [taken.spent for taken in await limiter.taken(scopes)]


async def test_what_was_spent_before_is_looked_up_once(limiter, ledger, now):
    ledger.rows = [("key:k", now.at, 95), ("key:k", ms("2026-11-27 23:59:59"), 50), ("key:other", now.at, 50)]

    results = await asyncio.gather(*(limiter.admit(KEY, Need(1, 1)) for _ in range(20)), return_exceptions=True)

    assert 5 == sum(not isinstance(result, Exception) for result in results)
    assert {BudgetSpentError} == {type(result) for result in results if isinstance(result, Exception)}
    assert 4 == ledger.asked  # once for each kind of window


async def test_whoever_leaves_does_not_end_the_looking_up(limiter, ledger):
    ledger.wait_s = 0.01
    first = asyncio.create_task(limiter.admit(KEY, Need(1, 1)))
    second = asyncio.create_task(limiter.admit(KEY, Need(1, 1)))
    await asyncio.sleep(0.005)

    first.cancel()

    assert (await second).at
    assert [1] == [taken.running for taken in await limiter.taken(KEY)]
    assert 4 == ledger.asked


async def test_what_is_settled_meanwhile_is_counted_once(limiter, ledger, now):
    """A key in use is given a budget: before, while and after the ledger is asked about each window, a call ends."""
    free = [Scope("key:k", Limits())]
    running = [await limiter.admit(free, Need(1, 10)) for _ in range(30)]
    ledger.settle(running.pop(), free, 1, 7)
    ledger.wait_s = 0.003
    limits = Limits(budget_total=10**9, budget_day=10**9, budget_week=10**9, budget_month=10**9)
    first = asyncio.create_task(limiter.admit([Scope("key:k", limits)], Need(1, 1)))
    while not first.done():
        ledger.settle(running.pop(), free, 1, 7)
        await asyncio.sleep(0.001)
    await first

    assert await spent(limiter, [Scope("key:k", limits)]) == [
        {window: ledger.sum("key:k") for window in ("total", "day", "week", "month")}
    ]


async def test_limits_that_go_while_what_was_spent_is_looked_up(limiter, ledger, now):
    """Limits that go and come again while the ledger is asked: what was not counted in between is not missing."""
    scopes = [Scope("key:k", Limits(budget_total=100, budget_month=100))]
    ledger.wait_s = 0.005
    waiting = asyncio.create_task(limiter.admit(scopes, Need(1, 1)))
    await asyncio.sleep(0.012)  # the total has been looked up

    ledger.rows.append(("key:k", now.at, 60))
    limiter.forget(["key:k"])
    await waiting

    assert [{"total": 60, "month": 60}] == await spent(limiter, scopes)


@pytest.mark.case("P30")
async def test_p30_a_window_with_calls_begins_while_the_last_one_is_looked_up(ledger, now):
    now.set("2026-11-28 23:59:59.999")
    ledger.rows = [("key:k", now.at + 5000, 60)]
    ledger.wait_s = 0.005
    limiter = MemoryLimiter(ledger, now, (now.at + 1) // DAY_MS)
    scopes = [Scope("key:k", Limits(budget_day=100))]
    waiting = asyncio.create_task(limiter.admit(scopes, Need(1, 1)))
    await asyncio.sleep(0.012)  # the day has been looked up

    now.set("2026-11-29 00:00")
    (await limiter.admit([Scope("key:k", Limits())], Need(1, 3))).settle(1, 0)
    await waiting

    assert [{"day": 60}] == await spent(limiter, scopes)
    now.set("2026-11-30 00:00")
    assert [{"day": 0}] == await spent(limiter, scopes)
    assert 0 == await limiter.reconcile()
    await limiter.close()


async def test_limits_that_go_while_they_are_compared(limiter, ledger, now):
    """A comparison that was under way when limits went changes nothing of what is counted after it."""
    scopes = [Scope("key:k", Limits(budget_total=100))]
    (await limiter.admit(scopes, Need(1, 1))).settle(1, 0)
    ledger.rows.append(("key:k", now.at, 60))
    ledger.wait_s = 0.005
    comparing = asyncio.create_task(limiter.reconcile())
    await asyncio.sleep(0.001)

    limiter.forget(["key:k"])

    assert 0 == await comparing
    assert [{"total": 60}] == await spent(limiter, scopes)


async def test_a_day_that_begins_while_the_last_one_is_looked_up(limiter, ledger, now):
    now.set("2026-11-28 23:59:59.999")
    ledger.rows = [("key:k", now.at, 60)]
    ledger.wait_s = 0.005
    scopes = [Scope("key:k", Limits(budget_day=100, budget_month=1000))]
    waiting = asyncio.create_task(limiter.admit(scopes, Need(1, 1)))
    await asyncio.sleep(0.007)  # of the day is being asked

    now.set("2026-11-29 00:00")
    ledger.settle(await limiter.admit([Scope("key:k", Limits())], Need(1, 3)), scopes, 1, 3)
    await waiting

    assert [{"day": 3, "month": 63}] == await spent(limiter, scopes)


@pytest.mark.case("P26")
async def test_p26_without_the_ledger_budgets_give_nothing_and_the_rest_goes_on(limiter, ledger, now):
    ledger.down = True
    rates = [Scope("key:k", Limits(rpm=2))]

    with pytest.raises(LimiterUnavailableError) as caught:
        await limiter.admit(KEY, Need(1, 1))
    asked = ledger.asked
    with pytest.raises(LimiterUnavailableError):  # at once: it is not asked again each time
        await limiter.admit(KEY, Need(1, 1))
    assert (503, 1, asked) == (caught.value.status, caught.value.retry_after_s, ledger.asked)
    (await limiter.admit(rates, Need(1, 1))).settle(1, 1)
    await limiter.admit(rates, Need(1, 1))
    with pytest.raises(OverLimitError):
        await limiter.admit(rates, Need(1, 1))

    ledger.down = False
    ledger.rows = [("key:k", now.at, 98)]  # and the call that still runs holds 1
    now.at += 1000
    await limiter.admit(KEY, Need(1, 1))
    with pytest.raises(BudgetSpentError):
        await limiter.admit(KEY, Need(1, 1))


async def test_a_ledger_that_does_not_answer_is_given_up(limiter, ledger, monkeypatch):
    monkeypatch.setattr("llms.limits.memory._SEED_S", 0.01)
    ledger.wait_s = 10

    with pytest.raises(LimiterUnavailableError):
        await limiter.admit(KEY, Need(1, 1))


async def test_a_limiter_that_is_closed_asks_no_more(limiter, ledger):
    ledger.wait_s = 10
    waiting = asyncio.create_task(limiter.admit(KEY, Need(1, 1)))
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    await limiter.close()

    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_subjects_that_are_not_seen_any_more_are_forgotten(limiter, ledger, now):
    """And looked up again when they come back; one that holds something is kept."""
    held = await limiter.admit([Scope("key:held", Limits(rpm=1))], Need(1, 1))
    ledger.settle(await limiter.admit(KEY, Need(1, 1)), KEY, 1, 40)
    for name in range(1022):
        (await limiter.admit([Scope(f"key:{name}", Limits())], Need(1, 1))).settle(1, 1)
    now.at += 11 * 60_000

    (await limiter.admit([Scope("key:new", Limits())], Need(1, 1))).settle(1, 1)

    assert 2 == len(limiter._states)
    assert [{"day": 40}] == await spent(limiter)
    assert 1 == (await limiter.taken([Scope("key:held", Limits(rpm=1))]))[0].running
    held.settle(1, 1)


async def test_taken_says_what_a_subject_has_taken(limiter, ledger, now):
    scopes = [Scope("key:k", Limits(rpm=9, budget_day=100)), Scope("team:unseen", Limits(rpm=1))]
    ledger.settle(await limiter.admit(scopes[:1], Need(100, 10)), scopes, 80, 7)
    await limiter.admit(scopes[:1], Need(100, 10))

    assert [(2, 180, 1, 10, {"day": 7}), (0, 0, 0, 0, {})] == await limiter.taken(scopes)
    now.at += 60_000
    assert (0, 0, 1, 10, {"day": 7}) == (await limiter.taken(scopes))[0]


@pytest.mark.case("B17")
async def test_b17_what_was_counted_wrongly_is_put_right(limiter, ledger, caplog):
    caplog.set_level(logging.WARNING, "llms.limits")
    await limiter.admit(KEY, Need(1, 1))
    limiter._states["key:k"].spent[1] += 50

    assert 1 == await limiter.reconcile()
    assert [{"day": 0}] == await spent(limiter)
    assert [
        "what key:k has spent (day) was counted as 50 micro-dollars and is 0 in the ledger: put right"
    ] == caplog.messages
    assert 0 == await limiter.reconcile()


@pytest.mark.case("B17")
async def test_b17_what_is_settled_meanwhile_is_not_wrong(limiter, ledger, caplog):
    scopes = [Scope("key:k", Limits(budget_day=10**9)), Scope("key:unknown", Limits())]
    running = [await limiter.admit(scopes, Need(1, 10)) for _ in range(100)]
    ledger.wait_s = 0.001
    comparing = asyncio.create_task(limiter.reconcile())
    while not comparing.done() and running:
        ledger.settle(running.pop(), scopes, 1, 7)
        await asyncio.sleep(0)

    assert 0 == await comparing
    assert ledger.sum("key:k") == (await spent(limiter, scopes[:1]))[0]["day"]


async def test_headers_of_a_reservation(limiter, now):
    scopes = [Scope("key:k", Limits(rpm=10))]

    held = await limiter.admit(scopes, Need(1, 1))

    assert held.at == now.at
    assert {
        "x-ratelimit-limit-requests": "10",
        "x-ratelimit-remaining-requests": "9",
        "x-ratelimit-reset-requests": "55s",
    } == held.headers
