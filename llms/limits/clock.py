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
        ahead = time_ns() - run
        if ahead > self._ahead_ns:  # noqa: PLR1730 - a call asks four times: ``max`` would take twice as long
            self._ahead_ns = ahead
        return (run + self._ahead_ns) // _MS


class SharedClock:
    """
    Gives Unix milliseconds by a clock that several processes share, wherever they run; never goes back either.

    Until it has been heard of, the system's clock stands in for it.
    """

    __slots__ = ("_ahead_ns", "_heard")

    def __init__(self) -> None:
        self._ahead_ns = time_ns() - monotonic_ns()
        self._heard = False

    def __call__(self) -> int:
        return (monotonic_ns() + self._ahead_ns) // _MS

    def hear(self, at: int) -> None:
        """Take it that it is ``at`` now, or later."""
        ahead = at * _MS - monotonic_ns()
        self._ahead_ns = max(self._ahead_ns, ahead) if self._heard else ahead
        self._heard = True
