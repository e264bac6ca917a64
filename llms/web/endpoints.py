"""The handlers."""

from functools import partial

from aiohttp import web

from llms.apis import chat_completions, completions, embeddings
from llms.apis import models as models_api
from llms.apis.api import Api
from llms.errors import ModelNotFoundError
from llms.idempotency import Claim
from llms.records import Model
from llms.trail import Trail
from llms.web import body, connection, idempotent, respond
from llms.web.guard import INQUIRY, KEY, REQUEST_ID, Handler
from llms.web.inference import TRAIL_HEADER, Inquiry, answered, call, require_room
from llms.web.origins import allowed_origin, cross_origin
from llms.web.outlet import StreamOutlet
from llms.web.services import LIVE, SERVICES, TIMES


def inference(api: Api) -> Handler:
    """Give the handler of a dialect."""

    async def handle(request: web.Request) -> web.StreamResponse:
        services, times = request[SERVICES], request[TIMES]
        live = request.app[LIVE]
        require_room(live)
        name = idempotent.key(request)
        raw = await body.read(request, services.limits, times)
        require_room(live)  # the body may have been long on its way
        asked = api.read(raw)
        times.parsed()
        trail = Trail(call(asked, api, request[REQUEST_ID], request.get(KEY), request[body.BYTES]), times)
        if name is None:
            return await _answered(request, api, trail)
        return await idempotent.once(request, name, raw, trail, partial(_answered, request, api, trail))

    return handle


async def _answered(request: web.Request, api: Api, trail: Trail, claim: Claim | None = None) -> web.StreamResponse:
    services = request[SERVICES]
    outlet = StreamOutlet(request)
    inquiry = request[INQUIRY] = Inquiry(
        services,
        api,
        outlet,
        partial(connection.allow, request),
        cross_origin(allowed_origin(request, services.policy.origins)),
        tells_trail=TRAIL_HEADER in request.headers,
    )
    answer = await answered(inquiry, trail, claim)
    return outlet.response if answer is None else answer.response()


async def explain_route(request: web.Request) -> web.StreamResponse:
    """``POST /v1/route/explain``: which targets a request would be tried on, and why not on the others."""
    services, times = request[SERVICES], request[TIMES]
    raw = await body.read(request, services.limits, times)
    api = next((api for field, api in _BY_FIELD.items() if field in raw), chat_completions.API)
    if api is chat_completions.API and "messages" not in raw:
        raw = {**raw, "messages": [{"role": "user", "content": ""}]}
    run = call(api.read(raw), api, request[REQUEST_ID], request.get(KEY), request[body.BYTES])
    times.parsed()
    return respond.json(await services.gateway.explain(run), run.id)


_BY_FIELD = {"input": embeddings.API, "prompt": completions.API}


async def list_models(request: web.Request) -> web.StreamResponse:
    """``GET /v1/models``."""
    return respond.json(models_api.listing(_models(request)), request[REQUEST_ID])


async def one_model(request: web.Request) -> web.StreamResponse:
    """``GET /v1/models/{id}``; an id may hold slashes."""
    name = request.match_info["id"]
    for model in _models(request):
        if model.id == name:
            return respond.json(models_api.one(model), request[REQUEST_ID])
    message = f"There is no model {name[:200]!r}. GET /v1/models lists what is."
    raise ModelNotFoundError(message, param="model")


def _models(request: web.Request) -> list[Model]:
    """Give what the caller may call."""
    key = request.get(KEY)
    catalog = request[SERVICES].catalog
    return catalog.models() if key is None else catalog.models(key.may_call)


async def list_providers(request: web.Request) -> web.StreamResponse:
    """``GET /v1/providers``: which are on, why the others are not, and how many models each one serves, if known."""
    key = request.get(KEY)
    may_call = None if key is None or not key.models else key.may_call
    data = [
        {
            "id": state.name,
            "object": "provider",
            "on": state.on,
            "reason": state.reason,
            "models": None if state.models is None else len(state.models),
        }
        for state in request[SERVICES].catalog.providers(may_call)
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
