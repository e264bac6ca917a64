"""Answers in a PostgreSQL database, for several machines whose store it is."""

import json
from collections.abc import Sequence

from llms.databases import StoreError, bounded
from llms.databases.postgres import Connection, Postgres, made
from llms.idempotency import Answer
from llms.shelves import Found, Held

_TABLE = """
CREATE TABLE IF NOT EXISTS llms.answers (name bytea PRIMARY KEY, digest bytea NOT NULL, token bytea,
 until timestamptz NOT NULL, status integer, headers text, body bytea)
"""
_INDEX = "CREATE INDEX IF NOT EXISTS answers_until ON llms.answers (until)"

_CLAIM = """
INSERT INTO llms.answers AS held (name, digest, token, until) VALUES (?, ?, ?, now() + ? * interval '1 second')
ON CONFLICT (name) DO UPDATE SET digest = excluded.digest, token = excluded.token, until = excluded.until,
 status = NULL, headers = NULL, body = NULL WHERE held.until <= now() RETURNING true
"""
_READ = "SELECT digest, token, status, headers, body FROM llms.answers WHERE name = ?"
_EXTEND = """
UPDATE llms.answers SET until = now() + ? * interval '1 second' FROM unnest(?::bytea[], ?::bytea[]) AS mine(n, t)
WHERE name = mine.n AND token = mine.t
"""
_KEEP = """
UPDATE llms.answers SET token = NULL, until = now() + ? * interval '1 second', status = ?, headers = ?, body = ?
WHERE name = ? AND token = ?
"""
_FREE = "DELETE FROM llms.answers WHERE name = ? AND token = ?"
_OLD = "DELETE FROM llms.answers WHERE until <= now()"

_TRIES = 10
"""What was there when a name was claimed may be gone when it is read."""


class PostgresShelf:
    """
    A shelf in a database, in a table that it makes.

    Args:
        url: ``postgresql://…``.
    """

    def __init__(self, url: str) -> None:
        self._database = Postgres(url, _begin)

    @bounded
    async def claim(self, held: Held, digest: bytes, lease_s: float) -> Found | None:
        for _ in range(_TRIES):
            if await self._database.fetch(_CLAIM, held.name, digest, held.token, lease_s):
                return None
            for first, token, status, headers, body in await self._database.fetch(_READ, held.name):
                answer = None if status is None else Answer(status, json.loads(headers), body)
                return Found(first, token is not None, answer)
        message = "PostgreSQL: the name was claimed and freed all the time"
        raise StoreError(message)

    @bounded
    async def extend(self, helds: Sequence[Held], lease_s: float) -> None:
        names, tokens = [held.name for held in helds], [held.token for held in helds]
        await self._database.fetch(_EXTEND, lease_s, names, tokens)

    @bounded
    async def keep(self, held: Held, answer: Answer | None, age_s: float) -> None:
        kept = (None, None, None) if answer is None else (answer.status, json.dumps(dict(answer.headers)), answer.body)
        await self._database.fetch(_KEEP, age_s, *kept, *held)
        await self._database.fetch(_OLD)

    @bounded
    async def free(self, held: Held) -> None:
        await self._database.fetch(_FREE, *held)

    async def close(self) -> None:
        await self._database.close()


async def _begin(connection: Connection) -> None:
    await made(connection, "to_regclass('llms.answers')", _TABLE, _INDEX)
