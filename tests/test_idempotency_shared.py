"""
Answers that several processes share: C47 with an SQLite file, Redis and PostgreSQL.

Two processes are two ``Shared`` on one shelf's place. What every keeper of answers does is asked of all of them, the
memory of one process included.
"""

import asyncio
import signal
import subprocess
import sys
import time
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from llms.databases import StoreError
from llms.errors import (
    AnswerNotKeptError,
    IdempotencyInProgressError,
    IdempotencyMismatchError,
    StoreUnavailableError,
)
from llms.idempotency import Answer, Name
from llms.idempotency_memory import Bounds, Memory, Running
from llms.idempotency_shared import Shared, kept_for
from llms.shelves import Held
from llms.shelves.open import opened
from llms.shelves.postgres import PostgresShelf
from llms.shelves.redis import RedisShelf
from llms.shelves.sqlite import SQLiteShelf
from tests.support.clock import Clock
from tests.support.process import environment

NAME = Name("key_1", "chat.completions", "k")
SAME = b"same"
PATIENCE_S = 20.0

SHARED = ["sqlite", "redis", "postgresql"]


def place(kind, request, tmp_path):
    """Give what makes a shelf: each call another process's."""
    if kind == "sqlite":
        return lambda: SQLiteShelf(tmp_path / "folder" / "answers.db")
    url = request.getfixturevalue("redis_url" if kind == "redis" else "postgres_url")
    return lambda: (RedisShelf if kind == "redis" else PostgresShelf)(url)


@pytest.fixture(params=SHARED)
async def processes(request, tmp_path):
    """Give what makes a process's keeper of answers."""
    shelf = place(request.param, request, tmp_path)
    async with AsyncExitStack() as stack:

        def make(bounds=None, lease_s=60.0):
            made = Shared(shelf(), bounds, lease_s)
            stack.push_async_callback(made.close)
            return made

        make.shelf = shelf
        yield make


@pytest.fixture(params=["memory", *SHARED])
async def keep(request, tmp_path):
    """Give what makes a keeper of answers, of each kind."""
    if request.param == "memory":
        yield lambda bounds=None: Memory(time.monotonic, bounds)
        return
    shelf = place(request.param, request, tmp_path)
    async with AsyncExitStack() as stack:

        def make(bounds=None):
            made = Shared(shelf(), bounds)
            stack.push_async_callback(made.close)
            return made

        yield make


async def kept(answers, name=NAME, body=b"answer", status=200):
    claim = await answers.claim(name, SAME)
    claim.add(body)
    claim.keep(status, {"x": "y"})


async def settled(answers):
    """Wait until what has ended is written down."""
    async with asyncio.timeout(PATIENCE_S):
        while answers._tasks:
            await asyncio.wait(answers._tasks)
            await asyncio.sleep(0)


async def until_free(answers, name=NAME):
    """Claim a name again and again until that is done; give how many seconds it took."""
    begun = time.monotonic()
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                claim = await answers.claim(name, b"other")
            except (IdempotencyInProgressError, IdempotencyMismatchError, StoreUnavailableError):
                await asyncio.sleep(0.02)
            else:
                assert isinstance(claim, Running)
                return time.monotonic() - begun


async def test_replay(keep):
    """What was kept is given again, byte for byte; with another body it is a mismatch."""
    answers = keep()
    claim = await answers.claim(NAME, SAME)
    for piece in (b"\x00\xff", b"", b"data: {}\n\n"):
        claim.add(piece)
    claim.keep(201, {"Content-Type": "text/plain", "x": "é"})

    for _ in range(2):
        expected = Answer(201, {"Content-Type": "text/plain", "x": "é"}, b"\x00\xffdata: {}\n\n")
        assert expected == await answers.claim(NAME, SAME)
    with pytest.raises(IdempotencyMismatchError):
        await answers.claim(NAME, b"other")


async def test_while_it_runs(keep):
    """While the first one runs the same body is told to wait, and another one that it will never do."""
    answers = keep()
    claim = await answers.claim(NAME, SAME)

    with pytest.raises(IdempotencyInProgressError) as caught:
        await answers.claim(NAME, SAME)
    with pytest.raises(IdempotencyMismatchError):
        await answers.claim(NAME, b"other")
    assert (True, 1) == (caught.value.should_retry, caught.value.retry_after_s)
    claim.free()


