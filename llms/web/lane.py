"""
The short way of plain requests: one connection of a client, until it asks for something that is not plain.

A connection begins here. While its requests are plain (see ``llms.web.plain``) each is answered by one task, with its
answer rendered at once; what is not comes to aiohttp, byte for byte, which then has the connection to its end. So there
is one switch, at the edge of a request, and nothing is understood here that aiohttp would have to undo.

The bounds are those of ``llms.web.connection``: the head has its time, a client that takes nothing of its answers is
cut off, the kernel keeps little. What a client sends while its request runs waits, up to a bound.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import cast

from llms.errors import GatewayError
from llms.times import HEADER, Times
from llms.trail import Trail
from llms.web import body as bodies
from llms.web import respond
from llms.web.connection import Protocol, Room, keep_little, own_address
from llms.web.guard import caught
from llms.web.head import chunk, head
from llms.web.inference import Inquiry, answered, call, require_room
from llms.web.lanes import Lanes
from llms.web.plain import MAX_HEAD, Plain
from llms.web.services import Services

KEEP_ALIVE_S = 75.0
"""nginx's default."""

_BODY_S = 1.0
"""For the rest of a body. What is slower is aiohttp's side to time, which knows how slow it may be."""

_MOST_AHEAD = 64 << 10
"""Bytes that a client may send while its request runs."""

_BEGINNING = b"POST /v1/"


