"""
Names and routes: U03, U58 to U60 and P32 of the fault catalogue.

Each test has a network of its own, with a name server that does as it is told.
"""

import asyncio
import contextlib
import socket
import ssl
import struct
import threading

import pytest
import trustme

from llms.errors import Retry, UpstreamAddressError
from llms.exchange import UpstreamRequest
from llms.resolver import Resolver, Times
from llms.transport import Transport
from tests.faults.conftest import PATH
from tests.support.gateway import running
from tests.support.name_server import RESOLV_CONF, NameServer
from tests.support.namespace import inside, needs_root
from tests.support.raw import RawClient
from tests.upstream import openai
from tests.upstream.framing import answer
from tests.upstream.server import Upstream

pytestmark = needs_root

FILES = {"resolv.conf": RESOLV_CONF, "hosts": "127.0.0.1 localhost\n"}

PORT = 8443  # all are free

PATIENT = {"connect_s": 10, "first_byte_s": 10, "answer_s": 10, "idle_s": 10, "total_s": 30}

PUBLIC = "93.184.216.34"
IPV6 = "2001:db8::1"
WORLD = (
    f"ip addr add {PUBLIC}/32 dev lo",
    f"ip addr add {IPV6}/128 dev lo nodad",
    "ip addr add 169.254.169.254/32 dev lo",
)
"""Addresses that, in the test's network, lead to the test."""


@pytest.fixture
def world(tmp_path, invariants):
    """Run a gateway in a network of its own; ``main`` gets what asks a provider by name for an answer."""

    def run(main, providers, *commands, clocks=None, files=FILES):
        async def inner():
            sections = {
                name: {"models": [name], "type": "openai", "retries": 0, **section}
                for name, section in providers.items()
            }
            server = {"clocks": {**PATIENT, **(clocks or {})}}
            async with running(tmp_path, providers=sections, server=server) as gateway:

                async def ask(name):
                    async with RawClient("127.0.0.1", gateway.port) as client:
                        body = {"model": name, "messages": [{"role": "user", "content": "Hello"}]}
                        await client.request("POST", PATH, body=body)
                        return await client.read_response()

                await main(ask)
                await lookups_ended()
                if invariants is not None:
                    await invariants.check(gateway)

        return inside(inner, commands, files=files)

    return run


async def lookups_ended():
    """Wait for the system's resolver, which cannot be stopped."""
    async with asyncio.timeout(12):
        while any("_ask" in thread.name for thread in threading.enumerate()):  # noqa: ASYNC110 - a thread tells of it
            await asyncio.sleep(0.02)


def outcome(response):
    error = response.json.get("error")
    return (response.status, error["code"] if error else None)


def ours(name="api.provider.test", scheme="http"):
    return {"base_url": f"{scheme}://{name}:{PORT}/v1"}


def now():
    return asyncio.get_running_loop().time()


@pytest.mark.case("U03")
@pytest.mark.parametrize("host", ["192.0.2.1", "[2001:db8:9::1]", "api.provider.test"])
def test_no_route(world, host):
    """U03: there is no way to the provider: said at once."""

    async def main(ask):
        async with NameServer(api_provider_test=["192.0.2.1"]):
            started = now()
            response = await ask("up")
            assert now() - started < 5
        assert (502, "upstream_unreachable") == outcome(response)
        assert "false" == response.header("x-should-retry")

    routes = ("ip route add unreachable 192.0.2.0/24", "ip -6 route add unreachable 2001:db8:9::/64")
    world(main, {"up": ours(name=host)}, *routes)


@pytest.mark.case("U58")
def test_slow_names(world):
    """U58: twenty names take longer than the clock for connections allows; another provider's calls are as ever."""
    slow = {f"slow{number}": ours(f"slow{number}.provider.test") for number in range(20)}

    async def main(ask):
        async with at() as upstream, NameServer(api_provider_test=["127.0.0.1"]) as names:
            upstream.on("POST", PATH, openai.completion())
            names.slow = {f"{name}.provider.test" for name in slow}
            names.answers |= {name: ["127.0.0.1"] for name in names.slow}
            names.delay_s = 4
            started = now()
            waiting = [asyncio.create_task(ask(name)) for name in slow]
            while len(set(names.asked)) < len(slow):  # noqa: ASYNC110 - the name server has no event
                await asyncio.sleep(0.01)

            assert 200 == (await ask("up")).status
            assert not any(task.done() for task in waiting)
            responses = await asyncio.gather(*waiting)

            assert 0.9 <= now() - started < 3.9  # the lookups are still going on
            assert {(504, "upstream_connect_timeout")} == {outcome(response) for response in responses}
            assert {"false"} == {response.header("x-should-retry") for response in responses}
            await lookups_ended()

    world(main, {"up": ours(), **slow}, clocks={"connect_s": 1})


REFUSALS = {"nxdomain": "nxdomain", "servfail": "servfail", "refused": "refused", "truncated": "truncated", "empty": []}


