"""An answer as its bytes arrive: what it is at the end does not depend on how they were cut."""

import re

from llms.http1.body import Body, Chunked, Counted, UntilClose
from llms.http1.head import MAX_HEAD_BYTES, Head, read

_MAX_INTERIM = 32
"""Answers of the kind "100 Continue" that are read over. Some servers send one now and then, to keep a line alive."""

_HEAD_END = re.compile(rb"\n\r?\n")


class Answer:
    """
    Reads one answer.

    Attributes:
        head: Its head; ``None`` until that has come.
        done: Whether all of it has come.
        broken: Whether what came is not HTTP; then the rest is not read.
        begun: Whether any byte has come.
        extra: Whether something came behind its end.
    """

    __slots__ = ("_body", "_interim", "_tail", "begun", "broken", "done", "extra", "head")

    def __init__(self) -> None:
        self._body: Body | None = None
        self._interim = 0
        self._tail = b""
        self.head: Head | None = None
        self.begun = self.done = self.broken = self.extra = False

    @property
    def beginning(self) -> bytes:
        """What has come of a head that is not whole, or not valid."""
        return self._tail

    def feed(self, data: bytes) -> bytes:
        """Take what arrived, at least a byte; give what of it is the body, maybe nothing."""
        body = self._body
        if body is None:
            if self.broken:
                return b""
            self.begun = True
            data = self._read_head(data)
            body = self._body
            if body is None or not (data or body.done):
                return b""
        if body.done:
            self.done = True
            self.extra = self.extra or bool(data)
            return b""
        if body.broken:
            return b""
        found = body.feed(data)
        self.done, self.broken, self.extra = body.done, body.broken, body.extra
        return found

    def close(self) -> None:
        """Take the orderly end of the connection: of a body that ends with it, the end."""
        if isinstance(self._body, UntilClose):
            self.done = True

    def _read_head(self, data: bytes) -> bytes:
        """Take bytes of the head; give what follows it."""
        searched = max(0, len(self._tail) - 2)
        tail = self._tail + data
        while (end := _HEAD_END.search(tail, searched)) is not None:
            found = None if end.end() > MAX_HEAD_BYTES else read(tail[: end.end()])
            interim = found is not None and found.status < 200 and found.status != 101
            self._interim += interim
            if found is None or self._interim > _MAX_INTERIM:
                break
            tail, searched = tail[end.end() :], 0
            if not interim:
                self._tail = b""
                self.head = found
                self._body = _body(found)
                return tail
        self._tail = tail[: MAX_HEAD_BYTES + 1]
        self.broken = end is not None or len(tail) > MAX_HEAD_BYTES
        return b""


def _body(head: Head) -> Body:
    if head.chunked:
        return Chunked()
    return UntilClose() if head.length is None else Counted(head.length)
