"""
What stands before every handler (the host, the origin, the key) and behind it (every failure in our envelope).

A web page anywhere can make a browser send requests to a gateway on the same machine. Three checks stop it, none of
which needs a key: the ``Host`` must be one that the gateway goes by (a page that rebinds its own name to 127.0.0.1
sends its own name), the ``Origin`` must be the gateway's own or an allowed one, and only ``application/json`` is read
(which a page cannot send elsewhere without asking first).
"""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

from aiohttp import HttpVersion10, hdrs, web
from aiohttp.typedefs import Middleware

from llms import session
from llms.auth import CARRIERS, COOKIE
from llms.errors import (
    GatewayError,
    InternalError,
    InvalidRequestError,
    MethodNotAllowedError,
    MisdirectedHostError,
    NotAllowedError,
    NotFoundError,
    OverloadedError,
    UnauthenticatedError,
)
from llms.keys import VirtualKey
from llms.times import HEADER
from llms.web import respond
from llms.web.connection import own_address
from llms.web.connection import times as begun
from llms.web.guesses import Guesses
from llms.web.hosts import goes_by
from llms.web.inference import Inquiry
from llms.web.origins import cross_origin
from llms.web.outlet import StreamOutlet
from llms.web.policy import Policy
from llms.web.services import SERVICES, TIMES, Live

_log = logging.getLogger("llms.web")

_T = TypeVar("_T")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

REQUEST_ID = web.RequestKey("request_id", str)
KEY = web.RequestKey("key", VirtualKey)
INQUIRY = web.RequestKey("inquiry", Inquiry)

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_MAX_PATH = 2048


def middleware(live: Live) -> Middleware:
    """
    Give the one middleware of the application.

    Args:
        live: Has the services that a request is handled with.
    """

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        with live.now as services:
            request[SERVICES] = services
            try:
                return await _guarded(request, handler, services.policy, live.guesses)
            finally:
                request.pop(INQUIRY, None)  # or a request and its stream would keep each other alive

    return guard


async def _guarded(request: web.Request, handler: Handler, policy: Policy, guesses: Guesses) -> web.StreamResponse:
    times = request[TIMES] = begun(request)
    request_id = respond.new_id()
    request[REQUEST_ID] = request_id
    origin: str | None = None

    async def handled() -> web.StreamResponse:
        nonlocal origin
        _require_sane_target(request)
        _require_host(request, policy.hosts)
        origin = _require_origin(request, policy.origins)
        if request.method == hdrs.METH_OPTIONS:
            return _preflight(request, request_id, origin)
        if not _public(request, policy.public):
            _require_own_page(request)
            await _authenticate(request, policy, guesses)
        times.known()
        try:
            return await handler(request)
        except web.HTTPException as error:
            response = _failure(request, _translated(request, error), request_id)
            if isinstance(error, web.HTTPMethodNotAllowed):
                response.headers[hdrs.ALLOW] = ", ".join(sorted(error.allowed_methods))
            return response

    failed = await caught(handled, request_id)
    if isinstance(failed, web.StreamResponse):
        response = failed
    else:
        response = await _failed(request, failed, request_id)
    if not response.prepared:
        response.headers.setdefault("x-request-id", request_id)
        _let_read(response, origin)
        response.headers[HEADER] = times.header()
    return response


async def caught(work: Callable[[], Awaitable[_T]], request_id: str) -> "_T | GatewayError":
    """
    Do what a request asks for; give the failure to tell its client of, whatever has failed.

    Raises:
        ConnectionError: The client is gone.
        TimeoutError: As well.
    """
    try:
        return await work()
    except GatewayError as error:
        return error
    except (ConnectionError, TimeoutError):
        raise
    except MemoryError:
        _log.error("call %s failed: no memory", request_id)  # a traceback would need some
        return OverloadedError("The gateway has no memory for this request. Send it again in a moment.")
    except Exception:
        _log.exception("call %s failed", request_id)
        return InternalError(f"The gateway failed. Its log has the details under {request_id}.")


async def _failed(request: web.Request, error: GatewayError, request_id: str) -> web.StreamResponse:
    """Tell of a failure: with a status, or in the stream that has begun, where a second head would be part of it."""
    inquiry = request.get(INQUIRY)
    if inquiry is not None and inquiry.last_words is not None and await inquiry.last_words.say(error):
        assert isinstance(inquiry.outlet, StreamOutlet)  # noqa: S101 - all that aiohttp reads have one
        return inquiry.outlet.response
    return _failure(request, error, request_id)


def _let_read(response: web.StreamResponse, origin: str | None) -> None:
    vary = response.headers.get(hdrs.VARY)
    response.headers.update(cross_origin(origin))
    if vary and origin is not None:
        response.headers[hdrs.VARY] = f"{vary}, {hdrs.ORIGIN}"


def _failure(request: web.Request, error: GatewayError, request_id: str) -> web.Response:
    response = respond.failure(error, request_id)
    if inquiry := request.get(INQUIRY):
        response.headers.update(inquiry.trail_header())
    if request.body_exists and not request.content.is_eof():
        response.force_close()  # the rest of the body is not worth reading
    return response


