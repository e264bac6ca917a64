"""
Answers that several processes share, for requests that are sent again; ``llms.idempotency`` has the rules.

A claim is written down on the shelf (``llms.shelves``) before the call begins, and lasts for a minute unless its
process says again and again that it lives. What becomes of it is written behind the client's back, since a claim's end
must not wait. Another process that is asked in between says that the first request still runs; this one waits.

Decisions:

- A shelf that cannot be asked refuses the request within two seconds: to serve it might be the second call that the key
  is there to prevent. What was claimed without our knowing it is given up as soon as the shelf answers again.
- A process that is killed leaves its claims until their leases end. Then the key is free: nobody knows whether there
  was an answer.
"""

import asyncio
import contextlib
import hashlib
import secrets
import time
from collections.abc import Awaitable, Callable, Coroutine

from llms.databases import StoreError
from llms.errors import StoreUnavailableError
from llms.idempotency import Answer, Name
from llms.idempotency_memory import Bounds, Memory, Running, in_progress, not_kept, require_same
from llms.shelves import Found, Held, Shelf
from llms.shelves.open import opened

PATIENCE_S = 2.0

_PAUSES_S = (0.1, 0.2, 0.5, 1.0, 2.0)
"""Between attempts to write down how a claim has ended; the last one again and again."""


class Shared:
    """
    Keeps answers on a shelf.

    Args:
        shelf: Closed with this.
        bounds: Of answers that are being written, as far as they are in this process's memory, and of one's age.
        lease_s: Seconds for which a claim lasts without a sign of life.
    """

    def __init__(self, shelf: Shelf, bounds: Bounds | None = None, lease_s: float = 60.0) -> None:
        self._shelf = shelf
        self._bounds = bounds or Bounds()
        self._lease_s = lease_s
        self._bytes = 0
        self._held: dict[Running, Held] = {}  # those that run, and those whose end is being written down
        self._ending: dict[bytes, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._beat: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._held)

    @property
    def size(self) -> int:
        """The bytes of answers that are being written."""
        return self._bytes

    async def claim(self, name: Name, digest: bytes) -> Running | Answer:
        """
        As ``Answers`` has it.

        Raises:
            StoreUnavailableError: The shelf cannot be asked.
        """
        key = _key(name)
        if (ending := self._ending.get(key)) is not None:
            await asyncio.wait([ending], timeout=PATIENCE_S)
        held = Held(key, secrets.token_bytes(16))
        found = await self._asked(held, digest)
        if found is None:
            claim = Running(self, name, digest)
            self._held[claim] = held
            self._live()
            return claim
        require_same(found.digest, digest)
        if found.running:
            raise in_progress()
        if found.answer is None:
            raise not_kept()
        return found.answer

    def take(self, claim: Running, more: int) -> bool:
        """As ``Home`` has it."""
        if claim.size + more > self._bounds.answer_bytes or self._bytes + more > self._bounds.total_bytes:
            return False
        self._bytes += more
        claim.size += more
        return True

    def give_back(self, claim: Running) -> None:
        """As ``Home`` has it."""
        self._bytes -= claim.size
        claim.size = 0

    def end(self, claim: Running) -> None:
        """As ``Home`` has it."""
        self.give_back(claim)
        held = self._held[claim]
        self._end(claim, lambda: self._shelf.free(held))

    def keep(self, claim: Running, answer: Answer | None) -> None:
        """As ``Home`` has it."""
        self.give_back(claim)
        held = self._held[claim]
        self._end(claim, lambda: self._shelf.keep(held, answer, self._bounds.age_s))

    async def close(self) -> None:
        """Write down what has ended, as far as two seconds allow, and let go of the shelf."""
        if self._beat is not None:
            self._beat.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=PATIENCE_S)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, *filter(None, [self._beat]), return_exceptions=True)
        await self._shelf.close()

    async def _asked(self, held: Held, digest: bytes) -> Found | None:
        """Ask the shelf. If nobody waits for its answer any more, or there is none, what it may have done is undone."""
        asking = asyncio.ensure_future(self._shelf.claim(held, digest, self._lease_s))
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await asyncio.shield(asking)
        except (StoreError, TimeoutError) as error:
            _ = self._start(self._undo(asking, held))
            raise StoreUnavailableError(_UNAVAILABLE, retry_after_s=1) from error
        except asyncio.CancelledError:
            _ = self._start(self._undo(asking, held))
            raise

    async def _undo(self, asking: Awaitable[Found | None], held: Held) -> None:
        with contextlib.suppress(StoreError):
            if await asking is not None:
                return
        await self._written(lambda: self._shelf.free(held))

    def _end(self, claim: Running, write: Callable[[], Awaitable[None]]) -> None:
        name = self._held[claim].name

        def ended(task: asyncio.Task[None]) -> None:
            del self._held[claim]
            if self._ending.get(name) is task:
                del self._ending[name]

        self._ending[name] = task = self._start(self._written(write))
        task.add_done_callback(ended)

    async def _written(self, write: Callable[[], Awaitable[None]]) -> None:
        """Write something down, again and again until that was done or the lease cannot be there any more."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._lease_s
        attempt = 0
        while loop.time() < until:
            with contextlib.suppress(StoreError, TimeoutError):
                async with asyncio.timeout(PATIENCE_S):
                    await write()
                return
            await asyncio.sleep(_PAUSES_S[min(attempt, len(_PAUSES_S) - 1)])
            attempt += 1

    def _live(self) -> None:
        """See that claims last for as long as this process lives."""
        if self._beat is None or self._beat.done():
            self._beat = asyncio.create_task(self._beats())

    async def _beats(self) -> None:
        while self._held:
            await asyncio.sleep(self._lease_s / 4)
            with contextlib.suppress(StoreError, TimeoutError):
                async with asyncio.timeout(PATIENCE_S):
                    await self._shelf.extend(list(self._held.values()), self._lease_s)

    def _start(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def kept_for(store_url: str | None, redis_url: str | None, workers: int) -> Memory | Shared:
    """Give where a deployment keeps its answers; the arguments are those of ``llms.shelves.open.opened``."""
    shelf = opened(store_url, redis_url, workers)
    return Memory(time.monotonic) if shelf is None else Shared(shelf)


def _key(name: Name) -> bytes:
    """Give 32 bytes for a name; no two names are joined to the same text, since a key holds no line end."""
    return hashlib.sha256("\n".join(name).encode("utf-8", "surrogatepass")).digest()


_UNAVAILABLE = (
    "Whether this Idempotency-Key was used before cannot be found out now. Send the request again a little later."
)
