import asyncio
import gzip
import re
from pathlib import Path

import pytest
from aiohttp import web

from llms.web import routes, ui, ui_files
from llms.web.ui import takes_gzip
from tests.support.raw import RawClient

SITE = ui_files.site(ui_files.folder())
PAGES = (
    "/",
    "/ui/models",
    "/ui/chat/0198c2f0-7f0e-7d6b-a1f3-2b9f0c4d5e6f",
    "/ui/keys",
    "/ui/usage",
    "/ui/logs",
    "/ui/logs/req_0198c2f07f0e7d6ba1f32b9f",
)
THEME = f"{SITE.base}/theme.js"
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "server": "llms",
}
FOR_EVER = "public, max-age=31536000, immutable"
GZIP = ("Accept-Encoding", "gzip, deflate, br")


async def ask(gateway, target, headers=(), method="GET"):
    async with RawClient("127.0.0.1", gateway.port) as client:
        await client.request(method, target, headers)
        return await client.read_response()


@pytest.fixture
async def locked(gateway):
    """A gateway that asks for a key."""
    return await gateway(server={"keys": ["$K"]}, environ={"K": "sk-one"})


@pytest.mark.parametrize("target", PAGES)
async def test_pages(locked, target):
    """Each page of the chat is the one document; it needs no key and is asked for again each time."""
    response = await ask(locked, target)

    assert (200, "text/html; charset=utf-8") == (response.status, response.header("content-type"))
    assert SITE.document.content == response.body
    assert b"{{base}}" not in response.body
    assert "no-cache" == response.header("cache-control")


def test_every_page_is_tested():
    """The pages above are those that there are."""
    patterns = [re.sub(r"\{\w+\}", "[^/]+", page) for page in ui.PAGES]

    assert [True] * len(PAGES) == [any(re.fullmatch(pattern, page) for page in PAGES) for pattern in patterns]


@pytest.mark.parametrize("target", [*PAGES, "/ui", "/ui/nothing", "/favicon.ico", THEME])
async def test_headers(locked, target):
    """Whatever the chat is made of may run and load nothing but the gateway's own files, and be framed by nobody."""
    response = await ask(locked, target)

    assert HEADERS == {name: response.header(name) for name in HEADERS}
    assert response.header("x-request-id").startswith("req_")


def test_headers_as_documented():
    """The page about the chat shows the headers that it is sent with."""
    page = (Path(__file__).parents[2] / "docs" / "web-chat.md").read_text("utf-8")
    [shown] = re.findall(r"```text\n(.*?)```", page, re.DOTALL)
    pairs = (line.split(": ", 1) for line in shown.splitlines())

    assert {"server": "llms", **{name.lower(): value for name, value in pairs}} == HEADERS


@pytest.mark.parametrize(
    ("target", "location"),
    [("/ui", "/"), ("/ui/", "/"), ("//ui//", "/"), ("/ui?q=a%20b%26c", "/?q=a%20b%26c"), ("/ui/?q=//evil.example", "/?q=//evil.example")],
)  # fmt: skip
async def test_the_folder_leads_to_the_chat(locked, target, location):
    """What people guess leads to the chat, and keeps the question."""
    response = await ask(locked, target)

    assert (302, location) == (response.status, response.header("location"))


@pytest.mark.parametrize(
    "target", ["/ui/nothing", "/ui/chat", "/ui/chat/a/b", "/ui/chat/", "/ui/models/x", "/ui/elsewhere"]
)
async def test_unknown_pages(locked, target):
    """What is no page is a 404 that says where the chat is, with or without a key."""
    response = await ask(locked, target)

    assert (404, "not_found") == (response.status, response.json["error"]["code"])
    assert "Open /" in response.json["error"]["message"]


@pytest.mark.parametrize("target", ["/v1/nothing", "/nothing", "/uix", "/v1/ui", "/v1/ui/models", "/chat", "/main.js"])
async def test_unknown_api_paths(gateway, locked, target):
    """Every other unknown path is the API's: a 404 in its envelope, and a 401 without the key."""
    free = await ask(await gateway(), target)
    refused = await ask(locked, target)

    assert (404, "not_found", "application/json") == (
        free.status,
        free.json["error"]["code"],
        free.header("content-type"),
    )
    assert 401 == refused.status


