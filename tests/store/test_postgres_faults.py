"""What happens to PostgreSQL, and to the way to it."""

import asyncio
import random
import time

import asyncpg
import pytest

from llms.databases.postgres import Postgres, numbered, translated
from llms.store import CallFilter, StoreError, StoreUnfitError
from llms.store.open import open_store
from llms.store.upkeep import check
from tests.store.rows import call, key
from tests.support.process import free_port

ANY = CallFilter()
LIMIT_S = 3
"""2 s, and what a busy machine adds."""


@pytest.fixture
async def store(own_postgres, opened):
    return await opened(own_postgres.url())


async def fails(work):
    """Do some work that fails in time; give the words."""
    started_at = time.monotonic()
    with pytest.raises(StoreError) as caught:
        await work
    assert time.monotonic() - started_at < LIMIT_S
    return str(caught.value)


async def comes_back(store, rows):
    """Write calls as whoever holds them does, until they are kept; not for longer than it may take."""
    until = time.monotonic() + 5
    while True:
        try:
            return await store.write_calls(rows)
        except StoreError:
            assert time.monotonic() < until
            await asyncio.sleep(0.05)


async def all_at_once(store):
    """Everything that a store is asked, at the same time."""
    started_at = time.monotonic()
    came = await asyncio.gather(
        store.write_calls([call(900)]),
        store.calls(ANY),
        store.keys_since(0),
        store.put_key(key("z")),
        store.usage(ANY, ["day"]),
        store.spent("gateway", 0),
        store.token("t", "x"),
        store.call("req"),
        *(store.calls_since(0, ANY) for _ in range(20)),
        return_exceptions=True,
    )
    assert time.monotonic() - started_at < LIMIT_S
    return came


async def test_absent_at_start():
    """P23: where nobody listens the store does not open, and says so at once, without the password."""
    port = free_port()

    words = await fails(open_store(f"postgresql://user:hidden@127.0.0.1:{port}/llms"))

    assert "cannot be reached" in words
    assert "hidden" not in words


@pytest.mark.parametrize(
    "url", ["postgresql://user:hid/den@x@127.0.0.1:x/llms", "postgresql://user:hidden@127.0.0.1:999999/llms"]
)
async def test_url_that_is_none(url):
    """A URL that is wrong is said to be; its words are not repeated."""
    with pytest.raises(StoreError) as caught:
        await open_store(url)

    assert "hid" not in str(caught.value)


async def test_password_that_is_wrong(own_postgres):
    """P23: a password that is not right is refused in PostgreSQL's words."""
    own_postgres.password = "not-this-one"

    words = await fails(open_store(own_postgres.url()))

    assert "password authentication failed" in words
    assert "not-this-one" not in words


@pytest.mark.case("P23")
@pytest.mark.parametrize("how", ["crash", "stop", "terminated"])
async def test_it_goes_away_and_comes_back(own_postgres, store, how, record_property):
    """P23: while it is away everything fails in time; when it is back calls are kept, once, within 5 s."""
    await store.write_calls([call(1)])
    await asyncio.gather(*(store.calls(ANY) for _ in range(8)))  # several connections are open now
    if how == "terminated":
        own_postgres.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'llms'")
    else:
        getattr(own_postgres, how)()
        assert all(isinstance(one, StoreError) for one in await all_at_once(store))
        assert all(isinstance(one, StoreError) for one in await all_at_once(store))
        own_postgres.start()

    assert 1 == await comes_back(store, [call(1), call(2)])
    assert [call(2), call(1)] == (await store.calls(ANY)).rows
    record_property("came_out", f"{how}: errors within 2 s, kept once after its return")


@pytest.mark.case("P23")
async def test_it_hangs(own_postgres, store, record_property):
    """P23: a server that does not answer holds nobody up for longer than 2 s, however many ask; then it goes on."""
    await store.write_calls([call(1)])
    own_postgres.pause()
    for _ in range(2):
        came = await all_at_once(store)
        assert [] == [one for one in came if not isinstance(one, StoreError)]
    own_postgres.resume()

    await comes_back(store, [call(1), call(2), call(900)])
    assert [900, 2, 1] == [int(row.id[-13:], 16) for row in (await store.calls(ANY)).rows]
    assert 3 == (await store.usage(ANY, []))[0].calls
    record_property("came_out", "hanging: errors within 2 s, kept once after it goes on")


