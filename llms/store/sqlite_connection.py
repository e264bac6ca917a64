"""One connection to an SQLite file, in a thread of its own; reopened after a failure of the disk."""

import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from llms.store import StoreUnfitError
from llms.store.reading import LIMIT_S
from llms.store.sqlite_file import connected, translated

T = TypeVar("T")

_LOOK_AGAIN = 20_000
"""SQLite's steps, some ten microseconds each thousand, between two looks at the clock."""


class Identity:
    """
    Which file it is. Asked before each use: it may have been deleted, replaced or cut while the gateway runs.

    SQLite itself would go on for a while, in a file that nobody finds again.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known = self._state()

    def check(self) -> None:
        """
        See that it is the same.

        Raises:
            StoreUnfitError: It is another, or gone, or shorter than it was.
        """
        state = self._state()
        if state[:2] != self._known[:2]:
            message = f"{self.path} was replaced while it was in use; start the gateway again if that was meant"
            raise StoreUnfitError(message)
        if state[2] < self._known[2]:
            message = f"{self.path} was cut; put a backup in its place and start the gateway again"
            raise StoreUnfitError(message)
        self._known = state

    def _state(self) -> tuple[int, int, int]:
        try:
            found = os.stat(self.path)  # noqa: PTH116 - before each use; a third of the time of Path's
        except OSError as error:
            message = f"{self.path} is gone; put it back, or a backup, and start the gateway again"
            raise StoreUnfitError(message) from error
        return found.st_dev, found.st_ino, found.st_size


class Connection:
    """A connection; used by one thread at a time."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity
        self._connection: sqlite3.Connection | None = None
        self._until = 0.0
        self._failed = False

    def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """
        Do some work; what takes longer than a store's call may take is broken off.

        Raises:
            StoreError: It failed.
        """
        self._identity.check()
        self._until = time.monotonic() + LIMIT_S
        try:
            if self._connection is None:
                self._connection = self._open()
            return work(self._connection)
        except sqlite3.Error as error:
            if not isinstance(error, sqlite3.OperationalError) or _disk_failed(error):
                self.close()
            self._failed = self._failed or _disk_failed(error)
            raise translated(self._identity.path, error) from error

    def close(self) -> None:
        """Close it; the next work opens it again."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open(self) -> sqlite3.Connection:
        connection = connected(self._identity.path)
        connection.set_progress_handler(lambda: time.monotonic() > self._until, _LOOK_AGAIN)
        if self._failed:
            self._verify(connection)
        return connection

    def _verify(self, connection: sqlite3.Connection) -> None:
        # After a failed fsync the kernel takes pages for written that are not: what the log holds is written into the
        # file anew, and that flushed, before anything is built on it (LWN 752063, "fsyncgate").
        try:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            connection.execute("SELECT MAX(seq) FROM calls").fetchone()
            self._failed = False
        finally:
            if self._failed:
                connection.close()


def _disk_failed(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorname", "").startswith("SQLITE_IOERR")
