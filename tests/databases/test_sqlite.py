"""What SQLite says at once though it could wait; the rest is in tests/store, tests/limits and tests/shelves."""

import sqlite3

from llms.databases.sqlite import make_wal


def test_busy_at_once():
    """A file whose mode is being changed says so at once, in some cases; it is asked again."""

    class Busy:
        asked = 0

        def execute(self, statement):
            self.asked += 1
            if self.asked < 3:
                message = "database is locked"
                raise sqlite3.OperationalError(message)

    busy = Busy()
    make_wal(busy)

    assert 3 == busy.asked
