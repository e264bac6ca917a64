"""What happens when the states cannot be reached: budgets give nothing, rates go on, nobody waits, all comes back."""

import asyncio
import os
import random
import re
import sqlite3
import stat
import sys
import time
from collections import Counter
from contextlib import asynccontextmanager

import pytest

from llms.databases import StoreError
from llms.errors import BudgetSpentError, LimiterUnavailableError, OverLimitError
from llms.keys import Limits
from llms.limits import Need, Scope, books
from llms.limits.clock import SharedClock
from llms.limits.open import opened
from llms.limits.shared import SharedLimiter
from llms.limits.states import Change
from tests.limits.ledger import Ledger, came_out, place
from tests.support.chaos import Chaos, Way

OPERATIONS = int(os.environ.get("LLMS_LIMITS_OPERATIONS", "2000"))
BUDGET = [Scope("key:k", Limits(budget_day=100))]
RATE = [Scope("key:r", Limits(rpm=40))]
AT_ONCE = [Scope("key:c", Limits(concurrency=8))]
SMALL = Need(1, 10)


@asynccontextmanager
async def limiter_at(url, ledger, workers=4):
    made = SharedLimiter(place(url), ledger, workers, SharedClock())
    try:
        yield made
    finally:
        await made.close()


async def outcome(limiter, scopes, need=SMALL):
    """Ask for one; give what came of it. No answer takes longer than two seconds."""
    began = time.monotonic()
    try:
        result = await limiter.admit(scopes, need)
    except (BudgetSpentError, LimiterUnavailableError, OverLimitError) as error:
        result = type(error)
    assert time.monotonic() - began < 2.5
    return result


async def works_again(limiter, within_s=5.0):
    """Wait until a budget is known again; give what is reserved."""
    began = time.monotonic()
    while await outcome(limiter, BUDGET, Need(1, 10**9)) is LimiterUnavailableError:
        assert time.monotonic() - began < within_s
        await asyncio.sleep(0.1)


async def goes_on_alone(limiter):
    """See to it that budgets are closed, at once by now, and that rates go on with this worker's part."""
    assert LimiterUnavailableError is await outcome(limiter, BUDGET)
    began = time.monotonic()
    assert LimiterUnavailableError is await outcome(limiter, BUDGET)
    rate = Counter([type(await outcome(limiter, RATE)) for _ in range(30)])
    at_once = [await outcome(limiter, AT_ONCE) for _ in range(5)]
    took_s = time.monotonic() - began
    assert 10 == rate.pop(type(at_once[0])), rate
    assert [OverLimitError] * 3 == at_once[2:]
    for held in at_once[:2]:
        held.settle(1, 1)
    assert took_s < 2.5


@pytest.fixture
def ledger():
    return Ledger()


def stop(server):
    """Take a server away as a crash does."""
    (server.crash if hasattr(server, "crash") else server.kill)()


@pytest.fixture(params=["postgres", "redis"])
def server(request):
    """Give a server of the test's own."""
    request.node.user_properties.append(came_out(request.param))
    return request.getfixturevalue(f"own_{request.param}")


@pytest.mark.case("P26")
async def test_p26_a_server_that_is_down(server, ledger):
    async with limiter_at(server.url(), ledger) as limiter:
        ledger.settle(await limiter.admit(BUDGET, Need(1, 10)), BUDGET, 1, 7)
        held = await limiter.admit(BUDGET, Need(1, 40))
        before = await limiter.taken(BUDGET)
        stop(server)

        await goes_on_alone(limiter)
        with pytest.raises(LimiterUnavailableError):
            await limiter.reconcile()
        ledger.settle(held, BUDGET, 1, 30)  # never waits, is never lost
        assert (await limiter.taken(BUDGET))[0].running == 0

        server.start()
        await works_again(limiter)
        assert (1, {"day": 7}) == (before[0].running, before[0].spent)
        assert (0, 0, {"day": 37}) == (await limiter.taken(BUDGET))[0][2:]


@pytest.mark.case("P26")
async def test_p26_a_server_that_was_never_there(server, ledger, caplog):
    stop(server)
    async with limiter_at(server.url(), ledger) as limiter:
        await goes_on_alone(limiter)
        server.start()
        await works_again(limiter)
    first, last = caplog.messages  # the log has it once, however often it is tried
    assert first.startswith("limits are not shared for now, and budgets give nothing: ")
    assert "limits are shared again" == last


@pytest.mark.case("P26")
async def test_p26_a_server_that_is_stopped(server, ledger):
    async with limiter_at(server.url(), ledger) as limiter:
        ledger.settle(await limiter.admit(BUDGET, Need(1, 10)), BUDGET, 1, 7)
        server.pause()
        try:
            await goes_on_alone(limiter)
        finally:
            server.resume()
        await works_again(limiter)
        assert {"day": 7} == (await limiter.taken(BUDGET))[0].spent


