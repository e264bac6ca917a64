"""Reading the keys again and again, and telling those who have to do with what has changed."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from llms.auth import StoredKeys
from llms.limits import Limiter
from llms.store import Store, StoredKey, StoreError

_APART_S = 0.2
_PATIENCE_S = 0.5


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


class CatchUp:
    """
    Has the keys read for requests whose credential is not known: it may have been made a moment ago, elsewhere.

    Who makes credentials up asks for it as well, so the store is asked by one at a time, and five times a second at
    most. Who comes in between waits for the next time: to be told no at once, because others guess, would be wrong.

    Args:
        renew: Reads what has changed; raises ``StoreError``.
    """

    def __init__(self, renew: Callable[[], Awaitable[None]]) -> None:
        self._renew = renew
        self._turn = asyncio.Lock()
        self._due_at = 0.0
        self._coming: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def now(self) -> None:
        """Wait until what has been changed before is known; for half a second, if the store is slow or away."""
        if self._coming is None:
            self._coming = asyncio.create_task(self._read())
            self._tasks.add(self._coming)
            self._coming.add_done_callback(self._tasks.discard)
        # Others wait for the same, and what takes long is of use to those who come later: nobody ends it.
        await asyncio.wait([self._coming], timeout=_PATIENCE_S)

    async def close(self) -> None:
        """End what is under way."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _read(self) -> None:
        loop = asyncio.get_running_loop()
        async with self._turn:
            await asyncio.sleep(self._due_at - loop.time())
            self._due_at = loop.time() + _APART_S
            self._coming = None  # who comes now may ask for what this one does not see any more
            with suppress(StoreError):  # those who read the keys each second tell of it
                await self._renew()
