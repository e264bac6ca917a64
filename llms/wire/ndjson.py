"""Newline-delimited JSON: an incremental reader. Source: https://github.com/ndjson/ndjson-spec."""

from llms.errors import UpstreamEventTooLargeError
from llms.terms import MAX_EVENTS


class Decoder:
    """
    Cuts a byte stream into lines, the same ones however the stream is cut into reads. Blank lines are skipped.

    Args:
        max_line_bytes: The longest line.
        max_lines: The most lines. Blank ones are none.
    """

    def __init__(self, max_line_bytes: int, max_lines: int = MAX_EVENTS) -> None:
        self._limit = max_line_bytes
        self._left = max_lines
        self._pieces: list[bytes] = []
        self._pieces_bytes = 0
        self._over: str | None = None  # which limit has been met

    def feed(self, data: bytes) -> list[bytes]:
        """
        Take what one read found; give the lines that it completes.

        Raises:
            UpstreamEventTooLargeError: A line is over a limit. Those before it are given first, so that it makes no
                difference whether one read held them all; it is raised by the next call.
        """
        self._check()
        head, newline, tail = data.rpartition(b"\n")
        lines: list[bytes] = []
        if newline:
            self._pieces.append(head)
            lines = self._fitting(b"".join(self._pieces).split(b"\n"))
            self._pieces = []
            self._pieces_bytes = 0
        if tail:
            self._pieces.append(tail)
            self._pieces_bytes += len(tail)
            if self._pieces_bytes > self._limit:
                self._over = self._over or _TOO_LARGE
        if not lines:
            self._check()
        return lines

    def close(self) -> list[bytes]:
        """Take the end of the stream; a last line without its newline counts, if there is one."""
        self._check()
        line = b"".join(self._pieces)
        self._pieces = []
        return [line] if line.strip() else []

    def _fitting(self, lines: list[bytes]) -> list[bytes]:
        fitting: list[bytes] = []
        for line in lines:
            if len(line) > self._limit:
                self._over = _TOO_LARGE
                break
            if line.strip():
                fitting.append(line)
        self._left -= len(fitting)
        if self._left < 0:
            self._over = _TOO_MANY
            fitting = fitting[: self._left]
        return fitting

    def _check(self) -> None:
        if self._over is not None:
            raise UpstreamEventTooLargeError(self._over)


_TOO_LARGE = "The provider sent a line over the size limit, so the answer ends before it."
_TOO_MANY = "The provider's stream holds more lines than are allowed, so the answer ends there."
