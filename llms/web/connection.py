"""
One connection of a client: what aiohttp leaves open, closed.

- A malformed request is answered in our envelope. aiohttp's own answer and its log line quote the offending header,
  which may be ``Authorization``.
- The head of a request has a clock of its own. aiohttp has one for all silence between requests.
- A client that takes nothing of its answers is cut off: it would hold a provider's connection, and memory, for ever.
  It does not matter what they are: a stream, a long one, very many short ones, what is left when the connection closes.
  The watch begins when a client has fallen behind, so others pay nothing for it; one that takes little is left alone.
- The kernel keeps little of what a client has not taken. It would keep megabytes for each slow reader.
"""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, ip_address
from typing import Any, cast

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web_protocol import RequestHandler

from llms.errors import GatewayError, InternalError, InvalidRequestError
from llms.times import HEADER, Times
from llms.web import respond

_log = logging.getLogger("llms.web")

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

_NOTSENT_LOWAT: int | None = getattr(socket, "TCP_NOTSENT_LOWAT", None)  # Linux, macOS


def own_address(transport: asyncio.BaseTransport | None) -> str | None:
    """
    Give the address that a connection came in on, as a ``Host`` header would name it.

    A connection to 0.0.0.0 comes in on 127.0.0.1, so that name is refused.
    """
    name = transport.get_extra_info("sockname") if transport is not None else None
    if not isinstance(name, tuple):
        return None
    address = ip_address(name[0].partition("%")[0])
    if isinstance(address, IPv4Address):
        return str(address)
    return str(address.ipv4_mapped) if address.ipv4_mapped else f"[{address}]"


@dataclass(frozen=True, slots=True)
class Bounds:
    """
    What a client's connection may take.

    Args:
        head_s: Seconds for the head of a request to arrive, and for the first one to begin.
        stall_s: Seconds that a client may take nothing of its answers.
        send_buffer: Bytes that the kernel keeps of an answer besides those on their way.
    """

    head_s: float
    stall_s: float
    send_buffer: int


def keep_little(transport: asyncio.BaseTransport, bounds: Bounds) -> None:
    """Have the kernel keep no more of what a client has not taken than it is to."""
    sock = transport.get_extra_info("socket")
    if _NOTSENT_LOWAT is not None and sock is not None:
        sock.setsockopt(socket.IPPROTO_TCP, _NOTSENT_LOWAT, bounds.send_buffer)


