"""
How much callers may take: rates, tokens, calls at once, budgets.

A call is admitted before anything is sent, for all that counts it (its key, its key's team, its model, the whole
gateway) or for none. What it may take is reserved then and settled when it has ended: exactly once, however it ended.
Budgets never give more than there is, whatever runs at the same time; in doubt they give nothing.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from llms.keys import Limits
from llms.values import value


class Scope(NamedTuple):
    """Who is counted: ``key:…``, ``team:…``, ``model:…`` or ``gateway``, and how much that may take."""

    subject: str
    limits: Limits


@value
class Need:
    """
    What a call may take.

    Args:
        tokens: Going in, estimated, and at most coming out.
        cost: Micro-dollars at the highest price that it may cost.
    """

    tokens: int
    cost: int


class Reservation(Protocol):
    """What is held for a call that was admitted."""

    @property
    def at(self) -> int:
        """Unix milliseconds of its admission: which minute, day, week and month it counts in. Never goes back."""

    @property
    def headers(self) -> Mapping[str, str]:
        """``x-ratelimit-*`` of the tightest rates that counted it; empty where there are none."""

    def settle(self, tokens: int, cost: int) -> None:
        """Say what it took. Called once; never waits, never fails."""


class Taken(NamedTuple):
    """
    What a subject has taken.

    Args:
        requests: In this minute.
        tokens: In this minute.
        running: Calls at once, now.
        reserved: Micro-dollars held for them.
        spent: Micro-dollars in the windows that have a budget, by window.
    """

    requests: int
    tokens: int
    running: int
    reserved: int
    spent: Mapping[str, int]


Seed = Callable[[str, int, int | None], Awaitable[int]]
"""
Gives what the ledger has: the micro-dollars of a subject's calls from a day on, up to another, which is not included;
``None`` for no end. Days are those since the epoch.

Of this process's calls it counts exactly those that were written down before it was called, even if they are not in the
store yet; a call is settled in the same step, with nothing awaited in between. Of other processes' calls it counts what
is in the store. Raises ``LimiterUnavailableError`` if it cannot tell.
"""


class Limiter(Protocol):
    """Admits calls. In one process, or agreed on by several."""

    async def admit(self, scopes: Sequence[Scope], need: Need) -> Reservation:
        """
        Admit a call, for all scopes or for none.

        Raises:
            OverLimitError: Too many calls or tokens in this minute, or too many calls at once.
            BudgetSpentError: A budget has too little left.
            LimiterUnavailableError: It is not known what is left of a budget.
        """

    def add(self, subjects: Iterable[str], at: int, cost: int) -> None:
        """
        Count what a call came to for subjects that did not count it when it was admitted.

        Called in the step in which its row is put into the ledger. As ``Reservation.settle``: never waits, never fails.

        Args:
            at: Unix milliseconds of its admission, as its row has it.
        """

    def forget(self, subjects: Iterable[str]) -> None:
        """
        Take it that what these have spent is not known any more, as nobody counts it from now on: they have no limits.

        It is looked up again when they have some. Never waits.
        """

    async def taken(self, scopes: Sequence[Scope]) -> list[Taken]:
        """Say what was taken so far, of each; for people to look at."""

    async def reconcile(self) -> int:
        """
        Compare what is counted of budgets with the ledger, and put right what differs; give how many subjects did.

        Raises:
            LimiterUnavailableError: The ledger cannot be read.
        """

    async def close(self) -> None:
        """Let go of everything."""
