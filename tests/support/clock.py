"""A clock that a test moves."""


class Clock:
    """Gives ``now``, in seconds, for whatever is given a clock."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now
