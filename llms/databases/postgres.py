"""Statements to PostgreSQL, in which everything of ours is in a schema named ``llms``."""

import asyncio
import random
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any

import asyncpg  # type: ignore[import-untyped]  # it has no types

from llms.databases import LostError, StoreError, StoreUnfitError
from llms.databases.pool import Kind, Pool

Connection = Any
"""An ``asyncpg.Connection``."""

_FAILURES = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError)
"""
All that asyncpg raises for what is not a mistake of ours.

``InternalClientError`` is one of an idle connection, on which the server has just said that it ends it.
"""

_MOST = 4
"""Statements are short, and PostgreSQL allows 100 connections as it comes."""

_CONNECT_S = 1.5
_OPEN_S = 3.0
"""With what comes first on a connection. Nobody waits for all of it: see ``Pool``."""

_AGAIN = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)
_AGAIN_TIMES = 3
_AGAIN_S = 0.02

_SETTINGS = {
    "application_name": "llms",
    "search_path": "llms",
    "default_transaction_isolation": "read committed",
    "plan_cache_mode": "force_custom_plan",  # a plan for any time range is a plan for none
    "jit": "off",  # as expensive as the statements
}
_SHORT = {"statement_timeout": "1800", "idle_in_transaction_session_timeout": "2000"}

_LOCK = "SELECT pg_advisory_xact_lock(7814037102)"
"""Taken by whoever makes tables; a number by chance, which all versions have to know."""


class Postgres:
    """
    Runs statements.

    Args:
        url: ``postgresql://…``.
        begin: What comes first on each connection.
        tries: How often a statement that lost to another is run again.
        most: How many connections there are, at most.
    """

    def __init__(
        self,
        url: str,
        begin: Callable[[Connection], Awaitable[object]] | None = None,
        tries: int = _AGAIN_TIMES,
        most: int = _MOST,
    ) -> None:
        self._url = url
        self._begin = begin
        self._tries = tries
        self._pool = Pool(Kind(self._open, lambda connection: not connection.is_closed(), _end), most)

    async def fetch(self, sql: str, *values: object) -> Sequence[Sequence[Any]]:
        """
        Run one statement, as a transaction of its own, and give its rows; again if it lost to another.

        Args:
            sql: With ``?`` for each value.

        Raises:
            LostError: It lost each time.
            StoreError: It failed; what is not read only may have been done nevertheless.
        """
        left = self._tries
        while True:
            try:
                async with self._pool.connection() as connection:
                    try:
                        rows: Sequence[Sequence[Any]] = await connection.fetch(numbered(sql), *values)
                    except _AGAIN as error:  # which is a whole answer
                        lost = error
                    else:
                        return rows
            except _FAILURES as error:
                self._pool.drop_idle()
                raise translated(error) from error
            if not left:
                raise LostError(str(translated(lost))) from lost
            left -= 1
            await asyncio.sleep(_AGAIN_S * 2 ** (self._tries - left) * random.random())  # noqa: S311

    async def close(self) -> None:
        """Let go of all connections."""
        await self._pool.close()

    async def _open(self) -> Connection:
        connection = await _connected(self._url, _SHORT)
        whole = False
        try:
            async with asyncio.timeout(_OPEN_S):
                if self._begin is not None:
                    await self._begin(connection)
            whole = True
        except _FAILURES as error:
            raise translated(error) from error
        finally:
            if not whole:
                connection.terminate()
        return connection


@asynccontextmanager
async def alone(url: str) -> AsyncIterator[Connection]:
    """
    Give a connection for work that may take long.

    Raises:
        StoreUnfitError: The URL is not right, or the user has not the right.
        StoreError: The server cannot be reached, or the work failed.
    """
    connection = await _connected(url, {})
    try:
        yield connection
    except _FAILURES as error:
        raise translated(error) from error
    finally:
        connection.terminate()


async def made(connection: Connection, there: str, *statements: str) -> None:
    """
    Make something in the schema, and the schema, if it is not there; safe in several processes at once.

    Whose user may not make it, but finds it there, can work.

    Args:
        there: An expression, null while it is not there.
        statements: Make it.

    Raises:
        StoreUnfitError: The user may not.
    """
    if await connection.fetchval(f"SELECT {there}") is not None:
        return
    async with making(connection):
        if await connection.fetchval("SELECT to_regnamespace('llms')") is None:
            await connection.execute("CREATE SCHEMA llms")
        for statement in statements:
            await connection.execute(statement)


@asynccontextmanager
async def making(connection: Connection) -> AsyncIterator[None]:
    """
    Make tables in a transaction, as the only one who makes any.

    Raises:
        StoreUnfitError: The user may not.
    """
    try:
        async with connection.transaction():
            await connection.execute(_LOCK)
            yield
    except asyncpg.InsufficientPrivilegeError as error:
        message = "PostgreSQL's user may not make tables; do, as another: CREATE SCHEMA llms AUTHORIZATION itsname"
        raise StoreUnfitError(message) from error


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


async def _connected(url: str, settings: Mapping[str, str]) -> Connection:
    try:
        return await asyncpg.connect(url, timeout=_CONNECT_S, server_settings={**_SETTINGS, **settings})
    except (asyncpg.InterfaceError, ValueError, OverflowError) as error:  # whose words may have the password in them
        message = "this is no URL for PostgreSQL; characters such as @ and / in a password are written %40 and %2F"
        raise StoreUnfitError(message) from error
    except _FAILURES as error:
        raise translated(error) from error


async def _end(connection: Connection) -> None:
    connection.terminate()
