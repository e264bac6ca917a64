"""
Rows that the store does not have yet, in files that outlive the process.

Each process has a folder of its own with a lock that ends when it does, however it ends. Rows are lines, appended to
the folder's newest file; once the store has all of a file, it is removed. An append is one system call and no sync: the
system has the row from then on, and only a failure of the machine itself can take it away.
"""

import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

from llms.file_lock import FileLock
from llms.store import CallRow, KeptBody
from llms.wire import json_text

LOCK = "lock"
END = ".rows"
NEW = ".new"
"""What a folder's name ends in until it has its lock: nobody else takes it for one that was left behind."""


class Entry(NamedTuple):
    """A row, and the call's prompt and answer where they are kept."""

    row: CallRow
    body: KeptBody | None = None


class Spool:
    """
    The folder of this process. Without one nothing outlives it, and nothing else changes.

    Args:
        parent: Where the folders of all processes are; made if it is not there.

    Raises:
        OSError: There can be none.
    """

    def __init__(self, parent: Path) -> None:
        parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder = parent / uuid4().hex
        made = self.folder.with_suffix(NEW)
        made.mkdir(mode=0o700)
        self._lock = FileLock(made / LOCK)
        made.rename(self.folder)
        self._file: int | None = None
        self._torn = False
        self._newest = 0
        self._lines: list[bytes] = []

    def add(self, entry: Entry) -> None:
        """Take a row, to be appended with the next ``write``."""
        self._lines.append(_line(entry))

    def write(self) -> None:
        """
        Append the rows that were added, those of several calls in one step.

        Raises:
            OSError: They are not there for good: the disk is full, or broken.
        """
        if not self._lines:
            return
        line = b"".join(self._lines)
        self._lines.clear()
        if self._file is None:
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
            self._file = os.open(self._path(self._newest), flags, 0o600)
        if self._torn:
            line = b"\n" + line
        written = os.write(self._file, line)
        self._torn = written < len(line)
        if self._torn:
            message = "the disk is full"
            raise OSError(message)

    def turn(self) -> int:
        """Begin another file; give the number of the one that holds what was written so far."""
        self._close_file()
        self._newest += 1
        return self._newest - 1

    def drop(self, number: int) -> None:
        """Remove a file, all of whose rows the store has. One that cannot be removed is read again, to no harm."""
        with suppress(OSError):
            self._path(number).unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of the folder; it is removed if no row is left in it."""
        self._close_file()
        if not any(self.folder.glob(f"*{END}")):
            shutil.rmtree(self.folder, ignore_errors=True)
        self._lock.close()

    def _close_file(self) -> None:
        if self._file is not None:
            with suppress(OSError):
                os.close(self._file)
            self._file = None
            self._torn = False

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:08}{END}"


def _line(entry: Entry) -> bytes:
    body = entry.body
    kept: Sequence[Any] = () if body is None else (body.prompt, body.answer)
    return json_text.dumps([*entry.row, *kept]) + b"\n"
