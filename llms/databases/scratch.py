"""
SQLite files that the processes of one machine share, and that need not outlive it.

Nothing waits for the disk (``synchronous=OFF``), so that a transaction takes tens of microseconds; a process that is
killed loses nothing of what it has written. The file may be removed at any time: then it is made anew, and all
processes find that one.
"""

import os
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from llms.databases import StoreError
from llms.databases.sqlite import Connection, damaged, in_thread, make_wal, transaction

T = TypeVar("T")


class Scratch:
    """
    A file, with a thread of its own.

    Args:
        path: The file's; it is made if it is not there. Nobody else can read it.
        begin: Makes its tables, each time that it is opened, in a transaction.
        removes: Whether a file that is damaged, as it may be after the power went, is removed.
    """

    def __init__(self, path: Path, begin: Callable[[sqlite3.Connection], object], *, removes: bool) -> None:
        self._connection = _Connection(path, begin, removes=removes)
        self._thread = ThreadPoolExecutor(1, path.name)

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """
        Do some work.

        Raises:
            StoreError: It failed.
        """
        return await in_thread(self._thread, lambda: self._connection.run(work))

    async def close(self) -> None:
        """Let go of the file."""
        await in_thread(self._thread, self._connection.close)
        self._thread.shutdown(wait=False)


class _Connection(Connection):
    def __init__(self, path: Path, begin: Callable[[sqlite3.Connection], object], *, removes: bool) -> None:
        super().__init__(path, "OFF")
        self._begin = begin
        self._removes = removes
        self._file = (0, 0)

    def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        if self._connection is not None and self._file != self._identity():
            self.close()
        return super().run(work)

    def _open(self) -> sqlite3.Connection:
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
        except OSError as error:
            message = f"{self.path}: {(error.strerror or str(error)).lower()}"
            raise StoreError(message) from error
        self._file = self._identity()
        connection = super()._open()
        try:
            make_wal(connection)
            with transaction(connection):
                self._begin(connection)
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _broken(self, error: sqlite3.Error) -> None:
        with suppress(sqlite3.Error):
            self.close()
        if self._removes and damaged(error):
            for ending in ("", "-wal", "-shm"):
                with suppress(OSError):
                    self.path.with_name(self.path.name + ending).unlink(missing_ok=True)

    def _identity(self) -> tuple[int, int]:
        try:
            found = os.stat(self.path)  # noqa: PTH116 - before each use; a third of the time of Path's
        except OSError:
            return 0, 0
        return found.st_dev, found.st_ino