async def test_it_hangs_at_start(own_postgres):
    """P23: a server that does not answer does not hold up the start either."""
    own_postgres.pause()

    assert "does not answer" in await fails(open_store(own_postgres.url()))


async def test_read_only(own_postgres, store):
    """P23: a server that has become one that is only read takes no writes; when it is one again, it does."""
    await store.write_calls([call(1)])
    own_postgres.sql("ALTER SYSTEM SET default_transaction_read_only = on")
    own_postgres.sql("SELECT pg_reload_conf()")
    await asyncio.sleep(0.3)

    assert "read-only" in await fails(store.write_calls([call(2)]))
    assert [call(1)] == (await store.calls(ANY)).rows

    own_postgres.sql("ALTER SYSTEM RESET default_transaction_read_only")
    own_postgres.sql("SELECT pg_reload_conf()")
    assert 1 == await comes_back(store, [call(1), call(2)])


@pytest.mark.case("P23")
async def test_no_connection_left(own_postgres, store, record_property):
    """P23: where others have all connections the store fails in time, and goes on when there is one."""
    await store.write_calls([call(1)])
    await store._database.close()
    store._database = Postgres(own_postgres.url())
    own_postgres.stop()
    own_postgres.settings |= {"max_connections": "3", "superuser_reserved_connections": "0", "max_wal_senders": "0"}
    own_postgres.start()
    others = [await asyncpg.connect(own_postgres.url()) for _ in range(3)]

    assert "too many clients" in await fails(store.write_calls([call(2)]))

    for other in others:
        await other.close()
    assert 1 == await comes_back(store, [call(1), call(2)])
    record_property("came_out", "no connection left: an error, kept when there is one")


async def test_password_that_was_changed(own_postgres, opened):
    """P23: connections that are open go on with an old password; a new one is refused, in time."""
    own_postgres.sql("CREATE ROLE gateway LOGIN PASSWORD 'first'")
    own_postgres.sql("CREATE SCHEMA llms AUTHORIZATION gateway")
    url = own_postgres.url().replace(f"postgres:{own_postgres.password}@", "gateway:first@")
    store = await opened(url)
    await store.write_calls([call(1)])
    own_postgres.sql("ALTER ROLE gateway PASSWORD 'second'")

    assert [call(1)] == (await store.calls(ANY)).rows
    own_postgres.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'gateway'")
    await asyncio.sleep(0.1)
    assert "password authentication failed" in await fails(store.write_calls([call(2)]))


async def test_user_without_rights(own_postgres):
    """A user who may not make the tables is told what to do."""
    own_postgres.sql("CREATE ROLE gateway LOGIN PASSWORD 'first'")
    url = own_postgres.url().replace(f"postgres:{own_postgres.password}@", "gateway:first@")

    with pytest.raises(StoreUnfitError, match="CREATE SCHEMA llms AUTHORIZATION"):
        await open_store(url)


async def test_check_without_rights(own_postgres, store):
    """Whoever may not read the tables cannot check them, and is told."""
    own_postgres.sql("CREATE ROLE stranger LOGIN PASSWORD 'first'")
    own_postgres.sql("GRANT USAGE ON SCHEMA llms TO stranger")
    url = own_postgres.url().replace(f"postgres:{own_postgres.password}@", "stranger:first@")

    with pytest.raises(StoreError, match="permission denied"):
        await check(url)


async def test_connection_that_nobody_waits_for(own_postgres, store):
    """A connection that could not be opened when its caller had gone already is nobody's error."""
    own_postgres.pause()
    asked = asyncio.ensure_future(store.calls(ANY))
    await asyncio.sleep(0.2)
    asked.cancel()
    await asyncio.sleep(2)
    own_postgres.resume()

    assert 1 == await comes_back(store, [call(1)])


def test_words():
    """What asyncpg says of itself means nothing to an operator."""
    assert "the connection to PostgreSQL was lost" == str(
        translated(asyncpg.InterfaceError("cannot perform operation"))
    )


RAISE = """
CREATE SEQUENCE public.times;
CREATE FUNCTION public.raises() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF nextval('public.times') <= {times} THEN
        RAISE EXCEPTION 'as if' USING ERRCODE = '{state}';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER raises BEFORE INSERT ON {table} FOR EACH STATEMENT EXECUTE FUNCTION public.raises();
"""