async def test_freed(keep):
    """A freed key is new again, for any body, and the first word counts."""
    answers = keep()
    claim = await answers.claim(NAME, SAME)
    claim.add(b"half")
    claim.free()
    claim.keep(200, {})

    again = await answers.claim(NAME, b"other")
    assert isinstance(again, Running)
    again.free()


@pytest.mark.parametrize(
    "other",
    [NAME._replace(tenant="key_2"), NAME._replace(endpoint="x"), NAME._replace(key="K"), Name("", "", "key_1")],
)
async def test_apart(keep, other):
    """Another tenant, endpoint or key is another name."""
    answers = keep()
    await kept(answers)

    claim = await answers.claim(other, b"other")

    assert isinstance(claim, Running)
    claim.free()


async def test_too_long(keep):
    """An answer over the limit leaves a note: its bytes are let go at once, and the key says so from then on."""
    answers = keep(Bounds(answer_bytes=1000))
    claim = await answers.claim(NAME, SAME)
    claim.add(b"x" * 900)
    assert 964 == answers.size
    claim.add(b"x" * 100)
    assert 0 == answers.size
    claim.keep(200, {})

    with pytest.raises(AnswerNotKeptError, match="new key"):
        await answers.claim(NAME, SAME)
    with pytest.raises(IdempotencyMismatchError):
        await answers.claim(NAME, b"other")


async def test_no_room(keep):
    """Answers that are written at the same time have so much room together."""
    answers = keep(Bounds(total_bytes=1000))
    one, other = await answers.claim(NAME, SAME), await answers.claim(NAME._replace(key="2"), SAME)
    one.add(b"x" * 500)
    other.add(b"x" * 500)
    one.keep(200, {})
    other.keep(200, {})

    assert 500 == len((await answers.claim(NAME, SAME)).body)
    with pytest.raises(AnswerNotKeptError):
        await answers.claim(NAME._replace(key="2"), SAME)


async def test_age(keep):
    """After its time an answer is forgotten, and the key is new."""
    answers = keep(Bounds(age_s=0.3))
    await kept(answers)
    assert isinstance(await answers.claim(NAME, SAME), Answer)
    await asyncio.sleep(0.4)

    claim = await answers.claim(NAME, b"other")

    assert isinstance(claim, Running)
    claim.free()


async def test_50_at_once(keep):
    """Of 50 at once one is first, and 49 are told that it runs."""
    answers = keep()

    results = await asyncio.gather(*(answers.claim(NAME, SAME) for _ in range(50)), return_exceptions=True)

    claims = [result for result in results if isinstance(result, Running)]
    assert 1 == len(claims)
    assert 49 == sum(isinstance(result, IdempotencyInProgressError) for result in results)
    claims[0].free()


async def test_50_at_once_in_two_processes(processes):
    """The same across processes; then all of them get the answer."""
    both = [processes(), processes()]

    results = await asyncio.gather(*(both[n % 2].claim(NAME, SAME) for n in range(50)), return_exceptions=True)

    [claim] = [result for result in results if isinstance(result, Running)]
    assert 49 == sum(isinstance(result, IdempotencyInProgressError) for result in results)
    claim.add(b"answer")
    claim.keep(200, {})
    for one in both:
        await settled(one)
    assert {b"answer"} == {(await both[n % 2].claim(NAME, SAME)).body for n in range(50)}


async def test_freed_in_another_process(processes):
    """A claim that another process gives up can be taken, and a mismatch is seen across them."""
    one, other = processes(), processes()
    claim = await one.claim(NAME, SAME)
    with pytest.raises(IdempotencyMismatchError):
        await other.claim(NAME, b"other")
    claim.free()

    assert await until_free(other) < 1


async def test_claims_live_as_long_as_their_process(processes):
    """A claim outlives its lease many times while its process lives, and goes with it."""
    one, other = processes(lease_s=0.4), processes(lease_s=0.4)
    claims = [await one.claim(NAME._replace(key=str(number)), SAME) for number in range(3)]
    begun = time.monotonic()
    while time.monotonic() < begun + 1.2:
        with pytest.raises(IdempotencyInProgressError):
            await other.claim(NAME._replace(key="1"), SAME)
        await asyncio.sleep(0.02)

    one._beat.cancel()

    assert await until_free(other, NAME._replace(key="1")) < 1
    for claim in claims:
        claim.free()
    await settled(one)
    with pytest.raises(IdempotencyMismatchError):  # what came too late has changed nothing
        await other.claim(NAME._replace(key="1"), SAME)


