"""The handlers: a request becomes a call, its reply becomes an answer."""

import time
from functools import partial

from aiohttp import web

from llms.apis import chat_completions, completions, embeddings, reasoning_out
from llms.apis import models as models_api
from llms.apis.api import Api, Asked, Encoder
from llms.errors import DrainingError, GatewayError, ModelNotFoundError, OverloadedError
from llms.idempotency import Claim
from llms.records import Call, VirtualKey
from llms.trail import Trail
from llms.web import body, connection, idempotent, respond
from llms.web.guard import KEY, REQUEST_ID, TRAIL, Handler, allowed_origin, cross_origin, trail_header
from llms.web.services import LIVE, SERVICES, Live


def call(asked: Asked, api: Api, request_id: str, key: VirtualKey | None = None) -> Call:
    """Give the call that a request is."""
    return Call(
        id=request_id,
        started_at=int(time.time()),
        api=api.name,
        model=asked.model,
        stream=asked.stream,
        body=asked.body,
        key=key,
        include_usage=asked.include_usage,
    )


def inference(api: Api) -> Handler:
    """Give the handler of a dialect."""

    async def handle(request: web.Request) -> web.StreamResponse:
        services = request[SERVICES]
        live = request.app[LIVE]
        _require_room(live)
        name = idempotent.key(request)
        raw = await body.read(request, services.limits)
        _require_room(live)  # the body may have been long on its way
        asked = api.read(raw)
        trail = Trail(call(asked, api, request[REQUEST_ID], request.get(KEY)))
        if name is None:
            return await _answered(request, api, trail)
        return await idempotent.once(request, name, raw, trail, partial(_answered, request, api, trail))

    return handle


async def _answered(request: web.Request, api: Api, trail: Trail, claim: Claim | None = None) -> web.StreamResponse:
    request[TRAIL] = trail
    services = request[SERVICES]
    run = trail.call
    keys = services.reasoning if api.name == "chat.completions" else None
    if run.stream:
        return await _stream(request, trail, api.encoder(run), keys, claim)
    async with services.gateway.open(run, trail) as reply:
        answer = reply.answer if keys is None else reasoning_out.respelled_answer(reply.answer, keys)
        connection.allow(request, reply.target.terms.clocks.write_stall_s)
        headers = {**respond.served_by(reply.target), **trail_header(request)}
        return respond.json(api.answer(run, answer), run.id, headers=headers)


def _require_room(live: Live) -> None:
    if live.stopping.is_set():
        message = "The gateway is stopping. Send the request again."
        raise DrainingError(message, retry_after_s=1)
    if live.full and live.now.held > 1:
        message = "The gateway is short of memory. Send the request again in a moment."
        raise OverloadedError(message, retry_after_s=1)


async def _stream(
    request: web.Request, trail: Trail, encoder: Encoder, reasoning: tuple[str, ...] | None, claim: Claim | None
) -> web.StreamResponse:
    services = request[SERVICES]
    run = trail.call
    origin = allowed_origin(request, services.policy.origins)
    events = respond.EventStream(request, {"x-request-id": run.id, **cross_origin(origin)}, services.keepalive_s)
    if claim is not None:
        encoder = idempotent.Taken(encoder, claim, trail, events.headers)
    request[respond.LAST_WORDS] = respond.LastWords(events, encoder.error)
    try:
        async with services.gateway.open(run, trail) as reply:
            late = events.started
            events.add_headers({**respond.served_by(reply.target), **trail_header(request)})
            connection.allow(request, reply.target.terms.clocks.write_stall_s)
            assert reply.blocks is not None, "asked for as a stream"  # noqa: S101
            async for block in reply.blocks:
                sent = block if reasoning is None else reasoning_out.respelled_block(block, reasoning)
                if data := encoder.feed(sent):
                    await events.write(data)
            return await events.end((_comment(request) if late else b"") + encoder.close())
    except GatewayError as failure:
        if not events.started:
            raise
        return await events.end(_comment(request) + encoder.error(failure), close=True)
    finally:
        events.stop()


def _comment(request: web.Request) -> bytes:
    """Give the trail as a comment, which every client skips: where a keep-alive has gone out no header can."""
    return b"".join(b": trail " + value.encode() + b"\n\n" for value in trail_header(request).values())


async def explain_route(request: web.Request) -> web.StreamResponse:
    """``POST /v1/route/explain``: which targets a request would be tried on, and why not on the others."""
    services = request[SERVICES]
    raw = await body.read(request, services.limits)
    api = next((api for field, api in _BY_FIELD.items() if field in raw), chat_completions.API)
    if api is chat_completions.API and "messages" not in raw:
        raw = {**raw, "messages": [{"role": "user", "content": ""}]}
    run = call(api.read(raw), api, request[REQUEST_ID], request.get(KEY))
    return respond.json(await services.gateway.explain(run), run.id)


_BY_FIELD = {"input": embeddings.API, "prompt": completions.API}


async def list_models(request: web.Request) -> web.StreamResponse:
    """``GET /v1/models``."""
    found = request[SERVICES].catalog.models()
    return respond.json(models_api.listing(found), request[REQUEST_ID])


async def one_model(request: web.Request) -> web.StreamResponse:
    """``GET /v1/models/{id}``; an id may hold slashes."""
    name = request.match_info["id"]
    for model in request[SERVICES].catalog.models():
        if model.id == name:
            return respond.json(models_api.one(model), request[REQUEST_ID])
    message = f"There is no model {name[:200]!r}. GET /v1/models lists what is."
    raise ModelNotFoundError(message, param="model")


async def list_providers(request: web.Request) -> web.StreamResponse:
    """``GET /v1/providers``: which are on, why the others are not, and how many models each one serves, if known."""
    data = [
        {
            "id": state.name,
            "object": "provider",
            "on": state.on,
            "reason": state.reason,
            "models": None if state.models is None else len(state.models),
        }
        for state in request[SERVICES].catalog.providers()
    ]
    return respond.json({"object": "list", "data": data}, request[REQUEST_ID])


async def root(request: web.Request) -> web.StreamResponse:
    """``GET /v1``: what some clients probe before they use a base URL."""
    return respond.json({"object": "api", "models": "/v1/models"}, request[REQUEST_ID])


async def health(request: web.Request) -> web.StreamResponse:
    """``GET /healthz``: the process lives; degraded while the file of its configuration cannot be taken."""
    live = request.app[LIVE]
    state = {"status": "degraded", "reason": _DEGRADED} if live.degraded else {"status": "ok"}
    counts = {"failed_reloads": live.failed_reloads, "dropped_log_lines": live.dropped_lines()}
    return respond.json({**state, **counts}, request[REQUEST_ID])


_DEGRADED = (
    "The configuration's file was changed and cannot be taken as it is now. What it said before is in force. "
    "The log has each mistake with its place, and so does: llms config check"
)


async def ready(request: web.Request) -> web.StreamResponse:
    """``GET /readyz``: the gateway takes calls."""
    if request.app[LIVE].stopping.is_set():
        return respond.json({"status": "draining"}, request[REQUEST_ID], 503, {"retry-after": "1"})
    return respond.json({"status": "ok"}, request[REQUEST_ID])
