"""Rows that are made up, as the ledger takes them, and a store that fails when it is told to."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from llms.ledger.spool import Entry
from llms.store import CallRow, KeptBody, StoreError
from tests.store import rows


def entry(number: int = 0, body: KeptBody | None = None, **fields: Any) -> Entry:
    """Give an entry, whose cost is a dollar's millionth."""
    return Entry(rows.call(number, **{"cost": 1, **fields}), body)


class Store:
    """
    Keeps rows in memory, each id once.

    Attributes:
        down: What is raised instead; ``None`` while it works.
        batches: The sizes of what it was given.
        tries: How often it was given something.
        poison: Ids of rows that it cannot be given.
    """

    def __init__(self) -> None:
        self.down: Exception | None = None
        self.rows: dict[str, CallRow] = {}
        self.bodies: list[KeptBody] = []
        self.batches: list[int] = []
        self.tries = 0
        self.poison: set[str] = set()

    async def write_calls(self, written: Sequence[CallRow], bodies: Sequence[KeptBody] = ()) -> int:
        self.tries += 1
        if self.down is not None:
            raise self.down
        if self.poison.intersection(row.id for row in written):
            text = "no such row"
            raise TypeError(text)
        self.batches += [len(written)] if written else []
        before = len(self.rows)
        for row in written:
            self.rows.setdefault(row.id, row)
        self.bodies += bodies
        return len(self.rows) - before

    async def spent(self, subject: str, since_day: int, _: int | None = None) -> int:
        if self.down is not None:
            raise self.down
        kind, _, name = subject.partition(":")
        by = Counter({"gateway": sum(row.cost for row in self.rows.values())})
        for row in self.rows.values():
            by[row.key_id] += row.cost
        return by[name if kind == "key" else kind]


DOWN = StoreError("it is down")
