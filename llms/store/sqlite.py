"""
Keys and calls in an SQLite file: one thread that writes, two that read; the event loop never waits for the disk.

Rows are written many to a statement. Not for SQLite's sake: each statement gives Python's lock away, and under load the
event loop is slow to give it back.
"""

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

from llms.databases import bounded
from llms.databases.sqlite import in_thread, transaction
from llms.store import MOST_MICROS, CallRow, KeptBody, StoredKey, queries
from llms.store.encoding import UnfitRowError, clean, days, key_record, text, without_keys
from llms.store.queries import COLUMNS, Query
from llms.store.reading import Reading
from llms.store.sqlite_connection import Identity, Reader, Writer

T = TypeVar("T")

_READERS = 2

_SIZES = (128, 64, 32, 16, 8, 4, 2, 1)


def _many(sql: str, width: int, after: str = "") -> dict[int, str]:
    """Give a statement for each number of rows that are written at once."""
    marks = f"({', '.join('?' * width)})"
    return {count: f"{sql} VALUES {', '.join([marks] * count)} {after}" for count in _SIZES}


_CALLS = _many(f"INSERT OR IGNORE INTO calls ({COLUMNS})", 27)
_ADDED = """calls, failed, input_tokens, output_tokens, cached_tokens, cache_write_tokens, reasoning_tokens, cost,
    estimated, unpriced)"""
_ADD = f"""DO UPDATE SET calls = calls + excluded.calls, failed = failed + excluded.failed,
    input_tokens = input_tokens + excluded.input_tokens, output_tokens = output_tokens + excluded.output_tokens,
    cached_tokens = cached_tokens + excluded.cached_tokens,
    cache_write_tokens = cache_write_tokens + excluded.cache_write_tokens,
    reasoning_tokens = reasoning_tokens + excluded.reasoning_tokens,
    cost = MIN(cost, {MOST_MICROS} - excluded.cost) + excluded.cost,
    estimated = estimated + excluded.estimated, unpriced = unpriced + excluded.unpriced"""
_DAYS = _many(
    f"INSERT INTO usage_daily (day, key_id, team, model, provider, {_ADDED}",
    15,
    f"ON CONFLICT (day, key_id, team, model, provider) {_ADD}",
)
_MODELS = _many(
    f"INSERT INTO usage_models (day, team, model, provider, {_ADDED}",
    14,
    f"ON CONFLICT (day, team, model, provider) {_ADD}",
)
_BODY = "INSERT INTO bodies (call_id, prompt, answer) VALUES (?, ?, ?) ON CONFLICT (call_id) DO NOTHING"
_KNOWN = {count: f"SELECT id FROM calls WHERE id IN ({', '.join('?' * count)})" for count in _SIZES}
_KEY = """INSERT INTO keys (id, digest, old_digest, old_until, revoked_at, revision, data) VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET digest = excluded.digest, old_digest = excluded.old_digest,
    old_until = excluded.old_until, revoked_at = excluded.revoked_at, revision = excluded.revision,
    data = excluded.data"""


class SQLiteStore(Reading):
    """A ``Store`` in a file that ``sqlite_file.prepared`` has made."""

    def __init__(self, path: Path) -> None:
        identity = Identity(path)
        self._writer = Writer(identity)
        self._readers = deque(Reader(identity) for _ in range(_READERS))
        self._writing = ThreadPoolExecutor(1, "llms-store-writer")
        self._reading = ThreadPoolExecutor(_READERS, "llms-store-reader")

    @bounded
    async def put_key(self, stored: StoredKey, expected_revision: int | None = None) -> StoredKey | None:
        return await self._write(lambda connection: _put_key(connection, stored, expected_revision))

    @bounded
    async def write_calls(self, rows: Sequence[CallRow], bodies: Sequence[KeptBody] = ()) -> int:
        return await self._write(lambda connection: _write_calls(connection, rows, bodies))

    @bounded
    async def token(self, name: str, fresh: str) -> str:
        return await self._write(lambda connection: _token(connection, name, fresh))

    async def close(self) -> None:
        await asyncio.get_running_loop().run_in_executor(None, self._close)

    def _close(self) -> None:
        for threads in (self._writing, self._reading):
            threads.shutdown(cancel_futures=True)
        for connection in (*self._readers, self._writer):
            connection.close()

    async def _fetch(self, query: Query) -> Sequence[Sequence[Any]]:
        return await in_thread(self._reading, lambda: self._read(query))

    def _read(self, query: Query) -> Sequence[Sequence[Any]]:
        connection = self._readers.pop()  # there are as many as threads
        try:
            return connection.run(lambda opened: opened.execute(query.sql, query.values).fetchall())
        finally:
            self._readers.append(connection)

    async def _write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await in_thread(self._writing, lambda: self._writer.run(work))


