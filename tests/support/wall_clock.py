"""
A wall clock that can be moved, for processes.

libfaketime's clock is moved by a file that it reads at each look at the clock; the monotonic clock is left alone, as
Linux does. In that way ``time.sleep()`` fails in Python 3.11, so nothing under test may use it.
"""

from pathlib import Path

from tests.support.packages import library


class Clock:
    """
    The clock.

    Args:
        folder: Where its file is.

    Attributes:
        environ: What a process goes by it with.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "clock"
        self.move("+0")
        self.environ = {
            "LD_PRELOAD": str(library("faketime/libfaketimeMT.so.1", package="faketime")),
            "FAKETIME_TIMESTAMP_FILE": str(self._path),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def move(self, offset: str) -> None:
        """Have it go on from now and ``offset``, as ``+400d`` or ``-0.5``, which is seconds."""
        temporary = self._path.with_suffix(".new")
        temporary.write_text(f"{offset}\n")
        temporary.replace(self._path)
