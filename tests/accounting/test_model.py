"""
Whatever is done to keys, calls, clocks and processes: ledger, counters and the providers' bills are one sum.

``LLMS_MODEL_EXAMPLES`` and ``LLMS_MODEL_STEPS`` say how much is tried.
"""

import asyncio
import json
import math
import os
import tempfile
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import AsyncExitStack, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from llms.limits.state import DAY_MS
from tests.accounting.conftest import Now
from tests.accounting.house import PRICES, House
from tests.accounting.oracle import Known, Oracle, end, start, subjects
from tests.accounting.seller import ABSURD, Act, Order, Seller
from tests.support.raw import RawClient
from tests.upstream.server import Upstream

EXAMPLES = int(os.environ.get("LLMS_MODEL_EXAMPLES", "20"))
STEPS = int(os.environ.get("LLMS_MODEL_STEPS", "20"))

PRICE_LISTS = [PRICES, {**PRICES, "one/a": ("0.000001", "1000"), "two/b": ("7", "0")}, {"one/a": ("1.05", "2.35")}]
PLENTY = 10**12
LEASE_MS = 500
MAX_TOKENS = 20

BUDGET = st.sampled_from([None, None, 0, 400, 900, 3000, PLENTY])
LIMITS = st.fixed_dictionaries(
    {
        "rpm": st.sampled_from([None, None, 1, 3, 1000]),
        "tpm": st.sampled_from([None, None, 60, 200, 10**6]),
        "concurrency": st.sampled_from([None, None, 1, 2]),
        "budgets_micros": st.fixed_dictionaries(dict.fromkeys(("total", "day", "week", "month"), BUDGET)),
    }
)
NO_LIMITS = {
    "rpm": None,
    "tpm": None,
    "concurrency": None,
    "budgets_micros": dict.fromkeys(("total", "day", "week", "month")),
}
TEXTS = st.lists(st.sampled_from(["a", "four", "é漢字", "twelve bytes"]), min_size=1, max_size=4).map(tuple)
USAGE = st.sampled_from([None, (0, 0), (10, 7), (31, 20), (31, 21), (30, 4000), (ABSURD, 3), (5, ABSURD)])
FAILS = st.sampled_from([Act("refuse"), Act("reset")])
WHOLE = st.builds(Act, st.just("whole"), USAGE, TEXTS)
STREAM = st.builds(Act, st.just("stream"), USAGE, TEXTS, st.sampled_from(["done", "done", "cut", "reset"]))
EMBED = st.builds(Act, st.just("embed"), st.sampled_from([(4, 0), (0, 0), (4000, 0)]))
WHICH = st.sampled_from([0, 0, 0, 1, 1, 2, 3, 4, 5])
MODEL = st.sampled_from(["m", "m", "other", "free"])


@dataclass
class Holder:
    """A key as its holder knows it."""

    id: str
    secret: str
    team: str
    above: tuple[str, ...] = ()
    alive: bool = True
    old: list[str] = field(default_factory=list)


@dataclass
class Open:
    """A stream that runs, whose texts have all come."""

    client: RawClient
    known: Known
    holder: Holder
    go: asyncio.Event


