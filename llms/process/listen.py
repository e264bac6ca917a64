"""
Listening, and what happens when a connection cannot be accepted because there are no descriptors left.

uvloop's loop accepts such a connection with a descriptor that it keeps for this, and closes it. asyncio's leaves it in
the kernel's queue and tries again a second later; but it does so for each of ``backlog`` places at once, in 3.11 to
3.13 at least, and logs a traceback for each. So it is given a backlog of one, and the kernel the real one.
"""

import asyncio
import errno
import logging
import os
import socket
from typing import Any

from aiohttp import web

_log = logging.getLogger("llms.listen")

_BACKLOG = 1024

_QUIET_S = 60.0
"""How often the log says that connections cannot be accepted."""

_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


async def listen(runner: web.AppRunner, host: str, port: int, *, reuse_port: bool) -> web.TCPSite:
    """
    Listen, and give what does.

    Raises:
        OSError: It cannot listen there.
    """
    loop = asyncio.get_running_loop()
    plain = isinstance(loop, asyncio.SelectorEventLoop)
    loop.set_exception_handler(_Complaints().handle)
    site = web.TCPSite(runner, host, port, reuse_port=reuse_port or None, backlog=1 if plain else _BACKLOG)
    await site.start()
    if plain:
        server = site._server  # noqa: SLF001 - there is no other way to its sockets
        assert isinstance(server, asyncio.Server)  # noqa: S101 - started above
        for listening in server.sockets:
            with socket.socket(fileno=os.dup(listening.fileno())) as same:
                same.listen(_BACKLOG)
    return site


class _Complaints:
    """What the loop complains of, with one line instead of a traceback for what is no bug."""

    def __init__(self) -> None:
        self._said_at = -_QUIET_S

    def handle(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Log a complaint."""
        error = context.get("exception")
        if "accept" not in str(context.get("message")) or getattr(error, "errno", None) not in _EXHAUSTED:
            loop.default_exception_handler(context)
        elif loop.time() - self._said_at >= _QUIET_S:
            self._said_at = loop.time()
            _log.error("connections cannot be accepted for now: %s (raise the limit: ulimit -n)", error)
