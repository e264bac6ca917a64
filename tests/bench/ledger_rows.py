"""
How long pages of the log and of usage take where the ledger is long: ``python -m tests.bench.ledger_rows``.

Fills a store with made-up calls of thirty days, in a folder that is deleted afterwards, and asks it what the pages ask:
as it is, then while calls are written, then (SQLite) with nothing of the file in memory. With ``--postgres`` it starts a
PostgreSQL of its own, as the tests do.
"""

import argparse
import asyncio
import os
import random
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from llms.store import DAY_MS, CallFilter, CallRow, Group, Store, StoreError
from llms.store.open import open_store, sqlite_path
from tests.support import databases

_DAYS = 30
_BATCH = 5000
_NOW = 1_795_824_000_000
_START = _NOW - _DAYS * DAY_MS
_KEYS = [f"key_{number:032x}" for number in range(200)]
_MODELS = [f"model-{number}" for number in range(20)]
_PROVIDERS = ["openai", "azure", "ollama", "groq"]
_RARE = 250_000
"""Of so many calls one is of the rare key, the rare model, and the rare error."""


def rows(count: int) -> Iterator[list[CallRow]]:
    """Make calls up, evenly over the days, some at a time."""
    chance = random.Random(6)  # noqa: S311 - chance that repeats
    for start in range(0, count, _BATCH):
        yield [_row(number, count, chance) for number in range(start, min(start + _BATCH, count))]


def _row(number: int, count: int, chance: random.Random) -> CallRow:
    at = _START + number * _DAYS * DAY_MS // count
    key = min(int(chance.expovariate(0.03)), 199)
    failed, rare = chance.random() < 0.02, number % _RARE == 1234
    return CallRow(
        id=f"req_{at:011x}{secrets.token_hex(7)[:13]}",
        at=at,
        key_id="key_rare" if rare else _KEYS[key],
        team=f"team-{key % 8}",
        api="chat.completions",
        model="model-rare" if rare else chance.choice(_MODELS),
        provider=chance.choice(_PROVIDERS),
        target="gpt-5-mini-2026-01-01",
        stream=1,
        status="error" if failed or rare else "ok",
        code="rare" if rare else "upstream_error" if failed else "",
        input_tokens=chance.randrange(20_000),
        output_tokens=chance.randrange(2_000),
        cached_tokens=1024,
        cache_write_tokens=0,
        reasoning_tokens=64,
        counted="exact",
        cost=chance.randrange(50_000),
        priced=1,
        attempts='[{"target":"openai/gpt-5-mini","outcome":"ok","ms":512}]',
        first_byte_us=512_345,
        duration_us=4_123_456,
        bytes_in=12_345,
        bytes_out=23_456,
        chunks=321,
        finish_reason="stop",
        timing="auth;dur=0.1,queue;dur=0.0,connect;dur=1.2,first;dur=512.1,body;dur=3611.2",
    )


_FILTERS = {
    "all": CallFilter(),
    "a key": CallFilter(keys=(_KEYS[3],)),
    "40 keys": CallFilter(keys=tuple(_KEYS[:40])),
    "a rare key": CallFilter(keys=("key_rare",)),
    "a team": CallFilter(team="team-3"),
    "a model": CallFilter(model="model-7"),
    "a rare model": CallFilter(model="model-rare"),
    "a model that is not there": CallFilter(model="model-none"),
    "a provider": CallFilter(provider="groq"),
    "failed": CallFilter(failed=True),
    "a rare code": CallFilter(code="rare"),
    "a key, failed": CallFilter(keys=(_KEYS[3],), failed=True),
    "an hour, a model": CallFilter(since=_START + 12 * DAY_MS, until=_START + 12 * DAY_MS + 3_600_000, model="model-7"),
}

_GROUPS: Sequence[Sequence[Group]] = (
    ["day"],
    ["day", "key"],
    ["day", "model"],
    ["day", "provider"],
    ["day", "team"],
    ["model", "provider", "team"],
    ["key"],
)
"""What the pages ask for: each with each of the filters below."""

_NARROWED = {
    "": CallFilter(since=_START),
    " of a model": CallFilter(since=_START, model="model-7"),
    " of a provider": CallFilter(since=_START, provider="groq"),
    " of a team": CallFilter(since=_START, team="team-3"),
    " of a key": CallFilter(since=_START, keys=(_KEYS[3],)),
    " of 40 keys": CallFilter(since=_START, keys=tuple(_KEYS[:40])),
}

_SHOWN = 12

_WRITTEN, _EACH_S = 200, 0.2
"""So many calls are written so often while pages are asked for: 1,000 a second."""


