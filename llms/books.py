"""
What the process keeps of keys and calls, opened once and closed once, whatever configuration is in force meanwhile.

The keys are read again each second: what one worker or one machine changes all others know within two. A credential
that is not known has them read at once.
"""

import asyncio
import logging
import random
import secrets
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from llms import keys
from llms.auth import StoredKeys
from llms.databases.open import SQLITE, kind, sqlite_path
from llms.errors import LimiterUnavailableError
from llms.keys import Limits, VirtualKey
from llms.ledger import Ledger, Spool
from llms.limits import Limiter, Seed
from llms.limits.clock import Clock, SharedClock
from llms.limits.memory import MemoryLimiter
from llms.limits.open import opened as limits_at
from llms.limits.shared import SharedLimiter
from llms.renewal import CatchUp, Renewal
from llms.session import Sessions
from llms.store import DAY_MS, CallFilter, Store, StoredKey, StoreError
from llms.store.claim import claim
from llms.store.open import open_store

_log = logging.getLogger("llms.store")

_POLL_S = 1.0
_RECONCILE_S = 60.0
_UNSURE_S = 2.0


@dataclass(slots=True)
class Books:
    """
    What is open.

    Args:
        store: ``None`` where nothing is kept: then there are no stored keys, and there is no ledger.
        kind: What it is.
        keys: Those of the store.
        sessions: Know whose a browser's cookie is.
        ledger: Takes each call's row.
        limiter: Admits calls.
        clock: Gives Unix milliseconds that never go back: the limiter's, and the ledger's.
        renew: Reads what has changed of the keys, at once; raises ``StoreError``.
        catch_up: The same for who does not insist; see ``CatchUp.now``.
        compare: Has the limiter's counters compared with the ledger soon: they may be wrong, where other processes
            have not heard of the same limits yet.
        limited: The limits besides those of keys, by subject.
    """

    store: Store | None
    kind: Literal["sqlite", "postgresql", "none"]
    keys: StoredKeys
    sessions: Sessions
    ledger: Ledger | None
    limiter: Limiter
    clock: Callable[[], int]
    renew: Callable[[], Awaitable[None]]
    catch_up: Callable[[], Awaitable[None]]
    compare: Callable[[], object]
    limited: Mapping[str, Limits] = field(default_factory=dict)

    def limits(self, subject: str) -> Limits | None:
        """Give what limits a subject has, now; ``None`` for none."""
        if not subject.startswith("key:"):
            return self.limited.get(subject)
        found = self.keys.limits(subject[4:])
        return found if found.has_any else None

    def limit(self, limited: Mapping[str, Limits]) -> None:
        """Put limits in force, besides those of keys; each of them limits something."""
        gone = self.limited.keys() - limited.keys()
        self.limited = limited
        self.keys.version += 1
        self.limiter.forget(gone)
        self.compare()

    async def mint(self) -> str | None:
        """
        Make the first key, which may do everything; give its secret, or ``None`` if another process was faster.

        Raises:
            StoreError: It cannot be kept.
        """
        assert self.store is not None, "asked only where there is one"  # noqa: S101
        secret = keys.new_secret()
        # All who start at the same time are given one id, and of those who make a key of that id one is first.
        first = await self.store.token("first key", keys.new_id())
        key = VirtualKey(first, "first key", prefix=keys.shown(secret), created_at=int(time.time()))
        kept = await self.store.put_key(StoredKey(key, keys.digest(secret)), 0)
        await self.renew()
        return None if kept is None else secret


@dataclass(frozen=True, slots=True)
class Place:
    """
    Where the books are.

    Args:
        url: Of the store; ``None`` for none.
        asked: Whether somebody has named it: then there is no gateway without it.
        spool: Where rows are that it does not have yet; ``None`` for nowhere.
        spool_rows: How many of them there may be.
        redis: Where several machines agree on limits; ``None`` for nowhere.
        workers: How many processes share them.
    """

    url: str | None
    asked: bool
    spool: Path | None
    spool_rows: int
    redis: str | None
    workers: int


