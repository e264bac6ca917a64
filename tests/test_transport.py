"""The way out: TLS, names that do not resolve, and connections that are given back or not."""

import asyncio
import socket
import ssl
import sys

import pytest
import trustme

from llms.errors import (
    ConnectTimeoutError,
    Retry,
    UpstreamAddressError,
    UpstreamEventTooLargeError,
    UpstreamUnreachableError,
)
from llms.exchange import UpstreamRequest
from llms.resolver import Resolver
from llms.transport import Transport
from tests.upstream import openai
from tests.upstream.framing import answer
from tests.upstream.server import Upstream
from tests.upstream.steps import flood, hang, send


def get(url):
    return UpstreamRequest("GET", url, {})


def server_context(authority, *names):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return context


async def body_of(transport, url):
    async with transport.send(get(url)) as response:
        return response.status, await response.read(1000)


async def test_tls():
    """A certificate that verifies is accepted."""
    authority = trustme.CA()
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    async with Upstream(tls=server_context(authority, "127.0.0.1")) as upstream, Transport(5, trusting) as transport:
        upstream.on("GET", "/", answer(b"{}"))

        assert (200, b"{}") == await body_of(transport, f"{upstream.url}/")


@pytest.mark.parametrize(("default", "own"), [(0.2, None), (30, 0.2)])
async def test_connect_clock(default, own):
    """The wait for a connection ends at the request's own limit, or at the default."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        async with Transport(default) as transport:
            started = asyncio.get_running_loop().time()
            with pytest.raises(ConnectTimeoutError):
                async with transport.send(get(f"https://127.0.0.1:{silent.getsockname()[1]}/"), own):
                    pass

    assert 0.15 <= asyncio.get_running_loop().time() - started < 5


async def test_u59_name_does_not_resolve():
    """U59: a name that does not exist is said to be just that."""
    async with Transport(5) as transport:
        with pytest.raises(UpstreamUnreachableError, match="cannot be resolved") as caught:
            await body_of(transport, "http://nobody.invalid/")

    assert Retry.SAFE is caught.value.retry


async def test_limit():
    """A body over the limit is not read to its end."""
    async with Upstream() as upstream, Transport(5) as transport:
        upstream.on("GET", "/", (send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"), flood(b"x" * 1000)))

        with pytest.raises(UpstreamEventTooLargeError):
            await body_of(transport, f"{upstream.url}/")

        assert await upstream.quiet()


async def test_half_read_answer_closes_its_connection():
    """An answer that nobody reads to its end, and that is long, costs its connection and holds nobody up."""
    async with Upstream() as upstream, Transport(5) as transport:
        upstream.on("GET", "/", (send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"), flood(b"x" * 1000)))
        loop = asyncio.get_running_loop()
        started = loop.time()

        async with transport.send(get(f"{upstream.url}/")) as response:
            await anext(response.blocks())

        assert loop.time() - started < 0.5
        assert await upstream.quiet(3)


async def test_long_prompt_goes_once_it_is_sent():
    """While an answer is read, the transport does not keep the request's body, which may be megabytes."""
    async with Upstream() as upstream, Transport(5) as transport:
        upstream.on("POST", "/", (send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"), send(b"ok")))
        body = b"x" * 1000
        ours = sys.getrefcount(body)

        async with transport.send(UpstreamRequest("POST", f"{upstream.url}/", {}, body)) as response:
            assert await response.read(2) == b"ok"
            assert sys.getrefcount(body) == ours


async def test_closing_does_not_wait_for_leftovers():
    """Closing the transport ends what still waits for a body's last bytes."""
    async with Upstream() as upstream:
        upstream.on("GET", "/", (*openai.stream(["x"])[:-1], hang()))
        async with Transport(5) as transport, transport.send(get(f"{upstream.url}/")) as response:
            await anext(response.blocks())
        assert await upstream.quiet()


@pytest.mark.parametrize("length", [0, 1000, 256 << 10, (256 << 10) + 1, 3_000_001])
async def test_body_of_any_length(length):
    """A request's body arrives as it is, with its length told beforehand."""
    body = bytes(range(256)) * (length // 256 + 1)
    async with Upstream() as upstream, Transport(5) as transport:
        upstream.on("POST", "/", answer(b"{}"))
        async with transport.send(UpstreamRequest("POST", f"{upstream.url}/", {}, body[:length])) as response:
            assert b"{}" == await response.read(1000)

    request = upstream.requests[0]
    names = {name.lower(): value for name, value in request.headers}
    assert body[:length] == request.body
    assert (str(length), None) == (names["content-length"], names.get("transfer-encoding"))


@pytest.mark.case("U60")
@pytest.mark.parametrize(
    ("url", "leads_to", "private", "hint"),
    [
        ("http://api.provider.test", "169.254.169.254", True, False),
        ("https://api.provider.test", "fe80::1", True, False),
        ("https://api.provider.test", "127.0.0.1", False, True),
        ("https://api.provider.test", "::ffff:10.0.0.1", False, True),
        ("http://169.254.169.254", None, True, False),
        ("https://[fe80::1]", None, True, False),
    ],
)
async def test_u60_forbidden_address(url, leads_to, private, hint, caplog):
    """U60: an address that must not be connected to is refused, for good, with a warning."""
    async with Transport(5, names=lambda: Resolver(lambda _host: [leads_to])) as transport:
        with pytest.raises(UpstreamAddressError) as caught:
            async with transport.send(get(url), private=private):
                pass

    assert ("upstream_unreachable", Retry.NEVER, False) == (
        caught.value.code,
        caught.value.retry,
        caught.value.should_retry,
    )
    assert hint == ('"private": true' in caught.value.message)
    assert leads_to is None or f"leads to {leads_to}" in caplog.text


@pytest.mark.case("U60")
@pytest.mark.parametrize(
    ("host", "private"),
    [("api.provider.test", True), ("gpu-box", False), ("gpu-box.local", False), ("127.0.0.1", False)],
)
async def test_u60_private_address(host, private, record_property):
    """U60: a private address that is meant is connected to."""
    authority = trustme.CA()
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    async with (
        Upstream(tls=server_context(authority, host)) as upstream,
        Transport(5, trusting, lambda: Resolver(lambda _host: ["127.0.0.1"])) as transport,
    ):
        upstream.on("GET", "/", answer(b"{}"))

        async with transport.send(get(f"https://{host}:{upstream.port}/"), private=private) as response:
            assert 200 == response.status
    record_property("came_out", "200")
