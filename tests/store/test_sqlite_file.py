"""The file: who may read it, whose it is, whether it is whole."""

import asyncio
import os
import shutil
import sqlite3
import stat
import sys

import pytest

from llms.store import CallFilter, StoreError, StoreUnfitError
from llms.store.open import open_store
from tests.store.rows import call, key

ANY = CallFilter()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "made" / "llms.db"


@pytest.fixture
async def filled(path, opened):
    """A file with calls in it, all of them in the file itself, closed."""
    store = await opened(f"sqlite:{path}")
    await store.write_calls([call(n) for n in range(2000)])
    await store.put_key(key("a"))
    await store.close()
    return path


async def refused(path):
    with pytest.raises(StoreUnfitError) as caught:
        await open_store(f"sqlite:{path}")
    assert str(path) in str(caught.value)
    return str(caught.value)


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


async def test_nobody_else_reads_it(path, opened):
    """S14: the file, what stands beside it, and a folder that is made for it are this user's alone."""
    old = os.umask(0)
    try:
        store = await opened(f"sqlite:{path}")
        await store.write_calls([call(1)])
    finally:
        os.umask(old)

    assert {"llms.db": 0o600, "llms.db-wal": 0o600, "llms.db-shm": 0o600} == {
        one.name: mode(one) for one in path.parent.iterdir()
    }
    assert 0o700 == mode(path.parent)


async def test_a_folder(path):
    """It is said that it is one: its mode, which is too wide for a file, is right for it."""
    path.mkdir(parents=True)

    assert f"{path} is a folder; name a file in it" == await refused(path)


@pytest.mark.parametrize("others", [0o640, 0o604, 0o602, 0o660])
async def test_file_that_others_can_read(filled, others):
    """S14: with a file that others can read or write it does not start, and says what to do."""
    filled.chmod(others)

    assert f"chmod 600 '{filled}'" in await refused(filled)


async def test_home(monkeypatch, tmp_path, opened):
    """``~`` in the URL is the user's home."""
    monkeypatch.setenv("HOME", str(tmp_path))

    await opened("sqlite:~/llms.db")

    assert (tmp_path / "llms.db").exists()


@pytest.mark.case("P17")
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"not a database, but long enough to be looked at " * 40, "is no SQLite file"),
        (b"SQLite format 3\0" + b"\xff" * 4000, "is no SQLite file"),
    ],
)
async def test_file_that_is_no_database(path, content, words, record_property):
    """P17: a file that is empty, or something else, is left alone."""
    path.parent.mkdir()
    path.write_bytes(content)
    path.chmod(0o600)

    assert words in await refused(path)
    assert content == path.read_bytes()
    record_property("came_out", f"start refused: it {words}")


async def test_file_of_another_program(path):
    """P17: another program's database is left alone."""
    path.parent.mkdir()
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE calls (id TEXT)")
    other.close()
    path.chmod(0o600)

    assert "made by another program" in await refused(path)


@pytest.mark.case("P17")
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
async def test_file_that_was_cut(filled, share, record_property):
    """P17: a file that lacks its end is refused."""
    os.truncate(filled, int(filled.stat().st_size * share) // 4096 * 4096)

    assert "is damaged" in await refused(filled)
    record_property("came_out", "start refused: it is damaged")


async def test_file_that_is_gone_but_not_its_log(path, opened):
    """P17: where the log of a file stands without it, no new file is made in its place."""
    store = await opened(f"sqlite:{path}")
    await store.write_calls([call(1)])
    path.unlink()

    assert "is gone, but not llms.db-wal" in await refused(path)
    assert not path.exists()


async def test_damaged_page(filled, opened):
    """P17: a page that is damaged is an error when it is met, and no row is made up."""
    with filled.open("r+b") as file:
        for page in range(4, filled.stat().st_size // 4096, 2):
            file.seek(page * 4096)
            file.write(b"\xee" * 4096)
    store = await opened(f"sqlite:{filled}")

    with pytest.raises(StoreUnfitError, match="is damaged"):
        [rows async for rows in store.export(ANY)]
    with pytest.raises(StoreUnfitError, match="is damaged"):
        await store.write_calls([call(n) for n in range(2000, 4000)])


@pytest.mark.case("P17")
@pytest.mark.parametrize("how", ["deleted", "replaced", "cut"])
async def test_file_that_changes_while_it_is_used(filled, opened, how, record_property):
    """P17: a file that is deleted, replaced or cut while it is used is not written any more, nor read."""
    store = await opened(f"sqlite:{filled}")
    assert 100 == len((await store.calls(ANY)).rows)

    if how == "cut":
        os.truncate(filled, 4096)
    else:
        filled.rename(filled.with_name("away"))
    if how == "replaced":
        shutil.copyfile(filled.with_name("away"), filled)

    with pytest.raises(StoreUnfitError, match=r"is gone|was replaced|was cut"):
        await store.write_calls([call(5000)])
    with pytest.raises(StoreUnfitError, match=r"is gone|was replaced|was cut"):
        await store.calls(ANY)
    if how != "cut":  # what was put back is used again
        filled.with_name("away").replace(filled)
        assert 1 == await store.write_calls([call(5000)])
    record_property("came_out", f"{how} while it is used: neither written nor read")


async def test_folder_that_cannot_be_made(tmp_path):
    """P17: where there can be no file, the reason is said."""
    (tmp_path / "file").write_text("")

    with pytest.raises(StoreError, match="file exists"):
        await open_store(f"sqlite:{tmp_path}/file/llms.db")


READ_ONLY = """
import asyncio, sys
from llms.store import StoreError
from llms.store.open import open_store

async def main():
    try:
        await open_store("sqlite:" + sys.argv[1])
    except StoreError as error:
        print(type(error).__name__, error)

asyncio.run(main())
"""


async def test_file_that_cannot_be_written(filled):
    """P17: a file that this user cannot write is refused as it starts."""
    filled.chmod(0o400)
    # Whoever is root is kept out by a mode only without root's capabilities.
    within = ["setpriv", "--inh-caps=-all", "--bounding-set=-all"] if os.geteuid() == 0 else []

    process = await asyncio.create_subprocess_exec(
        *within, sys.executable, "-c", READ_ONLY, str(filled), stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()

    assert f"StoreUnfitError {filled} cannot be written" in said.decode()


async def test_other_settings_of_a_backup(filled, opened):
    """A backup that was made in another journal mode is used as any file."""
    connection = sqlite3.connect(filled)
    connection.execute("PRAGMA journal_mode = DELETE")
    connection.close()

    store = await opened(f"sqlite:{filled}")

    assert 1 == await store.write_calls([call(5000)])
    assert filled.with_name("llms.db-wal").exists()


async def test_closed(filled, opened):
    """A store that was closed says so."""
    store = await opened(f"sqlite:{filled}")
    await store.close()

    with pytest.raises(StoreError, match="closed"):
        await store.calls(ANY)
