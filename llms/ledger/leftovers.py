"""What a process that is no more has left behind of its spool."""

import logging
import shutil
from collections.abc import Iterator
from pathlib import Path

from llms.file_lock import FileLock
from llms.ledger.spool import END, LOCK, NEW, Entry
from llms.store import CallRow, KeptBody
from llms.wire import json_text

_log = logging.getLogger("llms.ledger")


class Leftover:
    """The folder of a process that is no more. It is nobody else's until it is let go of."""

    def __init__(self, folder: Path, lock: FileLock) -> None:
        self._folder = folder
        self._lock = lock

    def entries(self) -> Iterator[Entry]:
        """Give its rows. A line that is not whole was never acknowledged, and is left out."""
        for path in sorted(self._folder.glob(f"*{END}")):
            for line in path.read_bytes().splitlines():
                if (entry := _entry(line)) is not None:
                    yield entry
                elif line:
                    _log.warning("a line of %s is no row; it was cut off as its process ended", path.name)

    def remove(self) -> None:
        """Remove it: the store has all of it."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def close(self) -> None:
        """Let go of it."""
        self._lock.close()


def left_behind(parent: Path) -> Iterator[Leftover]:
    """Give the folders of processes that are no more."""
    for folder in sorted(parent.glob("*")) if parent.is_dir() else ():
        if folder.suffix == NEW:
            continue
        try:
            leftover = Leftover(folder, FileLock(folder / LOCK))
        except OSError:  # its process lives, or another one has just taken it up
            continue
        try:
            yield leftover
        finally:
            leftover.close()


_FIELDS = len(CallRow._fields)


def _entry(line: bytes) -> Entry | None:
    try:
        values = json_text.loads(line)
    except ValueError:
        return None
    if not isinstance(values, list) or len(values) not in (_FIELDS, _FIELDS + 2):
        return None
    row = CallRow(*values[:_FIELDS])
    return Entry(row, KeptBody(row.id, *values[_FIELDS:]) if len(values) > _FIELDS else None)
