"""The mixed load: which call comes next, and what came of all of them."""

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass, field

from tests.soak import judge
from tests.soak.client import Manner, Outcome, call
from tests.soak.faults import FAULTS
from tests.soak.plan import Plan
from tests.soak.sample import quantile

_KINDS = {"stream": 4, "whole": 3, "leaves": 1, "slow reader": 1}
_EVENTS, _EVERY_S = 200, 0.02
_MOST_AT_ONCE = 1500
_TOLD = 20

GRACE_S = 0.1
"""What the end of a faulted call may come after its deadline."""


@dataclass
class Tally:
    """
    What came of the calls.

    Args:
        good: Calls without a fault, by kind; those that left included.
        wrong: Those whose outcome was not right.
        faulted: Calls with a fault, by its name.
        misled: Those whose outcome was not the documented one.
        late: Seconds by which faulted calls ended after their deadline.
        left: When clients left, by the call's id.
        told: The first few complaints.
    """

    good: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    faulted: Counter[str] = field(default_factory=Counter)
    misled: Counter[str] = field(default_factory=Counter)
    late: list[float] = field(default_factory=list)
    left: dict[str, float] = field(default_factory=dict)
    first_s: list[float] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    @property
    def calls(self) -> int:
        return self.good.total() + self.faulted.total()

    @property
    def availability(self) -> float:
        return 1 - self.wrong.total() / max(1, self.good.total())

    @property
    def late_p99_s(self) -> float:
        return quantile(self.late, 0.99)

    def tell(self, name: str, complaint: str) -> None:
        """Keep a complaint."""
        if len(self.told) < _TOLD:
            self.told.append(f"{name}: {complaint}")


class Load:
    """
    Calls at random, of all kinds.

    Args:
        port: Of the gateway.
        seed: The same one gives the same calls.
        fault_share: Of all calls.
    """

    def __init__(self, port: int, seed: int, fault_share: float) -> None:
        self.tally = Tally()
        self._port = port
        self._chance = random.Random(seed)
        self._fault_share = fault_share
        self._prefix = f"s{seed}"
        self._number = 0

    async def run(self, rate: float, seconds: float) -> None:
        """Start ``rate`` calls a second for so long, and see them all end."""
        until = time.monotonic() + seconds
        due_at = time.monotonic()
        running: set[asyncio.Task[None]] = set()
        while time.monotonic() < until:
            due_at += self._chance.expovariate(rate)
            await asyncio.sleep(max(0.0, due_at - time.monotonic()))
            if len(running) >= _MOST_AT_ONCE:
                await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            task = asyncio.create_task(self._one())
            running.add(task)
            task.add_done_callback(running.discard)
        await asyncio.gather(*running)

    async def _one(self) -> None:
        self._number += 1
        name = f"{self._prefix}-{self._number}"
        if self._chance.random() < self._fault_share:
            await self._faulted(name)
        else:
            kind = self._chance.choices(list(_KINDS), list(_KINDS.values()))[0]
            await {"stream": self._stream, "whole": self._whole, "leaves": self._leaves, "slow reader": self._slow}[
                kind
            ](name)

    async def _stream(self, name: str) -> None:
        plan = Plan(name, words=_EVENTS, every_s=_EVERY_S)
        outcome = await call(self._port, self._model(), plan, stream=True)
        if outcome.first_at is not None:
            self.tally.first_s.append(outcome.first_at - outcome.began_at)
        self._judged("stream", name, judge.of_right(plan, outcome, stream=True))

    async def _whole(self, name: str) -> None:
        plan = Plan(name, every_s=self._chance.uniform(0, 0.3))
        outcome = await call(self._port, self._model(), plan, stream=False)
        self._judged("whole", name, judge.of_right(plan, outcome, stream=False))

    async def _leaves(self, name: str) -> None:
        stream = self._chance.random() < 2 / 3
        plan = Plan(name, words=_EVENTS, every_s=_EVERY_S if stream else 1.5)
        after_s = self._chance.uniform(0, 3.5 if stream else 1.4)
        manner = Manner(leaves_after_s=after_s, leaves_with_reset=self._chance.random() < 0.5)
        outcome = await call(self._port, self._model(), plan, stream=stream, manner=manner)
        if outcome.left_at is not None and not outcome.complete:
            self.tally.left[name] = outcome.left_at
        self._judged("leaves", name, judge.of_left(plan, outcome))

    async def _slow(self, name: str) -> None:
        plan = Plan(name, words=_EVENTS, pad=1000)
        outcome = await call(self._port, self._model(), plan, stream=True, manner=Manner(pause_s=0.1))
        self._judged("slow reader", name, judge.of_right(plan, outcome, stream=True))

    async def _faulted(self, name: str) -> None:
        chosen = self._chance.choice(list(FAULTS))
        fault = FAULTS[chosen]
        plan = Plan(name, faults=dict.fromkeys(("a", "drip", "locked"), chosen.split()[0]))
        outcome = await call(self._port, fault.model, plan, stream=fault.stream)
        self.tally.faulted[chosen] += 1
        self.tally.late.append(_late_s(outcome, fault.within_s))
        if complaint := judge.of_faulted(plan, fault, outcome):
            self.tally.misled[chosen] += 1
            self.tally.tell(f"{chosen} {name}", complaint)

    def _model(self) -> str:
        return self._chance.choices(("alone", "shared", "dead-first", "locked-first"), (2, 6, 1, 1))[0]

    def _judged(self, kind: str, name: str, complaint: str) -> None:
        self.tally.good[kind] += 1
        if complaint:
            self.tally.wrong[kind] += 1
            self.tally.tell(f"{kind} {name}", complaint)


def _late_s(outcome: Outcome, within_s: float) -> float:
    """Give the seconds after the deadline; for a fault without a clock, that is one second."""
    return max(0.0, outcome.took_s - (within_s or 1.0))
