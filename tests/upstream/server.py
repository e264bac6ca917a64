"""
A scripted upstream on a real socket. It sends what a test tells it to, and remembers all that it got.

::

    async with Upstream() as upstream:
        upstream.on("POST", "/v1/chat/completions", openai.error(503), openai.stream(["Hel", "lo"]))
        ...
        assert 2 == len(upstream.requests)
"""

import asyncio
import contextlib
import json
import socket
import ssl
from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeVar

from tests.upstream.connection import Connection
from tests.upstream.framing import answer
from tests.upstream.request import Request
from tests.upstream.steps import PATIENCE_S, Script

Reaction = Script | Callable[[Request], Script]
"""What an upstream does about a request: a script, or a function that gives one."""

_T = TypeVar("_T")


class Upstream:
    """
    The upstream, for the length of an ``async with`` block, which raises at its end if a script could not be played.

    Args:
        host: Listen there; ``::`` is every address.
        port: Where a test has a network of its own; else any that is free.
        tls: Speak TLS with this.
        send_buffer: The kernel's send buffer in bytes, small to see soon that nobody reads.

    Attributes:
        requests: In the order of their arrival.
        connections: All that were ever opened, in order.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        send_buffer: int | None = None,
    ) -> None:
        self.requests: list[Request] = []
        self.connections: list[Connection] = []
        self.port = port
        self._host = host
        self._tls = tls
        self._send_buffer = send_buffer
        self._reactions: dict[tuple[str, str], list[Reaction]] = {}
        self._accept: list[Script] = [()]
        self._failures: list[str] = []
        self._arrival = asyncio.Event()

    @property
    def url(self) -> str:
        """Without a slash at the end."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def connections_open(self) -> int:
        """How many connections are open now."""
        return sum(connection.closed_at is None for connection in self.connections)

    def on(self, method: str, path: str, *reactions: Reaction) -> None:
        """Say what requests for ``path`` get, one after the other; the last one again and again. Forgets what was said before."""
        self._reactions[method, path] = list(reactions)

    def on_accept(self, *scripts: Script) -> None:
        """Say what new connections get before anything is read from them; the last one again and again."""
        self._accept = list(scripts)

    async def received(self, count: int = 1) -> Request:
        """Wait until ``count`` requests have come; give that one."""
        async with asyncio.timeout(PATIENCE_S):
            while len(self.requests) < count:
                self._arrival.clear()
                await self._arrival.wait()
        return self.requests[count - 1]

    async def quiet(self, within_s: float = 1.0) -> bool:
        """Wait until no connection is open; say whether that came in time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await asyncio.gather(*(connection.gone.wait() for connection in self.connections))
        return self.connections_open == 0

    async def __aenter__(self) -> Self:
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        every = self._host == "::"
        listener = socket.create_server((self._host, self.port), family=family, backlog=1024, dualstack_ipv6=every)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # asyncio does it for its own sockets only
        if self._send_buffer is not None:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self._send_buffer)
        self.port = listener.getsockname()[1]
        self._server = await asyncio.get_running_loop().create_server(
            lambda: Connection(self._opened, self._asked, self._failures.append), sock=listener, ssl=self._tls
        )
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self._server.close()
        await asyncio.gather(*(connection.abandon() for connection in self.connections))
        await self._server.wait_closed()
        if not self._failures:
            return
        said = "upstream: " + "; ".join(self._failures)
        if error is None:
            raise AssertionError(said)
        error.add_note(said)

    def _opened(self, connection: Connection) -> Script:
        self.connections.append(connection)
        return _next(self._accept)

    def _asked(self, request: Request) -> Script:
        self.requests.append(request)
        self._arrival.set()
        reactions = self._reactions.get((request.method, request.path))
        if not reactions:
            said = f"{request.method} {request.path} has no script"
            self._failures.append(said)
            return answer(json.dumps({"error": said}).encode(), status=500)
        reaction = _next(reactions)
        return reaction(request) if callable(reaction) else reaction


def _next(left: list[_T]) -> _T:
    return left.pop(0) if len(left) > 1 else left[0]
