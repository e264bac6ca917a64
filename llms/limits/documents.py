"""
A subject's state as it is shared by several processes, and who they are; pure.

What runs and is reserved is kept for each process apart, and only the process itself says how much that is. So what was
held by one that was killed ends with it, and one that finds the state gone puts its own part back. Beside it stands the
number of the last settlements of the process that are in the state: a swap of which it is not known whether it was done
can be repeated, and nothing is counted twice.

States belong to an epoch. It ends when what was kept may have been lost, or nobody is left who knows what was on its
way; then what was spent is looked up in the ledger again, and never taken to be 0.
"""

import json
from collections.abc import Mapping

from llms.limits.state import MINUTE_MS, Starts, State

_MARGIN_S = 1
"""How long it takes at most until a call that was settled is in the ledger, for the others too."""


class Spending:
    """
    Costs that were settled, by the second and the windows they belong to.

    Attributes:
        parts: Second, windows, micro-dollars; in the order of time, at most so many that they do not add up.
    """

    __slots__ = ("parts",)

    def __init__(self) -> None:
        self.parts: list[tuple[int, Starts, int]] = []

    def add(self, at: int, admitted: Starts, cost: int) -> None:
        """Add a cost that was settled at ``at``."""
        second = at // 1000
        parts = self.parts
        if parts and parts[-1][1] == admitted and (parts[-1][0] == second or len(parts) > _PARTS):
            parts[-1] = (second, admitted, parts[-1][2] + cost)
        else:
            parts.append((second, admitted, cost))


_PARTS = 60


class Seeding:
    """
    What the ledger says of a subject.

    Args:
        starts: Of the windows it is asked about.

    Attributes:
        asked_at: When it was asked.
        spent: Micro-dollars in each, of all calls that had been settled by then in this process.
        since: What this process has settled after that.
    """

    __slots__ = ("asked_at", "since", "spent", "starts")

    def __init__(self, starts: Starts) -> None:
        self.asked_at = 0
        self.starts = starts
        self.spent: tuple[int, ...] = ()
        self.since = Spending()


class Document:
    """
    A state with what belongs to it.

    Args:
        process: The one that looks at it.
        horizon: See ``State``.

    Attributes:
        state: Its ``running`` and ``reserved`` are of all processes together.
        parts: What each of the other living processes holds: calls, micro-dollars, and the number of its settlements.
        mine: The same of this process, as it was kept.
        at: When it was changed last, by the clock of who did so.
        asked_at: When the ledger was asked.
        repairs: How often what was spent has been put right.
        late: What was settled while it was not known what had been spent, in the last second or two: second, windows,
            process, micro-dollars.
        changed: Whether there is something to keep.
    """

    __slots__ = ("_process", "asked_at", "at", "changed", "late", "mine", "others", "parts", "repairs", "state")

    def __init__(self, process: str, horizon: int = -1) -> None:
        self._process = process
        self.state = State(horizon)
        self.parts: dict[str, list[int]] = {}
        self.mine = [0, 0, 0]
        self.others = (0, 0)
        self.at = 0
        self.asked_at = 0
        self.repairs = 0
        self.late: list[tuple[int, Starts, str, int]] = []
        self.changed = False

    def hold(self, running: int, reserved: int) -> None:
        """Take what this process says it holds; it is right, whatever was kept."""
        self.state.running = self.others[0] + running
        self.state.reserved = self.others[1] + reserved
        self.changed = self.changed or [running, reserved] != self.mine[:2]

    def spend(self, spending: Spending) -> None:
        """Count what was settled, unless the ledger had it when it was asked."""
        for second, admitted, cost in spending.parts:
            self.changed = True
            if not self.state.known:
                self._spend_late(second, admitted, cost)
            elif second >= self.asked_at // 1000 - _MARGIN_S:
                self.state.add(admitted, cost)

    def _spend_late(self, second: int, admitted: Starts, cost: int) -> None:
        merged = {(one, windows, process): micros for one, windows, process, micros in self.late}
        key = (second, admitted, self._process)
        merged[key] = merged.get(key, 0) + cost
        newest = max(one for one, _, _ in merged)
        self.late = [(*key, micros) for key, micros in merged.items() if key[0] >= newest - _MARGIN_S]

    def seed(self, seeding: Seeding) -> None:
        """
        Take what the ledger says.

        It has what this process had settled. It may not have had yet what others settled just before: such costs are
        counted, even if that is twice. So a budget gives too little rather than too much, until it is compared with
        the ledger again.
        """
        state = self.state
        state.known = True
        state.counting = len(state.spent)
        state.spent = [
            spent if start == asked else 0
            for spent, start, asked in zip(seeding.spent, state.starts, seeding.starts, strict=True)
        ]
        self.asked_at = seeding.asked_at
        for second, admitted, process, cost in self.late:
            if second >= seeding.asked_at // 1000 - _MARGIN_S and process != self._process:
                state.add(admitted, cost)
        for _, admitted, cost in seeding.since.parts:
            state.add(admitted, cost)
        self.late = []
        self.changed = True

    def forget(self) -> None:
        """Take what was spent for unknown."""
        self.state.forget()
        self.changed = True

    def repair(self, repairs: int, differences: Mapping[tuple[int, int], int]) -> bool:
        """
        Put right what was spent, unless somebody has done so already.

        Args:
            repairs: How often that had been done when it was found to be wrong.
            differences: Micro-dollars to be added, by the window's index and the day on which it began.
        """
        state = self.state
        if repairs != self.repairs or not state.known:
            return False
        for (index, start), difference in differences.items():
            if state.starts[index] == start:
                state.spent[index] += difference
        self.repairs += 1
        self.changed = True
        return True

    def encoded(self, epoch: str, number: int, now: int) -> bytes:
        """Give its bytes; ``number`` is that of the last settlements that are in it."""
        state = self.state
        parts = dict(self.parts)
        parts[self._process] = [state.running - self.others[0], state.reserved - self.others[1], number]
        counts = [state.minute, state.requests, state.tokens]
        known = [state.spent, self.asked_at, self.repairs] if state.known else None
        return json.dumps([epoch, counts, state.starts, known, self.late, parts, now], separators=(",", ":")).encode()


