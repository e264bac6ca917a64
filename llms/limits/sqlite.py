"""
States in an SQLite file, for the processes of one machine.

The file is one of its own, beside the ledger's: it need not outlive the machine. One that is damaged is removed; what
was spent is looked up again.
"""

import json
import secrets
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path

from llms.databases import LostError
from llms.databases.scratch import Scratch
from llms.databases.sqlite import transaction
from llms.limits.states import Change, Loaded, following

_KEPT_S = 86_400

_SCHEMA = """
CREATE TABLE IF NOT EXISTS states (
    subject TEXT PRIMARY KEY, version INTEGER NOT NULL, state BLOB NOT NULL, at INTEGER NOT NULL
) WITHOUT ROWID
"""
_LOAD = "SELECT subject, version, state FROM states WHERE subject IN (SELECT value FROM json_each(?))"
_CHANGE = "UPDATE states SET version = ?, state = ?, at = ? WHERE subject = ? AND version = ?"
_MAKE = "INSERT OR IGNORE INTO states (version, state, at, subject) VALUES (?, ?, ?, ?)"
_INCARNATION = "incarnation"


class SqliteStates:
    """
    See ``llms.limits.states.States``.

    Args:
        path: The file's; it is made if it is not there.
    """

    forgets = False

    def __init__(self, path: Path) -> None:
        self._file = Scratch(path, self._begin, removes=True)
        self._incarnation = ""

    async def load(self, subjects: Sequence[str]) -> Loaded:
        return await self._file.run(lambda connection: self._load(connection, subjects))

    async def swap(self, changes: Sequence[Change]) -> bool:
        try:
            await self._file.run(lambda connection: _swap(connection, changes))
        except LostError:
            return False
        return True

    async def close(self) -> None:
        await self._file.close()

    def _load(self, connection: sqlite3.Connection, subjects: Sequence[str]) -> Loaded:
        kept = {name: (version, state) for name, version, state in connection.execute(_LOAD, [json.dumps(subjects)])}
        return Loaded(time.time_ns() // 1_000_000, self._incarnation, kept)

    def _begin(self, connection: sqlite3.Connection) -> None:
        connection.execute(_SCHEMA)
        connection.execute(_MAKE, (1, secrets.token_hex(8), 2**53, _INCARNATION))
        connection.execute("DELETE FROM states WHERE at < ?", (int(time.time()) - _KEPT_S,))
        rows = connection.execute("SELECT state FROM states WHERE subject = ?", (_INCARNATION,))
        self._incarnation = str(rows.fetchone()[0])


def _swap(connection: sqlite3.Connection, changes: Sequence[Change]) -> None:
    with transaction(connection):
        for subject, version, state in changes:
            values = (following(version), state, int(time.time()), subject)
            made = connection.execute(_CHANGE, (*values, version)) if version else connection.execute(_MAKE, values)
            if made.rowcount != 1:
                raise LostError(subject)
