"""Shared limiters on states that a test can see, lose and hold back."""

import asyncio

import pytest

from llms.databases import StoreError
from llms.errors import BudgetSpentError, LimiterUnavailableError
from llms.keys import Limits
from llms.limits import Need, Scope, reconciliation, rounds
from llms.limits.clock import SharedClock
from llms.limits.shared import SharedLimiter
from llms.limits.states import Loaded, following
from tests.limits.ledger import Ledger, Now

BUDGET = [Scope("key:k", Limits(budget_day=100))]
RATE = [Scope("key:k", Limits(rpm=10**6))]


class Place:
    """
    Keeps states in memory.

    Attributes:
        down: Whether it can be reached.
        unheard: How many swaps from now on are done whose answers are lost.
    """

    forgets = True

    def __init__(self, now) -> None:
        self.kept = {}
        self.now = now
        self.down = False
        self.unheard = 0
        self.wait_s = 0.0

    async def load(self, subjects):
        await asyncio.sleep(self.wait_s)
        self._reach()
        return Loaded(self.now(), "one", {name: self.kept[name] for name in subjects if name in self.kept})

    async def swap(self, changes):
        self._reach()
        if any(self.kept.get(name, (0, b""))[0] != version for name, version, _ in changes):
            return False
        self.kept.update({name: (following(version), state) for name, version, state in changes})
        if self.unheard:
            self.unheard -= 1
            text = "The answer is lost."
            raise StoreError(text)
        return True

    async def close(self):
        self.down = True

    def _reach(self):
        if self.down:
            text = "It is down."
            raise StoreError(text)


@pytest.fixture
def now():
    return Now()


@pytest.fixture
def place(now):
    return Place(now)


@pytest.fixture
def ledger():
    return Ledger()


@pytest.fixture
async def limiters(place, ledger, now):
    made = [SharedLimiter(place, ledger, 2, now) for _ in range(2)]
    yield made
    place.down = False
    for limiter in made:
        await limiter.close()
        place.down = False


async def spent(limiter):
    return (await limiter.taken(BUDGET))[0].spent["day"]


async def test_without_the_ledger_budgets_give_nothing_and_rates_go_on(limiters, ledger, now):
    ledger.down = True

    with pytest.raises(LimiterUnavailableError):
        await limiters[0].admit(BUDGET, Need(1, 1))
    asked = ledger.asked
    with pytest.raises(LimiterUnavailableError):  # it is not asked again at once
        await limiters[0].admit(BUDGET, Need(1, 1))
    assert asked == ledger.asked
    assert (await limiters[0].admit(RATE, Need(1, 1))).at

    ledger.down = False
    ledger.rows = [("key:k", now.at, 95)]
    await asyncio.sleep(1)
    with pytest.raises(BudgetSpentError):
        await limiters[0].admit(BUDGET, Need(1, 6))


@pytest.mark.parametrize("whole", [True, False])
async def test_what_is_settled_while_the_ledger_is_asked_is_counted_once(limiters, ledger, whole):
    first, _ = limiters
    running = [await first.admit(RATE, Need(1, 1)) for _ in range(20)]
    ledger.settle(running.pop(), BUDGET, 1, 3)
    ledger.wait_s = 0.05
    waiting = asyncio.create_task(first.admit(BUDGET, Need(1, 1)))
    while not waiting.done():
        if running:
            ledger.settle(running.pop(), BUDGET, 1, 3)
        await asyncio.sleep(0.01)

    assert (await waiting).at
    assert ledger.sum("key:k") == await spent(first)


async def test_limits_that_go_while_the_states_are_out_of_reach(limiters, place, ledger, now):
    """That nobody counts a subject any more is noted in the shared state as soon as it can be."""
    first, second = limiters
    ledger.settle(await first.admit(BUDGET, Need(1, 1)), BUDGET, 1, 3)
    assert 3 == await spent(first)
    place.down = True
    with pytest.raises(LimiterUnavailableError):
        await first.admit(BUDGET, Need(1, 1))
    first.forget(["key:k"])
    ledger.rows.append(("key:k", now.at, 40))

    place.down = False
    await asyncio.sleep(1.6)

    assert 43 == await spent(second)
    assert 43 == await spent(first)