def test_no_api_path_is_shadowed():
    """The chat has paths of its own only."""
    mine = {route.path for route in routes.table() if route.handler.__module__ == ui.__name__}
    others = {route.path for route in routes.table()} - mine

    assert {"/", "/ui", "/ui/{path:.+}", "/favicon.ico", *ui.PAGES} == mine
    assert [] == [path for path in others if path.startswith("/ui") or path in mine]


async def test_every_asset(locked):
    """Every file of the chat is served under the version, without a key, to be kept for ever."""
    async with RawClient("127.0.0.1", locked.port) as client:
        for path, file in SITE.assets.items():
            await client.request("GET", f"{SITE.base}/{path}")
            response = await client.read_response()

            assert (200, file.type, FOR_EVER) == (
                response.status,
                response.header("content-type"),
                response.header("cache-control"),
            )
            assert file.content == response.body


async def test_what_the_document_names(locked):
    """Every address in the document is one of an asset."""
    named = re.findall(rb'(?:href|src)="(/ui/[^"]*)"', SITE.document.content)

    assert named
    for address in named:
        assert 200 == (await ask(locked, address.decode())).status


@pytest.mark.parametrize("version", ["0.0.1-0123456789", "app", "..", "%2e%2e", ""])
async def test_another_version(locked, version):
    """A page that is older than the gateway gets no module that may not fit it, and no cache keeps the refusal."""
    response = await ask(locked, f"/ui/{version}/theme.js")

    assert (404, "no-store") == (response.status, response.header("cache-control"))
    assert "reload" in response.json["error"]["message"]


@pytest.mark.parametrize(
    "target",
    [
        "/index.html",
        "/../pyproject.toml",
        "/%2e%2e/pyproject.toml",
        "/ui/index.html",
        f"{SITE.base}/index.html",
        f"{SITE.base}/../index.html",
        f"{SITE.base}/%2e%2e/%2e%2e/pyproject.toml",
        f"{SITE.base}/vendor/package.json",
        f"{SITE.base}/vendor/build.mjs",
        f"{SITE.base}/vendor/core.d.ts",
        f"{SITE.base}/vendor/src/core.js",
        f"{SITE.base}/vendor/.npmrc",
        f"{SITE.base}/vendor",
        f"{SITE.base}",
        f"{SITE.base}/theme.js%00",
        f"{SITE.base}/theme.js/x",
    ],
)
async def test_no_other_file(gateway, target):
    """Only what is in the table is served, whatever the path says."""
    assert 404 == (await ask(await gateway(), target)).status


@pytest.mark.parametrize("target", ["/", THEME])
async def test_compressed(gateway, target):
    """Who takes gzip gets gzip, the same text under a tag of its own, and caches are told that there are two."""
    running = await gateway()

    plain = await ask(running, target)
    packed = await ask(running, target, [GZIP])

    assert (None, "gzip") == (plain.header("content-encoding"), packed.header("content-encoding"))
    assert plain.body == gzip.decompress(packed.body)
    assert plain.header("etag") != packed.header("etag")
    assert ("Accept-Encoding", "Accept-Encoding") == (plain.header("vary"), packed.header("vary"))


async def test_many_at_once(gateway):
    """All who ask for a file at once get it whole."""
    running = await gateway()
    target = f"{SITE.base}/vendor/core.js"

    found = await asyncio.gather(*(ask(running, target, [GZIP]) for _ in range(8)))

    assert {SITE.assets["vendor/core.js"].content} == {gzip.decompress(response.body) for response in found}


