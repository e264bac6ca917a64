"""Rows on their way to the store: never on a call's way, all in order, none lost while there is a disk."""

import asyncio
import logging
import random
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path

from llms.errors import LedgerUnavailableError
from llms.ledger.leftovers import left_behind
from llms.ledger.queued import Batch, Question
from llms.ledger.spool import Entry, Spool
from llms.ledger.writing import write
from llms.scopes import in_time
from llms.store import Store, StoreError, StoreUnfitError

_log = logging.getLogger("llms.ledger")

_GATHER_S = 0.2
"""How long rows wait for others, so that they share what a commit costs."""

_MOST_AT_ONCE = 2000
"""Rows in one commit."""

_LONGEST_WAIT_S = 5.0
"""Between two tries of a store that fails."""

_LAST_TRY_S = 5.0
"""What the store is given for the last rows as the process ends; the file has them all the same."""

_SAID_EVERY_S = 60.0


class Ledger:
    """
    Takes rows.

    Args:
        store: Where they go.
        spool: Where they are until then; ``None`` if there is no disk for it.
        most: How many may wait for the store; beyond, no new call is taken.
        strict: Whether a call that could not be written down is refused. Else it is served, and the log says what is
            missing.
    """

    def __init__(self, store: Store, spool: Spool | None, most: int, *, strict: bool) -> None:
        self._store = store
        self._spool = spool
        self._most = most
        self._strict = strict
        self._queue: deque[Batch | Question] = deque()
        self._open: Batch | None = None
        self._waiting = 0
        self._failing = False
        self._unfit = False
        self._spool_fails = False
        self._unwritten = False
        self._said_at = -_SAID_EVERY_S
        self._wake = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()
        self.recovered: Callable[[], object] = bool
        """Called each time the store takes rows again after it had not."""
        self.lost = 0
        """Rows that were given up: there was neither a store nor a place for them."""

    async def start(self, parent: Path | None) -> None:
        """
        Take up what processes that are no more have left behind, and begin.

        Args:
            parent: Where their folders are.

        Raises:
            StoreError: The store does not take it, and none but strict books will do.
        """
        for leftover in left_behind(parent) if parent is not None else ():
            found = list(leftover.entries())
            try:
                for start in range(0, len(found), _MOST_AT_ONCE):
                    await self._write(found[start : start + _MOST_AT_ONCE])
            except StoreError as error:
                if self._strict:
                    raise
                _log.warning("calls of a process that ended early wait for the next start: %s", error)
                break
            leftover.remove()
            if found:
                _log.info("%d calls of a process that ended early are in the store now", len(found))
        self._task = self._loop.create_task(self._run())

    @property
    def waiting(self) -> int:
        """How many rows the store does not have yet."""
        return self._waiting

    def require_room(self) -> None:
        """
        Refuse a call that could not be written down.

        Raises:
            LedgerUnavailableError: There is no place for its row.
        """
        if not self._strict or not self._failing:
            return
        # A store that has gone, or was replaced, comes back by nobody's patience.
        if self._spool_fails or self._unfit or self._waiting >= self._most:
            message = "The gateway cannot write down what calls cost just now. Send the request again in a moment."
            raise LedgerUnavailableError(message, retry_after_s=5)

    def put(self, entry: Entry) -> None:
        """
        Take a row. Never waits, never fails.

        It is on the disk once ``written`` has been called, which is done at the end of this turn of the loop at the
        latest. Whoever sends the last bytes of an answer calls it before.
        """
        if (
            self._failing and self._waiting >= 2 * self._most
        ):  # calls that ran already when no more were let in have room
            self.lost += 1
            return
        batch = self._open
        if batch is None:
            batch = self._open = Batch(None)
            self._queue.append(batch)
            if self._timer is None:
                self._timer = self._loop.call_later(_GATHER_S, self._due)
        batch.entries.append(entry)
        self._waiting += 1
        if self._spool is not None:
            self._spool.add(entry)
            if not self._unwritten:
                self._unwritten = True
                self._loop.call_soon(self.written)

    def written(self) -> None:
        """Have all rows taken so far on the disk, if there is one for them and it takes them."""
        if self._spool is None or not self._unwritten:
            return
        self._unwritten = False
        try:
            self._spool.write()
        except OSError as error:
            self._spool_failed(error)
        else:
            self._spool_fails = False

    async def spent(self, subjects: Sequence[str], since_day: int, until_day: int | None = None) -> int:
        """
        Give what subjects have spent, as ``Store.spent``: by all rows put before this is called, by none put later.

        Raises:
            StoreError: It is not known.
        """

        async def ask() -> int:
            return sum([await self._store.spent(subject, since_day, until_day) for subject in subjects])

        return await self._asked(ask)

    async def flush(self) -> None:
        """
        Wait until all rows put so far are in the store.

        Raises:
            StoreError: It does not take them.
        """
        await self._asked(_nothing)

    async def close(self) -> None:
        """Give the store what is left, if it takes it soon."""
        with suppress(StoreError, TimeoutError):
            await in_time(_LAST_TRY_S, self.flush())
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        for item in self._queue:
            if isinstance(item, Question) and not item.answer.done():
                item.answer.set_exception(StoreError("the gateway is stopping"))
        if self._spool is not None:
            self._turn()
            self._spool.close()
        if self._waiting and (self._spool is None or self._spool_fails):
            self.lost += self._waiting
        if self.lost or self._waiting:
            _log.error("%d calls wait for the next start, %d are lost", self._waiting, self.lost)

    async def _asked(self, ask: Callable[[], Awaitable[int]]) -> int:
        answer: asyncio.Future[int] = self._loop.create_future()
        self._turn()
        self._queue.append(Question(ask, answer))
        self._wake.set()
        return await answer

    def _due(self) -> None:
        self._timer = None
        self._wake.set()

    def _rest(self, seconds: float) -> None:
        """Leave the store alone for so long: rows that come meanwhile wait, only a question asks it before."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(seconds, self._due)

    def _turn(self) -> None:
        """Have what is put from now on go into another batch, and another file."""
        if self._open is not None:
            self.written()
            self._open.number = None if self._spool is None else self._spool.turn()
            self._open = None

    async def _run(self) -> None:
        wait_s = 0.0
        while True:
            await self._wake.wait()
            self._wake.clear()
            self._turn()
            try:
                await self._work_off()
            except StoreError as error:
                self._failed(error)
                wait_s = min(max(2 * wait_s, _GATHER_S), _LONGEST_WAIT_S)
                self._rest(wait_s * random.uniform(0.5, 1))  # noqa: S311 - spreads load
            else:
                wait_s = 0.0
                if self._failing:
                    self._failing = False
                    self.recovered()
                    _log.info("the store takes calls again; all that waited are in it")

    async def _work_off(self) -> None:
        """Give the store all that waits, in order."""
        while self._queue and self._queue[0] is not self._open:
            item = self._queue[0]
            if isinstance(item, Question):
                self._queue.popleft()
                await self._answer(item)
                continue
            try:
                while item.entries:
                    part = item.entries[:_MOST_AT_ONCE]
                    await self._write(part)
                    del item.entries[: len(part)]
                    self._waiting -= len(part)
            except StoreError as error:
                self._refuse_questions(error)
                raise
            self._queue.popleft()
            if self._spool is not None and item.number is not None:
                self._spool.drop(item.number)

    async def _write(self, entries: list[Entry]) -> None:
        self.lost += await write(self._store, entries)

    @staticmethod
    async def _answer(question: Question) -> None:
        if question.answer.done():  # nobody waits for it any more
            return
        try:
            found = await question.ask()
        except Exception as error:  # whatever it is, it must not hold up the rows behind it
            if not isinstance(error, StoreError):
                _log.exception("the ledger could not be asked, for a reason that nobody foresaw")
                error = StoreError("it fails in a way that nobody foresaw")
            if not question.answer.done():
                question.answer.set_exception(error)
        else:
            if not question.answer.done():
                question.answer.set_result(found)

    def _refuse_questions(self, error: StoreError) -> None:
        """Have nobody wait for a store that fails."""
        for item in [item for item in self._queue if isinstance(item, Question)]:
            self._queue.remove(item)
            if not item.answer.done():
                item.answer.set_exception(StoreError(str(error)))

    def _failed(self, error: StoreError) -> None:
        self._failing = True
        self._unfit = isinstance(error, StoreUnfitError)
        if self._loop.time() - self._said_at >= _SAID_EVERY_S:
            self._said_at = self._loop.time()
            _log.error("the store does not take calls: %s (%d wait, %d lost)", error, self._waiting, self.lost)

    def _spool_failed(self, error: OSError) -> None:
        if not self._spool_fails:
            self._spool_fails = True
            _log.error("calls cannot be written to the disk: %s", error.strerror or error)


async def _nothing() -> int:
    return 0