@pytest.mark.case("U59")
@pytest.mark.parametrize("kind", REFUSALS)
def test_name_does_not_resolve(world, kind):
    """U59: a name server that has no address for a name, or cannot say it."""

    async def main(ask):
        async with NameServer(api_provider_test=REFUSALS[kind]):
            started = now()
            response = await ask("up")
            assert now() - started < 9
        assert (502, "upstream_unreachable") == outcome(response)
        assert "resolved" in response.json["error"]["message"]
        assert "provider.test" not in response.json["error"]["message"]

    world(main, {"up": ours()})


@pytest.mark.case("U59")
@pytest.mark.parametrize("answer_", [["127.0.0.1"], [IPV6], ["127.0.0.1", IPV6]])
def test_one_kind_of_address(world, answer_):
    """U59: a name may have addresses of one kind only."""

    async def main(ask):
        host = IPV6 if answer_ == [IPV6] else "127.0.0.1"
        async with at(host) as upstream, NameServer(api_provider_test=answer_):
            upstream.on("POST", PATH, openai.completion())
            assert 200 == (await ask("up")).status

    world(main, {"up": ours()}, *WORLD)


@pytest.mark.case("U59")
def test_dead_ipv6_first(world):
    """U59: an IPv6 address that does not answer costs a moment, not the call: the other kind is tried beside it."""

    async def main(ask):
        with socket.socket(socket.AF_INET6) as dead:
            dead.bind((IPV6, PORT))
            dead.listen(0)
            fillers = [socket.socket(socket.AF_INET6) for _ in range(4)]
            for filler in fillers:
                filler.setblocking(False)
                filler.connect_ex((IPV6, PORT))
            async with at() as upstream, NameServer(api_provider_test=[IPV6, "127.0.0.1"]):
                upstream.on("POST", PATH, openai.completion())
                started = now()
                assert 200 == (await ask("up")).status
                assert now() - started < 9
            for filler in fillers:
                filler.close()

    world(main, {"up": ours()}, *WORLD)


FORBIDDEN = ["169.254.169.254", "::ffff:169.254.169.254", "fd00:ec2::254", "fe80::1"]
INSIDE = ["127.0.0.1", "10.0.0.1", "::1", "::ffff:127.0.0.1", "0.0.0.0"]


@pytest.mark.case("U60")
@pytest.mark.parametrize(
    ("address", "scheme", "private"),
    [
        *((address, "https", False) for address in FORBIDDEN + INSIDE),
        *((address, "http", False) for address in FORBIDDEN),
        *((address, "https", True) for address in FORBIDDEN),
    ],
)
def test_name_leads_to_a_forbidden_address(world, address, scheme, private, caplog):
    """U60: a name that leads to a metadata address, or from a public service into our own network: nothing is sent."""

    async def main(ask):
        async with doorbell(None) as seen, NameServer(api_provider_test=[address]):
            response = await ask("up")

            assert (502, "upstream_unreachable") == outcome(response)
            assert "false" == response.header("x-should-retry")
            assert [] == seen
        assert any("api.provider.test leads to" in line and address in line for line in warnings(caplog))
        message = response.json["error"]["message"]
        assert address not in message
        assert (address in INSIDE) == ('"private": true' in message)

    world(main, {"up": {**ours(scheme=scheme), "private": private}}, *WORLD)


@pytest.mark.case("U60")
@pytest.mark.parametrize(
    "host", ["169.254.169.254", "[::ffff:169.254.169.254]", "[fe80::1]", "0xa9fea9fe", "2852039166"]
)
def test_forbidden_address_written_out(world, host):
    """U60: a metadata address in the configuration itself, in whatever spelling, is no provider."""

    async def main(ask):
        async with doorbell(None) as seen:
            response = await ask("up")
            assert (502, "upstream_unreachable") == outcome(response)
            assert [] == seen

    world(main, {"up": ours(host)}, *WORLD)


@pytest.mark.case("U60")
@pytest.mark.parametrize(
    ("section", "address", "code"),
    [
        ({"scheme": "http"}, "127.0.0.1", None),
        ({"scheme": "http", "name": "127.0.0.1"}, None, None),
        ({"scheme": "http", "name": "gpu-box"}, "127.0.0.1", None),
        ({"scheme": "http"}, PUBLIC, None),
        ({"scheme": "https", "private": True}, "127.0.0.1", "upstream_tls_error"),
        ({"scheme": "https", "name": "gpu-box"}, "127.0.0.1", "upstream_tls_error"),
        ({"scheme": "https", "name": "gpu-box.local"}, "127.0.0.1", "upstream_tls_error"),
        ({"scheme": "https", "name": "localhost"}, None, "upstream_tls_error"),
        ({"scheme": "https", "name": "127.0.0.1"}, None, "upstream_tls_error"),
        ({"scheme": "https"}, PUBLIC, "upstream_tls_error"),
        ({"scheme": "https"}, f"fe80::1 127.0.0.1 {PUBLIC}", "upstream_tls_error"),
    ],
)
def test_name_may_lead_there(world, section, address, code):
    """What the operator means is connected to; where TLS is due, the plain server there fails the handshake."""
    options = {"private": section.pop("private", False), **ours(**section)}
    host = section.get("name", "api.provider.test")

    async def main(ask):
        bind = PUBLIC if PUBLIC in (address or "") else "127.0.0.1"
        async with NameServer() as names, doorbell(bind) if code else at(bind) as server:
            names.answers[host] = address.split() if address else "nxdomain"
            if not code:
                server.on("POST", PATH, openai.completion())
            response = await ask("up")
            assert (502 if code else 200, code) == outcome(response)
            assert 1 == len(server if code else server.connections)

    world(main, {"up": options}, *WORLD)


