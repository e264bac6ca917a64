"""Connections to SQLite files. They block, and belong into threads of their own."""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, TypeVar
from urllib.parse import quote

from llms.databases import LIMIT_S, StoreError, StoreUnfitError

T = TypeVar("T")

BUSY_S = 1.5
"""How long another process's write is waited for: less than the whole of what may be asked for may take."""

_LOOK_AGAIN = 20_000
"""SQLite's steps, some ten microseconds each thousand, between two looks at the clock."""

Sync = Literal["FULL", "OFF"]
"""Whether what was said to be kept survives the loss of power, which waits for the disk."""


class Connection:
    """
    A connection to a file that is there; used by one thread at a time, opened by the first work and after a failure.

    Args:
        path: The file.
        sync: ``OFF`` for what need not outlive the machine.
    """

    def __init__(self, path: Path, sync: Sync = "FULL") -> None:
        self.path = path
        self._sync = sync
        self._connection: sqlite3.Connection | None = None
        self._until = 0.0

    def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """
        Do some work; what takes longer than ``LIMIT_S`` is broken off.

        Raises:
            StoreError: It failed.
        """
        self._until = time.monotonic() + LIMIT_S
        try:
            if self._connection is None:
                self._connection = self._open()
            return work(self._connection)
        except sqlite3.Error as error:
            self._broken(error)
            raise translated(self.path, error) from error

    def close(self) -> None:
        """Close it; the next work opens it again."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _open(self) -> sqlite3.Connection:
        connection = connected(self.path, self._sync)
        connection.set_progress_handler(lambda: time.monotonic() > self._until, _LOOK_AGAIN)
        return connection

    def _broken(self, error: sqlite3.Error) -> None:
        if not isinstance(error, sqlite3.OperationalError) or disk_failed(error):
            self.close()


def connected(path: Path, sync: Sync = "FULL") -> sqlite3.Connection:
    """Open a file that is there, for one thread at a time."""
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?mode=rw", uri=True, timeout=BUSY_S, isolation_level=None, check_same_thread=False
    )
    try:
        connection.execute(f"PRAGMA synchronous = {sync}")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def make_wal(connection: sqlite3.Connection) -> None:
    """Set the mode of the file, for which SQLite itself waits for nobody."""
    until = time.monotonic() + BUSY_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Write all or nothing, alone."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


async def in_thread(threads: ThreadPoolExecutor, work: Callable[[], T]) -> T:
    """
    Do work in one of some threads.

    Raises:
        StoreError: They were shut down; or what the work raises.
    """
    try:
        return await asyncio.get_running_loop().run_in_executor(threads, work)
    except RuntimeError as error:
        message = "the store was closed"
        raise StoreError(message) from error


def translated(path: Path, error: sqlite3.Error) -> StoreError:
    """Say what went wrong, and what to do."""
    name = _name(error)
    for start, kind, words in _WORDS:
        if name.startswith(start):
            return kind(f"{path} {words}")
    return StoreError(f"{path}: {error}")


def disk_failed(error: sqlite3.Error) -> bool:
    """Whether it was the disk."""
    return _name(error).startswith("SQLITE_IOERR")


def damaged(error: sqlite3.Error) -> bool:
    """Whether the file is no database, or not any more."""
    return _name(error).startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB"))


def _name(error: sqlite3.Error) -> str:
    return getattr(error, "sqlite_errorname", "")


_WORDS: Sequence[tuple[str, type[StoreError], str]] = (
    ("SQLITE_BUSY", StoreError, "is locked by another process"),
    ("SQLITE_LOCKED", StoreError, "is locked by another process"),
    ("SQLITE_FULL", StoreError, "cannot grow: the disk is full"),
    ("SQLITE_IOERR", StoreError, "cannot be read or written: the disk fails, or is full"),
    ("SQLITE_INTERRUPT", StoreError, "took too long to search"),
    ("SQLITE_CANTOPEN", StoreUnfitError, "cannot be opened; does this user own it and its folder?"),
    ("SQLITE_READONLY", StoreUnfitError, "cannot be written; does this user own it and its folder?"),
    ("SQLITE_NOTADB", StoreUnfitError, "is no SQLite file; put a backup in its place, or name another file"),
    ("SQLITE_CORRUPT", StoreUnfitError, "is damaged; put a backup in its place (`llms db check` says more)"),
)
