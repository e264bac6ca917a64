"""
Connections to PostgreSQL.

A connection is used again only after an answer that was right and whole. After anything else (an error, a time limit, a
caller that was cancelled) it is thrown away at once: what still comes on it belongs to nobody. asyncpg's own pool waits
for the server to agree to a cancellation instead, for ever if that hangs.
"""

import asyncio
import random
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any

import asyncpg  # type: ignore[import-untyped]  # it has no types

from llms.store import StoreError, StoreUnfitError

Connection = Any
"""An ``asyncpg.Connection``."""

FAILURES = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError)
"""
All that asyncpg raises for what is not a mistake of ours.

``InternalClientError`` is one of an idle connection, on which the server has just said that it ends it.
"""

_CONNECTIONS = 4
"""For each process: statements are short, and PostgreSQL allows 100 connections as it comes."""

_CONNECT_S = 1.5

_AGAIN = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)
_AGAIN_TIMES = 3
_AGAIN_S = 0.02

_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 2.0

_SETTINGS = {
    "application_name": "llms",
    "search_path": "llms",
    "default_transaction_isolation": "read committed",
    "plan_cache_mode": "force_custom_plan",  # a plan for any time range is a plan for none
    "jit": "off",  # as expensive as the statements
}
_SHORT = {"statement_timeout": "1800", "idle_in_transaction_session_timeout": "2000"}


class Pool:
    """Runs statements."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._free = asyncio.Semaphore(_CONNECTIONS)
        self._idle: list[Connection] = []
        self._opening: set[asyncio.Task[Connection]] = set()
        self._closed = False
        self._failures = 0
        self._not_before = 0.0
        self._failure: StoreError | None = None

    async def fetch(self, sql: str, *values: object) -> Sequence[Sequence[Any]]:
        """
        Run one statement, as a transaction of its own, and give its rows; again if it lost to another.

        Args:
            sql: With ``?`` for each value.

        Raises:
            StoreError: It failed; what is not read only may have been done nevertheless.
        """
        left = _AGAIN_TIMES
        while True:
            try:
                async with self._connection() as connection:
                    rows: Sequence[Sequence[Any]] = await connection.fetch(numbered(sql), *values)
                    return rows
            except _AGAIN as error:
                if not left:
                    raise translated(error) from error
                left -= 1
                await asyncio.sleep(_AGAIN_S * 2 ** (_AGAIN_TIMES - left) * random.random())  # noqa: S311
            except FAILURES as error:
                self._drop_idle()  # what one has met the others would meet, each after its time limit
                raise translated(error) from error

    async def close(self) -> None:
        """Close what is idle; what is in use is closed as it comes back."""
        self._closed = True
        self._drop_idle()
        if self._opening:
            await asyncio.wait(self._opening)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        async with self._free:
            connection = self._known() or await self._connect()
            whole = False
            try:
                yield connection
                whole = True
            finally:
                if whole:
                    self._give_back(connection)
                else:
                    connection.terminate()

    def _known(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
        return None

    async def _connect(self) -> Connection:
        if self._closed:
            message = "the store was closed"
            raise StoreError(message)
        if self._failure is not None and asyncio.get_running_loop().time() < self._not_before:
            raise StoreError(str(self._failure))
        # Goes on when its caller is cancelled: the next one will want it, and asyncpg leaves things over otherwise.
        opening = asyncio.create_task(self._open())
        self._opening.add(opening)
        opening.add_done_callback(self._opening.discard)
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(self._keep)
            raise

    async def _open(self) -> Connection:
        try:
            connection = await connect(self._url, _CONNECT_S, _SHORT)
        except StoreError as error:
            # With jitter: all gateways lost the server at the same time.
            pause_s = min(_PAUSE_S * 2**self._failures, _LONGEST_PAUSE_S) * random.uniform(0.5, 1)  # noqa: S311
            self._failures += 1
            self._not_before = asyncio.get_running_loop().time() + pause_s
            self._failure = error
            raise
        self._failures, self._failure = 0, None
        return connection

    def _keep(self, opening: asyncio.Task[Connection]) -> None:
        if opening.exception() is None:
            self._give_back(opening.result())

    def _give_back(self, connection: Connection) -> None:
        if self._closed or len(self._idle) == _CONNECTIONS:
            connection.terminate()
        else:
            self._idle.append(connection)

    def _drop_idle(self) -> None:
        while self._idle:
            self._idle.pop().terminate()


async def connect(url: str, timeout_s: float, settings: dict[str, str] | None = None) -> Connection:
    """
    Open a connection.

    Raises:
        StoreUnfitError: The URL is not right.
        StoreError: The server cannot be reached, or does not want to.
    """
    try:
        return await asyncpg.connect(url, timeout=timeout_s, server_settings={**_SETTINGS, **(settings or {})})
    except (asyncpg.InterfaceError, ValueError, OverflowError) as error:  # whose words may have the password in them
        message = "this is no URL for PostgreSQL; characters such as @ and / in a password are written %40 and %2F"
        raise StoreUnfitError(message) from error
    except FAILURES as error:
        raise translated(error) from error


def translated(error: BaseException) -> StoreError:
    """Say what went wrong, without the values that a statement was about."""
    if isinstance(error, asyncpg.PostgresError):
        return StoreError(f"PostgreSQL: {error.args[0]}")
    if isinstance(error, TimeoutError):
        return StoreError("PostgreSQL does not answer")
    if isinstance(error, OSError):
        return StoreError(f"PostgreSQL cannot be reached: {error.strerror or error}")
    return StoreError("the connection to PostgreSQL was lost")


@lru_cache(1000)
def numbered(sql: str) -> str:
    """Give a statement with its marks as PostgreSQL has them."""
    parts = re.split(r"\?", sql)
    return parts[0] + "".join(f"${number}{part}" for number, part in enumerate(parts[1:], 1))
