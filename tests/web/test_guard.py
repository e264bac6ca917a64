"""W01–W05, A02, A04, A13, C18, C19, C39–C41, C51, checks 23, 24 and 48."""

import pytest

from llms.apis import chat_completions
from llms.keys import digest
from llms.web import routes, ui_files
from llms.web.routes import Access
from tests.support.raw import RawClient

CHAT = {"model": "demo", "messages": [{"role": "user", "content": "count to 2"}]}


async def ask(gateway, method, target, headers=(), body=None):
    async with RawClient("127.0.0.1", gateway.port) as client:
        await client.request(method, target, headers, body)
        return await client.read_response()


def code(response):
    error = response.json["error"]
    assert {"message", "type", "param", "code"} == set(error)
    return error["code"]


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "localhost:1", "[::1]", "[::1]:8000", "gateway.example:443"]
)
async def test_known_hosts(gateway, host):
    """The loopback names, with any port, and the configured names are served."""
    running = await gateway(server={"allowed_hosts": ["gateway.example"]})

    response = await ask(running, "GET", "/healthz", [("Host", host)])

    assert 200 == response.status


@pytest.mark.case("C41", "A09")
@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.",
        "LOCALHOST",
        "127.0.0.1.nip.io",
        "user@127.0.0.1",
        "0.0.0.0",
        "2130706433",
        "127.1",
        "127.0.0.1:",
        "127.0.0.1:80x",
        "127.0.0.1:99999",
        "localhost:0",
        "[::1",
        "",
    ],
)
@pytest.mark.parametrize("target", ["/healthz", "/", "/v1/models"])
async def test_other_hosts(gateway, host, target):
    """Any other name is misdirected, on every path: that is what stops DNS rebinding."""
    response = await ask(await gateway(), "GET", target, [("Host", host)])

    assert (421, "misdirected_host") == (response.status, code(response))


@pytest.mark.parametrize(("listen", "host"), [("127.0.0.2", "127.0.0.2"), ("::1", "[0:0::1]"), ("::1", "[::1]")])
async def test_own_address(gateway, listen, host):
    """The very address that a connection comes in on is a name of the gateway, in its one usual spelling."""
    running = await gateway(listen=listen)
    async with RawClient(listen, running.port) as client:
        await client.request("GET", "/healthz", [("Host", f"{host}:{running.port}")])
        response = await client.read_response()

    assert (421 if host == "[0:0::1]" else 200) == response.status


@pytest.mark.case("C41")
async def test_two_hosts(gateway):
    """Two Host headers are not HTTP."""
    running = await gateway()
    async with RawClient("127.0.0.1", running.port) as client:
        await client.send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n")
        response = await client.read_response()

    assert (400, "malformed_request") == (response.status, code(response))


@pytest.mark.parametrize(
    "headers",
    [
        [("Origin", "https://evil.example")],
        [("Origin", "null")],
        [("Origin", "")],
        [("Origin", "http://localhost:3000")],
        [("Origin", "file://")],
        [("Origin", "http://[")],
        [("Origin", "http://127.0.0.1:x")],
        [("Sec-Fetch-Site", "cross-site")],
        [("Sec-Fetch-Site", "same-site")],
    ],
)
@pytest.mark.parametrize("target", ["/v1/chat/completions", "/v1/embeddings", "/nothing"])
async def test_foreign_pages_may_not_spend(gateway, headers, target):
    """A page of another origin cannot send a request that costs something, and learns nothing."""
    running = await gateway()

    response = await ask(running, "POST", target, headers, CHAT)

    assert (403, "origin_not_allowed") == (response.status, code(response))
    assert response.header("Access-Control-Allow-Origin") is None
    assert [] == running.records


async def test_two_origins(gateway):
    """Two Origin headers are refused."""
    headers = [("Origin", "http://a.example"), ("Origin", "http://b.example")]

    response = await ask(await gateway(), "POST", "/v1/chat/completions", headers, CHAT)

    assert (400, "malformed_request") == (response.status, code(response))


async def test_own_page(gateway):
    """The gateway's own page may use it."""
    running = await gateway()
    headers = [("Origin", f"http://127.0.0.1:{running.port}"), ("Sec-Fetch-Site", "same-origin")]

    response = await ask(running, "POST", "/v1/chat/completions", headers, CHAT)

    assert 200 == response.status


@pytest.mark.parametrize("body", [CHAT, {**CHAT, "stream": True}, {**CHAT, "model": "none"}])
async def test_allowed_origin(gateway, body):
    """A page of an allowed origin may use it and read every answer, streams and errors too."""
    running = await gateway(server={"allowed_origins": ["https://chat.example"]})
    headers = [("Origin", "https://chat.example"), ("Sec-Fetch-Site", "cross-site")]

    response = await ask(running, "POST", "/v1/chat/completions", headers, body)

    assert "https://chat.example" == response.header("Access-Control-Allow-Origin")
    assert "x-request-id" in response.header("Access-Control-Expose-Headers")
    assert "Origin" == response.header("Vary")
    assert response.header("Access-Control-Allow-Credentials") is None