@pytest.mark.case("P25")
@pytest.mark.parametrize("state", ["40001", "40P01"])
@pytest.mark.parametrize("table", ["llms.calls", "llms.usage_daily"])
async def test_loses_to_another(own_postgres, store, state, table, record_property):
    """P25: what lost to another transaction is done again, up to three times, and counted once."""
    own_postgres.sql(RAISE.format(times=3, state=state, table=table).replace("RETURN NEW", "RETURN NULL"))

    assert 2 == await store.write_calls([call(1), call(2)])

    assert 2 == (await store.usage(ANY, []))[0].calls
    record_property("came_out", f"{state}: kept and counted once at the fourth try")


async def test_loses_again_and_again(own_postgres, store):
    """P25: what loses a fourth time fails."""
    own_postgres.sql(RAISE.format(times=4, state="40001", table="llms.calls"))

    assert "as if" in await fails(store.write_calls([call(1)]))
    assert 1 == await store.write_calls([call(1)])


async def test_disk_full(own_postgres, store):
    """P23: a full disk is said in PostgreSQL's words; reads go on, and writes when there is room."""
    await store.write_calls([call(1)])
    own_postgres.sql(RAISE.format(times=2, state="53100", table="llms.calls"))

    for _ in range(2):
        assert "as if" in await fails(store.write_calls([call(2)]))
        assert [call(1)] == (await store.calls(ANY)).rows
    assert 1 == await store.write_calls([call(2)])


async def test_another_holds_the_lock(own_postgres, store):
    """A gateway that hangs with the writers' lock holds the others up for 2 s at a time, and not for ever."""
    other = await asyncpg.connect(own_postgres.url())
    async with other.transaction():
        await other.execute("SELECT pg_advisory_xact_lock(7814037101)")
        await fails(store.write_calls([call(1)]))
        assert [] == (await store.calls(ANY)).rows
    await other.close()

    assert 1 == await store.write_calls([call(1)])


async def test_no_storm(own_postgres, store):
    """P23: a server that is away is not asked for a connection by each call."""
    own_postgres.crash()
    connects = 0

    async def counting(reader, writer):
        nonlocal connects
        connects += 1
        writer.close()

    server = await asyncio.start_server(counting, "127.0.0.1", own_postgres.port)
    async with server:
        for _ in range(300):
            with pytest.raises(StoreError):
                await store.calls(ANY)
            await asyncio.sleep(0.005)
    own_postgres.start()

    assert connects < 30
    assert 1 == await comes_back(store, [call(1)])


async def test_closed(store):
    """A store that was closed says so."""
    await store.close()

    assert "closed" in await fails(store.calls(ANY))


async def test_answers_while_it_is_closed(own_postgres, opened):
    """What runs while the store is closed ends; its connection goes with it."""
    store = await opened(own_postgres.url())
    running = asyncio.ensure_future(store._database.fetch("SELECT pg_sleep(0.3)"))
    await asyncio.sleep(0.1)
    await store.close()
    await running

    await asyncio.sleep(0.1)
    assert "0" == own_postgres.sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'llms'")


def test_marks():
    """Marks are numbered in their order."""
    assert "SELECT $1, $2 WHERE a = $3" == numbered("SELECT ?, ? WHERE a = ?")
    assert "SELECT 1" == numbered("SELECT 1")


async def test_not_more_connections_than_allowed(own_postgres, store):
    """However many ask at once, there are four connections."""
    await store.write_calls([call(n) for n in range(50)])
    chance = random.Random(3)  # noqa: S311 - chance that repeats

    rows = await asyncio.gather(*(store.call(call(chance.randrange(50)).id) for _ in range(200)))

    assert all(rows)
    assert 4 >= int(own_postgres.sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'llms'"))


async def test_ended_by_the_server_as_it_is_used(postgres_url, opened):
    """A connection that the server ends just as it is used again is an outage, as any other that it ends."""
    store = await opened(postgres_url)
    other = await asyncpg.connect(postgres_url)
    end = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()"""
    found = []
    for _ in range(60):
        ending = asyncio.ensure_future(other.fetch(end))
        while not ending.done():
            found += await asyncio.gather(store.keys_since(0), store.keys_since(0), return_exceptions=True)
        found += await asyncio.gather(store.keys_since(0), return_exceptions=True)
    await other.close()

    assert {StoreError, list} == {type(one) for one in found}
