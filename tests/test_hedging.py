"""When a second target is asked, and that nobody is left behind."""

import asyncio
import itertools

import pytest

from llms.errors import UpstreamFailedError, UpstreamRefusedError
from llms.hedging import Hedging, hedged
from llms.records import Route, Target

A, B = Target("a", "m"), Target("b", "m")
ROUTE = Route((A, B), hedge_percent=10)


def test_patience_is_what_is_usual():
    """The time within which 95 of the latest 100 first bytes came; older ones are forgotten."""
    hedging = Hedging()
    for number in range(500):
        hedging.began(A, stream=True, first_byte_s=1000.0 if number < 400 else number - 400)

    assert 95 == hedging.patience_s(A, stream=True)
    assert None is hedging.patience_s(A, stream=False)
    assert None is hedging.patience_s(B, stream=True)


def test_patience_needs_experience():
    """Nothing is unusual before twenty are known."""
    hedging = Hedging()
    for _ in range(19):
        hedging.began(A, stream=True, first_byte_s=1)
    assert None is hedging.patience_s(A, stream=True)

    hedging.began(A, stream=True, first_byte_s=1)
    assert 1 == hedging.patience_s(A, stream=True)


@pytest.mark.parametrize(("percent", "hedges"), [(0, 0), (5, 5), (10, 10), (100, 100)])
def test_share_of_calls(percent, hedges):
    """Of a hundred calls as many as the configuration says may be hedged."""
    hedging = Hedging()
    route = Route((A, B), hedge_percent=percent)
    taken = 0
    for _ in range(100):
        hedging.called(route, "fast")
        taken += hedging.take("fast")

    assert hedges - 1 <= taken <= hedges


def test_share_is_each_models_own_and_does_not_pile_up():
    """After a long time without need five at once, no more."""
    hedging = Hedging()
    for _ in range(10_000):
        hedging.called(ROUTE, "fast")

    assert not hedging.take("slow")
    assert 5 == sum(hedging.take("fast") for _ in range(100))


def test_targets_do_not_pile_up():
    """What is kept has an end."""
    hedging = Hedging()
    for number in range(5000):
        hedging.began(Target("a", str(number)), stream=True, first_byte_s=1)

    assert len(hedging._first_bytes) <= 1000


class Race:
    """Two attempts, ended by the test, and what was thrown away."""

    def __init__(self, *, second=True, patience_s=0.01):
        self.results = {}
        self.begun = []
        self.cancelled = []
        self.discarded = []
        self._second = second
        self.task = asyncio.create_task(hedged(self._run("one"), self._other, patience_s, self._discard))

    def end(self, name, result):
        if isinstance(result, Exception):
            self.results[name].set_exception(result)
        else:
            self.results[name].set_result(result)

    def _other(self):
        return self._run("two") if self._second else None

    async def _discard(self, result):
        await asyncio.sleep(0)
        self.discarded.append(result)

    async def _run(self, name):
        self.begun.append(name)
        self.results[name] = asyncio.get_running_loop().create_future()
        try:
            return await self.results[name]
        except asyncio.CancelledError:
            self.cancelled.append(name)
            await asyncio.sleep(0)  # a connection is closed
            raise

    async def until_begun(self, name):
        async with asyncio.timeout(5):
            while name not in self.results:  # noqa: ASYNC110 - no event tells of it
                await asyncio.sleep(0.001)


async def test_first_in_time():
    """No second one is asked."""
    race = Race(patience_s=10)
    await race.until_begun("one")
    race.end("one", 1)

    assert 1 == await race.task
    assert (["one"], [], []) == (race.begun, race.cancelled, race.discarded)


async def test_first_fails_in_time():
    """That is for others to follow, not for a hedge."""
    race = Race(patience_s=10)
    await race.until_begun("one")
    race.end("one", UpstreamFailedError("no"))

    with pytest.raises(UpstreamFailedError):
        await race.task
    assert ["one"] == race.begun


@pytest.mark.parametrize(("winner", "loser"), [("one", "two"), ("two", "one")])
async def test_who_comes_first_wins(winner, loser):
    """The other one is cancelled before the winner's answer is used."""
    race = Race()
    await race.until_begun("two")
    race.end(winner, winner)

    assert winner == await race.task
    assert ([loser], []) == (race.cancelled, race.discarded)


async def test_both_at_once():
    """The first one is preferred; the other answer is let go."""
    race = Race()
    await race.until_begun("two")
    race.end("two", 2)
    race.end("one", 1)

    assert 1 == await race.task
    assert [2] == race.discarded


@pytest.mark.parametrize(("fails", "answers"), [("one", "two"), ("two", "one")])
async def test_one_fails(fails, answers):
    """The other one is waited for."""
    race = Race()
    await race.until_begun("two")
    race.end(fails, UpstreamFailedError("no"))
    await asyncio.sleep(0.01)
    assert not race.task.done()
    race.end(answers, answers)

    assert answers == await race.task


@pytest.mark.parametrize("order", [("one", "two"), ("two", "one")])
async def test_both_fail(order):
    """The failure is the first one's, which is what the attempts go on from."""
    race = Race()
    await race.until_begun("two")
    failures = {"one": UpstreamRefusedError("one", upstream_status=400), "two": UpstreamFailedError("two")}
    for name in order:
        race.end(name, failures[name])
        await asyncio.sleep(0.005)

    with pytest.raises(UpstreamRefusedError, match="one"):
        await race.task


async def test_no_second():
    """Where none may be asked the first one is waited for."""
    race = Race(second=False)
    await asyncio.sleep(0.05)
    race.end("one", 1)

    assert 1 == await race.task
    assert ["one"] == race.begun


async def test_client_leaves():
    """Both are cancelled, and waited for."""
    race = Race()
    await race.until_begun("two")
    race.task.cancel()
    await asyncio.gather(race.task, return_exceptions=True)

    assert race.task.cancelled()
    assert ["one", "two"] == sorted(race.cancelled)


async def test_client_leaves_as_an_answer_comes():
    """An answer that nobody takes any more is let go."""
    race = Race()
    await race.until_begun("two")
    race.end("two", 2)
    await asyncio.sleep(0)
    race.task.cancel()
    await asyncio.gather(race.task, return_exceptions=True)

    assert race.task.cancelled()
    assert (["one"], [2]) == (race.cancelled, race.discarded)


async def test_client_leaves_at_every_turn():
    """However far the winner's way has gone: what came is used or let go, never lost."""
    for after in range(12):
        race = Race()
        await race.until_begun("two")
        race.end("two", 2)
        for _ in range(after):
            await asyncio.sleep(0)
        race.task.cancel()
        [result] = await asyncio.gather(race.task, return_exceptions=True)

        assert [2] == (race.discarded if isinstance(result, asyncio.CancelledError) else [result])


async def test_cancelled_twice_at_every_turn():
    """A client may leave at the moment at which the call's time is over, or while its attempts are being closed."""
    for first, second in itertools.product(range(8), range(8)):
        race = Race()
        await race.until_begun("two")
        race.end("two", 2)
        race.end("one", 1)
        for turns in (first, second):
            for _ in range(turns):
                await asyncio.sleep(0)
            race.task.cancel()
        [result] = await asyncio.gather(race.task, return_exceptions=True)

        assert [1, 2] == sorted([*race.discarded, *([] if isinstance(result, asyncio.CancelledError) else [result])])
