"""One connection of a scripted upstream: plays scripts, and notes how and when the other side ended it."""

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import Literal, cast

import h11

from tests.upstream.request import Request, RequestReader
from tests.upstream.steps import Script

_LINGER_0 = struct.pack("ii", 1, 0)  # closing sends RST


class Connection(asyncio.Protocol):
    """
    A connection from the gateway.

    Args:
        opened: Notes the connection, and gives what is played before anything is read.
        asked: Notes a request, and gives what is played for it.
        fail: Told what went wrong.

    Attributes:
        requests: What came over it.
        opened_at: Loop time.
        closed_at: Loop time at which the end was noticed; ``None`` while it is open.
        end: ``fin`` or ``reset`` by the other side, or ``self``.
        received_bytes: What has been read.
        sent_bytes: What the kernel took; stands still while the other side does not read.
        busy: Whether it is open and a request's script is being played.
    """

    def __init__(
        self,
        opened: Callable[["Connection"], Script],
        asked: Callable[[Request], Script],
        fail: Callable[[str], None],
    ) -> None:
        self.requests: list[Request] = []
        self.opened_at = 0.0
        self.closed_at: float | None = None
        self.end: Literal["fin", "reset", "self"] | None = None
        self.received_bytes = 0
        self.sent_bytes = 0
        self.busy = False
        self.gone = asyncio.Event()
        self.lost = asyncio.Event()
        self._opened = opened
        self._asked = asked
        self._fail = fail
        self._reader = RequestReader()
        self._due: asyncio.Queue[Script] = asyncio.Queue()
        self._writable = asyncio.Event()
        self._transport: asyncio.Transport
        self._player: asyncio.Task[None]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by its type
        self._transport.set_write_buffer_limits(0)
        self._writable.set()
        loop = asyncio.get_running_loop()
        self.opened_at = loop.time()
        self._due.put_nowait(self._opened(self))
        self._player = loop.create_task(self._play())

    def data_received(self, data: bytes) -> None:
        self.received_bytes += len(data)
        try:
            requests = self._reader.feed(data)
        except h11.RemoteProtocolError as error:
            self._fail(f"what came is not HTTP: {error}")
            self._transport.abort()
            return
        for request in requests:
            self.requests.append(request)
            self.busy = True
            self._due.put_nowait(self._asked(request))

    def eof_received(self) -> None:
        self._ended("fin")

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended("reset" if exc else "self")
        self.lost.set()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    async def write(self, data: bytes) -> None:
        self._transport.write(data)
        await self._writable.wait()
        self.sent_bytes += len(data)

    @property
    def peer_port(self) -> int:
        """The port on the other side."""
        port: int = self._transport.get_extra_info("peername")[1]
        return port

    def fin(self) -> None:
        self._transport.close()

    def rst(self) -> None:
        peer: socket.socket = self._transport.get_extra_info("socket")
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_0)
        self._transport.abort()

    def read_on(self, yes: bool) -> None:  # noqa: FBT001
        if yes:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()

    async def closed_within(self, seconds: float) -> bool:
        """Wait for the end of the connection; say whether it came in time."""
        try:
            async with asyncio.timeout(seconds):
                await self.gone.wait()
        except TimeoutError:
            return False
        return True

    async def abandon(self) -> None:
        """Drop the connection, with whatever is left to do."""
        self._player.cancel()
        self._transport.abort()
        await asyncio.gather(self._player, return_exceptions=True)
        await self.lost.wait()

    async def _play(self) -> None:
        try:
            while True:
                for step in await self._due.get():
                    await step(self)
                self.busy = not self._due.empty()
        except (AssertionError, TimeoutError) as error:
            self._fail(str(error) or "a step waited too long")
            self._transport.abort()

    def _ended(self, end: Literal["fin", "reset", "self"]) -> None:
        if self.closed_at is None:
            self.closed_at = asyncio.get_running_loop().time()
            self.end = end
        self.busy = False
        self.gone.set()
        self._player.cancel()
