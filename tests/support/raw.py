"""A client that sends any bytes at any time and shows what came back, byte for byte."""

import asyncio
import json
import socket
import struct
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, ClassVar, Self

PATIENCE_S = 30.0
"""The longest that any reading waits."""

_LINGER_0 = struct.pack("ii", 1, 0)  # closing sends RST
_READ_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Head:
    """
    The head of an answer.

    Args:
        headers: Names in lower case, in order.
        raw: The bytes up to and with the blank line.
    """

    status: int
    headers: list[tuple[str, str]]
    raw: bytes

    def header(self, name: str) -> str | None:
        """The header's value, several joined by a comma; ``None`` if it is absent."""
        values = [value for key, value in self.headers if key == name.lower()]
        return ", ".join(values) if values else None


@dataclass(frozen=True, slots=True)
class Chunk:
    """
    One chunk of a chunked body, or one read of any other.

    Args:
        at: Loop time of its arrival.
    """

    data: bytes
    at: float


@dataclass(frozen=True, slots=True)
class Response:
    """
    An answer with its body.

    Args:
        chunks: The body as it came, without framing.
        complete: Whether the body ended as its framing says.
    """

    head: Head
    chunks: list[Chunk]
    complete: bool

    @property
    def status(self) -> int:
        return self.head.status

    @property
    def headers(self) -> list[tuple[str, str]]:
        return self.head.headers

    @property
    def body(self) -> bytes:
        return b"".join(chunk.data for chunk in self.chunks)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def header(self, name: str) -> str | None:
        """As ``Head.header``."""
        return self.head.header(name)


