"""
aiohttp's connection pool: our names and our rule of where to connect to, less faults of 3.14.5.

Only its private parts let one mend those; they are cases U12, U62, U64 and U65 of the fault catalogue.
"""

import functools
import logging
import socket
from typing import Any, cast

import aiohttp
from aiohttp import AddrInfoType
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.connector import Connection
from aiohttp.helpers import _EXC_SENTINEL as _NO_CAUSE
from aiohttp.tracing import Trace

from llms import egress
from llms.resolver import Resolver

_log = logging.getLogger("llms.transport")

_RECEIVE_BUFFER_BYTES = 256 << 10
"""
What the kernel takes in advance for a client that does not read; it doubles it, to count its own overhead. Left alone,
Linux lets it grow to 6 MiB, or 32 where it was tuned, for every such stream. At 100 ms from a provider it still lets
2 MB/s through, tens of thousands of tokens a second.
"""


class AddressRefusedError(OSError):
    """
    A name leads to addresses that must not be connected to, and to no other.

    Args:
        private: Whether the option ``private`` would allow it.
    """

    def __init__(self, private: bool) -> None:  # noqa: FBT001
        super().__init__()
        self.private = private


class Connector(aiohttp.TCPConnector):
    """
    A pool whose connections can be dropped by origin, and whose connections with something left in them are.

    Args:
        resolver: Knows names.
        public_only: Refuse addresses of this machine and of private networks.
        options: As for ``aiohttp.TCPConnector``.
    """

    def __init__(self, resolver: Resolver, *, public_only: bool, **options: Any) -> None:
        names = _Names(resolver, public_only=public_only)
        super().__init__(resolver=names, use_dns_cache=False, limit=0, socket_factory=_socket, **options)
        self._factory = cast("functools.partial[ResponseHandler]", functools.partial(_Connection, loop=self._loop))

    def drop_idle(self, host: str | None, port: int | None) -> None:
        """Close every idle connection to that place: if one was closed by the server, so are its like."""
        for key in [key for key in self._conns if (key.host, key.port) == (host, port)]:
            for protocol, _ in self._conns.pop(key):
                protocol.close()

    async def _get(self, key: ConnectionKey, traces: list[Trace]) -> Connection | None:
        # Bytes that came while a connection lay in the pool would be read as the answer to the next request.
        while (connection := await super()._get(key, traces)) is not None:
            if connection.protocol is not None and not connection.protocol.should_close:
                return connection
            connection.close()
        return None


def _socket(address: AddrInfoType) -> socket.socket:
    family, kind, protocol, *_ = address
    made = socket.socket(family, kind, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
    return made


class _Names(AbstractResolver):
    def __init__(self, resolver: Resolver, *, public_only: bool) -> None:
        self._resolver = resolver
        self._public_only = public_only

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await self._resolver.addresses(host)
        addresses = egress.allowed(found, public_only=self._public_only)
        if not addresses:
            private = not all(egress.refused(address) for address in found)
            option = ', unless "private" is set for the provider' if private else ""
            _log.warning("%s leads to %s: not connected to%s", host, ", ".join(found), option)
            raise AddressRefusedError(private)
        return [
            ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=0)
            for address in addresses
        ]

    async def close(self) -> None: ...


class _Connection(ResponseHandler):
    def close(self) -> None:
        # Closing waits until the rest of a request is sent, and over TLS for the other side's goodbye: for ever, if the
        # other side does not read.
        self.abort()

    def set_exception(self, exc: BaseException, exc_cause: BaseException = _NO_CAUSE) -> None:
        # A body that breaks HTTP closes the connection, and whoever waits for the rest of the body waits for ever.
        super().set_exception(exc, exc_cause)
        if self._payload is not None and not self._payload.is_eof() and self._payload.exception() is None:
            broken = aiohttp.ClientPayloadError("broken")
            broken.__cause__ = exc
            self._payload.set_exception(broken)
