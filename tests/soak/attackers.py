"""
Clients that mean harm, in a process of their own: ``python -m tests.soak.attackers PORT SECONDS KIND=COUNT …``.

Kinds: ``head`` (C21) sends its head a line a second; ``body`` (C22) its body a byte a second; ``reader`` (C24) reads a fast
stream at a kilobyte a second; ``json`` (C45) posts ten megabytes of JSON whose shape is slow to read; ``events`` (U35) has
a provider send a million tiny events; ``bomb`` (U54) has it send a compressed quarter of a gigabyte. Each begins
anew when it is cut off. At the end it prints, as JSON, how often each was.
"""

import asyncio
import contextlib
import json
import socket
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator

import uvloop

from tests.soak.client import request_bytes
from tests.soak.plan import Plan

_BODY_BYTES = 10_000_000
_JSON = {
    "lists": b"[" + b"[]," * (_BODY_BYTES // 3) + b"[]]",
    "objects": b"[" + b"{}," * (_BODY_BYTES // 3) + b"{}]",
    "keys": b'{"model": "alone", "messages": [], %b"z": 0}'
    % b"".join(b'"k%d": 0,' % number for number in range(700_000)),
}


class Attack:
    """One target, until a time."""

    def __init__(self, port: int, until: float) -> None:
        self._port = port
        self._until = until
        self.cut: Counter[str] = Counter()

    async def again(self, kind: str, number: int) -> None:
        """Do it again and again."""
        while time.monotonic() < self._until:
            with contextlib.suppress(OSError, EOFError, TimeoutError):
                async with asyncio.timeout(max(0.1, self._until - time.monotonic())):
                    await getattr(self, f"_{kind}")(number)
            self.cut[kind] += 1
            await asyncio.sleep(0.1)

    async def _head(self, number: int) -> None:
        async with self._connection() as (reader, writer):
            writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n")
            await self._drip(reader, writer, b"X-More: 1\r\n")

    async def _body(self, number: int) -> None:
        async with self._connection() as (reader, writer):
            writer.write(request_bytes(b" " * 100_000)[:-99_999])
            await self._drip(reader, writer, b" ")

    async def _drip(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, data: bytes) -> None:
        while not reader.at_eof():
            writer.write(data)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(reader.read(4096), 1)

    async def _reader(self, number: int) -> None:
        async with self._connection(receive_buffer=4096) as (reader, writer):
            plan = Plan(f"reader-{number}-{time.monotonic()}", words=500, pad=20_000)
            writer.write(request_bytes(plan.request("evil", stream=True)))
            while await reader.read(1024):  # noqa: ASYNC110 - it reads
                await asyncio.sleep(1)

    async def _json(self, number: int) -> None:
        async with self._connection() as (reader, writer):
            writer.write(request_bytes(list(_JSON.values())[number % len(_JSON)]))
            await reader.read(4096)

    async def _events(self, number: int) -> None:
        await self._provoke(f"events-{number}", "U35")

    async def _bomb(self, number: int) -> None:
        await self._provoke(f"bomb-{number}", "U54")

    async def _provoke(self, name: str, fault: str) -> None:
        async with self._connection() as (reader, writer):
            writer.write(request_bytes(Plan(name, faults={"evil": fault}).request("evil", stream=True)))
            while data := await reader.read(1 << 16):
                if b'"error"' in data or b"0\r\n\r\n" in data:
                    return

    @contextlib.asynccontextmanager
    async def _connection(
        self, receive_buffer: int | None = None
    ) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        sock = socket.socket()
        if receive_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", self._port))
            reader, writer = await asyncio.open_connection(sock=sock, limit=receive_buffer or 1 << 16)
        except BaseException:
            sock.close()
            raise
        try:
            yield reader, writer
        finally:
            writer.transport.abort()


async def _main(port: int, seconds: float, counts: dict[str, int]) -> None:
    attack = Attack(port, time.monotonic() + seconds)
    await asyncio.gather(*(attack.again(kind, number) for kind, count in counts.items() for number in range(count)))
    sys.stdout.write(json.dumps(attack.cut) + "\n")


if __name__ == "__main__":
    pairs = (argument.split("=") for argument in sys.argv[3:])
    uvloop.run(_main(int(sys.argv[1]), float(sys.argv[2]), {kind: int(count) for kind, count in pairs}))
