"""Clients that stop reading."""

import asyncio

from aiohttp import web


class StallWatch:
    """
    Cuts off a client that takes nothing of what is there for it: it would hold its call, and memory, for ever.

    Looks once every ``stall_s``, so that watching costs a write nothing; a client is cut off after one to two of them.
    One that takes little is left alone.

    Args:
        request: Of the answer.
        stall_s: How long a client may take nothing.
    """

    def __init__(self, request: web.BaseRequest, stall_s: float) -> None:
        self.writing = False
        self._request = request
        self._stall_s = stall_s
        self._taken = -1
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(stall_s, self._look)

    def stop(self) -> None:
        """Watch no more."""
        self._timer.cancel()

    def _look(self) -> None:
        transport = self._request.transport
        if transport is None:
            return
        taken = self._request.writer.output_size - transport.get_write_buffer_size() if self.writing else -1
        if taken >= 0 and taken == self._taken:
            transport.abort()  # closing would wait for what the client does not take
            return
        self._taken = taken
        self._timer = self._loop.call_later(self._stall_s, self._look)
