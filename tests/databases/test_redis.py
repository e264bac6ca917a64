"""Redis as it is asked; what it is asked for is tested in tests/limits and tests/test_idempotency_shared.py."""

import asyncio
import random
from contextlib import suppress
from dataclasses import replace

import pytest

from llms.databases import StoreError, StoreUnfitError
from llms.databases.redis import Redis, Script
from tests.support.cancelling import unheard

ECHO = Script("return ARGV[1]")


@pytest.fixture
async def redis(redis_url):
    made = Redis(redis_url)
    yield made
    await made.close()


def answers(_run_id, said):
    return said


@pytest.mark.parametrize("url", ["redis://:hid/den@127.0.0.1:1/0", "http://:hidden@127.0.0.1", "redis://:hidden@h:x/0"])
def test_url_that_is_none(url):
    """A URL that is wrong is said to be; its words are not repeated."""
    with pytest.raises(StoreUnfitError, match="this is no URL for Redis") as caught:
        Redis(url)

    assert "hid" not in str(caught.value)


async def test_answer_that_makes_no_sense(redis):
    """What cannot be read is an outage, and the next question gets its own answer."""
    with pytest.raises(StoreError, match=r"^Redis: its answer makes no sense$"):
        await redis.ask(lambda _, said: int(said[0]), ("ECHO", "x"))

    assert [b"y"] == await redis.ask(answers, ("ECHO", "y"))


async def test_error_among_answers(redis):
    """After an error in the middle of several answers no other's comes late."""
    with pytest.raises(StoreError, match=r"^Redis: "):
        await redis.ask(answers, ("ECHO", "1"), ("NONSENSE",), ("ECHO", "3"))

    assert [b"4"] == await redis.ask(answers, ("ECHO", "4"))


async def test_closed_while_it_was_idle(redis):
    """A connection that the server has closed is not used, and is nobody's error."""
    await redis.ask(answers, ("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "no"))
    await asyncio.sleep(0.1)

    assert b"x" == await redis.run(lambda said: said, ECHO, [], "x")


@pytest.mark.asyncio(loop_factories=["asyncio", "uvloop"])  # which raises what no driver does
async def test_ended_a_moment_ago(redis_url):
    """A connection that has ended, of which the driver has not been told yet, is an outage; the next question is answered."""
    redis = Redis(redis_url)
    kind = redis._pool._kind
    async with redis._pool.connection() as (connection, _):
        transport = connection._writer.transport
    transport.abort()
    redis._pool._kind = replace(kind, is_open=lambda _: True)
    with pytest.raises(StoreError, match=r"^Redis: "):
        await redis.run(int, ECHO, [], 1)
    redis._pool._kind = kind

    async with asyncio.timeout(10):
        while True:
            with suppress(StoreError):  # asyncio of Python 3.13.0 takes the next connection for the one that ended
                assert 2 == await redis.run(int, ECHO, [], 2)
                break
    await redis.close()


@pytest.mark.asyncio(loop_factories=["asyncio", "uvloop"])
async def test_is_closing(redis_url):
    """A connection that this side has begun to close is not used."""
    redis = Redis(redis_url)
    for number in range(5):
        async with redis._pool.connection() as (connection, _):
            transport = connection._writer.transport
        transport.abort()
        assert number == await redis.run(int, ECHO, [], number)
    await redis.close()


async def test_not_more_connections_than_allowed(redis):
    """However many ask at once, there are four connections."""
    said = await asyncio.gather(*(redis.run(int, ECHO, [], number) for number in range(100)))
    [clients] = await redis.ask(answers, ("INFO", "clients"))

    assert list(range(100)) == said
    assert 4 >= int(clients.partition(b"connected_clients:")[2].split()[0])


@pytest.mark.case("P24")
async def test_p24_no_answer_goes_to_somebody_else(redis):
    """However often questions are cancelled, and when, each answer is that of its question."""
    chance = random.Random(24)  # noqa: S311 - chance that repeats
    came = {"answered": 0, "cancelled": 0}

    async def ask(number):
        if number % 2:
            return await redis.run(int, ECHO, [], number)
        first, second = await redis.ask(answers, ("ECHO", number), ("ECHO", number))
        assert first == second
        return int(first)

    async def some(count):
        for _ in range(count):
            number = chance.randrange(10**6)
            asking = asyncio.create_task(ask(number))
            if chance.random() < 0.5:
                for _ in range(chance.randrange(15)):
                    await asyncio.sleep(0)
                asking.cancel()
            try:
                assert number == await asking
                came["answered"] += 1
            except asyncio.CancelledError:
                came["cancelled"] += 1

    await asyncio.gather(*(some(200) for _ in range(8)))

    assert min(came.values()) > 100


@pytest.mark.parametrize("query", ["", "?socket_timeout=5"])
async def test_whoever_cancels_is_obeyed(redis_url, query):
    """A caller that is cancelled ends there, at whichever step; else what is to stop for good would go on."""
    redis = Redis(redis_url + query)
    await redis.ask(answers, ("ECHO", "x"))
    found = await unheard(lambda: redis.ask(answers, ("ECHO", "x")), 40)
    await redis.close()

    assert [] == found
