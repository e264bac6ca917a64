"""
The one way out: every request to a provider goes through here, and every foreign exception is translated, once.

One client of HTTP/1.1 for the process, ``llms.http1``. It follows no redirect, keeps no cookies and knows no proxy, as
the configuration has none. Connections are shared by calls to one place with one key, and none that may lead to a
private address is used where only a public one will do. How many calls may run is for others to bound.
"""

import asyncio
import logging
import ssl
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import suppress
from functools import lru_cache, partial
from types import TracebackType
from typing import Self

from llms.errors import GatewayError, Retry, UpstreamBadResponseError, UpstreamEventTooLargeError
from llms.exchange import EnoughError, UpstreamRequest
from llms.http1.connect import connect
from llms.http1.connection import Connection
from llms.http1.head import Head
from llms.http1.pool import Pool
from llms.http1.pour import Sink, pour
from llms.http1.reads import reads
from llms.http1.request import Place, Prepared, prepared
from llms.http1.tls import verifying
from llms.resolver import Resolver
from llms.times import ATTEMPT, AttemptTimes
from llms.transport_failures import address_refused, no_answer, not_sendable
from llms.wire.content_coding import inflater
from llms.wire.scrub import scrub

_log = logging.getLogger("llms.transport")

_STALE_S = 1.0
_LOGGED_TEXT = 200
_SECRET_LENGTH = 8
_AS_IT_IS = ("", "identity")
_LONG_BODY_BYTES = 256 << 10


class Transport:
    """
    The client. Use as an async context manager; leaving it closes every connection.

    Args:
        connect_s: Longest wait for a connection, DNS and TLS included, where a request does not set its own.
        tls: Verifies providers' certificates; the system's trust store if left out.
        names: Makes what knows names.
    """

    def __init__(
        self,
        connect_s: float,
        tls: ssl.SSLContext | None = None,
        names: Callable[[], Resolver] = Resolver,
    ) -> None:
        self._connect_s = connect_s
        self._tls = tls
        self._make_names = names
        self._names: Resolver
        self._pool: Pool | None = None

    async def __aenter__(self) -> Self:
        self._names = self._make_names()
        self._pool = Pool(asyncio.get_running_loop())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._pool is not None:
            await self._pool.close()

    def send(self, request: UpstreamRequest, connect_s: float | None = None, *, private: bool = False) -> "Exchange":
        """
        Send ``request``; see ``llms.exchange.Send``.

        Args:
            private: Whether a public name may lead to a private address; see ``llms.egress``.
        """
        assert self._pool is not None, "the transport is used inside its context only"  # noqa: S101
        return Exchange(self, self._pool, request, connect_s or self._connect_s, private=private)

    async def connect(self, pool: Pool, place: Place, within_s: float) -> Connection:
        """Open a connection; as ``llms.http1.connect``."""
        if place.tls and self._tls is None:
            self._tls = verifying()
        tls = self._tls if place.tls else None
        return await connect(place, self._names, tls, within_s, lambda: pool.new(place))