@pytest.mark.case("P26")
async def test_p26_a_server_that_is_slow(server, ledger):
    async with Chaos(server.port) as chaos:
        url = server.url().replace(f":{server.port}", f":{chaos.port}")
        async with limiter_at(url, ledger) as limiter:
            assert (await limiter.admit(BUDGET, Need(1, 10))).at
        chaos.back = Way(latency_s=5)
        async with limiter_at(url, ledger) as limiter:
            await goes_on_alone(limiter)
            chaos.back = Way()
            await works_again(limiter)


@pytest.mark.case("P26")
async def test_p26_a_hundred_milliseconds_away(server, ledger):
    """That is far, not out of reach."""
    async with (
        Chaos(server.port, there=Way(latency_s=0.05), back=Way(latency_s=0.05)) as chaos,
        limiter_at(server.url().replace(f":{server.port}", f":{chaos.port}"), ledger) as limiter,
    ):
        limiter.start()
        await works_again(limiter)
        assert (await limiter.admit(BUDGET, Need(1, 10))).at


@pytest.mark.case("P26")
async def test_p26_states_that_are_gone_are_put_back(server, ledger, monkeypatch):
    """Emptied while calls run: what was spent comes from the ledger, what is held from those who hold it."""
    monkeypatch.setattr(books, "_GRACE_MS", 1500)
    async with limiter_at(server.url(), ledger) as first, limiter_at(server.url(), ledger) as second:
        ledger.settle(await first.admit(BUDGET, Need(1, 50)), BUDGET, 1, 50)
        held = await first.admit(BUDGET, Need(1, 30))
        assert BudgetSpentError is await outcome(second, BUDGET, Need(1, 30))

        if hasattr(server, "empty"):
            server.empty()
        else:
            server.sql("TRUNCATE llms.limits")

        for _ in range(30):
            assert await outcome(second, BUDGET, Need(1, 30)) in (BudgetSpentError, LimiterUnavailableError)
            await asyncio.sleep(0.02)
        assert (1, 30, {"day": 50}) == (await second.taken(BUDGET))[0][2:]
        ledger.settle(held, BUDGET, 1, 20)
        await asyncio.sleep(0.3)
        assert (0, 0, {"day": 70}) == (await second.taken(BUDGET))[0][2:]


@pytest.mark.parametrize(
    ("ill", "well"),
    [
        (("CONFIG", "SET", "maxmemory", "1"), ("CONFIG", "SET", "maxmemory", "0")),
        (("REPLICAOF", "127.0.0.1", "1"), ("REPLICAOF", "NO", "ONE")),
    ],
    ids=["out of memory", "read-only replica"],
)
@pytest.mark.case("P26")
async def test_p26_redis_that_takes_nothing(own_redis, ledger, ill, well):
    own_redis.command("CONFIG", "SET", "maxmemory-policy", "noeviction")
    async with limiter_at(own_redis.url(), ledger) as limiter:
        ledger.settle(await limiter.admit(BUDGET, Need(1, 10)), BUDGET, 1, 7)
        await asyncio.sleep(0.1)
        assert "+OK" == own_redis.command(*ill)

        await goes_on_alone(limiter)

        own_redis.command(*well)
        await works_again(limiter)
        assert {"day": 7} == (await limiter.taken(BUDGET))[0].spent


@pytest.mark.case("P26")
@pytest.mark.parametrize("command", [("CLIENT", "KILL", "TYPE", "normal"), ("SCRIPT", "FLUSH")])
async def test_p26_what_nobody_notices(own_redis, ledger, command):
    async with limiter_at(own_redis.url(), ledger) as limiter:
        for _ in range(9):
            held = await limiter.admit(BUDGET, Need(1, 10))
            own_redis.command(*command)
            ledger.settle(held, BUDGET, 1, 10)

        assert (await limiter.admit(BUDGET, Need(1, 10))).at
        assert BudgetSpentError is await outcome(limiter, BUDGET)
        assert {"day": 90} == (await limiter.taken(BUDGET))[0].spent


@pytest.mark.case("P26")
async def test_p26_postgres_ends_a_connection(own_postgres, ledger):
    async with limiter_at(own_postgres.url(), ledger) as limiter:
        ledger.settle(await limiter.admit(BUDGET, Need(1, 10)), BUDGET, 1, 10)
        own_postgres.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")

        assert (await limiter.admit(BUDGET, Need(1, 10))).at


