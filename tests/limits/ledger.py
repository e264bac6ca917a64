"""A ledger in memory, and a clock, for limiters under test."""

import asyncio
from datetime import UTC, datetime
from math import inf

from llms.errors import LimiterUnavailableError
from llms.limits.open import opened
from llms.limits.state import DAY_MS


def ms(text: str) -> int:
    """Give the Unix milliseconds of a time in UTC."""
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


_SHOWN = {
    "memory": "memory",
    "sqlite": "SQLite",
    "postgres": "PostgreSQL",
    "postgresql": "PostgreSQL",
    "redis": "Redis",
}


def came_out(kind: str) -> tuple[str, str]:
    """Give what the table of fault cases says of a test that passed with limits kept there."""
    return "came_out", f"right with {_SHOWN[kind]}"


def place(url: str):
    """Give what keeps states at a URL."""
    if url.startswith("redis"):
        return opened(None, url, 1)
    return opened(url, None, 4)


class Ledger:
    """
    Keeps rows as the real one does: those put before it is asked are counted, and it takes a moment to answer.

    Attributes:
        rows: Subject, milliseconds of admission, micro-dollars.
        down: Whether it cannot be read.
        asked: How often it was.
    """

    def __init__(self) -> None:
        self.rows: list[tuple[str, int, int]] = []
        self.down = False
        self.asked = 0
        self.wait_s = 0.0

    async def __call__(self, subject: str, since_day: int, until_day: int | None) -> int:
        self.asked += 1
        found = self.sum(subject, since_day, until_day)
        await asyncio.sleep(self.wait_s)
        if self.down:
            text = "The ledger is down."
            raise LimiterUnavailableError(text)
        return found

    def sum(self, subject: str, since_day: int = 0, until_day: int | None = None) -> int:
        until = inf if until_day is None else until_day * DAY_MS
        return sum(cost for name, at, cost in self.rows if name == subject and since_day * DAY_MS <= at < until)

    def settle(self, reservation, scopes, tokens: int, cost: int) -> None:
        """Put a call's row and settle it, in one step."""
        self.rows += [(scope.subject, reservation.at, max(cost, 0)) for scope in scopes]
        reservation.settle(tokens, cost)


class Now:
    """A clock that is moved."""

    def __init__(self, text: str = "2026-11-28 12:00:05") -> None:
        self.at = ms(text)

    def __call__(self) -> int:
        return self.at

    def hear(self, at: int) -> None:
        """What a shared one does; this one is not told."""

    def set(self, text: str) -> None:
        self.at = ms(text)
