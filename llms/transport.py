"""
The one way out: every request to a provider goes through here, and every foreign exception is translated here, once.

One pooled aiohttp client for the process. It follows no redirect (aiohttp drops ``Authorization`` on the way to
another origin but carries ``x-api-key`` and the prompt along), keeps no cookies, and lets idle connections go before
the servers do, which close theirs after 5 seconds at the earliest (uvicorn, vLLM). How many calls may run is for others
to bound.
"""

import asyncio
import errno
import functools
import ssl
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from types import SimpleNamespace, TracebackType
from typing import Any, Self, cast

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.connector import Connection
from aiohttp.helpers import _EXC_SENTINEL as _NO_CAUSE
from aiohttp.tracing import Trace

from llms.errors import (
    ConnectTimeoutError,
    GatewayError,
    OverloadedError,
    Retry,
    UpstreamBadResponseError,
    UpstreamDisconnectedError,
    UpstreamError,
    UpstreamEventTooLargeError,
    UpstreamTLSError,
    UpstreamTruncatedError,
    UpstreamUnreachableError,
)
from llms.records import UpstreamRequest

_KEEP_ALIVE_S = 4.0
_STALE_S = 1.0
_LINGER_S = 1.0
_LINGER_BYTES = 64 << 10
_READ_BYTES = 64 << 10
"""The largest block. A burst is cut into such pieces, so that no stream holds up the others or piles up in memory."""


class Transport:
    """
    The pooled client. Use as an async context manager; leaving it closes every connection.

    Args:
        connect_s: Longest wait for a connection, DNS and TLS included, where a request does not set its own.
        tls: Verifies providers' certificates; the system's trust store if left out.
    """

    def __init__(self, connect_s: float, tls: ssl.SSLContext | None = None) -> None:
        self._connect_s = connect_s
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None
        self._lingering: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        trace = aiohttp.TraceConfig()
        trace.on_connection_reuseconn.append(_note_reuse)
        self._session = aiohttp.ClientSession(
            connector=_Connector(limit=0, keepalive_timeout=_KEEP_ALIVE_S, ttl_dns_cache=30, ssl=self._tls or True),
            cookie_jar=aiohttp.DummyCookieJar(),
            trace_configs=[trace],
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._lingering:
            task.cancel()
        await asyncio.gather(*self._lingering, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def send(self, request: UpstreamRequest, connect_s: float | None = None) -> "Exchange":
        """Send ``request``; see ``llms.records.Send``."""
        assert self._session is not None, "the transport is used inside its context only"  # noqa: S101
        return Exchange(self._session, request, connect_s or self._connect_s, self._lingering)


class _Connector(aiohttp.TCPConnector):
    """aiohttp's, less two faults of 3.14.5 that only its private parts let one mend (U12 and U64 in tests/faults)."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._factory = cast("functools.partial[ResponseHandler]", functools.partial(_Connection, loop=self._loop))

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


async def _note_reuse(
    _session: aiohttp.ClientSession, context: SimpleNamespace, _params: aiohttp.TraceConnectionReuseconnParams
) -> None:
    context.trace_request_ctx["reused"] = True


class Exchange:
    """One request and its answer, as an async context manager; satisfies ``UpstreamResponse`` while it is open."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        request: UpstreamRequest,
        connect_s: float,
        lingering: set[asyncio.Task[None]],
    ) -> None:
        self._session = session
        self._request = request
        self._connect_s = connect_s
        self._lingering = lingering
        self._response: aiohttp.ClientResponse

    async def __aenter__(self) -> Self:
        request = self._request
        context: dict[str, bool] = {}
        loop = asyncio.get_running_loop()
        started_at = loop.time()
        try:
            self._response = await self._session.request(
                request.method,
                request.url,
                headers=request.headers,
                data=request.body,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=None, connect=self._connect_s),
                trace_request_ctx=context,
            )
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            stale = "reused" in context and loop.time() - started_at <= _STALE_S
            raise _before_answer(error, stale=stale) from None  # the cause's text may hold the request's headers
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        response = self._response
        if kind is None and not response.content.is_eof() and response.content.exception() is None:
            # The answer is complete, its framing is not: usually a chunk terminator on its way. Nobody waits for it.
            task = asyncio.create_task(_linger(response))
            self._lingering.add(task)
            task.add_done_callback(self._lingering.discard)
            task.add_done_callback(lambda _: response.close())  # also if it is cancelled before it begins
        else:
            response.close()

    @property
    def status(self) -> int:
        return self._response.status

    @property
    def headers(self) -> Mapping[str, str]:
        return self._response.headers

    @property
    def content_type(self) -> str:
        return self._response.headers.get("Content-Type", "").partition(";")[0].strip().lower()

    async def blocks(self) -> AsyncGenerator[bytes, None]:
        content = self._response.content
        try:
            while data := await content.read(_READ_BYTES):
                yield data
                if len(data) == _READ_BYTES:
                    await asyncio.sleep(0)  # more is there already: let others have their turn
        except (aiohttp.ClientError, OSError) as error:
            raise _within_answer(error) from None

    async def read(self, limit: int) -> bytes:
        pieces: list[bytes] = []
        length = 0
        async for data in self.blocks():
            pieces.append(data)
            length += len(data)
            if length > limit:
                message = "The provider's answer is over the size limit."
                raise UpstreamEventTooLargeError(message)
        return b"".join(pieces)


