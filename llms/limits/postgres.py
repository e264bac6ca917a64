"""
States in a table of PostgreSQL.

The table is an unlogged one: a change waits for no disk, and after a crash, or on a standby, it is empty, so that what
was spent is looked up again. A swap is one statement, a call of a function, which goes through the states in the order
of their names; so two of them cannot wait for each other.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import asyncpg  # type: ignore[import-untyped]  # it has no types

from llms.limits.states import Change, Loaded, StatesError, following

_T = TypeVar("_T")

Connection = Any
"""An ``asyncpg.Connection``."""

_OPEN_S = 3.0

_SCHEMA = """
SELECT pg_advisory_xact_lock(7810776002);
CREATE SCHEMA IF NOT EXISTS llms;
CREATE UNLOGGED TABLE IF NOT EXISTS llms.limits (
    subject text PRIMARY KEY, version bigint NOT NULL, state bytea NOT NULL, at timestamptz NOT NULL
) WITH (fillfactor = 50);
CREATE OR REPLACE FUNCTION llms.limits_swap(
    subjects text[], versions bigint[], followers bigint[], states bytea[]
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1 .. coalesce(array_length(subjects, 1), 0) LOOP
        IF versions[i] = 0 THEN
            INSERT INTO llms.limits VALUES (subjects[i], followers[i], states[i], now()) ON CONFLICT DO NOTHING;
        ELSE
            UPDATE llms.limits SET version = followers[i], state = states[i], at = now()
            WHERE subject = subjects[i] AND version = versions[i];
        END IF;
        IF NOT FOUND THEN
            RAISE serialization_failure;
        END IF;
    END LOOP;
END $$;
DELETE FROM llms.limits WHERE at < now() - interval '1 day';
"""
_LOAD = """
SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint, subject, version, state
FROM (SELECT 1) AS one LEFT JOIN llms.limits ON subject = ANY($1::text[])
"""
_INCARNATION = "SELECT pg_postmaster_start_time()::text || ' ' || 'llms.limits'::regclass::oid"


class PostgresStates:
    """
    See ``llms.limits.states.States``.

    Args:
        url: ``postgresql://…``.
    """

    forgets = True

    def __init__(self, url: str) -> None:
        self._url = url
        self._opening: asyncio.Task[tuple[Connection, str]] | None = None
        self._connection: Connection = None
        self._incarnation = ""

    async def load(self, subjects: Sequence[str]) -> Loaded:
        return await self._translated(lambda: self._load(subjects))

    async def swap(self, changes: Sequence[Change]) -> bool:
        return await self._translated(lambda: self._swap(sorted(changes)))

    async def close(self) -> None:
        self._drop()
        if self._opening is not None:
            await asyncio.wait([self._opening])
            if self._opening.exception() is None:
                self._opening.result()[0].terminate()

    async def _translated(self, act: Callable[[], Awaitable[_T]]) -> _T:
        clean = False
        try:
            answer = await act()
            clean = True
        except asyncpg.PostgresError as error:
            text = f"PostgreSQL: {error.args[0]}"
            raise StatesError(text) from error
        except (
            asyncpg.InterfaceError,
            asyncpg.InternalClientError,
            ValueError,
        ) as error:  # whose words may have the password in them
            text = "PostgreSQL: the URL is not right, or the connection was closed"
            raise StatesError(text) from error
        except (OSError, TimeoutError) as error:
            text = f"PostgreSQL does not answer: {getattr(error, 'strerror', None) or type(error).__name__}"
            raise StatesError(text) from error
        finally:
            if not clean:
                self._drop()  # also if it was cancelled: an answer may be due still
        return answer

    async def _load(self, subjects: Sequence[str]) -> Loaded:
        connection = await self._connected()
        rows = await connection.fetch(_LOAD, subjects)
        kept = {subject: (version, state) for _, subject, version, state in rows if subject is not None}
        return Loaded(rows[0][0], self._incarnation, kept)

    async def _swap(self, changes: Sequence[Change]) -> bool:
        connection = await self._connected()
        subjects, versions, states = zip(*changes, strict=True)
        try:
            await connection.fetchval(
                "SELECT llms.limits_swap($1, $2, $3, $4)", subjects, versions, list(map(following, versions)), states
            )
        except asyncpg.SerializationError:
            return False
        return True

    async def _connected(self) -> Connection:
        if self._connection is None:
            # It goes on when this trip is given up: the next one will want it, however far away the server is.
            opening = self._opening = self._opening or asyncio.create_task(self._open())
            try:
                self._connection, self._incarnation = await asyncio.shield(opening)
            finally:
                self._opening = None if opening.done() else opening
        return self._connection

    async def _open(self) -> tuple[Connection, str]:
        async with asyncio.timeout(_OPEN_S):
            connection = await asyncpg.connect(self._url, server_settings={"synchronous_commit": "off"})
            whole = False
            try:
                await connection.execute(_SCHEMA)
                incarnation = await connection.fetchval(_INCARNATION)
                whole = True
            finally:
                if not whole:
                    connection.terminate()
        return connection, incarnation

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None
