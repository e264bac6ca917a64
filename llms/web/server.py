"""
aiohttp's server, with the things changed that a gateway cannot live with.

1. ``handler_cancellation`` is on: a client that goes away cancels its call at once.
2. A mistaken option is an error at start. aiohttp drops every custom limit with one warning.
3. Connections begin on a lane (``llms.web.lane``); what is handed over is a ``llms.web.connection.Protocol``.
4. A connection ends with the answer to a request for an upgrade, none of which is served. aiohttp's parser forgets what
   it has read behind most of them, so the connection may be out of step: a body would be taken for a request.
5. A version of HTTP other than 1.0 and 1.1 is refused, as aiohttp would answer as if in that version; so is a transfer
   coding other than ``chunked``, an empty one too, which a proxy in front may understand in another way.

Paths are brought to one spelling before they are routed, so that ``/chat/completions``, ``/v1/chat/completions/`` and
``//v1/chat/completions`` are one route and nobody is redirected: a 301 turns the official client's POST into a GET.
"""

import asyncio
import re
from collections.abc import Callable
from typing import Any

from aiohttp import hdrs, web
from aiohttp.http_parser import RawRequestMessage
from aiohttp.http_writer import HttpVersion10, HttpVersion11
from yarl import URL

from llms.errors import ExpectationFailedError, GatewayError, InvalidRequestError
from llms.times import HEADER, Times
from llms.web import respond, routes
from llms.web.connection import Bounds, Handler, Server
from llms.web.lane import KEEP_ALIVE_S, Lane
from llms.web.lanes import Lanes
from llms.web.services import LIVE, Live

_VERSIONS = (HttpVersion10, HttpVersion11)
_UNKNOWN = web.RequestKey("unknown", bool)

_PREFIX = re.compile(r"(?:/openai|/api)?(?:/v1)+/")


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
            keepalive_timeout=KEEP_ALIVE_S,
            lingering_time=2,
            auto_decompress=False,  # web.body decodes, under the size limit
        )
        self._live = app[LIVE]

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        factory = made.request_factory

        def canonical(message: RawRequestMessage, *rest: Any) -> web.BaseRequest:
            path = canonical_path(message.path or "*")  # a CONNECT may have none
            if path is not message.path:
                message = message._replace(path=path, url=URL(path, encoded=True))
            known = _known(message)
            if not known or message.upgrade:
                version = HttpVersion11 if message.version not in _VERSIONS else message.version
                message = message._replace(version=version, should_close=True)
            request = factory(message, *rest)
            request[_UNKNOWN] = not known
            return request

        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            times = Times()
            failure: GatewayError
            if request.get(_UNKNOWN):
                message = "Speak HTTP/1.1 to the gateway, with no Transfer-Encoding but 'chunked'."
                failure = InvalidRequestError(message, code="malformed_request")
            else:
                try:
                    return await made.request_handler(request)
                except web.HTTPExpectationFailed:
                    failure = ExpectationFailedError("Expect can be '100-continue' only. Leave the header out.")
            refused = respond.failure(failure, respond.new_id())
            refused.headers[HEADER] = times.header()
            return refused

        server = _Server(
            self._live,
            handle,
            bounds=lambda: self._live.now.services.bounds,
            request_factory=canonical,
            handler_cancellation=True,
            **made._kwargs,  # noqa: SLF001 - aiohttp's own, to be handed on
        )
        server.handler()  # fails at start, not at the first connection, if aiohttp does not know an option
        return server


class _Server(Server):
    """
    Begins each connection on a lane.

    Args:
        live: Has the services that a request is handled with.
    """

    def __init__(self, live: Live, handler: Handler, *, bounds: Callable[[], Bounds], **options: Any) -> None:
        super().__init__(handler, bounds=bounds, **options)
        self._lanes = Lanes(live, routes.plain(), bounds, self.handler)

    def __call__(self) -> Lane:  # type: ignore[override]  # a protocol is all that the loop wants
        return Lane(self._lanes)

    def pre_shutdown(self) -> None:
        super().pre_shutdown()
        self._lanes.close_idle()

    async def shutdown(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - aiohttp's name
        await asyncio.gather(super().shutdown(timeout), self._lanes.close(timeout))


def _known(message: RawRequestMessage) -> bool:
    """Whether its version and its framing are such that nobody can misunderstand them."""
    coding = message.headers.get(hdrs.TRANSFER_ENCODING, "chunked")
    return message.version in _VERSIONS and coding.strip().lower() == "chunked"


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


_API_ROOTS = frozenset({"chat", "completions", "embeddings", "models", "providers", "route"})
