"""
The idle connections of each place. The one that was used last is used first, so that those past the need grow old.

An idle one is closed after four seconds, counted from the end of its last answer: servers close theirs after five at
the earliest (uvicorn, vLLM), and whoever closes first is not surprised. That is also why none is opened in advance and
kept: it would be opened anew every four seconds for each provider and key, around the clock, to save the first call
after a pause one connection's time.
"""

import asyncio

from llms.http1.connection import Connection
from llms.http1.request import Place

_KEEP_ALIVE_S = 4.0
_CLOSING_TURNS = 20
"""Of the loop: what the end of a connection takes at most to be told."""


class Pool:
    """
    Keeps connections.

    Args:
        loop: In which they live.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._idle: dict[Place, list[Connection]] = {}  # of one place: the longest idle first
        self._open: set[Connection] = set()
        self._sweeping: asyncio.TimerHandle | None = None

    def new(self, place: Place) -> Connection:
        """Give a connection that is yet to be opened, and comes here whenever it is idle."""

        def idle(connection: Connection) -> None:
            self._idle.setdefault(place, []).append(connection)
            if self._sweeping is None:
                self._sweeping = self._loop.call_at(connection.ended_at + _KEEP_ALIVE_S, self._sweep)

        return Connection(self._loop, self._open.add, idle, self._open.discard)

    def take(self, place: Place, now: float) -> Connection | None:
        """Give an idle connection to ``place`` that can be used; ``None`` if there is none."""
        idle = self._idle.get(place)
        while idle:
            connection = idle.pop()
            if not connection.lost and now - connection.ended_at < _KEEP_ALIVE_S:
                return connection
            connection.abort()
        return None

    def drop(self, place: Place) -> None:
        """Close what is idle at that host and port, whatever the key: if the server closed one, so are its like."""
        for one in [
            one for one in self._idle if (one.host, one.port, one.strict) == (place.host, place.port, place.strict)
        ]:
            for connection in self._idle.pop(one):
                connection.abort()

    async def close(self) -> None:
        """Close all connections, and wait until they are."""
        if self._sweeping is not None:
            self._sweeping.cancel()
        self._idle.clear()
        for connection in list(self._open):
            connection.abort()
        for _ in range(_CLOSING_TURNS):
            if not self._open:
                break
            await asyncio.sleep(0)

    def _sweep(self) -> None:
        """Close those whose time is over."""
        self._sweeping = None
        due_at = self._loop.time() - _KEEP_ALIVE_S
        for place, idle in list(self._idle.items()):
            kept = [connection for connection in idle if not connection.lost and connection.ended_at > due_at]
            for connection in set(idle).difference(kept):
                connection.abort()
            if kept:
                self._idle[place] = kept
            else:
                del self._idle[place]
        if self._idle:
            oldest = min(connection.ended_at for idle in self._idle.values() for connection in idle)
            self._sweeping = self._loop.call_at(oldest + _KEEP_ALIVE_S, self._sweep)
