"""
Cancels what a store is asked, at random, and looks whose answers come: ``python -m tests.store.poison``.

P24 and F25 of the fault catalogue: a connection whose call was cancelled must not give its answer to the next one.
"""

import argparse
import asyncio
import random
import sys
import tempfile
from collections import Counter
from contextlib import ExitStack

from llms.store import CallFilter, Store
from llms.store.open import open_store
from tests.store.rows import call
from tests.support import databases

CALLS = 500
AT_ONCE = 16


async def poison(store: Store, count: int, chance: random.Random) -> Counter[str]:
    """Ask ``count`` times; give how often it was answered, cancelled, and answered with what is another's."""
    await store.write_calls([call(number, key_id=f"key_{number}", cost=number) for number in range(CALLS)])
    came: Counter[str] = Counter()

    async def some(times: int) -> None:
        for _ in range(times):
            number = chance.randrange(CALLS)
            asked = asyncio.ensure_future(_ask(store, number, chance.randrange(3)))
            if chance.random() < 0.5:
                await asyncio.sleep(chance.choice([0, 0, chance.random() * 0.003]))
                asked.cancel()
            try:
                came["answered" if await asked == number else "wrong"] += 1
            except asyncio.CancelledError:
                came["cancelled"] += 1

    await asyncio.gather(*(some(count // AT_ONCE) for _ in range(AT_ONCE)))
    return came


async def _ask(store: Store, number: int, how: int) -> int:
    """Ask something whose answer says ``number``."""
    if how == 0:
        found = await store.call(call(number).id)
        assert found is not None
        return int(found[0].id[-13:], 16)
    if how == 1:
        return int((await store.calls(CallFilter(keys=(f"key_{number}",)))).rows[0].key_id.removeprefix("key_"))
    return await store.spent(f"key:key_{number}", 0)


async def _run(url: str, count: int) -> Counter[str]:
    store = await open_store(url)
    try:
        return await poison(store, count, random.Random())  # noqa: S311 - any chance will do
    finally:
        await store.close()


def main() -> None:
    """Run it against both kinds of store."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().splitlines()[0])
    parser.add_argument("--count", type=int, default=100_000)
    count = parser.parse_args().count
    with ExitStack() as stack:
        folder, data = stack.enter_context(databases.folder()), stack.enter_context(databases.folder())
        server = databases.Postgres(data, databases.initialized(folder))
        server.start()
        stack.callback(server.crash)
        work = stack.enter_context(tempfile.TemporaryDirectory())
        for url in (f"sqlite:{work}/made/llms.db", server.url()):
            sys.stdout.write(f"{url.partition(':')[0]}: {dict(asyncio.run(_run(url, count)))}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