async def test_late_answer(processes):
    """An answer that comes after its claim has gone to somebody else is not kept, nor frees it."""
    one, other = processes(lease_s=0.05), processes()
    late, lost = await one.claim(NAME, SAME), await one.claim(NAME._replace(key="2"), SAME)
    one._beat.cancel()
    await asyncio.sleep(0.1)
    newer = [await other.claim(name, SAME) for name in (NAME, NAME._replace(key="2"))]
    assert all(isinstance(claim, Running) for claim in newer)
    late.keep(200, {})
    lost.free()
    await settled(one)

    for name in (NAME, NAME._replace(key="2")):
        with pytest.raises(IdempotencyInProgressError):
            await one.claim(name, SAME)


_KILLED = """
import asyncio, sys
from llms.idempotency import Name
from llms.idempotency_shared import Shared
from tests.test_idempotency_shared import SQLiteShelf, RedisShelf, PostgresShelf
from pathlib import Path

async def main():
    kind, where = sys.argv[1:]
    shelf = {"sqlite": lambda: SQLiteShelf(Path(where)), "redis": lambda: RedisShelf(where)}.get(kind, lambda: PostgresShelf(where))()
    answers = Shared(shelf, lease_s=1.0)
    claim = await answers.claim(Name("key_1", "chat.completions", "done"), b"same")
    claim.add(b"whole")
    claim.keep(200, {})
    while answers._ending:
        await asyncio.sleep(0.01)
    await answers.claim(Name("key_1", "chat.completions", "k"), b"same")
    print("claimed", flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.mark.parametrize("kind", SHARED)
async def test_killed(kind, request, tmp_path):
    """C47: what a process ran that is killed stays in progress until its lease ends, then the key is free."""
    where = tmp_path / "answers.db" if kind == "sqlite" else None
    if where is None:
        where = request.getfixturevalue("redis_url" if kind == "redis" else "postgres_url")
    command = [sys.executable, "-c", _KILLED, kind, str(where)]
    root = Path(__file__).parents[1]
    process = await asyncio.to_thread(subprocess.Popen, command, stdout=subprocess.PIPE, cwd=root, env=environment())
    try:
        assert b"claimed\n" == await asyncio.to_thread(process.stdout.readline)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
    shelf = {"sqlite": SQLiteShelf, "redis": RedisShelf, "postgresql": PostgresShelf}[kind](where)
    answers = Shared(shelf)
    try:
        with pytest.raises(IdempotencyInProgressError):
            await answers.claim(NAME, SAME)
        assert b"whole" == (await answers.claim(NAME._replace(key="done"), SAME)).body
        assert 0 < await until_free(answers) < 3
    finally:
        await answers.close()


class Broken:
    """A shelf that fails, or keeps silent, as long as it is told to."""

    def __init__(self, shelf):
        self.shelf = shelf
        self.fails = False
        self.silent = False
        self.deaf = set()  # what it does without saying so
        self.asked = []
        self.begun = asyncio.Event()

    async def _do(self, name, *given):
        self.asked.append(name)
        self.begun.set()
        if self.silent:
            await asyncio.sleep(60)
        if self.fails:
            message = "it is down"
            raise StoreError(message)
        found = await getattr(self.shelf, name)(*given)
        if name in self.deaf:
            message = "the connection was lost"
            raise StoreError(message)
        return found

    async def claim(self, *given):
        return await self._do("claim", *given)

    async def extend(self, *given):
        return await self._do("extend", *given)

    async def keep(self, *given):
        return await self._do("keep", *given)

    async def free(self, *given):
        return await self._do("free", *given)

    async def close(self):
        await self.shelf.close()


@asynccontextmanager
async def broken(tmp_path, **options):
    shelf = Broken(SQLiteShelf(tmp_path / "answers.db"))
    answers = Shared(shelf, **options)
    try:
        yield shelf, answers
    finally:
        await answers.close()


async def test_down(tmp_path):
    """A shelf that is down refuses requests, which may be sent again; once it is up, all is as before."""
    async with broken(tmp_path) as (shelf, answers):
        await kept(answers)
        await settled(answers)
        shelf.fails = True
        with pytest.raises(StoreUnavailableError) as caught:
            await answers.claim(NAME, SAME)
        shelf.fails = False

        assert (503, True) == (caught.value.status, caught.value.should_retry)
        assert isinstance(await answers.claim(NAME, SAME), Answer)


async def test_silent(tmp_path):
    """A shelf that keeps silent refuses requests within two seconds."""
    async with broken(tmp_path) as (shelf, answers):
        shelf.silent = True
        begun = time.monotonic()

        with pytest.raises(StoreUnavailableError):
            await answers.claim(NAME, SAME)

        assert 1.9 < time.monotonic() - begun < 3


async def test_claimed_unknown_to_us(tmp_path):
    """What was claimed though nobody was told is given up; meanwhile nobody else gets it."""
    async with broken(tmp_path) as (shelf, answers):
        shelf.deaf = {"claim"}
        with pytest.raises(StoreUnavailableError):
            await answers.claim(NAME, SAME)
        shelf.deaf = set()

        assert await until_free(answers) < 3


async def test_silent_about_what_was_there(tmp_path):
    """An answer that was found too late for its request stays."""
    async with broken(tmp_path) as (shelf, answers):
        await kept(answers)
        await settled(answers)
        task = asyncio.create_task(answers.claim(NAME, SAME))
        shelf.begun.clear()
        await asyncio.wait_for(shelf.begun.wait(), PATIENCE_S)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await settled(answers)

        assert "free" not in shelf.asked
        assert isinstance(await answers.claim(NAME, SAME), Answer)


async def test_two_ends_at_once(tmp_path):
    """A key that was freed without our knowing it is waited for, and then is new; each claim's end is its own."""
    async with broken(tmp_path) as (shelf, answers):
        first = await answers.claim(NAME, SAME)
        shelf.deaf = {"free", "keep"}
        first.free()
        second = await answers.claim(NAME, SAME)
        second.add(b"answer")
        second.keep(200, {})
        shelf.deaf = {"keep"}
        async with asyncio.timeout(PATIENCE_S):
            while len(answers) > 1:
                await asyncio.wait(answers._tasks, return_when="FIRST_COMPLETED")
                await asyncio.sleep(0)
        shelf.deaf = set()
        await settled(answers)

        assert b"answer" == (await answers.claim(NAME, SAME)).body


