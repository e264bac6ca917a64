"""The books of one of several processes: what it holds of which subject, and how that gets into the shared states."""

import secrets
from collections.abc import Iterable, Mapping

from llms.limits.documents import Document, Members, decoded, members
from llms.limits.holdings import Holding
from llms.limits.state import MINUTE_MS
from llms.limits.states import Change, Loaded

MEMBERS = "members"
"""The name under which it is kept who the processes are. No subject is called so."""

_GRACE_MS = 1500
"""After which all processes that live have found out that an epoch has begun: three beats of ``rounds``."""

_LEASE_MS = 20_000
"""For how long a process is believed to be alive that says nothing."""

_IDLE_MINUTES = 10


class Books:
    """
    What this process knows.

    Args:
        workers: How many processes there are at least.
        horizon: The last day of which the ledger has calls already; -1 for none.

    Attributes:
        process: What it is called among the others.
        among: How many processes there are.
        holdings: By subject.
        dirty: The subjects of which something is to be brought into the shared states.
    """

    def __init__(self, workers: int, horizon: int = -1) -> None:
        self._horizon = horizon
        self.process = secrets.token_hex(8)
        self.among = workers
        self.holdings: dict[str, Holding] = {}
        self.dirty: dict[str, None] = {}
        self._workers = workers
        self._epoch = ""

    def holding(self, subject: str) -> Holding:
        """Give what is held of a subject."""
        found = self.holdings.get(subject)
        if found is None:
            found = self.holdings[subject] = Holding()
        return found

    def changed(self, subjects: Iterable[str]) -> None:
        """Note that what is held of them has to be brought into the shared states."""
        for subject in subjects:
            self.dirty[subject] = None

    def meet(self, loaded: Loaded, now: int, *, forgets: bool, leaving: bool) -> tuple[Members, bool]:
        """
        Find out who the processes are, and see to it that this one is among them.

        An epoch begins if that is not known any more, or if none of them lives. In the first case others may hold
        something that they have not put back yet, so that nothing is looked up before they have had the time to.

        Returns:
            The processes; whether they have to be kept.
        """
        found = members(loaded.kept[MEMBERS][1] if MEMBERS in loaded.kept else None, loaded.incarnation)
        changed = False
        if found is not None:
            found.bury(now)
        if found is None or not found.live:
            waits = found is None and forgets
            found = Members(secrets.token_hex(8), loaded.incarnation, now + _GRACE_MS if waits else now)
            changed = True
        renews = not leaving and found.live.get(self.process, 0) - now < _LEASE_MS * 2 // 3
        if leaving:
            changed = found.live.pop(self.process, None) is not None or changed
        elif renews:
            found.live[self.process] = now + _LEASE_MS
            changed = True
        if not leaving and (renews or found.epoch != self._epoch):
            self._put_back(forget=found.epoch != self._epoch)
        self._epoch = found.epoch
        self.among = max(self._workers, len(found.live))
        return found, changed

    def _put_back(self, *, forget: bool) -> None:
        """See to it that what is held is in the states: they may be gone, and this process taken to be dead."""
        for subject, holding in self.holdings.items():
            if forget:  # it was asked about another epoch
                holding.ask_again()
            if not holding.idle:
                self.dirty[subject] = None

    def read(self, loaded: Loaded, subjects: Iterable[str], found: Members, now: int) -> dict[str, Document]:
        """Give the states of subjects."""
        documents = {}
        for subject in subjects:
            raw = loaded.kept[subject][1] if subject in loaded.kept else None
            documents[subject] = decoded(raw, found, self.process, now, self._horizon)
        return documents

    def bring(self, documents: Mapping[str, Document], now: int) -> None:
        """Bring what this process knows into states."""
        for subject, document in documents.items():
            document.state.turn(now)
            self.holding(subject).bring(document)

    def changes(self, loaded: Loaded, documents: Mapping[str, Document], now: int) -> list[Change]:
        """Give the states that were changed, as they are to be kept."""
        return [
            Change(
                subject,
                loaded.kept[subject][0] if subject in loaded.kept else 0,
                document.encoded(self._epoch, self.holdings[subject].number, now),
            )
            for subject, document in documents.items()
            if document.changed
        ]

    def kept(self, documents: Mapping[str, Document]) -> None:
        """The states are kept so."""
        for subject, document in documents.items():
            if document.changed:
                self.holdings[subject].kept()

    def forget(self, now: int) -> None:
        """Drop what has not been seen for long, and holds nothing."""
        before = now // MINUTE_MS - _IDLE_MINUTES
        for subject in [name for name, one in self.holdings.items() if one.idle and one.state.minute < before]:
            del self.holdings[subject]
