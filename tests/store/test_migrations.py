"""Steps from one version's tables to the next."""

import asyncio
import os
import signal
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from llms.databases.open import sqlite_path
from llms.store import CallFilter, StoreUnfitError, schema
from llms.store.open import open_store
from llms.store.postgres import open_postgres
from llms.store.sqlite import SQLiteStore
from llms.store.sqlite_file import prepared
from llms.store.upkeep import check
from tests.store.rows import call, key

ANY = CallFilter()
ROOT = Path(__file__).parents[2]

MORE = {
    "sqlite": (
        "ALTER TABLE calls ADD COLUMN region TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE usage_daily ADD COLUMN seconds INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE keys ADD COLUMN note TEXT",
        "CREATE TABLE later (id TEXT)",
    ),
    "postgresql": (
        "ALTER TABLE calls ADD COLUMN region text NOT NULL DEFAULT ''",
        "ALTER TABLE usage_daily ADD COLUMN seconds bigint NOT NULL DEFAULT 0",
        "ALTER TABLE keys ADD COLUMN note text",
        "CREATE TABLE later (id text)",
    ),
}
"""What a next version might add."""


async def newer(url, oldest=schema.OLDEST, more=MORE):
    """Open a store as a newer version would."""
    if url.startswith("sqlite:"):
        await asyncio.to_thread(prepared, sqlite_path(url), (*schema.SQLITE, more["sqlite"]), oldest)
        return SQLiteStore(sqlite_path(url))
    return await open_postgres(url, (*schema.POSTGRES, more["postgresql"]), oldest)


@pytest.mark.case("P34")
async def test_old_and_new_side_by_side(url, opened, record_property):
    """P34: a version works on beside one whose tables have more; a downgrade by one version, too."""
    old = await opened(url)
    await old.write_calls([call(1)])
    first = await old.put_key(key("a"))
    new = await newer(url)
    try:
        assert [call(1)] == (await new.calls(ANY)).rows
        assert [1, 1] == [await old.write_calls([call(2)]), await new.write_calls([call(3)])]
        assert await old.put_key(first._replace(old_until=1), first.revision)
        assert [call(3), call(2), call(1)] == (await old.calls(ANY)).rows == (await new.calls(ANY)).rows
        assert 3 == (await old.usage(ANY, []))[0].calls
    finally:
        await new.close()

    again = await opened(url)
    assert 1 == await again.write_calls([call(4)])
    newest = await newer(url)  # what is there already is not done again
    await newest.close()
    record_property("came_out", f"{url.partition(':')[0]}: both write, both read all")


async def first(url):
    """Open a store as the first version did."""
    if url.startswith("sqlite:"):
        await asyncio.to_thread(prepared, sqlite_path(url), schema.SQLITE[:1])
        return SQLiteStore(sqlite_path(url))
    return await open_postgres(url, schema.POSTGRES[:1])


async def test_sums_of_keys(url, opened):
    """The sums of keys, which the first version did not have, are those of its calls, before the step and after it."""
    old = await first(url)
    try:
        await old.write_calls([call(n, key_id="key_a" if n % 3 else "key_b", model=f"m{n % 5}") for n in range(40)])
        assert not any("usage is the sum" in finding.words for finding in await check(url))
        new = await opened(url)
        assert [("key_a", 26), ("key_b", 14)] == [(*row.group, row.calls) for row in await new.usage(ANY, ["key"])]

        await old.write_calls([call(n, key_id=f"key_{'abc'[n % 3]}", model=f"m{n % 5}") for n in range(40, 70)])
        await new.write_calls([call(n, key_id="key_c") for n in range(60, 80)])
    finally:
        await old.close()

    found = await new.usage(ANY, ["key"])
    assert [("key_a", 36), ("key_b", 24), ("key_c", 20)] == [(*row.group, row.calls) for row in found]
    assert await new.usage(ANY, ["day"]) == await new.usage(CallFilter(keys=("key_a", "key_b", "key_c")), ["day"])
    assert [] == [finding for finding in await check(url) if finding.bad]


async def test_tables_of_a_version_that_is_too_new(url, opened):
    """P17: tables which this version must not use are refused, and left as they are."""
    await (await newer(url, len(schema.SQLITE) + 1)).close()

    with pytest.raises(StoreUnfitError, match="newer version of llms"):
        await open_store(url)

    await (await newer(url, len(schema.SQLITE) + 1)).close()


async def test_step_that_fails(url, opened):
    """P04: a step that fails halfway changes nothing."""
    store = await opened(url)
    await store.write_calls([call(1)])
    broken = {name: (*statements, "CREATE TABLE later (id TEXT)") for name, statements in MORE.items()}

    with pytest.raises(Exception, match="already exists"):
        await newer(url, more=broken)

    assert 1 == await store.write_calls([call(2)])
    await (await newer(url)).close()


async def test_many_start_at_once(url):
    """Several processes that start at the same time make the tables once, and then the next ones."""
    stores = await asyncio.gather(*(open_store(url) for _ in range(8)))
    assert 1 == sum(await asyncio.gather(*(store.write_calls([call(1)]) for store in stores)))
    newer_ones = await asyncio.gather(*(newer(url) for _ in range(8)))
    assert 1 == sum(await asyncio.gather(*(store.write_calls([call(2)]) for store in newer_ones)))

    await asyncio.gather(*(store.close() for store in (*stores, *newer_ones)))


SLOW = """
import asyncio, sys
from llms.store import schema
from llms.store.postgres import open_postgres
from llms.store.sqlite_file import prepared
from llms.databases.open import sqlite_path

url = sys.argv[1]
words = "INTEGER" if url.startswith("sqlite:") else "bigint"
step = tuple(f"CREATE TABLE more_{number} (id {words})" for number in range(400))
print("begins", flush=True)
if url.startswith("sqlite:"):
    prepared(sqlite_path(url), (*schema.SQLITE, step))
else:
    asyncio.run(open_postgres(url, (*schema.POSTGRES, step)))
print("done", flush=True)
"""


@pytest.mark.case("P04")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_interrupted(url, opened, number, record_property):
    """P04: a step that is interrupted by a signal was done, or was not."""
    store = await opened(url)
    await store.write_calls([call(1)])
    for wait_s in (0, 0.003, 0.01, 0.03):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", SLOW, url, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        await process.stdout.readline()
        await asyncio.sleep(wait_s)
        if process.returncode is None:
            os.kill(process.pid, number)
        await process.communicate()

    assert await tables(url) in (0, 400)
    assert [call(1)] == (await (await opened(url)).calls(ANY)).rows
    assert 1 == await store.write_calls([call(2)])
    record_property("came_out", f"{url.partition(':')[0]}: whole tables after each signal")


async def tables(url):
    if url.startswith("sqlite:"):
        with closing(sqlite3.connect(sqlite_path(url))) as connection:
            assert [("ok",)] == connection.execute("PRAGMA integrity_check").fetchall()
            return connection.execute("SELECT COUNT(*) FROM sqlite_master WHERE name LIKE 'more%'").fetchone()[0]
    store = await open_postgres(url)
    rows = await store._database.fetch("SELECT COUNT(*) FROM pg_tables WHERE tablename LIKE 'more%'")
    await store.close()
    return rows[0][0]


async def test_asyncpg_is_not_installed():
    """A store that needs what is not installed says what to install."""

    def missing(name):
        raise ModuleNotFoundError(name)

    with pytest.raises(StoreUnfitError, match=r"pip install 'llms\[postgres\]'"):
        await open_store("postgresql://127.0.0.1/llms", missing)