def _require_sane_target(request: web.Request) -> None:
    if request.version < HttpVersion10:
        message = "HTTP/1.1 is spoken here."
        raise InvalidRequestError(message, code="malformed_request")
    target = request.raw_path if request.method != hdrs.METH_OPTIONS else "/"
    if not target.startswith("/"):
        message = "Send the path alone, as in 'POST /v1/chat/completions'."
        raise InvalidRequestError(message, code="malformed_request")
    if len(target) > _MAX_PATH:
        message = "There is no such path."
        raise NotFoundError(message)
    for name in request.query:
        if name.lower() in _QUERY_KEYS:
            message = "A key does not belong in an URL, where logs keep it. Send it as 'Authorization: Bearer <key>'."
            raise InvalidRequestError(message, code="malformed_request")


_QUERY_KEYS = frozenset({"api_key", "api-key", "apikey", "key", "access_token", "token"})


def _require_host(request: web.Request, hosts: frozenset[str]) -> None:
    values = request.headers.getall(hdrs.HOST, [])
    if len(values) == 1 and goes_by(values[0], hosts, own_address(request.transport)):
        return
    message = "This gateway does not go by that host name. If it should, add the name to server.allowed_hosts."
    raise MisdirectedHostError(message)


def _require_origin(request: web.Request, origins: frozenset[str]) -> str | None:
    values = request.headers.getall(hdrs.ORIGIN, [])
    if len(values) > 1:
        message = "The header Origin is there twice."
        raise InvalidRequestError(message, code="malformed_request")
    if values and values[0] in origins:
        return values[0]
    preflight = request.method == hdrs.METH_OPTIONS
    if request.method in _SAFE_METHODS and not preflight:
        return None
    foreign = bool(values) and not _same_origin(values[0], request)
    cross_site = request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site")
    if foreign or cross_site:
        message = "Pages of that origin may not use this gateway. If they should, add it to server.allowed_origins."
        raise NotAllowedError(message)
    return None


def _require_own_page(request: web.Request) -> None:
    """Refuse what another origin's page would have done with the gateway's cookie, even a page that may send a key."""
    if request.method in _SAFE_METHODS or any(name in request.headers for name in CARRIERS):
        return
    if not any(map(session.values, request.headers.getall(hdrs.COOKIE, ()))):
        return
    origin = request.headers.get(hdrs.ORIGIN)
    if origin is not None and not _same_origin(origin, request):
        message = "Only the gateway's own pages may use its cookie. Send a key."
        raise NotAllowedError(message)


def _same_origin(origin: str, request: web.Request) -> bool:
    # Compared, not parsed: two parsers that disagree have let many a page in.
    host = request.headers[hdrs.HOST]
    return origin in (f"http://{host}", f"https://{host}")


def _preflight(request: web.Request, request_id: str, origin: str | None) -> web.Response:
    wanted = request.headers.get(hdrs.ACCESS_CONTROL_REQUEST_HEADERS, "")
    headers = {
        "Allow": "GET, HEAD, POST, OPTIONS",
        "Access-Control-Allow-Methods": "GET, HEAD, POST, OPTIONS",
        "Access-Control-Max-Age": "86400",
        "Server": "llms",
        "x-request-id": request_id,
        **cross_origin(origin),
    }
    if wanted:
        headers["Access-Control-Allow-Headers"] = wanted
    return web.Response(status=204, headers=headers)


def _public(request: web.Request, public: frozenset[str]) -> bool:
    # The router's own word for where the request goes, so that no two readings of a path can differ.
    resource = request.match_info.route.resource
    return resource is not None and resource.canonical in public


async def _authenticate(request: web.Request, policy: Policy, guesses: Guesses) -> None:
    values = {name: request.headers.getall(name) for name in (*CARRIERS, COOKIE) if name in request.headers}
    try:
        key = policy.keyring.authenticate(values)
    except UnauthenticatedError:
        if not values:  # nothing was guessed: a page, or a probe, finds out whether a key is needed
            raise
        key = await _authenticated_late(values, request.remote or "", policy, guesses)
    if key is not None:
        request[KEY] = key


async def _authenticated_late(
    values: Mapping[str, Sequence[str]], address: str, policy: Policy, guesses: Guesses
) -> VirtualKey | None:
    """Look again at a credential that is not known: it may have been made elsewhere, a moment ago."""
    if policy.catch_up is not None and not guesses.many(address):
        await policy.catch_up()
    try:
        return policy.keyring.authenticate(values)
    except UnauthenticatedError:
        guesses.wrong(address)
        raise


def _translated(request: web.Request, error: web.HTTPException) -> GatewayError:
    """Put aiohttp's own refusals into our words."""
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(error.allowed_methods))
        return MethodNotAllowedError(f"{request.method[:20]} is not for this path; {allowed} is.")
    return NotFoundError("There is no such path. The API is under /v1, as in POST /v1/chat/completions.")
