"""``llms db``."""

import asyncio
import sqlite3
from contextlib import closing

import pytest

from llms.store.open import open_store
from tests.store.rows import call, key


@pytest.fixture
def file(tmp_path):
    return tmp_path / "kept" / "llms.db"


@pytest.fixture
def db(llms, file):
    """Run ``llms db`` on the file."""
    return lambda *words: llms("db", *words, config={}, environ={"LLMS_STORE": f"sqlite:{file}"})


def fill(url, numbers, **fields):
    async def write():
        store = await open_store(url)
        await store.write_calls([call(number, **fields) for number in numbers])
        await store.put_key(key("a"))
        await store.close()

    asyncio.run(write())


def test_check(db, file):
    """It says what is there, and that it is right."""
    fill(f"sqlite:{file}", range(1200))

    done = db("check")

    assert 0 == done.exit_code
    assert [
        "ok: every page is whole",
        "ok: tables of version 2",
        "ok: 1 keys, 1,200 calls, 0 kept prompts",
        "ok: usage is the sum of the calls",
    ] == done.stdout.splitlines()


def test_check_of_postgresql(llms, postgres_url):
    """It says the same of PostgreSQL, which looks after its pages itself."""
    environ = {"LLMS_STORE": postgres_url}
    before = llms("db", "check", config={}, environ=environ)
    fill(postgres_url, range(5))

    done = llms("db", "check", config={}, environ=environ)

    assert (1, "llms: the database has no tables of llms yet; `llms serve` makes them\n") == (
        before.exit_code,
        before.stderr,
    )
    assert [
        "ok: tables of version 2",
        "ok: 1 keys, 5 calls, 0 kept prompts",
        "ok: usage is the sum of the calls",
    ] == done.stdout.splitlines()


def test_b16_check_of_much_money(db, file):
    """B16: sums of a day that no 64 bits hold can be looked through, too."""
    url = f"sqlite:{file}"
    fill(url, range(4), cost=2**62 + 1)
    fill(url, range(4, 6), cost=2**62, key_id="key_b", team="blue")
    done = db("check")

    assert (1, "WRONG: usage is not the sum of the calls") == (done.exit_code, done.stdout.splitlines()[-1][:40])


@pytest.mark.parametrize(
    ("table", "column"), [("usage_daily", "cost"), ("usage_models", "cost"), ("usage_keys", "low")]
)
def test_check_of_sums_that_are_wrong(db, file, table, column):
    """Days whose usage is not the sum of their calls are named."""
    fill(f"sqlite:{file}", [*range(5), *(86_400_000 * day for day in range(1, 8))])
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(f"UPDATE {table} SET {column} = {column} + 1 WHERE day > 20420")  # noqa: S608 - ours
        connection.commit()

    done = db("check")

    assert 1 == done.exit_code
    assert (
        "WRONG: usage is not the sum of the calls on 2025-11-29, 2025-11-30, 2025-12-01, 2025-12-02, 2025-12-03, …: put a backup in its place, or report a bug"
        == done.stdout.splitlines()[-1]
    )


def test_check_of_a_damaged_file(db, file):
    """Damage is found, and what to do about it."""
    fill(f"sqlite:{file}", range(300))
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        other = "CREATE INDEX calls_at ON calls (cost, seq)"  # as if its pages were another's
        connection.execute("UPDATE sqlite_master SET sql = ? WHERE name = 'calls_at'", (other,))
        connection.commit()

    done = db("check")

    assert 1 == done.exit_code
    assert 6 == len(done.stdout.splitlines())
    assert "WRONG: row 1 missing from index calls_at" in done.stdout
    assert "WRONG: it is damaged: stop the gateway, put a backup in its place" in done.stdout


def test_check_of_a_file_with_a_damaged_page(db, file):
    """Damage that ends the search is one line."""
    fill(f"sqlite:{file}", range(3000))
    with file.open("r+b") as opened:
        opened.seek(4096 * 60)
        opened.write(b"\xee" * 4096)

    done = db("check")

    assert 1 == done.exit_code
    assert "is damaged" in done.output


@pytest.mark.parametrize(
    ("version", "words"),
    [
        (0, "WRONG: tables of version 0, not yet 2: do `llms db migrate`"),
        (3, "ok: tables of version 3, which is newer"),
    ],
)
def test_check_of_another_version(db, file, version, words):
    """Tables of another version are told."""
    fill(f"sqlite:{file}", range(1))
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(f"PRAGMA user_version = {version}")

    assert words in db("check").stdout


