"""
Logging that never holds up the gateway: lines go through a bounded queue to a thread that writes them.

A standard error that nobody reads blocks whoever writes to it once its pipe is full. The thread waits then, and lines
that find the queue full are counted and dropped.
"""

import logging
import os
import queue
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from logging.handlers import QueueHandler
from threading import Thread

_MOST_WAITING = 10_000
_LAST_WORDS_S = 1.0

_STDERR = 2

_FORMAT = "%(asctime)s %(levelname)s %(name)s %(message)s"


class _Dropping(QueueHandler):
    queue: "queue.SimpleQueue[logging.LogRecord | None]"

    def __init__(self) -> None:
        super().__init__(queue.SimpleQueue())
        self._dropped = 0

    def enqueue(self, record: logging.LogRecord) -> None:
        if self.queue.qsize() >= _MOST_WAITING:
            self._dropped += 1
            return
        if self._dropped:
            dropped, self._dropped = self._dropped, 0
            self.queue.put(self._note(dropped))
        self.queue.put(record)

    def _note(self, dropped: int) -> logging.LogRecord:
        message = "%d lines were dropped: standard error did not take them"
        return logging.LogRecord("llms.log", logging.WARNING, __file__, 0, message, (dropped,), None)


def _write(lines: "queue.SimpleQueue[logging.LogRecord | None]") -> None:
    formatter = logging.Formatter(_FORMAT)
    while (record := lines.get()) is not None:
        left = f"{formatter.format(record)}\n".encode("utf-8", "backslashreplace")
        with suppress(OSError):
            # Not through sys.stderr: a write that blocks would hold its lock, which the end of the process waits for.
            while left:
                left = left[os.write(_STDERR, left) :]


@contextmanager
def to_stderr(level: str) -> Iterator[None]:
    """Log to standard error for the length of the block; what is still waiting at its end gets a second."""
    handler = _Dropping()
    thread = Thread(target=_write, args=(handler.queue,), daemon=True)
    thread.start()
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(level.upper())
    try:
        yield
    finally:
        root.removeHandler(handler)
        handler.queue.put(None)
        thread.join(_LAST_WORDS_S)