def decoded(raw: bytes | None, members: "Members", process: str, now: int, horizon: int = -1) -> Document:
    """
    Give the document that bytes say; a new one if they say nothing.

    Of one from another epoch, the rates are all that still holds; not those of a minute to come, which may be far away:
    the clock was set back since.
    """
    document = Document(process, horizon)
    if raw is None:
        return document
    try:
        epoch, counts, starts, known, late, parts, at = json.loads(raw)
        state = document.state
        state.minute, state.requests, state.tokens = map(int, counts)
        if epoch != members.epoch:
            return document if state.minute <= now // MINUTE_MS else Document(process, horizon)
        document.at = int(at)
        state.starts = tuple(map(int, starts))
        if known is not None:
            spent, document.asked_at, document.repairs = known
            state.spent = [int(spent[index]) for index in range(4)]
            state.known, state.counting = True, 4
        document.late = [
            (int(second), tuple(map(int, windows)), str(whose), int(cost)) for second, windows, whose, cost in late
        ]
        document.mine = parts.pop(process, document.mine)
        document.parts = {name: part for name, part in parts.items() if name in members.live}
        document.others = (
            sum(running for running, _, _ in document.parts.values()),
            sum(reserved for _, reserved, _ in document.parts.values()),
        )
    except (ValueError, TypeError, IndexError, AttributeError):
        return Document(process, horizon)  # what it was can be looked up again
    return document


class Members:
    """
    The processes that share states.

    Attributes:
        epoch: Of the states that hold.
        incarnation: Of what keeps them.
        ready_at: From when on the ledger may be asked what was spent.
        seen_at: When this was written.
        live: Until when each process is taken to be alive.
    """

    __slots__ = ("epoch", "incarnation", "live", "ready_at", "seen_at")

    def __init__(self, epoch: str, incarnation: str, ready_at: int) -> None:
        self.epoch = epoch
        self.incarnation = incarnation
        self.ready_at = ready_at
        self.seen_at = 0
        self.live: dict[str, int] = {}

    def bury(self, now: int) -> None:
        """Take out whoever has said nothing for too long."""
        self.live = {name: until for name, until in self.live.items() if until > now}

    def encoded(self, now: int) -> bytes:
        """Give its bytes."""
        return json.dumps([self.epoch, self.incarnation, self.ready_at, now, self.live]).encode()


def members(raw: bytes | None, incarnation: str) -> Members | None:
    """Give the processes that bytes say; ``None`` if they say nothing of this incarnation."""
    if raw is None:
        return None
    try:
        epoch, of, ready_at, seen_at, live = json.loads(raw)
        found = Members(str(epoch), str(of), int(ready_at))
        found.seen_at = int(seen_at)
        found.live = {str(name): int(until) for name, until in live.items()}
    except (ValueError, TypeError, AttributeError):
        return None
    return found if found.incarnation == incarnation else None
