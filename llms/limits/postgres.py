"""
States in a table of PostgreSQL.

The table is an unlogged one: a change waits for no disk, and after a crash, or on a standby, it is empty, so that what
was spent is looked up again. A swap is one statement, a call of a function, which goes through the states in the order
of their names; so two of them cannot wait for each other.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import asyncpg  # type: ignore[import-untyped]  # it has no types

from llms.limits.states import Change, Loaded, StatesError, following

_T = TypeVar("_T")

_SCHEMA = """
SELECT pg_advisory_xact_lock(7811889023);
CREATE UNLOGGED TABLE IF NOT EXISTS limits (
    subject text PRIMARY KEY, version bigint NOT NULL, state bytea NOT NULL, at timestamptz NOT NULL
) WITH (fillfactor = 50);
CREATE OR REPLACE FUNCTION limits_swap(
    subjects text[], versions bigint[], followers bigint[], states bytea[]
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1 .. coalesce(array_length(subjects, 1), 0) LOOP
        IF versions[i] = 0 THEN
            INSERT INTO limits VALUES (subjects[i], followers[i], states[i], now()) ON CONFLICT DO NOTHING;
        ELSE
            UPDATE limits SET version = followers[i], state = states[i], at = now()
            WHERE subject = subjects[i] AND version = versions[i];
        END IF;
        IF NOT FOUND THEN
            RAISE serialization_failure;
        END IF;
    END LOOP;
END $$;
DELETE FROM limits WHERE at < now() - interval '1 day';
"""
_LOAD = """
SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint, subject, version, state
FROM (SELECT 1) AS one LEFT JOIN limits ON subject = ANY($1::text[])
"""
_INCARNATION = "SELECT pg_postmaster_start_time()::text || ' ' || 'limits'::regclass::oid"


class PostgresStates:
    """
    See ``llms.limits.states.States``.

    Args:
        url: ``postgresql://…``.
    """

    forgets = True

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: Any = None
        self._incarnation = ""

    async def load(self, subjects: Sequence[str]) -> Loaded:
        return await self._translated(lambda: self._load(subjects))

    async def swap(self, changes: Sequence[Change]) -> bool:
        return await self._translated(lambda: self._swap(sorted(changes)))

    async def close(self) -> None:
        self._drop()

    async def _translated(self, act: Callable[[], Awaitable[_T]]) -> _T:
        clean = False
        try:
            answer = await act()
            clean = True
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, ValueError) as error:
            raise StatesError(str(error)) from error
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
                "SELECT limits_swap($1, $2, $3, $4)", subjects, versions, list(map(following, versions)), states
            )
        except asyncpg.SerializationError:
            return False
        return True

    async def _connected(self) -> Any:
        if self._connection is None:
            self._connection = await asyncpg.connect(self._url, server_settings={"synchronous_commit": "off"})
            await self._connection.execute(_SCHEMA)
            self._incarnation = await self._connection.fetchval(_INCARNATION)
        return self._connection

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None
