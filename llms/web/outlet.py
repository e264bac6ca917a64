"""A streamed answer on a connection of aiohttp's."""

import asyncio
from collections.abc import Mapping

from aiohttp import HttpVersion11, web

from llms.web.connection import Protocol
from llms.web.head import chunk


class StreamOutlet:
    """
    Writes a ``web.StreamResponse``; satisfies ``llms.web.event_stream.Outlet``.

    The head and the end are aiohttp's to write. What comes between goes to the transport itself, framed as aiohttp
    would, since its own way there is a coroutine.

    Args:
        request: What is answered.
    """

    def __init__(self, request: web.Request) -> None:
        self._request = request
        self._chunked = request.version >= HttpVersion11
        self.response: web.StreamResponse
        """There once the answer has begun."""

    async def begin(self, headers: Mapping[str, str], data: bytes) -> None:
        self.response = web.StreamResponse(headers=headers)
        await self.response.prepare(self._request)
        await self.response.write(data)

    def push(self, data: bytes) -> asyncio.Future[None] | None:
        transport, protocol = self._request.transport, self._request.protocol
        if transport is None or not isinstance(protocol, Protocol):
            return None  # the client is gone, and the handler is being cancelled
        transport.write(chunk(data) if self._chunked else data)
        return protocol.room.wait()

    async def end(self, data: bytes, *, close: bool) -> None:
        if close:
            self.response.force_close()
        await self.response.write_eof(data)
