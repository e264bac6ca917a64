"""What one of several processes holds and has settled of a subject: its own truth, that nobody else can change."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from llms.limits import Need, Scope
from llms.limits.documents import Document, Seeding, Spending
from llms.limits.refusals import headers
from llms.limits.state import Starts, State, settlement


class Settled:
    """
    What was settled and is not known to be in the shared state.

    Attributes:
        number: Under which it is brought into the state; the same each time it is tried, since an earlier try may be
            done yet, late. 0 as long as it has not been tried.
    """

    __slots__ = ("number", "spending", "tokens")

    def __init__(self) -> None:
        self.number = 0
        self.tokens = 0
        self.spending = Spending()

    def __bool__(self) -> bool:
        return bool(self.tokens or self.spending.parts)


class Holding:
    """
    A subject, as this process has to do with it.

    Attributes:
        state: What this process alone has taken: what it goes by while the shared state cannot be reached.
        fresh: What was settled since the shared state was last tried to be changed.
        tried: What it was tried with before.
        number: Of what was settled last.
        seeding: What the ledger says, or is being asked.
        looking: Asks it.
        blind_until: Until when it is not asked again, by the loop's clock.
        has_budget: Whether it was ever seen with one.
        forgets: Whether the shared state is to take what was spent for unknown.
    """

    __slots__ = (
        "_forgetting",
        "blind_until",
        "forgets",
        "fresh",
        "has_budget",
        "looking",
        "number",
        "seeding",
        "state",
        "tried",
    )

    def __init__(self) -> None:
        self.state = State()
        self.fresh = Settled()
        self.tried: list[Settled] = []
        self.number = 0
        self.seeding: Seeding | None = None
        self.looking: asyncio.Task[None] | None = None
        self.blind_until = 0.0
        self.has_budget = False
        self.forgets = self._forgetting = False

    @property
    def idle(self) -> bool:
        """Whether it can be forgotten."""
        return not (self.state.running or self.fresh or self.tried or self.looking or self.forgets)

    def ask_again(self) -> None:
        """Take what the ledger has said, or is about to say, for wrong."""
        self.seeding = None
        if self.looking is not None:
            self.looking.cancel()

    def forget(self) -> None:
        """See to it that what was spent is looked up again."""
        self.ask_again()
        self.forgets, self._forgetting = True, False

    def spend(self, now: int, admitted: Starts, cost: int) -> None:
        """Note what was settled, for the shared state."""
        self.fresh.spending.add(now, admitted, cost)
        if self.seeding is not None:
            self.seeding.since.add(now, admitted, cost)

    def bring(self, document: Document) -> None:
        """Bring the shared state up to date with what this process knows."""
        known = document.mine[2]
        self.tried = [settled for settled in self.tried if settled.number > known]
        self.number = max(self.number, known)
        if self.fresh:
            self.number += 1
            self.fresh.number = self.number
            self.tried.append(self.fresh)
            self.fresh = Settled()
        self._forgetting = self.forgets
        if self.forgets:
            document.forget()
        seeded = self._seed(document)
        for settled in self.tried:
            document.changed = True
            document.state.tokens += settled.tokens
            if not seeded:  # else the ledger has it, or it was settled since
                document.spend(settled.spending)
        document.hold(self.state.running, self.state.reserved)

    def _seed(self, document: Document) -> bool:
        seeding = self.seeding
        if seeding is None or not seeding.spent:
            return False
        if document.state.known or document.state.has_calls(seeding.starts):
            self.seeding = None  # somebody else was first, or it is of a window before
            return False
        document.seed(seeding)
        return True

    def kept(self) -> None:
        """The shared state was changed: what was brought into it is in it."""
        self.tried.clear()
        if self._forgetting:
            self.forgets = self._forgetting = False
        if self.seeding is not None and self.seeding.spent:
            self.seeding = None


class SharedHeld:
    """
    What is held for a call; see ``llms.limits.Reservation``.

    Args:
        now: The time.
        changed: Told of the subjects, when it is settled.
        states: As they were when it was admitted, for its headers.
        counted: Whether its tokens are in the shared state.
    """

    __slots__ = ("_changed", "_counted", "_holdings", "_need", "_now", "_scopes", "_states", "at")

    def __init__(  # noqa: PLR0913, PLR0917 - all that there is to know
        self,
        now: Callable[[], int],
        changed: Callable[[Sequence[Scope]], None],
        scopes: Sequence[Scope],
        states: Sequence[State],
        holdings: Sequence[Holding],
        need: Need,
        at: int,
        *,
        counted: bool,
    ) -> None:
        self._now = now
        self._changed = changed
        self._scopes = scopes
        self._states = states
        self._holdings = holdings
        self._need = need
        self._counted = counted
        self.at = at

    @property
    def headers(self) -> Mapping[str, str]:
        return headers(self._scopes, self._states, self._now())

    def settle(self, tokens: int, cost: int) -> None:
        settled = settlement(self.at, self._need, tokens, cost)
        now = self._now()
        for holding in self._holdings:
            holding.state.settle(settled, now)
            if self._counted:
                holding.fresh.tokens += settled.tokens
            if settled.cost:
                holding.spend(now, settled.starts, settled.cost)
        self._changed(self._scopes)
