"""Reading the keys again and again, and telling those who have to do with what has changed."""

import asyncio
from collections.abc import Callable, Sequence

from llms.auth import StoredKeys
from llms.limits import Limiter
from llms.store import Store, StoredKey


class Renewal:
    """
    Reads the keys; once at a time, so that what was read first is not taken last.

    Args:
        store: Has them; ``None`` where nobody does.
        known: What was read.
        end_calls: Told of those that are accepted no more.
        limiter: Told of those that have no limits any more.
        changed: Told when a budget was given, or is another.
    """

    def __init__(
        self,
        store: Store | None,
        known: StoredKeys,
        end_calls: Callable[[set[str]], object],
        limiter: Limiter,
        changed: Callable[[], object],
    ) -> None:
        self._limiter = limiter
        self._changed = changed
        self._store = store
        self._known = known
        self._end_calls = end_calls
        self._turn = asyncio.Lock()

    async def now(self) -> None:
        """
        Read what has changed.

        Raises:
            StoreError: It cannot be read.
        """
        async with self._turn:
            self._take([] if self._store is None else await self._store.keys_since(self._known.revision))

    def look(self) -> None:
        """Note whose time has come, without asking the store."""
        self._take([])

    def _take(self, changed: Sequence[StoredKey]) -> None:
        gone = [one.key.id for one in changed if self._known.limits(one.key.id).has_any and not one.key.limits.has_any]
        if dead := self._known.take(changed):
            self._end_calls(dead)
        self._limiter.forget(f"key:{key_id}" for key_id in gone)
        if any(one.key.limits.has_budget for one in changed):
            self._changed()
