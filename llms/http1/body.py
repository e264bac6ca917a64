"""
The body of an answer, by each of the three ways to say where it ends.

Each way takes what arrives and gives what of it is the body. How it stands is in two attributes: ``done``, all of it
has come; ``broken``, what came is not HTTP. What was there before the fault is given all the same.
"""

import re
from typing import Protocol

from llms.http1.head import FIELD, MAX_FIELDS, MAX_LINE_BYTES

_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*+(?:;[^\r\n\0]*+)?\r\n")
_USUAL_SIZE = re.compile(rb"([0-9A-Fa-f]{1,6})\r\n")
_SIZE_BEGUN = re.compile(rb"(?:[0-9A-Fa-f]{1,15}[ \t]*+(?:;[^\r\n\0]*+)?\r?)?")
_TRAILER = re.compile(FIELD)

_SIZE_LINE, _DATA, _DATA_END, _TRAILERS = range(4)


class Body(Protocol):
    """One way."""

    done: bool
    broken: bool
    extra: bool
    """Whether something came behind the body's end."""

    def feed(self, data: bytes) -> bytes:
        """Take what arrived; give what of it is the body, maybe nothing. Not called once ``done`` or ``broken``."""


class Counted:
    """
    Ends after so many bytes.

    Args:
        length: The number.
    """

    __slots__ = ("_left", "broken", "done", "extra")

    def __init__(self, length: int) -> None:
        self._left = length
        self.done = length == 0
        self.broken = False
        self.extra = False

    def feed(self, data: bytes) -> bytes:
        left = self._left = self._left - len(data)
        if left > 0:
            return data
        self.done = True
        if left == 0:
            return data
        self.extra = True
        return data[:left]


class UntilClose:
    """Ends with the connection."""

    __slots__ = ("broken", "done", "extra")

    def __init__(self) -> None:
        self.done = self.broken = False
        self.extra = False

    def feed(self, data: bytes) -> bytes:
        return data


class Chunked:
    """Ends with a chunk of no bytes. Extensions of a size and trailers are read over, within bounds."""

    __slots__ = ("_left", "_state", "_tail", "_trailers", "broken", "done", "extra")

    def __init__(self) -> None:
        self._state = _SIZE_LINE
        self._left = 0  # of the present chunk
        self._tail = b""  # a line, or the end of a chunk, of which the rest has yet to come
        self._trailers = 0
        self.done = self.broken = False
        self.extra = False

    def feed(self, data: bytes) -> bytes:
        if self._tail:
            data, self._tail = self._tail + data, b""
        found: list[bytes] = []
        at, end = 0, len(data)
        while at < end:
            if self._state == _SIZE_LINE:
                after = self._whole(data, at, found) or self._size(data, at)
            elif self._state == _DATA:
                after = min(end, at + self._left)
                found.append(data[at:after])
                self._left -= after - at
                if self._left == 0:
                    self._state = _DATA_END
            elif self._state == _DATA_END:
                after = self._data_end(data, at)
            else:
                after = self._trailer(data, at)
            if self.done:
                self.extra = after < end
                break
            if after == at:  # the line is not whole, or broken
                if not self.broken:
                    self._tail = data[at:]
                break
            at = after
        return found[0] if len(found) == 1 else b"".join(found)

    @staticmethod
    def _whole(data: bytes, at: int, found: list[bytes]) -> int:
        """Take a chunk that is there from its size to its line end, as nearly all are; say where it ends, or 0."""
        match = _USUAL_SIZE.match(data, at)
        if match is None or not (size := int(match[1], 16)):
            return 0
        start = match.end()
        end = start + size
        if not data.startswith(b"\r\n", end):
            return 0
        found.append(data[start:end])
        return end + 2

    def _size(self, data: bytes, at: int) -> int:
        match = _SIZE.match(data, at)
        if match is None:
            self.broken = len(data) - at > MAX_LINE_BYTES or not _SIZE_BEGUN.fullmatch(data, at)
            return at
        after = match.end()
        if after - at > MAX_LINE_BYTES:
            self.broken = True
            return at
        self._left = int(match[1], 16)
        self._state = _DATA if self._left else _TRAILERS
        return after

    def _data_end(self, data: bytes, at: int) -> int:
        if data.startswith(b"\r\n", at):
            self._state = _SIZE_LINE
            return at + 2
        self.broken = data[at:] != b"\r"
        return at

    def _trailer(self, data: bytes, at: int) -> int:
        if data.startswith(b"\r\n", at):
            self.done = True
            return at + 2
        line_end = data.find(b"\n", at)
        if line_end < 0:
            self.broken = len(data) - at > MAX_LINE_BYTES
            return at
        self._trailers += 1
        if (
            self._trailers > MAX_FIELDS
            or line_end - at >= MAX_LINE_BYTES
            or not _TRAILER.fullmatch(data, at, line_end + 1)
        ):
            self.broken = True
            return at
        return line_end + 1
