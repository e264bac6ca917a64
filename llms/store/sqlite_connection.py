"""Connections to a store's SQLite file: to that very one, which is looked through after a failure of the disk."""

import logging
import os
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from llms.databases.sqlite import BUSY_S, Connection, disk_failed
from llms.store import StoreError, StoreUnfitError

T = TypeVar("T")

_LOGGER = logging.getLogger(__name__)


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


class Reader(Connection):
    """A connection to a store's file, as long as it is that file."""

    def __init__(self, identity: Identity) -> None:
        super().__init__(identity.path)
        self._identity = identity
        self._failed = False

    def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        self._identity.check()
        return super().run(work)

    def _open(self) -> sqlite3.Connection:
        connection = super()._open()
        if self._failed:
            self._verify(connection)
        return connection

    def _broken(self, error: sqlite3.Error) -> None:
        super()._broken(error)
        self._failed = self._failed or disk_failed(error)

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


class Writer(Reader):
    """
    The connection that writes. It keeps the log short.

    SQLite empties the log by itself, but not while somebody reads, and it never makes the file shorter.

    Args:
        log_bytes: From which length on the log is made short after each write; at four times that it is told.
    """

    def __init__(self, identity: Identity, log_bytes: int = 64_000_000) -> None:
        super().__init__(identity)
        self.log_bytes = log_bytes
        self._log = identity.path.with_name(f"{identity.path.name}-wal")
        self._told = False

    def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        done = super().run(work)
        length = self._log.stat().st_size if self._log.exists() else 0
        if length > self.log_bytes:
            with suppress(StoreError):  # what was to be written is written
                super().run(_shorten)
        tells = length > 4 * self.log_bytes
        if tells and not self._told:
            _LOGGER.warning("%s keeps growing: another program reads %s and does not end", self._log, self._log.stem)
        self._told = tells
        return done


def _shorten(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        connection.execute(f"PRAGMA busy_timeout = {BUSY_S * 1000:.0f}")
