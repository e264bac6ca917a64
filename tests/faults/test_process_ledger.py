"""
What happens to the process, the disk and the store while calls are written down: P06, P07, P10, P12, P13, P15, P17, P18.

``KILLS`` and ``IN_FLIGHT`` say how often it is killed, and with how many calls; ``LLMS_LOCKED_S`` how long its file is locked.
"""

import asyncio
import os
import shutil
import signal
import sqlite3
import time
from pathlib import Path

import pytest

from llms.store import CallFilter
from llms.store.open import open_store
from tests.faults.kills import Crowd, kills
from tests.store.rows import call
from tests.support.process import configure, free_port, llms, serving
from tests.support.raw import RawClient

PATH = "/v1/chat/completions"
MESSAGES = [{"role": "user", "content": "count to 3"}]
LOCKED_S = float(os.environ.get("LLMS_LOCKED_S", "4"))


def configured(folder, url=None, **store):
    """Write a configuration with the built-in model, and a store that it names."""
    url = url or f"sqlite:{folder}/llms.db"
    providers = {"demo": {"chunk_delay_s": 0.02}}
    configure(folder, {"providers": providers, "store": {"url": url, **store}})


def rows(folder):
    """Give the ids that are written down, after looking at whether the file is sound and its sums are right."""
    opened = sqlite3.connect(f"file:{folder}/llms.db?mode=ro", uri=True, isolation_level=None)
    try:
        opened.execute("BEGIN")  # all of it as it is at one moment
        ids = [one for (one,) in opened.execute("SELECT id FROM calls")]
        assert [(len(ids),)] == opened.execute("SELECT COALESCE(SUM(calls), 0) FROM usage_daily").fetchall()
        assert [("ok",)] == opened.execute("PRAGMA integrity_check").fetchall()
        return ids
    finally:
        opened.close()


def waiting(folder):
    """How many rows the spool has."""
    return sum(len(path.read_bytes().splitlines()) for path in folder.glob("llms.db.spool/*/*.rows"))


async def whole(served, **fields):
    """Ask; give the status, and the id if the answer came whole."""
    async with RawClient("127.0.0.1", served.port) as client:
        await client.request("POST", PATH, body={"model": "demo", "messages": MESSAGES, **fields})
        response = await client.read_response()
        return response.status, response.header("x-request-id") if response.complete else None


@pytest.mark.case("P06")
async def test_killed_again_and_again(tmp_path, record_property):
    """P06: of all answers that came whole none is without its row, none has two, and budgets are what the rows say."""
    found = await kills(tmp_path, int(os.environ.get("KILLS", "20")), int(os.environ.get("IN_FLIGHT", "100")), 120)

    assert found.good, found
    assert found.answers > 100
    record_property("came_out", "0 answers without a row, 0 rows twice, nothing held after the start")


@pytest.mark.case("P06")
async def test_killed_over_postgresql(tmp_path, record_property, postgres_url):
    """P06: with PostgreSQL rows wait in the user's own folder, and the next process brings them there, each once."""
    configured(tmp_path, "$LLMS_URL")
    environ = {"LLMS_URL": postgres_url, "XDG_DATA_HOME": str(tmp_path / "data")}
    done = []
    for _ in range(4):
        async with serving(tmp_path, environ=environ) as served:
            crowd = Crowd(served.port, 50)
            await asyncio.sleep(0.4)
            served.process.kill()
            await served.process.wait()
            await crowd.gone()
            done += crowd.done
    store = await open_store(postgres_url)
    async with serving(tmp_path, environ=environ):
        found = [row.id async for piece in store.export(CallFilter()) for row in piece]
        sums = await store.usage(CallFilter(), [])
    await store.close()

    assert len(done) > 100
    assert set(done) <= set(found)
    assert len(set(found)) == len(found) == sums[0].calls
    record_property("came_out", "PostgreSQL: 0 answers without a row, 0 rows twice")