@asynccontextmanager
async def opened(place: Place, end_calls: Callable[[set[str]], object]) -> AsyncGenerator[Books, None]:
    """
    Open the books, and close them.

    Args:
        end_calls: Told of keys that are accepted no more, by their ids.

    Raises:
        StoreError: The store that was asked for cannot be used.
    """
    async with AsyncExitStack() as stack:
        store = await _store(place, stack)
        known = StoredKeys(time.time)
        ledger = None
        fresh = secrets.token_urlsafe(32)
        if store is not None:
            known.take(await store.keys_since(0))
            fresh = await store.token("session", fresh)
            ledger = Ledger(store, _spool(place.spool), place.spool_rows, strict=place.asked)
            await ledger.start(place.spool)
            stack.push_async_callback(ledger.close)
        horizon = -1 if store is None else await _horizon(store)
        kept = place if store is not None else replace(place, url=None)
        limiter, clock = _limiter(kept, _seed(ledger, known), horizon)
        stack.push_async_callback(limiter.close)
        unsure = asyncio.Event()
        if ledger is not None:
            ledger.recovered = unsure.set
            stack.push_async_callback(_ended, asyncio.create_task(_reconcile(limiter, unsure)))
        renewal = Renewal(store, known, end_calls, limiter, unsure.set)
        if store is not None:
            polling = asyncio.create_task(_poll(renewal))
            stack.push_async_callback(_ended, polling)
        catch_up = CatchUp(renewal.now)
        stack.push_async_callback(catch_up.close)
        yield Books(
            store,
            _kind(store, place),
            known,
            Sessions(fresh),
            ledger,
            limiter,
            clock,
            renewal.now,
            catch_up.now,
            unsure.set,
        )


def _kind(store: Store | None, place: Place) -> Literal["sqlite", "postgresql", "none"]:
    return "none" if store is None or place.url is None else kind(place.url)


async def _store(place: Place, stack: AsyncExitStack) -> Store | None:
    if place.url is None:
        return None
    # One that is there may have keys in it: a gateway that went without them would be open to everybody.
    needed = place.asked or _holds_something(sqlite_path(place.url))
    try:
        store = await open_store(place.url)
        stack.push_async_callback(store.close)
        needed = place.asked or bool(await store.keys_since(0))
        if place.url.startswith(SQLITE):
            stack.callback(claim(sqlite_path(place.url), shared=place.workers > 1).close)
    except StoreError as error:
        if needed:
            raise
        _log.warning("calls are not written down: %s", error)
        return None
    return store


def _holds_something(file: Path) -> bool:
    try:
        return file.stat().st_size > 0
    except OSError:
        return False


def _spool(folder: Path | None) -> Spool | None:
    if folder is None:
        return None
    try:
        return Spool(folder)
    except OSError as error:
        _log.error("calls that the store does not have yet are kept in memory only: %s", error.strerror or error)
        return None


def _seed(ledger: Ledger | None, known: StoredKeys) -> Seed:
    """Give what tells how much was spent: of a key, by those that come from it, too."""

    async def seed(subject: str, since_day: int, until_day: int | None) -> int:
        if ledger is None:
            return 0
        kind, _, name = subject.partition(":")
        subjects = [f"key:{key_id}" for key_id in known.family([name])] if kind == "key" else [subject]
        try:
            return await ledger.spent(subjects, since_day, until_day)
        except StoreError as error:
            message = "What is left of the budget is not known just now. Send the request again in a moment."
            raise LimiterUnavailableError(message, retry_after_s=5) from error

    return seed


async def _horizon(store: Store) -> int:
    """Give the last day that has calls: one to come, where they were made by a clock that was set back since."""
    page = await store.calls(CallFilter(), limit=1)
    return page.rows[0].at // DAY_MS if page.rows else -1


def _limiter(place: Place, seed: Seed, horizon: int) -> tuple[Limiter, Callable[[], int]]:
    states = limits_at(place.url, place.redis, place.workers)
    if states is None:
        clock = Clock()
        return MemoryLimiter(seed, clock, horizon), clock
    shared = SharedClock()
    limiter = SharedLimiter(states, seed, place.workers, shared, horizon)
    limiter.start()
    return limiter, shared


async def _reconcile(limiter: Limiter, unsure: asyncio.Event) -> None:
    """
    Compare what is counted of budgets with the ledger, now and then; see ``Limiter.reconcile``.

    Soon after something has happened, too: limits were changed, or the store was out of reach, so that what was spent
    may have been looked up before all that had waited for the store was in it.
    """
    while True:
        with suppress(TimeoutError):
            async with asyncio.timeout(_RECONCILE_S * random.uniform(0.5, 1.5)):  # noqa: S311 - spreads load
                await unsure.wait()
                await asyncio.sleep(_UNSURE_S)
        unsure.clear()
        try:
            await limiter.reconcile()
        except LimiterUnavailableError:
            pass  # there will be another time
        except Exception:
            _log.exception("budgets were not compared with the ledger, for a reason that nobody foresaw")


async def _poll(renewal: Renewal) -> None:
    failing = False
    while True:
        await asyncio.sleep(_POLL_S)
        try:
            await renewal.now()
        except Exception as error:
            if not failing:
                foreseen = isinstance(error, StoreError)
                _log.error(
                    "keys cannot be read, and those that are known stay as they are: %s",
                    error,
                    exc_info=None if foreseen else error,
                )
            failing = True
            renewal.look()
        else:
            failing = False


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
