"""PostgreSQL as it is asked; what it is asked for, and what happens to it, is tested in tests/store and tests/limits."""

import pytest

from llms.databases import LostError, StoreError
from llms.databases.postgres import Postgres
from tests.support.cancelling import unheard

LOSES = "DO $$ BEGIN RAISE serialization_failure; END $$"


async def test_what_comes_first_fails(postgres_url):
    """A connection on which that failed is none; a later one may be."""
    fails = [True]

    async def begin(connection):
        await connection.execute("SELECT 1 / 0" if fails.pop() else "SELECT 1")
        fails.append(False)

    database = Postgres(postgres_url, begin)
    with pytest.raises(StoreError, match=r"^PostgreSQL: division by zero$"):
        await database.fetch("SELECT 1")
    with pytest.raises(StoreError, match=r"^PostgreSQL: division by zero$"):  # remembered, for a moment
        await database.fetch("SELECT 1")
    fails.append(False)
    database._pool._not_before = 0.0

    assert [(1,)] == [tuple(row) for row in await database.fetch("SELECT 1")]
    await database.close()


@pytest.mark.parametrize("tries", [0, 2])
async def test_losing_is_an_answer(postgres_url, tries):
    """Who lost to another is told so after so many tries, and its connection is used again."""
    database = Postgres(postgres_url, tries=tries)
    before = await database.fetch("SELECT pg_backend_pid()")

    with pytest.raises(LostError, match="serialization_failure"):
        await database.fetch(LOSES)

    assert before == await database.fetch("SELECT pg_backend_pid()")
    await database.close()


@pytest.mark.asyncio(loop_factories=["asyncio", "uvloop"])  # which raises what no driver does
async def test_ended_a_moment_ago(postgres_url):
    """A connection that has ended, of which the driver has not been told yet, is an outage; the next question is answered."""
    database = Postgres(postgres_url)
    async with database._pool.connection() as connection:
        transport = connection._transport
    transport.abort()
    with pytest.raises(StoreError, match=r"^(the connection to )?PostgreSQL"):
        await database.fetch("SELECT 1")

    assert [(1,)] == [tuple(row) for row in await database.fetch("SELECT 1")]
    await database.close()


async def test_whoever_cancels_is_obeyed(postgres_url):
    """A caller that is cancelled ends there, at whichever step; else what is to stop for good would go on."""
    database = Postgres(postgres_url)
    await database.fetch("SELECT 1")
    found = await unheard(lambda: database.fetch("SELECT 1"), 60)
    await database.close()

    assert [] == found
