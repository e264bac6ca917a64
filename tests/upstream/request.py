"""The requests that reach a scripted upstream. Pure."""

import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import h11


@dataclass(frozen=True)
class Request:
    """
    A request as it came.

    Args:
        target: With the query.
        headers: Names in lower case, in order.
        head: The bytes up to and with the blank line.
        body: Without the chunked framing.
    """

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    head: bytes = field(repr=False)
    body: bytes

    @property
    def path(self) -> str:
        """The target without the query."""
        return self.target.partition("?")[0]

    @cached_property
    def json(self) -> Any:
        """The decoded body."""
        return json.loads(self.body)

    def header(self, name: str) -> str | None:
        """The header's value, several joined by a comma; ``None`` if it is absent."""
        values = [value for key, value in self.headers if key == name.lower()]
        return ", ".join(values) if values else None


class RequestReader:
    """Cuts what a client sends into requests; strict, so a malformed one raises ``h11.RemoteProtocolError``."""

    def __init__(self) -> None:
        self._restart(b"")

    def feed(self, data: bytes) -> list[Request]:
        """Take what one read found; give the requests that it completes."""
        requests: list[Request] = []
        while True:
            if data:
                self._raw += data
                self._parser.receive_data(data)
            if (request := self._next()) is None:
                return requests
            requests.append(request)
            data = self._parser.trailing_data[0]
            self._restart(b"")

    def _restart(self, raw: bytes) -> None:
        self._raw = bytearray(raw)
        self._parser = h11.Connection(h11.SERVER)
        self._head: h11.Request | None = None
        self._body = bytearray()

    def _next(self) -> Request | None:
        while True:
            event = self._parser.next_event()
            if isinstance(event, h11.Request):
                self._head = event
            elif isinstance(event, h11.Data):
                self._body += event.data
            elif isinstance(event, h11.EndOfMessage):
                return self._request()
            else:
                return None

    def _request(self) -> Request:
        assert self._head is not None
        return Request(
            method=self._head.method.decode("ascii"),
            target=self._head.target.decode("ascii"),
            headers=tuple((name.decode("ascii"), value.decode("latin-1")) for name, value in self._head.headers),
            head=bytes(self._raw[: self._raw.index(b"\r\n\r\n") + 4]),
            body=bytes(self._body),
        )
