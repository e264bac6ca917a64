"""
CSV, for spreadsheets; pure.

A cell that begins as a formula gets an apostrophe before it: what a client has sent as a model's name must not be run
by whoever opens the file. Lines end in CRLF and cells are quoted where they must be (RFC 4180).
"""

import csv
import io
from collections.abc import Iterable, Sequence

from llms.admin import shapes
from llms.store import CallRow, Group, UsageRow

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def lines(rows: Iterable[Iterable[object]]) -> bytes:
    """Give rows as lines."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue().encode("utf-8", "replace")


def _cell(value: object) -> object:
    if isinstance(value, str):
        return "'" + value if value.startswith(_FORMULA) else value
    return value


CALL_HEAD = lines([["cost_micros" if name == "cost" else name for name in CallRow._fields]])


def calls(rows: Sequence[CallRow]) -> bytes:
    """Give a line for each call; a first byte that never came is an empty cell."""
    return lines(row._replace(first_byte_us="") if row.first_byte_us < 0 else row for row in rows)  # type: ignore[arg-type]  # for this line only


def usage(rows: Sequence[UsageRow], by: Sequence[Group]) -> bytes:
    """Give a head, and a line for each sum."""
    head = [*by, *("cost_micros" if name == "cost" else name for name in shapes.SUMS)]
    return lines([head, *([*row.group, *row[1:]] for row in rows)])
