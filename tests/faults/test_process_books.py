"""
What happens to the process and to the store's file while budgets are kept: P07, P09, P17, P19.

``LLMS_STOPPED_S`` says how long the process stands still.
"""

import asyncio
import os
import shutil
import signal
import subprocess

import pytest

from llms.keys import Limits
from llms.store.open import open_store
from tests.accounting.house import PRICES
from tests.accounting.seller import Act, Order, Seller
from tests.accounting.town import town
from tests.support.databases import postgres_programs
from tests.support.kept import key, secret
from tests.support.process import configure, llms, serving
from tests.support.raw import RawClient
from tests.upstream.server import Upstream

PATH = "/v1/chat/completions"
STOPPED_S = float(os.environ.get("LLMS_STOPPED_S", "4"))
ANN = key("ann", limits=Limits(budget_total=10**12))


@pytest.fixture(params=["sqlite", "postgresql", "redis"])
def books(request, tmp_path):
    """Give the name of where limits are, and the gateway's environment; its configuration is written."""
    environ = {"XDG_DATA_HOME": str(tmp_path / "data"), "LLMS_STORE": f"sqlite:{tmp_path}/llms.db"}
    store = {}
    if request.param == "postgresql":
        environ["LLMS_STORE"] = request.getfixturevalue("postgres_url")
    if request.param == "redis":
        environ["REDIS"] = request.getfixturevalue("redis_url")
        store = {"redis": "$REDIS"}
    configured(tmp_path, store)
    return request.param, environ


def configured(folder, store=None):
    prices = {"demo/demo": {"input": 1, "output": 2}}
    configure(folder, {"providers": {"demo": {"chunk_delay_s": 0.02}}, "prices": prices, "store": store or {}})


async def with_ann(url):
    """Have a key in the store."""
    store = await open_store(url)
    await store.put_key(ANN, 0)
    await store.close()


async def ask(served, **fields):
    """Call; give the status, and the id of an answer that came whole."""
    async with RawClient("127.0.0.1", served.port) as client:
        headers = [("Authorization", f"Bearer {secret('ann')}")]
        body = {"model": "demo", "messages": [{"role": "user", "content": "count to 3"}], "max_tokens": 100, **fields}
        await client.request("POST", PATH, headers, body)
        response = await client.read_response()
        good = response.status == 200 and response.complete
        return response.status, response.header("x-request-id") if good else None


async def answered(served):
    """Call until an answer comes whole, and give its id: at first it may not be known yet what was spent."""
    async with asyncio.timeout(15):
        while (found := (await ask(served))[1]) is None:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.1)
    return found


async def admin(served, target):
    answer = await served.get(f"/admin/v1/{target}", secret("ann"))
    assert 200 == answer.status, answer.body
    return answer.json


async def rows(served):
    """Give the ids of the calls that were served."""
    found, cursor = [], ""
    while True:
        page = await admin(served, f"calls?limit=1000&status=ok{cursor}")
        found += [one["id"] for one in page["data"]]
        if page["next"] is None:
            return found
        cursor = f"&cursor={page['next']}"


async def settled(served):
    """Whether nothing is held for ann, and what she has spent is what her rows come to."""
    answer = await served.get("/admin/v1/me", secret("ann"))
    if answer.status != 200:
        return False
    [taken] = [one for one in answer.json["taken"] if one["subject"].startswith("key:")]
    total = (await admin(served, "usage"))["total"]["cost_micros"]
    return (0, 0, total) == (taken["running"], taken["reserved_micros"], taken["spent_micros"]["total"])


STEPS = [
    ("sqlite", "llms.accounts:Accounts.admit", "after"),
    ("sqlite", "llms.ledger.spool:Spool.add", "after"),
    ("sqlite", "llms.limits.memory:Held.settle", "before"),
    ("sqlite", "llms.limits.memory:Held.settle", "after"),
    ("postgresql", "llms.limits.shared:SharedLimiter._hold", "after"),
    ("postgresql", "llms.ledger.spool:Spool.add", "after"),
    ("postgresql", "llms.limits.shared:SharedLimiter._settled", "before"),
    ("postgresql", "llms.limits.postgres:PostgresStates.swap", "after"),
    ("postgresql", "llms.store.postgres:PostgresStore.write_calls", "before"),
    ("postgresql", "llms.store.postgres:PostgresStore.write_calls", "after"),
    ("redis", "llms.limits.shared:SharedLimiter._hold", "after"),
    ("redis", "llms.limits.shared:SharedLimiter._settled", "before"),
    ("redis", "llms.limits.redis:RedisStates.swap", "before"),
    ("redis", "llms.limits.redis:RedisStates.swap", "after"),
]


