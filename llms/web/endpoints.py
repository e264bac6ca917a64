"""The handlers: a request becomes a call, its reply becomes an answer."""

import asyncio
import time
from dataclasses import dataclass

from aiohttp import web

from llms.apis import models as models_api
from llms.apis import reasoning_out
from llms.apis.api import Api, Asked, Encoder
from llms.catalog import Catalog
from llms.errors import DrainingError, GatewayError, ModelNotFoundError
from llms.gateway import Gateway
from llms.records import Call, VirtualKey
from llms.web import body, respond
from llms.web.guard import KEY, REQUEST_ID, Handler, Policy, allowed_origin, cross_origin


@dataclass(frozen=True, slots=True)
class Services:
    """
    What handlers need.

    Args:
        pace: How long a stream may stand still.
        stopping: Set once the process has been told to stop.
        reasoning: The keys that chat completions have reasoning under; ``None`` for those that it has inside.
    """

    gateway: Gateway
    catalog: Catalog
    policy: Policy
    limits: body.Limits
    pace: respond.Pace
    stopping: asyncio.Event
    reasoning: tuple[str, ...] | None = None


SERVICES = web.AppKey("services", Services)


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
        services = request.app[SERVICES]
        if services.stopping.is_set():
            message = "The gateway is stopping. Send the request again."
            raise DrainingError(message, retry_after_s=1)
        asked = api.read(await body.read(request, services.limits))
        run = call(asked, api, request[REQUEST_ID], request.get(KEY))
        keys = services.reasoning if api.name == "chat.completions" else None
        if run.stream:
            return await _stream(request, run, api.encoder(run), keys)
        async with services.gateway.open(run) as reply:
            answer = reply.answer if keys is None else reasoning_out.respelled_answer(reply.answer, keys)
            return respond.json(api.answer(run, answer), run.id, headers=respond.served_by(reply.target))

    return handle


async def _stream(
    request: web.Request, run: Call, encoder: Encoder, reasoning: tuple[str, ...] | None
) -> web.StreamResponse:
    services = request.app[SERVICES]
    origin = allowed_origin(request, services.policy.origins)
    events = respond.EventStream(request, {"x-request-id": run.id, **cross_origin(origin)}, services.pace)
    try:
        async with services.gateway.open(run) as reply:
            events.add_headers(respond.served_by(reply.target))
            async for block in reply.blocks:
                sent = block if reasoning is None else reasoning_out.respelled_block(block, reasoning)
                if data := encoder.feed(sent):
                    await events.write(data)
            return await events.end(encoder.close())
    except GatewayError as failure:
        if not events.started:
            raise
        return await events.end(encoder.error(failure), close=True)
    finally:
        events.stop()


async def list_models(request: web.Request) -> web.StreamResponse:
    """``GET /v1/models``."""
    found = request.app[SERVICES].catalog.models()
    return respond.json(models_api.listing(found), request[REQUEST_ID])


async def one_model(request: web.Request) -> web.StreamResponse:
    """``GET /v1/models/{id}``; an id may hold slashes."""
    name = request.match_info["id"]
    for model in request.app[SERVICES].catalog.models():
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
        for state in request.app[SERVICES].catalog.providers()
    ]
    return respond.json({"object": "list", "data": data}, request[REQUEST_ID])


async def root(request: web.Request) -> web.StreamResponse:
    """``GET /v1``: what some clients probe before they use a base URL."""
    return respond.json({"object": "api", "models": "/v1/models"}, request[REQUEST_ID])


async def health(request: web.Request) -> web.StreamResponse:
    """``GET /healthz``: the process lives."""
    return respond.json({"status": "ok"}, request[REQUEST_ID])


async def ready(request: web.Request) -> web.StreamResponse:
    """``GET /readyz``: the gateway takes calls."""
    if request.app[SERVICES].stopping.is_set():
        return respond.json({"status": "draining"}, request[REQUEST_ID], 503, {"retry-after": "1"})
    return respond.json({"status": "ok"}, request[REQUEST_ID])
