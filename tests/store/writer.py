"""
A process that writes calls into a store and says which were kept: ``python -m tests.store.writer URL NAME``.

A line for each write that was acknowledged, with the numbers of its calls; ``failed …`` for one that was not, which is
then tried again. It ends by itself after the third argument's number of calls, or goes on until it is killed.
"""

import asyncio
import sys
import zlib

from llms.store import StoreError
from llms.store.open import open_store
from tests.store.rows import call

BATCH = 5


async def main(url: str, name: str, count: int) -> None:
    """Write."""
    offset = zlib.crc32(name.encode()) % 10_000 * 100_000
    store = None
    done = 0
    while done < count:
        numbers = range(offset + done, offset + done + BATCH)
        try:
            store = store or await open_store(url)
            await store.write_calls([call(number, at=1_764_288_000_000 + number % 7) for number in numbers])
        except StoreError as error:
            sys.stdout.write(f"failed {error}\n")
            sys.stdout.flush()
            await asyncio.sleep(0.01)
            continue
        sys.stdout.write(" ".join(map(str, numbers)) + "\n")
        sys.stdout.flush()
        done += BATCH
    if store is not None:
        await store.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