class RawClient:
    """
    One connection, for the length of an ``async with`` block.

    Args:
        receive_buffer: The kernel's receive buffer in bytes; small for a slow reader.

    Attributes:
        listeners: Told of every answer that any client read; for the table of the faults.
        farewells: Asked when any client is about to leave.
        in_step: Whether every request has been answered, and the connection can take another.
    """

    listeners: ClassVar[list[Callable[[Response], None]]] = []
    farewells: ClassVar[list[Callable[["RawClient"], Awaitable[None]]]] = []

    def __init__(self, host: str, port: int, *, receive_buffer: int | None = None) -> None:
        self._host = host
        self._port = port
        self._receive_buffer = receive_buffer
        self._method = "GET"
        self._unanswered = 0
        self.in_step = False

    async def __aenter__(self) -> Self:
        sock = socket.socket(socket.AF_INET6 if ":" in self._host else socket.AF_INET)
        try:
            if self._receive_buffer is not None:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._receive_buffer)
            sock.setblocking(False)
            async with asyncio.timeout(PATIENCE_S):
                await asyncio.get_running_loop().sock_connect(sock, (self._host, self._port))
            # The reader pauses the transport at twice its limit, so a slow reader's bytes wait in the kernel.
            limit = self._receive_buffer or _READ_BYTES
            self._reader, self._writer = await asyncio.open_connection(sock=sock, limit=limit)
        except BaseException:
            sock.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        for farewell in self.farewells if kind is None else ():
            await farewell(self)
        self._writer.transport.abort()
        await asyncio.gather(self._writer.wait_closed(), return_exceptions=True)

    @property
    def own_port(self) -> int:
        """The port on this side."""
        return self._writer.get_extra_info("sockname")[1]

    async def send(self, data: bytes) -> None:
        """Send ``data`` as it stands."""
        try:
            self._writer.write(data)
        except RuntimeError as error:  # uvloop's, where a connection has ended that it has not told of yet
            raise ConnectionResetError from error
        async with asyncio.timeout(PATIENCE_S):
            await self._writer.drain()

    async def request(
        self,
        method: str,
        target: str,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes | dict[str, Any] | None = None,
    ) -> None:
        """
        Send a request.

        Args:
            headers: ``Host``, and for a body ``Content-Length``, are added where they are missing.
            body: A dict is sent as JSON, with its ``Content-Type``.
        """
        sent = list(headers)
        names = {name.lower() for name, _ in sent}
        if isinstance(body, dict):
            body = json.dumps(body).encode()
            sent += [] if "content-type" in names else [("Content-Type", "application/json")]
        if "host" not in names:
            sent.insert(0, ("Host", f"{self._host}:{self._port}"))
        if body is not None and not names & {"content-length", "transfer-encoding"}:
            sent.append(("Content-Length", str(len(body))))
        lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in sent), "", ""]
        self._method = method
        self._unanswered += 1
        await self.send("\r\n".join(lines).encode("latin-1") + (body or b""))

    async def read_head(self) -> Head:
        """Read up to and with the blank line of the final (not 1xx) head."""
        while (head := await self._read_head()).status // 100 == 1:
            pass
        return head

    async def read_response(self) -> Response:
        """Read one answer, the body to its end, or to the end of the connection."""
        head = await self.read_head()
        chunks: list[Chunk] = []
        complete = False
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._read_body(head, chunks)
            complete = True
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        response = Response(head, chunks, complete)
        self._unanswered -= 1
        self.in_step = complete and self._unanswered == 0 and _kept(response)
        for listener in self.listeners:
            listener(response)
        return response

    async def read_some(self, timeout: float = PATIENCE_S) -> bytes:  # noqa: ASYNC109 - short to call
        """Read what is there, or what comes first; empty at the end of the connection."""
        async with asyncio.timeout(timeout):
            data = await self._reader.read(_READ_BYTES)
        self.in_step &= bool(data)
        return data

    async def eof_within(self, seconds: float) -> bool:
        """Drop what comes; say whether the other side ends the connection in time."""
        self.in_step = False
        try:
            async with asyncio.timeout(seconds):
                while await self._reader.read(_READ_BYTES):
                    pass
        except TimeoutError:
            return False
        except ConnectionError:
            return True
        return True

    def fin(self) -> None:
        """Say that nothing more will be sent; reading goes on."""
        self.in_step = False
        self._writer.write_eof()

    def rst(self) -> None:
        """Reset the connection."""
        self.in_step = False
        sock: socket.socket = self._writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_0)
        self._writer.transport.abort()

    async def _read_head(self) -> Head:
        async with asyncio.timeout(PATIENCE_S):
            raw = await self._reader.readuntil(b"\r\n\r\n")
        status_line, *lines = raw[:-4].decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in lines)
        headers = [(name.lower(), value.strip()) for name, _, value in pairs]
        return Head(int(status_line.split(" ", 2)[1]), headers, raw)

    async def _read_body(self, head: Head, chunks: list[Chunk]) -> None:
        length = head.header("content-length")
        if self._method == "HEAD" or head.status in (204, 304):
            return
        if head.header("transfer-encoding") == "chunked":
            await self._read_chunks(chunks)
        elif length is not None:
            await self._read_length(int(length), chunks)
        else:
            while data := await self._reader.read(_READ_BYTES):
                self._add(data, chunks)

    async def _read_chunks(self, chunks: list[Chunk]) -> None:
        while size := int(await self._reader.readuntil(b"\r\n"), 16):
            data = await self._reader.readexactly(size + 2)
            self._add(data[:-2], chunks)
        while await self._reader.readuntil(b"\r\n") != b"\r\n":  # trailers
            pass

    async def _read_length(self, length: int, chunks: list[Chunk]) -> None:
        while length > 0:
            data = await self._reader.read(min(length, _READ_BYTES))
            if not data:
                raise asyncio.IncompleteReadError(data, length)
            length -= len(data)
            self._add(data, chunks)

    def _add(self, data: bytes, chunks: list[Chunk]) -> None:
        chunks.append(Chunk(data, asyncio.get_running_loop().time()))


def _kept(response: Response) -> bool:
    """Whether the connection can take another request; after a stream that failed it is closed without a word."""
    closed = (response.header("connection") or "").lower() == "close"
    return response.head.raw.startswith(b"HTTP/1.1") and not closed and b'data: {"error"' not in response.body
