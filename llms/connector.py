"""
aiohttp's connection pool, less faults of 3.14.5.

Only its private parts let one mend them; they are cases U12, U62 and U64 of the fault catalogue.
"""

import functools
from typing import Any, cast

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.connector import Connection
from aiohttp.helpers import _EXC_SENTINEL as _NO_CAUSE
from aiohttp.tracing import Trace


class Connector(aiohttp.TCPConnector):
    """A pool whose connections can be dropped by origin, and whose connections with something left in them are."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
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


class _Connection(ResponseHandler):
    def set_exception(self, exc: BaseException, exc_cause: BaseException = _NO_CAUSE) -> None:
        # A body that breaks HTTP closes the connection, and whoever waits for the rest of the body waits for ever.
        super().set_exception(exc, exc_cause)
        if self._payload is not None and not self._payload.is_eof() and self._payload.exception() is None:
            broken = aiohttp.ClientPayloadError("broken")
            broken.__cause__ = exc
            self._payload.set_exception(broken)
