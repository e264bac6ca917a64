"""TLS that fails: U61 of the fault catalogue. Nothing is ever sent in plain text where TLS is due."""

import asyncio
import contextlib
import datetime as dt
import socket
import ssl
import struct
import threading
import warnings

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from llms.errors import GatewayError, Retry
from llms.exchange import UpstreamRequest
from llms.transport import Transport
from tests.faults.conftest import PATH
from tests.support.raw import RawClient
from tests.upstream.framing import answer
from tests.upstream.server import Upstream

pytestmark = pytest.mark.case("U61")

AUTHORITY = trustme.CA()
DAY = dt.timedelta(days=1)


def now():
    return dt.datetime.now(dt.UTC)


def serving(authority=AUTHORITY, name="127.0.0.1", **dates):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name, **dates).configure_cert(context)
    return context


def trusting():
    context = ssl.create_default_context()
    AUTHORITY.configure_trust(context)
    return context


def old():
    context = serving()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context


def bulky(folder, size=15_000_000):
    """A server whose chain holds a certificate of ``size`` bytes; a message of TLS has room for 16 MiB."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bulk")])
    ballast = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.55555.1"), bytes(size))
    builder = x509.CertificateBuilder(name, name, key.public_key(), 7, now() - DAY, now() + DAY)
    bulk = builder.add_extension(ballast, critical=False).sign(key, hashes.SHA256())
    leaf = AUTHORITY.issue_cert("127.0.0.1")
    path = folder / "chain.pem"
    path.write_bytes(
        leaf.private_key_and_cert_chain_pem.bytes() + bulk.public_bytes(serialization.Encoding.PEM),
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


CERTIFICATES = {
    "unknown authority": lambda _folder: serving(trustme.CA()),
    "expired": lambda _folder: serving(not_before=now() - 9 * DAY, not_after=now() - DAY),
    "not yet valid": lambda _folder: serving(not_before=now() + DAY, not_after=now() + 9 * DAY),
    "another name": lambda _folder: serving(name="other.example"),
    "another address": lambda _folder: serving(name="127.0.0.2"),
    "15 MB of certificates": bulky,
}


@pytest.mark.parametrize("kind", CERTIFICATES)
async def test_server_that_is_not_who_it_should_be(kind, tmp_path, record_property):
    """A server that cannot show who it is, or not safely, is sent nothing, and is not asked again."""
    async with Upstream(tls=CERTIFICATES[kind](tmp_path)) as upstream, Transport(10, trusting()) as transport:
        with pytest.raises(GatewayError) as caught:
            await status_of(transport, upstream.url)

        assert [] == upstream.requests
    assert ("upstream_tls_error", Retry.NEVER) == (caught.value.code, caught.value.retry)
    assert "127.0.0.1" not in caught.value.message
    record_property("came_out", f"{caught.value.status} {caught.value.code}, {kind}")


async def test_tls_1_0(record_property):
    """A server that knows no safe version of TLS is sent nothing, and is not asked again."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():  # asyncio's server would close without saying why
            connection, _ = listener.accept()
            with connection, contextlib.suppress(ssl.SSLError):
                old().wrap_socket(connection, server_side=True).close()

        thread = threading.Thread(target=serve)
        thread.start()
        async with Transport(10, trusting()) as transport:
            with pytest.raises(GatewayError) as caught:
                await status_of(transport, f"https://127.0.0.1:{listener.getsockname()[1]}")
        thread.join(10)

    assert ("upstream_tls_error", Retry.NEVER) == (caught.value.code, caught.value.retry)
    record_property("came_out", f"{caught.value.status} {caught.value.code}, TLS 1.0")


async def test_certificates_within_bounds(tmp_path, record_property):
    """A long chain is no failure: the bound is OpenSSL's, 100 KB."""
    async with Upstream(tls=bulky(tmp_path, 50_000)) as upstream, Transport(10, trusting()) as transport:
        upstream.on("GET", "/", answer(b"{}"))

        assert 200 == await status_of(transport, upstream.url)
    record_property("came_out", "200, 50 KB of certificates")


