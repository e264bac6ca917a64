"""
Logging that never holds up the gateway: lines go through a bounded queue to a thread that writes them.

A standard error that nobody reads blocks whoever writes to it once its pipe is full. The thread waits then, and lines
that find the queue full are dropped, as are those that cannot be written (the disk is full, the reader has gone). They
are counted; the next line that can be written is preceded by one that says how many there were.
"""

import logging
import os
import queue
import select
from collections.abc import Iterator
from contextlib import contextmanager
from logging.handlers import QueueHandler
from threading import Lock, Thread

_MOST_WAITING = 10_000
_LAST_WORDS_S = 1.0

_STDERR = 2

_FORMAT = "%(asctime)s %(levelname)s %(name)s %(message)s"

_Lines = queue.SimpleQueue[logging.LogRecord | None]


class Dropped:
    """How many lines were dropped; counted by several threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._told = 0
        self.total = 0

    def add(self) -> None:
        """One more."""
        with self._lock:
            self.total += 1

    def untold(self) -> int:
        """Give how many the log does not tell of yet."""
        return self.total - self._told

    def tell(self, count: int) -> None:
        """The log tells of ``count`` more."""
        self._told += count


class _Queue(QueueHandler):
    queue: _Lines

    def __init__(self, dropped: Dropped) -> None:
        super().__init__(queue.SimpleQueue())
        self._dropped = dropped

    def enqueue(self, record: logging.LogRecord) -> None:
        if self.queue.qsize() >= _MOST_WAITING:
            self._dropped.add()
        else:
            self.queue.put(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802 - logging's name
        """Count a line that cannot be formatted; logging itself would write a traceback, and wait for that."""
        self._dropped.add()


class _Writer:
    """Writes lines to standard error, for as long as that takes."""

    def __init__(self, dropped: Dropped) -> None:
        self._dropped = dropped
        self._formatter = logging.Formatter(_FORMAT)
        self._torn = False

    def run(self, lines: _Lines) -> None:
        """Write ``lines`` until there comes ``None``."""
        while (record := lines.get()) is not None:
            self._confess()
            if not self._write(record):
                self._dropped.add()
        self._confess()

    def _confess(self) -> None:
        untold = self._dropped.untold()
        if untold and self._write(self._note(untold)):
            self._dropped.tell(untold)

    def _note(self, dropped: int) -> logging.LogRecord:
        message = "%d lines were dropped: standard error did not take them"
        return logging.LogRecord("llms.log", logging.WARNING, __file__, 0, message, (dropped,), None)

    def _write(self, record: logging.LogRecord) -> bool:
        """Write one; say whether it went."""
        line = f"{self._formatter.format(record)}\n".encode("utf-8", "backslashreplace")
        left = b"\n" + line if self._torn else line
        try:
            # Not through sys.stderr: a write that blocks would hold its lock, which the end of the process waits for.
            while left:
                left = left[_written(left) :]
        except OSError:
            self._torn = self._torn or len(left) < len(line)
            return False
        self._torn = False
        return True


def _written(data: bytes) -> int:
    try:
        return os.write(_STDERR, data)
    except BlockingIOError:  # whoever shares it has made it non-blocking
        select.select([], [_STDERR], [])
        return 0


@contextmanager
def to_stderr(level: str) -> Iterator[Dropped]:
    """
    Log to standard error for the length of the block; what is still waiting at its end gets a second.

    Gives the count of lines that were dropped.
    """
    dropped = Dropped()
    handler = _Queue(dropped)
    thread = Thread(target=_Writer(dropped).run, args=(handler.queue,), daemon=True)
    thread.start()
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(level.upper())
    try:
        yield dropped
    finally:
        root.removeHandler(handler)
        handler.queue.put(None)
        thread.join(_LAST_WORDS_S)
