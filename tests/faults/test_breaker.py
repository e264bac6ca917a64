"""A provider that cannot be reached is left alone, found again, and costs the others nothing."""

import asyncio
import json
import socket
from contextlib import asynccontextmanager

import pytest

from llms.config import load
from llms.errors import UpstreamUnreachableError
from tests.faults.conftest import PATH
from tests.faults.crew import OK, Stopwatch
from tests.support.raw import RawClient
from tests.upstream import openai
from tests.upstream.server import Upstream
from tests.upstream.steps import wait


@pytest.fixture
def port():
    """A port on which nobody listens, for the length of a test."""
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]


@asynccontextmanager
async def up(port, *reactions):
    """Listen on ``port``, beside the socket that keeps it."""
    async with Upstream(port=port) as upstream:
        upstream.on("POST", PATH, *(reactions or (OK,)))
        yield upstream


def dead(port, **options):
    return {"base_url": f"http://127.0.0.1:{port}/v1", "retries": 0, **options}


async def opened(crew, port, **options):
    """Give a crew whose only provider's breaker has just opened."""
    crowd = await crew(1, one=dead(port, **options.pop("one", {})), **options)
    for _ in range(5):
        assert "upstream_unreachable" == (await crowd.ask()).json["error"]["code"]
    return crowd


@pytest.mark.case("U73")
async def test_all_are_down(crew, port):
    """U73: after five failures 503 at once, with the time to come back, and nothing is sent, though it were there again."""
    crowd = await opened(crew, port)

    async with up(port) as upstream:
        responses = await crowd.asks(20)

        assert {(503, "upstream_circuit_open", "true")} == {
            (response.status, response.json["error"]["code"], response.header("x-should-retry"))
            for response in responses
        }
        assert all(1 <= int(response.header("retry-after")) <= 5 for response in responses)
        assert [] == upstream.connections
    assert all(record.duration_s < 2 for record in crowd.gateway.records[-20:])
    assert all(() == record.attempts and record.skipped for record in crowd.gateway.records[-20:])


@pytest.mark.case("U73")
async def test_every_target_is_down(crew, port):
    """U73: of an alias all of whose targets are down each is named with the reason."""
    crowd = await crew(2, one=dead(port), two=dead(port), models={"fast": ["one/m", "two/m"]})
    for _ in range(5):
        assert 502 == (await crowd.ask("fast")).status

    response = await crowd.ask("fast")

    message = response.json["error"]["message"]
    assert (503, "upstream_circuit_open") == (response.status, response.json["error"]["code"])
    assert "one/m: not tried, circuit open" in message
    assert "two/m: not tried, circuit open" in message


@pytest.mark.case("U73")
@pytest.mark.parametrize("concurrency", [None, 1, 3])
async def test_exactly_one_probe(crew, port, concurrency):
    """U73: when the time is over one call finds out; the others are refused until it has, then all go."""
    crowd = await opened(crew, port, one={} if concurrency is None else {"concurrency": concurrency})
    held = asyncio.Event()
    async with up(port, (wait(held), *OK), OK) as upstream:
        crowd.pass_time(5)
        asking = [asyncio.create_task(crowd.ask()) for _ in range(20)]
        await crowd.until(lambda: sum(task.done() for task in asking) == 19)
        assert 1 == len(upstream.requests)
        held.set()

        statuses = sorted(response.status for response in await asyncio.gather(*asking))
        assert [200] + [503] * 19 == statuses
        assert {200} == {response.status for response in await crowd.asks(10)}


@pytest.mark.case("U73")
async def test_probe_fails(crew, port):
    """U73: it is left alone for five seconds more after one failure."""
    crowd = await opened(crew, port)
    crowd.pass_time(5)

    codes = [(await crowd.ask()).json["error"]["code"] for _ in range(2)]
    assert ["upstream_unreachable", "upstream_circuit_open"] == codes
    crowd.pass_time(5)
    async with up(port):
        assert [200, 200] == [(await crowd.ask()).status for _ in range(2)]


