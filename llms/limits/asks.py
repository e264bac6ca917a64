"""What is wanted of shared states: each is decided together with others that wait, and holds once all are kept."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from llms.errors import BudgetSpentError, OverLimitError
from llms.limits import Need, Reservation, Scope, rules
from llms.limits.documents import Document
from llms.limits.state import State

Documents = Mapping[str, Document]

Hold = Callable[[Sequence[Scope], Need, Sequence[State], int], Reservation]
"""Counts a call that was admitted: by the states, at the time."""


def budgets(scopes: Sequence[Scope]) -> list[str]:
    """Give the subjects that have a budget."""
    return [subject for subject, limits in scopes if limits.has_budget]


class Ask:
    """
    Looks at states, and may change them.

    Args:
        subjects: Whose.
        act: Does so; called again if the states were changed by others meanwhile. Its last answer is the future's;
            ``None`` stands for states that cannot be reached.
        budgets: Those of which it has to be known what was spent.
    """

    def __init__(
        self, subjects: Sequence[str], act: Callable[[Documents, int], Any], budgets: Sequence[str] = ()
    ) -> None:
        self.subjects = subjects
        self._budgets = budgets
        loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Any] = loop.create_future()
        self.asked_at = loop.time()
        self._act = act
        self._outcome: Any = None

    def unknown(self, documents: Documents) -> list[str]:
        """Give the subjects whose spending has to be looked up first."""
        return [subject for subject in self._budgets if not documents[subject].state.known]

    def decide(self, documents: Documents, now: int) -> None:
        """Do it."""
        self._outcome = self._act(documents, now)

    def done(self) -> None:
        """It holds."""
        self._answer(self._outcome)

    def fail(self) -> None:
        """The states cannot be reached."""
        self._answer(None)

    def _answer(self, outcome: Any) -> None:
        if not self.future.done():
            self.future.set_result(outcome)


class Admission(Ask):
    """
    Admits a call; the answer is its reservation, or why there is none.

    Args:
        hold: Makes the reservation, once it holds.
    """

    def __init__(self, scopes: Sequence[Scope], need: Need, hold: Hold) -> None:
        super().__init__([subject for subject, _ in scopes], self._admit, budgets(scopes))
        self._scopes = scopes
        self._need = need
        self._hold = hold
        self._held: tuple[list[State], int] | None = None

    def _admit(self, documents: Documents, now: int) -> OverLimitError | BudgetSpentError | None:
        self._held = None
        states = [documents[subject].state for subject in self.subjects]
        try:
            rules.admit(self._scopes, states, self._need, now)
        except (OverLimitError, BudgetSpentError) as refusal:
            return refusal
        for subject in self.subjects:
            documents[subject].changed = True
        self._held = states, now
        return None

    def done(self) -> None:
        if self._held is not None:
            self._outcome = self._hold(self._scopes, self._need, *self._held)
            if self.future.done():  # whoever asked has left
                self._outcome.settle(0, 0)
        super().done()

    def undo(self) -> None:
        """Whoever asked has left, and did not take the answer."""
        if self.future.done() and not self.future.cancelled() and self._held is not None and self._outcome is not None:
            self._outcome.settle(0, 0)