class Model(RuleBasedStateMachine):
    """
    One gateway on one store.

    Attributes:
        store: Makes the store, in a folder; gives its URL.
        workers: How many processes there are said to be.
        environ: What they are told besides their store: where Redis is.
        moved: Whether the clock is moved by hand. Where limits are shared they go by another machine's, so that there
            is nothing to be said of minutes.
    """

    store: Callable[[Path], Any]
    workers = 1
    environ: Mapping[str, str] = {}
    moved = True

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.outer = ExitStack()
        self.folder = Path(self.outer.enter_context(tempfile.TemporaryDirectory()))
        self.now = Now()
        clock = self.now.patches() if self.moved else {"llms.limits.books._LEASE_MS": LEASE_MS}
        for name, value in {**clock, "llms.books._POLL_S": 0.01}.items():
            self.outer.enter_context(mock.patch(name, value))
        self.url = self.outer.enter_context(type(self).store(self.folder))
        self.oracle = Oracle()
        self.holders: list[Holder] = []
        self.streams: list[Open] = []
        self.numbers = iter(range(1, 10**6))
        self.run(self.start())

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        async def bounded() -> Any:
            async with asyncio.timeout(30):
                return await work

        return self.runner.run(bounded())

    async def start(self) -> None:
        self.stack = AsyncExitStack()
        upstream = await self.stack.enter_async_context(Upstream())
        settings = {"prices": PRICES, **self.sections({})}
        if "REDIS" in self.environ:
            settings["store"] = {"redis": "$REDIS"}
        self.house = House(
            self.folder / "gateway", Seller(upstream), self.url, settings, self.workers, {**self.environ}
        )
        await self.house.open()

    def sections(self, given: dict[str, Any]) -> dict[str, Any]:
        """Note limits besides those of keys, and give their section; the gateway's always has a budget."""
        whole = {**NO_LIMITS, "budgets_micros": {**NO_LIMITS["budgets_micros"], "total": PLENTY, "day": PLENTY}}
        wanted = {"gateway": whole, **given}
        for subject in [one for one in self.oracle.limits if not one.startswith("key:")]:
            del self.oracle.limits[subject]
        self.oracle.limits.update({subject: limits for subject, limits in wanted.items() if limits != NO_LIMITS})
        made: dict[str, Any] = {"gateway": _dollars(whole), "teams": {}, "models": {}}
        for subject in given.keys() & self.oracle.limits.keys():  # an empty entry would be counted, to no end
            limits = given[subject]
            kind, _, name = subject.partition(":")
            made[f"{kind}s"][name] = _dollars(limits)
        return {"limits": made}

    # keys

    @initialize(limits=LIMITS)
    def first(self, limits: dict[str, Any]) -> None:
        self.make("", limits)

    @rule(team=st.sampled_from(["", "red"]), limits=LIMITS)
    def make(self, team: str, limits: dict[str, Any]) -> None:
        limits = self.fit(limits)
        if len(self.holders) < 6:
            key = self.run(self.house.key(team=team, limits=limits))
            self.note(Holder(key.id, key.secret, team), limits)

    @rule(which=WHICH, limits=LIMITS)
    def make_below(self, which: int, limits: dict[str, Any]) -> None:
        maker = self.holder(which)
        if maker is None or len(self.holders) >= 6:
            return
        own = self.oracle.limits.get(f"key:{maker.id}", NO_LIMITS)
        within = _within(self.fit(limits), own)
        key = self.run(self.house.key(maker.secret, limits=within))
        self.note(Holder(key.id, key.secret, maker.team, (maker.id, *maker.above)), within)

    @rule(which=WHICH, limits=st.one_of(LIMITS, st.just(NO_LIMITS)))
    def change(self, which: int, limits: dict[str, Any]) -> None:
        limits = self.fit(limits)
        if holder := self.holder(which):
            self.run(self.house.admin("PATCH", f"keys/{holder.id}", {"limits": limits}))
            self.note(holder, limits)

    @rule(which=WHICH, grace_s=st.sampled_from([0, 600]))
    def rotate(self, which: int, grace_s: int) -> None:
        if holder := self.holder(which):
            answer = self.run(self.house.admin("POST", f"keys/{holder.id}/rotate", {"grace_s": grace_s}))
            before, holder.secret = holder.secret, answer["secret"]
            if not grace_s:
                holder.old.append(before)

    @rule(which=WHICH)
    def revoke(self, which: int) -> None:
        if not (holder := self.holder(which)):
            return
        self.run(self.house.admin("POST", f"keys/{holder.id}/revoke", {}))
        for one in self.holders:
            if one is holder or holder.id in one.above:
                one.alive = False
        for stream in [one for one in self.streams if not one.holder.alive]:
            assert b'"key_disabled"' in self.run(self.rest(stream))
            stream.known.order.left = True
            self.finished(stream)

    @rule(which=WHICH)
    def is_refused(self, which: int) -> None:
        """What is no key any more is none."""
        for holder in self.holders[which : which + 1]:
            for secret in [*holder.old, *([] if holder.alive else [holder.secret])]:
                order = self.order({"one": Act("refuse"), "two": Act("refuse")})
                path, body = self.house.request(order)
                assert 401 == self.run(self.house.ask("POST", path, secret, body)).status

    # calls

    @rule(which=WHICH, first=st.one_of(WHOLE, FAILS), second=st.one_of(WHOLE, FAILS), model=MODEL)
    def whole(self, which: int, first: Act, second: Act, model: str) -> None:
        if holder := self.holder(which):
            self.call(holder, first, second, model=model, max_tokens=MAX_TOKENS)

    @rule(which=WHICH, first=st.one_of(STREAM, FAILS), second=st.one_of(STREAM, FAILS), model=MODEL)
    def stream(self, which: int, first: Act, second: Act, model: str) -> None:
        if holder := self.holder(which):
            self.call(holder, first, second, model=model, max_tokens=MAX_TOKENS, stream=True)

    @rule(which=WHICH, act=EMBED)
    def embed(self, which: int, act: Act) -> None:
        if holder := self.holder(which):
            self.call(holder, act, act)

    @rule(which=WHICH, texts=TEXTS, usage=USAGE, fails=st.booleans(), model=st.sampled_from(["m", "m", "other"]))
    def open(self, which: int, texts: tuple[str, ...], usage: Any, fails: bool, model: str) -> None:  # noqa: FBT001 - by name
        """Open a stream, up to the last of its texts."""
        if not (holder := self.holder(which)) or len(self.streams) >= 4:
            return
        go = asyncio.Event()
        act = Act("stream", usage, texts, "held", go)
        first = Act("refuse") if fails else act
        known, codes, now, request = self.asked(holder, first, act, model=model, max_tokens=MAX_TOKENS, stream=True)
        client = RawClient("127.0.0.1", self.house.running.port)

        async def begin() -> bytes:
            await self.stack.enter_async_context(client)
            await self.house.send(client, holder.secret, *request)
            seen = b""
            while b'"error"' not in seen and "".join(texts) not in _text(seen):
                some = await client.read_some()
                assert some, seen
                seen += some
            return seen

        self.judge(known, codes, now, self.run(begin()))
        if known.open:
            self.streams.append(Open(client, known, holder, go))

    @precondition(lambda self: self.streams)
    @rule(which=st.integers(0, 3))
    def finish(self, which: int) -> None:
        for stream in self.streams[which : which + 1]:
            stream.go.set()
            assert b"[DONE]" in self.run(self.rest(stream))
            self.finished(stream)

    @precondition(lambda self: self.streams)
    @rule(which=st.integers(0, 3))
    def leave(self, which: int) -> None:
        for stream in self.streams[which : which + 1]:
            stream.known.order.left = True
            stream.client.rst()
            self.finished(stream)

    @rule(which=WHICH, stream=st.booleans())
    def leave_early(self, which: int, stream: bool) -> None:  # noqa: FBT001 - by name
        """Leave before there is an answer: what went in is paid for."""
        if not (holder := self.holder(which)):
            return
        hangs = Act("hang")
        known, codes, now, request = self.asked(holder, hangs, hangs, max_tokens=MAX_TOKENS, stream=stream)

        async def leave() -> bytes:
            async with RawClient("127.0.0.1", self.house.running.port) as client:
                await self.house.send(client, holder.secret, *request)
                if codes:
                    return await client.read_some()
                await self.house.until(lambda: known.order.asked)
                client.rst()
                return b""

        self.judge(known, codes, now, self.run(leave()))
        if known.open:
            self.run(self.house.until(lambda: self.house.busy() == len(self.streams)))
            self.oracle.ended(known, now)

    # time, the configuration, the process

    @rule(seconds=st.sampled_from([1, 29, 31, 60, 3600, 86_400, 8 * 86_400, 31 * 86_400]))
    def time_passes(self, seconds: int) -> None:
        self.now.passes(seconds * 1000)

    @rule(seconds=st.sampled_from([-1, -40, -7200, -2 * 86_400, 5, 86_400]))
    def clock_is_set(self, seconds: int) -> None:
        self.now.wall_ms += seconds * 1000

    @rule(prices=st.sampled_from(PRICE_LISTS), team=LIMITS, model=st.one_of(LIMITS, st.just(NO_LIMITS)))
    def reconfigure(self, prices: Any, team: dict[str, Any], model: dict[str, Any]) -> None:
        sections = self.sections({"team:red": self.fit(team), "model:m": self.fit(model)})
        self.run(self.house.reconfigure(prices=prices, **sections))

    @rule()
    def crash(self) -> None:
        self.run(self.house.crash())
        for stream in self.streams:
            stream.known.open, stream.known.lost = False, True
        self.streams.clear()
        self.restarted()

    @precondition(lambda self: not self.streams)
    @rule()
    def restart(self) -> None:
        self.run(self.house.close())
        self.restarted()

    # what holds

    @invariant()
    def one_sum(self) -> None:
        self.run(self.compare())

    async def compare(self) -> None:
        house, oracle = self.house, self.oracle
        await house.until(lambda: house.busy() == len(self.streams))
        rows = await house.rows()
        orders = {record.call.id: self.name(record.call.body) for record in [*house.records, *house.running.records]}
        ended = [name for name, known in oracle.calls.items() if not known.open and not known.lost]
        assert sorted(ended) == sorted(orders[row.id] for row in rows)
        for row in rows:
            known = oracle.calls[orders[row.id]]
            assert known.order.bill() == row.cost, (known, row)
            assert sum(known.order.tokens() or (0, 0)) == row.input_tokens + row.output_tokens, (known, row)
            if known.order.at and self.moved:
                assert known.order.at == row.at
            known.order.at = row.at
        now = house.books.clock()
        assert house.books.store is not None
        for subject in ("gateway", "team:red", "model:m", *(f"key:{one.id}" for one in self.holders)):
            family = [one.id for one in self.holders if f"key:{one.id}" == subject or subject[4:] in one.above]
            asked = [f"key:{key_id}" for key_id in family] if subject.startswith("key:") else [subject]
            for window in ("total", "day"):
                since, until = start(window, now) // DAY_MS, end(window, now)
                days = since, None if until == math.inf else int(until) // DAY_MS
                kept = sum([await house.books.store.spent(one, *days) for one in asked])
                assert oracle.spent(subject, window, now) == kept, subject
        for holder in self.holders:
            if holder.alive:
                await self.compare_taken(holder, now)

    async def compare_taken(self, holder: Holder, now: int) -> None:
        """Compare what is counted of a key; where it is shared, what was settled may take a moment to be there."""
        async with asyncio.timeout(10):
            while wrong := self.wrong(await self.house.taken(holder.id), now):
                assert not self.moved, wrong
                await asyncio.sleep(0.05)

    def wrong(self, found: dict[str, Any], now: int) -> str:
        """Say what is counted otherwise than it is; nothing if all is well."""
        for subject, (_, taken) in found.items():
            spent = {window: self.oracle.spent(subject, window, now) for window in taken.spent}
            requests, tokens = self.oracle.minute(subject, now)
            expected = (spent, *self.oracle.running(subject), requests, max(tokens, 0))
            counted = (taken.spent, taken.running, taken.reserved, taken.requests, taken.tokens)
            if expected != counted and (self.moved or expected[:3] != counted[:3]):
                return f"{subject} has {expected}, and {counted} is counted"
        return ""

    def teardown(self) -> None:
        async def end() -> None:
            await self.house.close()
            await self.stack.aclose()

        self.run(end())
        self.runner.close()
        self.outer.close()

    # how it is done

    def call(self, holder: Holder, first: Act, second: Act, **fields: Any) -> None:
        known, codes, now, (path, body) = self.asked(holder, first, second, **fields)
        answer = self.run(self.house.ask("POST", path, holder.secret, body))
        self.judge(known, codes, now, answer.body)
        if known.open:
            self.oracle.ended(known, now)

    def asked(self, holder: Holder, first: Act, second: Act, **fields: Any) -> tuple[Known, set[str], int, Any]:
        """Give a call that is about to be made, how it must be refused if it must, the time, its path and its body."""
        order = self.order({"one": first, "two": second})
        request = self.house.request(order, **fields)
        model = "one/e" if first.kind == "embed" else fields.get("model", "m")
        whose = subjects((holder.id, *holder.above), holder.team, model)
        known = Known(order, whose, frozenset(one for one in whose if one in self.oracle.limits))
        known.need = self.oracle.need(order, model, MAX_TOKENS)
        now = self.house.books.clock()
        codes = self.oracle.refusals(known, now)
        self.oracle.calls[order.name] = known
        return known, codes, now, request

    def judge(self, known: Known, codes: set[str], now: int, seen: bytes) -> None:
        """Compare what became of a call with what had to; one that was refused has ended."""
        if not codes:
            assert known.order.asked, seen
            self.oracle.admitted(known, now)
            return
        assert not known.order.asked, (codes, seen)
        assert any(f'"{code}"'.encode() in seen for code in codes), (codes, seen)
        assert b'"insufficient_quota"' in seen or "insufficient_quota" not in codes, (codes, seen)
        known.open = False

    def finished(self, stream: Open) -> None:
        """Note that a stream has ended, now."""
        self.streams.remove(stream)
        self.run(self.house.until(lambda: self.house.busy() == len(self.streams)))
        self.oracle.ended(stream.known, self.house.books.clock())

    async def rest(self, stream: Open) -> bytes:
        """Read a stream to its end."""
        seen = b""
        while b"[DONE]" not in seen and b'"error"' not in seen and (some := await stream.client.read_some()):
            seen += some
        return seen

    def order(self, acts: dict[str, Act]) -> Order:
        return Order(f"call{next(self.numbers)}", acts, self.house.prices)

    def holder(self, which: int) -> Holder | None:
        """Give a key that is one, if there is one at this place."""
        return next((one for one in self.holders[which : which + 1] if one.alive), None)

    def note(self, holder: Holder, limits: dict[str, Any]) -> None:
        if holder not in self.holders:
            self.holders.append(holder)
        self.oracle.limits.pop(f"key:{holder.id}", None)
        if limits != NO_LIMITS:
            self.oracle.limits[f"key:{holder.id}"] = limits

    def restarted(self) -> None:
        self.oracle.forget_minute()
        if not self.moved:
            self.run(asyncio.sleep(2 * LEASE_MS / 1000))  # until what was held is given back
        self.run(self.house.open())

    def fit(self, limits: dict[str, Any]) -> dict[str, Any]:
        """Give limits that can be judged: where limits are shared, without what the clock decides, and never none."""
        if self.moved:
            return limits
        return {**limits, "rpm": None, "tpm": None, "concurrency": limits["concurrency"] or 1000}

    @staticmethod
    def name(body: Any) -> str:
        text = body["input"] if "input" in body else body["messages"][-1]["content"]
        return str(text.split()[0])


