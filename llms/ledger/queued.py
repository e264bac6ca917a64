"""What waits for the store, in order: rows, and questions about those before them."""

import asyncio
from collections.abc import Awaitable, Callable

from llms.ledger.spool import Entry


class Batch:
    """Rows that were added one after the other, and the number of the file that has them."""

    def __init__(self, number: int | None) -> None:
        self.number = number
        self.entries: list[Entry] = []


class Question:
    """What is to be asked once all rows before it are in the store, and before any that come after it are."""

    def __init__(self, ask: Callable[[], Awaitable[int]], answer: asyncio.Future[int]) -> None:
        self.ask = ask
        self.answer = answer
