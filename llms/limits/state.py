"""
What is counted of a subject, and when; pure.

A minute and a budget's window are fixed ones in UTC, so that each call is counted in exactly one of each, and everybody
can work out when the next begins. A window that has begun is never left for an earlier one: when a clock is set back,
nothing is given back and nothing begins anew twice. Should it have been set back before all this was counted, as the
process was started anew, then the ledger has calls of windows to come: these do not begin at 0, but are looked up.

A call is counted in the windows it was admitted in. If one of them is over when the call has been settled, its cost is
in the ledger only: the window that runs by then has nothing to do with it. Tokens are different, since nobody knows
them beforehand: what was estimated wrongly is made up for in the minute that runs when it is known, so that in the long
run exactly as many are counted as there were.

Numbers are Python's integers: there is none too large, and nothing is rounded.
"""

from datetime import date, timedelta
from functools import lru_cache

from llms.keys import Limits, Window
from llms.limits import Need, Taken

MINUTE_MS = 60_000
DAY_MS = 86_400_000

Starts = tuple[int, ...]
"""The days, since the epoch, on which the budgets' windows began, in the order of ``Window``; 0 for the total."""

WINDOWS = tuple(Window)

EPOCH = date(1970, 1, 1).toordinal()
_THURSDAY = 3  # which 1 January 1970 was


@lru_cache(maxsize=64)
def _starts(day: int) -> Starts:
    month = date.fromordinal(EPOCH + day).replace(day=1).toordinal() - EPOCH
    return 0, day, day - (day + _THURSDAY) % 7, month


def end(index: int, start: int) -> int | None:
    """Give the day after the last one of a window, by its place among ``WINDOWS``; ``None`` for the total."""
    if index < len(_DAYS):
        return None if index == 0 else start + _DAYS[index]
    return (date.fromordinal(EPOCH + start) + timedelta(days=31)).replace(day=1).toordinal() - EPOCH


_DAYS = (0, 1, 7)


def starts(at: int) -> Starts:
    """Give the days on which the windows began that ``at``, in Unix milliseconds, is in."""
    return _starts(at // DAY_MS)


class State:
    """
    What a subject has taken.

    Attributes:
        minute: Since the epoch; which one ``requests`` and ``tokens`` are of. Tokens may be below 0, see above.
        running: Calls that were admitted and not settled.
        reserved: Micro-dollars held for them.
        starts: Which windows ``spent`` is of.
        spent: Micro-dollars, by window.
        counting: How many of the windows, from the first on, are being counted. What was spent before has to be
            looked up before a budget can be decided on; until then there are none.
        known: Whether all of that has been looked up.
        horizon: The last day of which the ledger may have calls that were made before all this was counted; its clock
            may have been ahead of ours.
        sure: Whether it will be true, once it has been: whether ``forget`` was not called since that began.
    """

    __slots__ = (
        "counting",
        "horizon",
        "known",
        "minute",
        "requests",
        "reserved",
        "running",
        "spent",
        "starts",
        "sure",
        "tokens",
    )

    def __init__(self, horizon: int = -1) -> None:
        self.horizon = horizon
        self.minute = self.requests = self.tokens = 0
        self.running = self.reserved = 0
        self.starts: Starts = (0, 0, 0, 0)
        self.spent = [0, 0, 0, 0]
        self.counting = 0
        self.known = self.sure = False

    def forget(self) -> None:
        """Take what was spent for unknown."""
        self.known = self.sure = False

    def turn(self, at: int) -> None:
        """Begin the windows that ``at`` is in, as far as they are later ones."""
        minute = at // MINUTE_MS
        if minute > self.minute:
            self.minute = minute
            self.requests = self.tokens = 0
        now = _starts(at // DAY_MS)
        if now is not self.starts:
            self._turn_windows(now)

    def _turn_windows(self, now: Starts) -> None:
        if now < self.starts:
            return  # the clock was set back
        for index, start in enumerate(now):
            if start != self.starts[index]:
                self.spent[index] = 0
        before, self.starts = self.starts, now
        if self.has_calls(before):
            self.forget()

    def has_calls(self, before: Starts) -> bool:
        """Whether a window may have calls in it that has begun since ``before``: calls that were not counted here."""
        horizon = self.horizon
        return any(start != old and start <= horizon for start, old in zip(self.starts, before, strict=True))

    def fits(self, limits: Limits, tokens: int, cost: int) -> bool:
        """Whether a call that needs so much may be admitted as well."""
        if limits.rpm is not None and self.requests >= limits.rpm:
            return False
        if limits.tpm is not None and self.tokens + tokens > limits.tpm:
            return False
        if limits.concurrency is not None and self.running >= limits.concurrency:
            return False
        total, day, week, month = self.spent
        cost += self.reserved
        return (
            (limits.budget_total is None or total + cost <= limits.budget_total)
            and (limits.budget_day is None or day + cost <= limits.budget_day)
            and (limits.budget_week is None or week + cost <= limits.budget_week)
            and (limits.budget_month is None or month + cost <= limits.budget_month)
        )

    def take(self, tokens: int, cost: int) -> None:
        """Count a call that is admitted."""
        self.requests += 1
        self.tokens += tokens
        self.running += 1
        self.reserved += cost

    def settle(self, settlement: "Settlement", at: int) -> None:
        """Count what a call took, in place of what it needed; ``at`` is now."""
        self.running -= 1
        self.reserved -= settlement.reserved
        minute = at // MINUTE_MS
        if minute > self.minute:
            self.minute = minute
            self.requests = self.tokens = 0
        self.tokens += settlement.tokens
        self.add(settlement.starts, settlement.cost)

    def add(self, admitted: Starts, cost: int) -> None:
        """Count what was spent, in the windows of ``admitted`` that have not been followed by others."""
        spent, mine = self.spent, self.starts
        for index in range(self.counting):
            if mine[index] == admitted[index]:
                spent[index] += cost

    def taken(self, limits: Limits) -> Taken:
        """Give what people want to know; of the windows that have a budget."""
        spent = {str(window): self.spent[WINDOWS.index(window)] for window, _ in limits.budgets()}
        return Taken(self.requests, max(self.tokens, 0), self.running, self.reserved, spent)


class Settlement:
    """
    What is known of a call at its end.

    Args:
        starts: Of the windows that it was admitted in.
        tokens: How many more it took than had been estimated; may be negative.
        reserved: What was held for it.
        cost: What it came to.
    """

    __slots__ = ("cost", "reserved", "starts", "tokens")

    def __init__(self, admitted: Starts, tokens: int, reserved: int, cost: int) -> None:
        self.starts = admitted
        self.tokens = tokens
        self.reserved = reserved
        self.cost = cost


def settlement(at: int, need: Need, tokens: int, cost: int) -> Settlement:
    """Give the settlement of a call that was admitted at ``at``. Less than nothing is taken for nothing."""
    reserved, estimated = need.cost, need.tokens
    if tokens < 0 or cost < 0 or estimated < 0 or reserved < 0:
        tokens, cost, estimated, reserved = (max(number, 0) for number in (tokens, cost, estimated, reserved))
    return Settlement(_starts(at // DAY_MS), tokens - estimated, reserved, cost)