async def goes_on_without(serve, ledger):
    """Have a limiter go on alone whose Redis is none: ``serve`` answers in its place."""
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        async with limiter_at(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}", ledger) as limiter:
            await goes_on_alone(limiter)
    finally:
        server.close()
        await server.wait_closed()


@pytest.mark.case("P26")
async def test_p26_a_server_that_talks_rubbish(ledger):
    async def rubbish(reader, writer):
        while await reader.read(1000):
            writer.write(random.Random(1).randbytes(200))  # noqa: S311 - to be the same each time
            await writer.drain()
        writer.close()

    await goes_on_without(rubbish, ledger)


@pytest.mark.case("P26")
@pytest.mark.parametrize(
    "answer",
    [
        b":5",
        b"$-1",
        b"*-1",
        b"*0",
        b"*2\r\n:1\r\n:2",
        b"*2\r\n*1\r\n:1\r\n$2\r\n1:",
        b"+OK",
        b"-LOADING",
        b":99999999999999999999",
    ],
)
async def test_p26_a_server_that_answers_another_question(ledger, answer):
    """Whatever it says, in Redis's own form: it is out of reach, and no bug of ours."""
    told = {b"INFO": b"$10\r\nrun_id:abc", b"TIME": b"*2\r\n$10\r\n1795871529\r\n$1\r\n5", b"CLIENT": b"+OK"}

    async def odd(reader, writer):
        while data := await reader.read(10_000):
            for command in re.findall(rb"\*\d+\r\n\$\d+\r\n(\w+)\r\n", data):
                writer.write(told.get(command, answer) + b"\r\n")
        writer.close()

    await goes_on_without(odd, ledger)


@pytest.mark.case("P26")
async def test_p26_rubbish_among_the_states(own_redis, ledger):
    ledger.rows = [("key:k", SharedClock()(), 95)]
    for rubbish in ("rubbish", "1:rubbish", "1:[1,2]", '1:["x",[1,2,3],[0],null,[],{}]'):
        for name in ("members", "key:k"):
            own_redis.command("SET", "{llms}:limits:" + name, rubbish)
        async with limiter_at(own_redis.url(), ledger) as limiter:
            assert BudgetSpentError is await outcome(limiter, BUDGET)


async def test_the_sqlite_file_is_nobody_elses(tmp_path, ledger):
    path = tmp_path / "deep" / "llms.db"
    async with limiter_at(f"sqlite:{path}", ledger) as limiter:
        await limiter.admit(BUDGET, Need(1, 10))

        assert [0o600] * 3 == [stat.S_IMODE(one.stat().st_mode) for one in sorted(path.parent.iterdir())]


@pytest.mark.case("P26")
@pytest.mark.parametrize("harm", ["removed", "damaged"])
async def test_p26_an_sqlite_file_that_is_lost(tmp_path, ledger, harm):
    path = tmp_path / "llms.db"
    async with limiter_at(f"sqlite:{path}", ledger) as first, limiter_at(f"sqlite:{path}", ledger) as second:
        ledger.settle(await first.admit(BUDGET, Need(1, 50)), BUDGET, 1, 50)
        held = await second.admit(BUDGET, Need(1, 30))
        await asyncio.sleep(0.1)
        if harm == "removed":
            for one in tmp_path.iterdir():
                one.unlink()
        else:
            for one in tmp_path.iterdir():
                one.write_bytes(b"\xff" * one.stat().st_size)

        await works_again(first)
        await asyncio.sleep(0.6)

        assert (1, 30, {"day": 50}) == (await first.taken(BUDGET))[0][2:]
        held.settle(1, 30)


