"""
One connection to a provider: a protocol of asyncio that reads one answer after the other.

It is used by one exchange at a time, which asks (``ask``), waits for the answer's head (``head``), takes the body
(``read``, or ``llms.http1.pour``) and leaves (``leave``). Then it goes to whoever keeps idle ones, or is closed. While
it is idle any byte, and its end, closes it.

Closing is always aborting: ``close`` waits until the rest of a request is sent, and over TLS for the other side's
goodbye, which is for ever if the other side does not read.

Loops differ. uvloop refuses to pause a connection that is closing, and either loop may tell of an end as
``eof_received``, as ``connection_lost`` or as both: ``lost`` is the first of them.
"""

import asyncio
from collections.abc import Callable
from typing import cast

from llms.http1.answer import Answer
from llms.http1.head import Head
from llms.http1.pieces import READ_BYTES, Pieces
from llms.transport_failures import cut_short, not_http

_LINGER_S = 1.0
_LINGER_BYTES = 64 << 10


class Connection(asyncio.Protocol):
    """
    Made for ``loop.create_connection``.

    Args:
        loop: In which it lives.
        made: Told when it is there.
        idle: Told each time that it can be used again.
        gone: Told when it is closed.

    Attributes:
        lost: Whether it has ended, or was closed here.
        ended_at: Loop time at which the last answer was complete.
        pieces: What has arrived of the body and was not yet taken.
        taker: Called whenever something has arrived, or ended; ``None`` while someone waits for it.
    """

    __slots__ = (
        "_gone", "_idle", "_left", "_lingering", "_loop", "_made", "_paused", "_sent", "_transport",
        "_waiter", "_write_paused", "answer", "ended_at", "lost", "pieces", "taker",
    )  # fmt: skip

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        made: Callable[["Connection"], None],
        idle: Callable[["Connection"], None],
        gone: Callable[["Connection"], None],
    ) -> None:
        self._loop = loop
        self._made = made
        self._idle = idle
        self._gone = gone
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._lingering: asyncio.TimerHandle | None = None
        self._left = 0  # bytes that are read over while it lingers
        self._paused = self._write_paused = False
        self._sent = True
        self.answer: Answer | None = (
            Answer()
        )  # none while it is idle; some servers speak first, to say that they are busy
        self.pieces = Pieces()
        self.taker: Callable[[], None] | None = None
        self.lost = False
        self.ended_at = 0.0

    def ask(self, data: bytes) -> None:
        """Send a request whose bytes are these."""
        assert self._transport is not None  # noqa: S101 - it is there once it is made
        if self.answer is None:
            self.answer = Answer()
        self._sent = True
        self._transport.write(data)

    async def ask_at_length(self, head: bytes, body: bytes) -> None:
        """Send a request with a long body, in pieces: so an answer that comes before its end is noticed."""
        assert self._transport is not None  # noqa: S101
        self.ask(head)
        self._sent = False
        view = memoryview(body)
        for start in range(0, len(body), READ_BYTES):
            self._transport.write(view[start : start + READ_BYTES])
            await asyncio.sleep(0)
            while self._write_paused and not self._answered:
                await self._something()
            if self._answered:
                rest = view[start + READ_BYTES :]
                break
        else:
            rest = view[:0]
        head_ = self.answer.head if self.answer else None
        if rest and head_ is not None and head_.status < 300 and not self.lost:
            self._transport.write(rest)  # the server works on what it has, and wants the rest
            rest = view[:0]
        self._sent = not rest

    async def head(self) -> Head | None:
        """
        Wait for the answer's head; ``None`` if the connection ended before it.

        Raises:
            UpstreamBadResponseError: What came is not HTTP.
        """
        answer = self.answer
        assert answer is not None  # noqa: S101
        while answer.head is None:
            if answer.broken:
                raise not_http()
            if self.lost:
                return None
            await self._something()
        return answer.head

    async def read(self) -> bytes:
        """
        Take what has arrived of the body, waiting for something; empty at its end.

        Raises:
            UpstreamBadResponseError: What came is not HTTP.
            UpstreamTruncatedError: The connection ended before the body did.
        """
        while not self.pieces.length:
            if self.at_end():
                return b""
            self.resume()
            await self._something()
        return self.pieces.take()

    def at_end(self) -> bool:
        """
        Whether the body has ended, what was not taken aside.

        Raises:
            UpstreamError: As ``read``.
        """
        answer = self.answer
        assert answer is not None  # noqa: S101
        if answer.done:
            return True
        if answer.broken:
            raise not_http()
        if self.lost:
            raise cut_short()
        return False

    def pause(self) -> None:
        """Read no more for now, unless all that is due has come."""
        answer, transport = self.answer, self._transport
        if self._paused or self.lost or answer is None or (answer.done and not answer.extra):
            return
        if transport is not None and not transport.is_closing():
            self._paused = True
            transport.pause_reading()

    def resume(self) -> None:
        """Read on."""
        if self._paused:
            self._paused = False
            if not self.lost and self._transport is not None and not self._transport.is_closing():
                self._transport.resume_reading()

    def leave(self, *, well: bool) -> None:
        """
        End the present exchange.

        Args:
            well: Whether whoever leaves has all that he wanted: a little that is left of the body is then read over,
                as the end of its framing often is, and the connection is used again.
        """
        answer = self.answer
        if (
            self.lost
            or answer is None
            or answer.broken
            or answer.head is None
            or not answer.head.keep
            or not self._sent
        ):
            self.abort()
        elif answer.done:
            self._give_back(answer)
        elif well:
            self.pieces.clear()
            self._left = _LINGER_BYTES
            self._lingering = self._loop.call_later(_LINGER_S, self.abort)
            self.resume()
        else:
            self.abort()

    def abort(self) -> None:
        """Close at once; what is not sent is dropped, and nothing more is read."""
        self._linger_no_more()
        self.pieces.clear()
        if not self.lost:
            self.lost = True
            self._tell()
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by its type
        self._made(self)

    def data_received(self, data: bytes) -> None:
        answer = self.answer
        if answer is None or self.lost:
            self.abort()  # idle, and nobody asked
            return
        found = answer.feed(data)
        if answer.done:
            self.ended_at = self._loop.time()
        if self._lingering is not None:
            self._linger(answer, len(data))
            return
        if found:
            self.pieces.add(found)
        if answer.extra or (self.taker is None and self.pieces.length > READ_BYTES):
            self.pause()
        self._tell()

    def eof_received(self) -> None:
        self._ended(orderly=True)

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended(orderly=exc is None)
        self._gone(self)

    def pause_writing(self) -> None:
        self._write_paused = True

    def resume_writing(self) -> None:
        self._write_paused = False
        self._tell()

    @property
    def _answered(self) -> bool:
        return self.lost or (self.answer is not None and (self.answer.head is not None or self.answer.broken))

    def _ended(self, *, orderly: bool) -> None:
        if self.lost:
            return
        self.lost = True
        if self.answer is None or self._lingering is not None:
            self.abort()
            return
        if orderly:
            self.answer.close()
        self._tell()

    def _linger(self, answer: Answer, count: int) -> None:
        self._left -= count
        if answer.done:
            self._give_back(answer)
        elif answer.broken or self._left <= 0:
            self.abort()

    def _give_back(self, answer: Answer) -> None:
        transport = self._transport
        # What lies unread in the kernel, or unsent here, would be part of the next exchange.
        if answer.extra or self._paused or transport is None or transport.get_write_buffer_size():
            self.abort()
            return
        self._linger_no_more()
        self.answer = None
        self.pieces.clear()
        self._idle(self)

    def _linger_no_more(self) -> None:
        if self._lingering is not None:
            self._lingering.cancel()
            self._lingering = None

    async def _something(self) -> None:
        """Wait until something has happened."""
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _tell(self) -> None:
        """Have what has happened seen to."""
        if self.taker is not None:
            self.taker()
        elif self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