STEPS = [
    ("llms.accounts:Accounts.admit", "before"),
    ("llms.accounts:Accounts.admit", "after"),
    ("llms.accounts:Accounts.close", "before"),
    ("llms.ledger.spool:Spool.add", "before"),
    ("llms.ledger.spool:Spool.add", "after"),
    ("llms.accounts:Accounts.close", "after"),
    ("llms.web.lane:Lane.end", "before"),
    ("llms.web.lane:Lane.end", "after"),
    ("llms.ledger.spool:Spool.turn", "before"),
    ("llms.ledger.spool:Spool.turn", "after"),
    ("llms.store.sqlite:_write_calls", "before"),
    ("llms.store.sqlite:days", "before"),
    ("llms.store.sqlite:_keep", "after"),
    ("llms.ledger.spool:Spool.drop", "before"),
    ("llms.ledger.spool:Spool.drop", "after"),
]


@pytest.mark.case("P07")
@pytest.mark.parametrize(("at", "kill"), STEPS, ids=[f"{kill} {at.rpartition(':')[2]}" for at, kill in STEPS])
async def test_killed_at_each_step(tmp_path, record_property, at, kill):
    """P07: wherever it is killed, an answer that came whole has its row, once; one that did not has one at most."""
    configured(tmp_path)
    hooks = [{"at": at, "kill": kill, "while": str(tmp_path / "fault")}]
    async with serving(tmp_path, hooks=hooks) as served:
        first = await whole(served)
        await served.until(lambda: rows(tmp_path) and not waiting(tmp_path))
        (tmp_path / "fault").touch()
        try:
            _, second = await whole(served, stream=True)
        except (ConnectionError, asyncio.IncompleteReadError):
            second = None
        assert -signal.SIGKILL == (await served.ended())[0]
    async with serving(tmp_path) as served:
        found = rows(tmp_path)
        third = await whole(served)
        await served.until(lambda: third[1] in rows(tmp_path))
    came = [one[1] for one in (first, third)]

    assert set(came) | ({second} - {None}) <= set(rows(tmp_path))
    assert len(found) in ((2,) if second else (1, 2))
    assert 1 == len(list((tmp_path / "llms.db.spool").iterdir())), "that of the process which the test has ended"
    record_property("came_out", "its row, once" if second else "no whole answer, one row at most")


@pytest.mark.parametrize("kill", ["before", "after"])
@pytest.mark.parametrize("at", ["llms.ledger.leftovers:Leftover.remove", "llms.store.sqlite:_write_calls"])
@pytest.mark.case("P07")
async def test_killed_as_it_takes_up_what_was_left(tmp_path, record_property, at, kill):
    """P07: what a killed process left is taken up once, though the one that takes it up is killed in the middle."""
    configured(tmp_path)
    async with serving(tmp_path, hooks=[{"at": "llms.store.sqlite:_write_calls", "block_s": 60}]) as served:
        ids = [(await whole(served))[1] for _ in range(3)]
        served.process.kill()
        await served.process.wait()
    assert (3, []) == (waiting(tmp_path), rows(tmp_path))
    process = await llms(tmp_path, "serve", "--port", "0", hooks=[{"at": at, "kill": kill}])
    await process.communicate()
    assert -signal.SIGKILL == process.returncode
    async with serving(tmp_path):
        pass

    assert sorted(ids) == sorted(rows(tmp_path))
    assert 0 == waiting(tmp_path)
    record_property("came_out", "each row, once")


@pytest.mark.case("P10")
async def test_one_worker_is_killed(tmp_path, record_property):
    """P10: rows of a worker that is killed are taken up by the one that takes its place; the others write on."""
    configured(tmp_path)
    done = []
    async with serving(tmp_path, "--workers", "2") as served:
        await served.until(lambda: len(served.workers()) == 2)
        stop = asyncio.Event()

        async def client():
            while not stop.is_set():
                try:
                    status, one = await whole(served)
                except (ConnectionError, asyncio.IncompleteReadError):
                    await asyncio.sleep(0.02)
                    continue
                if one is not None and status == 200:
                    done.append(one)

        clients = [asyncio.create_task(client()) for _ in range(20)]
        for _ in range(2):
            await asyncio.sleep(1.5)
            os.kill(served.workers()[0], signal.SIGKILL)
            await served.until(lambda: served.errors.count("another takes its place"))
        await asyncio.sleep(1.5)
        stop.set()
        await asyncio.gather(*clients)
        await served.until(lambda: set(done) <= set(rows(tmp_path)))
    rows(tmp_path)
    assert len(done) == len(set(done))
    record_property("came_out", "no answer without a row")


