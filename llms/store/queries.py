"""
What is asked of the tables, for SQLite and PostgreSQL alike; pure.

Every statement is put together from the literals of this module. What callers give travels beside it, as values: a
statement's text depends on which conditions there are, never on what they are compared with (the tests hold this).
Marks are ``?``; PostgreSQL's store numbers them.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from llms.store import DAY_MS, CallFilter, Group
from llms.store.encoding import text as fit


class Query(NamedTuple):
    """A statement and the values for its marks."""

    sql: str
    values: tuple[int | str, ...]


class Place(NamedTuple):
    """A call's place in the order of time: ties are told apart by the order in which they were kept."""

    at: int
    seq: int


class Span(NamedTuple):
    """The calls between two places, neither included."""

    after: Place
    before: Place


Order = Literal["newest", "oldest"]
"""Which calls come first."""

COLUMNS = """id, at, key_id, team, api, model, provider, target, stream, status, code, input_tokens, output_tokens,
    cached_tokens, cache_write_tokens, reasoning_tokens, counted, cost, priced, attempts, first_byte_us, duration_us,
    bytes_in, bytes_out, chunks, finish_reason, timing"""


def _sum(name: str) -> str:
    # PostgreSQL's sums are of a type that costs Python ten times the time of an integer.
    return f"CAST(SUM({name}) AS BIGINT)"


_MONEY = f"{_sum('cost >> 32')}, {_sum('cost & 4294967295')}"
"""SQLite refuses a sum that does not fit into 64 bits; of halves it can make any. See ``micros``."""
_HALVES = f"{_sum('high')}, {_sum('low')}"

_SUMMED = (
    "calls",
    "failed",
    "input_tokens",
    "output_tokens",
    "cached_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
)
_SUMS = ", ".join(_sum(name) for name in (*_SUMMED, "estimated", "unpriced"))

KEYS_SINCE = """SELECT id, digest, old_digest, old_until, revoked_at, revision, data FROM keys
    WHERE revision > ? ORDER BY revision"""
CALL = f"SELECT {COLUMNS} FROM calls WHERE id = ?"
BODY = "SELECT call_id, prompt, answer FROM bodies WHERE call_id = ?"
LAST = "SELECT COALESCE(MAX(seq), 0) FROM calls"
TOKEN = "SELECT secret FROM tokens WHERE name = ?"  # noqa: S105 - no secret

_DAILY_OF_KEYS = "(SELECT day, key_id, team FROM usage_keys) AS known JOIN usage_daily USING (day, key_id, team)"
"""``usage_daily`` by way of a table that knows where in it a key is: it is in the order of days."""

_ORDERS: dict[Order, str] = {"newest": "ORDER BY at DESC, seq DESC", "oldest": "ORDER BY at, seq"}
_EQUAL = {"team": "team = ?", "model": "model = ?", "provider": "provider = ?"}
_EQUAL_CALL = {"status": "status = ?", "code": "code = ?"}
_FAILED = {True: "status <> 'ok'", False: "status = 'ok'"}
_FAILED_DAY = {True: "failed > 0", False: "failed < calls"}
_GROUPS: dict[Group, str] = {"day": "day", "key": "key_id", "team": "team", "model": "model", "provider": "provider"}
_SPENT = {
    "key": f"SELECT {_HALVES} FROM usage_keys WHERE day >= ? AND day < ? AND key_id = ?",
    "team": f"SELECT {_MONEY} FROM usage_models WHERE day >= ? AND day < ? AND team = ?",
    "model": f"SELECT {_MONEY} FROM usage_models WHERE day >= ? AND day < ? AND model = ?",
    "gateway": f"SELECT {_MONEY} FROM usage_models WHERE day >= ? AND day < ?",
}


class _Conditions:
    """Conditions and their values, side by side."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._values: list[int | str] = []

    def add(self, text: str, *values: int | str) -> None:
        self._texts.append(text)
        self._values += [fit(value) if isinstance(value, str) else value for value in values]

    def query(self, before: str, after: str = "", *values: int | str) -> Query:
        return Query(f"{before} WHERE {' AND '.join(self._texts)} {after}", (*self._values, *values))


def boundary(order: Order, key: str | None, span: Span, looked_at: int) -> Query:
    """Ask for the place of the last call that may be looked at, in an order."""
    return _within(key, span).query("SELECT at, seq FROM calls", f"{_ORDERS[order]} LIMIT 1 OFFSET ?", looked_at - 1)


def page(order: Order, key: str | None, span: Span, wanted: CallFilter, limit: int) -> Query:
    """Ask for calls in an order, each followed by its ``seq``; ``wanted``'s times are not looked at."""
    found = _within(key, span)
    if key is None:
        _add_keys(found, wanted.keys)
    _add_filter(found, wanted)
    return found.query(f"SELECT {COLUMNS}, seq FROM calls", f"{_ORDERS[order]} LIMIT ?", limit)


