"""
Server-sent events: an incremental reader for what upstreams send, and the frames that the gateway writes.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from collections.abc import Iterable

from llms.errors import UpstreamEventTooLargeError
from llms.terms import MAX_EVENTS
from llms.wire import json_text

DONE = b"data: [DONE]\n\n"
KEEP_ALIVE = b": keep-alive\n\n"
"""A comment: the only frame that every client skips. Each other kind breaks one of the official clients."""

Event = tuple[bytes, bytes]
"""Name (empty where none was given) and data, lines joined by LF."""

_LINES_APART = 100

_BOM = b"\xef\xbb\xbf"


def frame(value: object) -> bytes:
    """One event holding ``value`` as JSON, on one line, so that no string in it can forge a frame."""
    return b"data: " + json_text.dumps(value) + b"\n\n"


def frames(values: Iterable[object]) -> bytes:
    """One event for each of ``values``."""
    events = [json_text.dumps(value) for value in values]
    return b"data: " + b"\n\ndata: ".join(events) + b"\n\n" if events else b""


class Decoder:
    """
    Cuts a byte stream into events, the same ones however the stream is cut into reads.

    Lines end in LF, CR or CRLF. An event that the end of the stream cuts short is dropped, as the standard says.

    Args:
        max_event_bytes: The longest event, its line ends and its last line's field name included; the longest line.
        max_events: The most events. Comments and events without data are none, and nothing is kept of them.
    """

    def __init__(self, max_event_bytes: int, max_events: int = MAX_EVENTS) -> None:
        self._limit = max_event_bytes
        self._left = max_events
        self._pieces: list[bytes] = []  # of a line whose end has not come; joined once, so 1-byte reads stay linear
        self._pieces_bytes = 0
        self._data: list[bytes] = []
        self._joined = bytearray()  # of an event with many lines: apart, short ones take ten times their length
        self._data_bytes = 0
        self._name = b""
        self._first_line = True
        self._after_cr = False
        self._over: str | None = None  # which limit has been met

    def feed(self, data: bytes) -> list[Event]:
        """
        Take what one read found; give the events that it completes.

        Raises:
            UpstreamEventTooLargeError: An event is over a limit. Those before it are given first, so that it makes
                no difference whether one read held them all; it is raised by the next call.
        """
        self._check()
        events = self._cut(data)
        self._left -= len(events)
        if self._left < 0:
            self._over = _TOO_MANY
            events = events[: self._left]
        if not events:
            self._check()
        return events

    def pass_over(self, count: int, length: int) -> bool:
        """
        Leave out events that were read by a shorter way; ``False`` if they have to be fed.

        Args:
            count: Of the events.
            length: Of all of them together.
        """
        inside = self._pieces or self._data or self._name or self._first_line or self._after_cr
        if inside or self._over is not None or count > self._left or length > self._limit:
            return False
        self._left -= count
        return True

    def close(self) -> list[Event]:
        """Take the end of the stream: only an unfinished ``[DONE]`` counts, since nothing can follow it."""
        self._check()
        line = b"".join(self._pieces)
        data = line[5:].strip() if line.startswith(b"data:") else self._event_data().strip()
        return [(b"", data)] if data == b"[DONE]" else []

    def _cut(self, data: bytes) -> list[Event]:
        if self._after_cr and data:
            self._after_cr = False
            data = data.removeprefix(b"\n")
        if b"\r" in data:
            self._after_cr = data.endswith(b"\r")
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        lines = data.split(b"\n")
        rest = lines.pop()
        if lines and self._pieces:
            self._pieces.append(lines[0])
            lines[0] = b"".join(self._pieces)
            self._pieces = []
            self._pieces_bytes = 0
        events = self._parse(lines)
        if rest:
            self._pieces.append(rest)
            self._pieces_bytes += len(rest)
            if self._pieces_bytes > self._limit:
                self._over = _TOO_LARGE
        return events

    def _parse(self, lines: list[bytes]) -> list[Event]:
        events: list[Event] = []
        if lines and self._first_line and len(lines[0]) <= self._limit:
            self._first_line = False
            lines[0] = lines[0].removeprefix(_BOM)
        for line in lines:
            if len(line) + self._data_bytes > self._limit:
                self._over = _TOO_LARGE
                break
            if not line:
                if self._data:
                    events.append((self._name, self._event_data()))
                    self._data = []
                    self._data_bytes = 0
                self._name = b""
            elif line.startswith(b"data: "):
                self._add(line[6:])
            elif line[0] != 0x3A:  # a colon starts a comment
                name, _, value = line.partition(b":")
                if name == b"data":
                    self._add(value.removeprefix(b" "))
                elif name == b"event":
                    self._name = value.removeprefix(b" ")
        return events

    def _add(self, value: bytes) -> None:
        self._data.append(value)
        self._data_bytes += len(value) + 1  # its LF: lines of nothing would else be free, and without end
        if len(self._data) > _LINES_APART:
            last = self._data.pop()
            self._joined += b"\n".join(self._data) + b"\n"
            self._data = [last]

    def _event_data(self) -> bytes:
        data = b"\n".join(self._data)
        if self._joined:
            data = bytes(self._joined) + data
            self._joined.clear()
        return data

    def _check(self) -> None:
        if self._over is not None:
            raise UpstreamEventTooLargeError(self._over)


_TOO_LARGE = "The provider sent an event over the size limit, so the answer ends before it."
_TOO_MANY = "The provider's stream holds more events than are allowed, so the answer ends there."
