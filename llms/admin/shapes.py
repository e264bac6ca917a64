"""How keys, calls and sums look in JSON; pure."""

from collections.abc import Iterable, Sequence
from typing import Any

from llms.keys import Limits, VirtualKey
from llms.limits import Scope, Taken
from llms.store import CallRow, Group, KeptBody, StoredKey, UsageRow
from llms.wire import json_text


def limits(value: Limits) -> dict[str, Any]:
    """Give limits."""
    return {
        "rpm": value.rpm,
        "tpm": value.tpm,
        "concurrency": value.concurrency,
        "budgets_micros": {
            "total": value.budget_total,
            "day": value.budget_day,
            "week": value.budget_week,
            "month": value.budget_month,
        },
    }


def key(value: VirtualKey, stored: StoredKey | None, *, changeable: bool) -> dict[str, Any]:
    """
    Give a key; of its secret nothing but how it begins.

    Args:
        stored: ``None`` for one that is not kept in the store.
        changeable: Whether whoever asks may change it.
    """
    return {
        "id": value.id,
        "name": value.name,
        "role": value.role.value,
        "owner": value.owner,
        "team": value.team,
        "parent": value.parent,
        "models": list(value.models),
        "endpoints": list(value.endpoints),
        "limits": limits(value.limits),
        "expires_at": value.expires_at,
        "disabled": value.disabled,
        "keeps_bodies": value.keeps_bodies,
        "prefix": value.prefix,
        "created_at": value.created_at,
        "revoked_at": (stored.revoked_at or None) if stored is not None else None,
        "changeable": changeable,
    }


def call(row: CallRow) -> dict[str, Any]:
    """Give a call: ``null`` for what is not there."""
    given: dict[str, Any] = {name: (None if item == "" else item) for name, item in row._asdict().items()}
    given["stream"] = bool(row.stream)
    given["priced"] = bool(row.priced)
    given["cost_micros"] = given.pop("cost")
    given["attempts"] = json_text.loads(row.attempts.encode()) if row.attempts else []
    given["first_byte_us"] = None if row.first_byte_us < 0 else row.first_byte_us
    return given


def body(kept: KeptBody | None) -> dict[str, str] | None:
    """Give a call's prompt and answer."""
    return None if kept is None else {"prompt": kept.prompt, "answer": kept.answer}


SUMS = tuple(name for name in UsageRow._fields if name != "group")


_SUMS = tuple("cost_micros" if name == "cost" else name for name in SUMS)


def usage(rows: Sequence[UsageRow], by: Sequence[Group]) -> dict[str, Any]:
    """Give sums, and the sum of them all."""
    # In C where that is to be had: there may be tens of thousands, and calls wait meanwhile.
    names = (*by, *_SUMS)
    data = [dict(zip(names, (*row.group, *_all_told(row[1:])), strict=True)) for row in rows]
    total = [sum(column) for column in zip(*(row[1:] for row in rows), strict=True)] or [0] * len(_SUMS)
    return {"object": "list", "data": data, "total": dict(zip(_SUMS, _all_told(total), strict=True))}


def _all_told(numbers: Sequence[Any]) -> Sequence[int]:
    return numbers if max(numbers) <= _MOST else [_told(number) for number in numbers]


def taken(found: Iterable[tuple[Scope, Taken]]) -> list[dict[str, Any]]:
    """Give what was taken so far."""
    return [
        {
            "subject": scope.subject,
            "requests": one.requests,
            "tokens": _told(one.tokens),
            "running": one.running,
            "reserved_micros": _told(one.reserved),
            "spent_micros": {window: _told(micros) for window, micros in one.spent.items()},
            "limits": limits(scope.limits),
        }
        for scope, one in found
    ]


def _told(number: int) -> int:
    """Give a number as it is told: what is counted is exact however large, but JSON's readers have 64 bits for it."""
    return min(number, _MOST)


_MOST = 2**63 - 1