def _within(key: str | None, span: Span) -> _Conditions:
    found = _Conditions()
    if key is not None:
        found.add("key_id = ?", key)
    # The first of each line is what an index answers, the rest what it leaves over.
    found.add("at >= ? AND (at > ? OR seq > ?)", span.after.at, *span.after)
    found.add("at <= ? AND (at < ? OR seq < ?)", span.before.at, *span.before)
    return found


def following(after: int, up_to: int, wanted: CallFilter, limit: int) -> Query:
    """Ask for calls in the order of keeping, each followed by its ``seq``."""
    found = _Conditions()
    found.add("seq > ? AND seq <= ?", after, up_to)
    found.add("at >= ? AND at < ?", *times(wanted))
    _add_keys(found, wanted.keys)
    _add_filter(found, wanted)
    return found.query(f"SELECT {COLUMNS}, seq FROM calls", "ORDER BY seq LIMIT ?", limit)


def last_day(wanted: CallFilter, at: int) -> Query:
    """Ask for the last day, up to that of ``at``, that has calls which may be wanted."""
    found = _Conditions()
    found.add("day <= ?", at // DAY_MS)
    _add_keys(found, wanted.keys)
    _add_equal(found, wanted)
    if wanted.failed is not None:
        found.add(_FAILED_DAY[wanted.failed])
    return found.query(f"SELECT MAX(day) FROM {_table(wanted, ())}")


def usage(wanted: CallFilter, by: Sequence[Group], limit: int | None = None) -> Query:
    """Ask for the sums of each group, of so many groups at most."""
    since, until = times(wanted)
    found = _Conditions()
    found.add("day >= ? AND day < ?", since // DAY_MS, -(-until // DAY_MS))
    _add_keys(found, wanted.keys)
    _add_equal(found, wanted)
    groups = ", ".join(_GROUPS[group] for group in by)
    names, after = (f"{groups}, ", f"GROUP BY {groups} ORDER BY {groups}") if groups else ("", "")
    table = _table(wanted, by)
    money = _HALVES if table == "usage_keys" else _MONEY
    return found.query(
        f"SELECT {names}{money}, {_SUMS} FROM {table}", f"{after} LIMIT ?", _MANY if limit is None else limit
    )


def _table(wanted: CallFilter, by: Sequence[Group]) -> str:
    """Give the shortest table that has what is asked."""
    if not wanted.keys and "key" not in by:
        return "usage_models"
    if wanted.model is None and wanted.provider is None and "model" not in by and "provider" not in by:
        return "usage_keys"
    return _DAILY_OF_KEYS if wanted.keys else "usage_daily"


def micros(high: int | None, low: int | None) -> int:
    """Give a sum of money from those of its upper and its lower halves; nothing was spent where there are none."""
    return ((high or 0) << 32) + (low or 0)


def spent(subject: str, since_day: int, until_day: int | None) -> Query:
    """
    Ask for the halves of what a subject has spent; see ``micros``.

    Raises:
        ValueError: There is no such kind of subject.
    """
    kind, _, name = subject.partition(":")
    if kind not in _SPENT:
        message = f"no such subject: {kind}"
        raise ValueError(message)
    days = since_day, _EVER // DAY_MS if until_day is None else until_day
    return Query(_SPENT[kind], days if kind == "gateway" else (*days, fit(name)))


def times(wanted: CallFilter) -> tuple[int, int]:
    """Give the first millisecond, and the one after the last."""
    since = 0 if wanted.since is None else wanted.since
    until = _EVER if wanted.until is None else wanted.until
    return min(max(since, 0), _EVER), min(max(until, 0), _EVER)


_MANY = 2**31
_EVER = 2**53  # divides into days that a database takes


def _add_keys(found: _Conditions, keys: Sequence[str]) -> None:
    if keys:
        found.add(f"key_id IN ({', '.join('?' * len(keys))})", *keys)


def _add_equal(found: _Conditions, wanted: CallFilter) -> None:
    for name, text in _EQUAL.items():
        value = getattr(wanted, name)
        if value is not None:
            found.add(text, value)


def _add_filter(found: _Conditions, wanted: CallFilter) -> None:
    _add_equal(found, wanted)
    for name, text in _EQUAL_CALL.items():
        value = getattr(wanted, name)
        if value is not None:
            found.add(text, value)
    if wanted.failed is not None:
        found.add(_FAILED[wanted.failed])