@pytest.mark.parametrize("stream", [False, True])
async def test_client_of_the_probe_leaves(crew, port, stream):
    """The next call probes in its place: nobody waits for an outcome that never comes."""
    crowd = await opened(crew, port)
    held = asyncio.Event()
    async with up(port, (wait(held), *OK), openai.stream(["Hello"]) if stream else OK) as upstream:
        crowd.pass_time(5)
        async with RawClient("127.0.0.1", crowd.gateway.port) as client:
            await client.request("POST", PATH, body=crowd.body(stream=stream))
            await upstream.received()
        await crowd.idle()

        assert 200 == (await crowd.ask(stream=stream)).status
        held.set()


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 503])
async def test_refusals_open_nothing(crew, status):
    """A provider that answers is there."""
    crowd = await crew(1, every={"retries": 0, "breaker": True})
    crowd.plays(openai.error(status, "no"))

    for _ in range(7):
        response = await crowd.ask()
        assert "upstream_circuit_open" != response.json["error"]["code"]


async def test_others_take_over(crew, port):
    """While it is left alone the next target answers, without the time that a connection would take."""
    crowd = await crew(2, one=dead(port))
    crowd.plays(OK, OK)
    for _ in range(5):
        assert "two" == (await crowd.ask()).header("x-llms-provider")

    assert 200 == (await crowd.ask()).status
    assert [("two", "ok")] == crowd.outcomes()
    [(target, reason)] = crowd.gateway.records[-1].skipped
    assert ("one", True) == (target.provider, reason.startswith("circuit open"))


@pytest.mark.parametrize("level", ["provider", "model"])
async def test_no_breaker(crew, port, level):
    """Switched off for a provider or for a model: each call asks."""
    off = {"breaker": False}
    crowd = await crew(
        1,
        one=dead(port, **(off if level == "provider" else {})),
        models={"stubborn": {"targets": ["one/m"], **(off if level == "model" else {})}},
    )

    for _ in range(8):
        assert "upstream_unreachable" == (await crowd.ask("stubborn")).json["error"]["code"]


async def test_bad_requests_close_no_breaker(crew, port):
    """What the gateway refuses to send is no sign of life: the call after it is the probe."""
    crowd = await crew(1, one={"type": "ollama", "base_url": f"http://127.0.0.1:{port}", "retries": 0})
    for _ in range(5):
        assert 502 == (await crowd.ask()).status
    crowd.pass_time(5)
    tools = [{"type": "function", "function": {"name": "f"}}]
    required = {"type": "function", "function": {"name": "other"}}

    assert 400 == (await crowd.ask(tools=tools, tool_choice=required)).status
    assert [502, 503] == [(await crowd.ask()).status for _ in range(2)]


async def test_slow_connections_do_not_pile_up_as_probes(crew):
    """A probe that waits for its connection longer than five seconds stays the only one."""
    crowd = await crew(1, one=dead(9, clocks={"connect_s": 60}))
    [target] = (await crowd.gateway.services.gateway._catalog.route("m")).targets
    for _ in range(5):
        crowd.health.failed(target, UpstreamUnreachableError("x"))
    crowd.pass_time(5)
    assert crowd.health.asked(target)
    crowd.pass_time(30)

    assert 503 == (await crowd.ask()).status


async def test_reload_keeps_what_is_known(crew, port, tmp_path):
    """Of providers that have not changed; one that has begins anew."""
    crowd = await opened(crew, port)
    path = tmp_path / "config.json"

    async def reload(change):
        document = json.loads(path.read_bytes())
        change(document)
        path.write_text(json.dumps(document))
        await crowd.gateway.generations.put_in_force(load(path, {}))

    await reload(lambda document: document["models"].update(fast="one/m"))
    assert "upstream_circuit_open" == (await crowd.ask("fast")).json["error"]["code"]

    await reload(lambda document: document["providers"]["one"].update(retries=1))
    watch = Stopwatch()
    assert "upstream_unreachable" == (await crowd.ask("fast")).json["error"]["code"]
    assert watch.seconds >= 0.09  # with the retry that is now allowed


@pytest.mark.case("U74")
async def test_recovery(crew, port):
    """U74, F18: a provider that comes back is in use at once when the time is over, whatever was asked in its absence."""
    crowd = await crew(1, one={"base_url": f"http://127.0.0.1:{port}/v1"})
    failed = await crowd.asks(60)
    assert {502, 503} >= {response.status for response in failed}

    async with up(port) as upstream:
        crowd.pass_time(5)
        assert 200 == (await crowd.ask()).status
        assert {200} == {response.status for response in await crowd.asks(30)}
        assert 31 == len(upstream.requests)
