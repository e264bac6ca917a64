"""
The head of an answer: its status, its headers, and how its body ends.

What is bent but clear is made normal first: lines that end in LF alone, folded lines, blanks before a colon. What could
be read in two ways is refused: two lengths, a length beside chunks, a coding other than chunks, bare CR, NUL.
"""

import re
from collections.abc import Iterator, Mapping

from llms.values import value

MAX_HEAD_BYTES = 64 << 10
MAX_FIELDS = 128
MAX_LINE_BYTES = 8190
"""Fields, and bytes of a line: aiohttp's limits. Servers have lower ones: nginx 8 KiB, Apache 100 lines of 8190."""

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]"
FIELD = rb"%b++:[^\r\n\0]*+\r\n" % _TOKEN

_HEAD = re.compile(rb"HTTP/1\.([01]) ([1-9]\d\d)(?: [^\r\n\0]*+)?\r\n(?:%b)*+\r\n" % FIELD)
_FOLD = re.compile(rb"\n[ \t]+")
_BLANK_BEFORE_COLON = re.compile(rb"^(%b++)[ \t]+:" % _TOKEN, re.MULTILINE)
_LENGTH = re.compile(rb"\d{1,15}")


class Headers(Mapping[str, str]):
    """
    The headers of an answer, looked up in its bytes: a call wants two or three of them.

    Names are matched without regard to case. Of a name that is there several times the first counts.

    Args:
        raw: The head, in normal form.
    """

    __slots__ = ("_lower", "_raw")

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._lower = raw.lower()

    def value(self, name: bytes) -> str | None:
        """Give the first value of ``name``, which is in lower case; ``None`` if there is none."""
        start = self._lower.find(b"\n%b:" % name)
        if start < 0:
            return None
        start += len(name) + 2
        return self._raw[start : self._raw.index(b"\r", start)].decode("utf-8", "surrogateescape").strip(" \t")

    def all_of(self, name: bytes) -> list[bytes]:
        """Give all values of ``name``, in lower case; ``name`` is so, too."""
        lower, mark = self._lower, b"\n%b:" % name
        found: list[bytes] = []
        start = lower.find(mark)
        while start >= 0:
            start += len(mark)
            end = lower.index(b"\r", start)
            found.append(lower[start:end].strip(b" \t"))
            start = lower.find(mark, end)
        return found

    def __getitem__(self, name: str) -> str:
        value = self.value(name.lower().encode())
        if value is None:
            raise KeyError(name)
        return value

    def __iter__(self) -> Iterator[str]:
        lines = self._lower.split(b"\r\n")[1:-2]
        return iter(dict.fromkeys(line.partition(b":")[0].decode("ascii") for line in lines))

    def __len__(self) -> int:
        return sum(1 for _ in self)


@value
class Head:
    """
    What the head of an answer says.

    Args:
        keep: Whether the server leaves the connection open afterwards.
        length: Bytes of the body; ``None`` where it is chunked or ends with the connection.
        chunked: Whether it comes in chunks.
    """

    status: int
    headers: Headers
    keep: bool
    length: int | None
    chunked: bool


def read(raw: bytes) -> Head | None:
    """
    Read a head, empty line and all; ``None`` if it is not valid.

    It is taken for the answer to a request other than HEAD, which the gateway does not send.
    """
    match = _HEAD.fullmatch(raw)
    if match is None:
        raw = _normal(raw)
        match = _HEAD.fullmatch(raw)
    if match is None or raw.count(b"\n") > MAX_FIELDS + 2:
        return None
    if len(raw) > MAX_LINE_BYTES and max(map(len, raw.split(b"\r\n"))) > MAX_LINE_BYTES:
        return None
    minor, digits = match.groups()
    status = int(digits)
    headers = Headers(raw)
    lengths, codings = headers.all_of(b"content-length"), headers.all_of(b"transfer-encoding")
    if len(lengths) + len(codings) > 1:
        return None
    if lengths and not _LENGTH.fullmatch(lengths[0]):
        return None
    if codings and codings[0] != b"chunked":
        return None
    length = int(lengths[0]) if lengths else None
    chunked = bool(codings)
    if status < 200 or status in (204, 304):
        length, chunked = 0, False
    bounded = length is not None or (chunked and minor == b"1")  # HTTP/1.0 has no chunks: who knows where they end
    keep = bounded and status != 101 and _keeps(headers, minor)
    return Head(status, headers, keep, length, chunked)


def _keeps(headers: Headers, minor: bytes) -> bool:
    values = headers.all_of(b"connection")
    if not values:
        return minor == b"1"
    if values == [b"keep-alive"]:  # as all but a few say
        return True
    options = {option.strip(b" \t") for value in values for option in value.split(b",")}
    return b"close" not in options and (minor == b"1" or b"keep-alive" in options)


def _normal(raw: bytes) -> bytes:
    """Give a head with its line ends, folds and blanks in normal form; a bare CR stays, and is refused."""
    text = _FOLD.sub(b" ", raw.replace(b"\r\n", b"\n"))
    return _BLANK_BEFORE_COLON.sub(rb"\1:", text).replace(b"\n", b"\r\n")