async def test_signs_of_life_end(tmp_path):
    """Where nothing runs nothing is written."""
    async with broken(tmp_path, lease_s=0.2) as (shelf, answers):
        claim = await answers.claim(NAME, SAME)
        await asyncio.sleep(0.2)
        claim.free()
        await asyncio.wait_for(answers._beat, PATIENCE_S)

        assert "extend" in shelf.asked


async def test_cancelled_claim(tmp_path):
    """A claim whose request is gone before it was made leaves nothing."""
    async with broken(tmp_path) as (shelf, answers):
        task = asyncio.create_task(answers.claim(NAME, SAME))
        await asyncio.wait_for(shelf.begun.wait(), PATIENCE_S)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await settled(answers)

        assert ["claim", "free"] == shelf.asked
        assert isinstance(await answers.claim(NAME, b"other"), Running)


async def test_answer_while_it_is_down(tmp_path):
    """An answer that cannot be written down is, later; until then its key is not free."""
    async with broken(tmp_path) as (shelf, answers):
        claim = await answers.claim(NAME, SAME)
        claim.add(b"answer")
        shelf.fails = True
        claim.keep(200, {})
        await asyncio.sleep(0.15)
        assert 1 == len(answers)
        shelf.fails = False
        await settled(answers)

        assert b"answer" == (await answers.claim(NAME, SAME)).body
        assert 0 == len(answers)
        assert shelf.asked.count("keep") > 1


async def test_given_up_on(tmp_path):
    """What could not be written down for as long as the lease lasts is let go; so is the shelf, when all is closed."""
    async with broken(tmp_path, lease_s=0.2) as (shelf, answers):
        claim = await answers.claim(NAME, SAME)
        shelf.fails = True
        claim.keep(200, {})
        await settled(answers)

        assert 0 == len(answers)
        shelf.fails = False
        slow = await answers.claim(NAME._replace(key="2"), SAME)
        shelf.silent = True
        slow.keep(200, {})


