"""Very many clients at once, each of which sends the same call on a connection of its own."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from tests.accounting.house import CHAT

_PATIENCE_S = 60.0


@dataclass
class Answers:
    """
    What they were told.

    Args:
        statuses: How many got which.
        quota: How many were told that there is no budget left, and not to come again.
        codes: How many got which error's code.
    """

    statuses: Counter[int] = field(default_factory=Counter)
    quota: int = 0

    def take(self, head: bytes, body: bytes) -> None:
        """Count an answer."""
        status = int(head[9:12])
        self.statuses[status] += 1
        self.quota += status == 429 and b'"insufficient_quota"' in body and b"x-should-retry: false" in head.lower()


class Crowd:
    """
    The clients, whose connections stay open for the length of the block.

    Args:
        port: The gateway's.
        size: How many.
    """

    def __init__(self, port: int, size: int) -> None:
        self._port = port
        self._size = size
        self._streams: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def __aenter__(self) -> Self:
        for _ in range(self._size):
            self._streams.append(await asyncio.open_connection("127.0.0.1", self._port))
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        for _, writer in self._streams:
            writer.transport.abort()
        await asyncio.gather(*(writer.wait_closed() for _, writer in self._streams), return_exceptions=True)

    async def rush(self, secret: str, body: bytes, path: str = CHAT) -> Answers:
        """Have all of them send ``body`` at once; give what they were told."""
        lines = [f"POST {path} HTTP/1.1", f"Host: 127.0.0.1:{self._port}", f"Authorization: Bearer {secret}"]
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}", "", ""]
        data = "\r\n".join(lines).encode() + body
        answers = Answers()
        async with asyncio.timeout(_PATIENCE_S):
            for _, writer in self._streams:
                writer.write(data)
            await asyncio.gather(*(_read(reader, answers) for reader, _ in self._streams))
        return answers


async def _read(reader: asyncio.StreamReader, answers: Answers) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:-2])
    if b"content-length" in fields:
        body = await reader.readexactly(int(fields[b"content-length"]))
    else:
        body = await reader.readuntil(b"\r\n0\r\n\r\n")
    answers.take(head, body)