async def _fill(store: Store, count: int) -> None:
    started_at, in_store_s, cpu_s = time.monotonic(), 0.0, 0.0
    for batch in rows(count):
        before, before_cpu = time.monotonic(), time.process_time()
        while True:
            try:
                await store.write_calls(batch)
                break
            except StoreError as error:  # a busy disk may take longer to flush than a store waits
                _say(f"once more: {error}")
        in_store_s += time.monotonic() - before
        cpu_s += time.process_time() - before_cpu
    _say(
        f"{count:,} rows in {time.monotonic() - started_at:.0f} s; {_BATCH} in a write: {in_store_s / count * 1e6:.1f} µs each, {cpu_s / count * 1e6:.1f} µs of this process's CPU"
    )


async def _pages(store: Store, wanted: CallFilter) -> tuple[list[float], int]:
    """Ask for up to ten pages; give what each took, in ms, and how many rows came."""
    times: list[float] = []
    cursor, found = None, 0
    while len(times) < 10:
        started_at = time.perf_counter()
        page = await store.calls(wanted, cursor, 100)
        times.append((time.perf_counter() - started_at) * 1000)
        found += len(page.rows)
        cursor = page.next
        if cursor is None:
            break
    return times, found


Ask = Callable[[Store], Awaitable[object]]


def _questions() -> Iterator[tuple[str, Ask]]:
    for name, wanted in _FILTERS.items():
        yield f"calls, {name}", lambda store, wanted=wanted: store.calls(wanted, None, 100)  # type: ignore[misc]
        yield f"export, {name}", lambda store, wanted=wanted: anext(store.export(wanted), None)  # type: ignore[misc]
    for name, wanted in _NARROWED.items():
        for by in _GROUPS:
            yield f"usage by {', '.join(by)}{name}", lambda store, wanted=wanted, by=by: store.usage(wanted, by)  # type: ignore[misc]
    for subject in ("gateway", f"key:{_KEYS[3]}", "team:team-3", "model:model-7"):
        yield f"spent of {subject[:12]}", lambda store, subject=subject: store.spent(subject, 0)  # type: ignore[misc]


async def _ask(opened: Callable[[], Awaitable[Store]], times: int) -> None:
    """Ask all questions some times, and say which took longest; each is asked of a store that ``opened`` gives."""
    found = []
    for name, ask in _questions():
        took = []
        for _ in range(times):
            store = await opened()
            started_at = time.perf_counter()
            await ask(store)
            took.append((time.perf_counter() - started_at) * 1000)
        found.append((statistics.median(took), max(took), name))
    found.sort(reverse=True)
    for median, longest, name in found[:_SHOWN]:
        _say(f"  {median:6.1f} ms, at most {longest:6.1f}: {name}")
    _say(
        f"  {len(found) - _SHOWN} others: at most {found[_SHOWN][0]:.1f} ms, half of all at most {found[len(found) // 2][0]:.1f}"
    )


async def _write_on(store: Store) -> None:
    chance, number = random.Random(7), 0  # noqa: S311 - chance that repeats
    while True:
        await store.write_calls([_row(number + each, 10_000_000, chance) for each in range(_WRITTEN)])
        number += _WRITTEN
        await asyncio.sleep(_EACH_S)


async def _measure(url: str, count: int, after: Callable[[], None]) -> None:
    store = await open_store(url)

    async def opened() -> Store:
        return store

    try:
        await _fill(store, count)
        after()
        for name, wanted in _FILTERS.items():
            times, found = await _pages(store, wanted)
            _say(
                f"calls, {name}: first page {times[0]:.1f} ms, median {statistics.median(times):.1f}, longest {max(times):.1f}; {found} rows in {len(times)} pages"
            )
        _say("the longest, medians of five:")
        await _ask(opened, 5)
        _say(f"while {_WRITTEN / _EACH_S:,.0f} calls a second are written:")
        writing = asyncio.create_task(_write_on(store))
        await _ask(opened, 5)
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
    finally:
        await store.close()


async def _measure_cold(url: str) -> None:
    """Ask an SQLite store of which the system has nothing in memory."""
    stores: list[Store] = []

    async def opened() -> Store:
        while stores:
            await stores.pop().close()
        with sqlite_path(url).open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        stores.append(await open_store(url))
        return stores[0]

    _say("each with nothing of the file in memory:")
    await _ask(opened, 3)
    await stores.pop().close()


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    """Fill, ask, delete."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--postgres", action="store_true")
    given = parser.parse_args()
    with ExitStack() as stack:
        if given.postgres:
            folder, data = stack.enter_context(databases.folder()), stack.enter_context(databases.folder())
            server = databases.Postgres(data, databases.initialized(folder))
            server.settings |= {"shared_buffers": "512MB", "fsync": "on"}
            server.start()
            stack.callback(server.crash)
            asyncio.run(_measure(server.url(), given.rows, lambda: _say(f"analyzed {server.sql('VACUUM ANALYZE')}")))
        else:
            path = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="llms-ledger-")), "llms.db")
            asyncio.run(_measure(f"sqlite:{path}", given.rows, lambda: _say(f"{path.stat().st_size / 1e9:.2f} GB")))
            asyncio.run(_measure_cold(f"sqlite:{path}"))


if __name__ == "__main__":
    main()
