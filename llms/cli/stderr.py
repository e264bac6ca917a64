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
import time
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate
from threading import Event, Lock, Thread

_MOST_WAITING = 10_000
_TOGETHER = 100
_PAUSE_S = 0.02
_LAST_WORDS_S = 1.0

_STDERR = 2

_UNREAD = ("_srcfile", "logThreads", "logProcesses", "logMultiprocessing")
"""
What ``logging`` finds out for each line though none shows it: where in the code it was logged, in which thread and
process. Source: https://docs.python.org/3/howto/logging.html#optimization
"""

_Lines = queue.SimpleQueue[logging.LogRecord | None]


class Dropped:
    """How many lines were dropped; counted by several threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._told = 0
        self.total = 0

    def add(self, count: int = 1) -> None:
        """So many more."""
        with self._lock:
            self.total += count

    def untold(self) -> int:
        """Give how many the log does not tell of yet."""
        return self.total - self._told

    def tell(self, count: int) -> None:
        """The log tells of ``count`` more."""
        self._told += count


class _Queue(logging.Handler):
    """Puts records into the queue as they are: what it takes to make lines of them is the thread's."""

    def __init__(self, dropped: Dropped) -> None:
        super().__init__()
        self.queue: _Lines = queue.SimpleQueue()
        self._dropped = dropped

    def emit(self, record: logging.LogRecord) -> None:
        if self.queue.qsize() >= _MOST_WAITING:
            self._dropped.add()
            return
        try:
            record.msg, record.args = record.getMessage(), None  # what it is made of may change
        except (LookupError, TypeError, ValueError):  # logging itself would write a traceback, and wait for that
            self._dropped.add()
        else:
            self.queue.put(record)


class _Formatter(logging.Formatter):
    """Formats a line in one step, and the seconds of a time once."""

    _second = -1
    _text = ""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        return f"{self.formatTime(record)} {record.levelname} {record.name} {record.message}"

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802, ARG002
        if self._second != int(record.created):
            self._second = int(record.created)
            self._text = time.strftime(self.default_time_format, self.converter(record.created))
        return f"{self._text},{int(record.msecs):03d}"


class _Writer:
    """
    Writes lines to standard error, for as long as that takes.

    The first of a burst goes at once, the rest together, fifty times a second: a write, and two switches between
    threads, for each line would cost a call more than all of its routing.
    """

    def __init__(self, dropped: Dropped) -> None:
        self._dropped = dropped
        self._formatter = _Formatter()
        self._torn = False
        self._pause = Event()  # never set

    def run(self, lines: _Lines) -> None:
        """Write ``lines`` until there comes ``None``."""
        while (record := lines.get()) is not None:
            records = [record]
            last = False
            while len(records) < _TOGETHER and not last and not lines.empty():
                following = lines.get()
                last = following is None
                if following is not None:
                    records.append(following)
            self._confess()
            self._dropped.add(len(records) - self._write(records))
            if last:
                break
            if len(records) < _TOGETHER:
                self._pause.wait(_PAUSE_S)  # ``sleep`` waits for a time of day, which may jump
        self._confess()

    def _confess(self) -> None:
        untold = self._dropped.untold()
        if untold and self._write([self._note(untold)]):
            self._dropped.tell(untold)

    def _note(self, dropped: int) -> logging.LogRecord:
        message = "%d lines were dropped: standard error did not take them"
        return logging.LogRecord("llms.log", logging.WARNING, __file__, 0, message, (dropped,), None)

    def _write(self, records: Sequence[logging.LogRecord]) -> int:
        """Write them; say how many went."""
        lines = [f"{self._formatter.format(record)}\n".encode("utf-8", "backslashreplace") for record in records]
        ends = list(accumulate(map(len, lines)))
        data = memoryview(b"".join(lines))
        done = 0
        try:
            # Not through sys.stderr: a write that blocks would hold its lock, which the end of the process waits for.
            if self._torn:
                _written(b"\n")
                self._torn = False
            while done < len(data):
                done += _written(data[done:])
        except OSError:
            went = bisect_right(ends, done)
            self._torn = self._torn or done > (ends[went - 1] if went else 0)
            return went
        return len(records)


def _written(data: bytes | memoryview) -> int:
    while True:
        try:
            return os.write(_STDERR, data)
        except BlockingIOError:  # whoever shares it has made it non-blocking
            select.select([], [_STDERR], [])


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
    before = {name: getattr(logging, name) for name in _UNREAD}
    try:
        for name in _UNREAD:
            setattr(logging, name, None)
        yield dropped
    finally:
        for name, value in before.items():
            setattr(logging, name, value)
        root.removeHandler(handler)
        handler.queue.put(None)
        thread.join(_LAST_WORDS_S)