async def test_refusal_is_readable_for_an_allowed_origin(gateway):
    """A 401 can be read by a page of an allowed origin (check 48)."""
    server = {"allowed_origins": ["https://chat.example"], "keys": ["$K"]}
    running = await gateway(server=server, environ={"K": "sk-one"})

    response = await ask(running, "POST", "/v1/chat/completions", [("Origin", "https://chat.example")], CHAT)

    assert (401, "https://chat.example") == (response.status, response.header("Access-Control-Allow-Origin"))


async def test_preflight(gateway):
    """OPTIONS answers 204, without a key, and allows the very headers that were asked for (check 48)."""
    server = {"allowed_origins": ["https://chat.example"], "keys": ["$K"]}
    running = await gateway(server=server, environ={"K": "sk-one"})
    wanted = "authorization,content-type,x-stainless-arch,x-stainless-read-timeout"
    headers = [("Origin", "https://chat.example"), ("Access-Control-Request-Headers", wanted)]

    response = await ask(running, "OPTIONS", "/v1/chat/completions", headers)

    assert (204, b"") == (response.status, response.body)
    assert wanted == response.header("Access-Control-Allow-Headers")
    assert "https://chat.example" == response.header("Access-Control-Allow-Origin")
    assert "86400" == response.header("Access-Control-Max-Age")
    assert response.header("Access-Control-Allow-Private-Network") is None


async def test_preflight_of_a_foreign_page(gateway):
    """The preflight of another origin is refused."""
    response = await ask(await gateway(), "OPTIONS", "/v1/models", [("Origin", "https://evil.example")])

    assert (403, None) == (response.status, response.header("Access-Control-Allow-Origin"))


async def test_options_without_origin(gateway):
    """A client that is no browser gets the methods."""
    response = await ask(await gateway(), "OPTIONS", "/v1/models")

    assert (204, "GET, HEAD, POST, OPTIONS") == (response.status, response.header("Allow"))


def every_endpoint():
    asset = f"{ui_files.site(ui_files.folder()).base}/theme.js"
    examples = {
        "/ui/{path:.+}": asset,
        "/ui/chat/{id}": "/ui/chat/a",
        "/ui/logs/{id}": "/ui/logs/req_a",
        "/v1/models/{id:.+}": "/v1/models/a/b",
    }
    return [(route.method, examples.get(route.path, route.path), route.access) for route in routes.table()]


@pytest.mark.case("A02")
@pytest.mark.parametrize(("method", "path", "access"), every_endpoint())
@pytest.mark.parametrize("headers", [[], [("Authorization", "Bearer sk-wrong")], [("x-api-key", "sk-wrong")]])
async def test_every_endpoint_asks_for_a_key(gateway, method, path, access, headers):
    """Every endpoint but the named public ones answers 401 without a key, before the body is read."""
    running = await gateway(server={"keys": ["$K"]}, environ={"K": "sk-one"})
    promised = [("Content-Length", "1000000")] if method == "POST" else []

    response = await ask(running, method, path, [*headers, *promised])

    if access is Access.PUBLIC:
        assert response.status in (200, 204, 302)
    else:
        assert (401, "invalid_api_key") == (response.status, code(response))


@pytest.mark.parametrize("carrier", ["Authorization", "x-api-key", "api-key", "x-goog-api-key"])
@pytest.mark.parametrize("key", ["$K", "sha256:" + digest("sk-one")])
async def test_key_in_every_carrier(gateway, carrier, key):
    """A key is accepted in each of the headers that clients use (check 24)."""
    running = await gateway(server={"keys": [key]}, environ={"K": "sk-one"})
    value = "Bearer sk-one" if carrier == "Authorization" else "sk-one"

    response = await ask(running, "GET", "/v1/models", [(carrier, value)])

    assert 200 == response.status


async def test_record_names_the_key(gateway):
    """A call's record says which key it came with, without the key."""
    running = await gateway(server={"keys": ["$K"]}, environ={"K": "sk-one"})

    await ask(running, "POST", "/v1/chat/completions", [("Authorization", "Bearer sk-one")], CHAT)

    assert [f"key_{digest('sk-one')[:8]}"] == [record.call.key.id for record in running.records]


@pytest.mark.case("C51")
@pytest.mark.parametrize("query", ["api_key=sk-1", "key=sk-1", "x=1&access_token=sk-1"])
async def test_key_in_the_url(gateway, query):
    """A key in the URL is refused: logs keep URLs (C51)."""
    response = await ask(await gateway(), "GET", f"/v1/models?{query}")

    assert (400, "malformed_request") == (response.status, code(response))
    assert b"sk-1" not in response.body


