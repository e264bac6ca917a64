"""The databases that tests get are real, and empty."""

import asyncpg
import pytest
from redis.asyncio import Redis


async def ask(url, statement):
    connection = await asyncpg.connect(url, timeout=5)
    try:
        return await connection.fetchval(statement, timeout=5)
    finally:
        await connection.close(timeout=5)


@pytest.mark.parametrize("_time", range(2))
async def test_postgres(_time, postgres_url):
    """Each test has a database of its own, with nothing in it."""
    await ask(postgres_url, "CREATE TABLE thing (id int)")

    assert await ask(postgres_url, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 1


async def test_postgres_that_goes_away(own_postgres):
    """A server of one's own can be crashed, and is the same one when it is back."""
    await ask(own_postgres.url(), "CREATE TABLE thing (id int)")

    own_postgres.crash()
    with pytest.raises(OSError, match="Connect"):
        await ask(own_postgres.url(), "SELECT 1")
    own_postgres.start()

    assert await ask(own_postgres.url(), "SELECT count(*) FROM thing") == 0


async def test_postgres_that_hangs(own_postgres):
    """A server of one's own can be made to hang, and goes on."""
    own_postgres.pause()
    with pytest.raises(TimeoutError):
        await asyncpg.connect(own_postgres.url(), timeout=0.2)
    own_postgres.resume()

    assert await ask(own_postgres.url(), "SELECT 1") == 1


@pytest.mark.parametrize("_time", range(2))
async def test_redis(_time, redis_url):
    """Each test finds nothing in Redis."""
    async with Redis.from_url(redis_url) as client:
        assert await client.dbsize() == 0
        await client.set("thing", "1")


async def test_redis_that_goes_away(own_redis):
    """A server of one's own comes back empty."""
    own_redis.command("SET", "thing", "1")
    own_redis.kill()
    own_redis.start()

    assert own_redis.command("DBSIZE") == ":0"
