"""
A body that is handed to a sink as it arrives: out of the loop's own call, without a task that is woken for each read.

The sink may ask for time by giving an awaitable; reading stands still until that is done, so what piles up is what one
read found. After a long piece others have their turn first. A burst is let gather: see ``llms.http1.pace``.
"""

import asyncio
from collections.abc import Awaitable, Callable

from llms.exchange import EnoughError
from llms.http1.connection import Connection
from llms.http1.pace import GAP_S, Pace
from llms.http1.pieces import READ_BYTES

Sink = Callable[[bytes], Awaitable[None] | None]


async def pour(connection: Connection, sink: Sink) -> None:
    """
    Hand the rest of the present answer's body to ``sink``; return at its end.

    Raises:
        UpstreamError: As ``Connection.read``.
        Exception: What ``sink`` raised, or its awaitable. The connection is closed then. ``EnoughError`` only ends it.
    """
    running = _Pour(connection, sink)
    try:
        running.turn()
        await running.ended
    finally:
        running.stop()


class _Pour:
    __slots__ = ("_connection", "_held", "_loop", "_owned", "_pace", "_resting", "_sink", "_turning", "ended")
    __deletable__ = ("ended",)  # for mypyc

    def __init__(self, connection: Connection, sink: Sink) -> None:
        self._connection = connection
        self._sink = sink
        self._loop = asyncio.get_running_loop()
        self._pace = Pace()
        self._held: asyncio.Future[None] | None = None
        self._owned = False  # whether ``_held`` is a task of ours
        self._resting: asyncio.Handle | None = None
        self._turning = False
        self.ended: asyncio.Future[None] = self._loop.create_future()
        connection.taker = self.turn

    def turn(self) -> None:
        """Hand on what there is, unless the sink is busy with what it has."""
        if self._turning or self._held is not None or self._resting is not None or self.ended.done():
            return
        self._turning = True
        arrived = self._connection.pieces.length > 0
        try:
            if not self._hand_on():
                if self._connection.at_end():
                    self.ended.set_result(None)
                elif arrived:
                    self._read_on()
                else:
                    self._connection.resume()
        except EnoughError:
            self.ended.set_result(None)
        except Exception as error:
            self._fail(error)
        finally:
            self._turning = False

    def stop(self) -> None:
        """Hand on nothing more."""
        self._connection.taker = None
        if self._resting is not None:
            self._resting.cancel()
        if self._held is not None:
            self._held.remove_done_callback(self._released)
            if self._owned:
                self._held.cancel()
        if self.ended.done() and not self.ended.cancelled():
            self.ended.exception()  # seen, also by someone who is cancelled at this moment
        del self.ended  # what it raises holds the frame that holds it

    def _hand_on(self) -> bool:
        """Give the sink all there is; say whether that has to wait."""
        connection = self._connection
        while connection.pieces.length:
            piece = connection.pieces.take()
            busy = self._sink(piece)
            if self.ended.done():  # it was cancelled meanwhile
                return True
            if busy is not None:
                connection.pause()
                self._held = asyncio.ensure_future(busy)
                self._owned = self._held is not busy
                self._held.add_done_callback(self._released)
                return True
            if len(piece) >= READ_BYTES:
                connection.pause()
                self._resting = self._loop.call_soon(self._rested)
                return True
        return False

    def _read_on(self) -> None:
        """Read the next piece, at once or in a moment."""
        if self._pace.rests(self._loop.time()):
            self._connection.pause()
            self._resting = self._loop.call_later(GAP_S, self._rested)
        else:
            self._connection.resume()

    def _rested(self) -> None:
        self._resting = None
        self._connection.resume()
        self.turn()

    def _released(self, held: asyncio.Future[None]) -> None:
        self._held = None
        if not held.cancelled() and (error := held.exception()) is not None:
            self._fail(error)
        else:
            self.turn()

    def _fail(self, error: BaseException) -> None:
        if not self.ended.done():
            self.ended.set_exception(error)
        self._connection.abort()
