"""The wall clock jumps while budgets are counted, and while the gateway is started anew: B09 and P30."""

import asyncio
import time
from collections import defaultdict
from contextlib import AsyncExitStack

import pytest

from llms.limits.state import DAY_MS
from tests.accounting.house import CHAT, PRICES
from tests.accounting.oracle import end, start
from tests.accounting.seller import Act, Order, Seller
from tests.accounting.town import BACKENDS, town
from tests.support.raw import RawClient
from tests.support.wall_clock import Clock
from tests.upstream.server import Upstream

WINDOWS = ("total", "day", "week", "month")
COST = 135
"""Micro-dollars of each call."""

JITTER = [1, -1, 1, -1]
"""Seconds, across a midnight."""

HOURS = 3600


class Days:
    """
    A gateway whose clock is moved, and what has become of each call.

    Args:
        place: Where limits are kept.

    Attributes:
        shared: Whether the time is that of this place, whatever the gateway's own clock says.
    """

    def __init__(self, clock, seller, folder, environ, place):
        self._clock = clock
        self._offset_s = 0.0
        self.shared = place in ("postgresql", "redis")
        self._options = (folder, seller, {**environ, **clock.environ}, 2 if place == "sqlite" else 1)
        self._stack = AsyncExitStack()
        self._order = Order("call", dict.fromkeys(("one", "two"), Act("whole", (10, 7), ("x",))), PRICES)
        self.calls = []
        self.key = self.busy = None

    def move(self, seconds):
        self._offset_s += seconds
        self._clock.move(f"{self._offset_s:+.3f}")

    @property
    def now(self):
        return time.time() + self._offset_s

    def before_midnight(self, seconds):
        """Move the clock to so many seconds before the next midnight."""
        self.move(-self.now % 86_400 - seconds)

    async def open(self):
        folder, seller, environ, workers = self._options
        self.town = await self._stack.enter_async_context(town(folder, seller, environ, workers=workers))
        if self.key is None:
            self.key = await self.town.key(limits={"budgets_micros": dict.fromkeys(WINDOWS, 10**9), "rpm": 10**6})
            self.busy = await self.town.key(limits={"rpm": 1})
        await self.town.known(self.key.secret)

    async def close(self):
        await self._stack.aclose()

    async def call(self, count=1):
        """Make calls; none of them is refused, and whoever has made one already in this minute is told when to come."""
        for _ in range(count):
            async with asyncio.timeout(15):  # a busy machine may not have looked up in time what was spent
                while (answer := await self.town.call(self.key.secret, self._order)).status == 503:  # noqa: ASYNC110 - nothing tells
                    await asyncio.sleep(0.1)
            assert 200 == answer.status, answer.body
            self.calls.append(answer.header("x-request-id"))
        for _ in range(2):
            answer = await self.town.call(self.busy.secret, self._order)
        if answer.status != 200:  # the minute may have ended in between
            assert 429 == answer.status
            assert 0 < int(answer.header("retry-after")) <= 60
            assert 0 < float(answer.header("retry-after-ms")) <= 60_000

    async def agree(self):
        """Wait until what is counted is what the ledger has, and none but the calls that were made; give it."""

        async def rows():
            page = await self.town.admin("GET", f"calls?key_id={self.key.id}&status=ok&limit=300")
            return {row["id"]: row["at"] for row in page["data"]}

        async def found():
            self._at = await rows()
            return len(self._at) == len(self.calls)

        await self.town.served.until(found)
        assert sorted(self.calls) == sorted(self._at)
        last = self._at[self.calls[-1]]
        expected = {
            window: COST * sum(start(window, last) <= at < end(window, last) for at in self._at.values())
            for window in WINDOWS
        }

        async def counted():
            self.spent = (await self.town.taken(self.key.secret))["key"]["spent_micros"]
            return self.spent == expected

        await self.town.served.until(counted, 5)
        return {window: self.spent[window] // COST for window in WINDOWS}

    def in_order(self):
        """Whether the calls were counted in the order in which they were made: the limits' time never goes back."""
        times = [self._at[one] for one in self.calls]
        return times == sorted(times)

    def by_day(self):
        """Give how many calls were counted in each day."""
        found = defaultdict(int)
        for at in self._at.values():
            found[at // DAY_MS] += 1
        return dict(found)


@pytest.fixture(params=["memory", *BACKENDS])
async def days(request, tmp_path):
    """Give a gateway, with limits in each of the places that there are for them."""
    environ = {"LLMS_STORE": f"sqlite:{tmp_path / 'llms.db'}"}
    if request.param == "postgresql":
        environ = {"LLMS_STORE": request.getfixturevalue("postgres_url")}
    if request.param == "redis":
        environ["REDIS"] = request.getfixturevalue("redis_url")
    async with Upstream() as upstream:
        made = Days(Clock(tmp_path), Seller(upstream), tmp_path, environ, request.param)
        try:
            yield made
        finally:
            await made.close()


@pytest.mark.case("B09", "P30")
async def test_b09_p30_each_call_in_one_window(days, record_property):
    """B09, P30: over jumps of the clock across a budget's end each call counts in one window; nothing is given back."""
    await days.open()
    days.before_midnight(6)
    go = asyncio.Event()
    held = Order("held", dict.fromkeys(("one", "two"), Act("stream", (10, 7), ("x",), "held", go)), PRICES)
    async with RawClient("127.0.0.1", days.town.port) as client:
        body = days.town.request(held, stream=True)
        headers = [("Authorization", f"Bearer {days.key.secret}"), ("Content-Type", "application/json")]
        await client.request("POST", CHAT, headers, body)
        days.calls.append((await client.read_head()).header("x-request-id"))
        await days.call(2)
        for jump in JITTER:
            days.move(jump)
            await days.call()
        days.move(6)
        await days.call(2)
        for jump in JITTER:
            days.move(jump)
            await days.call()
        days.move(-2 * HOURS)
        await days.call(3)
        go.set()
        seen = b""
        while b"[DONE]" not in seen:
            seen += await client.read_some()
    night = await days.agree()
    nights = days.by_day()
    days.move(400 * 24 * HOURS)
    await days.call(2)
    far = await days.agree()
    days.move(-2 * HOURS)
    await days.call()
    back = await days.agree()

    assert b"error" not in seen
    assert days.in_order()
    assert (16, 18, 19) == (night["total"], far["total"], back["total"])
    if days.shared:
        assert (18, 19) == (far["month"], back["month"]) or len(nights) > 1
    else:
        assert 2 == len(nights)
        assert night["day"] == nights[max(nights)] >= 5
        assert [(2, 2, 2), (3, 3, 3)] == [(one["day"], one["week"], one["month"]) for one in (far, back)]
    record_property(
        "came_out", f"{night['total']} calls around midnight, {nights}; 2 and 3 of {far['day'], back['day']}"
    )


@pytest.mark.case("B09", "P30")
@pytest.mark.parametrize("signal", ["terminate", "kill"])
async def test_b09_p30_a_start_with_another_clock(days, signal, record_property):
    """B09, P30: a gateway that is started anew with a clock that was set back forgets nothing, and counts nothing twice."""
    await days.open()
    days.before_midnight(5)
    await days.call(2)
    days.move(5)
    await days.call(3)
    before = await days.agree()
    getattr(days.town.served.process, signal)()
    await days.town.served.ended()
    await days.close()
    days.move(-2 * HOURS)
    await days.open()
    await days.call()
    again = await days.agree()
    days.before_midnight(1)
    days.move(2)
    await days.call()
    after = await days.agree()

    assert [5, 6, 7] == [one["total"] for one in (before, again, after)]
    if not days.shared:
        assert [3, 4] == [before["day"], after["day"]] if again["day"] == 3 else [3, 5] == [before["day"], after["day"]]
    record_property("came_out", f"{[one['day'] for one in (before, again, after)]} in the day")


@pytest.mark.case("P30")
async def test_p30_keys_end_by_the_wall_clock(tmp_path, record_property):
    """P30: a key's end is a time of day: it has come when the clock has jumped there, and not when it was set back."""
    clock = Clock(tmp_path)
    order = Order("call", dict.fromkeys(("one", "two"), Act("whole", (10, 7), ("x",))), PRICES)
    environ = {"LLMS_STORE": f"sqlite:{tmp_path / 'llms.db'}", **clock.environ}
    async with Upstream() as upstream, town(tmp_path, Seller(upstream), environ) as here:
        key = await here.key(expires_at=int(time.time()) + HOURS)
        answers = [await here.call(key.secret, order)]
        clock.move("-2h")
        await asyncio.sleep(1.5)  # keys are looked through each second
        answers.append(await here.call(key.secret, order))
        clock.move("+400d")
        took_s = await here.known(key.secret, works=False)

    assert [200, 200] == [one.status for one in answers]
    assert took_s < 10  # five are promised; the machine may be busy
    record_property("came_out", f"refused {took_s:.1f} s after the jump, not before")
