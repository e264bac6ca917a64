"""HTTP answers as bytes and scripts: heads, bodies, and the three ways to say where a body ends."""

from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Literal

from tests.upstream.steps import Script, Step, fin, send

LAST_CHUNK = b"0\r\n\r\n"

Headers = Iterable[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Wire:
    """
    How a streamed body is put on the wire.

    Args:
        framing: ``chunked``, by ``length``, or until the upstream ``close``-s.
        newline: Ends each line of the parts that the dialect builds.
        prefix: Bytes of the body before its first part.
        suffix: Bytes of the body after its last part.
        piece: Write so many bytes at a time.
        joined: Write all that stands between two steps at once.
        content_type: Overrides the dialect's; empty for none.
        headers: Added to the head.
    """

    framing: Literal["chunked", "close", "length"] = "chunked"
    newline: bytes = b"\n"
    prefix: bytes = b""
    suffix: bytes = b""
    piece: int | None = None
    joined: bool = False
    content_type: str | None = None
    headers: tuple[tuple[str, str], ...] = ()


def head(status: int, headers: Headers) -> bytes:
    """A status line, the headers and the blank line."""
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Unknown"
    lines = [f"HTTP/1.1 {status} {phrase}", *(f"{name}: {value}" for name, value in headers), "", ""]
    return "\r\n".join(lines).encode("latin-1")


def chunked(data: bytes) -> bytes:
    """``data`` as one chunk of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def answer(body: bytes, *, status: int = 200, content_type: str = "application/json", headers: Headers = ()) -> Script:
    """A whole answer, in one write."""
    named = [("Content-Type", content_type), ("Content-Length", str(len(body))), *headers]
    return (send(head(status, named) + body),)


def streamed(parts: Iterable[bytes | Step], content_type: str, wire: Wire) -> Script:
    """A streamed answer: each part is a write and, in a chunked body, a chunk; steps are played between them."""
    whole = [part for part in (wire.prefix, *parts, wire.suffix) if part != b""]
    length = sum(len(part) for part in whole if isinstance(part, bytes))
    kind = content_type if wire.content_type is None else wire.content_type
    headers = [("Content-Type", kind)] if kind else []
    first = head(200, [*headers, *_framing_headers(wire, length), *wire.headers])
    bodies = [chunked(part) if wire.framing == "chunked" and isinstance(part, bytes) else part for part in whole]
    ends: dict[str, list[bytes | Step]] = {"chunked": [LAST_CHUNK], "length": [], "close": [fin()]}
    pieces = [first, *bodies, *ends[wire.framing]]
    return tuple(
        send(piece, wire.piece) if isinstance(piece, bytes) else piece
        for piece in (_joined(pieces) if wire.joined else pieces)
    )


def _framing_headers(wire: Wire, length: int) -> list[tuple[str, str]]:
    return {
        "chunked": [("Transfer-Encoding", "chunked")],
        "length": [("Content-Length", str(length))],
        "close": [("Connection", "close")],
    }[wire.framing]


def _joined(pieces: Iterable[bytes | Step]) -> list[bytes | Step]:
    joined: list[bytes | Step] = []
    for piece in pieces:
        if isinstance(piece, bytes) and joined and isinstance(joined[-1], bytes):
            joined[-1] += piece
        else:
            joined.append(piece)
    return joined