@pytest.mark.case("P07")
@pytest.mark.parametrize(
    ("books", "at", "kill"),
    STEPS,
    indirect=["books"],
    ids=[f"{kind} {kill} {at.rpartition(':')[2]}" for kind, at, kill in STEPS],
)
async def test_killed_as_a_call_is_settled(tmp_path, books, at, kill, record_property):
    """P07: wherever it is killed, what a call held is free again in the end, and what was spent is what the rows say."""
    kind, environ = books
    await with_ann(environ["LLMS_STORE"])
    lease = {"at": "llms.limits.books:_LEASE_MS", "set": 2000}
    hooks = [lease, {"at": at, "kill": kill, "while": str(tmp_path / "fault")}]
    async with serving(tmp_path, hooks=hooks, environ=environ) as served:
        first = await answered(served)
        await served.until(lambda: settled(served))
        (tmp_path / "fault").touch()
        try:
            _, second = await ask(served, stream=True)
        except (ConnectionError, asyncio.IncompleteReadError):
            second = None
        assert -signal.SIGKILL == (await served.ended())[0]
    async with serving(tmp_path, hooks=[lease], environ=environ) as served:
        third = await answered(served)
        await served.until(lambda: settled(served))
        found = await rows(served)

    assert {first, third, second} - {None} <= set(found)
    assert len(found) in ((3,) if second else (2, 3))
    record_property("came_out", f"{kind}: charged once, or not at all and nothing held")


@pytest.mark.case("P09")
@pytest.mark.parametrize("workers", [1, 2])
async def test_all_stand_still(tmp_path, seller, workers, record_property):
    """P09: calls whose provider has gone on meanwhile end well, though all of their clocks have run out by then."""
    go = asyncio.Event()
    clocks = {"first_byte_s": 1, "answer_s": 1, "idle_s": 1}
    environ = {"LLMS_STORE": f"sqlite:{tmp_path / 'llms.db'}"}
    acts = {
        "stream": Act("stream", (10, 7), ("one", "two"), "held", go),
        "first": Act("stream", (10, 7), ("one", "two"), "held", go, late=True),
        "whole": Act("whole", (10, 7), ("one",), go=go, late=True),
    }
    orders = {name: Order(name, {"one": act, "two": act}, PRICES) for name, act in acts.items()}
    hooks = [{"at": "llms.cli.workers:_SILENT_S", "set": 2}]
    async with town(tmp_path, seller, environ, workers=workers, clocks=clocks, hooks=hooks) as here:
        holder = await here.key(limits={"budgets_micros": {"total": 10**9}})
        await here.known(holder.secret)
        calls = [
            asyncio.create_task(here.call(holder.secret, orders[name], stream=name != "whole"))
            for name in orders
            for _ in range(8)
        ]
        await here.served.until(lambda: all(len(one.asked) == 8 for one in orders.values()))
        processes = [here.served.process.pid, *(here.served.workers() if workers > 1 else ())]
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        go.set()
        await asyncio.sleep(STOPPED_S)
        for process in reversed(processes):
            os.kill(process, signal.SIGCONT)
        answers = await asyncio.gather(*calls)
        after = await here.call(holder.secret, Order("after", {"one": acts["stream"]}, PRICES), stream=True)

        async def written():
            usage = (await here.usage()).get(holder.id, {})
            return [25, 0, 25 * 135] == [usage.get(name) for name in ("calls", "failed", "cost_micros")]

        await here.served.until(written)

        async def free():
            taken = (await here.taken(holder.secret))["key"]
            return (0, 0, 25 * 135) == (taken["running"], taken["reserved_micros"], taken["spent_micros"]["total"])

        await here.served.until(free)

    assert [200] * 25 == [answer.status for answer in (*answers, after)]
    assert not [answer.body for answer in answers if b'"error"' in answer.body]
    assert "it is killed" not in here.served.errors
    record_property("came_out", f"{workers} still for {STOPPED_S:.0f} s: all answers whole, nothing held")


def gone(file):
    file.rename(file.with_name("away"))


def replaced(file):
    gone(file)
    shutil.copyfile(file.with_name("away"), file)


def put_back(file):
    file.with_name("away").replace(file)


