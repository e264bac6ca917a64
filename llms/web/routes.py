"""The table of endpoints: the one place that says what exists and who may use it."""

from dataclasses import dataclass
from enum import Enum

from aiohttp import web

from llms.apis import chat_completions, completions, embeddings
from llms.apis.api import Api
from llms.web import admin, admin_calls, body, endpoints, ui, ui_files
from llms.web.guard import Handler


class Access(Enum):
    """Who may use an endpoint."""

    PUBLIC = "public"
    KEY = "key"


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint, which says who may use it; ``GET`` answers ``HEAD`` too."""

    method: str
    path: str
    handler: Handler
    access: Access


def plain() -> dict[bytes, Api]:
    """Give the dialects of the inference endpoints, by their paths."""
    return {
        b"/v1/chat/completions": chat_completions.API,
        b"/v1/completions": completions.API,
        b"/v1/embeddings": embeddings.API,
    }


def table() -> list[Route]:
    """Give every endpoint."""
    return [
        *(Route("POST", path.decode(), endpoints.inference(api), Access.KEY) for path, api in plain().items()),
        Route("POST", "/v1/route/explain", endpoints.explain_route, Access.KEY),
        Route("GET", "/v1/models", endpoints.list_models, Access.KEY),
        Route("GET", "/v1/models/{id:.+}", endpoints.one_model, Access.KEY),
        Route("GET", "/v1/providers", endpoints.list_providers, Access.KEY),
        Route("GET", "/v1", endpoints.root, Access.KEY),
        Route("GET", "/healthz", endpoints.health, Access.PUBLIC),
        Route("GET", "/readyz", endpoints.ready, Access.PUBLIC),
        Route("GET", "/v1/healthz", endpoints.health, Access.PUBLIC),
        Route("GET", "/v1/readyz", endpoints.ready, Access.PUBLIC),
        *_admin(),
        *(Route("GET", path, ui.page, Access.PUBLIC) for path in ui.PAGES),
        Route("GET", "/ui", ui.home, Access.PUBLIC),
        Route("GET", "/ui/{path:.+}", ui.asset, Access.PUBLIC),
        Route("GET", "/favicon.ico", ui.no_icon, Access.PUBLIC),
    ]


def _admin() -> list[Route]:
    top = "/admin/v1"
    return [
        Route("GET", f"{top}/openapi.json", admin.document, Access.PUBLIC),
        Route("GET", f"{top}/me", admin.who, Access.KEY),
        Route("POST", f"{top}/session", admin.log_in, Access.KEY),
        Route("DELETE", f"{top}/session", admin.log_out, Access.KEY),
        Route("GET", f"{top}/keys", admin.list_keys, Access.KEY),
        Route("POST", f"{top}/keys", admin.make_key, Access.KEY),
        Route("GET", f"{top}/keys/{{id}}", admin.one_key, Access.KEY),
        Route("PATCH", f"{top}/keys/{{id}}", admin.change_key, Access.KEY),
        Route("POST", f"{top}/keys/{{id}}/rotate", admin.rotate_key, Access.KEY),
        Route("POST", f"{top}/keys/{{id}}/revoke", admin.revoke_key, Access.KEY),
        Route("GET", f"{top}/usage", admin_calls.usage, Access.KEY),
        Route("GET", f"{top}/calls", admin_calls.calls, Access.KEY),
        Route("GET", f"{top}/calls/tail", admin_calls.tail, Access.KEY),
        Route("GET", f"{top}/calls/{{id}}", admin_calls.one_call, Access.KEY),
    ]


def public_paths() -> frozenset[str]:
    """Give the paths that need no key, as the router writes them (``/ui/{path}``); every other path does."""
    return frozenset(web.DynamicResource(route.path).canonical for route in table() if route.access is Access.PUBLIC)


def add_to(app: web.Application) -> None:
    """Add every endpoint to ``app``, and read what the web chat consists of."""
    app[admin_calls.PLACES] = admin_calls.Places()
    app[ui.SITE] = ui_files.site(ui_files.folder())
    for route in table():
        if route.method == "GET":
            app.router.add_get(route.path, route.handler, expect_handler=body.expect)
        else:
            app.router.add_route(route.method, route.path, route.handler, expect_handler=body.expect)
