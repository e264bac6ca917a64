"""
The composition root: from a configuration to objects that work together.

Everything is built here and passed down; nothing else reads the configuration. It is built anew when the configuration
changes while the gateway runs: a *generation* is what one reading of it made. The way out, with its connections, is
shared by all of them.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack

from aiohttp import web

from llms import call_log, given
from llms.admin import Admin
from llms.apis import reasoning_out
from llms.auth import Keyring
from llms.books import Books, opened
from llms.config import Config
from llms.core import Core, core
from llms.gateway import Gateway
from llms.idempotency import Answers
from llms.idempotency_shared import kept_for
from llms.keys import VirtualKey
from llms.limits import Scope, Taken
from llms.providers.options import is_loopback
from llms.records import CallRecord
from llms.transport import Transport
from llms.web import routes
from llms.web.body import Limits
from llms.web.connection import Bounds
from llms.web.guard import middleware
from llms.web.policy import Policy
from llms.web.services import LIVE, Generation, Live, Services


class UnsafeListenError(Exception):
    """The gateway would be open to the network without a key."""

    def __init__(self, host: str) -> None:
        super().__init__(
            f"{host} can be reached from other machines and no key is set. Put one into server.keys, as "
            '["$LLMS_KEY"] with LLMS_KEY in the environment, or listen on 127.0.0.1.'
        )


class Generations:
    """
    Makes generations of services, puts one after the other in force, and closes those that nobody uses any more.

    Args:
        live: Where requests find the one in force.
        environ: Where secrets are.
        sink: Takes each call's record; must not block.
        workers: How many processes serve the same.

    Attributes:
        minted: The secret of the key that this made because there was none and one is needed; ``None`` if it made none.
    """

    def __init__(
        self, live: Live, environ: Mapping[str, str], sink: Callable[[CallRecord], None], workers: int = 1
    ) -> None:
        self.minted: str | None = None
        self._workers = workers
        self._stack = AsyncExitStack()
        self._live = live
        self._environ = environ
        self._sink = sink
        self._transport = Transport(connect_s=5)
        self._core: Core | None = None
        self._open: dict[Generation, AsyncExitStack] = {}
        self._closing: set[asyncio.Task[None]] = set()

    async def start(self, config: Config) -> None:
        """
        Open the books and put the first one in force; as ``put_in_force``.

        Raises:
            StoreError: The store that the configuration names cannot be used.
        """
        await self._stack.enter_async_context(self._transport)
        place = given.place(config, self._environ, self._workers)
        self._books = await self._stack.enter_async_context(opened(place, self._end_calls))
        self._answers = kept_for(place.url if self._books.store is not None else None, place.redis, place.workers)
        self._stack.push_async_callback(self._answers.close)
        if not config.server.keys and not is_loopback(config.server.host) and not self._books.keys:
            if self._books.store is None:
                raise UnsafeListenError(config.server.host)
            self.minted = await self._books.mint()
        await self.put_in_force(config)

    async def put_in_force(self, config: Config) -> None:
        """
        Replace what is in force. Requests that run keep what they began with.

        Args:
            config: Its host and port are those that the gateway listens on.

        Raises:
            UnsafeListenError: The gateway would be open to the network without a key. Nothing has changed then.
        """
        policy = self._policy(config)
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
                books=self._books,
            )
        )
        replaced = list(self._open)[-1:]
        self._live.now = Generation(_services(config, self._core, policy, self._answers, self._books))
        self._open[self._live.now] = stack
        self._books.limit(given.limits(config.limits))
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
        await self._stack.aclose()

    def _policy(self, config: Config) -> Policy:
        books = self._books
        keyring = Keyring(given.digests(config, self._environ), books.keys, books.sessions, time.time)
        if not keyring.required and not is_loopback(config.server.host):
            raise UnsafeListenError(config.server.host)
        return Policy(
            keyring,
            hosts=frozenset(config.server.allowed_hosts),
            origins=frozenset(config.server.allowed_origins),
            public=routes.public_paths(),
            catch_up=None if books.store is None else books.catch_up,
        )

    def _end_calls(self, key_ids: set[str]) -> None:
        for gateway in self.gateways():
            gateway.end_of_keys(key_ids)

    async def _close_once_free(self, generation: Generation) -> None:
        await generation.free()
        await self._open.pop(generation).aclose()


GENERATIONS = web.AppKey("generations", Generations)


def build(
    config: Config,
    environ: Mapping[str, str],
    *,
    sink: Callable[[CallRecord], None] = call_log.write,
    workers: int = 1,
) -> web.Application:
    """
    Give the application; ``llms.web.server.Runner`` runs it, and raises what ``Generations.start`` does.

    Args:
        workers: How many processes serve the same.
    """
    live = Live()
    generations = Generations(live, environ, sink, workers)
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


def _services(config: Config, parts: Core, policy: Policy, answers: Answers, books: Books) -> Services:
    server, accounts = config.server, parts.accounts

    async def takings(key: VirtualKey | None) -> list[tuple[Scope, Taken]]:
        scopes = accounts.scopes(key)
        return list(zip(scopes, await books.limiter.taken(scopes), strict=True))

    return Services(
        parts.gateway,
        parts.catalog,
        policy,
        Limits(server.max_body_bytes, server.body_s),
        Bounds(server.head_s, server.write_stall_s, server.send_buffer_bytes),
        answers,
        server.keepalive_s,
        reasoning_out.KEYS.get(server.reasoning),
        None if books.store is None else Admin(books.store, books.kind, policy.keyring.own, books.renew),
        books.sessions,
        takings,
        None if books.ledger is None else books.ledger.written,
    )
