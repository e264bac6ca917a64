"""The time that limits go by."""

from time import monotonic_ns, time_ns

_MS = 1_000_000


class Clock:
    """
    Gives Unix milliseconds that never go back.

    While the system's clock is behind what was given before, having been set back, time goes on from there at its usual
    pace. To stand still instead would leave a minute running for hours, and with it all who have used it up.
    """

    __slots__ = ("_ahead_ns",)

    def __init__(self) -> None:
        self._ahead_ns = time_ns() - monotonic_ns()

    def __call__(self) -> int:
        run = monotonic_ns()
        self._ahead_ns = max(self._ahead_ns, time_ns() - run)
        return (run + self._ahead_ns) // _MS

    def at_least(self, at: int) -> None:
        """Go on from ``at``, which somebody else has seen already, if that is later."""
        behind = at - self()
        if behind > 0:
            self._ahead_ns += behind * _MS
