"""The gateway without its HTTP server: providers, catalogue and accounts, and what is learnt of them."""

import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from weakref import WeakValueDictionary

from llms import call_log, given, upstreams
from llms.accounts import Accounts
from llms.attempts import Attempts
from llms.books import Books
from llms.bulkhead import Bulkhead
from llms.catalog import Catalog
from llms.clocks import Alarms
from llms.config import Config
from llms.gateway import Gateway
from llms.health import Health
from llms.hedging import Hedging
from llms.records import CallRecord
from llms.terms import Room
from llms.transport import Transport
from llms.upstreams import Made


class Learnt:
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
    learnt: Learnt
    accounts: Accounts


@asynccontextmanager
async def core(  # noqa: PLR0913 - all but two have a default
    config: Config,
    environ: Mapping[str, str],
    *,
    sink: Callable[[CallRecord], None] = call_log.write,
    own_url: str | None = None,
    transport: Transport | None = None,
    before: Core | None = None,
    books: Books | None = None,
) -> AsyncGenerator[Core, None]:
    """
    Give a working gateway, and take it down afterwards.

    Args:
        config: As loaded.
        environ: Where secrets are.
        sink: Takes each call's record; must not block.
        own_url: Where the gateway itself listens, so that it does not take itself for a provider.
        transport: The way out, if it is shared.
        books: Where calls are counted and written down.
        before: The core whose place this one takes. Providers whose options have not changed are taken over from it,
            with what is known of them.
    """
    async with AsyncExitStack() as stack:
        terms = config.server.terms
        if transport is None:
            transport = await stack.enter_async_context(Transport(terms.clocks.connect_s))
        learnt = Learnt() if before is None else before.learnt
        made: dict[str, Made] = {}
        for name, options in config.providers.items():
            old = before.made.get(name) if before is not None else None
            own = options.over(terms)
            if old is None or (old.options, old.terms) != (options, own):
                places = learnt.bulkhead(name, options.room)
                old = upstreams.made(name, options, environ, transport, own_url, own, places)
            made[name] = old
        prices = given.prices(config)
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
        accounts = Accounts(prices, given.rules(config.limits), books)
        yield Core(
            Gateway(catalog, learnt.health, attempts, terms.clocks, sink, alarms, accounts),
            catalog,
            made,
            learnt,
            accounts,
        )
