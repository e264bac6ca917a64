"""
Rounds of loading, deciding and swapping shared states; see ``shared``.

There is one task, which is never cancelled in the middle of anything but by a clock, and then whatever it waited on is
closed. Callers wait for futures; one that leaves takes nothing of anybody else's away.
"""

import asyncio
import logging
import random

from llms.databases import StoreError
from llms.errors import LimiterUnavailableError
from llms.limits import Seed
from llms.limits.asks import Ask
from llms.limits.books import MEMBERS, Books
from llms.limits.clock import SharedClock
from llms.limits.documents import Document, Members, Seeding
from llms.limits.holdings import Holding
from llms.limits.state import Starts, end
from llms.limits.states import Change, Loaded, States
from llms.scopes import in_time

_log = logging.getLogger("llms.limits")

_PATIENCE_S = 2.0
"""For how long anybody waits, at most; looked at eight times within it, since a clock for each call would cost more."""

_TRIP_S = 1.8
_AGAIN_S = 1.0
_SEED_S = 2.0
_BEAT_S = 0.5
_BEATS = 120
_AT_ONCE = 1000


class Rounds:
    """
    Does what is asked of shared states.

    Args:
        states: Where they are kept.
        seed: The ledger.
        books: Of this process.
        clock: The time.
    """

    def __init__(self, states: States, seed: Seed, books: Books, clock: SharedClock) -> None:
        self._states = states
        self._seed = seed
        self._books = books
        self._clock = clock
        self._queue: list[Ask] = []
        self._asked: list[Ask] = []  # in the round that runs
        self._waiting: list[Ask] = []
        self._timer: asyncio.TimerHandle | None = None
        self._due = True
        self._leaving = False
        self._conflicts = 0
        self._failed = self._told = False
        self._out_until = 0.0
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin, if that has not been done."""
        if not self._tasks:
            self._tasks = [asyncio.create_task(self._serve()), asyncio.create_task(self._beat())]

    @property
    def out(self) -> bool:
        """Whether the states are known to be out of reach."""
        return asyncio.get_running_loop().time() < self._out_until

    def ask(self, ask: Ask) -> None:
        """Take an ask in."""
        self._queue.append(ask)
        self._wake.set()
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_PATIENCE_S / 8, self._look)

    def wake(self) -> None:
        """Look whether there is something to do."""
        self._wake.set()

    async def close(self, patience_s: float) -> None:
        """Bring all that is settled into the states, in so many seconds, and let go of everything."""
        tasks = self._tasks + [one.looking for one in self._books.holdings.values() if one.looking is not None]
        for task in tasks[1:]:
            task.cancel()
        self._leaving = self._due = True
        self._wake.set()
        if tasks:
            await asyncio.wait(tasks[:1], timeout=patience_s)
            tasks[0].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for ask in (*self._asked, *self._queue, *self._waiting):
            ask.fail()
        if self._timer is not None:
            self._timer.cancel()
        await self._states.close()

    def _look(self) -> None:
        """Answer whoever has waited for too long."""
        loop = asyncio.get_running_loop()
        open_asks = [ask for ask in (*self._asked, *self._queue, *self._waiting) if not ask.future.done()]
        for ask in open_asks:
            if ask.asked_at <= loop.time() - _PATIENCE_S * 7 / 8:
                ask.fail()
        self._timer = loop.call_later(_PATIENCE_S / 8, self._look) if open_asks else None

    async def _beat(self) -> None:
        count = 0
        while True:
            await asyncio.sleep(_BEAT_S)
            self._due = True
            self._wake.set()
            count += 1
            if not count % _BEATS:
                self._books.forget(self._clock())

    async def _serve(self) -> None:
        while not self._leaving or self._due:
            await self._wake.wait()
            self._wake.clear()
            while (self._queue or self._books.dirty or self._due) and not self.out:
                await self._round()
            for ask in self._queue:
                ask.fail()
            self._queue.clear()
            self._due = self._due and not self._leaving

    async def _round(self) -> None:
        asks, self._queue = self._queue[:_AT_ONCE], self._queue[_AT_ONCE:]
        asks = self._asked = [ask for ask in asks if not ask.future.done()]
        dirty = list(self._books.dirty)[:_AT_ONCE]
        for subject in dirty:
            del self._books.dirty[subject]
        self._due = done = False
        try:
            done = await self._trip(asks, dirty)
        except (StoreError, TimeoutError) as error:
            self._missed(asks, error)
        except Exception as error:
            # The next one begins from what is kept, and may go well; nobody would be served here any more without it.
            _log.exception("a round of limits failed in a way that nobody foresaw")
            self._fail(asks, error)
        if done:
            self._conflicts = 0
        else:
            self._books.changed(dirty)
            self._conflicts = min(self._conflicts + 1, 6)
            await asyncio.sleep(random.random() * 2**self._conflicts / 1000)  # noqa: S311 - so that one of them is first

    async def _trip(self, asks: list[Ask], dirty: list[str]) -> bool:
        """Load, decide and swap; give whether nobody else came in between."""
        subjects = list(dict.fromkeys((*dirty, *(subject for ask in asks for subject in ask.subjects))))
        loaded = await in_time(_TRIP_S, self._states.load([MEMBERS, *subjects]))
        decided, documents, changes = self._decide(loaded, subjects, asks)
        done = not changes or await in_time(_TRIP_S, self._states.swap(changes))
        if self._told:
            _log.warning("limits are shared again")
        self._failed = self._told = False
        if done:
            self._books.kept(documents)
            for ask in decided:
                ask.done()
        else:
            self._queue[:0] = decided
        return done

    def _missed(self, asks: list[Ask], error: StoreError | TimeoutError) -> None:
        if isinstance(error, StoreError) and not self._failed:  # a connection that was idle may have been closed
            self._queue[:0] = asks
        else:
            self._fail(asks, error)
        self._failed = True

    def _decide(
        self, loaded: Loaded, subjects: list[str], asks: list[Ask]
    ) -> tuple[list[Ask], dict[str, Document], list[Change]]:
        books = self._books
        self._clock.hear(loaded.now)
        found, changed = books.meet(loaded, self._clock(), forgets=self._states.forgets, leaving=self._leaving)
        self._clock.hear(found.seen_at)
        documents = books.read(loaded, subjects, found, self._clock())
        # Nor does it go back from one process to the next, where their clock was set back in between.
        self._clock.hear(max((one.at for one in documents.values()), default=0))
        now = self._clock()
        books.bring(documents, now)
        decided = []
        for ask in asks:
            unknown = ask.unknown(documents)
            if not unknown:
                ask.decide(documents, now)
                decided.append(ask)
            elif self._looks_up(unknown, documents, found):
                self._waiting.append(ask)
            else:
                ask.fail()
        changes = books.changes(loaded, documents, now)
        if changed:
            version = loaded.kept[MEMBERS][0] if MEMBERS in loaded.kept else 0
            changes.append(Change(MEMBERS, version, found.encoded(now)))
        return decided, documents, changes

    def _fail(self, asks: list[Ask], error: Exception) -> None:
        if not self._told:
            self._told = True
            _log.error("limits are not shared for now, and budgets give nothing: %s", str(error) or "no answer in time")
        self._out_until = asyncio.get_running_loop().time() + _AGAIN_S
        for ask in asks:
            ask.fail()
        for holding in self._books.holdings.values():
            if holding.seeding is not None and holding.looking is None:
                holding.seeding = None  # too old, when the states can be reached again

    def _looks_up(self, subjects: list[str], documents: dict[str, Document], found: Members) -> bool:
        """See to it that the ledger is asked; whether it is worth waiting for."""
        holdings = [self._books.holding(subject) for subject in subjects]
        time = asyncio.get_running_loop().time()
        if any(holding.blind_until > time for holding in holdings):
            return False
        for subject, holding in zip(subjects, holdings, strict=True):
            if holding.looking is None:
                wait_s = max(found.ready_at - self._clock(), 0) / 1000
                look = self._look_up(subject, holding, documents[subject].state.starts, wait_s)
                holding.looking = asyncio.create_task(look)
        return True

    async def _look_up(self, subject: str, holding: Holding, starts: Starts, wait_s: float) -> None:
        seeding = Seeding(starts)

        async def first() -> int:
            # In the very step in which the ledger is asked: the other windows' tasks follow at once, with nothing
            # between that could settle anything.
            seeding.asked_at = self._clock()
            holding.seeding = seeding
            return await self._seed(subject, starts[0], None)

        async def later(index: int, start: int) -> int:
            return await self._seed(subject, start, end(index, start))

        try:
            await asyncio.sleep(wait_s)
            async with asyncio.timeout(_SEED_S):
                spent = await asyncio.gather(
                    first(), *(later(index, start) for index, start in enumerate(starts) if index)
                )
        except (TimeoutError, LimiterUnavailableError):
            holding.seeding = None
            holding.blind_until = asyncio.get_running_loop().time() + _AGAIN_S
        else:
            seeding.spent = tuple(spent)
        finally:
            holding.looking = None
            self._queue += self._waiting
            self._waiting.clear()
            self._wake.set()
