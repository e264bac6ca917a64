"""What a test may have left behind: tasks, open files and sockets, and complaints in the log."""

import asyncio
import contextlib
import gc
import logging
import os
from collections import Counter
from pathlib import Path

_SETTLE_S = 1.0
"""The longest that what a test closed may take to be gone."""

_POLL_S = 0.01

_COMPLAINTS = (
    "never retrieved",
    "never awaited",
    "was destroyed but it is pending",
    "Unclosed",
    "Unhandled exception",
    "Exception in callback",
    "Fatal error",
)

_LOGGERS = ("asyncio", "aiohttp")

_OPEN_FILES = Path("/proc/self/fd")


class Watch:
    """
    Remembers what is there now; says later what has been added.

    Made, started and asked in the loop that the test runs in.
    """

    def __init__(self) -> None:
        self._log = _Complaints()
        self._tasks = asyncio.all_tasks()
        self._files = _files()

    def start(self) -> None:
        """Listen to the loggers of asyncio and aiohttp."""
        for name in _LOGGERS:
            logging.getLogger(name).addHandler(self._log)

    async def stop(self, settle_s: float = _SETTLE_S) -> list[str]:
        """Listen no more; give what is left over, after waiting up to ``settle_s`` for it to go."""
        gc.collect()  # what is complained about on collection is complained about now
        loop = asyncio.get_running_loop()
        until = loop.time() + settle_s
        await asyncio.sleep(0)
        while (left := self._left()) and loop.time() < until:  # noqa: ASYNC110 - no event tells of it
            await asyncio.sleep(_POLL_S)
        for name in _LOGGERS:
            logging.getLogger(name).removeHandler(self._log)
        return left + self._log.found

    def _left(self) -> list[str]:
        current = asyncio.current_task()
        tasks = [f"task {task!r}" for task in asyncio.all_tasks() - self._tasks if task is not current]
        return tasks + [f"open {name}" for name in _added(self._files, _files())]


class _Complaints(logging.Handler):
    """Keeps the records that tell of something forgotten."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if any(complaint in message for complaint in _COMPLAINTS):
            cause = record.exc_info[1] if record.exc_info else None
            self.found.append(f"logged {message}" + (f" ({cause!r})" if cause else ""))


def _files() -> Counter[str]:
    """What the open descriptors stand for: a path, or a socket or pipe by its number. Empty where there is no /proc."""
    names: Counter[str] = Counter()
    if not _OPEN_FILES.exists():
        return names
    for entry in list(_OPEN_FILES.iterdir()):
        with contextlib.suppress(OSError):  # closed meanwhile, as the descriptor of the listing itself
            names[str(entry.readlink())] += 1
    del names[os.devnull]  # libuv keeps one in reserve
    return names


def _added(before: Counter[str], now: Counter[str]) -> list[str]:
    """What is open now and was not; sockets by their number, as uvloop makes its own pair anew in each run."""
    added = sorted((now - before).elements())
    sockets = [name for name in added if name.startswith("socket:")]
    replaced = sum(name.startswith("socket:") for name in (before - now).elements())
    return [name for name in added if name not in sockets] + sockets[replaced:]
