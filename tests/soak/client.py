"""A lean client: one call, read as told, and what came of it."""

import asyncio
import json
import socket
import struct
import time
from dataclasses import dataclass, field
from typing import Any

from tests.soak.plan import Plan

PATH = "/v1/chat/completions"
PATIENCE_S = 60.0
_LINGER_0 = struct.pack("ii", 1, 0)


@dataclass
class Outcome:
    """
    What came of a call.

    Args:
        status: ``None`` if no head came.
        code: Of an error, in the body or in an event.
        text: What the answer said.
        complete: Whether the body ended as its framing says.
        done: How often ``[DONE]`` came.
        trouble: What went wrong on the connection.
        left_at: When the client left, on the machine's monotonic clock.
    """

    status: int | None = None
    code: str | None = None
    text: str = ""
    finish: str | None = None
    complete: bool = False
    done: int = 0
    trouble: str = ""
    began_at: float = 0.0
    first_at: float | None = None
    ended_at: float = 0.0
    left_at: float | None = None
    chunks: list[bytes] = field(default_factory=list)

    @property
    def took_s(self) -> float:
        return self.ended_at - self.began_at


@dataclass(frozen=True, slots=True)
class Manner:
    """
    How a client behaves.

    Args:
        leaves_after_s: It goes after so long, whatever came.
        leaves_with_reset: With RST instead of FIN.
        pause_s: Between two reads of ``piece`` bytes.
    """

    leaves_after_s: float | None = None
    leaves_with_reset: bool = False
    pause_s: float = 0.0
    piece: int = 4096


GOOD = Manner()


async def call(port: int, model: str, plan: Plan, *, stream: bool, manner: Manner = GOOD) -> Outcome:
    """Make one call, on a connection of its own; never raises for what the other side does."""
    outcome = Outcome(began_at=time.monotonic())
    try:
        async with asyncio.timeout(PATIENCE_S):
            reader, writer = await _connected(port, manner)
            try:
                writer.write(request_bytes(plan.request(model, stream=stream)))
                if manner.leaves_after_s is None:
                    await _read(reader, outcome, manner)
                else:
                    await _read_until_gone(reader, outcome, manner)
            finally:
                _leave(writer, outcome, manner)
    except (OSError, EOFError, TimeoutError, ValueError) as error:
        outcome.trouble = repr(error)
    outcome.ended_at = outcome.ended_at or time.monotonic()
    _understand(outcome, stream)
    return outcome


def request_bytes(body: dict[str, Any] | bytes, path: str = PATH) -> bytes:
    """Give the bytes of a request."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = (
        f"POST {path} HTTP/1.1",
        "Host: localhost",
        "Content-Type: application/json",
        f"Content-Length: {len(data)}",
    )
    return "\r\n".join((*lines, "", "")).encode() + data


async def get_json(port: int, path: str) -> Any:
    """Fetch something small."""
    async with asyncio.timeout(PATIENCE_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        data = await reader.read()
        writer.close()
        return json.loads(data.partition(b"\r\n\r\n")[2])


async def _connected(port: int, manner: Manner) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if not manner.pause_s:
        return await asyncio.open_connection("127.0.0.1", port)
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, manner.piece)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
    return await asyncio.open_connection(sock=sock, limit=manner.piece)


def _leave(writer: asyncio.StreamWriter, outcome: Outcome, manner: Manner) -> None:
    if manner.leaves_with_reset:
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_0)
    if manner.leaves_after_s is not None:
        outcome.left_at = time.monotonic()
    writer.transport.abort()


async def _read_until_gone(reader: asyncio.StreamReader, outcome: Outcome, manner: Manner) -> None:
    try:
        async with asyncio.timeout(manner.leaves_after_s):
            await _read(reader, outcome, manner)
    except TimeoutError:
        pass


async def _read(reader: asyncio.StreamReader, outcome: Outcome, manner: Manner) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    outcome.status = int(head.split(" ", 2)[1])
    length = next((int(line[15:]) for line in head.split("\r\n") if line.startswith("content-length:")), None)
    if length is not None:
        _came(outcome, await reader.readexactly(length))
    else:
        while size := int(await reader.readuntil(b"\r\n"), 16):
            _came(outcome, (await reader.readexactly(size + 2))[:-2])
            if manner.pause_s:
                await asyncio.sleep(manner.pause_s * size / manner.piece)
        await reader.readexactly(2)
    outcome.complete = True
    outcome.ended_at = time.monotonic()


def _came(outcome: Outcome, data: bytes) -> None:
    if outcome.first_at is None:
        outcome.first_at = time.monotonic()
    outcome.chunks.append(data)


def _understand(outcome: Outcome, stream: bool) -> None:  # noqa: FBT001 - one of two ways
    body = b"".join(outcome.chunks)
    outcome.chunks = []
    try:
        if stream and outcome.status == 200:
            _understand_events(outcome, body)
        elif outcome.complete and body:
            _understand_object(outcome, json.loads(body))
    except (ValueError, KeyError, TypeError, IndexError) as error:
        outcome.trouble = outcome.trouble or f"not understood: {error!r}"


def _understand_events(outcome: Outcome, body: bytes) -> None:
    said = []
    for frame in body.split(b"\n\n")[: None if outcome.complete else -1]:
        if frame == b"data: [DONE]":
            outcome.done += 1
        elif frame.startswith(b"data: "):
            event = json.loads(frame[6:])
            if "error" in event:
                outcome.code = event["error"]["code"]
            for choice in event.get("choices", ()):
                said.append(choice["delta"].get("content") or "")
                outcome.finish = choice["finish_reason"] or outcome.finish
        elif frame and not frame.startswith(b":"):
            raise ValueError(frame[:80])
    outcome.text = "".join(said)


def _understand_object(outcome: Outcome, answer: Any) -> None:
    if "error" in answer:
        outcome.code = answer["error"]["code"]
        return
    outcome.text = answer["choices"][0]["message"]["content"]
    outcome.finish = answer["choices"][0]["finish_reason"]
