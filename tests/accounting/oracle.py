"""What a gateway must have counted, worked out from what was asked of it and what its providers would bill."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any

from tests.accounting.house import MODELS
from tests.accounting.seller import Order, thirds

MINUTE_MS = 60_000
DAY_MS = 86_400_000
WINDOWS = ("total", "day", "week", "month")
Limits = Mapping[str, Any]
"""As the admin API has them: ``rpm``, ``tpm``, ``concurrency``, ``budgets_micros``."""


@dataclass
class Known:
    """
    A call, as the oracle sees it.

    Args:
        subjects: Whose it is: its key and all that it comes from, its team, its model, the gateway.
        counted: Those of them that had limits when it was admitted.
        need: Tokens and micro-dollars that were held for it.
        open: Whether it runs.
        lost: Whether the gateway was killed while it ran.
    """

    order: Order
    subjects: frozenset[str]
    counted: frozenset[str] = frozenset()
    need: tuple[int, int] = (0, 0)
    open: bool = True
    lost: bool = False


@dataclass
class Oracle:
    """Everything that was ever asked, and the limits that are in force by subject."""

    limits: dict[str, Limits] = field(default_factory=dict)
    calls: dict[str, Known] = field(default_factory=dict)
    _minutes: list[tuple[int, frozenset[str], int, int]] = field(default_factory=list)

    def need(self, order: Order, model: str, max_tokens: int) -> tuple[int, int]:
        """Give the tokens and the micro-dollars that a call may take at most."""
        embeds = any(act.kind == "embed" for act in order.acts.values())
        out = 0 if embeds else max_tokens
        into = thirds(order.sent)
        prices = [order.prices[target] for target in MODELS.get(model, [model]) if target in order.prices]
        costs = [math.ceil(into * Fraction(price[0]) + out * Fraction(price[1])) for price in prices]
        return into + out, max(costs, default=0)

    def refusals(self, known: Known, now: int) -> set[str]:
        """Give the codes with which a call must be refused; none if it must be admitted."""
        tokens, cost = known.need
        found = set()
        for subject in known.counted:
            limits = self.limits[subject]
            requests, taken = self.minute(subject, now)
            running, reserved = self.running(subject)
            for window, most in limits.get("budgets_micros", {}).items():
                if most is not None and self.spent(subject, window, now) + reserved + cost > most:
                    found.add("insufficient_quota")
            over = [("rpm", requests + 1), ("tpm", taken + tokens), ("concurrency", running + 1)]
            if any(limits.get(name) is not None and count > limits[name] for name, count in over):
                found.add("rate_limit_exceeded")
        return found

    def admitted(self, known: Known, now: int) -> None:
        """Note that a call was admitted."""
        known.order.at = now
        self._minutes.append((now // MINUTE_MS, known.counted, 1, known.need[0]))

    def ended(self, known: Known, now: int) -> None:
        """Note that a call has ended; what it took is known."""
        known.open = False
        took = sum(known.order.tokens() or (0, 0))
        self._minutes.append((now // MINUTE_MS, known.counted, 0, took - known.need[0]))

    def forget_minute(self) -> None:
        """Note that the process is a new one, which knows nothing of the rates before it."""
        self._minutes.clear()

    def minute(self, subject: str, now: int) -> tuple[int, int]:
        """Give the calls and the tokens of a subject in this minute."""
        mine = [one for one in self._minutes if one[0] == now // MINUTE_MS and subject in one[1]]
        return sum(one[2] for one in mine), sum(one[3] for one in mine)

    def running(self, subject: str) -> tuple[int, int]:
        """Give how many calls run that a subject is held to, and the micro-dollars that are held for them."""
        mine = [one for one in self.calls.values() if one.open and subject in one.counted]
        return len(mine), sum(one.need[1] for one in mine)

    def spent(self, subject: str, window: str, now: int) -> int:
        """Give the micro-dollars that the providers would bill for a subject's calls of a window."""
        since, until = start(window, now), end(window, now)
        return sum(
            one.order.bill()
            for one in self.calls.values()
            if subject in one.subjects and not one.open and not one.lost and since <= one.order.at < until
        )


def start(window: str, now: int) -> int:
    """Give the Unix milliseconds at which a window began, in UTC."""
    if window == "total":
        return 0
    day: date = datetime.fromtimestamp(now / 1000, UTC).date()
    if window == "week":
        day -= timedelta(days=day.weekday())
    if window == "month":
        day = day.replace(day=1)
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)


def end(window: str, now: int) -> float:
    """Give the Unix milliseconds at which a window ends."""
    if window == "total":
        return math.inf
    began = start(window, now)
    return (
        began + 7 * DAY_MS if window == "week" else start(window, began + (DAY_MS if window == "day" else 31 * DAY_MS))
    )


def subjects(keys: Sequence[str], team: str, model: str) -> frozenset[str]:
    """Give whom a call counts for."""
    found = {f"key:{key_id}" for key_id in keys} | {f"model:{model}", "gateway"}
    return frozenset(found | ({f"team:{team}"} if team else set()))
