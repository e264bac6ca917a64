"""
aiohttp's server, with the three things changed that a gateway cannot live with.

1. A malformed request is answered in our envelope. aiohttp's own answer and its log line quote the offending header,
   which may be ``Authorization``.
2. ``handler_cancellation`` is on: a client that goes away cancels its call at once.
3. A mistaken option is an error at start. aiohttp drops every custom limit with one warning.

Paths are brought to one spelling before they are routed, so that ``/chat/completions``, ``/v1/chat/completions/`` and
``//v1/chat/completions`` are one route and nobody is redirected: a 301 turns the official client's POST into a GET.
"""

import logging
import re
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.http_parser import RawRequestMessage
from aiohttp.web_protocol import RequestHandler
from yarl import URL

from llms.errors import ExpectationFailedError, GatewayError, InternalError, InvalidRequestError
from llms.web import respond
from llms.web.services import LIVE
from llms.web.stall import StallWatch

_log = logging.getLogger("llms.web")

_Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

_LARGE = 64 << 10  # what fits into the socket's buffers is gone at once

_PREFIX = re.compile(r"(?:/openai|/api)?(?:/v1)+/")


class Protocol(RequestHandler):
    """One connection."""

    __slots__ = ("stall_s",)

    stall_s: Callable[[], float]

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - it quotes the request
    ) -> web.StreamResponse:
        """Answer what never reached a handler: bytes that are not HTTP, or a fault of the server itself."""
        if request.writer.output_size > 0:
            raise ConnectionError  # too late for an answer; aiohttp then closes the connection
        failure: GatewayError
        if isinstance(exc, HttpProcessingError) or status < 500:
            _log.debug("malformed request: %s", type(exc).__name__)
            failure = InvalidRequestError("The request is not valid HTTP.", code="malformed_request")
        else:
            _log.error("a handler failed", exc_info=exc)
            failure = InternalError("The gateway failed. Its log has the details.")
        response = respond.failure(failure, respond.new_id())
        response.force_close()
        return response

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send the answer, unless the client takes nothing of it; a stream has been sent already."""
        if not isinstance(resp, web.Response) or (resp.content_length or 0) < _LARGE:
            return await super().finish_response(request, resp, start_time)
        stall = StallWatch(request, self.stall_s())
        stall.writing = True
        try:
            return await super().finish_response(request, resp, start_time)
        finally:
            stall.stop()

    def log_exception(self, *_: Any, **__: Any) -> None:
        """Say nothing: ``handle_error`` has said what may be said."""


class Server(web.Server):
    """
    Makes a ``Protocol`` of each connection.

    Args:
        stall_s: Gives how long a client may take nothing of its answer.
        **options: As aiohttp has them.
    """

    def __init__(self, handler: _Handler, *, stall_s: Callable[[], float], **options: Any) -> None:
        super().__init__(handler, **options)
        self._stall_s = stall_s

    def __call__(self) -> RequestHandler:
        protocol = Protocol(self, loop=self._loop, **self._kwargs)
        protocol.stall_s = self._stall_s
        return protocol


class Runner(web.AppRunner):
    """
    Runs an application on ``Server``.

    Args:
        app: What to run.
        drain_s: How long calls may go on once the server stops.
    """

    def __init__(self, app: web.Application, drain_s: float) -> None:
        super().__init__(
            app,
            access_log=None,
            handle_signals=False,
            shutdown_timeout=drain_s,
            keepalive_timeout=75,  # nginx's default; also the deadline for a request's headers
            lingering_time=2,
            auto_decompress=False,  # web.body decodes, under the size limit
        )
        self._live = app[LIVE]

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        factory = made.request_factory

        def canonical(message: RawRequestMessage, *rest: Any) -> web.BaseRequest:
            path = canonical_path(message.path)
            if path is not message.path:
                message = message._replace(path=path, url=URL(path, encoded=True))
            return factory(message, *rest)

        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            try:
                return await made.request_handler(request)
            except web.HTTPExpectationFailed:
                failure = ExpectationFailedError("Expect can be '100-continue' only. Leave the header out.")
                return respond.failure(failure, respond.new_id())

        server = Server(
            handle,
            stall_s=lambda: self._live.now.services.pace.stall_s,
            request_factory=canonical,
            handler_cancellation=True,
            **made._kwargs,  # noqa: SLF001 - aiohttp's own, to be handed on
        )
        server()  # fails at start, not at the first connection, if aiohttp does not know an option
        return server


def canonical_path(target: str) -> str:
    """
    Give the one spelling of a request's target; the same object if it is that already.

    Args:
        target: Path and query, as sent. Another form (absolute, ``*``) is left alone.
    """
    if not target.startswith("/"):
        return target
    path, mark, query = target.partition("?")
    if "//" not in path and (path == "/" or not path.endswith("/")) and _named(path) is None:
        return target
    parts = [part for part in path.split("/") if part]
    clean = "/" + "/".join(parts)
    return (_named(clean) or clean) + mark + query


def _named(path: str) -> str | None:
    """Give the ``/v1`` form of an API path that lacks it or has too much of it."""
    if prefix := _PREFIX.match(path):
        return None if prefix[0] == "/v1/" else "/v1/" + path[prefix.end() :]
    return "/v1" + path if path.split("/")[1] in _API_ROOTS else None


_API_ROOTS = frozenset({"chat", "completions", "embeddings", "models", "providers"})