class Exchange:
    """
    One request and its answer, as an async context manager; satisfies ``UpstreamResponse`` while it is open.

    Attributes:
        reused: Whether the connection had been used before.
    """

    __slots__ = (
        "_connect_s", "_connection", "_head", "_pool", "_private", "_reads", "_request", "_sent", "_times",
        "_transport", "reused",
    )  # fmt: skip

    def __init__(
        self, transport: Transport, pool: Pool, request: UpstreamRequest, connect_s: float, *, private: bool
    ) -> None:
        self._transport = transport
        self._pool = pool
        self._request: UpstreamRequest | None = request  # until it is sent: a stream outlives its request by far
        self._sent = request.headers
        self._connect_s = connect_s
        self._private = private
        self._connection: Connection
        self._head: Head
        self._reads: AsyncGenerator[bytes, None] | None = None
        self._times: AttemptTimes | None = None
        self.reused = False

    async def __aenter__(self) -> Self:
        request, self._request = self._request, None
        assert request is not None, "entered once"  # noqa: S101
        try:
            what = prepared(request.method, request.url, tuple(request.headers.items()), private=self._private)
        except ValueError:
            raise not_sendable() from None
        if what.refused:
            raise address_refused()
        try:
            self._head = await self._answer(what, request.body)
        except GatewayError as failure:
            if failure.retry is not Retry.STALE:
                raise
            # The server has closed one idle connection, so its others are not to be trusted: what is sent next, here
            # or by whoever decides on it, goes over a new one.
            self._pool.drop(what.place)
            if request.method != "GET":
                raise
        else:
            return self
        self._head = await self._answer(what, request.body)
        return self

    async def _answer(self, what: Prepared, body: bytes | None) -> Head:
        times = self._times = ATTEMPT.get()
        if times is not None:
            times.asked()
        now = asyncio.get_running_loop().time
        started_at = now()
        connection = self._pool.take(what.place, started_at)
        self.reused = connection is not None
        if connection is None:
            connection = await self._transport.connect(self._pool, what.place, self._connect_s)
        if times is not None:
            times.connected(reused=self.reused)
        self._connection = connection
        over = True
        try:
            if body is None:
                connection.ask(what.bare_head)
            elif len(body) <= _LONG_BODY_BYTES:
                connection.ask(what.head(len(body)) + body)
            else:
                await connection.ask_at_length(what.head(len(body)), body)
            head = await connection.head()
            over = head is None
        except UpstreamBadResponseError:
            self._note_bytes(what.place.host)
            raise
        finally:
            if over:
                connection.abort()
        if head is None:
            stale = self.reused and now() - started_at <= _STALE_S and not self._begun(connection)
            raise no_answer(stale=stale)
        if times is not None:
            times.headed()
        return head

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._connection.leave(well=kind is None)

    @property
    def status(self) -> int:
        return self._head.status

    @property
    def headers(self) -> Mapping[str, str]:
        return self._head.headers

    @property
    def content_type(self) -> str:
        return _media_type(self._head.headers.value(b"content-type") or "")

    def blocks(self) -> AsyncGenerator[bytes, None]:
        if self._reads is None:
            self._reads = reads(self._connection, inflater(self._coding))
        return self._reads

    async def into(self, sink: Sink) -> None:
        if self._coding in _AS_IT_IS:
            await pour(self._connection, sink)
            return
        with suppress(EnoughError):
            async for piece in self.blocks():  # compressed, which nobody asked for: no need to be quick
                if (busy := sink(piece)) is not None:
                    await busy

    async def read(self, limit: int) -> bytes:
        pieces: list[bytes] = []
        length = 0
        following = self._connection.read if self._coding in _AS_IT_IS else partial(anext, self.blocks(), b"")
        while data := await following():
            pieces.append(data)
            length += len(data)
            if length > limit:
                message = "The provider's answer is over the size limit."
                raise UpstreamEventTooLargeError(message)
        if self._times is not None:
            self._times.whole()
        return b"".join(pieces)

    @staticmethod
    def _begun(connection: Connection) -> bool:
        return connection.answer is not None and connection.answer.begun

    @property
    def _coding(self) -> str:
        return (self._head.headers.value(b"content-encoding") or "").lower()

    def _note_bytes(self, host: str) -> None:
        """Log what came in place of HTTP; a server may echo the key that it was sent."""
        if _log.isEnabledFor(logging.DEBUG):
            words = [word for value in self._sent.values() for word in value.split()]
            secrets = [word for word in words if len(word) >= _SECRET_LENGTH]
            answer = self._connection.answer
            text = "" if answer is None else answer.beginning.decode("utf-8", "replace")
            _log.debug("no HTTP from %s: %s", host, scrub(text, secrets)[:_LOGGED_TEXT])


@lru_cache(64)
def _media_type(value: str) -> str:
    return value.partition(";")[0].strip().lower()