@pytest.mark.case("U60")
@pytest.mark.parametrize("bad", ["169.254.169.254", "127.0.0.1", "fd00:ec2::254", "::ffff:127.0.0.1"])
def test_name_flips(bad, record_property, caplog):
    """U60: a name that led to the provider leads to the inside: the server there, certificate and all, gets nothing."""
    authority = trustme.CA()
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("api.provider.test").configure_cert(server)
    authority.configure_trust(client)
    url = f"https://api.provider.test:{PORT}/"

    async def main():
        async with (
            at("::", tls=server) as upstream,
            NameServer(api_provider_test=[PUBLIC]) as names,
            Transport(5, client, lambda: Resolver(times=Times(fresh_s=0))) as transport,
        ):
            upstream.on("GET", "/", answer(b"{}", headers=[("Connection", "close")]))
            assert 200 == await status_of(transport, url)
            names.answers["api.provider.test"] = [bad]

            with pytest.raises(UpstreamAddressError) as caught:
                await status_of(transport, url)

            assert Retry.NEVER is caught.value.retry
            assert 1 == len(upstream.connections)
            assert any(bad in line for line in warnings(caplog))
            record_property(
                "came_out", f"{caught.value.status} {caught.value.code}, {caught.value.retry.value} retried"
            )
            names.answers["api.provider.test"] = [PUBLIC]
            assert 200 == await status_of(transport, url)

    inside(main, WORLD, files=FILES)


@pytest.mark.case("P32")
@pytest.mark.parametrize("down", [None, "servfail"])
def test_outage_of_the_name_server(down, record_property):
    """P32: known names go on working, over old connections and new; an unknown one works within 5 s of the end."""
    known, unknown = f"http://api.provider.test:{PORT}/", f"http://new.provider.test:{PORT}/"

    async def main():
        async with (
            at() as upstream,
            NameServer(api_provider_test=["127.0.0.1"]) as names,
            Transport(1, names=lambda: Resolver(times=Times(fresh_s=0.1))) as transport,
        ):
            upstream.on("GET", "/", answer(b"{}"))
            assert 200 == await status_of(transport, known)
            names.answers = dict.fromkeys(["api.provider.test", "new.provider.test"], down)
            assert 200 == await status_of(transport, known)
            assert 1 == len(upstream.connections)  # an established connection needs no name

            upstream.on("GET", "/", answer(b"{}", headers=[("Connection", "close")]))
            await asyncio.sleep(0.2)
            for _ in range(5):
                assert 200 == await status_of(transport, known)
            with pytest.raises(Exception, match=r"resolved|connect_s"):
                await status_of(transport, unknown)
            names.answers = {name: ["127.0.0.1"] for name in names.answers}
            ended = now()
            assert 200 == await until_answered(transport, unknown)

            assert now() - ended < 5
            record_property("came_out", "known names 200, a new one 200 within 5 s of the end")
            await lookups_ended()

    inside(main, files=FILES)


@pytest.mark.case("P27")
def test_no_port_left(world):
    """A machine that has no port left for a connection is overloaded; the provider is not to blame."""

    async def main(ask):
        async with at() as upstream:
            upstream.on("POST", PATH, openai.completion())
            with contextlib.ExitStack() as fillers:
                with pytest.raises(OSError, match="assign"):
                    for _ in range(5):
                        filler = fillers.enter_context(socket.socket())
                        filler.setsockopt(
                            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                        )  # leaves no trace
                        filler.connect(("127.0.0.1", PORT))

                response = await ask("up")

            assert (503, "overloaded") == outcome(response)
            assert ("true", "1") == (response.header("x-should-retry"), response.header("retry-after"))
            await asyncio.sleep(0.05)
            assert 200 == (await ask("up")).status

    # Connections elsewhere, as the client's to the gateway, may have the same four ports.
    ports = "sysctl -qw net.ipv4.ip_local_port_range='40000 40003'"
    world(main, {"up": ours("127.0.0.1", scheme="http")}, ports)


async def status_of(transport, url):
    async with transport.send(UpstreamRequest("GET", url, {})) as response:
        await response.read(1000)
        return response.status


async def until_answered(transport, url):
    async with asyncio.timeout(10):
        while True:
            try:
                return await status_of(transport, url)
            except Exception:
                await asyncio.sleep(0.1)


def warnings(caplog):
    return [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]


def at(host="127.0.0.1", **options):
    return Upstream(host=host, port=PORT, **options)


@contextlib.asynccontextmanager
async def doorbell(host):
    """A server that notes who comes and speaks no TLS."""
    seen = []

    async def answer_plainly(reader, writer):
        seen.append(await reader.read(1000))
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(answer_plainly, host, PORT):
        yield seen
