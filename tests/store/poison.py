"""
Cancels what is asked of PostgreSQL, Redis and SQLite, at random, and looks whose answers come.

::

    python -m tests.store.poison [--count 100000] [--of store|limits|shelf …] [--in sqlite|postgresql|redis …]

P24 and F25 of the fault catalogue: a connection whose call was cancelled must not give its answer to the next one.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, ExitStack
from typing import Any

from llms.idempotency import Answer
from llms.limits.states import Change
from llms.shelves import Held
from llms.shelves import open as shelves
from llms.store import CallFilter, Store
from llms.store.open import open_store
from tests.limits.ledger import place
from tests.store.rows import call
from tests.support import databases

CALLS = 500
AT_ONCE = 16
Asking = Callable[[int, random.Random], Awaitable[int]]
"""Asks something whose answer says a number; gives the number that it says."""


async def poison(ask: Asking, count: int, chance: random.Random) -> Counter[str]:
    """Ask ``count`` times; give how often it was answered, cancelled, and answered with what is another's."""
    came: Counter[str] = Counter()

    async def some(times: int) -> None:
        for _ in range(times):
            number = chance.randrange(CALLS)
            asked = asyncio.ensure_future(ask(number, chance))
            if chance.random() < 0.5:
                await asyncio.sleep(chance.choice([0, 0, chance.random() * 0.003]))
                asked.cancel()
            try:
                came["answered" if await asked == number else "wrong"] += 1
            except asyncio.CancelledError:
                came["cancelled"] += 1

    await asyncio.gather(*(some(count // AT_ONCE) for _ in range(AT_ONCE)))
    return came


async def asking(what: str, url: str, stack: AsyncExitStack) -> Asking:
    """Fill a store, a place for limits or a shelf at a URL; give what asks it, until the stack ends."""
    return await _WHAT[what](url, stack)


async def _store(url: str, stack: AsyncExitStack) -> Asking:
    store = await open_store(url)
    stack.push_async_callback(store.close)
    await store.write_calls([call(number, key_id=f"key_{number}", cost=number) for number in range(CALLS)])
    return lambda number, chance: _ask(store, number, chance.randrange(3))


async def _ask(store: Store, number: int, how: int) -> int:
    if how == 0:
        found = await store.call(call(number).id)
        assert found is not None
        return int(found[0].id[-13:], 16)
    if how == 1:
        return int((await store.calls(CallFilter(keys=(f"key_{number}",)))).rows[0].key_id.removeprefix("key_"))
    return await store.spent(f"key:key_{number}", 0)


async def _limits(url: str, stack: AsyncExitStack) -> Asking:
    states: Any = place(url)
    stack.push_async_callback(states.close)
    names = [f"key:{number}" for number in range(CALLS)]
    await states.load(names)
    assert await states.swap([Change(name, 0, name.encode()) for name in names])

    async def ask(number: int, _: random.Random) -> int:
        name = f"key:{number}"
        version, state = (await states.load([name])).kept[name]
        if number % 3 == 0:
            await states.swap([Change(name, version, state)])
        return int(state.removeprefix(b"key:"))

    return ask


async def _shelf(url: str, stack: AsyncExitStack) -> Asking:
    shelf = shelves.opened(None, url, 1) if url.startswith("redis") else shelves.opened(url, None, 2)
    assert shelf is not None
    stack.push_async_callback(shelf.close)
    names = [number.to_bytes(32) for number in range(CALLS)]
    for number, name in enumerate(names):
        held = Held(name, b"token")
        await shelf.claim(held, b"digest", 3600)
        await shelf.keep(held, Answer(200, {}, str(number).encode()), 3600)

    async def ask(number: int, _: random.Random) -> int:
        found = await shelf.claim(Held(names[number], b"other"), b"digest", 60)
        assert found is not None
        assert found.answer is not None
        return int(found.answer.body)

    return ask


_WHAT = {"store": _store, "limits": _limits, "shelf": _shelf}
PAIRS = [
    (what, place)
    for what in _WHAT
    for place in ("sqlite", "postgresql", "redis")
    if (what, place) != ("store", "redis")
]


async def _run(what: str, url: str, count: int) -> Counter[str]:
    async with AsyncExitStack() as stack:
        return await poison(await asking(what, url, stack), count, random.Random())  # noqa: S311 - any chance will do


def main() -> None:
    """Run it against all of them, or some."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().splitlines()[0])
    parser.add_argument("--count", type=int, default=100_000, help="for each")
    parser.add_argument("--of", action="append", choices=_WHAT)
    parser.add_argument("--in", action="append", choices=("sqlite", "postgresql", "redis"), dest="places")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder, data, own = (stack.enter_context(databases.folder()) for _ in range(3))
        postgres, redis = databases.Postgres(data, databases.initialized(folder)), databases.Redis(own)
        for server in (postgres, redis):
            server.start()
            stack.callback(server.kill)
        work = stack.enter_context(tempfile.TemporaryDirectory())
        urls = {"sqlite": f"sqlite:{work}/made/llms.db", "postgresql": postgres.url(), "redis": redis.url()}
        for what, where in PAIRS:
            if what in (options.of or _WHAT) and where in (options.places or urls):
                started_at = time.monotonic()
                came = asyncio.run(_run(what, urls[where], options.count))
                took_s = time.monotonic() - started_at
                sys.stdout.write(f"{what} in {where}: {dict(came)}, {took_s:.0f} s\n")
                sys.stdout.flush()


if __name__ == "__main__":
    main()