@pytest.mark.parametrize("headers", [[], [GZIP]])
@pytest.mark.parametrize("target", ["/", THEME])
async def test_unchanged_file_is_not_sent_again(gateway, target, headers):
    """What the browser has in this encoding is not sent again; what it has in the other is."""
    running = await gateway()
    first = await ask(running, target, headers)
    other = await ask(running, target, [] if headers else [GZIP])
    tag = first.header("etag")

    for known in (tag, f"W/{tag}", f'"a", {tag}', "*"):
        again = await ask(running, target, [*headers, ("If-None-Match", known)])
        assert (304, b"", tag) == (again.status, again.body, again.header("etag"))
        assert (first.header("cache-control"), first.header("vary")) == (
            again.header("cache-control"),
            again.header("vary"),
        )
    for unknown in (other.header("etag"), '"a"', ""):
        assert 200 == (await ask(running, target, [*headers, ("If-None-Match", unknown)])).status


@pytest.mark.parametrize("headers", [[], [GZIP]])
@pytest.mark.parametrize("target", [*PAGES, THEME])
async def test_head(gateway, target, headers):
    """HEAD says what GET would."""
    running = await gateway()

    whole = await ask(running, target, headers)
    head = await ask(running, target, headers, "HEAD")

    names = ("content-length", "content-type", "content-encoding", "etag", "cache-control", "vary")
    assert (200, b"") == (head.status, head.body)
    assert [whole.header(name) for name in names] == [head.header(name) for name in names]


async def test_range(gateway):
    """A range is not looked at: the files are small."""
    response = await ask(await gateway(), THEME, [("Range", "bytes=0-9")])

    assert (200, SITE.assets["theme.js"].content) == (response.status, response.body)
    assert (None, None) == (response.header("accept-ranges"), response.header("content-range"))


@pytest.mark.parametrize(
    ("accepted", "expected"),
    [
        ("gzip", True),
        ("GZIP", True),
        ("br, gzip", True),
        ("x-gzip", True),
        ("*", True),
        ("gzip;q=1.000", True),
        ("gzip; q=0.001", True),
        ("gzip ;\tq=0.5,identity;q=0.4", True),
        ("identity;q=0, *;q=0.1", True),
        ("", False),
        ("br", False),
        ("identity", False),
        ("gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("*, gzip;q=0", False),
        ("*;q=0", False),
        ("gzip;q=0.4, identity;q=0.5", False),
        ("gzip;q=2", False),
        ("gzip;q=x", False),
        ("gzip;level=9", False),
        ("gzippo", False),
        (";,;", False),
    ],
)
def test_who_takes_gzip(accepted, expected):
    """Weights are heeded: 0 refuses, and what is not understood is no consent."""
    assert expected is takes_gzip(accepted)


async def test_encodings_on_several_lines(gateway):
    """A header in two lines is one."""
    response = await ask(await gateway(), THEME, [("Accept-Encoding", "br"), ("Accept-Encoding", "gzip")])

    assert "gzip" == response.header("content-encoding")


async def test_no_icon(gateway):
    """The icon that browsers ask for beside JSON is no error in their consoles."""
    response = await ask(await gateway(), "/favicon.ico")

    assert (204, b"", "public, max-age=86400") == (response.status, response.body, response.header("cache-control"))


async def test_allowed_origin(gateway):
    """An answer that depends on two headers of the request says so."""
    running = await gateway(server={"allowed_origins": ["https://chat.example"]})

    response = await ask(running, "/", [("Origin", "https://chat.example"), GZIP])

    assert "Accept-Encoding, Origin" == response.header("vary")


async def test_a_picture(aiohttp_client, tmp_path):
    """What is compressed already is sent as it is, and does not depend on what the client takes."""
    (tmp_path / "index.html").write_text("", "utf-8")
    (tmp_path / "icon.png").write_bytes(b"\x89PNG")
    app = web.Application()
    app[ui.SITE] = site = ui_files.site(tmp_path)
    app.router.add_get("/ui/{path:.+}", ui.asset)
    client = await aiohttp_client(app)

    response = await client.get(f"{site.base}/icon.png", headers=[GZIP])

    assert (200, "image/png", b"\x89PNG") == (response.status, response.content_type, await response.read())
    assert not {"Content-Encoding", "Vary"} & set(response.headers)
