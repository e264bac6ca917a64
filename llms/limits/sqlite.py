"""
States in an SQLite file, for the processes of one machine.

The file is one of its own, beside the ledger's: it need not outlive the machine, so that nothing waits for the disk
(``synchronous=OFF``), and a transaction takes tens of microseconds. One that is damaged, as it may be after the power
went, is removed; what was spent is looked up again.
"""

import asyncio
import json
import os
import secrets
import sqlite3
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from llms.limits.states import Change, Loaded, StatesError, following

_T = TypeVar("_T")

_BUSY_S = 1.5
"""Less than a trip may take, so that the thread is free again when it has been given up."""

_KEPT_S = 86_400

_SCHEMA = """
CREATE TABLE IF NOT EXISTS states (
    subject TEXT PRIMARY KEY, version INTEGER NOT NULL, state BLOB NOT NULL, at INTEGER NOT NULL
) WITHOUT ROWID
"""
_LOAD = "SELECT subject, version, state FROM states WHERE subject IN (SELECT value FROM json_each(?))"
_CHANGE = "UPDATE states SET version = ?, state = ?, at = ? WHERE subject = ? AND version = ?"
_MAKE = "INSERT OR IGNORE INTO states (version, state, at, subject) VALUES (?, ?, ?, ?)"
_INCARNATION = "incarnation"


class SqliteStates:
    """
    See ``llms.limits.states.States``.

    Args:
        path: The file's; it is made if it is not there.
    """

    forgets = False

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(1, "limits")
        self._connection: sqlite3.Connection | None = None
        self._file = (0, 0)
        self._incarnation = ""

    async def load(self, subjects: Sequence[str]) -> Loaded:
        return await self._run(lambda: self._load(subjects))

    async def swap(self, changes: Sequence[Change]) -> bool:
        return await self._run(lambda: self._swap(changes))

    async def close(self) -> None:
        self._thread.submit(self._drop)
        self._thread.shutdown(wait=False)

    async def _run(self, act: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._translated, act)

    def _translated(self, act: Callable[[], _T]) -> _T:
        try:
            return act()
        except (sqlite3.Error, OSError) as error:
            self._drop()
            if isinstance(error, sqlite3.DatabaseError) and error.sqlite_errorname in _DAMAGED:
                with suppress(OSError):
                    self._remove()
            raise StatesError(str(error)) from error

    def _load(self, subjects: Sequence[str]) -> Loaded:
        connection = self._connected()
        kept = {name: (version, state) for name, version, state in connection.execute(_LOAD, [json.dumps(subjects)])}
        return Loaded(time.time_ns() // 1_000_000, self._incarnation, kept)

    def _swap(self, changes: Sequence[Change]) -> bool:
        connection = self._connected()
        connection.execute("BEGIN IMMEDIATE")
        try:
            done = all(self._put(connection, change) for change in changes)
        finally:
            connection.execute("COMMIT" if done else "ROLLBACK")
        return done

    @staticmethod
    def _put(connection: sqlite3.Connection, change: Change) -> bool:
        subject, version, state = change
        values = (following(version), state, int(time.time()), subject)
        made = connection.execute(_CHANGE, (*values, version)) if version else connection.execute(_MAKE, values)
        return made.rowcount == 1

    def _connected(self) -> sqlite3.Connection:
        """Give a connection to the file that is there; another process may have removed the one there was."""
        if self._connection is not None:
            with suppress(OSError):
                if self._file == _identity(self._path):
                    return self._connection
            self._drop()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
        connection = sqlite3.connect(self._path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
        self._connection = connection
        self._file = _identity(self._path)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute(_SCHEMA)
        connection.execute(_MAKE, (1, secrets.token_hex(8), 2**53, _INCARNATION))
        connection.execute("DELETE FROM states WHERE at < ?", (int(time.time()) - _KEPT_S,))
        rows = connection.execute("SELECT state FROM states WHERE subject = ?", (_INCARNATION,))
        self._incarnation = str(rows.fetchone()[0])
        return connection

    def _drop(self) -> None:
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    def _remove(self) -> None:
        for ending in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + ending).unlink(missing_ok=True)


_DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB")


def _identity(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino
