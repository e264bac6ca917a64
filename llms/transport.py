"""
The one way out: every request to a provider goes through here, and every foreign exception is translated here, once.

One pooled aiohttp client for the process. It follows no redirect (aiohttp drops ``Authorization`` on the way to
another origin but carries ``x-api-key`` and the prompt along), keeps no cookies, and lets idle connections go before
the servers do, which close theirs after 5 seconds at the earliest (uvicorn, vLLM). How many calls may run is for others
to bound.
"""

import asyncio
import logging
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import suppress
from functools import lru_cache
from math import inf
from types import SimpleNamespace, TracebackType
from typing import Self

import aiohttp
from yarl import URL

from llms import egress
from llms.connector import Connector
from llms.errors import GatewayError, Retry, UpstreamAddressError, UpstreamEventTooLargeError
from llms.records import EnoughError, UpstreamRequest
from llms.resolver import Resolver
from llms.transport_failures import before_answer, begun, within_answer
from llms.wire.content_coding import inflater
from llms.wire.scrub import scrub

_log = logging.getLogger("llms.transport")

_KEEP_ALIVE_S = 4.0
_STALE_S = 1.0
_LINGER_S = 1.0
_LINGER_BYTES = 64 << 10
_LOGGED_TEXT = 200
_SECRET_LENGTH = 8
_LONG_BODY_BYTES = 256 << 10
_READ_BYTES = 64 << 10
"""The largest block. A burst is cut into such pieces, so that no stream holds up the others or piles up in memory."""


class Transport:
    """
    The pooled client. Use as an async context manager; leaving it closes every connection.

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
        self._names = names
        self._clients: dict[bool, _Client] = {}
        self._lingering: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        resolver = self._names()
        # Two pools, so that no connection to a private address is found where only a public one will do.
        self._clients = {strict: _Client(resolver, strict, self._tls or True) for strict in (False, True)}
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._lingering:
            task.cancel()
        await asyncio.gather(*self._lingering, return_exceptions=True)
        for client in self._clients.values():
            await client.session.close()

    def send(self, request: UpstreamRequest, connect_s: float | None = None, *, private: bool = False) -> "Exchange":
        """
        Send ``request``; see ``llms.records.Send``.

        Args:
            private: Whether a public name may lead to a private address; see ``llms.egress``.
        """
        assert self._clients, "the transport is used inside its context only"  # noqa: S101
        url = URL(request.url)
        strict = not private and url.scheme == "https" and egress.public_name(url.raw_host or "")
        return Exchange(self._clients[strict], request, url, connect_s or self._connect_s, self._lingering)


class _Client:
    """A pool, and a session that uses it."""

    def __init__(self, resolver: Resolver, strict: bool, tls: ssl.SSLContext | bool) -> None:  # noqa: FBT001
        trace = aiohttp.TraceConfig()
        trace.on_connection_reuseconn.append(_note_reuse)
        self.connector = Connector(resolver, public_only=strict, keepalive_timeout=_KEEP_ALIVE_S, ssl=tls)
        self.session = aiohttp.ClientSession(
            connector=self.connector,
            auto_decompress=False,  # wire.content_coding knows when to stop
            cookie_jar=aiohttp.DummyCookieJar(),
            trace_configs=[trace],
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        )
        self.session._retry_connection = False  # noqa: SLF001 - it would take the next stale connection


async def _note_reuse(
    _session: aiohttp.ClientSession, context: SimpleNamespace, _params: aiohttp.TraceConnectionReuseconnParams
) -> None:
    context.trace_request_ctx["reused"] = True


class Exchange:
    """One request and its answer, as an async context manager; satisfies ``UpstreamResponse`` while it is open."""

    def __init__(
        self,
        client: "_Client",
        request: UpstreamRequest,
        url: URL,
        connect_s: float,
        lingering: set[asyncio.Task[None]],
    ) -> None:
        self._client = client
        self._request = request
        self._url = url
        self._connect_s = connect_s
        self._lingering = lingering
        self._response: aiohttp.ClientResponse

    async def __aenter__(self) -> Self:
        try:
            self._response = await self._answer()
        except GatewayError as failure:
            if failure.retry is not Retry.STALE:
                raise
            # The server has closed one idle connection, so its others are not to be trusted: what is sent next, here
            # or by whoever decides on it, goes over a new one.
            self._client.connector.drop_idle(self._url.raw_host, self._url.port)
            if self._request.method != "GET":
                raise
            self._response = await self._answer()
        return self

    async def _answer(self) -> aiohttp.ClientResponse:
        request = self._request
        if egress.refused(self._url.raw_host or ""):
            message = "The gateway does not connect to the provider's address. Check its base_url."
            raise UpstreamAddressError(message)
        headers, data = _framed(request)
        context: dict[str, bool] = {}
        loop = asyncio.get_running_loop()
        started_at = loop.time()
        try:
            return await self._client.session.request(
                request.method,
                self._url,
                headers=headers,
                data=data,
                allow_redirects=False,
                timeout=_timeout(self._connect_s),
                trace_request_ctx=context,
            )
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            if isinstance(error, aiohttp.ClientResponseError):
                _note_bytes(error.message, request)
            stale = "reused" in context and loop.time() - started_at <= _STALE_S and not begun(error)
            failure = before_answer(error, tls=self._url.scheme == "https", stale=stale)
            raise failure from None  # the cause's text may hold the request's headers

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
        coding = inflater(self._response.headers.get("Content-Encoding", ""))
        try:
            while data := await content.read(_READ_BYTES):
                for piece in (data,) if coding is None else coding.feed(data):
                    yield piece
                    if len(piece) >= _READ_BYTES:
                        await asyncio.sleep(0)  # more is there already: let others have their turn
        except (aiohttp.ClientError, OSError) as error:
            raise within_answer(error) from None
        if coding is not None:
            coding.close()

    async def into(self, take: Callable[[bytes], Awaitable[None] | None]) -> None:
        async for data in self.blocks():
            try:
                room = take(data)
            except EnoughError:
                return
            if room is not None:
                await room

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


def _note_bytes(text: str, request: UpstreamRequest) -> None:
    """Log what came in place of HTTP, which is in aiohttp's text; a server may echo the key that it was sent."""
    if _log.isEnabledFor(logging.DEBUG):
        secrets = [word for value in request.headers.values() for word in value.split() if len(word) >= _SECRET_LENGTH]
        _log.debug("no HTTP from %s: %s", URL(request.url).raw_host, scrub(text, secrets)[:_LOGGED_TEXT])


@lru_cache(64)
def _timeout(connect_s: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=None, connect=connect_s, ceil_threshold=inf)  # to the millisecond


def _framed(request: UpstreamRequest) -> tuple[Mapping[str, str], bytes | AsyncGenerator[memoryview, None] | None]:
    """Give the headers and the body as they are handed on; a long body in pieces, whose length the headers tell."""
    body = request.body
    if body is None or len(body) <= _LONG_BODY_BYTES:
        return request.headers, body
    return {**request.headers, "Content-Length": str(len(body))}, _pieces(body)


async def _pieces(body: bytes) -> AsyncGenerator[memoryview, None]:
    # Sent piece by piece, a long body leaves room to notice an answer that comes before its end.
    view = memoryview(body)
    for start in range(0, len(body), _READ_BYTES):
        yield view[start : start + _READ_BYTES]
        await asyncio.sleep(0)


async def _linger(response: aiohttp.ClientResponse) -> None:
    """Read what little is left, so that the connection can be used again; give up if there is more than a little."""
    left = _LINGER_BYTES
    with suppress(aiohttp.ClientError, TimeoutError, OSError):
        async with asyncio.timeout(_LINGER_S):
            while left > 0 and (data := await response.content.readany()):
                left -= len(data)
