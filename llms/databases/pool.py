"""
Connections to a server.

A connection is used again only after an answer that was right and whole. After anything else (an error, a time limit, a
caller that was cancelled) it is thrown away at once: what still comes on it belongs to nobody. The drivers' own pools
do not hold to that: asyncpg's waits for the server to agree to a cancellation, for ever if that hangs.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from llms.databases import StoreError

C = TypeVar("C")

_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 2.0


@dataclass(frozen=True, slots=True)
class Kind(Generic[C]):
    """
    What connections are.

    Args:
        make: Opens one, in bounded time; raises ``StoreError``.
        is_open: Whether one that is idle can be used, as far as is known.
        end: Closes one without waiting for anybody.
    """

    make: Callable[[], Coroutine[Any, Any, C]]
    is_open: Callable[[C], bool]
    end: Callable[[C], Coroutine[Any, Any, object]]


class Pool(Generic[C]):
    """
    Gives connections.

    Args:
        most: How many are used at once.
    """

    def __init__(self, kind: Kind[C], most: int) -> None:
        self._kind = kind
        self._most = most
        self._free = asyncio.Semaphore(most)
        self._idle: list[C] = []
        self._opening: set[asyncio.Task[C]] = set()
        self._ending: set[asyncio.Task[object]] = set()
        self._closed = False
        self._failures = 0
        self._not_before = 0.0
        self._failure: StoreError | None = None

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[C]:
        """
        Give a connection, which is used again if the block ends without an exception.

        Raises:
            StoreError: There is none: the server cannot be reached, or could not be a moment ago.
        """
        async with self._free:
            connection = self._known()
            if connection is None:
                connection = await self._connect()
            whole = False
            try:
                yield connection
                whole = True
            finally:
                if whole:
                    self._give_back(connection)
                else:
                    self._end(connection)

    def drop_idle(self) -> None:
        """Close what is idle: what one connection has met the others would meet, each after its time limit."""
        while self._idle:
            self._end(self._idle.pop())

    async def close(self) -> None:
        """Close what is idle; what is in use is closed as it comes back."""
        self._closed = True
        self.drop_idle()
        while tasks := [*self._opening, *self._ending]:
            await asyncio.wait(tasks)
        await asyncio.sleep(0)  # a transport is closed in the loop's next step

    def _known(self) -> C | None:
        while self._idle:
            connection = self._idle.pop()
            if self._kind.is_open(connection):
                return connection
            self._end(connection)
        return None

    async def _connect(self) -> C:
        if self._closed:
            message = "the store was closed"
            raise StoreError(message)
        if self._failure is not None and asyncio.get_running_loop().time() < self._not_before:
            raise type(self._failure)(*self._failure.args)
        # Goes on when its caller is cancelled: the next one will want it, however far away the server is, and drivers
        # leave things over otherwise.
        opening = asyncio.create_task(self._open())
        self._opening.add(opening)
        opening.add_done_callback(self._opening.discard)
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(self._keep)
            raise

    async def _open(self) -> C:
        try:
            connection = await self._kind.make()
        except StoreError as error:
            # With jitter: all gateways lost the server at the same time.
            pause_s = min(_PAUSE_S * 2**self._failures, _LONGEST_PAUSE_S) * random.uniform(0.5, 1)  # noqa: S311
            self._failures += 1
            self._not_before = asyncio.get_running_loop().time() + pause_s
            self._failure = error
            raise
        self._failures, self._failure = 0, None
        return connection

    def _keep(self, opening: asyncio.Task[C]) -> None:
        if not opening.cancelled() and opening.exception() is None:
            self._give_back(opening.result())

    def _give_back(self, connection: C) -> None:
        if self._closed or len(self._idle) == self._most:
            self._end(connection)
        else:
            self._idle.append(connection)

    def _end(self, connection: C) -> None:
        ending: asyncio.Task[object] = asyncio.create_task(self._kind.end(connection))
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)
