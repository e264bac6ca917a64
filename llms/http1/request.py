"""The head of a request, in bytes. Of calls to one address with the same headers it differs by the length alone."""

import re
from dataclasses import dataclass, field
from functools import lru_cache

from yarl import URL

from llms import egress

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE = re.compile(r"[\t\x20-\x7e]*")
_TARGET = re.compile(r"/[\x21-\x7e]*")

_OURS = frozenset({"host", "content-length", "transfer-encoding", "connection", "te", "trailer", "upgrade", "expect"})
"""What says how the request is sent, which the caller does not know."""

_CREDENTIALS = frozenset({"authorization", "x-api-key", "api-key"})

_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})
"""Those whose answers say by themselves where they end, as HEAD's and CONNECT's do not."""


@dataclass(frozen=True, slots=True)
class Place:
    """
    Where a connection leads, and with which right. No two places share one.

    Args:
        host: A name or an address; without brackets.
        strict: Whether only public addresses will do; see ``llms.egress``.
        credential: The secret headers, if there are any; a connection is used for calls of one key only.
    """

    host: str
    port: int
    tls: bool
    strict: bool
    credential: tuple[tuple[str, str], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Prepared:
    """
    All of a request but its body.

    Args:
        refused: Whether nothing is ever sent there.
        open_head: The head, up to where the length goes.
        bare_head: The head of a request without a body.
    """

    place: Place
    refused: bool
    open_head: bytes = field(repr=False)
    bare_head: bytes = field(repr=False)

    def head(self, length: int) -> bytes:
        """Give the head of a request with a body of so many bytes."""
        return b"%bContent-Length: %d\r\n\r\n" % (self.open_head, length)


@lru_cache(256)
def prepared(method: str, url: str, headers: tuple[tuple[str, str], ...], *, private: bool) -> Prepared:
    """
    Give what can be known of a request before it is sent.

    Args:
        private: Whether a public name may lead to a private address.

    Raises:
        ValueError: The address or a header cannot be sent.
    """
    parts = URL(url)
    host, port, target = parts.raw_host, parts.port, parts.raw_path_qs
    if parts.scheme not in ("http", "https") or not host or port is None or parts.user is not None:
        raise ValueError
    if not (method in _METHODS and _TARGET.fullmatch(target) and all(_sendable(*header) for header in headers)):
        raise ValueError
    tls = parts.scheme == "https"
    credential = tuple((name, value) for name, value in headers if name.lower() in _CREDENTIALS)
    place = Place(host, port, tls, not private and tls and egress.public_name(host), credential)
    lines = [f"{method} {target} HTTP/1.1", f"Host: {parts.host_port_subcomponent}"]
    lines += [f"{name}: {value}" for name, value in headers]
    head = "\r\n".join([*lines, ""]).encode("ascii")
    bare = head + (b"\r\n" if method == "GET" else b"Content-Length: 0\r\n\r\n")
    return Prepared(place, egress.refused(host), head, bare)


def _sendable(name: str, value: str) -> bool:
    return bool(_TOKEN.fullmatch(name) and _VALUE.fullmatch(value)) and name.lower() not in _OURS