class Lane(asyncio.Protocol):
    """
    One connection; satisfies ``llms.web.event_stream.Outlet`` for the request that runs on it.

    Args:
        lanes: What it shares with others.
    """

    __slots__ = (
        "_address",
        "_begun_at",
        "_body",
        "_bounds",
        "_closing",
        "_due_at",
        "_have",
        "_held",
        "_lanes",
        "_loop",
        "_need",
        "_pieces",
        "_room",
        "_timer",
        "_transport",
        "task",
    )

    _transport: asyncio.Transport
    _room: Room

    def __init__(self, lanes: Lanes) -> None:
        self._lanes = lanes
        self._loop = asyncio.get_running_loop()
        self._bounds = lanes.bounds()
        self._pieces: list[bytes] = []  # that came and have not been used; joined once, so that small ones stay cheap
        self._have = 0  # bytes in them
        self._held = False  # whether reading is paused
        self._begun_at: float | None = None  # when the head of a request was there whose body is not
        self._need = 0  # bytes before which there is no use in looking at them
        self._closing = False
        self._address: str | None = None
        self._body = b""  # of the request that runs, until it is read
        self._timer: asyncio.TimerHandle | None = None
        self._due_at: float | None = None  # when a request, or the rest of one, is to be there; None while one runs
        self.task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by class
        self._room = Room(self._loop, self._transport, self._bounds.stall_s)
        self._address = own_address(transport)
        self._lanes.open.add(self)
        self._await_request(self._bounds.head_s)
        keep_little(transport, self._bounds)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - it makes no difference
        """Come to an end; what runs for the client is of no use any more."""
        self._lanes.open.discard(self)
        self._room.make()
        if self._timer is not None:
            self._timer.cancel()
        if self.task is not None:
            self.task.cancel()

    def pause_writing(self) -> None:
        """More is there for the client than it takes."""
        self._room.fill()

    def resume_writing(self) -> None:
        """It takes it."""
        self._room.make()

    def data_received(self, data: bytes) -> None:
        """Take what came: a request, a part of one, or more than one."""
        if self.task is None and not self._pieces:
            self._take(data)
            return
        self._pieces.append(data)
        self._have += len(data)
        if self.task is not None:
            if self._have > _MOST_AHEAD and not self._held:
                self._held = True
                self._transport.pause_reading()
        elif self._have >= self._need:
            self._take(self._joined())

    def close_when_idle(self) -> None:
        """Close, at once or once the answer is out."""
        self._closing = True
        if self.task is None:
            self._close()

    def abort(self) -> None:
        """Close, whatever is left to be sent."""
        self._transport.abort()

    def _joined(self) -> bytes:
        data = b"".join(self._pieces)
        self._pieces.clear()
        self._have = 0
        return data

    def _take(self, data: bytes) -> None:
        end = data.find(b"\r\n\r\n", 0, MAX_HEAD) + 4
        if end < 4:
            if data.startswith(_BEGINNING[: len(data)]) and len(data) < MAX_HEAD:
                self._wait_for_rest(data, len(data) + 1, self._bounds.head_s)
            else:
                self._hand_over(data)
            return
        times = Times(self._begun_at)
        if self._begun_at is not None:
            times.arrived()
        plain = self._lanes.plain(data[:end], self._address)
        times.known()
        if plain is None:
            self._hand_over(data)
            return
        length = end + plain.length
        if len(data) < length:
            self._begun_at = times.begun_at
            self._wait_for_rest(data, length, _BODY_S)
            return
        if len(data) > length:
            self._pieces.append(data[length:])
            self._have = len(data) - length
        self._due_at = self._begun_at = None
        self._need = 0
        self._body = data[end:length]
        self.task = self._loop.create_task(self._serve(plain, times))

    def _wait_for_rest(self, data: bytes, need: int, seconds: float) -> None:
        """Wait for the rest of a request that may be plain."""
        if not self._need:  # the first that has come of it
            self._await_request(seconds)
        self._pieces.append(data)
        self._have = len(data)
        self._need = need

    def _hand_over(self, data: bytes) -> None:
        """Give the connection to aiohttp, for good."""
        self._lanes.outbox.flush()
        self._lanes.open.discard(self)
        if self._timer is not None:
            self._timer.cancel()
        other = self._lanes.other()
        if isinstance(other, Protocol) and self._begun_at is not None:
            other.times = Times(self._begun_at)
        self._transport.set_protocol(other)
        if self._held:
            self._transport.resume_reading()
        other.connection_made(self._transport)
        if self._room.full:
            other.pause_writing()
        self._room.stop()
        if data:
            other.data_received(data)

    def _await_request(self, seconds: float) -> None:
        self._due_at = self._loop.time() + seconds
        if self._timer is None:
            self._timer = self._loop.call_at(self._due_at, self._tick)
        elif self._timer.when() > self._due_at:
            self._timer.cancel()
            self._timer = self._loop.call_at(self._due_at, self._tick)

    def _tick(self) -> None:
        now = self._loop.time()
        self._timer = None
        if self._due_at is None:
            self._timer = self._loop.call_at(now + KEEP_ALIVE_S, self._tick)
        elif now < self._due_at:
            self._timer = self._loop.call_at(self._due_at, self._tick)
        elif b"\r\n\r\n" in (data := self._joined()):
            self._hand_over(data)
        else:
            self._close()

    def _close(self) -> None:
        self._lanes.outbox.flush()
        self._transport.close()
        self._room.watch()  # closing waits for what the client does not take

    async def _serve(self, plain: Plain, times: Times) -> None:
        request_id = respond.new_id()
        answered = False
        try:
            with self._lanes.live.now as services, suppress(ConnectionError, TimeoutError):  # the client is gone
                answer = await self._result(services, plain, request_id, times)
                answered = True
        finally:
            if not answered:
                self._transport.abort()
        if answered:
            if answer is not None:
                self._write_whole(answer, times)
            if (room := self._room.wait()) is not None:
                await room  # or the answers to a client that only asks would be kept for it
            self.task = None
            self._next()

    async def _result(self, services: Services, plain: Plain, request_id: str, times: Times) -> respond.Answer | None:
        """Give the answer, be it a refusal; ``None`` if it has been streamed."""
        inquiry = Inquiry(services, plain.api, self, self._allow, {})
        result = await caught(partial(self._answer, inquiry, plain, request_id, times), request_id)
        last_words, inquiry.last_words = inquiry.last_words, None  # or it and its stream would keep each other alive
        if not isinstance(result, GatewayError):
            return result
        said = last_words is not None and await last_words.say(result)
        return None if said else respond.refusal(result, request_id)

    async def _answer(self, inquiry: Inquiry, plain: Plain, request_id: str, times: Times) -> respond.Answer | None:
        live = self._lanes.live
        require_room(live)
        times.resumed()
        asked = plain.api.read(await bodies.decoded(self._taken()))
        times.parsed()
        run = call(asked, plain.api, request_id, plain.key, plain.length)
        return await answered(inquiry, Trail(run, times, held_back=True))

    def _taken(self) -> bytes:
        """Give the request's body, and keep none: a stream outlives it by far."""
        data, self._body = self._body, b""
        return data

    def _next(self) -> None:
        if self._closing or self._transport.is_closing():
            self._close()
            return
        self._await_request(KEEP_ALIVE_S)
        if self._pieces:
            self._take(self._joined())
        if self._held and self._have <= _MOST_AHEAD:
            self._held = False
            self._transport.resume_reading()

    def _allow(self, stall_s: float) -> None:
        self._room.stall_s = stall_s

    def _write_whole(self, answer: respond.Answer, times: Times) -> None:
        answer.headers[HEADER] = times.header()
        self._closing = self._closing or answer.close
        first = head(answer.status, answer.headers, b"Content-Length: %d\r\n" % len(answer.body), close=self._closing)
        self._lanes.outbox.send(self._transport, first + answer.body)

    async def begin(self, headers: Mapping[str, str], data: bytes) -> None:
        if self._transport.is_closing():
            raise ConnectionResetError
        first = head(200, headers, b"Transfer-Encoding: chunked\r\n", close=self._closing)
        self._transport.write(first + chunk(data) if data else first)

    def push(self, data: bytes) -> asyncio.Future[None] | None:
        self._transport.write(chunk(data))
        return self._room.wait() if self._room.full else None

    async def end(self, data: bytes, *, close: bool) -> None:
        self._closing = self._closing or close
        self._lanes.outbox.send(self._transport, (chunk(data) if data else b"") + b"0\r\n\r\n")
