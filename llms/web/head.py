"""The framing of an answer: its head, rendered at once, and the chunks of its body."""

import time
from collections.abc import Mapping
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus


def head(status: int, headers: Mapping[str, str], framing: bytes, *, close: bool) -> bytes:
    """
    Give the bytes of a head, the empty line included.

    Args:
        headers: Made by the gateway; none has a line end in its value.
        framing: The line that says where the body ends.
        close: Whether the connection ends with the answer.
    """
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()]).encode()
    assert lines.count(b"\n") == len(headers), "no value holds a line end"  # noqa: S101
    first = _STATUS_LINES.get(status) or b"HTTP/1.1 %d \r\n" % status
    last = b"Connection: close\r\n\r\n" if close else b"\r\n"
    return b"".join((first, lines, framing, _date(int(time.time())), last))


def chunk(data: bytes) -> bytes:
    """Give ``data``, at least a byte, as a chunk of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


@lru_cache(2)
def _date(second: int) -> bytes:
    return b"Date: %b\r\n" % formatdate(second, usegmt=True).encode()


_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}
