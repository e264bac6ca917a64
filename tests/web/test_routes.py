"""A02, A12, K17: what exists, and who may use it, is in one table."""

import pytest
from aiohttp import web, web_app

from llms import app
from llms.config import load
from llms.web import routes
from llms.web.guard import KEY
from llms.web.routes import Access
from llms.web.server import Runner
from tests.support.raw import RawClient

OPEN = {
    "/",
    "/ui",
    "/ui/{path}",
    "/ui/chat/{id}",
    "/ui/models",
    "/favicon.ico",
    "/healthz",
    "/readyz",
    "/v1/healthz",
    "/v1/readyz",
    "/admin/v1/openapi.json",
}
"""What needs no key, written down a second time: whoever opens one more has to say so here."""


def built(tmp_path):
    path = tmp_path / "config.json"
    path.write_text('{"server": {"keys": ["$K"]}, "providers": {"demo": {}}}')
    environ = {"K": "sk-one"}
    return app.build(load(path, environ), environ)


@pytest.mark.case("A02")
def test_the_router_has_what_the_table_has(tmp_path):
    """No endpoint is there but those of the table, each of which says who may use it (A02)."""
    there = {
        (route.method, route.resource.canonical)
        for route in built(tmp_path).router.routes()
        if route.resource is not None and route.method != "HEAD"
    }

    table = routes.table()
    assert {(route.method, web.DynamicResource(route.path).canonical) for route in table} == there
    assert all(isinstance(route.access, Access) for route in table)


@pytest.mark.case("A02", "A12")
def test_what_is_open():
    """Nothing needs no key but pages, probes and the admin API's description (A02, A12)."""
    pages = {path for path in routes.public_paths() if path.startswith("/ui")} | {"/"}

    assert OPEN - pages == routes.public_paths() - pages
    assert {path for path in routes.public_paths() if path.startswith("/admin")} == {"/admin/v1/openapi.json"}


def test_plain_requests_are_in_the_table():
    """What is answered without aiohttp is in the table too, and needs a key."""
    table = {(route.method, route.path): route.access for route in routes.table()}

    assert {Access.KEY} == {table["POST", path.decode()] for path in routes.plain()}


@pytest.mark.case("K17")
async def test_an_endpoint_of_somebody_else(tmp_path):
    """Whatever else is put into the application needs a key, without a word about it (K17)."""
    application = built(tmp_path)

    async def dummy(request):
        return web.json_response({"key": request[KEY].id})

    application.router.add_route("*", "/v1/dummy/{rest}", dummy)
    runner = Runner(application, drain_s=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        answers = []
        for headers in ([], [("Authorization", "Bearer sk-two")], [("x-api-key", "sk-one")]):
            async with RawClient("127.0.0.1", runner.addresses[0][1]) as client:
                await client.request("POST", "/v1/dummy/x", headers, {})
                answers.append(await client.read_response())
    finally:
        await runner.cleanup()
        web_app._cached_build_middleware.cache_clear()

    assert [401, 401, 200] == [answer.status for answer in answers]
    assert answers[2].json["key"].startswith("key_")
