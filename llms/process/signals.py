"""The signals that a serving process listens to."""

import asyncio
import signal
from collections.abc import Callable


class Signals:
    """
    SIGTERM and SIGINT as events: the first asks to finish, the second to be quick about it. SIGHUP is a call.

    Made in the loop that they are heard in.

    Args:
        hang_up: Called on SIGHUP.
    """

    def __init__(self, hang_up: Callable[[], None]) -> None:
        self.first = asyncio.Event()
        self.second = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._heard = {signal.SIGTERM: self._stop, signal.SIGINT: self._stop}
        if hasattr(signal, "SIGHUP"):  # Windows has none
            self._heard[signal.SIGHUP] = hang_up
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

    def _stop(self) -> None:
        (self.second if self.first.is_set() else self.first).set()