@pytest.mark.case("P26")
async def test_p26_an_sqlite_file_that_is_locked(tmp_path, ledger):
    path = tmp_path / "llms.db"
    async with limiter_at(f"sqlite:{path}", ledger) as limiter:
        ledger.settle(await limiter.admit(BUDGET, Need(1, 50)), BUDGET, 1, 50)
        await asyncio.sleep(0.1)
        other = sqlite3.connect(f"{path}-limits", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")

        assert LimiterUnavailableError is await outcome(limiter, BUDGET)

        other.execute("ROLLBACK")
        other.close()
        await works_again(limiter)


@pytest.mark.case("P24")
async def test_p24_no_answer_goes_to_somebody_else(shared):
    """Trips are cut off at any moment; what comes back is what was asked for, on that connection or a new one."""
    chance = random.Random(24)  # noqa: S311 - it is to repeat
    kept = place(shared.url)
    names = [f"key:{number}" for number in range(20)]
    async with asyncio.timeout(30):
        await kept.load(names)
        assert await kept.swap([Change(name, 0, name.encode()) for name in names])
    cut = right = 0

    async def trip(number, asked):
        nonlocal right
        loaded = await kept.load(asked)
        assert {name: name.encode() for name in asked} == {name: one[1] for name, one in loaded.kept.items()}
        if not number % 3:
            await kept.swap([Change(asked[0], loaded.kept[asked[0]][0], asked[0].encode())])
        right += 1

    for number in range(OPERATIONS // (5 if shared.kind == "postgres" else 1)):  # whose connections take longest
        task = asyncio.create_task(trip(number, chance.sample(names, 3)))
        if chance.random() < 0.5:
            for _ in range(chance.randrange(15)):
                await asyncio.sleep(0)
            cut += task.cancel()
        (result,) = await asyncio.gather(task, return_exceptions=True)
        assert result is None or isinstance(result, asyncio.CancelledError)
    assert min(cut, right) > number // 20
    await kept.close()


def test_the_place_that_a_deployment_needs(tmp_path):
    store = f"sqlite:{tmp_path}/llms.db"

    found = [opened(None, None, 4), opened(store, None, 1), opened(store, None, 4), opened(store, "redis://h", 1)]

    assert ["NoneType", "NoneType", "SqliteStates", "RedisStates"] == [type(one).__name__ for one in found]
    assert "PostgresStates" == type(opened("postgresql://h/d", None, 1)).__name__


def test_what_is_needed_for_a_place_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "llms.limits.redis", None)

    with pytest.raises(StoreError, match=r"Redis needs the package redis; do: pip install 'llms\[redis\]'"):
        opened(None, "redis://127.0.0.1:1", 1)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://u:secret@127.0.0.1:port/x", "this is no URL for PostgreSQL; "),
        ("postgresql://u:secret@127.0.0.1:1/x", "PostgreSQL cannot be reached: "),
        ("redis://:secret@127.0.0.1:1/0", "Redis: "),
    ],
)
async def test_the_words_hold_no_secret(url, words):
    kept = place(url)

    with pytest.raises(StoreError) as caught:
        await kept.load(["key:k"])
    await kept.close()

    assert str(caught.value).startswith(words)
    assert "secret" not in str(caught.value)


async def test_a_role_that_may_not_make_the_table(own_postgres):
    own_postgres.sql("CREATE ROLE weak LOGIN PASSWORD 'weak'")
    kept = place(own_postgres.url().replace(f"postgres:{own_postgres.password}", "weak:weak"))

    with pytest.raises(StoreError, match="CREATE SCHEMA llms AUTHORIZATION"):
        await kept.load(["key:k"])

    await kept.close()


@pytest.mark.parametrize("wait_s", [0.001, 1])
async def test_closing_while_postgres_is_being_connected_to(own_postgres, wait_s):
    async with Chaos(own_postgres.port, back=Way(latency_s=0.05)) as chaos:
        kept = place(own_postgres.url().replace(f":{own_postgres.port}", f":{chaos.port}"))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await kept.load(["key:k"])
        if wait_s == 1:
            own_postgres.crash()

        await kept.close()


async def test_a_role_to_whom_another_gave_the_schema(own_postgres):
    """It may not make schemas itself, as ``docs/store.md`` has it."""
    own_postgres.sql("CREATE ROLE weak LOGIN PASSWORD 'weak'")
    own_postgres.sql("CREATE SCHEMA llms AUTHORIZATION weak")
    kept = place(own_postgres.url().replace(f"postgres:{own_postgres.password}", "weak:weak"))

    assert {} == (await kept.load(["key:k"])).kept

    await kept.close()


_RAISES = """
CREATE SEQUENCE public.times;
CREATE FUNCTION public.raises() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF nextval('public.times') <= 3 THEN
        RAISE EXCEPTION 'as if' USING ERRCODE = '{state}';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER raises BEFORE INSERT OR UPDATE ON llms.limits FOR EACH ROW EXECUTE FUNCTION public.raises();
"""


@pytest.mark.case("P25")
@pytest.mark.parametrize("state", ["40001", "40P01"])
async def test_p25_a_swap_that_loses_to_another(own_postgres, ledger, state, record_property):
    """It is done again, and counted once; nobody takes it for an outage."""
    async with limiter_at(own_postgres.url(), ledger) as limiter:
        await limiter.taken(BUDGET)
        own_postgres.sql(_RAISES.format(state=state))

        ledger.settle(await limiter.admit(BUDGET, Need(1, 10)), BUDGET, 1, 7)

        assert not limiter._rounds.out
        assert {"day": 7} == (await limiter.taken(BUDGET))[0].spent
        assert int(own_postgres.sql("SELECT last_value FROM public.times")) > 3
    record_property("came_out", f"{state}: admitted and counted once")