def _text(seen: bytes) -> str:
    """Give the text of as much of a stream as has come."""
    events = [line[6:] for line in seen.decode("utf-8", "ignore").split("\n") if line.startswith("data: {")]
    parts = []
    for event in events:
        with suppress(ValueError):
            parts += [choice["delta"].get("content") or "" for choice in json.loads(event)["choices"]]
    return "".join(parts)


def _within(limits: dict[str, Any], own: Any) -> dict[str, Any]:
    """Give limits that are within those of the key that makes one."""
    merged = {name: _least(limits[name], own[name]) for name in ("rpm", "tpm", "concurrency")}
    budgets = {name: _least(most, own["budgets_micros"][name]) for name, most in limits["budgets_micros"].items()}
    return {**merged, "budgets_micros": budgets}


def _least(one: int | None, other: int | None) -> int | None:
    return min((most for most in (one, other) if most is not None), default=None)


def _dollars(limits: Any) -> dict[str, Any]:
    """Give limits as the configuration has them."""
    budgets = {name: most / 1e6 for name, most in limits["budgets_micros"].items() if most is not None}
    return {**{name: limits[name] for name in ("rpm", "tpm", "concurrency")}, "budgets": budgets}


@contextmanager
def sqlite(folder: Path) -> Iterator[str]:
    yield f"sqlite:{folder / 'llms.db'}"