@pytest.mark.case("P12")
async def test_the_disk_is_full(tmp_path, record_property):
    """P12: new calls are refused, running streams end well, and all is written, without a restart, when there is room."""
    disk = tmp_path / "disk"
    disk.mkdir()
    configured(tmp_path, f"sqlite:{disk}/llms.db")
    mounted = f'mount -t tmpfs -o size=1200k tmpfs {disk} && exec "$@"'
    async with serving(tmp_path, within=("unshare", "--mount", "sh", "-c", mounted, "sh")) as served:
        inside = Path(f"/proc/{served.process.pid}/root{disk}")
        ids = [(await whole(served))[1] for _ in range(3)]
        await served.until(lambda: has(served, ids))
        running = asyncio.create_task(whole(served, stream=True, messages=[{"role": "user", "content": "count to 60"}]))
        await asyncio.sleep(0.2)
        fill(inside)
        refused = None
        for _ in range(200):  # what the file has room for inside itself is still written
            status, one = await whole(served)
            if status != 200:
                refused = await served.chat()
                break
            ids.append(one)
            await asyncio.sleep(0.05)
        streamed = await running
        health = (await served.get("/healthz")).status
        known = len(await written(served))
        (inside / "fill").unlink()
        await served.until(lambda: has(served, ids), patience_s=15)
        again = await whole(served)
        await served.until(lambda: has(served, [again[1], streamed[1]]))

    assert (503, "ledger_unavailable") == (refused.status, refused.json["error"]["code"])
    assert (200, 200, 200) == (streamed[0], health, again[0])
    assert "the store does not take calls" in served.errors
    record_property("came_out", f"503 ledger_unavailable; {len(ids) - known + 1} rows written when there was room")


async def written(served):
    """Give the ids that the gateway itself says are written down: nobody else can open a file of its mounts."""
    return [one["id"] for one in (await served.get("/admin/v1/calls?limit=1000")).json["data"]]


async def has(served, ids):
    return set(ids) <= set(await written(served))


