"""
Limits within one process.

Nothing is awaited between looking at what is left and taking it, so that no lock is needed. A call costs no task, and
its headers are made only for whoever asks for them.

What a subject has spent is looked up in the ledger when it is first seen with a budget. Meanwhile calls go on and are
settled. Each of them is either in what the ledger gives or added to it, never both: the ledger gives what was written
down before it was asked, so that of each window settlements are counted from the very step on in which it is asked, and
its answer is added to that. A call that comes in when a window begins anew meanwhile is in the new one alone, and the
answer about the old one is of no use any more. Looking up again, to compare, goes by the same rule: what the ledger
gives is compared with what was counted when it was asked.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence

from llms.errors import LimiterUnavailableError
from llms.limits import Need, Reservation, Scope, Seed, Taken, rules
from llms.limits.refusals import headers
from llms.limits.state import DAY_MS, MINUTE_MS, WINDOWS, State, end, settlement, starts
from llms.scopes import in_time

_log = logging.getLogger("llms.limits")

_SEED_S = 2.0
_AGAIN_MS = 1000
_IDLE_MINUTES = 10
_FEW = 1024
_MONTH = 31
"""Days after which there is no window of a budget that had begun before them."""


class Held:
    """What is held for a call; see ``llms.limits.Reservation``."""

    __slots__ = ("_need", "_now", "_scopes", "_states", "at")

    def __init__(
        self, now: Callable[[], int], scopes: Sequence[Scope], states: Sequence[State], need: Need, at: int
    ) -> None:
        self._now = now
        self._scopes = scopes
        self._states = states
        self._need = need
        self.at = at

    @property
    def headers(self) -> Mapping[str, str]:
        return headers(self._scopes, self._states, self._now())

    def settle(self, tokens: int, cost: int) -> None:
        settled = settlement(self.at, self._need, tokens, cost)
        now = self._now()
        for state in self._states:
            state.settle(settled, now)


class MemoryLimiter:
    """
    Admits the calls of this process; see ``llms.limits.Limiter``.

    Args:
        seed: The ledger.
        now: Gives Unix milliseconds that never go back.
        horizon: The last day of which the ledger has calls already; -1 for none.
    """

    def __init__(self, seed: Seed, now: Callable[[], int], horizon: int = -1) -> None:
        self._seed = seed
        self._now = now
        self._horizon = horizon
        self._ahead_until = (horizon + _MONTH) * DAY_MS if horizon > now() // DAY_MS else 0
        self._states: dict[str, State] = {}
        self._sweep_at = _FEW
        self._lookups: dict[str, asyncio.Task[bool]] = {}
        self._blind_until = 0

    async def admit(self, scopes: Sequence[Scope], need: Need) -> Reservation:
        at = self._now()
        states = []
        known = True
        for subject, limits in scopes:
            state = self._states.get(subject)
            if state is None:
                state = self._new(subject, at)
            elif at < self._ahead_until:
                state.turn(at)  # which may begin a window with calls in it
            known = known and (state.known or not limits.has_budget)
            states.append(state)
        if not known:
            await self._look_up([subject for subject, limits in scopes if limits.has_budget])
            return await self.admit(scopes, need)
        rules.admit(scopes, states, need, at)
        return Held(self._now, scopes, states, need, at)

    def add(self, subjects: Iterable[str], at: int, cost: int) -> None:
        for subject in subjects:
            state = self._states.get(subject)
            if state is not None:
                state.add(starts(at), max(cost, 0))

    def forget(self, subjects: Iterable[str]) -> None:
        for subject in subjects:
            state = self._states.get(subject)
            if state is not None:
                state.forget()

    async def taken(self, scopes: Sequence[Scope]) -> list[Taken]:
        await self._look_up([subject for subject, limits in scopes if limits.has_budget])
        now = self._now()
        found = []
        for subject, limits in scopes:
            state = self._states.get(subject) or State(self._horizon)
            state.turn(now)
            found.append(state.taken(limits))
        return found

    async def reconcile(self) -> int:
        wrong = 0
        for subject, state in list(self._states.items()):
            state.turn(self._now())
            if state.known:
                wrong += await self._compare(subject, state)
        return wrong

    async def close(self) -> None:
        for task in self._lookups.values():
            task.cancel()
        await asyncio.gather(*self._lookups.values(), return_exceptions=True)

    def _new(self, subject: str, at: int) -> State:
        if len(self._states) >= self._sweep_at:
            self._sweep(at // MINUTE_MS - _IDLE_MINUTES)
        state = self._states[subject] = State(self._horizon)
        state.turn(at)
        return state

    def _sweep(self, before: int) -> None:
        """Drop what has not been seen since a minute, and holds nothing; its budgets can be looked up again."""
        self._states = {
            subject: state
            for subject, state in self._states.items()
            if state.running or state.minute >= before or subject in self._lookups
        }
        self._sweep_at = max(_FEW, 2 * len(self._states))

    async def _look_up(self, subjects: Sequence[str]) -> None:
        """Look up what was spent, once for all that wait for it."""
        for subject in subjects:
            state = self._states.get(subject) or self._new(subject, self._now())
            state.turn(self._now())
            if state.known:
                continue
            task = self._lookups.get(subject)
            if task is None:
                if self._now() < self._blind_until:
                    raise _blind()
                task = self._lookups[subject] = asyncio.create_task(self._count(subject, state))
            if not await asyncio.shield(task):  # whoever leaves does not take it away from those who wait
                raise _blind()

    async def _count(self, subject: str, state: State) -> bool:
        state.turn(self._now())
        try:
            await in_time(_SEED_S, self._count_until_known(subject, state))
        except (TimeoutError, LimiterUnavailableError):
            self._blind_until = self._now() + _AGAIN_MS
        finally:
            del self._lookups[subject]
            if not state.known:
                state.counting = 0
        return state.known

    async def _count_until_known(self, subject: str, state: State) -> None:
        while not state.known:
            state.sure = True
            await self._count_windows(subject, state)
            state.known = state.sure

    async def _count_windows(self, subject: str, state: State) -> None:
        for index in range(len(WINDOWS)):
            start = state.starts[index]
            state.spent[index], state.counting = 0, index + 1
            spent = await self._seed(subject, start, end(index, start))
            if state.starts[index] == start:
                state.spent[index] += spent

    async def _compare(self, subject: str, state: State) -> bool:
        wrong = False
        for index, window in enumerate(WINDOWS):
            start, counted = state.starts[index], state.spent[index]
            difference = await self._seed(subject, start, end(index, start)) - counted
            if difference and state.starts[index] == start and state.known:
                wrong = True
                state.spent[index] += difference
                _log.warning(
                    "what %s has spent (%s) was counted as %d micro-dollars and is %d in the ledger: put right",
                    subject, window, counted, counted + difference,
                )  # fmt: skip
        return wrong


def _blind() -> LimiterUnavailableError:
    text = "What is left of a budget cannot be looked up now. Send the request again in a moment."
    return LimiterUnavailableError(text, retry_after_s=1)