@pytest.mark.parametrize("kind", ["redis", "postgresql"])
@pytest.mark.parametrize("way", ["kill", "pause"])
async def test_server_goes(kind, way, request):
    """A server that dies, or hangs, refuses within some two seconds; when it is back, requests are served again."""
    server = request.getfixturevalue("own_redis" if kind == "redis" else "own_postgres")
    shelf = (RedisShelf if kind == "redis" else PostgresShelf)(server.url())
    answers = Shared(shelf)
    try:
        await kept(answers)
        await settled(answers)
        begun = time.monotonic()
        await asyncio.to_thread(
            server.pause if way == "pause" else server.crash if kind == "postgresql" else server.kill
        )
        begun = time.monotonic()
        with pytest.raises(StoreUnavailableError):
            await answers.claim(NAME, SAME)
        took = time.monotonic() - begun
        await asyncio.to_thread(server.resume if way == "pause" else server.start)

        assert took < 2.5
        await until_free(answers, NAME._replace(key="2"))
        if (kind, way) != ("redis", "kill"):
            assert isinstance(await answers.claim(NAME, SAME), Answer)
    finally:
        await answers.close()


async def test_file_is_locked(tmp_path):
    """Another process that holds the file for long is waited for no longer than two seconds."""
    shelf = SQLiteShelf(tmp_path / "answers.db")
    other = SQLiteShelf(tmp_path / "answers.db")
    answers = Shared(shelf)
    try:
        await kept(answers)
        await settled(answers)
        await other.free(Held(b"", b""))
        other._file._connection._connection.execute("BEGIN IMMEDIATE")
        new = NAME._replace(key="2")
        begun = time.monotonic()
        with pytest.raises(StoreUnavailableError):
            await answers.claim(new, SAME)
        assert time.monotonic() - begun < 3
        other._file._connection._connection.execute("ROLLBACK")

        assert await until_free(answers, new) < 10  # five are promised; the machine may be busy
        assert isinstance(await answers.claim(NAME, SAME), Answer)
    finally:
        await answers.close()
        await other.close()


async def test_file(tmp_path):
    """The file is its user's alone, holds as much as it may, and forgets the least recently used first."""
    path = tmp_path / "folder" / "answers.db"
    clock = Clock()
    answers = Shared(SQLiteShelf(path, Bounds(entries=3, total_bytes=100), clock))
    names = [NAME._replace(key=str(number)) for number in range(6)]
    try:
        for name in names[:3]:
            await kept(answers, name, b"x" * 10)
            await settled(answers)
            clock.now += 100
        await answers.claim(names[0], SAME)
        clock.now += 1
        await kept(answers, names[3], b"x" * 10)
        await settled(answers)
        there = [isinstance(found, Answer) for found in [await answers.claim(name, SAME) for name in names[:4]]]
        assert [True, False, True, True] == there
        await kept(answers, names[4], b"x" * 95)
        await settled(answers)

        assert 0o600 == path.stat().st_mode & 0o777
        assert isinstance(await answers.claim(names[4], SAME), Answer)
        assert isinstance(await answers.claim(names[0], SAME), Running)
    finally:
        await answers.close()


def test_opened(tmp_path):
    """Redis is asked where there is one, else the store's database; a file, which one worker needs none of."""
    file = f"sqlite:{tmp_path / 'llms.db'}"
    made = [
        opened(file, "redis://127.0.0.1:1", 1),
        opened("postgresql://127.0.0.1:1/x", None, 1),
        opened(file, None, 2),
        opened(file, None, 1),
        opened(None, None, 4),
    ]

    assert [RedisShelf, PostgresShelf, SQLiteShelf, type(None), type(None)] == [type(one) for one in made]
    assert tmp_path / "llms.db-answers" == made[2]._file._connection.path


async def test_kept_for(tmp_path):
    """One process has a memory of its own, several share a shelf."""
    file = f"sqlite:{tmp_path / 'llms.db'}"
    made = [kept_for(file, None, 1), kept_for(file, None, 2)]

    assert [Memory, Shared] == [type(one) for one in made]
    for one in made:
        await kept(one)
        assert isinstance(await one.claim(NAME, SAME), Answer)
        await one.close()
