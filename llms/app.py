"""
The composition root: from a configuration to objects that work together, and from those to a running server.

Everything is built here, once, and passed down; nothing else reads the configuration.
"""

import asyncio
import signal
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from llms import call_log
from llms.apis import reasoning_out
from llms.auth import Keyring, digest
from llms.catalog import Catalog, Entry, ProviderState
from llms.clocks import Clocks
from llms.config import Config
from llms.gateway import Gateway
from llms.providers.options import Options, is_loopback, secret
from llms.records import CallRecord, Provider
from llms.transport import Transport
from llms.web import routes
from llms.web.body import Limits
from llms.web.endpoints import SERVICES, Services
from llms.web.guard import Policy, middleware
from llms.web.respond import Pace
from llms.web.server import Runner

_FIRST_LOOK_S = 2.0
"""How long the start waits for providers to answer before it says which are there."""

_LAST_WORDS_S = 2.0
"""How long calls that are cut short have to tell their clients."""


class UnsafeListenError(Exception):
    """The gateway would be open to the network without a key."""


@dataclass(frozen=True, slots=True)
class Core:
    """The gateway without its HTTP server."""

    gateway: Gateway
    catalog: Catalog


@asynccontextmanager
async def core(
    config: Config,
    environ: Mapping[str, str],
    *,
    sink: Callable[[CallRecord], None] = call_log.write,
    own_url: str | None = None,
) -> AsyncGenerator[Core, None]:
    """
    Give a working gateway, and take it down afterwards.

    Args:
        config: As loaded.
        environ: Where secrets are.
        sink: Takes each call's record; must not block.
        own_url: Where the gateway itself listens, so that it does not take itself for a provider.
    """
    clocks = Clocks(**config.server.clocks.model_dump())
    async with Transport(clocks.connect_s) as transport:
        entries = [_entry(name, options, environ, transport, own_url) for name, options in config.providers.items()]
        catalog = Catalog(entries, config.models)
        providers: dict[str, Provider] = {e.name: e.provider for e in entries if e.provider is not None}
        try:
            yield Core(Gateway(providers, catalog, clocks, sink), catalog)
        finally:
            await catalog.close()


def build(
    config: Config, environ: Mapping[str, str], *, sink: Callable[[CallRecord], None] = call_log.write
) -> web.Application:
    """
    Give the application; ``llms.web.server.Runner`` runs it.

    Raises:
        UnsafeListenError: It would listen beyond this machine without a key.
    """
    keyring = _keyring(config, environ)
    if not keyring.required and not is_loopback(config.server.host):
        message = (
            f"{config.server.host} can be reached from other machines and no key is set. Put one into server.keys, as "
            '["$LLMS_KEY"] with LLMS_KEY in the environment, or listen on 127.0.0.1.'
        )
        raise UnsafeListenError(message)
    policy = Policy(
        keyring,
        hosts=frozenset(config.server.allowed_hosts),
        origins=frozenset(config.server.allowed_origins),
        public=routes.public_paths(),
    )
    app = web.Application(middlewares=[middleware(policy)])
    routes.add_to(app)
    own_url = f"http://{config.server.host}:{config.server.port}"

    async def services(app: web.Application) -> AsyncGenerator[None, None]:
        async with core(config, environ, sink=sink, own_url=own_url) as parts:
            app[SERVICES] = Services(
                parts.gateway,
                parts.catalog,
                policy,
                Limits(config.server.max_body_bytes, config.server.body_s),
                Pace(config.server.keepalive_s, config.server.write_stall_s),
                asyncio.Event(),
                reasoning_out.KEYS.get(config.server.reasoning),
            )
            yield

    app.cleanup_ctx.append(services)
    return app


async def serve(
    config: Config,
    environ: Mapping[str, str],
    *,
    announce: Callable[[str, list[ProviderState]], None],
    reuse_port: bool = False,
) -> None:
    """
    Serve until told to stop (SIGTERM, SIGINT), then finish what runs within ``server.drain_s``.

    Args:
        announce: Called once it listens, with its URL and the providers.
        reuse_port: Let several processes listen on one port.

    Raises:
        OSError: It cannot listen there.
        UnsafeListenError: It would listen beyond this machine without a key.
    """
    stops = _Stops()
    app = build(config, environ)
    runner = Runner(app, _LAST_WORDS_S, config.server.write_stall_s)
    try:
        await runner.setup()
        site = web.TCPSite(runner, config.server.host, config.server.port, reuse_port=reuse_port or None, backlog=1024)
        await site.start()
        services = app[SERVICES]
        await _look(services.catalog, stops.first)
        if not stops.first.is_set():
            announce(_url(runner, config.server.host), services.catalog.states())
        await stops.first.wait()
        services.stopping.set()
        await site.stop()
        await _drain(services.gateway, config.server.drain_s, stops.second)
    finally:
        await runner.cleanup()
        stops.close()


async def _look(catalog: Catalog, stop: asyncio.Event) -> None:
    """Ask the providers, for so long; those that take longer go on being asked."""
    await _first_of(catalog.refresh(), stop.wait(), timeout_s=_FIRST_LOOK_S)


async def _first_of(*waits: Coroutine[Any, Any, object], timeout_s: float) -> None:
    tasks = [asyncio.create_task(wait) for wait in waits]
    await asyncio.wait(tasks, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _drain(gateway: Gateway, drain_s: float, hurry: asyncio.Event) -> None:
    """Wait for the calls that run; end those that are left."""
    await _first_of(gateway.idle(), hurry.wait(), timeout_s=drain_s)
    gateway.end_all()


class _Stops:
    """SIGTERM and SIGINT as events: the first asks to finish, the second to be quick about it."""

    def __init__(self) -> None:
        self.first = asyncio.Event()
        self.second = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            try:
                self._loop.add_signal_handler(number, self._stop)
            except NotImplementedError:  # pragma: no cover - Windows
                signal.signal(number, lambda *_: self._loop.call_soon_threadsafe(self._stop))

    def close(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            try:
                self._loop.remove_signal_handler(number)
            except NotImplementedError:  # pragma: no cover - Windows
                signal.signal(number, signal.SIG_DFL)

    def _stop(self) -> None:
        (self.second if self.first.is_set() else self.first).set()


def _url(runner: Runner, host: str) -> str:
    port = runner.addresses[0][1]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


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


def _entry(name: str, options: Options, environ: Mapping[str, str], transport: Transport, own_url: str | None) -> Entry:
    if not options.enabled:
        return Entry(name, None, "switched off in the configuration")
    missing = options.missing(environ)
    if missing is not None:
        return Entry(name, None, missing)
    local_url = options.local_url
    if local_url is not None and own_url is not None and _same_place(local_url, own_url):
        return Entry(name, None, "its address is this gateway's own")
    provider = options.build(name, environ, partial(transport.send, private=options.private))
    return Entry(name, provider, _why_on(options), local=local_url is not None, listed=options.models)


def _why_on(options: Options) -> str:
    if options.local_url is not None:
        return "its server answers"
    return f"{options.variables[0].removeprefix('$')} is set" if options.variables else "needs no key"


def _same_place(one: str, other: str) -> bool:
    ends = [urlsplit(one), urlsplit(other)]
    names = [is_loopback(end.hostname or "") or end.hostname in ("0.0.0.0", "::") for end in ends]  # noqa: S104
    return all(names) and ends[0].port == ends[1].port