def test_check_of_a_file_that_is_no_database(db, file):
    """What cannot be looked at is one line."""
    file.parent.mkdir()
    file.touch(0o600)
    file.write_bytes(b"x" * 5000)

    assert (1, f"llms: {file} is no SQLite file; put a backup in its place, or name another file\n") == (
        db("check").exit_code,
        db("check").stderr,
    )


def test_nothing_yet(db, file):
    """A file that is not there is not made."""
    assert (1, f"llms: there is no {file} yet; `llms serve` makes it\n") == (db("check").exit_code, db("check").stderr)
    assert not file.exists()


def test_nothing_is_kept(llms):
    """Without a store there is nothing to do."""
    done = llms("db", "check", config={"store": {"url": "none"}})

    assert (1, "llms: nothing is kept: the store is `none`, or there is no folder for it; see `store.url`\n") == (
        done.exit_code,
        done.stderr,
    )


def test_migrate(db, file):
    """It makes the tables, as the start of the gateway would."""
    assert (0, "the tables are up to date\n") == (db("migrate").exit_code, db("migrate").stdout)
    assert 0 == db("check").exit_code


@pytest.mark.case("P19")
def test_backup_and_restore(db, file, tmp_path, record_property):
    """P19: a copy that is made while calls are written is one of a moment, and works in the place of the first."""
    url = f"sqlite:{file}"
    fill(url, range(4000))

    async def back_up_while_it_is_used():
        store = await open_store(url)
        copying = asyncio.ensure_future(asyncio.to_thread(db, "backup", str(tmp_path / "copy.db")))
        number = 4000
        while not copying.done():
            await store.write_calls([call(number), call(number + 1)])
            number += 2
        await store.close()
        return await copying, number

    done, written = asyncio.run(back_up_while_it_is_used())
    assert (0, f"copied to {tmp_path / 'copy.db'}\n") == (done.exit_code, done.stdout)
    assert ["copy.db"] == [one.name for one in tmp_path.iterdir() if one.name.startswith("copy")]
    assert 0o600 == (tmp_path / "copy.db").stat().st_mode & 0o777

    for old in file.parent.iterdir():
        old.unlink()
    (tmp_path / "copy.db").replace(file)

    assert 0 == db("check").exit_code
    with closing(sqlite3.connect(file)) as connection:
        count = connection.execute("SELECT COUNT(*) FROM calls").fetchone()[0]
    assert 4000 <= count <= written
    assert count % 2 == 0
    fill(url, range(written, written + 1))
    assert 0 == db("check").exit_code
    record_property("came_out", "the copy is whole and is of one moment; the gateway goes on with it")


def test_backup_over_a_file(db, file, tmp_path):
    """A file that is there is not written over."""
    fill(f"sqlite:{file}", range(1))
    (tmp_path / "copy.db").write_text("mine")

    assert (1, f"llms: {tmp_path / 'copy.db'} is there already; name another file\n") == (
        db("backup", str(tmp_path / "copy.db")).exit_code,
        db("backup", str(tmp_path / "copy.db")).stderr,
    )
    assert "mine" == (tmp_path / "copy.db").read_text()


def test_backup_that_fails(db, file, tmp_path):
    """A copy that cannot be made leaves nothing behind."""
    nowhere = db("backup", str(tmp_path / "gone" / "copy.db"))
    of_nothing = db("backup", str(tmp_path / "copy.db"))

    assert f"llms: {tmp_path / 'gone' / 'copy.db'}: no such file or directory\n" == nowhere.stderr
    assert f"llms: {file} cannot be opened; does this user own it and its folder?\n" == of_nothing.stderr
    assert [] == [one.name for one in tmp_path.iterdir() if one.name.startswith("copy")]


def test_backup_of_postgresql(llms):
    """PostgreSQL has a command of its own for this."""
    done = llms("db", "backup", "copy.db", config={}, environ={"LLMS_STORE": "postgresql://127.0.0.1:1/llms"})

    assert "pg_dump --schema=llms" in done.stderr


def test_postgresql_that_is_not_there(llms):
    """A server that cannot be reached is one line."""
    for words in (("check",), ("migrate",)):
        done = llms("db", *words, config={}, environ={"LLMS_STORE": "postgresql://user:hidden@127.0.0.1:1/llms"})

        assert done.stderr.startswith("llms: PostgreSQL cannot be reached")
        assert "hidden" not in done.stderr
