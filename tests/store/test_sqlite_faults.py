"""What happens to the disk, the locks and the processes below a file."""

import asyncio
import os
import shutil
import sqlite3
import struct
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from llms.store import CallFilter, StoreError, StoreUnfitError
from llms.store.open import open_store
from tests.store.rows import call, key
from tests.support import databases

ANY = CallFilter()
ROOT = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "made" / "llms.db"


@pytest.fixture
async def store(path, opened):
    return await opened(f"sqlite:{path}")


async def writer(path, name, count, *within):
    return await asyncio.create_subprocess_exec(
        *within,
        sys.executable,
        "-m",
        "tests.store.writer",
        f"sqlite:{path}",
        name,
        str(count),
        cwd=ROOT,
        # Under fiu a report of what was covered would fail, too.
        env={name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


def acknowledged(said):
    """The numbers of the calls that a process has said to be kept."""
    whole = said.rpartition("\n")[0].splitlines()
    return [int(number) for line in whole if not line.startswith("failed") for number in line.split()]


def looked_through(path):
    """What is in a file: the calls' numbers. It is whole, and its sums are those of its rows."""
    with closing(sqlite3.connect(path)) as connection:
        assert [("ok",)] == connection.execute("PRAGMA integrity_check").fetchall()
        sums = connection.execute("SELECT COALESCE(SUM(calls), 0), COALESCE(SUM(cost), 0) FROM usage_daily").fetchone()
        assert (
            sums
            == connection.execute("SELECT COALESCE(SUM(calls), 0), COALESCE(SUM(cost), 0) FROM usage_models").fetchone()
        )
        assert sums == connection.execute("SELECT COUNT(*), COALESCE(SUM(cost), 0) FROM calls").fetchone()
        return sorted(int(call_id[-13:], 16) for (call_id,) in connection.execute("SELECT id FROM calls"))


async def longest_turn(work):
    """Do some work; give what came of it, and the longest time for which the event loop did not turn."""
    longest = 0.0
    task = asyncio.ensure_future(work)
    while not task.done():
        before = time.monotonic()
        await asyncio.sleep(0.01)
        longest = max(longest, time.monotonic() - before)
    return (await asyncio.gather(task, return_exceptions=True))[0], longest


@pytest.mark.case("P08")
async def test_loss_of_power(path, store, tmp_path, record_property):
    """P08: wherever the log ends, between two frames or within one, what was said to be kept before that is there."""
    log, ends = path.with_name("llms.db-wal"), []
    for write in range(6):
        await store.write_calls([call(10 * write + number) for number in range(3)])
        ends.append(log.stat().st_size)
    page = struct.unpack(">I", log.read_bytes()[8:12])[0]
    frame, frames = 24 + page, (log.stat().st_size - 32) // (24 + page)

    cuts = [32 + number * frame + extra for number in range(frames) for extra in (0, 11, 24, 24 + page // 2)]
    for cut in [0, 20, *cuts, log.stat().st_size]:
        copy = tmp_path / "copy"
        copy.mkdir()
        shutil.copy(path, copy / "llms.db")
        (copy / "llms.db-wal").touch(0o600)
        (copy / "llms.db-wal").write_bytes(log.read_bytes()[:cut])
        again = await open_store(f"sqlite:{copy / 'llms.db'}")
        await again.close()

        whole = sum(end <= cut for end in ends)
        assert [10 * write + number for write in range(whole) for number in range(3)] == looked_through(
            copy / "llms.db"
        )
        shutil.rmtree(copy)
    record_property("came_out", f"{len(cuts) + 3} ends of the log: each opened, nothing lost")


@pytest.mark.case("P08")
async def test_nothing_is_said_to_be_kept_that_is_not_on_the_disk(path, record_property):
    """P08: what the disk has not been made to take is not said to be kept."""
    if shutil.which("fiu-run") is None:
        databases.missing("fiu-run")
    await (await open_store(f"sqlite:{path}")).close()

    process = await writer(path, "one", 10**9, "fiu-run", "-x", "-c", "enable name=posix/io/sync/fdatasync")
    said = [await asyncio.wait_for(process.stdout.readline(), 30) for _ in range(20)]
    process.kill()
    await process.communicate()

    assert {b"failed"} == {line.split()[0] for line in said}
    assert "the disk fails" in said[0].decode()
    record_property("came_out", "a disk that syncs nothing: 0 of 20 writes said to be kept")


async def test_killed_while_it_writes(path):
    """P06: a process that is killed while it writes loses nothing of what it has said to be kept."""
    kept = []
    for number in range(8):
        process = await writer(path, f"one {number}", 10**9)
        said = await process.stdout.readline()
        await asyncio.sleep(0.02 * number)
        process.kill()
        rest, _ = await process.communicate()
        kept += acknowledged((said + rest).decode())

    found = looked_through(path)
    assert len(found) == len(set(found))
    assert set(kept) <= set(found)


@pytest.mark.case("P12")
@pytest.mark.parametrize("full", [True, False])
async def test_disk_full(path, store, full, record_property):
    """P12: a full disk is an error; reads go on, and so do writes when there is room again, without a restart."""
    await store.write_calls([call(n) for n in range(100)])
    if full:
        limited(store, path.stat().st_size // 4096 + 60)
        with pytest.raises(StoreError, match="the disk is full"):
            await store.write_calls([call(n, attempts="x" * 500) for n in range(100, 5000)])
        with pytest.raises(StoreError, match="the disk is full"):
            await store.write_calls([call(n, attempts="x" * 500) for n in range(100, 5000)])

        assert 100 == len((await store.calls(ANY)).rows)
        limited(store, 2**31)

    assert 4900 == await store.write_calls([call(n, attempts="x" * 500) for n in range(100, 5000)])
    await store.close()
    assert list(range(5000)) == looked_through(path)
    record_property("came_out", "an error while it was full; then all rows kept" if full else "not full: all rows kept")


def limited(store, pages):
    """Let the writer's file have so many pages at most, as a quota would."""
    store._writing.submit(
        lambda: store._writer._connection.execute(f"PRAGMA max_page_count = {pages}").fetchone()
    ).result()


@pytest.mark.case("P13")
@pytest.mark.parametrize(
    ("fault", "probability"),
    [
        ("posix/io/sync/fdatasync", 0.01),
        ("posix/io/sync/fdatasync", 0.25),  # there are thirty
        ("posix/io/rw/pwrite", 0.01),
        ("posix/io/rw/pwrite", 0.1),
        ("posix/io/rw/pread", 0.01),
        ("posix/io/rw/pread", 0.1),
    ],
)
async def test_disk_fails_now_and_then(path, fault, probability, record_property):
    """P13: while the disk fails now and then, no call that was said to be kept is lost, none is kept twice."""
    if shutil.which("fiu-run") is None:
        databases.missing("fiu-run")
    await (await open_store(f"sqlite:{path}")).close()
    fiu = ("fiu-run", "-x", "-c", f"enable_random name={fault},probability={probability}")

    process = await writer(path, "one", 150, *fiu)
    said, errors = await asyncio.wait_for(process.communicate(), 60)

    assert (0, b"") == (process.returncode, errors)
    kept = acknowledged(said.decode())
    assert sorted(kept) == looked_through(path)
    assert 150 == len(kept)
    if probability >= 0.1 and not fault.endswith("pread"):  # little is read
        assert "failed" in said.decode()
    record_property(
        "came_out",
        f"{fault.rpartition('/')[2]} fails in {probability:.0%}: {said.count(b'failed')} failed writes, 150 of 150 calls kept",
    )


async def test_disk_fails_once(path, store):
    """P13: after a failure of the disk the connection is opened again, and what it says is made sure of first."""
    await store.write_calls([call(1)])
    first = store._writer._connection

    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorname = "SQLITE_IOERR_FSYNC"

    def fails(connection):
        raise error

    with pytest.raises(StoreError, match="the disk fails"):
        await store._write(fails)
    assert store._writer._connection is None
    with closing(sqlite3.connect(path, timeout=0)) as reader:  # while somebody reads, the log cannot be emptied
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM calls").fetchone()
        assert 1 == await store.write_calls([call(2)])

    assert store._writer._connection is not first
    assert [1, 2] == looked_through(path)


async def test_disk_fails_and_what_it_holds_is_damaged(path, store):
    """P13: what is found damaged after a failure of the disk is not built on."""
    await store.write_calls([call(n) for n in range(2000)])
    await store._write(lambda connection: connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone())
    store._writer._failed = True
    store._writer.close()
    with path.open("r+b") as file:
        file.seek(2 * 4096)
        file.write(b"\xee" * (path.stat().st_size - 2 * 4096))

    for _ in range(2):
        with pytest.raises(StoreUnfitError, match="is damaged"):
            await store.write_calls([call(5000)])
    assert store._writer._connection is None


@pytest.mark.case("P15")
@pytest.mark.parametrize("held_s", [1.5, 4])
async def test_locked(path, store, held_s, record_property):
    """P15: a lock of another process is waited for, but not for longer than 2 s, and never by the event loop."""
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN EXCLUSIVE")
        asyncio.get_running_loop().call_later(held_s, other.execute, "COMMIT")

        started_at = time.monotonic()
        came, longest = await longest_turn(store.write_calls([call(1)]))
        took = time.monotonic() - started_at

        assert longest < 1
        assert took < 3
        if held_s < 2:
            assert 1 == came
        else:
            assert isinstance(came, StoreError)
            assert "locked by another process" in str(came)
            await asyncio.sleep(held_s - took + 0.1)
            assert 1 == await store.write_calls([call(1)])
    record_property("came_out", f"locked for {held_s} s: {'kept' if came == 1 else 'an error'} after {took:.1f} s")


async def test_waiting_in_line(path, store):
    """P15: what waits behind a write that waits is not waited for any longer, and is not done later."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        started_at = time.monotonic()
        came = await asyncio.gather(*(store.write_calls([call(n)]) for n in range(5)), return_exceptions=True)

        assert time.monotonic() - started_at < 3
        assert [StoreError] * 5 == [type(one) for one in came]
        other.execute("COMMIT")

    assert 1 == await store.write_calls([call(9)])
    assert {9} <= set(looked_through(path)) <= {1, 9}


async def test_cancelled_before_its_turn(path, store):
    """A write that was cancelled before its turn is not done."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        first, second = (asyncio.ensure_future(store.write_calls([call(n)])) for n in (1, 2))
        await asyncio.sleep(0.1)
        second.cancel()
        await asyncio.sleep(0)
        other.execute("COMMIT")

    assert 1 == await first
    assert second.cancelled()
    await store.put_key(key("a"))
    assert [1] == looked_through(path)


@pytest.mark.case("P16")
async def test_long_reader(path, store, opened, tmp_path, caplog, record_property):  # noqa: PLR0913, PLR0917
    """P16: a reader that never ends lets the log grow, which is told; when it has ended, or at a start, the log shrinks."""
    store._writer.log_bytes = 1_000_000
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        await store.write_calls([call(1)])
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM calls").fetchone()
        for start in range(0, 20_000, 2000):
            await store.write_calls([call(n) for n in range(start + 2, start + 2002)])
        assert path.with_name("llms.db-wal").stat().st_size > 4_000_000
        assert "keeps growing" in caplog.text
        killed = tmp_path / "killed"
        killed.mkdir()
        for one in (path, path.with_name("llms.db-wal")):
            shutil.copy2(one, killed)
        await opened(f"sqlite:{killed}/llms.db")
        log = killed / "llms.db-wal"
        assert not log.exists() or log.stat().st_size < 1_000_000
        reader.execute("COMMIT")

    await store.write_calls([call(30_000)])
    assert path.with_name("llms.db-wal").stat().st_size < 1_000_000
    record_property("came_out", "told in the log of the gateway; short again after the reader, and at the next start")


async def test_several_processes(path):
    """P18: several processes write into one file at once; all that they have said to be kept is there, once."""
    processes = [await writer(path, f"writer {number}", 300) for number in range(4)]
    came = await asyncio.gather(*(process.communicate() for process in processes))

    assert [b""] * 4 == [errors for _, errors in came]
    kept = [number for said, _ in came for number in acknowledged(said.decode())]
    assert 1200 == len(kept)
    assert sorted(kept) == looked_through(path)


async def test_search_that_takes_too_long(store):
    """What would search for longer than a call may take is broken off, in its thread too."""
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT COUNT(*) FROM n"
    started_at = time.monotonic()
    with pytest.raises(StoreError, match="took too long"):
        await asyncio.to_thread(store._readers[0].run, lambda connection: connection.execute(endless).fetchall())
    assert time.monotonic() - started_at < 3