class Room:
    """
    Whether a client takes what is there for it. One that takes nothing for too long is cut off.

    Args:
        stall_s: Seconds that it may take nothing.
    """

    __slots__ = ("_loop", "_made", "_timer", "_transport", "full", "stall_s")

    def __init__(self, loop: asyncio.AbstractEventLoop, transport: asyncio.Transport, stall_s: float) -> None:
        self._loop = loop
        self._transport = transport
        self._made: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.full = False
        self.stall_s = stall_s

    def wait(self) -> asyncio.Future[None] | None:
        """Give what is done once the client keeps up, or has gone; ``None`` if it keeps up now."""
        if not self.full:
            return None
        if self._made is None or self._made.done():
            self._made = self._loop.create_future()
        return self._made

    def fill(self) -> None:
        """More is there for the client than it takes."""
        self.full = True
        self.watch()

    def make(self) -> None:
        """It takes it, or is gone."""
        self.full = False
        self.stop()
        if self._made is not None and not self._made.done():
            self._made.set_result(None)

    def watch(self) -> None:
        """See to it that the client goes on taking what is left for it."""
        if self._timer is None and (left := self._transport.get_write_buffer_size()):
            self._timer = self._loop.call_later(self.stall_s, self._look, left)

    def stop(self) -> None:
        """Watch no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self, left: int) -> None:
        self._timer = None
        if self._transport.get_write_buffer_size() < left:
            self.watch()
        else:
            self._transport.abort()


class Protocol(RequestHandler):
    """
    One connection. ``bounds`` is set by whoever makes it.

    Attributes:
        times: Of the first request, by who had the connection before and waited for that request's body.
    """

    __slots__ = ("_head_timer", "bounds", "room", "times")

    bounds: Bounds
    times: Times | None
    room: Room
    _head_timer: asyncio.TimerHandle | None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self.room = Room(self._loop, cast("asyncio.Transport", transport), self.bounds.stall_s)
        self._head_timer = self._loop.call_later(self.bounds.head_s, self._head_is_late)
        super().connection_made(transport)
        keep_little(transport, self.bounds)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Come to an end."""
        super().connection_lost(exc)
        self.room.make()
        if self._head_timer is not None:
            self._head_timer.cancel()

    def data_received(self, data: bytes) -> None:
        """Read on; a head that has begun is to be whole in time."""
        super().data_received(data)
        incomplete = self._waits()
        if self._head_timer is not None:
            if not incomplete:
                self._head_timer.cancel()
                self._head_timer = None
        elif incomplete and data:
            self._head_timer = self._loop.call_later(self.bounds.head_s, self._head_is_late)

    def pause_writing(self) -> None:
        """More is there for the client than it takes."""
        super().pause_writing()
        self.room.fill()

    def resume_writing(self) -> None:
        """It takes it."""
        super().resume_writing()
        self.room.make()

    async def start(self) -> None:
        """Serve requests until the end."""
        await super().start()
        if self.transport is not None:
            self.room.watch()

    def force_close(self) -> None:
        """Close, whatever is going on."""
        closing = self.transport is not None
        super().force_close()
        if closing:
            self.room.watch()  # closing waits for what the client does not take

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - it quotes the request
    ) -> web.StreamResponse:
        """Answer what never reached a handler: bytes that are not HTTP, or a fault of the server itself."""
        times = Times()  # nobody knows when it came
        if request.writer.output_size > 0:
            raise ConnectionError  # too late for an answer; aiohttp then closes the connection
        failure: GatewayError
        if isinstance(exc, HttpProcessingError) or status < 500:
            _log.debug("malformed request: %s", type(exc).__name__)
            failure = InvalidRequestError("The request is not valid HTTP.", code="malformed_request")
        else:
            _log.error("a handler failed", exc_info=exc)
            failure = InternalError("The gateway failed. Its log has the details.")
        response = respond.failure(failure, respond.new_id())
        response.headers[HEADER] = times.header()
        response.force_close()
        return response

    def log_exception(self, *_: Any, **__: Any) -> None:
        """Say nothing: ``handle_error`` has said what may be said."""

    def _head_is_late(self) -> None:
        self._head_timer = None
        if self._waits():
            self.force_close()

    def _waits(self) -> bool:
        """Whether no request is there, be it that ``start`` waits for one or has yet to begin to."""
        if self._waiter is not None:
            return not self._waiter.done()
        return self._current_request is None and not self._messages


def allow(request: web.BaseRequest, stall_s: float) -> None:
    """Give the client of ``request`` so many seconds in which it may take nothing of its answer."""
    protocol = request.protocol
    if isinstance(protocol, Protocol):
        protocol.room.stall_s = stall_s


def times(request: web.BaseRequest) -> Times:
    """Give the times of ``request``, which begins now unless its body has been waited for before."""
    protocol = request.protocol
    begun = None
    if isinstance(protocol, Protocol):
        begun, protocol.times = protocol.times, None
    if begun is None:
        return Times()
    begun.arrived()
    return begun


class Server(web.Server):
    """
    Makes a ``Protocol`` of each connection, once it is not on a lane any more.

    Args:
        bounds: Gives those of a new connection.
        **options: As aiohttp has them.
    """

    def __init__(self, handler: Handler, *, bounds: Callable[[], Bounds], **options: Any) -> None:
        super().__init__(handler, **options)
        self._bounds = bounds

    def handler(self) -> RequestHandler:
        """Give the protocol of a connection."""
        protocol = Protocol(self, loop=self._loop, **self._kwargs)
        protocol.bounds = self._bounds()
        protocol.times = None
        return protocol
