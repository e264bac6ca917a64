"""The web layer's readers: the path, the head of a request as the guard judges it, a compressed body."""

import zlib
from collections.abc import Coroutine
from itertools import count
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict
from yarl import URL

from llms.auth import CARRIERS, Keyring
from llms.errors import GatewayError
from llms.keys import digest
from llms.web import body, guard
from llms.web.guesses import Guesses
from llms.web.server import canonical_path
from tests.fuzz.streams import CANARY, check_failure
from tests.fuzz.target import Target

_HOSTS = frozenset({"llm.example"})
_ORIGINS = frozenset({"https://chat.example"})


def check_path(data: bytes, *, thorough: bool) -> None:
    """A path has one spelling, which is its own, loses nothing of the query, and can be routed."""
    target = data.decode("latin-1")
    clean = canonical_path(target)
    assert canonical_path(clean) == clean
    if not target.startswith("/"):
        assert clean == target
        return
    path, mark, query = clean.partition("?")
    assert path.startswith("/")
    assert "//" not in path
    assert path == "/" or not path.endswith("/")
    assert (mark, query) == target.partition("?")[1:]
    words = [part for part in target.partition("?")[0].split("/") if part]
    assert [part for part in path.split("/") if part][-1:] == words[-1:]
    if clean.isascii() and clean.isprintable() and " " not in clean:
        assert URL(clean, encoded=True).raw_path == path.partition("#")[0]


def check_head(data: bytes, *, thorough: bool) -> None:
    """Whoever gets to a handler has the key, once, and came under a name of the gateway; the others are told why not."""
    line, *rest = data.decode("latin-1").replace("\r", "").split("\n")
    method, _, target = line.partition(" ")
    if not method.isalpha() or not target.isprintable() or " " in target or not target.isascii():
        return  # aiohttp's parser refuses it
    headers = CIMultiDict((name, value.strip()) for name, _, value in (entry.partition(":") for entry in rest) if name)
    _REACHED.clear()
    try:
        request = make_mocked_request(method.upper(), canonical_path(target), headers, app=_APP)
    except (ValueError, HttpProcessingError):
        return  # no URL: a 400 of the server's
    info = _result(_APP.router.resolve(request))
    info.add_app(_APP)
    request._match_info = info
    response = _result(guard._guarded(request, info.handler, _POLICY, _GUESSES))
    assert response.status in (200, 204, 400, 401, 403, 404, 405, 421)
    assert CANARY not in f"{response.text}{response.headers}".replace(
        headers.get("Access-Control-Request-Headers", "-"), ""
    )
    if _REACHED:
        assert [value for name in CARRIERS for value in headers.getall(name, ()) if CANARY in value]
        assert all(len(headers.getall(name, ())) < 2 for name in (*CARRIERS, "host", "origin"))
        host = headers["host"]
        assert host.rsplit(":", 1)[0] in {"127.0.0.1", "localhost", "[::1]", "llm.example", "[:"}
        if request.method not in ("GET", "HEAD") and "origin" in headers:
            assert headers["origin"] in {*_ORIGINS, f"http://{host}", f"https://{host}"}


_GUESSES = Guesses(count(0, 60).__next__)
"""Each is in a minute of its own, or soon all would be told that there were too many."""

_POLICY = guard.Policy(Keyring([digest(CANARY)]), _HOSTS, _ORIGINS, frozenset({"/healthz"}))


async def _private(request: web.Request) -> web.Response:
    _REACHED.append(request)
    return web.Response(text="private")


async def _public(_: web.Request) -> web.Response:
    return web.Response(text="public")


def _app() -> web.Application:
    app = web.Application()
    app.router.add_get("/healthz", _public)
    app.router.add_get("/v1/models/{id:.+}", _private)
    app.router.add_post("/v1/chat/completions", _private)
    return app


_REACHED: list[web.Request] = []
_APP = _app()


def _result(waiting: Coroutine[Any, Any, Any]) -> Any:
    """Run what never waits."""
    try:
        waiting.send(None)
    except StopIteration as end:
        return end.value
    message = "it waits"
    raise AssertionError(message)


def check_compressed(data: bytes, *, thorough: bool) -> None:
    """What is decompressed is within the limits, and all of what was sent; the input itself, compressed, comes back."""
    limits = body.Limits(max_bytes=5000, read_s=1)
    for encoding in ("gzip", "deflate"):
        try:
            plain = body._decompressed(data, encoding, limits)
        except GatewayError as refusal:
            check_failure(refusal)
        else:
            assert len(plain) <= min(5000, 50 * len(data))
    packed = zlib.compress(data)
    if len(data) <= min(5000, 50 * len(packed)):
        assert body._decompressed(packed, "deflate", limits) == data


TARGETS = (
    Target("web_path", check_path, "text"),
    Target("web_head", check_head, "text"),
    Target("web_compressed", check_compressed, "text"),
)
