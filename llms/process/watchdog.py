"""
Notices that the event loop does not run, and says where it hangs.

A thread looks, as nothing in the loop can. It needs the interpreter's lock: what holds that is noticed once it lets go,
or by a supervisor, to whom it has been silent.
"""

import asyncio
import logging
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

_log = logging.getLogger("llms.watchdog")

_STALL_S = 1.0
_LOOK_S = 0.5

_MOST_FRAMES = 30


class Watchdog:
    """
    Looks after the loop that it is made in, until it is closed.

    Args:
        alive: Called about every ``look_s`` for as long as the loop runs; in the watchdog's thread.
        stall_s: How long the loop may not run before the log has a line about it. One for each stall, and one for its
            end.
        look_s: How often to look.
    """

    def __init__(
        self, alive: Callable[[], object] = bool, *, stall_s: float = _STALL_S, look_s: float = _LOOK_S
    ) -> None:
        self._alive = alive
        self._stall_s = stall_s
        self._look_s = look_s
        self._watched = threading.get_ident()
        self._loop = asyncio.get_running_loop()
        self._beat_at = time.monotonic()
        self._closed = threading.Event()
        self._timer = self._loop.call_later(look_s / 2, self._beat)
        threading.Thread(target=self._look, name="watchdog", daemon=True).start()

    def close(self) -> None:
        """Look no more."""
        self._timer.cancel()
        self._closed.set()

    def _beat(self) -> None:
        self._beat_at = time.monotonic()
        self._timer = self._loop.call_later(self._look_s / 2, self._beat)

    def _look(self) -> None:
        told_of: float | None = None  # the last beat before the stall that the log has a line about
        looked_at = time.monotonic()
        while not self._closed.wait(self._look_s):
            beat_at, now = self._beat_at, time.monotonic()
            late_s = now - looked_at
            looked_at = now
            if told_of is not None and beat_at != told_of:
                _log.warning("the event loop runs again, after %.1f s", beat_at - told_of)
                told_of = None
            if now - beat_at <= self._stall_s:
                self._alive()
            elif told_of is None and late_s < self._stall_s:  # else this thread did not run either: all stood still
                told_of = beat_at
                _log.error("the event loop has not run for %.1f s; it is in %s", now - beat_at, self._where())

    def _where(self) -> str:
        frame = sys._current_frames().get(self._watched)  # noqa: SLF001 - the documented way to see another thread
        places: list[str] = []
        while frame is not None and len(places) < _MOST_FRAMES:
            places.append(_place(frame))
            frame = frame.f_back
        return " < ".join(places)


def _place(frame: FrameType) -> str:
    path = Path(frame.f_code.co_filename)
    return f"{path.parent.name}/{path.name}:{frame.f_lineno} {frame.f_code.co_name}"
