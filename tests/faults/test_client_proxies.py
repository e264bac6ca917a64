"""
What a client says of who it is, where it came from and what it asked for: A09; what it takes the port for: A11, A12.

No proxy is ever believed: the address is the connection's, the host is the request's, and nothing else names either.
"""

import asyncio
import ssl

import pytest

from llms.config.server import Server
from tests.faults.conftest import CLIENT_KEY, PATH
from tests.support.raw import RawClient
from tests.upstream import openai

KEYED = {"keys": ["$CLIENT_KEY"]}
BEARER = ("Authorization", f"Bearer {CLIENT_KEY}")
EVIL = "forwarded-canary.example"

FORWARDED = (
    ("Forwarded", f'for=127.0.0.1;host={EVIL};proto=https;by="{EVIL}"'),
    ("X-Forwarded-For", f"127.0.0.1, {EVIL}"),
    ("X-Forwarded-Host", EVIL),
    ("X-Forwarded-Proto", "https"),
    ("X-Forwarded-Port", "443"),
    ("X-Forwarded-Prefix", f"/{EVIL}"),
    ("X-Forwarded-User", "admin"),
    ("X-Forwarded-Server", EVIL),
    ("X-Real-IP", "127.0.0.1"),
    ("X-Client-IP", "127.0.0.1"),
    ("True-Client-IP", "127.0.0.1"),
    ("CF-Connecting-IP", "127.0.0.1"),
    ("X-Remote-User", "admin"),
    ("X-Original-URL", "/healthz"),
    ("X-Rewrite-URL", "/healthz"),
    ("X-HTTP-Method-Override", "GET"),
    ("X-Original-Host", EVIL),
    ("X-Host", EVIL),
)


async def ask(both, method, target, headers=(), body=None):
    async with RawClient("127.0.0.1", both.gateway.port) as client:
        await client.request(method, target, headers, body)
        return await client.read_response()


def told(response):
    """An answer, without what tells one request from another."""
    changing = ("date", "x-request-id", "server-timing")
    return response.status, [pair for pair in response.headers if pair[0] not in changing]


@pytest.mark.case("A09")
@pytest.mark.parametrize("header", FORWARDED, ids=lambda header: header[0])
async def test_forwarded(pair, header, invariants):
    """A header of a proxy's opens nothing, moves nothing, and is neither logged, answered nor passed on."""
    both = await pair(**KEYED)
    both.plays(openai.completion("Hello"))

    for method, target in (("GET", "/v1/models"), ("POST", PATH), ("GET", "/admin/v1/me"), ("GET", "/nothing")):
        assert 401 == (await ask(both, method, target, [header])).status
    for method, target, body in (
        ("GET", "/", None),
        ("GET", "/ui", None),
        ("GET", "/v1/models", None),
        ("POST", PATH, both.body()),
        ("PATCH", "/v1/models", None),
    ):
        plain = await ask(both, method, target, [BEARER], body)
        assert told(plain) == told(await ask(both, method, target, [BEARER, header], body))
    for origin in (f"https://{EVIL}", f"http://{EVIL}"):
        assert 403 == (await ask(both, "POST", PATH, [BEARER, header, ("Origin", origin)], both.body())).status
    assert 421 == (await ask(both, "GET", "/healthz", [("Host", EVIL), header])).status

    assert 2 == len(both.gateway.records) == len(both.upstream.requests)
    assert not any(EVIL in value for request in both.upstream.requests for _, value in request.headers)
    assert [] == [line for _, line in invariants.lines if EVIL in line]
    assert not any(EVIL.encode() in one.head.raw + one.body for one in invariants.heard)
    invariants.notes.append("of no effect")


@pytest.mark.case("A09", "A10")
async def test_guesses_from_many_forwarded_addresses(pair, invariants):
    """Who says another address with each guess is one address; another's is no reason to refuse a right key."""
    both = await pair(**KEYED)

    wrong = [
        (await ask(both, "GET", "/v1/models", [("x-api-key", "sk-wrong"), ("X-Forwarded-For", f"10.0.0.{n}")])).status
        for n in range(25)
    ]

    assert [401] * 20 + [429] * 5 == wrong
    assert 200 == (await ask(both, "GET", "/v1/models", [BEARER])).status
    invariants.notes.append("20 times 401, then 429")


async def tls(port, version):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = context.maximum_version = version
    async with asyncio.timeout(10):
        await asyncio.open_connection("127.0.0.1", port, ssl=context)


@pytest.mark.case("A11")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=lambda one: one.name)
async def test_tls(pair, version, invariants):
    """The port speaks plain HTTP: who speaks TLS to it is told so by a closed connection, and nothing is left of it."""
    both = await pair(**KEYED)

    with pytest.raises((ssl.SSLError, ConnectionError)):
        await tls(both.gateway.port, version)

    assert [] == [line for level, line in invariants.lines if level > 10]
    assert [] == [name for name in Server.model_fields if "tls" in name or "ssl" in name or "cert" in name]
    invariants.notes.append("closed")


HIDDEN = (
    *("/metrics", "/v1/metrics", "/prometheus", "/stats", "/status", "/server-status"),
    *("/docs", "/redoc", "/openapi.json", "/swagger", "/swagger.json", "/swagger-ui", "/v1/openapi.json"),
    *("/debug", "/debug/pprof", "/debug/vars", "/_debug", "/console", "/__debug__", "/trace", "/env", "/config"),
    *("/admin", "/admin/", "/admin/v1", "/admin/v1/me", "/admin/v1/keys", "/admin/v1/usage", "/admin/v1/calls"),
    *("/admin/v1/calls/tail", "/admin/v1/config", "/.env", "/.git/config", "/config.json", "/llms.db"),
)


@pytest.mark.case("A12")
@pytest.mark.parametrize("listen", ["127.0.0.1", "0.0.0.0"])
async def test_nothing_is_shown(gateway, listen, invariants):
    """On every address that it listens on: no page of figures, of documents or of what it is made of without a key."""
    running = await gateway(server=KEYED, environ={"CLIENT_KEY": CLIENT_KEY}, listen=listen)
    address = "127.0.0.1" if listen == "127.0.0.1" else "127.0.0.3"

    statuses = {}
    async with RawClient(address, running.port) as client:
        for target in HIDDEN:
            await client.request("GET", target)
            statuses[target] = (await client.read_response()).status
        await client.request("GET", "/v1/models", [BEARER])
        known = (await client.read_response()).status

    assert {401} == {status for target, status in statuses.items() if target.startswith("/admin/v1/k")}
    assert {401, 404} >= set(statuses.values()), statuses
    assert 200 == known
    invariants.notes.append(f"{len(HIDDEN)} paths: 401 or 404")
