"""How keys and calls become what databases hold, and back; pure."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import date
from functools import lru_cache
from operator import itemgetter
from typing import Any

import orjson

from llms.keys import Limits, Role, VirtualKey
from llms.store import DAY_MS, MOST_MICROS, CallRow, StoredKey

_MOST = 10**13
"""
The largest number that is kept of a call, besides its cost: a provider may report any.

Milliseconds of a time are less until the year 2286, and a day's sum has room for 900,000 of them.
"""

KeyRecord = tuple[str, str, str, int, int, int, str]
"""id, digest, old_digest, old_until, revoked_at, revision, data."""

DayRecord = tuple[int | str, ...]
"""day, key_id, team, model, provider, and the sums of ``UsageRow``."""

# By their places: this runs for every call, and by their names takes a quarter more.
_SUMMED = itemgetter(
    *map(
        CallRow._fields.index,
        (
            "at",
            "key_id",
            "team",
            "model",
            "provider",
            "status",
            "input_tokens",
            "output_tokens",
            "cached_tokens",
            "cache_write_tokens",
            "reasoning_tokens",
            "cost",
            "counted",
            "priced",
        ),
    )
)

_EPOCH = date(1970, 1, 1).toordinal()


class UnfitRowError(ValueError):
    """A call says what databases do not take: numbers beyond measure, NUL in a text."""


def key_record(stored: StoredKey) -> KeyRecord:
    """Give a key as a row, with the revision that it says."""
    data = orjson.dumps(asdict(stored.key)).decode()
    return stored.key.id, stored.digest, stored.old_digest, stored.old_until, stored.revoked_at, stored.revision, data


def stored_key(record: Sequence[Any]) -> StoredKey:
    """
    Give a key that was kept as a row. Fields that this version does not know are left out.

    A key of a newer version, which says what this one cannot act on, is one that is switched off: it must not go on as
    it was before, nor keep the others from being read.
    """
    key_id, digest, old_digest, old_until, revoked_at, revision, data = record
    try:
        key = _key(orjson.loads(data))
    except (ValueError, TypeError, KeyError):
        key = VirtualKey(key_id, "of a newer version", Role.VIEWER, disabled=True)
    return StoredKey(key, digest, old_digest, old_until, revoked_at, revision)


def _key(data: dict[str, Any]) -> VirtualKey:
    known = {name: value for name, value in data.items() if name in VirtualKey.__dataclass_fields__}
    limits = {name: value for name, value in data["limits"].items() if name in Limits.__dataclass_fields__}
    return VirtualKey(
        **{
            **known,
            "role": Role(data["role"]),
            "models": tuple(data["models"]),
            "endpoints": tuple(data["endpoints"]),
            "limits": Limits(**limits),
        }
    )


def days(rows: Iterable[CallRow]) -> list[DayRecord]:
    """
    Sum calls up by day, key, team, model and provider.

    Raises:
        UnfitRowError: A row has what databases do not take; see ``clean``.
    """
    found: dict[tuple[int, str, str, str, str], list[int]] = {}
    for at, key, team, model, provider, status, given, made, cached, written, thought, cost, counted, priced in map(
        _SUMMED, rows
    ):
        group = (at // DAY_MS, key, team, model, provider)
        sums = found.get(group)
        if sums is None:
            sums = found[group] = [0] * 10
        sums[0] += 1
        sums[2] += given
        sums[3] += made
        sums[4] += cached
        sums[5] += written
        sums[6] += thought
        sums[7] += cost
        if status != "ok":
            sums[1] += 1
        if counted == "estimated":
            sums[8] += 1
        if not priced:
            sums[9] += 1
    for group, sums in found.items():
        if "\0" in group[3]:
            raise UnfitRowError
        if max(sums) > _MOST:
            if max(sums[:7]) > _MOST * sums[0]:
                raise UnfitRowError
            sums[7] = min(sums[7], MOST_MICROS)
    return [(*group, *sums) for group, sums in found.items()]


def without_keys(records: Iterable[DayRecord]) -> list[DayRecord]:
    """Sum up what ``days`` gave once more, whatever the key."""
    found: dict[tuple[int | str, ...], list[Any]] = {}
    for day, _, *rest in records:
        group, sums = (day, *rest[:3]), rest[3:]
        old = found.get(group)
        found[group] = sums if old is None else [one + other for one, other in zip(old, sums, strict=True)]
    for sums in found.values():
        sums[7] = min(sums[7], MOST_MICROS)
    return [(*group, *sums) for group, sums in found.items()]


def clean(row: CallRow) -> CallRow:
    """Give a row that every database takes: without what is no text, or too large a number."""
    return CallRow._make(map(_clean, row, _MOST_OF))


def columns(rows: Sequence[CallRow]) -> list[Sequence[Any]]:
    """Give rows by their fields, each such as every database takes it."""
    found: list[Sequence[Any]] = list(zip(*rows, strict=True)) or [()] * len(CallRow._fields)
    if all(map(_fits, found, _MOST_OF)):
        return found
    return list(zip(*map(clean, rows), strict=True))


def _fits(column: Sequence[Any], most: int) -> bool:
    if not column or not isinstance(column[0], str):
        return min(column, default=0) >= -1 and max(column, default=0) <= most
    together = "".join(column)
    return "\0" not in together and text(together) == together


def text(given: str) -> str:
    """Give a text that every database takes: no NUL, no half of a surrogate pair."""
    return given.encode("utf-8", "replace").decode().replace("\0", "\ufffd")


def _clean(value: Any, most: int) -> Any:
    return text(value) if isinstance(value, str) else max(-1, min(value, most))


_MOST_OF = [MOST_MICROS if name == "cost" else _MOST for name in CallRow._fields]


@lru_cache(1000)
def day_text(day: int) -> str:
    """Give a day as ``2026-11-28``."""
    return date.fromordinal(_EPOCH + day).isoformat()