def fill(folder):
    """Leave no byte of a disk."""
    with (folder / "fill").open("wb", buffering=0) as file:
        for size in (4096, 512, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                pass


@pytest.mark.case("P13")
async def test_the_disk_fails(tmp_path, record_property):
    """P13: while the store fails calls are served from the spool; afterwards each has its row, once."""
    configured(tmp_path)
    fault = tmp_path / "fault"
    hooks = [{"at": "llms.store.sqlite:_keep", "raise": "sqlite3:OperationalError", "while": str(fault)}]
    ids = []
    async with serving(tmp_path, hooks=hooks) as served:
        for _ in range(3):
            fault.touch()
            ids += [(await whole(served))[1] for _ in range(10)]
            await asyncio.sleep(0.3)
            fault.unlink()
            ids += [(await whole(served))[1] for _ in range(10)]
        await served.until(lambda: len(rows(tmp_path)) == 60, patience_s=15)

    assert set(ids) == set(rows(tmp_path))
    assert "the store does not take calls" in served.errors
    record_property("came_out", "60 of 60 rows, once")


@pytest.mark.case("P13", "P12")
async def test_more_wait_than_may(tmp_path, record_property):
    """P12: while a store fails for long as many calls are served as may wait; further ones are refused until it works."""
    configured(tmp_path, spool_rows=100)
    fault = tmp_path / "fault"
    hooks = [{"at": "llms.store.sqlite:_keep", "raise": "sqlite3:OperationalError", "while": str(fault)}]
    async with serving(tmp_path, hooks=hooks) as served:
        fault.touch()
        statuses = []
        for _ in range(12):
            statuses += [status for status, _ in await asyncio.gather(*(whole(served) for _ in range(20)))]
            await asyncio.sleep(0.1)  # it takes a moment to be known
        fault.unlink()
        await served.until(lambda: len(rows(tmp_path)) >= statuses.count(200), patience_s=15)
        after = await whole(served)

    assert 100 <= statuses.count(200) <= 120
    assert {200, 503} == set(statuses)
    assert 200 == after[0]
    record_property("came_out", "503 ledger_unavailable after as many as may wait")


@pytest.mark.case("P15")
async def test_another_process_holds_the_lock(tmp_path, record_property):
    """P15: calls go on while the file is locked, and none of them waits for it; afterwards each has its row."""
    configured(tmp_path)
    async with serving(tmp_path) as served:
        await whole(served)
        await served.until(lambda: len(rows(tmp_path)) == 1)
        other = sqlite3.connect(tmp_path / "llms.db", isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        locked_at, slowest, count = time.monotonic(), 0.0, 0
        while time.monotonic() - locked_at < LOCKED_S:
            begun_at = time.monotonic()
            assert 200 == (await whole(served))[0]
            count += 1
            slowest = max(slowest, time.monotonic() - begun_at)
        other.execute("ROLLBACK")
        other.close()
        await served.until(lambda: len(rows(tmp_path)) == count + 1, patience_s=15)

    assert slowest < 1.5, "a write waits 2 s for the lock, a call must not"
    assert "the event loop has not run" not in served.errors
    record_property("came_out", f"{count} calls served meanwhile, and written afterwards")


def damaged(file):
    data = bytearray(file.read_bytes())
    data[:100] = b"\xff" * 100
    file.write_bytes(data)


def newer(file):
    with sqlite3.connect(file) as opened:
        opened.execute("UPDATE meta SET number = 999999")
    opened.close()


def foreign(file):
    file.unlink()
    with sqlite3.connect(file) as opened:
        opened.execute("CREATE TABLE other (x)")
    opened.close()


def half(file):
    os.truncate(file, file.stat().st_size // 2)


def text(file):
    file.write_text("dear diary")


@pytest.mark.case("P17")
@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("harm", [damaged, newer, foreign, half, text])
async def test_a_file_that_must_not_be_used(tmp_path, record_property, harm, named):
    """P17: it does not start, says why in one line, and leaves the file alone; also where nobody has named it."""
    file = (tmp_path if named else tmp_path / "data" / "llms") / "llms.db"
    file.parent.mkdir(parents=True, exist_ok=True)
    store = await open_store(f"sqlite:{file}")
    await store.write_calls([call(number) for number in range(500)])
    await store.close()
    harm(file)
    before = file.read_bytes()
    configure(tmp_path, {"providers": {"demo": {}}, **({"store": {"url": f"sqlite:{file}"}} if named else {})})
    process = await llms(
        tmp_path, "serve", "--port", str(free_port()),
        environ={"LLMS_STORE": "", "XDG_DATA_HOME": str(tmp_path / "data")},
    )  # fmt: skip
    async with asyncio.timeout(30):
        _, errors = await process.communicate()
    said = errors.decode().strip().splitlines()

    assert 0 < process.returncode < 100
    assert said[-1].startswith("llms: the store cannot be used: ")
    assert str(file) in said[-1]
    assert "Traceback" not in errors.decode()
    assert before == file.read_bytes()
    record_property("came_out", f"status {process.returncode}, one line")


@pytest.mark.case("P18")
async def test_two_gateways_on_one_file(tmp_path, record_property):
    """P18: a second gateway on a file does not start, since each would count budgets without the other; then it does."""
    configured(tmp_path)
    (tmp_path / "two").mkdir()
    shutil.copy(tmp_path / "config.json", tmp_path / "two")
    async with serving(tmp_path) as one:
        answers = [await whole(one) for _ in range(3)]
        process = await llms(tmp_path / "two", "serve", "--port", "0")
        _, errors = await process.communicate()
        answers.append(await whole(one))
        one.process.kill()
        await one.process.wait()
    async with serving(tmp_path / "two") as two:
        answers.append(await whole(two))
        await two.until(lambda: len(rows(tmp_path)) == 5)

    assert 1 == process.returncode
    assert "is in use by another gateway" in errors.decode()
    assert {found for _, found in answers} == set(rows(tmp_path))
    record_property("came_out", "the second one does not start, and says why")
