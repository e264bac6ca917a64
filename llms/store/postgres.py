"""
Keys and calls in PostgreSQL, in a schema named ``llms``.

What writes is one statement, and so a transaction that no gateway can leave open. Writers take turns by an advisory
lock: then ``seq`` and ``revision`` grow in the order of the commits, and whoever follows them misses nothing.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

import asyncpg  # type: ignore[import-untyped]  # it has no types

from llms.databases import bounded
from llms.databases.postgres import Connection, Postgres, alone, made, making
from llms.store import MOST_MICROS, CallRow, KeptBody, StoredKey, StoreError, StoreUnfitError, queries, schema
from llms.store.encoding import columns, key_record, text
from llms.store.queries import COLUMNS, Query
from llms.store.reading import Reading

_START_S = 60.0
"""How long the other gateways' first steps are waited for."""

_TURN = "turn AS MATERIALIZED (SELECT pg_advisory_xact_lock(7814037101))"

_ARRAYS = ", ".join("?::text[]" if kind is str else "?::bigint[]" for kind in CallRow.__annotations__.values())

_SUMS = """calls, failed, input_tokens, output_tokens, cached_tokens, cache_write_tokens, reasoning_tokens, cost,
    estimated, unpriced"""
_SUMMED = f"""COUNT(*), COUNT(*) FILTER (WHERE status <> 'ok'), SUM(input_tokens), SUM(output_tokens),
    SUM(cached_tokens), SUM(cache_write_tokens), SUM(reasoning_tokens),
    LEAST(SUM(cost), {MOST_MICROS}),
    COUNT(*) FILTER (WHERE counted = 'estimated'), COUNT(*) FILTER (WHERE priced = 0)"""
_ADD = f"""DO UPDATE SET calls = old.calls + EXCLUDED.calls, failed = old.failed + EXCLUDED.failed,
    input_tokens = old.input_tokens + EXCLUDED.input_tokens, output_tokens = old.output_tokens + EXCLUDED.output_tokens,
    cached_tokens = old.cached_tokens + EXCLUDED.cached_tokens,
    cache_write_tokens = old.cache_write_tokens + EXCLUDED.cache_write_tokens,
    reasoning_tokens = old.reasoning_tokens + EXCLUDED.reasoning_tokens,
    cost = LEAST(old.cost, {MOST_MICROS} - EXCLUDED.cost) + EXCLUDED.cost,
    estimated = old.estimated + EXCLUDED.estimated, unpriced = old.unpriced + EXCLUDED.unpriced"""

_WRITE = f"""WITH {_TURN},
    fresh AS (
        INSERT INTO calls ({COLUMNS}) SELECT given.* FROM turn, unnest({_ARRAYS}) AS given
        ON CONFLICT (id) DO NOTHING RETURNING *),
    kept AS (
        INSERT INTO bodies (call_id, prompt, answer)
        SELECT given.* FROM unnest(?::text[], ?::text[], ?::text[]) AS given (call_id, prompt, answer)
        WHERE given.call_id IN (SELECT id FROM fresh) ON CONFLICT (call_id) DO NOTHING),
    by_key AS (
        INSERT INTO usage_daily AS old (day, key_id, team, model, provider, {_SUMS})
        SELECT at / 86400000, key_id, team, model, provider, {_SUMMED} FROM fresh GROUP BY 1, 2, 3, 4, 5
        ON CONFLICT (day, key_id, team, model, provider) {_ADD}),
    by_model AS (
        INSERT INTO usage_models AS old (day, team, model, provider, {_SUMS})
        SELECT at / 86400000, team, model, provider, {_SUMMED} FROM fresh GROUP BY 1, 2, 3, 4
        ON CONFLICT (day, team, model, provider) {_ADD})
    SELECT COUNT(*) FROM fresh"""

_PUT = f"""WITH {_TURN}, given (expected) AS (SELECT ?::bigint)
    INSERT INTO keys AS old (revision, id, digest, old_digest, old_until, revoked_at, data)
    SELECT nextval('revisions'), one.* FROM turn, given,
        (SELECT ?::text AS id, ?::text, ?::text, ?::bigint, ?::bigint, ?::text) AS one
    WHERE COALESCE(given.expected, 0) = 0 OR EXISTS (SELECT 1 FROM keys WHERE keys.id = one.id)
    ON CONFLICT (id) DO UPDATE SET revision = EXCLUDED.revision, digest = EXCLUDED.digest,
        old_digest = EXCLUDED.old_digest, old_until = EXCLUDED.old_until, revoked_at = EXCLUDED.revoked_at,
        data = EXCLUDED.data
        WHERE COALESCE((SELECT expected FROM given), old.revision) = old.revision
    RETURNING revision"""