async def test_limits_that_go_while_the_ledger_is_asked(limiters, ledger, now):
    """What the ledger is about to say when limits go and come again is not what is taken."""
    first, _ = limiters
    ledger.wait_s = 0.05
    waiting = asyncio.create_task(first.admit(BUDGET, Need(1, 1)))
    await asyncio.sleep(0.03)

    ledger.rows.append(("key:k", now.at, 40))
    first.forget(["key:k"])
    await waiting

    assert 40 == await spent(first)


async def test_what_others_settled_just_before_may_count_twice_until_it_is_compared(limiters, ledger, monkeypatch):
    monkeypatch.setattr(reconciliation, "_ON_ITS_WAY_S", 0.05)
    first, second = limiters
    ledger.settle(await first.admit(RATE, Need(1, 1)), BUDGET, 1, 30)
    ledger.settle(await second.admit(RATE, Need(1, 1)), BUDGET, 1, 5)
    await asyncio.sleep(0.05)

    held = await second.admit(BUDGET, Need(1, 1))
    held.settle(1, 0)

    assert 65 == await spent(second)  # what it settled itself counts once
    assert 1 == await second.reconcile()
    assert 35 == await spent(second)


async def test_a_swap_whose_answer_is_lost_is_not_done_twice(limiters, place, ledger):
    first, second = limiters
    ledger.settle(await first.admit(BUDGET, Need(1, 50)), BUDGET, 1, 10)
    held = await first.admit(BUDGET, Need(1, 50))
    place.unheard = 1

    ledger.settle(held, BUDGET, 1, 20)
    await asyncio.sleep(0.1)

    assert 30 == await spent(second)
    assert 0 == place.unheard


async def test_an_epoch_that_begins_while_the_ledger_is_asked(limiters, place, ledger, now):
    first, second = limiters
    ledger.rows = [("key:k", now.at, 40)]
    ledger.wait_s = 0.7
    waiting = asyncio.create_task(first.admit(BUDGET, Need(1, 60)))
    await asyncio.sleep(0.2)

    place.kept.clear()
    ledger.rows += [("key:k", now.at, 10)]  # of a process that is not there any more

    with pytest.raises(BudgetSpentError):
        await waiting
    assert 50 == await spent(second)


async def test_what_the_ledger_said_before_an_outage_is_not_used_after_it(limiters, place, ledger, now):
    first, _ = limiters
    ledger.wait_s = 0.1
    waiting = asyncio.create_task(first.admit(BUDGET, Need(1, 60)))
    await asyncio.sleep(0.15)
    place.down = True
    with pytest.raises(LimiterUnavailableError):
        await waiting

    place.down = False
    ledger.rows = [("key:k", now.at, 50)]
    await asyncio.sleep(1.6)

    with pytest.raises(BudgetSpentError):
        await first.admit(BUDGET, Need(1, 60))


async def test_taken_says_what_is_known_when_the_states_are_out_of_reach(limiters, place):
    first, _ = limiters
    held = await first.admit(RATE, Need(5, 1))
    place.down = True

    for _ in range(2):
        assert (1, 5, 1, 1, {}) == (await first.taken(RATE))[0]
    held.settle(1, 1)


async def test_whoever_waits_as_it_is_closed_gets_an_answer(place, ledger, now):
    limiter = SharedLimiter(place, ledger, 1, now)
    ledger.wait_s = 1
    waiting = asyncio.create_task(limiter.admit(BUDGET, Need(1, 1)))
    await asyncio.sleep(0.2)

    await limiter.close()

    with pytest.raises(LimiterUnavailableError):
        await waiting


