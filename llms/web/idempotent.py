"""
``Idempotency-Key`` at the endpoints that cost money: the answer of a request that was sent before.

What is kept, and why, is in ``llms.idempotency``. A request without the header pays for one look-up; the answer of one
with it is taken down as it is written, piece by piece, without a copy. A replay has the headers of the first answer,
its ``x-request-id`` among them, under which the log has the one call that there was; its times are the replay's own.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web
from multidict import istr

from llms import idempotency
from llms.apis.api import Encoder
from llms.errors import (
    ConnectTimeoutError,
    DrainingError,
    GatewayError,
    InvalidRequestError,
    OverloadedError,
    UpstreamTLSError,
    UpstreamUnreachableError,
)
from llms.idempotency import Answer, Claim, Name
from llms.records import Block
from llms.times import HEADER
from llms.trail import Trail
from llms.web import respond
from llms.web.origins import allowed_origin, cross_origin
from llms.web.services import SERVICES, TIMES

REPLAY = "x-idempotent-replay"

_HEADER = istr("Idempotency-Key")

_KEPT = (
    "Content-Type",
    "Cache-Control",
    "X-Accel-Buffering",
    "X-Content-Type-Options",
    "Server",
    "x-request-id",
    "x-llms-provider",
    "x-llms-model",
    "x-should-retry",
    "retry-after",
    "retry-after-ms",
)
"""Not those that are about one connection or one page: ``Date``, ``Access-Control-Allow-Origin``."""

_LONG = 64 << 10
"""
Bytes above which the digest of a request is made beside the loop, and a replay is written piece by piece: all at once,
it would be copied for each client that is slow to read it.
"""

_UNSENT = frozenset(
    kind.default_code for kind in (UpstreamUnreachableError, ConnectTimeoutError, UpstreamTLSError, OverloadedError)
)
"""Outcomes of attempts after which it is certain that no provider works on the request."""


def key(request: web.Request) -> str | None:
    """
    Give the request's key, if it has one.

    Raises:
        InvalidRequestError: It is not one, or there are two.
    """
    if _HEADER not in request.headers:
        return None
    values = request.headers.getall(_HEADER)
    if len(values) > 1:
        message = "The header Idempotency-Key is there twice. Send it once."
        raise InvalidRequestError(message, code="malformed_request")
    return idempotency.checked(values[0])


async def once(
    request: web.Request,
    name: str,
    body: Mapping[str, Any],
    trail: Trail,
    answer: Callable[[Claim], Awaitable[web.StreamResponse]],
) -> web.StreamResponse:
    """
    Give the answer that is kept under a key, or make it.

    Args:
        name: The key.
        body: As it was decoded.
        trail: Of the call, if there will be one.
        answer: Runs it. Given the claim, in which it takes down the answer if that is a stream.

    Raises:
        GatewayError: As ``answer`` and ``llms.idempotency.Answers.claim`` have it.
    """
    call = trail.call
    scope = Name(call.key.id if call.key else "", call.api, name)
    claim = await request[SERVICES].answers.claim(scope, await _digest(request, body))
    if isinstance(claim, Answer):
        return await _replay(request, claim)
    try:
        response = await answer(claim)
        if isinstance(response, web.Response):
            _keep(claim, response)
    except GatewayError as failure:
        if _is_final(failure, trail):
            _keep(claim, respond.failure(failure, call.id))
        raise
    else:
        return response
    finally:
        claim.free()  # unless the answer was kept


class Taken:
    """
    Takes down a stream as it is encoded. What is not encoded, a keep-alive, is no part of it.

    Args:
        encoder: Encodes it.
        claim: Where it is taken down.
        trail: Of its call.
        headers: Of the answer; read at its end.
    """

    def __init__(self, encoder: Encoder, claim: Claim, trail: Trail, headers: Mapping[str, str]) -> None:
        self._encoder = encoder
        self._claim = claim
        self._trail = trail
        self._headers = headers
        self._begun = False

    def feed(self, block: Block) -> bytes:
        """As ``Encoder`` has it."""
        self._begun = True
        data = self._encoder.feed(block)
        self._claim.add(data)
        return data

    def close(self) -> bytes:
        """As ``Encoder`` has it. The answer is whole, whether the client is there for its last bytes or not."""
        data = self._encoder.close()
        self._claim.add(data)
        self._claim.keep(200, _lasting(self._headers))
        return data

    def error(self, failure: GatewayError) -> bytes:
        """As ``Encoder`` has it. What breaks off is kept, whatever broke it, but for the gateway's own end."""
        data = self._encoder.error(failure)
        if (self._begun and not isinstance(failure, DrainingError)) or _is_final(failure, self._trail):
            self._claim.add(data)
            self._claim.keep(200, _lasting(self._headers))
        return data


async def _digest(request: web.Request, body: Mapping[str, Any]) -> bytes:
    if (request.content_length or _LONG) < _LONG:
        return idempotency.digest(body)
    return await asyncio.to_thread(idempotency.digest, body)


def _is_final(failure: GatewayError, trail: Trail) -> bool:
    """Whether a provider may have worked on a request that failed, and the client was not told to send it again."""
    return not failure.should_retry and any(attempt.outcome not in _UNSENT for attempt in trail.attempts)


def _keep(claim: Claim, response: web.Response) -> None:
    assert isinstance(response.body, bytes)  # noqa: S101 - all of ours are
    claim.add(response.body)
    claim.keep(response.status, _lasting(response.headers))


def _lasting(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: headers[name] for name in _KEPT if name in headers}


async def _replay(request: web.Request, answer: Answer) -> web.StreamResponse:
    headers = {**answer.headers, REPLAY: "true"}
    size = len(answer.body)
    if size <= _LONG:
        return web.Response(status=answer.status, headers=headers, body=answer.body)
    origin = allowed_origin(request, request[SERVICES].policy.origins)
    response = web.StreamResponse(status=answer.status, headers={**headers, **cross_origin(origin)})
    response.headers[HEADER] = request[TIMES].header()
    response.content_length = size
    await response.prepare(request)
    rest = memoryview(answer.body)
    for start in range(0, size, _LONG):
        await response.write(rest[start : start + _LONG])
    await response.write_eof()
    return response