_TOKEN = "INSERT INTO tokens (name, secret) VALUES (?, ?) ON CONFLICT (name) DO NOTHING"  # noqa: S105 - no secret

_MAKE_META = "CREATE TABLE IF NOT EXISTS meta (name text PRIMARY KEY, number bigint NOT NULL)"
_META = """SELECT COALESCE(MAX(number) FILTER (WHERE name = 'version'), 0),
    COALESCE(MAX(number) FILTER (WHERE name = 'oldest'), 0) FROM meta"""
_SET_META = """INSERT INTO meta (name, number) VALUES ('version', $1), ('oldest', $2)
    ON CONFLICT (name) DO UPDATE SET number = EXCLUDED.number"""


class PostgresStore(Reading):
    """A ``Store`` in a database that has the tables."""

    def __init__(self, database: Postgres) -> None:
        self._database = database

    @bounded
    async def put_key(self, stored: StoredKey, expected_revision: int | None = None) -> StoredKey | None:
        key_id, digest, old_digest, old_until, revoked_at, _, data = key_record(stored)
        values = (expected_revision, key_id, digest, old_digest, old_until, revoked_at, data)
        rows = await self._database.fetch(_PUT, *values)
        return stored._replace(revision=rows[0][0]) if rows else None

    @bounded
    async def write_calls(self, rows: Sequence[CallRow], bodies: Sequence[KeptBody] = ()) -> int:
        kept = [text(part) for body in bodies for part in body]
        arrays = (*columns(rows), kept[::3], kept[1::3], kept[2::3])
        count: int = (await self._database.fetch(_WRITE, *arrays))[0][0]
        return count

    @bounded
    async def token(self, name: str, fresh: str) -> str:
        await self._database.fetch(_TOKEN, name, fresh)
        secret: str = (await self._database.fetch(queries.TOKEN, name))[0][0]
        return secret

    async def close(self) -> None:
        await self._database.close()

    async def _fetch(self, query: Query) -> Sequence[Sequence[Any]]:
        return [tuple(row) for row in await self._database.fetch(query.sql, *query.values)]


async def open_postgres(
    url: str, steps: Sequence[schema.Step] = schema.POSTGRES, oldest: int = schema.OLDEST
) -> PostgresStore:
    """
    Open a store in a database, which is given the tables that ``steps`` make; safe in several processes at once.

    Raises:
        StoreUnfitError: It must not be used.
        StoreError: It cannot be used now.
    """
    async with alone(url) as connection, asyncio.timeout(_START_S):
        await _migrate(connection, steps, oldest)
    return PostgresStore(Postgres(url))


async def looked_through(url: str, counts: str, apart: str) -> tuple[int, Sequence[int], list[int] | None]:
    """
    Give what ``llms.store.upkeep`` asks of a database.

    Args:
        counts: A statement with a row of numbers.
        apart: One with rows of a day.

    Returns:
        The tables' version, the numbers, the days; ``None`` for these if the tables are those of an older version.

    Raises:
        StoreError: It cannot be looked at.
    """
    async with alone(url) as connection:
        try:
            version, _ = await connection.fetchrow(_META)
        except asyncpg.UndefinedTableError as error:
            message = "the database has no tables of llms yet; `llms serve` makes them"
            raise StoreError(message) from error
        current = version >= len(schema.POSTGRES)
        days = [row[0] for row in await connection.fetch(apart)] if current else None
        return version, tuple(await connection.fetchrow(counts)), days


async def _migrate(connection: Connection, steps: Sequence[schema.Step], oldest: int) -> None:
    await made(connection, "to_regclass('llms.meta')", _MAKE_META)
    version, needed = await connection.fetchrow(_META)
    if version < len(steps):
        async with making(connection):
            version, _ = await connection.fetchrow(_META)  # another process may have been here
            for step in steps[version:]:
                for statement in step:
                    await connection.execute(statement)
            if version < len(steps):
                await connection.execute(_SET_META, len(steps), oldest)
    elif needed > len(steps):
        message = "the database was made by a newer version of llms; use that, or another database"
        raise StoreUnfitError(message)