@pytest.mark.parametrize(
    "target",
    ["/models", "/v1/models", "/v1/models/", "//v1/models", "/v1/v1/models", "/api/v1/models", "/openai/v1/models/"],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_one_route_in_many_spellings(gateway, method, target):
    """With and without /v1, with and without a slash at the end: one route, never a redirect (check 48)."""
    response = await ask(await gateway(), method, target)

    assert 200 == response.status
    assert (response.body == b"") == (method == "HEAD")


@pytest.mark.parametrize("target", ["/v1", "/v1/", "/"])
async def test_probes(gateway, target):
    """What clients probe before they use a base URL answers 200."""
    response = await ask(await gateway(), "HEAD", target)

    assert 200 == response.status


@pytest.mark.case("C39", "A04")
@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/nothing"),
        ("POST", "/v1/nothing"),
        ("GET", "/v1/chat"),
        ("GET", "/v1/%2e%2e/healthz"),
        ("GET", "/../etc/passwd"),
        ("GET", "/V1/models"),
        ("GET", "/v1/models;x"),
        ("GET", "/v1%2fmodels"),
        ("GET", "/v1/models%00"),
        ("GET", "/v1\\models"),
        ("GET", "/v1/./models"),
        ("GET", "/healthz/../v1/chat/completions"),
        ("GET", "/ui/%2e%2e/%2e%2e/etc/passwd"),
        ("GET", "/" + "a" * 5000),
    ],
)
async def test_unknown_paths(gateway, method, target):
    """An unknown path is 404 in our envelope, whatever trick it plays, and is not repeated (check 23, C39)."""
    response = await ask(await gateway(), method, target)

    assert (404, "not_found") == (response.status, code(response))
    assert response.header("Location") is None
    assert len(response.body) < 400


@pytest.mark.case("C40")
@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/v1/chat/completions"),
        ("POST", "/v1/models"),
        ("DELETE", "/v1/models/x"),
        ("TRACE", "/healthz"),
        ("PUT", "/"),
    ],
)
async def test_wrong_method(gateway, method, target):
    """A wrong method is 405 in our envelope (check 23, C40)."""
    response = await ask(await gateway(), method, target)

    assert (405, "method_not_allowed") == (response.status, code(response))
    assert response.header("Allow")
    assert response.header("x-request-id").startswith("req_")


@pytest.mark.case("C41", "A09")
@pytest.mark.parametrize("target", ["http://evil.example/v1/models", "http://127.0.0.1/v1/models"])
async def test_absolute_form(gateway, target):
    """A target that names a host is for proxies (C41)."""
    response = await ask(await gateway(), "GET", target)

    assert (400, "malformed_request") == (response.status, code(response))


@pytest.mark.case("C18")
@pytest.mark.parametrize(
    "raw",
    [
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer sk-SECRET\x01KEY\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nx-api-key: sk-SECRET\x00\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nAuthorization : Bearer sk-SECRET\r\n\r\n",
        b"P\x00ST /v1/chat/completions?k=sk-SECRET HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03sk-SECRET\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\nX: sk-SECRET\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: " + b"sk-SECRET" * 2000 + b"\r\n\r\n",
    ],
)
async def test_malformed_request_is_not_quoted(gateway, raw, caplog):
    """Bytes that are not HTTP get our envelope, and neither it nor the log quotes them (M4, C18)."""
    caplog.set_level("DEBUG")
    running = await gateway()
    async with RawClient("127.0.0.1", running.port) as client:
        await client.send(raw)
        response = await client.read_response()

        assert (400, "malformed_request") == (response.status, code(response))
        assert b"SECRET" not in response.body
        assert await client.eof_within(5)
    assert "SECRET" not in caplog.text


async def test_bug_of_the_gateway(gateway, caplog, monkeypatch):
    """A bug becomes a 500 that says where to look, with nothing of the cause in it."""
    running = await gateway()

    def broken():
        message = "the cause"
        raise RuntimeError(message)

    monkeypatch.setattr(running.services.catalog, "models", broken)
    response = await ask(running, "GET", "/v1/models")

    assert (500, "internal_error") == (response.status, code(response))
    assert b"the cause" not in response.body
    assert response.header("x-request-id") in caplog.text
    assert "the cause" in caplog.text


@pytest.mark.parametrize("error", [LookupError, MemoryError])
async def test_a_bug_in_mid_stream(gateway, monkeypatch, caplog, error):
    """A bug in a stream that has begun ends it with an error event: a second head would be read as part of the stream."""
    running = await gateway()
    blocks = 0
    feed = chat_completions._Encoder.feed

    def broken(self, block):
        nonlocal blocks
        blocks += 1
        if blocks > 2:
            raise error
        return feed(self, block)

    monkeypatch.setattr(chat_completions._Encoder, "feed", broken)
    async with RawClient("127.0.0.1", running.port) as client:
        body = {"model": "demo", "stream": True, "messages": [{"role": "user", "content": "count to 30"}]}
        await client.request("POST", "/v1/chat/completions", body=body)
        response = await client.read_response()
        closed = await client.eof_within(5)

    assert (200, True, True) == (response.status, response.complete, closed)
    assert b"HTTP/1.1" not in response.body
    assert b"[DONE]" not in response.body
    assert response.body.rstrip().endswith(b"}}")
    assert ("internal_error" if error is LookupError else "overloaded") in response.body.decode()
