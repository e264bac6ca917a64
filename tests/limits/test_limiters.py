"""What holds of every limiter, whatever it keeps its states in."""

import asyncio
import logging
import os
import random
from collections import Counter

import pytest

from llms.errors import BudgetSpentError, OverLimitError
from llms.keys import Limits
from llms.limits import Need, Scope, reconciliation
from llms.limits.clock import Clock, SharedClock
from llms.limits.state import DAY_MS
from tests.limits.ledger import ms

ROUNDS = int(os.environ.get("LLMS_LIMITS_ROUNDS", "100"))
"""Of what is done over and over in memory; elsewhere a tenth of it."""

OPERATIONS = int(os.environ.get("LLMS_LIMITS_OPERATIONS", "2000"))
"""Of calls that are cancelled at any moment; 100,000 take some minutes."""

TEAM = Scope("team:t", Limits(rpm=10**6, tpm=10**12, budget_day=10**12))


async def outcomes(limiter, scopes, need, count):
    """Ask for so many at once; give the reservations, and how many were refused by which error."""
    results = await asyncio.gather(*(limiter.admit(scopes, need) for _ in range(count)), return_exceptions=True)
    held = [result for result in results if not isinstance(result, BaseException)]
    return held, Counter(type(result) for result in results if isinstance(result, BaseException))


async def soon(read, wanted, *, within_s=1.0):
    """Wait until ``read`` gives what is wanted, which takes a moment where states are shared."""
    until = asyncio.get_running_loop().time() + within_s
    while (found := await read()) != wanted and asyncio.get_running_loop().time() < until:  # noqa: ASYNC110 - nothing tells
        await asyncio.sleep(0.005)
    assert wanted == found


@pytest.mark.parametrize(
    ("limits", "error"),
    [
        (Limits(budget_month=50), BudgetSpentError),
        (Limits(budget_total=54), BudgetSpentError),
        (Limits(rpm=5), OverLimitError),
        (Limits(tpm=59), OverLimitError),
        (Limits(concurrency=5), OverLimitError),
    ],
)
@pytest.mark.case("B01")
async def test_b01_exactly_five_of_a_thousand(world, limits, error):
    scopes = [Scope("key:k", limits), TEAM]
    limiter = world.limiter()

    held, refused = await outcomes(limiter, scopes, Need(10, 10), 1000)

    assert (5, {error: 995}) == (len(held), refused)
    key, team = await limiter.taken(scopes)
    assert (5, 5, 50) == (key.running, team.running, team.reserved)
    for one in held:
        one.settle(10, 10)
    await soon(lambda: reserved(limiter, scopes), [0, 0])


async def reserved(limiter, scopes):
    return [taken.reserved for taken in await limiter.taken(scopes)]


