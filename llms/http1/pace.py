"""When a burst is let gather, so that it is taken in pieces that are worth a read, a decode and a write each."""

from math import inf

GAP_S = 0.001
_RESUMED_GAP_S = 0.002
_READS = 4


class Pace:
    """
    Says after each read whether the next one can wait.

    A model that writes for one reader sends a chunk every 10 to 50 ms, and each is to go on at once. Reads that come
    more often than once in a millisecond, and more than a few in a row, are a burst: reading then rests for a
    millisecond, and the kernel gathers what comes. At 500 chunks a second and less it never does.
    """

    __slots__ = ("_gap_s", "_last", "_quick")

    def __init__(self) -> None:
        self._last = -inf
        self._quick = 0
        self._gap_s = GAP_S

    def rests(self, now: float) -> bool:
        """
        Note a read; say whether reading is to rest for ``GAP_S`` from now on.

        Args:
            now: Seconds, of a clock that only goes forward.
        """
        quick = now - self._last < self._gap_s
        self._last = now
        self._quick = self._quick + 1 if quick else 0
        rests = self._quick > _READS
        # After a rest the next read is a millisecond late at least, burst or not.
        self._gap_s = _RESUMED_GAP_S if rests else GAP_S
        return rests
