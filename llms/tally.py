"""How many there are of something that comes and goes, for whoever waits until there is none."""

import asyncio


class Tally:
    """A count. One more and one less are an addition each, as each request does both; only waiting costs more."""

    __slots__ = ("_waiters", "count")

    def __init__(self) -> None:
        self.count = 0
        self._waiters: list[asyncio.Future[None]] = []

    def more(self) -> None:
        """One has come."""
        self.count += 1

    def less(self) -> None:
        """One has gone."""
        self.count -= 1
        if not self.count and self._waiters:
            for waiter in self._waiters:
                if not waiter.done():
                    waiter.set_result(None)
            self._waiters.clear()

    async def none(self) -> None:
        """Wait until there is none."""
        while self.count:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await waiter
