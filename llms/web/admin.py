"""The handlers of the admin API: keys and sessions. What they do, and for whom, is ``llms.admin``."""

import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import hdrs, web

from llms import session
from llms.admin import Admin, me, openapi, queries
from llms.auth import CARRIERS, presented
from llms.errors import InvalidRequestError, NotFoundError, StoreUnavailableError
from llms.keys import VirtualKey, digest
from llms.store import StoreError
from llms.web import body, respond
from llms.web.guard import KEY, REQUEST_ID, Handler
from llms.web.services import SERVICES, TIMES

_log = logging.getLogger("llms.web")

Work = Callable[[web.Request, Admin, VirtualKey | None], Awaitable[web.StreamResponse]]


def admin(request: web.Request) -> Admin:
    """
    Give what looks after keys and calls.

    Raises:
        NotFoundError: The gateway keeps neither.
    """
    found = request[SERVICES].admin
    if found is None:
        message = "This gateway keeps no keys and no calls. Set store.url in its configuration, or LLMS_STORE."
        raise NotFoundError(message, code="no_store")
    return found


def answering(work: Work) -> Handler:
    """Give the handler that does ``work`` with the store, and tells of the store's failures."""

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            return await work(request, admin(request), request.get(KEY))
        except StoreError as error:
            raise unavailable(error) from error

    return handle


def unavailable(error: StoreError) -> StoreUnavailableError:
    """Tell the log what is wrong with the store, and give what a client may know of it."""
    _log.error("the store failed: %s", error)
    return StoreUnavailableError("What keys and calls are kept in does not answer. Send the request again in a moment.")


async def _json(request: web.Request) -> dict[str, Any]:
    return await body.read(request, request[SERVICES].limits, request[TIMES])


def _query(request: web.Request, known: Mapping[str, queries.Param]) -> dict[str, Any]:
    return queries.read(known, request.query.items())


async def log_in(request: web.Request) -> web.StreamResponse:
    """``POST /admin/v1/session``: a cookie for the key that comes with the request."""
    services, caller = request[SERVICES], request.get(KEY)
    if await _json(request):
        message = "The body must be {}: the key goes into a header."
        raise InvalidRequestError(message, code="unknown_parameter")
    try:
        mine = await me(caller, services.admin, None)
    except StoreError as error:
        raise unavailable(error) from error
    answer = respond.json({"key": mine["key"]}, request[REQUEST_ID])
    shown = presented({name: request.headers.getall(name, []) for name in CARRIERS})
    if caller is not None and shown and services.sessions is not None:
        value = services.sessions.issue(caller.id, digest(min(shown)), time.time(), secrets.token_urlsafe(16))
        _set_cookie(request, answer, value, session.MAX_AGE_S)
    return answer


async def log_out(request: web.Request) -> web.StreamResponse:
    """``DELETE /admin/v1/session``: the browser is told to forget its cookie."""
    answer = web.Response(status=204, headers={"Server": "llms", "Cache-Control": "no-store"})
    _set_cookie(request, answer, "", 0)
    return answer


def _set_cookie(request: web.Request, answer: web.Response, value: str, max_age_s: int) -> None:
    # Behind a proxy that ends TLS only the browser knows of it; what it says is about its own cookie.
    secure = request.secure or request.headers.get(hdrs.ORIGIN, "").startswith("https:")
    name = session.SECURE_COOKIE if secure else session.COOKIE
    answer.set_cookie(name, value, max_age=max_age_s, path="/", httponly=True, samesite="Strict", secure=secure)


async def who(request: web.Request) -> web.StreamResponse:
    """``GET /admin/v1/me``: who asks, and what was taken so far."""
    services = request[SERVICES]
    try:
        mine = await me(request.get(KEY), services.admin, services.takings)
    except StoreError as error:
        raise unavailable(error) from error
    return respond.json(mine, request[REQUEST_ID])


async def document(request: web.Request) -> web.StreamResponse:
    """``GET /admin/v1/openapi.json``: the API's own description."""
    return respond.json(openapi.document(), request[REQUEST_ID])


async def _list(request: web.Request, found: Admin, caller: VirtualKey | None) -> web.StreamResponse:
    revoked = _query(request, queries.KEYS).get("revoked", False)
    return respond.json(await found.keys.all(caller, revoked=revoked), request[REQUEST_ID])


async def _make(request: web.Request, found: Admin, caller: VirtualKey | None) -> web.StreamResponse:
    return respond.json(await found.keys.make(caller, await _json(request)), request[REQUEST_ID], 201)


async def _one(request: web.Request, found: Admin, caller: VirtualKey | None) -> web.StreamResponse:
    return respond.json(await found.keys.one(caller, request.match_info["id"]), request[REQUEST_ID])


async def _change(request: web.Request, found: Admin, caller: VirtualKey | None) -> web.StreamResponse:
    changed = await found.keys.change(caller, request.match_info["id"], await _json(request))
    return respond.json(changed, request[REQUEST_ID])


async def _rotate(request: web.Request, found: Admin, caller: VirtualKey | None) -> web.StreamResponse:
    changed = await found.keys.rotate(caller, request.match_info["id"], await _json(request))
    return respond.json(changed, request[REQUEST_ID])


async def _revoke(request: web.Request, found: Admin, caller: VirtualKey | None) -> web.StreamResponse:
    changed = await found.keys.revoke(caller, request.match_info["id"], await _json(request))
    return respond.json(changed, request[REQUEST_ID])


list_keys = answering(_list)
make_key = answering(_make)
one_key = answering(_one)
change_key = answering(_change)
rotate_key = answering(_rotate)
revoke_key = answering(_revoke)
