"""What becomes of a configuration that was read again."""

import asyncio
import gc
import json
import weakref

import pytest

from llms.app import Generations
from llms.config import Config, ConfigError, Problem, parse
from llms.process.reload import Reload
from llms.web.services import Live
from tests.support.raw import RawClient
from tests.upstream import openai
from tests.upstream.server import Upstream
from tests.upstream.steps import wait

PATH = "/v1/chat/completions"


def config(environ=None, **sections):
    return parse(json.dumps({"providers": {"demo": {}}, **sections}).encode(), environ or {}, "config.json")


class Setup:
    def __init__(self, first, environ=None):
        self.first = first
        self.live = Live()
        self.generations = Generations(self.live, environ or {}, lambda _: None)
        self.reload = Reload(first, self.generations, self.live)

    async def __aenter__(self):
        await self.generations.start(self.first)
        return self

    async def __aexit__(self, *_):
        await self.generations.close()

    @property
    def services(self):
        return self.live.now.services


@pytest.fixture
async def upstream():
    async with Upstream() as running:
        yield running


async def test_providers_that_have_not_changed_are_not_asked_again(upstream):
    """What is known of a provider's models outlives a reload, unless its options change."""
    listing = openai.models(["a", "b"])
    upstream.on("GET", "/v1/models", listing)
    section = {"base_url": f"{upstream.url}/v1"}
    async with Setup(config(providers={"up": section, "demo": {}})) as setup:
        await setup.services.catalog.refresh()
        await setup.reload.take(config(providers={"demo": {}, "up": section, "new": section}))
        kept = {one.name: one.models for one in setup.services.catalog.states()}
        await setup.reload.take(config(providers={"up": {"base_url": f"{upstream.url}/v2"}}))
        changed = {one.name: one.models for one in setup.services.catalog.states()}

    assert ["demo", "up", "new"] == list(kept)
    assert ["a", "b"] == [model.id for model in kept["up"]]
    assert kept["new"] is None
    assert {"up": None} == changed
    assert 1 == len(upstream.requests)


@pytest.mark.interpreted
async def test_what_was_replaced_is_let_go():
    """Nothing keeps old services once no request holds them."""
    async with Setup(config()) as setup:
        old = [weakref.ref(setup.services.gateway)]
        held = setup.live.now
        with held:
            for number in range(5):
                await setup.reload.take(config(models={f"m{number}": "demo/demo"}))
                old.append(weakref.ref(setup.services.gateway))
            await asyncio.sleep(0)
            running = len(setup.generations.gateways())
        del held
        for _ in range(3):
            await asyncio.sleep(0)
        gc.collect()

        assert 2 == running
        assert [None] * 5 == [one() for one in old[:-1]]
        assert old[-1]() is not None


async def test_stop_while_old_services_are_held():
    """The end closes what is still held, too."""
    async with Setup(config()) as setup:
        setup.live.now.__enter__()
        await setup.reload.take(config(models={"m": "demo/demo"}))
    assert [] == setup.generations.gateways()


async def test_order_is_part_of_it():
    """Providers are in fallback order: another order is another configuration."""
    both = {"demo": {}, "groq": {}}
    async with Setup(config(providers=both)) as setup:
        first = setup.services
        await setup.reload.take(config(providers=both))
        same = setup.services
        await setup.reload.take(config(providers=dict(reversed(both.items()))))
        names = [one.name for one in setup.services.catalog.states()]

    assert first is same
    assert ["groq", "demo"] == names


async def test_mistakes_change_nothing(caplog):
    """Each is logged; the state is degraded until a good file comes, be it the old one."""
    async with Setup(config()) as setup:
        first = setup.services
        error = ConfigError("config.json", [Problem(("server", "port"), "must be a number"), Problem((), "is odd")])
        await setup.reload.take(error)
        bad = setup.live.degraded, setup.live.failed_reloads, setup.services is first
        await setup.reload.take(config())

    assert (True, 1, True) == bad
    assert (False, 1) == (setup.live.degraded, setup.live.failed_reloads)
    assert [
        "not taken, and what was in force stays: config.json: server.port: must be a number",
        "not taken, and what was in force stays: config.json: is odd",
    ] == [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]


async def test_last_key_of_an_open_gateway(caplog):
    """A file that takes the keys away from a gateway which other machines reach is not taken, whatever host it names."""
    environ = {"K": "sk-one"}
    async with Setup(config(environ, server={"host": "0.0.0.0", "keys": ["$K"]}), environ) as setup:
        await setup.reload.take(config())
        required = setup.services.policy.keyring.required

    assert (True, True) == (required, setup.live.degraded)
    assert "0.0.0.0 can be reached from other machines and no key is set" in caplog.text


async def test_a_bug_in_a_reload_is_no_end(caplog):
    """A reload that fails in a way nobody foresaw is logged and counted, and the next one is taken."""

    class Broken(Config):
        @property
        def server(self):
            raise LookupError

    outcomes = asyncio.Queue()
    async with Setup(config()) as setup:
        taking = asyncio.create_task(setup.reload.take_all(outcomes))
        outcomes.put_nowait(object.__new__(Broken))
        outcomes.put_nowait(config(models={"m": "demo/demo"}))
        async with asyncio.timeout(5):
            while "m" not in [model.id for model in setup.services.catalog.models()]:  # noqa: ASYNC110
                await asyncio.sleep(0)
        taking.cancel()
        await asyncio.wait([taking])

    assert 1 == setup.live.failed_reloads
    assert "LookupError" in caplog.text


async def test_a_call_keeps_what_it_began_with(gateway, upstream):
    """A call that waits for its request's body when a reload comes is served by what it was admitted under."""
    go = asyncio.Event()
    upstream.on("POST", PATH, (wait(go), *openai.completion("late")))
    running = await gateway(providers={"up": {"base_url": f"{upstream.url}/v1", "models": ["m"]}})
    reload = Reload(running.config, running.generations, running.live)
    async with RawClient("127.0.0.1", running.port) as client, RawClient("127.0.0.1", running.port) as slow:
        await client.request("POST", PATH, body={"model": "m", "messages": [{"role": "user", "content": "x"}]})
        await upstream.received()
        body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "x"}]}).encode()
        # Not a plain request: that is taken up once it is whole.
        head = f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nx-llms-trail: 1\r\n"
        head += f"Content-Length: {len(body)}\r\n\r\n"
        await slow.send(head.encode() + body[:10])
        await asyncio.sleep(0.05)
        await reload.take(config())
        go.set()
        await slow.send(body[10:])
        answers = [await client.read_response(), await slow.read_response()]
        await client.request("POST", PATH, body={"model": "m", "messages": [{"role": "user", "content": "x"}]})
        after = await client.read_response()

    assert [200, 200, 404] == [*(answer.status for answer in answers), after.status]
