"""
Answers in an SQLite file, for the workers of one machine.

Nothing in it has to outlive the machine's power: it is written without waiting for the disk. A process that is killed
loses nothing of what it has written.
"""

import json
import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from llms.databases.scratch import Scratch
from llms.databases.sqlite import transaction
from llms.idempotency import Answer
from llms.idempotency_memory import Bounds
from llms.shelves import Found, Held

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
        # One that is damaged is left for people to look at: which calls run, or have run, is not known then.
        self._file = Scratch(path, _begin, removes=False)
        self._bounds = bounds or Bounds()
        self._clock = clock

    async def claim(self, held: Held, digest: bytes, lease_s: float) -> Found | None:
        return await self._file.run(lambda db: self._claim(db, held, digest, lease_s))

    async def extend(self, helds: Sequence[Held], lease_s: float) -> None:
        until = self._clock() + lease_s
        rows = [(until, *held) for held in helds]

        def extend(db: sqlite3.Connection) -> None:
            with transaction(db):
                db.executemany("UPDATE answers SET until = ? WHERE name = ? AND token = ?", rows)

        await self._file.run(extend)

    async def keep(self, held: Held, answer: Answer | None, age_s: float) -> None:
        await self._file.run(lambda db: self._keep(db, held, answer, age_s))

    async def free(self, held: Held) -> None:
        await self._file.run(lambda db: db.execute("DELETE FROM answers WHERE name = ? AND token = ?", held))

    async def close(self) -> None:
        await self._file.close()

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


def _begin(db: sqlite3.Connection) -> None:
    for statement in _TABLE:
        db.execute(statement)
