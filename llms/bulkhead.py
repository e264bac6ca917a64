"""
How many calls a provider is given at once, and how many wait.

So a provider that is slow holds no more than its own share of connections and memory, and one that takes few calls at a
time is not sent more. The queue is short, and first come is first served: who cannot be served soon is told at once.
"""

import asyncio
from collections import OrderedDict

from llms.errors import OverloadedError, Retry
from llms.terms import Room


class Bulkhead:
    """
    The places of one provider.

    Args:
        name: The provider's.
        room: How many there are.
    """

    def __init__(self, name: str, room: Room) -> None:
        self._name = name
        self._room = room
        self._waiting: OrderedDict[asyncio.Future[None], None] = OrderedDict()  # who leaves is taken out at once
        self.running = 0

    def resize(self, room: Room) -> None:
        """Go by ``room`` from now on. Calls that run keep their places, be they too many now; those that wait go on."""
        self._room = room
        self._hand_on()

    async def take(self, *, wait: bool) -> None:
        """
        Take a place; it is to be given back.

        Args:
            wait: Whether to wait for one; a call that has another target to go to does not.

        Raises:
            OverloadedError: There is none, or none in time.
        """
        room = self._room
        if self._free:  # places are handed on: then nobody waits
            self.running += 1
            return
        if not wait or len(self._waiting) >= room.queue:
            raise self._full()
        turn = asyncio.get_running_loop().create_future()
        self._waiting[turn] = None
        try:
            async with asyncio.timeout(room.queue_s):
                await turn
        except TimeoutError:
            self._leave(turn)
            raise self._full() from None
        except asyncio.CancelledError:
            self._leave(turn)
            raise

    def _leave(self, turn: asyncio.Future[None]) -> None:
        self._waiting.pop(turn, None)
        if turn.done() and not turn.cancelled():
            self.give()  # it came at the very moment at which nobody waited any more

    def give(self) -> None:
        """Give a place back."""
        self.running -= 1
        if self._waiting:
            self._hand_on()

    def _hand_on(self) -> None:
        """Give the places that are free to the first that wait."""
        while self._waiting and self._free:
            turn, _ = self._waiting.popitem(last=False)
            if not turn.done():
                self.running += 1
                turn.set_result(None)

    @property
    def _free(self) -> bool:
        return self._room.concurrency is None or self.running < self._room.concurrency

    def _full(self) -> OverloadedError:
        message = f"Provider {self._name} has as many calls as it takes at once. Send the request again later."
        return OverloadedError(message, retry_after_s=1, retry=Retry.ELSEWHERE)
