"""
Content codings of an answer: gzip and deflate are undone piece by piece and within bounds; every other is refused.

The gateway asks for ``identity``, so a compressed answer is one that nobody asked for. Some proxies compress all the
same, and gzip is what they have; a second decompressor (br, zstd) would be a second way in for bombs and buys nothing.
Two codings on top of each other are refused for the same reason.

The bounds: past its first megabyte an answer may be 200 times as long as it was on the wire (the default of Apache's
``DeflateInflateRatioLimit``; deflate itself goes to 1032), and it may hold no long run of gzip members without content.
"""

import zlib
from collections.abc import Iterator
from typing import Protocol

from llms.errors import UpstreamBadResponseError, UpstreamEventTooLargeError, UpstreamTruncatedError

_PIECE_BYTES = 64 << 10
_FREE_BYTES = 1 << 20
_MAX_RATIO = 200
_MAX_EMPTY_MEMBERS = 100

_GZIP_BITS = 16 + zlib.MAX_WBITS


class _Stream(Protocol):
    """What ``zlib.decompressobj`` gives; its own type has no public name."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    @property
    def unconsumed_tail(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


class Inflater:
    """
    Undoes one content coding; made by ``inflater``.

    Args:
        gzip: Whether the coding is gzip; else it is deflate.
    """

    def __init__(self, *, gzip: bool) -> None:
        self._gzip = gzip
        self._stream: _Stream | None = None  # the present member's
        self._members = 0
        self._empty_members = 0  # in a row
        self._member_bytes = 0
        self._bytes_in = 0
        self._bytes_out = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """
        Take the bytes of one read; give what they stand for, in pieces of 64 to 128 KiB and a rest.

        Raises:
            UpstreamBadResponseError: They are not in this coding.
            UpstreamEventTooLargeError: They stand for far more than an honest answer's would.
        """
        out = bytearray()
        for piece in self._pieces(data):
            out += piece
            if len(out) >= _PIECE_BYTES:
                yield bytes(out)
                out.clear()
        if out:
            yield bytes(out)

    def close(self) -> None:
        """
        Take the end of the body.

        Raises:
            UpstreamTruncatedError: It came too early.
        """
        if self._stream is not None:
            message = "The provider's compressed answer has no end."
            raise UpstreamTruncatedError(message)

    def _pieces(self, data: bytes) -> Iterator[bytes]:
        more = False  # the stream may hold output that had no room yet
        while data or more:
            stream = self._stream or self._next_member(data)
            try:
                piece = stream.decompress(data, _PIECE_BYTES)
            except zlib.error:
                raise _broken() from None
            left = stream.unused_data if stream.eof else stream.unconsumed_tail
            self._count(len(data) - len(left), len(piece))
            yield piece
            more = len(piece) == _PIECE_BYTES and not stream.eof
            data = left
            if stream.eof:
                self._stream = None

    def _count(self, bytes_in: int, bytes_out: int) -> None:
        self._bytes_in += bytes_in  # only what was used: of one read, a bomb needs a few bytes
        self._bytes_out += bytes_out
        self._member_bytes += bytes_out
        if self._bytes_out > _FREE_BYTES + _MAX_RATIO * self._bytes_in:
            message = "The provider's compressed answer is far longer than it seems."
            raise UpstreamEventTooLargeError(message)

    def _next_member(self, data: bytes) -> _Stream:
        if self._members and not self._gzip:
            raise _broken()  # deflate ends once
        self._empty_members = 0 if self._member_bytes else self._empty_members + 1
        if self._empty_members > _MAX_EMPTY_MEMBERS:
            raise _broken()
        self._members += 1
        self._member_bytes = 0
        # Deflate comes in zlib's wrapper, whose first byte names the method, 8; some servers leave the wrapper out.
        bits = zlib.MAX_WBITS if data[0] & 15 == 8 else -zlib.MAX_WBITS
        self._stream = zlib.decompressobj(_GZIP_BITS if self._gzip else bits)
        return self._stream


def inflater(content_encoding: str) -> Inflater | None:
    """
    Give what undoes the coding that a header names; ``None`` if there is none.

    Raises:
        UpstreamBadResponseError: It is none that the gateway knows, or more than one.
    """
    coding = content_encoding.strip().lower()
    if coding in ("", "identity"):
        return None
    if coding not in ("gzip", "x-gzip", "deflate"):
        message = "The provider's answer is in a content coding that the gateway does not take."
        raise UpstreamBadResponseError(message)
    return Inflater(gzip=coding != "deflate")


def _broken() -> UpstreamBadResponseError:
    return UpstreamBadResponseError("The provider's compressed answer cannot be unpacked.")
