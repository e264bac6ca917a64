"""How many wrong keys each address has sent in a minute; beyond some it is told that, whatever it sends."""

from collections.abc import Callable

from llms.errors import OverLimitError

_MOST = 20
_MINUTE_S = 60.0
_ADDRESSES = 10_000
"""So many are known at once; those that were known longest are forgotten, which frees them."""


class Guesses:
    """
    Counts wrong keys. A right one is never counted, nor kept from being one.

    Args:
        now: Gives seconds that never go back.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._counts: dict[str, tuple[float, int]] = {}

    def many(self, address: str) -> bool:
        """Whether one more would be too many."""
        since, count = self._counts.get(address, (0.0, 0))
        return count >= _MOST and self._now() - since < _MINUTE_S

    def wrong(self, address: str) -> None:
        """
        Count a request that had no right key.

        Raises:
            OverLimitError: There were too many.
        """
        now = self._now()
        since, count = self._counts.pop(address, (now, 0))
        if now - since >= _MINUTE_S:
            since, count = now, 0
        if len(self._counts) >= _ADDRESSES:
            del self._counts[next(iter(self._counts))]
        self._counts[address] = (since, count + 1)
        if count >= _MOST:
            message = "Too many requests without a valid key came from this address. Send one that has a valid key."
            raise OverLimitError(message, headers={}, retry_after_s=since + _MINUTE_S - now)
