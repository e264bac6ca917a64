"""What happens between two statements of a shelf, and when its place is not fit; the rest is in test_idempotency_shared."""

import asyncio
import sqlite3

import pytest

from llms.databases import StoreError
from llms.shelves import Found, Held
from llms.shelves.postgres import PostgresShelf
from llms.shelves.sqlite import SQLiteShelf

HELD = Held(b"n" * 32, b"t" * 16)


class Scripted(PostgresShelf):
    """A shelf in a database that says what it is told to."""

    def __init__(self, *answers):
        super().__init__("postgresql://127.0.0.1:1/nobody")
        self._database = self
        self.answers = list(answers)

    async def fetch(self, sql, *values):
        return self.answers.pop(0) if self.answers else []


async def test_gone_before_it_is_read():
    """A name that was taken when it was claimed, and is free when it is read, is claimed again; not for ever."""
    row = (b"d", None, 200, "{}", b"x")

    assert None is await Scripted([], [], [(True,)]).claim(HELD, b"d", 1.0)
    assert b"x" == (await Scripted([], [], [], [row]).claim(HELD, b"d", 1.0)).answer.body
    with pytest.raises(StoreError):
        await Scripted().claim(HELD, b"d", 1.0)


class Late(SQLiteShelf):
    """A shelf on which somebody else puts a claim just after it was looked at."""

    first = True

    def _there(self, db, name, now):
        if self.first:
            self.first = False
            db.execute(
                "INSERT INTO answers (name, digest, token, until, used) VALUES (?, 'd', 'other', 1e12, 0)", (name,)
            )
            return None
        return super()._there(db, name, now)


async def test_taken_after_it_was_read(tmp_path):
    """A name that was free when it was read, and is taken when it is claimed, stays with who took it."""
    shelf = Late(tmp_path / "answers.db")
    try:
        assert Found("d", True, None) == await shelf.claim(HELD, b"d", 1.0)
    finally:
        await shelf.close()


async def test_no_database(tmp_path):
    """A file that is no database, and a folder in its place, are told, each time anew."""
    (tmp_path / "no.db").write_bytes(b"no database at all " * 100)
    (tmp_path / "folder.db").mkdir()
    for name in ("no.db", "folder.db"):
        shelf = SQLiteShelf(tmp_path / name)
        for _ in range(2):
            with pytest.raises(StoreError, match=name):
                await shelf.claim(HELD, b"d", 1.0)
        await shelf.close()


@pytest.mark.parametrize("held", [["BEGIN EXCLUSIVE"], ["BEGIN", "SELECT * FROM mine"]])
async def test_made_at_once(tmp_path, held):
    """A file that another process is making, or looks at, is waited for, a while."""
    path = tmp_path / "answers.db"
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("CREATE TABLE mine (x)")
    for statement in held:
        other.execute(statement).fetchall()
    shelf = SQLiteShelf(path)
    try:
        with pytest.raises(StoreError, match="locked"):
            await shelf.free(HELD)
        asking = asyncio.create_task(shelf.claim(HELD, b"d", 1.0))
        await asyncio.sleep(0.1)
        other.execute("ROLLBACK")

        assert None is await asking
    finally:
        other.close()
        await shelf.close()
