"""
The composition root: from a configuration to objects that work together.

Everything is built here and passed down; nothing else reads the configuration. It is built anew when the configuration
changes while the gateway runs: a *generation* is what one reading of it made. The way out, with its connections, is
shared by all of them.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from weakref import WeakValueDictionary

from aiohttp import web

from llms import call_log, upstreams
from llms.apis import reasoning_out
from llms.attempts import Attempts
from llms.auth import Keyring
from llms.bulkhead import Bulkhead
from llms.catalog import Catalog
from llms.clocks import Alarms
from llms.config import Config
from llms.gateway import Gateway
from llms.health import Health
from llms.hedging import Hedging
from llms.idempotency import Answers
from llms.idempotency_memory import Memory
from llms.keys import digest
from llms.prices import Prices
from llms.providers.options import is_loopback, secret
from llms.records import CallRecord
from llms.terms import Room
from llms.transport import Transport
from llms.upstreams import Made
from llms.web import routes
from llms.web.body import Limits
from llms.web.connection import Bounds
from llms.web.guard import middleware
from llms.web.policy import Policy
from llms.web.services import LIVE, Generation, Live, Services


class UnsafeListenError(Exception):
    """The gateway would be open to the network without a key."""


class _Learnt:
    """What is learnt of providers while the gateway runs, whatever configuration is in force."""

    def __init__(self) -> None:
        self.health = Health(time.monotonic)
        self.hedging = Hedging()
        self._bulkheads: WeakValueDictionary[str, Bulkhead] = WeakValueDictionary()

    def bulkhead(self, name: str, room: Room) -> Bulkhead:
        """
        Give a provider's places, with as much room as the configuration says now.

        They are the same for as long as a call of an older configuration may hold one: else each change would give the
        provider as many calls again.
        """
        found = self._bulkheads.get(name)
        if found is None:
            found = self._bulkheads[name] = Bulkhead(name, room)
        else:
            found.resize(room)
        return found


@dataclass(frozen=True, slots=True)
class Core:
    """The gateway without its HTTP server."""

    gateway: Gateway
    catalog: Catalog
    made: Mapping[str, Made]
    learnt: _Learnt


@asynccontextmanager
async def core(  # noqa: PLR0913 - all but two have a default
    config: Config,
    environ: Mapping[str, str],
    *,
    sink: Callable[[CallRecord], None] = call_log.write,
    own_url: str | None = None,
    transport: Transport | None = None,
    before: Core | None = None,
) -> AsyncGenerator[Core, None]:
    """
    Give a working gateway, and take it down afterwards.

    Args:
        config: As loaded.
        environ: Where secrets are.
        sink: Takes each call's record; must not block.
        own_url: Where the gateway itself listens, so that it does not take itself for a provider.
        transport: The way out, if it is shared.
        before: The core whose place this one takes. Providers whose options have not changed are taken over from it,
            with what is known of them.
    """
    async with AsyncExitStack() as stack:
        terms = config.server.terms
        if transport is None:
            transport = await stack.enter_async_context(Transport(terms.clocks.connect_s))
        learnt = _Learnt() if before is None else before.learnt
        made: dict[str, Made] = {}
        for name, options in config.providers.items():
            old = before.made.get(name) if before is not None else None
            own = options.over(terms)
            if old is None or (old.options, old.terms) != (options, own):
                places = learnt.bulkhead(name, options.room)
                old = upstreams.made(name, options, environ, transport, own_url, own, places)
            made[name] = old
        prices = _prices(config)
        catalog = Catalog(
            [one.entry for one in made.values()],
            config.models,
            before=None if before is None else before.catalog,
            prices=prices,
        )
        stack.push_async_callback(catalog.close)
        if before is not None:
            for name in (name for name, old in before.made.items() if made.get(name) is not old):
                learnt.health.forget(name)
        before = None  # or it would live as long as this one
        providers = {name: one.upstream for name, one in made.items() if one.upstream is not None}
        alarms = Alarms()
        attempts = Attempts(providers, learnt.health, learnt.hedging, alarms)
        yield Core(Gateway(catalog, learnt.health, attempts, terms.clocks, sink, alarms), catalog, made, learnt)


class Generations:
    """
    Makes generations of services, puts one after the other in force, and closes those that nobody uses any more.

    Args:
        live: Where requests find the one in force.
        environ: Where secrets are.
        sink: Takes each call's record; must not block.
    """

    def __init__(self, live: Live, environ: Mapping[str, str], sink: Callable[[CallRecord], None]) -> None:
        self._live = live
        self._environ = environ
        self._sink = sink
        self._transport = Transport(connect_s=5)
        self._answers = Memory(time.monotonic)
        self._core: Core | None = None
        self._open: dict[Generation, AsyncExitStack] = {}
        self._closing: set[asyncio.Task[None]] = set()

    async def start(self, config: Config) -> None:
        """Put the first one in force; as ``put_in_force``."""
        await self._transport.__aenter__()
        await self.put_in_force(config)

    async def put_in_force(self, config: Config) -> None:
        """
        Replace what is in force. Requests that run keep what they began with.

        Args:
            config: Its host and port are those that the gateway listens on.

        Raises:
            UnsafeListenError: The gateway would be open to the network without a key. Nothing has changed then.
        """
        policy = _policy(config, self._environ)
        own_url = f"http://{config.server.host}:{config.server.port}"
        stack = AsyncExitStack()
        self._core = await stack.enter_async_context(
            core(
                config,
                self._environ,
                sink=self._sink,
                own_url=own_url,
                transport=self._transport,
                before=self._core,
            )
        )
        replaced = list(self._open)[-1:]
        self._live.now = Generation(_services(config, self._core, policy, self._answers))
        self._open[self._live.now] = stack
        for generation in replaced:
            task = asyncio.create_task(self._close_once_free(generation))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    def gateways(self) -> list[Gateway]:
        """Give those in which calls may run: the newest, and older ones that still have some."""
        return [generation.services.gateway for generation in self._open]

    async def close(self) -> None:
        """Close them all."""
        for task in self._closing:
            task.cancel()
        await asyncio.gather(*self._closing, return_exceptions=True)
        while self._open:
            await self._open.popitem()[1].aclose()
        await self._transport.__aexit__()

    async def _close_once_free(self, generation: Generation) -> None:
        await generation.free()
        await self._open.pop(generation).aclose()


GENERATIONS = web.AppKey("generations", Generations)


def build(
    config: Config, environ: Mapping[str, str], *, sink: Callable[[CallRecord], None] = call_log.write
) -> web.Application:
    """
    Give the application; ``llms.web.server.Runner`` runs it.

    Raises:
        UnsafeListenError: It would listen beyond this machine without a key.
    """
    _policy(config, environ)
    live = Live()
    generations = Generations(live, environ, sink)
    app = web.Application(middlewares=[middleware(live)])
    app[LIVE] = live
    app[GENERATIONS] = generations
    routes.add_to(app)

    async def services(_app: web.Application) -> AsyncGenerator[None, None]:
        await generations.start(config)
        yield
        await generations.close()

    app.cleanup_ctx.append(services)
    return app


def _policy(config: Config, environ: Mapping[str, str]) -> Policy:
    keyring = _keyring(config, environ)
    if not keyring.required and not is_loopback(config.server.host):
        message = (
            f"{config.server.host} can be reached from other machines and no key is set. Put one into server.keys, as "
            '["$LLMS_KEY"] with LLMS_KEY in the environment, or listen on 127.0.0.1.'
        )
        raise UnsafeListenError(message)
    return Policy(
        keyring,
        hosts=frozenset(config.server.allowed_hosts),
        origins=frozenset(config.server.allowed_origins),
        public=routes.public_paths(),
    )


def _services(config: Config, parts: Core, policy: Policy, answers: Answers) -> Services:
    server = config.server
    return Services(
        parts.gateway,
        parts.catalog,
        policy,
        Limits(server.max_body_bytes, server.body_s),
        Bounds(server.head_s, server.write_stall_s, server.send_buffer_bytes),
        answers,
        server.keepalive_s,
        reasoning_out.KEYS.get(server.reasoning),
    )


def _prices(config: Config) -> Prices:
    kinds = {name: kind for name, options in config.providers.items() if (kind := options.priced_as) is not None}
    return Prices(config.prices, kinds)


def _keyring(config: Config, environ: Mapping[str, str]) -> Keyring:
    digests: list[str] = []
    for entry in config.server.keys:
        if entry.startswith("$"):
            value = secret(entry, environ)
            assert value is not None, "the configuration was checked against this environment"  # noqa: S101
            digests.append(digest(value))
        else:
            digests.append(entry.removeprefix("sha256:"))
    return Keyring(digests)
