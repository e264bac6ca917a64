"""
The providers of the soak, in a process of their own.

``python -m tests.soak.upstream a b c`` prints a port for each name, then one for control: a line of JSON in, one out.
Leaner than tests/upstream, which keeps every byte of every request: this one keeps counts, and the time at which a
client was gone, for as long as nobody takes them (``take``).
"""

import asyncio
import contextlib
import itertools
import json
import socket
import struct
import sys
import time
from collections import Counter
from typing import Any, cast

import uvloop

from tests.soak import faults
from tests.soak.plan import Plan, read
from tests.upstream import openai
from tests.upstream.framing import LAST_CHUNK, chunked, head

_LINGER_0 = struct.pack("ii", 1, 0)
_LONGEST_S = 600.0
_TINY_EVENTS, _TINY_AT_ONCE = 1_000_000, 200


class House:
    """What all connections to all names share."""

    def __init__(self) -> None:
        self.modes: dict[str, str] = {}
        self.open: set[Connection] = set()
        self.asked: Counter[str] = Counter()
        self.requests: Counter[str] = Counter()
        self.gone: dict[str, float] = {}

    def state(self) -> dict[str, Any]:
        """Give what it is now."""
        return {
            "open": len(self.open),
            "busy": sum(connection.playing is not None for connection in self.open),
            "requests": dict(self.requests),
        }

    def take(self) -> dict[str, Any]:
        """Give what was noted of calls by their ids, and forget it."""
        found = {"asked": dict(self.asked), "gone": self.gone}
        self.asked, self.gone = Counter(), {}
        return found

    def sent(self) -> list[dict[str, Any]]:
        """Give what the kernel took for each call that is being answered."""
        return [connection.sent() for connection in self.open if connection.playing]


class Connection(asyncio.Protocol):
    """One connection of the gateway."""

    def __init__(self, house: House, name: str) -> None:
        self._house = house
        self._name = name
        self._data = bytearray()
        self._writable = asyncio.Event()
        self._bytes = 0
        self.playing: str | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(0)
        self._writable.set()
        self._house.open.add(self)
        self._task: asyncio.Task[None] | None = None

    def data_received(self, data: bytes) -> None:
        self._data += data
        while (body := self._request()) is not None:
            if body == b"":
                self._transport.write(_json(200, {"object": "list", "data": []}))
                continue
            self._task = asyncio.get_running_loop().create_task(self._answer(body))

    def eof_received(self) -> None:
        self._ended()

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended()
        self._house.open.discard(self)
        self._writable.set()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def abort(self) -> None:
        self._transport.abort()

    def sent(self) -> dict[str, Any]:
        here, there = (self._transport.get_extra_info(name)[1] for name in ("sockname", "peername"))
        return {"id": self.playing, "bytes": self._bytes, "here": here, "there": there}

    def _ended(self) -> None:
        if self.playing is not None:
            self._house.gone.setdefault(self.playing, time.monotonic())
            self.playing = None
        if self._task is not None:
            self._task.cancel()

    def _request(self) -> bytes | None:
        """Give the body of the next request, once it is there; nothing but ``b""`` for one without."""
        end = self._data.find(b"\r\n\r\n")
        if end < 0:
            return None
        length = next(
            (
                int(line[15:])
                for line in bytes(self._data[:end]).lower().split(b"\r\n")
                if line.startswith(b"content-length:")
            ),
            0,
        )
        if len(self._data) < end + 4 + length:
            return None
        body = bytes(self._data[end + 4 : end + 4 + length])
        del self._data[: end + 4 + length]
        return body

    async def _answer(self, body: bytes) -> None:
        plan, stream = read(body)
        self._house.asked[plan.id] += 1
        self._house.requests[self._name] += 1
        self.playing, self._bytes = plan.id, 0
        fault = self._house.modes.get(self._name) or plan.faults.get(self._name)
        if fault in faults.BEFORE:
            await self._end(faults.BEFORE[fault], kept=fault in faults.KEPT)
        elif fault == "U38":
            await self._write(faults.error_first() if stream else faults.error_whole())
        elif fault == "U14":
            await self._end(head(200, [("Content-Type", "application/json"), ("Content-Length", "100")]) + b"{" * 50)
        elif fault == "U54":
            await self._end(await asyncio.get_running_loop().run_in_executor(None, faults.bomb))
        elif fault == "U35":
            await self._flood()
        elif fault == "U07":
            await asyncio.sleep(_LONGEST_S)
        elif fault in ("U36", "U09"):
            await self._drip(plan, b": wait\n\n" if fault == "U36" else b"x")
        elif stream:
            await self._stream(plan, fault)
        else:
            await asyncio.sleep(plan.every_s)
            await self._write(_whole(plan))
        self.playing = None

    async def _stream(self, plan: Plan, fault: str | None) -> None:
        bare = fault in ("U15", "short")
        await self._write({"U15": faults.CLOSED_HEAD, "short": faults.SHORT_HEAD}.get(fault or "", faults.STREAM_HEAD))
        loop = asyncio.get_running_loop()
        due_at = loop.time()
        for number, event in enumerate(faults.events(plan)):
            if fault is not None and number == plan.at + 1:
                if fault == "U08":
                    await asyncio.sleep(_LONGEST_S)
                await self._end(faults.AMID[fault])
                return
            await self._write(event if bare else chunked(event))
            due_at += plan.every_s
            if plan.every_s:
                await asyncio.sleep(max(0.0, due_at - loop.time()))
        await self._write(LAST_CHUNK)

    async def _flood(self) -> None:
        await self._write(faults.STREAM_HEAD)
        for _ in range(_TINY_EVENTS // _TINY_AT_ONCE):
            await self._write(faults.tiny_events(_TINY_AT_ONCE))
            await asyncio.sleep(0)
        await self._write(LAST_CHUNK)

    async def _drip(self, plan: Plan, data: bytes) -> None:
        begun = b"" if data[:1] == b":" else chunked(b"".join(itertools.islice(faults.events(plan), 2)) + b"data: ")
        await self._write(faults.STREAM_HEAD + begun)
        until = time.monotonic() + _LONGEST_S
        while time.monotonic() < until:
            await self._write(chunked(data))
            await asyncio.sleep(0.1)

    async def _write(self, data: bytes) -> None:
        self._transport.write(data)
        await self._writable.wait()
        self._bytes += len(data)

    async def _end(self, data: bytes | None, *, kept: bool = False) -> None:
        if data:
            await self._write(data)
        if kept:
            return
        self.playing = None  # it is not the other side that goes
        if data is None:
            peer: socket.socket = self._transport.get_extra_info("socket")
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_0)
            self._transport.abort()
        else:
            self._transport.close()