@pytest.mark.interpreted
def test_the_sums_agree_on_sqlite():
    """B16: whatever happens, Σ ledger = Σ counters = Σ what the providers would bill."""
    explore(sqlite, EXAMPLES)


@pytest.mark.interpreted
def test_the_sums_agree_on_sqlite_shared():
    """B16: as well where several processes share the limits, with as few examples as take a moment."""
    explore(sqlite, max(EXAMPLES // 5, 2), workers=2, moved=False)


@pytest.mark.interpreted
def test_the_sums_agree_on_postgresql(shared_postgres):
    """B16: as well where they are in PostgreSQL."""

    @contextmanager
    def postgres(_: Path) -> Iterator[str]:
        name = f"model_{next(_NUMBERS)}"
        shared_postgres.sql(f"CREATE DATABASE {name}")
        yield shared_postgres.url(name)
        shared_postgres.sql(f"DROP DATABASE {name} WITH (FORCE)")

    explore(postgres, max(EXAMPLES // 5, 2), moved=False)


@pytest.mark.interpreted
def test_the_sums_agree_on_redis(shared_redis):
    """B16: as well where limits are in Redis."""

    @contextmanager
    def emptied(folder: Path) -> Iterator[str]:
        shared_redis.empty()
        yield f"sqlite:{folder / 'llms.db'}"

    explore(emptied, max(EXAMPLES // 5, 2), environ={"REDIS": shared_redis.url()}, moved=False)


_NUMBERS = count()


def explore(store: Any, examples: int, **more: Any) -> None:
    """Try the model on a kind of store; ``more`` is as ``Model`` has it."""
    kind = type("Model", (Model,), {"store": staticmethod(store), **more})
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    phases = [Phase.generate]  # what fails is told as it came: to make it smaller may take minutes
    bounds = settings(
        max_examples=examples,
        stateful_step_count=STEPS,
        deadline=None,
        suppress_health_check=slow,
        database=None,
        derandomize="LLMS_MODEL_EXAMPLES" not in os.environ,  # the usual run is the same each time
        phases=phases,
    )
    run_state_machine_as_test(kind, settings=bounds)