async def _linger(response: aiohttp.ClientResponse) -> None:
    """Read what little is left, so that the connection can be used again; give up if there is more than a little."""
    left = _LINGER_BYTES
    with suppress(aiohttp.ClientError, TimeoutError, OSError):
        async with asyncio.timeout(_LINGER_S):
            while left > 0 and (data := await response.content.readany()):
                left -= len(data)


def _before_answer(error: Exception, *, stale: bool) -> GatewayError:
    """Say what it means that a request got no answer."""
    if isinstance(error, aiohttp.InvalidURL) or not isinstance(error, aiohttp.ClientError | OSError):
        # An address or a header that cannot be sent; the error's own text quotes it.
        message = "The provider's address, or a header for it, is not valid. Check its base_url and its key."
        return UpstreamUnreachableError(message)
    if isinstance(error, TimeoutError):
        return ConnectTimeoutError("No connection to the provider in the time allowed (connect_s).")
    if isinstance(error, aiohttp.ClientConnectorError):
        return _not_connected(error)
    if isinstance(error, aiohttp.ClientResponseError):
        # aiohttp says status 400 here and puts the upstream's raw bytes into the message: neither is passed on.
        return UpstreamBadResponseError("The provider's answer is not valid HTTP.")
    if isinstance(error, aiohttp.ClientConnectionError | OSError):
        retry = Retry.STALE if stale else Retry.AMBIGUOUS
        return UpstreamDisconnectedError("The provider closed the connection without an answer.", retry=retry)
    return UpstreamBadResponseError("The provider's answer cannot be read.")


def _not_connected(error: aiohttp.ClientConnectorError) -> GatewayError:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return UpstreamTLSError("The provider's TLS certificate cannot be verified. Check its base_url.")
    if isinstance(error, aiohttp.ClientSSLError):
        message = "The TLS handshake with the provider failed. Check its base_url."
        return UpstreamTLSError(message, retry=_tls_retry(error))
    if error.os_error.errno in (errno.EMFILE, errno.ENFILE):
        return OverloadedError("The gateway has run out of file descriptors.", retry_after_s=1)
    if error.os_error.errno == errno.EADDRNOTAVAIL:
        return OverloadedError("The gateway has run out of ports for connections to this provider.", retry_after_s=1)
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return UpstreamUnreachableError("The provider's host name cannot be resolved. Check its base_url.")
    return UpstreamUnreachableError("The provider cannot be reached. Check its base_url, and that it runs.")


def _tls_retry(error: aiohttp.ClientConnectorError) -> Retry:
    # A handshake that was cut short may go through next time; one that was refused will not.
    return Retry.SAFE if isinstance(error.os_error, ConnectionError | TimeoutError) else Retry.NEVER


def _within_answer(error: Exception) -> UpstreamError:
    """Say what it means that an answer stopped before its end."""
    if isinstance(error.__cause__, aiohttp.http.HttpProcessingError) and not _cut(error.__cause__):
        return UpstreamBadResponseError("The provider's answer is not valid HTTP.")
    return UpstreamTruncatedError("The provider closed the connection before the answer was complete.")


def _cut(error: aiohttp.http.HttpProcessingError) -> bool:
    return "Not enough data" in error.message