def _json(status: int, value: object) -> bytes:
    body = json.dumps(value).encode()
    return head(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]) + body


def _whole(plan: Plan) -> bytes:
    usage = {"prompt_tokens": 7, "completion_tokens": plan.words, "total_tokens": 7 + plan.words}
    message = {"role": "assistant", "content": plan.text, "refusal": None}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    body = {
        "id": openai.ID,
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [choice],
        "usage": usage,
    }
    return _json(200, body)


class Doors:
    """The listening sockets; one can be shut, and opened again at the same port."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._servers: dict[str, asyncio.Server] = {}
        self._ports: dict[str, int] = {}

    async def open(self, name: str) -> int:
        """Listen; give the port."""
        listener = socket.create_server(("127.0.0.1", self._ports.get(name, 0)), backlog=4096)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._ports[name] = listener.getsockname()[1]
        loop = asyncio.get_running_loop()
        self._servers[name] = await loop.create_server(
            lambda: Connection(self._house, name), sock=listener, backlog=4096
        )
        return self._ports[name]

    async def shut(self, name: str) -> None:
        """Refuse connections, and drop those that there are."""
        self._servers.pop(name).close()
        for connection in list(self._house.open):
            connection.abort()

    async def set(self, name: str, mode: str | None) -> None:
        """Put one name into a mode: ``refused``, a fault for all of its requests, or none."""
        if mode == "refused" and name in self._servers:
            await self.shut(name)
        elif mode != "refused" and name not in self._servers:
            await self.open(name)
        self._house.modes[name] = mode or ""


async def _main(names: list[str]) -> None:
    house = House()
    doors = Doors(house)
    ports = [await doors.open(name) for name in names]

    async def control(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while line := await reader.readline():
                command, *arguments = json.loads(line)
                if command == "set":
                    await doors.set(*arguments)
                found = {"take": house.take, "sent": house.sent}.get(command, house.state)()
                writer.write(json.dumps(found).encode() + b"\n")
        writer.close()

    server = await asyncio.start_server(control, "127.0.0.1", 0, limit=1 << 20)
    sys.stdout.write(json.dumps([*ports, server.sockets[0].getsockname()[1]]) + "\n")
    sys.stdout.flush()
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)  # until the parent closes it, or is gone


if __name__ == "__main__":
    uvloop.run(_main(sys.argv[1:]))
