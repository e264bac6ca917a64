"""
The file of an SQLite store: made, opened, and recognised.

A ledger that is gone must not look like one that is new. So the file is made under another name, with its tables, and
then linked to its own: a file that is there is complete, and one that is empty or lacks something was cut. While it is
used, it has to stay the same file.
"""

import os
import sqlite3
import stat
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from llms.databases.sqlite import connected, make_wal, transaction, translated
from llms.store import StoreError, StoreUnfitError, schema

_APPLICATION = 0x6C6C6D73
"""``llms``, in the file's head; by it ``file`` and we know whose it is."""

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_SIDES = ("-wal", "-shm")


def prepared(path: Path, steps: Sequence[schema.Step] = schema.SQLITE, oldest: int = schema.OLDEST) -> None:
    """
    Make the file, or what this version needs of it; safe in several processes at once.

    Raises:
        StoreUnfitError: It must not be used, or may not be.
        StoreError: It cannot be made or written now.
    """
    try:
        if path.is_dir():
            message = f"{path} is a folder; name a file in it"
            raise StoreUnfitError(message)
        if not path.exists():
            _make(path, steps, oldest)
        private(path)
        connection = connected(path)
        try:
            _migrate(path, connection, steps, oldest)
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise translated(path, error) from error
    except OSError as error:
        message = f"{path}: {(error.strerror or str(error)).lower()}"
        raise StoreError(message) from error


def private(path: Path) -> None:
    """
    See that nobody else can read the file.

    Raises:
        StoreUnfitError: Somebody can.
    """
    if os.name == "nt":  # pragma: no cover - a profile's folder is its user's alone there
        return
    for one in (path, *(path.with_name(path.name + side) for side in _SIDES)):
        with suppress(FileNotFoundError):
            if one.stat().st_mode & _OTHERS:
                message = f"{one} holds keys and can be read by others; do: chmod 600 '{one}'"
                raise StoreUnfitError(message)


def _make(path: Path, steps: Sequence[schema.Step], oldest: int) -> None:
    for side in _SIDES:
        if path.with_name(path.name + side).exists() and not path.exists():  # still: another process may just make it
            message = f"{path} is gone, but not {path.name}{side}: put the file back, or a backup, without the other"
            raise StoreUnfitError(message)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}-") as folder:
        fresh = Path(folder, path.name)
        os.close(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        connection = connected(fresh)
        try:
            connection.execute("PRAGMA page_size = 8192")  # half the reads of SQLite's own, where nothing is in memory
            make_wal(connection)
            with transaction(connection):
                connection.execute("PRAGMA application_id = 0x6C6C6D73")
                _step(connection, steps, oldest)
        finally:
            connection.close()
        with suppress(FileExistsError):  # another process was faster; its file is as good
            os.link(fresh, path)


def _migrate(path: Path, connection: sqlite3.Connection, steps: Sequence[schema.Step], oldest: int) -> None:
    if path.stat().st_size == 0:
        message = f"{path} is empty; put a backup in its place, or delete it to begin with a new one"
        raise StoreUnfitError(message)
    if number(connection, "PRAGMA application_id") != _APPLICATION:
        message = f"{path} was made by another program; name another file"
        raise StoreUnfitError(message)
    make_wal(connection)  # a backup that was put in its place may have another
    with transaction(connection):
        connection.execute("UPDATE meta SET number = number")  # a file that cannot be written is found out here
        version = number(connection, "PRAGMA user_version")
        if version < len(steps):
            _step(connection, steps, oldest)
        elif number(connection, "SELECT number FROM meta WHERE name = 'oldest'") > len(steps):
            message = f"{path} was made by a newer version of llms; use that, or another file"
            raise StoreUnfitError(message)


def _step(connection: sqlite3.Connection, steps: Sequence[schema.Step], oldest: int) -> None:
    for step in steps[number(connection, "PRAGMA user_version") :]:
        for statement in step:
            connection.execute(statement)
    connection.execute(
        "INSERT INTO meta VALUES ('oldest', ?) ON CONFLICT (name) DO UPDATE SET number = excluded.number", (oldest,)
    )
    connection.execute(f"PRAGMA user_version = {len(steps):d}")


def number(connection: sqlite3.Connection, sql: str) -> int:
    """Give the one number that a statement finds; 0 if it finds none."""
    row = connection.execute(sql).fetchone()
    return int(row[0]) if row else 0
