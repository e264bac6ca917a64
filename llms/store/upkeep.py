"""What an operator does to a store now and then: look whether it is whole, copy it. None of it is bounded in time."""

import asyncio
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from llms.databases.open import SQLITE, module, sqlite_path
from llms.databases.sqlite import connected, translated
from llms.store import StoreError, StoreUnfitError, schema
from llms.store.encoding import day_text
from llms.store.sqlite_file import number, private

COUNTS = "SELECT (SELECT COUNT(*) FROM keys), (SELECT COUNT(*) FROM calls), (SELECT COUNT(*) FROM bodies)"

APART = """SELECT DISTINCT day FROM (
        SELECT day, kind FROM (
            SELECT at / 86400000 AS day, 1 AS kind, COUNT(*) AS calls, SUM(cost >> 32) AS high,
                SUM(cost & 4294967295) AS low, SUM(input_tokens) AS input_tokens, SUM(output_tokens) AS output_tokens
                FROM calls GROUP BY 1
            UNION ALL
            SELECT day, 1, -SUM(calls), -SUM(cost >> 32), -SUM(cost & 4294967295), -SUM(input_tokens),
                -SUM(output_tokens) FROM usage_daily GROUP BY day
            UNION ALL
            SELECT day, 2, SUM(calls), SUM(cost >> 32), SUM(cost & 4294967295), SUM(input_tokens), SUM(output_tokens)
                FROM usage_daily GROUP BY day
            UNION ALL
            SELECT day, 2, -SUM(calls), -SUM(cost >> 32), -SUM(cost & 4294967295), -SUM(input_tokens),
                -SUM(output_tokens) FROM usage_models GROUP BY day
            UNION ALL
            SELECT day, 3, SUM(calls), SUM(cost >> 32), SUM(cost & 4294967295), SUM(input_tokens), SUM(output_tokens)
                FROM usage_daily GROUP BY day
            UNION ALL
            SELECT day, 3, -SUM(calls), -SUM(high), -SUM(low), -SUM(input_tokens), -SUM(output_tokens)
                FROM usage_keys GROUP BY day
        ) AS all_sums GROUP BY day, kind
        HAVING SUM(calls) <> 0 OR SUM(high) * 4294967296 + SUM(low) <> 0 OR SUM(input_tokens) <> 0
            OR SUM(output_tokens) <> 0
    ) AS found ORDER BY day"""
"""
The days on which the sums are not those of the calls. One statement: all is of one moment.

Money is summed up in halves, as ``queries`` does.
"""

_SHOWN = 5


class Finding(NamedTuple):
    """Something that is so; ``bad`` if it should not be."""

    words: str
    bad: bool = False


async def check(url: str, importer: Callable[[str], Any] = import_module) -> list[Finding]:
    """
    Look whether a store is whole and its sums are those of its calls. It reads all of it.

    Raises:
        StoreError: It cannot be looked at.
    """
    if url.startswith(SQLITE):
        return await asyncio.to_thread(_check_file, sqlite_path(url))
    version, counts, days = await module("llms.store.postgres", importer).looked_through(url, COUNTS, APART)
    return [*_version(version, len(schema.POSTGRES)), *_sums(counts, days)]


async def backup(url: str, to: Path) -> None:
    """
    Copy a store as it is at one moment, while it is used. The copy is one file, which can be put in its place.

    Raises:
        StoreUnfitError: It is one that this is not for.
        StoreError: It failed; there is no copy then.
    """
    if not url.startswith(SQLITE):
        message = "PostgreSQL has its own: pg_dump --schema=llms --format=custom --file=FILE, and pg_restore"
        raise StoreUnfitError(message)
    await asyncio.to_thread(_copy, sqlite_path(url), to)


def _check_file(path: Path) -> list[Finding]:
    if not path.exists():
        message = f"there is no {path} yet; `llms serve` makes it"
        raise StoreError(message)
    private(path)
    try:
        with closing(connected(path)) as connection:
            damage = [row[0] for row in connection.execute("PRAGMA integrity_check(100)").fetchall()]
            if damage != ["ok"]:
                return [*(Finding(words, bad=True) for words in damage[:_SHOWN]), Finding(_DAMAGED, bad=True)]
            version = number(connection, "PRAGMA user_version")
            counts = connection.execute(COUNTS).fetchone()
            current = version >= len(schema.SQLITE)
            days = [row[0] for row in connection.execute(APART).fetchall()] if current else None
    except sqlite3.Error as error:
        raise translated(path, error) from error
    return [Finding("every page is whole"), *_version(version, len(schema.SQLITE)), *_sums(counts, days)]


_DAMAGED = "it is damaged: stop the gateway, put a backup in its place, delete the -wal and -shm beside it, start again"


def _version(version: int, ours: int) -> Iterator[Finding]:
    if version < ours:
        yield Finding(
            f"tables of version {version}, not yet {ours}: do `llms db migrate`, or start the gateway", bad=True
        )
    elif version > ours:
        yield Finding(f"tables of version {version}, which is newer than this llms ({ours}), and may be used")
    else:
        yield Finding(f"tables of version {version}")


def _sums(counts: Sequence[int], days: Sequence[int] | None) -> Iterator[Finding]:
    yield Finding(f"{counts[0]:,} keys, {counts[1]:,} calls, {counts[2]:,} kept prompts")
    if days:
        names = ", ".join(day_text(day) for day in days[:_SHOWN]) + (", …" if len(days) > _SHOWN else "")
        yield Finding(
            f"usage is not the sum of the calls on {names}: put a backup in its place, or report a bug", bad=True
        )
    elif days is not None:
        yield Finding("usage is the sum of the calls")


def _copy(path: Path, to: Path) -> None:
    part = to.with_name(f"{to.name}.part")
    if to.exists():
        message = f"{to} is there already; name another file"
        raise StoreError(message)
    try:
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        try:
            with closing(connected(path)) as source, closing(connected(part)) as target:
                source.backup(target)
                target.execute("PRAGMA journal_mode = DELETE")  # all of it in the one file
            os.link(part, to)
        finally:
            part.unlink()
    except sqlite3.Error as error:
        raise translated(path, error) from error
    except OSError as error:
        message = f"{to}: {(error.strerror or str(error)).lower()}"
        raise StoreError(message) from error
