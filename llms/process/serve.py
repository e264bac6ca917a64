"""From a configuration to a running server, and to its end."""

import asyncio
import gc
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from llms.app import GENERATIONS, Generations, build
from llms.catalog import Catalog, ProviderState
from llms.config import Config, Source
from llms.process.listen import listen
from llms.process.memory import Memory
from llms.process.reload import Reload
from llms.process.reread import Outcome, Rereader
from llms.process.signals import Signals
from llms.process.watchdog import Watchdog
from llms.web.server import Runner
from llms.web.services import LIVE

_FIRST_LOOK_S = 2.0
"""How long the start waits for providers to answer before it says which are there."""

_LAST_WORDS_S = 2.0
"""How long calls that are cut short have to tell their clients."""


@dataclass(frozen=True, slots=True)
class Start:
    """
    What there is to say once a process serves.

    Args:
        url: Where it listens.
        providers: In the configuration's order.
        needs_key: Whether callers need a key.
        minted: The secret of the key that was made because one is needed and there was none.
    """

    url: str
    providers: Sequence[ProviderState]
    needs_key: bool
    minted: str | None


@dataclass(frozen=True, slots=True)
class Owner:
    """
    Who wants to know of a serving process.

    Args:
        announce: Called once it listens.
        alive: Called twice a second for as long as its event loop runs, in another thread.
        dropped_lines: Gives how many lines its log has lost.
        workers: How many processes listen on the port.
    """

    announce: Callable[[Start], None]
    alive: Callable[[], object] = bool
    dropped_lines: Callable[[], int] = int
    workers: int = 1


async def serve(source: Source, config: Config, environ: Mapping[str, str], owner: Owner) -> None:
    """
    Serve until told to stop (SIGTERM, SIGINT), then finish what runs within ``server.drain_s``.

    Args:
        source: What is read again on SIGHUP, and when its file changes.
        config: As read from it.
        owner: Hears of it.

    Raises:
        OSError: It cannot listen there.
        UnsafeListenError: It would listen beyond this machine without a key.
        StoreError: The store that the configuration names cannot be used.
    """
    app = build(config, environ, workers=owner.workers)
    live, generations = app[LIVE], app[GENERATIONS]
    live.dropped_lines = owner.dropped_lines
    runner = Runner(app, _LAST_WORDS_S)
    reload = Reload(config, generations, live)
    outcomes: asyncio.Queue[Outcome] = asyncio.Queue()
    rereader = Rereader(source, environ, _to_loop(outcomes))
    reloading = asyncio.create_task(reload.take_all(outcomes))
    signals = Signals(rereader.ask)
    watchdog = Watchdog(owner.alive)
    memory = Memory(live, lambda: reload.config.server.max_memory_bytes)
    try:
        await runner.setup()
        host, port = config.server.host, config.server.port
        site = await listen(runner, host, port, reuse_port=owner.workers > 1)
        await _look(live.now.services.catalog, signals.first)
        _freeze()
        if not signals.first.is_set():
            services = live.now.services
            owner.announce(
                Start(
                    _url(runner, host),
                    services.catalog.states(),
                    services.policy.keyring.required,
                    generations.minted,
                )
            )
        await signals.first.wait()
        rereader.close()
        reloading.cancel()
        live.stopping.set()
        await site.stop()
        await _drain(generations, reload.config.server.drain_s, signals.second)
    finally:
        rereader.close()
        reloading.cancel()
        await asyncio.gather(reloading, return_exceptions=True)
        await runner.cleanup()
        memory.close()
        watchdog.close()
        signals.close()


def _freeze() -> None:
    """
    Have the garbage collector look no more at what is there for good: code, classes, options.

    It looks at all that there is each time when much has come and stayed, as while a provider sends as fast as it can:
    30 ms of a core, during which nobody else is served. It looks at what is new whenever there is a little more of it
    than before; what a hundred calls hold while they run is no garbage, and to look at it took 5 % of a call.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, 10, 10)


_NEW_OBJECTS = 10_000
"""Python's own is 700. To look at so many takes a fraction of a millisecond."""


def _to_loop(outcomes: "asyncio.Queue[Outcome]") -> Callable[[Outcome], None]:
    """Give a function for other threads that puts an outcome into the queue."""
    loop = asyncio.get_running_loop()

    def tell(outcome: Outcome) -> None:
        with suppress(RuntimeError):  # the loop has been closed: nobody wants to know any more
            loop.call_soon_threadsafe(outcomes.put_nowait, outcome)

    return tell


async def _look(catalog: Catalog, stop: asyncio.Event) -> None:
    """Ask the providers, for so long; those that take longer go on being asked."""
    await _first_of([catalog.refresh(), stop.wait()], timeout_s=_FIRST_LOOK_S)


async def _drain(generations: Generations, drain_s: float, hurry: asyncio.Event) -> None:
    """Wait for the calls that run; end those that are left."""
    await _first_of([_idle(generations), hurry.wait()], timeout_s=drain_s)
    for gateway in generations.gateways():
        gateway.end_all()


async def _idle(generations: Generations) -> None:
    for gateway in generations.gateways():
        await gateway.idle()


async def _first_of(waits: Iterable[Coroutine[Any, Any, object]], *, timeout_s: float) -> None:
    tasks = [asyncio.create_task(wait) for wait in waits]
    await asyncio.wait(tasks, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _url(runner: Runner, host: str) -> str:
    port = runner.addresses[0][1]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
