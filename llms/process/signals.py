"""
The signals that a serving process listens to.

SIGHUP has two meanings. From an operator it asks to read the configuration again, as servers have it. From the kernel
and the shell it says that the terminal is gone: whoever closes the window means the end of what runs in it. The two are
told apart by whether the terminal is still there. ``nohup`` says that its end means nothing.
"""

import asyncio
import os
import signal
from collections.abc import Callable


class Terminal:
    """The terminal that the process was started in, if there is one that it depends on."""

    def __init__(self) -> None:
        nohup = hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        self._needed = _is_there() and not nohup

    def gone(self) -> bool:
        """Whether it has been closed."""
        return self._needed and not _is_there()


def _is_there() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | getattr(os, "O_NOCTTY", 0)))
    except OSError:
        return False
    return True


class Signals:
    """
    SIGTERM and SIGINT as events: the first asks to finish, the second to be quick about it. SIGHUP is a call.

    Made in the loop that they are heard in.

    Args:
        hang_up: Called on SIGHUP, unless that means that the terminal is gone.
    """

    def __init__(self, hang_up: Callable[[], None]) -> None:
        self.first = asyncio.Event()
        self.second = asyncio.Event()
        self._terminal = Terminal()
        self._reload = hang_up
        self._loop = asyncio.get_running_loop()
        self._heard = {signal.SIGTERM: self._stop, signal.SIGINT: self._stop}
        if hasattr(signal, "SIGHUP"):  # Windows has none
            self._heard[signal.SIGHUP] = self._hang_up
        for number, called in self._heard.items():
            try:
                self._loop.add_signal_handler(number, called)
            except NotImplementedError:  # pragma: no cover - Windows
                signal.signal(number, lambda *_: self._loop.call_soon_threadsafe(self._stop))

    def close(self) -> None:
        """Listen no more."""
        for number in self._heard:
            try:
                self._loop.remove_signal_handler(number)
            except NotImplementedError:  # pragma: no cover - Windows
                signal.signal(number, signal.SIG_DFL)

    def _hang_up(self) -> None:
        if self._terminal.gone():
            self.first.set()  # and not "hurry": the shell may say it once more
        else:
            self._reload()

    def _stop(self) -> None:
        (self.second if self.first.is_set() else self.first).set()
