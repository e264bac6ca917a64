"""
The composition root: from a configuration to objects that work together.

Everything is built here and passed down; nothing else reads the configuration. It is built anew when the configuration
changes while the gateway runs: a *generation* is what one reading of it made. The way out, with its connections, is
shared by all of them.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

from aiohttp import web

from llms import call_log
from llms.apis import reasoning_out
from llms.auth import Keyring, digest
from llms.catalog import Catalog, Entry
from llms.clocks import Clocks
from llms.config import Config
from llms.gateway import Gateway
from llms.providers.options import Options, is_loopback, secret
from llms.records import CallRecord, Provider, Send, UpstreamRequest, UpstreamResponse
from llms.transport import Transport
from llms.web import routes
from llms.web.body import Limits
from llms.web.connection import Bounds
from llms.web.guard import middleware
from llms.web.services import LIVE, Generation, Live, Policy, Services


class UnsafeListenError(Exception):
    """The gateway would be open to the network without a key."""


@dataclass(frozen=True, slots=True)
class _Made:
    """An entry of the catalog, and what it was made of."""

    entry: Entry
    options: Options
    connect_s: float


@dataclass(frozen=True, slots=True)
class Core:
    """The gateway without its HTTP server."""

    gateway: Gateway
    catalog: Catalog
    made: Mapping[str, _Made]


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
        clocks = Clocks(**config.server.clocks.model_dump())
        if transport is None:
            transport = await stack.enter_async_context(Transport(clocks.connect_s))
        out = partial(_way_out, transport, clocks.connect_s)
        made: dict[str, _Made] = {}
        for name, options in config.providers.items():
            old = before.made.get(name) if before is not None else None
            if old is None or (old.options, old.connect_s) != (options, clocks.connect_s):
                old = _Made(_entry(name, options, environ, out, own_url), options, clocks.connect_s)
            made[name] = old
        entries = [one.entry for one in made.values()]
        catalog = Catalog(entries, config.models, before=None if before is None else before.catalog)
        before = None  # or it would live as long as this one
        stack.push_async_callback(catalog.close)
        providers: dict[str, Provider] = {e.name: e.provider for e in entries if e.provider is not None}
        yield Core(Gateway(providers, catalog, clocks, sink), catalog, made)


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
        self._live.now = Generation(_services(config, self._core, policy))
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


def _services(config: Config, parts: Core, policy: Policy) -> Services:
    server = config.server
    return Services(
        parts.gateway,
        parts.catalog,
        policy,
        Limits(server.max_body_bytes, server.body_s),
        Bounds(server.head_s, server.write_stall_s, server.send_buffer_bytes),
        server.keepalive_s,
        reasoning_out.KEYS.get(server.reasoning),
    )


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


def _way_out(transport: Transport, default_s: float, private: bool) -> Send:  # noqa: FBT001 - bound by partial
    """Give a provider's way out, with this generation's wait for a connection where a request has none of its own."""

    def send(request: UpstreamRequest, connect_s: float | None = None) -> AbstractAsyncContextManager[UpstreamResponse]:
        return transport.send(request, connect_s or default_s, private=private)

    return send


def _entry(
    name: str, options: Options, environ: Mapping[str, str], out: Callable[[bool], Send], own_url: str | None
) -> Entry:
    if not options.enabled:
        return Entry(name, None, "switched off in the configuration")
    missing = options.missing(environ)
    if missing is not None:
        return Entry(name, None, missing)
    local_url = options.local_url
    if local_url is not None and own_url is not None and _same_place(local_url, own_url):
        return Entry(name, None, "its address is this gateway's own")
    provider = options.build(name, environ, out(options.private))
    return Entry(name, provider, _why_on(options), local=local_url is not None, listed=options.models)


def _why_on(options: Options) -> str:
    if options.local_url is not None:
        return "its server answers"
    return f"{options.variables[0].removeprefix('$')} is set" if options.variables else "needs no key"


def _same_place(one: str, other: str) -> bool:
    ends = [urlsplit(one), urlsplit(other)]
    names = [is_loopback(end.hostname or "") or end.hostname in ("0.0.0.0", "::") for end in ends]  # noqa: S104
    return all(names) and ends[0].port == ends[1].port