def _put_key(connection: sqlite3.Connection, stored: StoredKey, expected: int | None) -> StoredKey | None:
    with transaction(connection):
        found = connection.execute("SELECT revision FROM keys WHERE id = ?", (stored.key.id,)).fetchone()
        if expected is not None and expected != (found[0] if found else 0):
            return None
        revision = connection.execute("SELECT COALESCE(MAX(revision), 0) + 1 FROM keys").fetchone()[0]
        kept = stored._replace(revision=revision)
        connection.execute(_KEY, key_record(kept))
    return kept


def _token(connection: sqlite3.Connection, name: str, fresh: str) -> str:
    with transaction(connection):
        connection.execute(
            "INSERT INTO tokens (name, secret) VALUES (?, ?) ON CONFLICT (name) DO NOTHING", (name, fresh)
        )
        secret: str = connection.execute(queries.TOKEN, (name,)).fetchone()[0]
    return secret


def _write_calls(connection: sqlite3.Connection, rows: Sequence[CallRow], bodies: Sequence[KeptBody]) -> int:
    try:
        return _keep(connection, rows, bodies)
    except (UnfitRowError, OverflowError, UnicodeEncodeError):  # the last two are what Python's sqlite3 says of it
        return _keep(connection, [clean(row) for row in rows], [KeptBody._make(map(text, body)) for body in bodies])


def _keep(connection: sqlite3.Connection, rows: Sequence[CallRow], bodies: Sequence[KeptBody]) -> int:
    try:
        with transaction(connection):
            _add(connection, rows, bodies)
    except _NotNewError:  # as after a crash: else all are new, and to look for each would be for nothing
        with transaction(connection):
            rows = _unknown(connection, rows)
            _add(connection, rows, bodies)
    return len(rows)


class _NotNewError(Exception):
    """Not all of the calls were taken."""


def _add(connection: sqlite3.Connection, rows: Sequence[CallRow], bodies: Sequence[KeptBody]) -> None:
    sums = days(rows)
    if _insert(connection, _CALLS, rows) < len(rows):
        raise _NotNewError
    _insert(connection, _DAYS, sums)
    _insert(connection, _MODELS, without_keys(sums))
    if bodies:
        ids = {row.id for row in rows}
        connection.executemany(_BODY, [body for body in bodies if body.call_id in ids])


def _unknown(connection: sqlite3.Connection, rows: Sequence[CallRow]) -> list[CallRow]:
    """Give each call that is not there, once: of several with one id, the first."""
    found: dict[str, CallRow] = {}
    for row in rows:
        found.setdefault(row.id, row)
    for part in _parts(list(found)):
        for (call_id,) in connection.execute(_KNOWN[len(part)], part).fetchall():
            del found[call_id]
    return list(found.values())


def _insert(connection: sqlite3.Connection, statements: Mapping[int, str], rows: Sequence[Sequence[object]]) -> int:
    """Give how many rows were taken."""
    return sum(
        connection.execute(statements[len(part)], list(chain.from_iterable(part))).rowcount for part in _parts(rows)
    )


def _parts(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    """Cut rows into parts for which there are statements."""
    at = 0
    while at < len(rows):
        size = next(size for size in _SIZES if size <= len(rows) - at)
        yield rows[at : at + size]
        at += size