@pytest.mark.case("P17")
@pytest.mark.parametrize("harm", [gone, replaced])
async def test_the_file_changes_while_it_is_used(tmp_path, harm, record_property):
    """P17: once its file is gone, or another, new calls get 503, nothing is made up, and all is written when it is back."""
    file = tmp_path / "llms.db"
    configured(tmp_path, {"url": f"sqlite:{file}"})
    await with_ann(f"sqlite:{file}")
    async with serving(tmp_path) as served:
        first = await answered(served)
        await served.until(lambda: settled(served))
        harm(file)
        before = file.read_bytes() if file.exists() else None
        done = [first]

        async def refused():
            status, one = await ask(served)
            if status == 200:  # the store is met with its row
                done.append(one)
            return status == 503

        await served.until(refused)
        answer = await served.chat(key=secret("ann"))
        reading = await served.get("/admin/v1/usage", secret("ann"))
        after = file.read_bytes() if file.exists() else None
        put_back(file)

        async def served_again():
            status, one = await ask(served)
            if status == 200:
                done.append(one)
            return status == 200

        await served.until(served_again, patience_s=15)
        await served.until(lambda: settled(served))
        found = await rows(served)

    assert before == after
    assert (503, "ledger_unavailable") == (answer.status, answer.json["error"]["code"])
    assert (503, "store_unavailable") == (reading.status, reading.json["error"]["code"])
    assert sorted(done) == sorted(found)
    record_property("came_out", f"{harm.__name__} while it runs: 503, all rows when it is back")


async def busy(served, done, stop):
    """Call again and again; what has been spent is looked up first, which a busy machine may not do in time."""
    while not stop.is_set():
        status, one = await ask(served)
        if status == 200:
            done.append(one)
        else:
            await asyncio.sleep(0.1)


async def stored(served, most):
    """Wait until the store has more calls than so many; give how many."""
    async with asyncio.timeout(30):
        while (found := (await admin(served, "usage"))["total"]["calls"]) <= most:  # noqa: ASYNC110 - no event tells
            await asyncio.sleep(0.05)
    return found


@pytest.mark.case("P19")
@pytest.mark.parametrize("books", ["sqlite", "postgresql"], indirect=True)
async def test_restored(tmp_path, books, own_postgres, record_property):
    """P19: a backup that is made under load and put in the store's place is whole, and budgets are what it says."""
    kind, environ = books
    await with_ann(environ["LLMS_STORE"])
    done, stop = [], asyncio.Event()
    copy = tmp_path / "copy"
    async with serving(tmp_path, environ=environ) as served, asyncio.TaskGroup() as callers:
        for _ in range(8):
            callers.create_task(busy(served, done, stop))
        await stored(served, 30)
        await _back_up(tmp_path, kind, environ, copy)
        early = await stored(served, 30)
        await stored(served, early + 30)  # the spool does not have these any more
        stop.set()
    if kind == "sqlite":
        for old in tmp_path.glob("llms.db*"):
            shutil.rmtree(old) if old.is_dir() else old.unlink()
        copy.rename(tmp_path / "llms.db")
    else:
        environ = {**environ, "LLMS_STORE": own_postgres.url()}
        await asyncio.to_thread(_pg, "pg_restore", f"--dbname={own_postgres.url()}", str(copy))
    checked = await llms(tmp_path, "db", "check", environ=environ)
    said, _ = await checked.communicate()
    assert 0 == checked.returncode, said

    async with serving(tmp_path, environ=environ) as served:
        kept = await rows(served)
        await served.until(lambda: settled(served))
        one = await answered(served)
        await served.until(lambda: settled(served))
        assert {one, *kept} == set(await rows(served))

    assert set(kept) <= set(done)
    assert 20 < len(kept) < len(done)
    record_property(
        "came_out", f"{kind}: {len(kept)} of {len(done)} calls were in it; whole, and budgets are what it says"
    )


async def _back_up(folder, kind, environ, copy):
    if kind == "postgresql":
        words = ("--schema=llms", "--format=custom", f"--file={copy}", environ["LLMS_STORE"])
        await asyncio.to_thread(_pg, "pg_dump", *words)
        return
    process = await llms(folder, "db", "backup", str(copy), environ=environ)
    assert (await process.communicate())[1] == b""
    assert 0 == process.returncode


def _pg(program, *words):
    subprocess.run([postgres_programs() / program, *words], check=True, timeout=60)  # noqa: S603 - PostgreSQL's own


@pytest.fixture
async def seller():
    async with Upstream() as upstream:
        yield Seller(upstream)
