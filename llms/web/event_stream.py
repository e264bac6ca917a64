"""One answer as server-sent events, on whatever it is written."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from llms.errors import GatewayError
from llms.times import HEADER, Times
from llms.wire import sse


class Outlet(Protocol):
    """Where a streamed answer goes: the client's side of its connection."""

    async def begin(self, headers: Mapping[str, str], data: bytes) -> None:
        """
        Send the head, with status 200, and the first bytes of the body.

        Raises:
            ConnectionError: The client is gone.
        """

    def push(self, data: bytes) -> asyncio.Future[None] | None:
        """
        Send ``data`` at once.

        Returns:
            What is done once the client keeps up, if now it does not.
        """

    async def end(self, data: bytes, *, close: bool) -> None:
        """
        Send the last bytes, which may be none, and end the body cleanly.

        Args:
            close: Close the connection too.
        """


class EventStream:
    """
    One answer as server-sent events.

    Nothing is sent until there is something to send, so that a failure before it can still have a status of its own;
    but after ``keepalive_s`` of silence, before the first event or between two, a comment is, so that no proxy and no
    client takes the connection for dead.

    Args:
        outlet: Where it goes.
        headers: To add to the standing ones.
        times: Of the request; told as the answer begins.
        keepalive_s: Longest silence before a comment is sent; 0 for none.
    """

    def __init__(self, outlet: Outlet, headers: Mapping[str, str], times: Times, keepalive_s: float) -> None:
        self._outlet = outlet
        self._headers = {**_HEADERS, **headers}
        self._times = times
        self._keepalive_s = keepalive_s
        self._starting = asyncio.Lock()
        self._loop = asyncio.get_running_loop()
        self._written_at = self._loop.time()
        self._room: asyncio.Future[None] | None = None
        self._comment: asyncio.Task[None] | None = None
        self._timer = self._loop.call_later(keepalive_s, self._tick) if keepalive_s else None
        self.started = False
        """Whether the status has been sent, so that a failure has to be sent as an event."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, as far as they are known."""
        return self._headers

    def add_headers(self, headers: Mapping[str, str]) -> None:
        """Add headers, where it is not too late."""
        self._headers.update(headers)

    async def write(self, data: bytes) -> None:
        """
        Send ``data`` at once; waits while the client does not keep up.

        Raises:
            ConnectionError: The client is gone.
        """
        if not self.started and await self._begin(data):
            return
        if (room := self.push(data)) is not None:
            await asyncio.shield(room)  # others wait for it, too

    def push(self, data: bytes) -> asyncio.Future[None] | None:
        """Send ``data`` of a stream that has begun; see ``Outlet.push``."""
        self._room = self._outlet.push(data)
        self._written_at = self._loop.time()
        return self._room

    async def end(self, data: bytes, *, close: bool = False) -> None:
        """
        Send the last bytes and end the body cleanly.

        Args:
            close: Close the connection too.
        """
        self.stop()
        if not self.started and await self._begin(data):
            data = b""
        await self._outlet.end(data, close=close)

    def stop(self) -> None:
        """No more comments."""
        if self._timer is not None:
            self._timer.cancel()
        if self._comment is not None:
            self._comment.cancel()

    async def _begin(self, data: bytes) -> bool:
        """Begin with ``data``; say whether it was this that began, and not a comment before it."""
        await self._starting.acquire()
        try:
            if self.started:
                return False
            self._headers[HEADER] = self._times.header()
            await self._outlet.begin(self._headers, data)
            self.started = True
            self._written_at = self._loop.time()
            return True
        finally:
            self._starting.release()

    def _tick(self) -> None:
        now = self._loop.time()
        if self._starting.locked() or (self._room is not None and not self._room.done()):
            self._written_at = now  # the client is slow, not the upstream silent: a comment would only queue behind
        due_at = self._written_at + self._keepalive_s
        if due_at <= now:
            self._comment = self._loop.create_task(self._keep_alive())
            due_at = now + self._keepalive_s
        self._timer = self._loop.call_at(due_at, self._tick)

    async def _keep_alive(self) -> None:
        try:
            await self.write(sse.KEEP_ALIVE)
        except ConnectionError:
            self.stop()  # the handler is being cancelled


@dataclass(frozen=True, slots=True)
class LastWords:
    """
    How a stream is ended by a failure that nobody foresaw.

    Args:
        spell: Gives the failure as the dialect's event.
    """

    stream: EventStream
    spell: Callable[[GatewayError], bytes]

    async def say(self, failure: GatewayError) -> bool:
        """End the stream; ``False`` if it has not begun, so that the failure can have its status."""
        if not self.stream.started:
            return False
        await self.stream.end(self.spell(failure), close=True)
        return True


_HEADERS = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-cache",
    "X-Accel-Buffering": "no",
    "X-Content-Type-Options": "nosniff",
    "Server": "llms",
}