async def test_time_does_not_go_back_from_one_process_to_the_next(place, ledger, now):
    """Where the clock that they share is set back between two calls of a key, which two processes admit."""
    first, second = (SharedLimiter(place, ledger, 2, SharedClock()) for _ in range(2))
    for limiter in (first, second):
        (await limiter.admit(RATE, Need(1, 1))).settle(1, 1)
    await asyncio.sleep(0.05)  # what was settled is in the states: nobody looks at the clock because of that
    now.at += 5000
    ahead = await first.admit(RATE, Need(1, 1))
    now.at -= 5000
    behind = await second.admit(RATE, Need(1, 1))

    assert ahead.at <= behind.at < ahead.at + 5000
    for limiter in (first, second):
        await limiter.close()


async def test_closing_without_having_begun(place, ledger, now):
    await SharedLimiter(place, ledger, 1, now).close()

    assert {} == place.kept


async def test_all_that_was_settled_is_brought_in_before_it_is_closed(place, ledger, now):
    limiter = SharedLimiter(place, ledger, 1, now)
    ledger.settle(await limiter.admit(BUDGET, Need(1, 50)), BUDGET, 1, 33)

    await limiter.close()
    place.down = False

    after = SharedLimiter(place, ledger, 1, now)
    assert 33 == await spent(after)
    await after.close()


async def test_a_cancelled_call_gives_back_what_it_was_given(limiters):
    """Whenever it is cancelled."""
    first, _ = limiters
    for turns in range(12):
        waiting = asyncio.create_task(first.admit(RATE, Need(1, 1)))
        for _ in range(turns):
            await asyncio.sleep(0)
        waiting.cancel()
        (result,) = await asyncio.gather(waiting, return_exceptions=True)
        if not isinstance(result, asyncio.CancelledError):
            result.settle(0, 0)
    await asyncio.sleep(0.05)

    assert 0 == (await first.taken(RATE))[0].running


async def test_states_that_take_too_long(limiters, place, monkeypatch):
    """Each trip is short enough, all of them together are not."""
    monkeypatch.setattr("llms.limits.rounds._PATIENCE_S", 0.05)
    place.wait_s = 0.1

    held = await limiters[0].admit(RATE, Need(1, 1))
    await asyncio.sleep(0.3)

    assert 1 == limiters[0]._books.holding("key:k").state.running
    held.settle(1, 1)


async def test_what_is_not_seen_any_more_is_forgotten(limiters, now, monkeypatch):
    monkeypatch.setattr(rounds, "_BEATS", 1)
    first, _ = limiters
    held = await first.admit([Scope("key:held", Limits(rpm=9))], Need(1, 1))
    (await first.admit(RATE, Need(1, 1))).settle(1, 1)
    now.at += 11 * 60_000

    await asyncio.sleep(0.7)

    assert ["key:held"] == list(first._books.holdings)
    held.settle(1, 1)


async def test_an_answer_that_comes_as_patience_ends_is_taken(limiters, place, monkeypatch):
    """Nothing that was reserved is lost in between."""
    first, _ = limiters
    monkeypatch.setattr("llms.limits.rounds._PATIENCE_S", 0.01)
    for number in range(40):
        place.wait_s = 0.0095 + number * 0.00005
        (await first.admit(RATE, Need(1, 1))).settle(1, 1)
    place.wait_s = 0
    monkeypatch.undo()
    await asyncio.sleep(0.1)

    assert (0, 0) == (await first.taken(RATE))[0][2:4]


async def test_a_round_that_fails_as_nobody_foresaw(place, ledger, now, monkeypatch, caplog):
    """It is an outage for a moment, of which the log says all; then the worker admits calls as before."""
    monkeypatch.setattr(rounds, "_AGAIN_S", 0.05)
    limiter = SharedLimiter(place, ledger, 1, now)
    place.now = None

    (await limiter.admit(RATE, Need(1, 1))).settle(1, 1)  # by what this worker alone knows
    with pytest.raises(LimiterUnavailableError):
        await limiter.admit(BUDGET, Need(1, 1))
    assert "Traceback" in caplog.text
    place.now = now
    await asyncio.sleep(0.1)

    (await limiter.admit(BUDGET, Need(1, 1))).settle(1, 1)
    assert 1 == (await limiter.taken(BUDGET))[0].requests
    await limiter.close()
