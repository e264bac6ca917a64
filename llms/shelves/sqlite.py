"""
Answers in an SQLite file, for the workers of one machine.

Nothing in it has to outlive the machine's power: it is written without waiting for the disk. A process that is killed
loses nothing of what it has written.
"""

import asyncio
import json
import os
import sqlite3
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from llms.idempotency import Answer
from llms.idempotency_memory import Bounds
from llms.shelves import Found, Held, ShelfError
from llms.store.sqlite_file import transaction

_T = TypeVar("_T")

_BUSY_S = 1.5

_USED_S = 60.0
"""How old the note is of when an answer was given last, before it is written anew."""

_TABLE = (
    """CREATE TABLE IF NOT EXISTS answers (name BLOB PRIMARY KEY, digest BLOB NOT NULL, token BLOB, until REAL NOT NULL,
     used REAL NOT NULL, status INTEGER, headers TEXT, body BLOB, size INTEGER NOT NULL DEFAULT 0)""",
    "CREATE INDEX IF NOT EXISTS answers_until ON answers (until)",
    "CREATE INDEX IF NOT EXISTS answers_used ON answers (used, size) WHERE token IS NULL",
)

_CLAIM = (
    "INSERT INTO answers (name, digest, token, until, used) VALUES (?1, ?2, ?3, ?4 + ?5, ?4)"
    " ON CONFLICT (name) DO UPDATE SET digest = ?2, token = ?3, until = ?4 + ?5, used = ?4, status = NULL,"
    " headers = NULL, body = NULL, size = 0 WHERE until <= ?4"
)

_READ = "SELECT digest, token, status, headers, body, used FROM answers WHERE name = ? AND until > ?"

_KEEP = (
    "UPDATE answers SET token = NULL, until = ?, used = ?, status = ?, headers = ?, body = ?, size = ?"
    " WHERE name = ? AND token = ?"
)

_OLDEST = "SELECT rowid, size FROM answers WHERE token IS NULL ORDER BY used"


class SQLiteShelf:
    """
    A shelf in a file.

    Args:
        path: Made if it is not there; nobody else can read it.
        bounds: Of what is kept.
        clock: Gives Unix seconds.
    """

    def __init__(self, path: Path, bounds: Bounds | None = None, clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self._bounds = bounds or Bounds()
        self._clock = clock
        self._thread = ThreadPoolExecutor(1, "answers")
        self._connection: sqlite3.Connection | None = None

    async def claim(self, held: Held, digest: bytes, lease_s: float) -> Found | None:
        return await self._run(lambda db: self._claim(db, held, digest, lease_s))

    async def extend(self, helds: Sequence[Held], lease_s: float) -> None:
        until = self._clock() + lease_s
        rows = [(until, *held) for held in helds]

        def extend(db: sqlite3.Connection) -> None:
            with transaction(db):
                db.executemany("UPDATE answers SET until = ? WHERE name = ? AND token = ?", rows)

        await self._run(extend)

    async def keep(self, held: Held, answer: Answer | None, age_s: float) -> None:
        await self._run(lambda db: self._keep(db, held, answer, age_s))

    async def free(self, held: Held) -> None:
        await self._run(lambda db: db.execute("DELETE FROM answers WHERE name = ? AND token = ?", held))

    async def close(self) -> None:
        def close() -> None:
            if self._connection is not None:
                self._connection.close()

        await asyncio.get_running_loop().run_in_executor(self._thread, close)
        self._thread.shutdown(wait=False)

    def _claim(self, db: sqlite3.Connection, held: Held, digest: bytes, lease_s: float) -> Found | None:
        now = self._clock()
        if (there := self._there(db, held.name, now)) is not None:  # which needs to wait for no other process
            return there
        with transaction(db):
            if db.execute(_CLAIM, (held.name, digest, held.token, now, lease_s)).rowcount:
                return None
            return self._there(db, held.name, 0)

    @staticmethod
    def _there(db: sqlite3.Connection, name: bytes, now: float) -> Found | None:
        row = db.execute(_READ, (name, now)).fetchone()
        if row is None:
            return None
        first, token, status, headers, body, used = row
        if token is None and used < now - _USED_S:
            db.execute("UPDATE answers SET used = ? WHERE name = ?", (now, name))
        return Found(first, token is not None, None if status is None else Answer(status, json.loads(headers), body))

    def _keep(self, db: sqlite3.Connection, held: Held, answer: Answer | None, age_s: float) -> None:
        now = self._clock()
        kept: tuple[object, ...] = (None, None, None, 0)
        if answer is not None:
            kept = (answer.status, json.dumps(dict(answer.headers)), answer.body, len(answer.body))
        with transaction(db):
            db.execute(_KEEP, (now + age_s, now, *kept, *held))
            self._make_room(db, now)

    def _make_room(self, db: sqlite3.Connection, now: float) -> None:
        db.execute("DELETE FROM answers WHERE until <= ?", (now,))
        count, size = db.execute("SELECT count(*), total(size) FROM answers WHERE token IS NULL").fetchone()
        gone = []
        for row, its_size in db.execute(_OLDEST):
            if count <= self._bounds.entries and size <= self._bounds.total_bytes:
                break
            gone.append((row,))
            count, size = count - 1, size - its_size
        db.executemany("DELETE FROM answers WHERE rowid = ?", gone)

    async def _run(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        def run() -> _T:
            try:
                db = self._connection = self._connection or self._open()
                return work(db)
            except (sqlite3.Error, OSError) as error:
                if self._connection is not None:
                    self._connection.close()
                    self._connection = None
                message = f"{self._path}: {error}"
                raise ShelfError(message) from error

        return await asyncio.get_running_loop().run_in_executor(self._thread, run)

    def _open(self) -> sqlite3.Connection:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
        db = sqlite3.connect(self._path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
        try:
            db.execute("PRAGMA synchronous = OFF")
            _make_wal(db)
            with transaction(db):
                for statement in _TABLE:
                    db.execute(statement)
        except sqlite3.Error:
            db.close()
            raise
        return db


def _make_wal(db: sqlite3.Connection) -> None:
    """Set the mode of the file, for which SQLite itself waits for nobody."""
    until = time.monotonic() + _BUSY_S
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return
