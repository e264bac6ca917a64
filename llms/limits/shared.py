"""
Limits that several processes share, on one machine or on many.

The rules are those of one process. The states are kept elsewhere: whatever waits is gathered, the states that it has to
do with are loaded, all is decided here, and every state that was changed is swapped for the one it was made from, all
at once; if one of them was changed by somebody else meanwhile, it is done again from the start. So there is no lock
that a process could die with, one trip serves many calls, and there is one set of rules.

Settling changes this process's own books at once, and is brought into the shared states in the background: it is never
waited for, and never lost as long as the process lives. See ``documents`` for what is kept of whom.

When the states cannot be reached, calls that have a budget are refused; of rates and calls at once this process gives
its part, as if there were no others. Nobody waits longer than two seconds, and as long as it is known that the states
are out of reach nobody waits at all.
"""

import asyncio
from collections.abc import Iterable, Sequence

from llms.errors import GatewayError, LimiterUnavailableError
from llms.limits import Need, Reservation, Scope, Seed, Taken, rules
from llms.limits.asks import Admission, Ask, Documents, budgets
from llms.limits.books import Books
from llms.limits.clock import SharedClock
from llms.limits.holdings import SharedHeld
from llms.limits.reconciliation import reconcile
from llms.limits.rounds import Rounds
from llms.limits.state import State, starts
from llms.limits.states import States

_CLOSING_S = 2.0


class SharedLimiter:
    """
    Admits calls by states that other processes change too; see ``llms.limits.Limiter``.

    Args:
        states: Where they are kept.
        seed: The ledger.
        workers: How many processes share the limits at least, should they not hear of each other.
        clock: Their time.
        horizon: The last day of which the ledger has calls already; -1 for none.
    """

    def __init__(self, states: States, seed: Seed, workers: int, clock: SharedClock, horizon: int = -1) -> None:
        self._seed = seed
        self._clock = clock
        self._books = Books(workers, horizon)
        self._rounds = Rounds(states, seed, self._books, clock)

    def start(self) -> None:
        """Begin to take part; else that is done with the first call."""
        self._rounds.start()

    async def admit(self, scopes: Sequence[Scope], need: Need) -> Reservation:
        if self._rounds.out:
            return self._alone(scopes, need)
        ask = Admission(scopes, need, self._hold)
        try:
            outcome = await self._answer(ask)
        except asyncio.CancelledError:
            ask.undo()
            raise
        if outcome is None:
            return self._alone(scopes, need)
        if isinstance(outcome, GatewayError):
            raise outcome
        assert isinstance(outcome, SharedHeld)  # noqa: S101 - see Admission
        return outcome

    def add(self, subjects: Iterable[str], at: int, cost: int) -> None:
        now, admitted = self._clock(), starts(at)
        for subject in subjects:
            self._books.holding(subject).spend(now, admitted, max(cost, 0))
            self._settled([subject])

    def forget(self, subjects: Iterable[str]) -> None:
        for subject in subjects:
            self._books.holding(subject).forget()
            self._settled([subject])

    async def taken(self, scopes: Sequence[Scope]) -> list[Taken]:
        def read(documents: Documents, _: int) -> list[Taken]:
            return [documents[subject].state.taken(limits) for subject, limits in scopes]

        ask = Ask([scope.subject for scope in scopes], read, budgets(scopes))
        found = None if self._rounds.out else await self._answer(ask)
        if found is None:
            return [self._books.holding(subject).state.taken(limits) for subject, limits in scopes]
        assert isinstance(found, list)  # noqa: S101 - it is what was read
        return found

    async def reconcile(self) -> int:
        subjects = [subject for subject, one in self._books.holdings.items() if one.has_budget]
        return await reconcile(subjects, self._seed, self._answer)

    async def close(self) -> None:
        await self._rounds.close(_CLOSING_S)

    async def _answer(self, ask: Ask) -> object:
        """Wait for an answer; give ``None`` if there is none in time, which the rounds see to."""
        self._rounds.start()
        self._rounds.ask(ask)
        return await ask.future

    def _hold(self, scopes: Sequence[Scope], need: Need, states: Sequence[State], now: int) -> SharedHeld:
        """Count a call that was admitted in this process's own books."""
        tokens, cost = max(need.tokens, 0), max(need.cost, 0)
        holdings = []
        for subject, limits in scopes:
            holding = self._books.holding(subject)
            holding.has_budget = holding.has_budget or limits.has_budget
            holding.state.turn(now)
            holding.state.take(tokens, cost)
            holdings.append(holding)
        return SharedHeld(self._clock, self._settled_by, scopes, states, holdings, need, now, counted=True)

    def _alone(self, scopes: Sequence[Scope], need: Need) -> SharedHeld:
        """Admit a call without knowing of the other processes."""
        if any(scope.limits.has_budget for scope in scopes):
            raise LimiterUnavailableError(_OUT, retry_after_s=1)
        now = self._clock()
        parts = [rules.share(scope, self._books.among) for scope in scopes]
        holdings = [self._books.holding(scope.subject) for scope in scopes]
        states = [holding.state for holding in holdings]
        rules.admit(parts, states, need, now)
        self._settled_by(scopes)
        return SharedHeld(self._clock, self._settled_by, parts, states, holdings, need, now, counted=False)

    def _settled_by(self, scopes: Sequence[Scope]) -> None:
        self._settled(subject for subject, _ in scopes)

    def _settled(self, subjects: Iterable[str]) -> None:
        self._books.changed(subjects)
        self._rounds.wake()


_OUT = "What is left of a budget is not known now, as it cannot be looked up. Send the request again in a moment."