HANDSHAKES = {
    "closed": (b"", "fin", 502, "upstream_tls_error", Retry.SAFE),
    "reset": (b"", "rst", 502, "upstream_tls_error", Retry.SAFE),
    "silent": (b"", "hang", 504, "upstream_connect_timeout", Retry.SAFE),
    "plain text": (b"HTTP/1.1 400 Bad Request\r\n\r\n", "fin", 502, "upstream_tls_error", Retry.NEVER),
    "half a record": (b"\x16\x03\x03\x40\x00\x02", "hang", 504, "upstream_connect_timeout", Retry.SAFE),
    "half a record, closed": (b"\x16\x03\x03\x40\x00\x02", "fin", 502, "upstream_tls_error", Retry.SAFE),
    "an alert": (b"\x15\x03\x03\x00\x02\x02\x28", "fin", 502, "upstream_tls_error", Retry.NEVER),
}
"""What the server says to the hello, how it goes on, and what is made of it."""


@pytest.mark.parametrize("kind", HANDSHAKES)
async def test_handshake(kind):
    """A handshake that was cut short, or stalls, may be tried again; one that was refused may not."""
    said, end, _, code, retry = HANDSHAKES[kind]
    connect_s = 0.3 if end == "hang" else 10
    async with speaks_no_tls(said, end) as (port, seen), Transport(connect_s, trusting()) as transport:
        with pytest.raises(GatewayError) as caught:
            await status_of(transport, f"https://127.0.0.1:{port}")

    assert (code, retry) == (caught.value.code, caught.value.retry)
    assert all(data[:2] == b"\x16\x03" for data in seen if data)


@pytest.mark.parametrize("kind", HANDSHAKES)
@pytest.mark.parametrize("stream", [False, True])
async def test_what_the_client_is_told(gateway, kind, stream):
    """A handshake that fails has a code of its own; the key and the prompt are sent to nobody."""
    said, end, status, code, _ = HANDSHAKES[kind]
    async with speaks_no_tls(said, end) as (port, seen):
        section = {"type": "openai", "base_url": f"https://127.0.0.1:{port}/v1", "api_key": "$UP_KEY", "models": ["m"]}
        running = await gateway(
            providers={"up": section},
            server={"clocks": {"connect_s": 0.3 if end == "hang" else 10}},
            environ={"UP_KEY": "sk-upstream-canary"},
        )
        async with RawClient("127.0.0.1", running.port) as client:
            body = {"model": "m", "stream": stream, "messages": [{"role": "user", "content": "prompt-canary"}]}
            await client.request("POST", PATH, body=body)
            response = await client.read_response()

    assert (status, code) == (response.status, response.json["error"]["code"])
    assert "127.0.0.1" not in response.json["error"]["message"]
    assert not any(b"canary" in data for data in seen)


async def test_unknown_authority_through_the_gateway(gateway):
    """A certificate of an unknown authority: the client is told, the key is sent to nobody."""
    async with Upstream(tls=serving()) as upstream:
        section = {"type": "openai", "base_url": f"{upstream.url}/v1", "models": ["m"]}
        running = await gateway(providers={"up": section}, server={"clocks": {"connect_s": 10}})
        async with RawClient("127.0.0.1", running.port) as client:
            await client.request("POST", PATH, body={"model": "m", "messages": [{"role": "user", "content": "x"}]})
            response = await client.read_response()

        assert (502, "upstream_tls_error") == (response.status, response.json["error"]["code"])
        assert "false" == response.header("x-should-retry")
        assert [] == upstream.requests


@contextlib.asynccontextmanager
async def speaks_no_tls(said, end):
    """A server that reads once, says something, and ends the connection in some way; gives its port and what it read."""
    seen = []

    async def react(reader, writer):
        seen.append(await reader.read(100_000))
        writer.write(said)
        if end == "hang":
            seen.append(await reader.read(100_000))
        elif end == "rst":
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    async with await asyncio.start_server(react, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1], seen


async def status_of(transport, url):
    async with transport.send(UpstreamRequest("GET", f"{url}/", {})) as response:
        await response.read(1000)
        return response.status
