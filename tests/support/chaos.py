"""
A TCP proxy that makes trouble between two parties: late, jittery, narrow, in pieces, frozen, garbled, cut off at a byte.

::

    async with Chaos(upstream.port, back=Way(latency_s=0.05, piece=1)) as chaos:
        ...  # connect to chaos.port instead of upstream.port
"""

import asyncio
import random
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Self

_LINGER_0 = struct.pack("ii", 1, 0)  # closing sends RST
_READ_BYTES = 1 << 16
_MOST_ON_THE_WAY = 64  # reads; a party that does not read slows the other one down
_GARBLED = bytes(byte ^ 0x55 for byte in range(256))
_TURNS = 3  # of the loop: enough for a reader in the same loop to take each write as a read of its own


_Waiting = asyncio.Queue[tuple[float, bytes]]
"""Bytes with the loop time at which they are due; none for the end."""


@dataclass(frozen=True, slots=True)
class Way:
    """
    One direction.

    Args:
        latency_s: By how much every byte is late.
        jitter_s: Up to how much more; the order is kept.
        bytes_per_s: How many bytes pass in a second.
        piece: How many bytes are written at a time.
        garbled: Whether each byte arrives as another.
        cut_at: After how many bytes the connection ends, in both directions.
        cut: How it ends.
    """

    latency_s: float = 0
    jitter_s: float = 0
    bytes_per_s: float | None = None
    piece: int | None = None
    garbled: bool = False
    cut_at: int | None = None
    cut: Literal["fin", "rst"] = "rst"


class Chaos:
    """
    The proxy, for the length of an ``async with`` block; it listens on ``port``.

    Args:
        target: The port on this machine that it connects to.
        there: From who connects to the target.
        back: From the target to who connects.
        seed: Of the jitter.

    Attributes:
        connections: How many were ever made.
    """

    def __init__(self, target: int, *, there: Way | None = None, back: Way | None = None, seed: int = 0) -> None:
        self.port = 0
        self.there = there or Way()
        self.back = back or Way()
        self.connections = 0
        self._target = target
        self._random = random.Random(seed)  # noqa: S311 - to be the same each time
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._running: set[asyncio.Task[None]] = set()

    def freeze(self) -> None:
        """Let nothing more pass, and close nothing, until ``thaw``."""
        self._flowing.clear()

    def thaw(self) -> None:
        """Let everything pass again, what waited first."""
        self._flowing.set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accepted, "127.0.0.1", 0, backlog=1024)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self._server.close()
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        await self._server.wait_closed()

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.create_task(self._between(reader, writer))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _between(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers = [writer]
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
            writers.append(far_writer)
            async with asyncio.TaskGroup() as both:
                self._join(both, reader, far_writer, self.there)
                self._join(both, far_reader, writer, self.back)
        except* (_CutError, OSError) as group:
            if not all(isinstance(error, _CutError) and error.how == "fin" for error in group.exceptions):
                for each in writers:
                    with suppress(OSError, AttributeError):  # closed already
                        each.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_0)
        finally:
            for each in writers:
                each.close()
            await asyncio.gather(*(each.wait_closed() for each in writers), return_exceptions=True)

    def _join(
        self, both: asyncio.TaskGroup, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: Way
    ) -> None:
        waiting: _Waiting = asyncio.Queue(_MOST_ON_THE_WAY)
        both.create_task(self._read(reader, waiting, way))
        both.create_task(self._write(waiting, writer, way))

    async def _read(self, reader: asyncio.StreamReader, waiting: _Waiting, way: Way) -> None:
        """Take what comes and note when it is due, the end too."""
        data = b"-"
        while data:
            data = await reader.read(_READ_BYTES)
            late_s = way.latency_s + way.jitter_s * self._random.random()
            await waiting.put((asyncio.get_running_loop().time() + late_s, data))

    async def _write(self, waiting: _Waiting, writer: asyncio.StreamWriter, way: Way) -> None:
        passed = 0
        while True:
            due_at, data = await waiting.get()
            await asyncio.sleep(max(0, due_at - asyncio.get_running_loop().time()))
            if not data:
                await self._flowing.wait()
                writer.write_eof()
                return
            for part in _parts(data, way, passed):
                await self._flowing.wait()
                writer.write(part)
                await writer.drain()
                passed += len(part)
                if passed == way.cut_at:
                    raise _CutError(way.cut)
                if way.bytes_per_s:
                    await asyncio.sleep(len(part) / way.bytes_per_s)
                for _ in range(_TURNS if way.piece else 0):
                    await asyncio.sleep(0)


class _CutError(Exception):
    """The connection is to end here."""

    def __init__(self, how: str) -> None:
        super().__init__(how)
        self.how = how


def _parts(data: bytes, way: Way, passed: int) -> Iterator[bytes]:
    """Cut ``data`` into what is written at a time, and where the connection ends."""
    if way.cut_at is not None:
        data = data[: way.cut_at - passed]
    if way.garbled:
        data = data.translate(_GARBLED)
    size = way.piece or (max(1, round(way.bytes_per_s / 50)) if way.bytes_per_s else len(data))
    for start in range(0, len(data), max(1, size)):
        yield data[start : start + size]