@pytest.mark.case("B01")
async def test_b01_again_and_again(world):
    limiter = world.limiter()
    for number in range(ROUNDS if world.kind == "memory" else ROUNDS // 10):
        scopes = [Scope(f"key:{number}", Limits(budget_day=50)), TEAM]

        held, refused = await outcomes(limiter, scopes, Need(1, 10), 1000)

        assert (5, {BudgetSpentError: 995}) == (len(held), refused)


@pytest.mark.case("B01")
async def test_b01_four_that_share(shared):
    """Four limiters at once, each as busy as all together may not be."""
    limiters = [shared.limiter() for _ in range(4)]
    for number in range(max(ROUNDS // 20, 1)):
        scopes = [Scope(f"key:{number}", Limits(budget_day=50)), TEAM]

        found = await asyncio.gather(*(outcomes(limiter, scopes, Need(1, 10), 250) for limiter in limiters))

        assert 5 == sum(len(held) for held, _ in found)
        assert {BudgetSpentError: 995} == sum((refused for _, refused in found), Counter())


@pytest.mark.case("B03")
async def test_b03_what_was_not_needed_is_free_again(world):
    scopes = [Scope("key:k", Limits(budget_day=100))]
    first, second = world.limiter(), world.limiter() if world.kind != "memory" else world.made[0]
    held = await first.admit(scopes, Need(10, 100))
    with pytest.raises(BudgetSpentError):
        await second.admit(scopes, Need(10, 1))

    world.ledger.settle(held, scopes, 10, 30)

    await soon(lambda: reserved(second, scopes), [0])
    assert (await second.admit(scopes, Need(10, 70))).at
    with pytest.raises(BudgetSpentError):
        await first.admit(scopes, Need(10, 1))


@pytest.mark.case("B04")
async def test_b04_more_than_was_reserved_is_counted_and_the_next_is_refused(world):
    scopes = [Scope("key:k", Limits(budget_day=100))]
    limiter = world.limiter()
    world.ledger.settle(await limiter.admit(scopes, Need(10, 90)), scopes, 10, 150)

    with pytest.raises(BudgetSpentError) as caught:
        await limiter.admit(scopes, Need(10, 1))

    assert "of which $0.00 is left" in caught.value.message
    assert [{"day": 150}] == [taken.spent for taken in await limiter.taken(scopes)]


@pytest.mark.case("B05")
async def test_b05_calls_that_are_cancelled_at_any_moment(world):
    """All that was reserved is free in the end, and what is counted is what the ledger has."""
    limiter = world.limiter()
    chance = random.Random(5)  # noqa: S311 - it is to repeat
    limits = Limits(budget_day=10**9, budget_total=10**9, concurrency=200, rpm=10**9, tpm=10**9)
    scopes = [Scope("key:k", limits), TEAM]
    left = OPERATIONS if world.kind != "memory" else 10_000

    async def call():
        held = await limiter.admit(scopes, Need(100, 50))
        tokens = cost = 0
        try:
            await asyncio.sleep(chance.random() * 0.002)
            tokens, cost = 70, chance.randrange(60)
        finally:
            world.ledger.settle(held, scopes, tokens, cost)

    while left > 0:
        tasks = [asyncio.create_task(call()) for _ in range(min(left, 300))]
        left -= len(tasks)
        for task in chance.sample(tasks, len(tasks) // 2):
            await asyncio.sleep(chance.random() * 0.0002)
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            assert result is None or isinstance(result, asyncio.CancelledError | OverLimitError)

    async def state():
        return [(taken.running, taken.reserved, taken.spent["day"]) for taken in await limiter.taken(scopes)]

    spent = world.ledger.sum("key:k")
    assert spent > 0
    await soon(state, [(0, 0, spent), (0, 0, spent)])


@pytest.mark.case("B08")
@pytest.mark.parametrize("failing", [0, 1, 2, 3])
async def test_b08_what_one_limit_refuses_is_counted_by_none(world, failing):
    limits = [Limits(rpm=10, tpm=10**3, concurrency=9, budget_day=10**3) for _ in range(4)]
    limits[failing] = [Limits(rpm=0), Limits(tpm=1), Limits(concurrency=0), Limits(budget_day=1)][failing]
    scopes = list(map(Scope, ["key:k", "team:t", "model:m", "gateway"], limits))
    limiter = world.limiter()

    with pytest.raises((OverLimitError, BudgetSpentError)):
        await limiter.admit(scopes, Need(10, 10))

    assert [(0, 0, 0, 0)] * 4 == [taken[:4] for taken in await limiter.taken(scopes)]


@pytest.mark.case("B09")
async def test_b09_each_call_is_counted_in_one_window(world):
    scopes = [Scope("key:k", Limits(rpm=2, budget_day=300))]
    limiter = world.limiter()
    world.now.set("2026-11-28 23:59:59.999")

    async def spent():
        return (await limiter.taken(scopes))[0].spent["day"]

    async def one(cost):
        world.ledger.settle(await limiter.admit(scopes, Need(1, 50)), scopes, 1, cost)

    old = await limiter.admit(scopes, Need(1, 50))
    await one(30)
    with pytest.raises(OverLimitError) as caught:
        await one(1)
    assert 0.001 == caught.value.retry_after_s
    world.now.set("2026-11-29 00:00")
    await one(20)
    world.now.set("2026-11-28 22:00")  # set back: neither the minute nor the day begins again
    await one(30)
    with pytest.raises(OverLimitError) as caught:
        await one(1)
    assert caught.value.retry_after_s > 0
    world.now.set("2026-11-29 00:01")
    world.ledger.settle(old, scopes, 1, 40)  # yesterday's

    await soon(spent, 20)
    assert ms("2026-11-28 23:59:59.999") == old.at


@pytest.mark.case("B09")
@pytest.mark.parametrize(
    ("eve", "day"),
    [("2026-11-28 23:59:55", "2026-11-29 00:00:02"), ("2026-11-30 23:59:55", "2026-12-01 00:00:02")],
)
async def test_b09_p30_windows_to_come_that_have_calls(world, eve, day):
    """B09, P30: after a start with a clock that was set back, a window that has calls already does not begin at 0."""
    scopes = [Scope("key:k", Limits(budget_total=10**6, budget_day=100, budget_week=10**6, budget_month=10**6))]
    world.ledger.rows = [("key:k", ms(eve) - 1, 5), ("key:k", ms(day), 90)]
    world.now.set(eve)
    limiter = world.limiter(horizon=ms(day) // DAY_MS)

    world.ledger.settle(await limiter.admit(scopes, Need(1, 1)), scopes, 1, 3)
    await soon(lambda: spent(limiter, scopes), world.sums(eve))
    world.now.set(day)
    with pytest.raises(BudgetSpentError):
        await limiter.admit(scopes, Need(1, 11))
    world.ledger.settle(await limiter.admit(scopes, Need(1, 1)), scopes, 1, 1)

    await soon(lambda: spent(limiter, scopes), world.sums(day))
    world.now.set("2026-12-02 00:00")
    await soon(lambda: spent(limiter, scopes), world.sums("2026-12-02"))


@pytest.mark.case("P30")
@pytest.mark.parametrize("back_s", [7200, 400 * 86_400])
async def test_p30_a_rate_of_a_minute_to_come(world, back_s):
    """P30: a rate that was used up when the clock was ahead holds up nobody once all have started with another clock."""
    scopes = [Scope("key:k", Limits(rpm=1))]
    limiter = world.limiter()
    (await limiter.admit(scopes, Need(1, 1))).settle(1, 1)
    world.made.remove(limiter)
    await limiter.close()
    world.now.at -= back_s * 1000

    again = world.limiter()
    (await again.admit(scopes, Need(1, 1))).settle(1, 1)
    with pytest.raises(OverLimitError) as refused:
        await again.admit(scopes, Need(1, 1))

    assert 0 < refused.value.retry_after_s <= 60


async def spent(limiter, scopes):
    return (await limiter.taken(scopes))[0].spent


@pytest.mark.case("B10")
async def test_b10_a_rate_is_kept_whoever_counts(world):
    """Three that share a rate of 20 get 20 in each minute, ten times as many being asked for."""
    limiters = [world.limiter() for _ in range(1 if world.kind == "memory" else 3)]
    scopes = [Scope("key:k", Limits(rpm=20))]
    for minute in range(5):
        world.now.set(f"2026-11-28 12:0{minute}:30")

        found = await asyncio.gather(*(outcomes(one, scopes, Need(1, 1), 200 // len(limiters)) for one in limiters))

        assert 20 == sum(len(held) for held, _ in found)
        for held, _ in found:
            for one in held:
                one.settle(1, 1)


@pytest.mark.case("B11")
async def test_b11_tokens_are_corrected_when_they_are_known(world):
    scopes = [Scope("key:k", Limits(tpm=1000))]
    limiter = world.limiter()

    async def tokens():
        return (await limiter.taken(scopes))[0].tokens

    first, second = [await limiter.admit(scopes, Need(500, 1)) for _ in range(2)]
    first.settle(100, 1)
    await soon(tokens, 600)
    world.now.at += 60_000
    await limiter.admit(scopes, Need(500, 1))
    second.settle(700, 1)  # 200 more than were counted a minute ago

    await soon(tokens, 700)


@pytest.mark.case("B11")
async def test_b11_in_the_long_run(world):
    """At any estimates, as many tokens are admitted in ten minutes as may be, within 1 %."""
    chance = random.Random(11)  # noqa: S311 - it is to repeat
    scopes = [Scope("key:k", Limits(tpm=10_000))]
    limiter = world.limiter()
    taken = 0
    for _ in range(10):
        while True:
            try:
                held = await limiter.admit(scopes, Need(400, 1))
            except OverLimitError:
                break
            tokens = chance.choice([0, 100, 400, 700])
            taken += tokens
            held.settle(tokens, 1)
            await asyncio.sleep(0)
        world.now.at += 60_000

    assert abs(taken - 100_000) < 1000


@pytest.mark.case("B12")
async def test_b12_places_are_given_back_however_a_call_ends(world):
    scopes = [Scope("key:k", Limits(concurrency=3))]
    limiter = world.limiter()

    async def running():
        return (await limiter.taken(scopes))[0].running

    async def call(error):
        held = await limiter.admit(scopes, Need(1, 1))
        try:
            raise error
        finally:
            held.settle(0, 0)

    for error in (OSError(), TimeoutError(), asyncio.CancelledError()) * 5:
        with pytest.raises(type(error)):
            await call(error)
        await soon(running, 0)
    waiting = [asyncio.create_task(limiter.admit(scopes, Need(1, 1))) for _ in range(3)]
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)

    await soon(running, 0)
    held, refused = await outcomes(limiter, scopes, Need(1, 1), 5)
    assert (3, 2) == (len(held), refused[OverLimitError])


@pytest.mark.case("B16")
@pytest.mark.parametrize("start", [2**53 - 3, 2**63 - 3, 10**25])
async def test_b16_numbers_of_any_size(world, start):
    scopes = [Scope("key:k", Limits(budget_total=start + 10, budget_day=start + 10))]
    world.ledger.rows.append(("key:k", world.now.at, start))
    limiter = world.limiter()
    for _ in range(7):
        world.ledger.settle(await limiter.admit(scopes, Need(2**70, 1)), scopes, -(2**70), 1)

    async def spent():
        return (await limiter.taken(scopes))[0].spent

    await soon(spent, {"total": start + 7, "day": start + 7})
    with pytest.raises(BudgetSpentError):
        await limiter.admit(scopes, Need(1, 4))


@pytest.mark.case("B17")
async def test_b17_what_is_counted_wrongly_is_put_right(shared, caplog, monkeypatch):
    monkeypatch.setattr(reconciliation, "_ON_ITS_WAY_S", 0.1)
    caplog.set_level(logging.WARNING, "llms.limits")
    scopes = [Scope("key:k", Limits(budget_day=1000)), TEAM]
    first, second = shared.limiter(), shared.limiter()
    shared.ledger.settle(await first.admit(scopes, Need(1, 10)), scopes, 1, 7)
    await second.admit(scopes, Need(1, 10))
    shared.ledger.rows += [
        ("key:k", shared.now.at, 100),
        ("team:t", shared.now.at - 86_400_000, 5),
    ]  # as if not counted

    found = await asyncio.gather(first.reconcile(), second.reconcile())

    assert 2 == sum(found)  # each is put right by one of them
    assert [{"day": 107}, {"day": 7}] == [taken.spent for taken in await second.taken(scopes)]
    assert "what key:k has spent (day) differed from the ledger by -100 micro-dollars: put right" in caplog.messages
    assert 0 == await first.reconcile()


@pytest.mark.case("B17")
async def test_b17_what_is_on_its_way_is_not_wrong(shared, monkeypatch, caplog):
    """Calls run and end; the ledger has each row a while after its call was settled."""
    monkeypatch.setattr(reconciliation, "_ON_ITS_WAY_S", 0.2)
    scopes = [Scope("key:k", Limits(budget_day=10**9))]
    limiters = [shared.limiter() for _ in range(2)]
    loop = asyncio.get_running_loop()
    until = loop.time() + 1.5

    async def churn(limiter):
        while loop.time() < until:
            held = await limiter.admit(scopes, Need(1, 10))
            await asyncio.sleep(0.002)
            held.settle(1, 7)
            loop.call_later(0.1, shared.ledger.rows.append, ("key:k", held.at, 7))

    churning = [asyncio.create_task(churn(limiter)) for limiter in limiters]
    await asyncio.sleep(0.2)
    while loop.time() < until:
        assert 0 == await limiters[0].reconcile()
    await asyncio.gather(*churning)
    await asyncio.sleep(0.2)

    assert 0 == await limiters[0].reconcile()
    assert [] == caplog.messages
    assert shared.ledger.sum("key:k") == (await limiters[1].taken(scopes))[0].spent["day"]


@pytest.mark.case("B16")
async def test_b16_a_call_that_nobody_counted_when_it_began(world):
    """B16: a call's cost is added to those who were given limits while it ran, and once only."""
    limiter, at = world.limiter(), world.now.at
    known = [Scope("key:k", Limits(budget_day=1000))]
    (await limiter.admit(known, Need(1, 1))).settle(1, 0)
    for name, cost in (("key:k", 7), ("key:new", 5), ("key:k", -9)):
        world.ledger.rows.append((name, at, max(cost, 0)))
        limiter.add([name], at, cost)

    async def spent():
        scopes = [*known, Scope("key:new", Limits(budget_day=1000))]
        return [one.spent["day"] for one in await limiter.taken(scopes)]

    await soon(spent, [7, 5])


@pytest.mark.case("B16")
async def test_b16_limits_that_were_gone_for_a_while(world):
    """B16: what a subject has spent while it had no limits is there at once when it has some again."""
    limiter = world.limiter()
    scopes = [Scope("key:k", Limits(budget_day=100))]
    world.ledger.settle(await limiter.admit(scopes, Need(1, 1)), scopes, 1, 10)
    await soon(lambda: day(limiter, scopes), 10)

    limiter.forget(["key:k", "key:never"])
    world.ledger.rows.append(("key:k", world.now.at, 80))
    with pytest.raises(BudgetSpentError):
        await limiter.admit(scopes, Need(1, 11))
    world.ledger.settle(await limiter.admit(scopes, Need(1, 10)), scopes, 1, 1)

    await soon(lambda: day(limiter, scopes), 91)


async def day(limiter, scopes):
    return (await limiter.taken(scopes))[0].spent["day"]


async def test_headers_are_there_for_all(world):
    scopes = [Scope("key:k", Limits(rpm=10))]
    limiter = world.limiter()

    held = await limiter.admit(scopes, Need(1, 1))

    assert "9" == held.headers["x-ratelimit-remaining-requests"]
    assert "55s" == held.headers["x-ratelimit-reset-requests"]


async def test_calls_without_limits_are_not_held_up(world):
    limiter = world.limiter()

    held = await limiter.admit([Scope("key:k", Limits())], Need(1, 1))
    held.settle(1, 1)

    assert (world.now.at, {}) == (held.at, held.headers)


async def test_the_time_is_now(world):
    clock = Clock() if world.kind == "memory" else SharedClock()
    limiter = world.limiter(clock=clock)

    held = await limiter.admit([Scope("key:k", Limits(rpm=1))], Need(1, 1))

    assert abs(held.at - Clock()()) < 60_000
