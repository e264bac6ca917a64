"""What stands behind the question mark, read strictly: every name is known, given once, and its value bounded; pure."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, get_args

from llms.admin.bodies import MAX_CHARS, UNFIT
from llms.errors import InvalidRequestError
from llms.store import CallFilter, Group

_LAST_MS = 253_402_300_799_999
"""Of the year 9999."""

MAX_PAGE = 1000

Query = Iterable[tuple[str, str]]

GROUPS: tuple[Group, ...] = get_args(Group)

_WHOLE = re.compile(r"[0-9]{1,15}", re.ASCII)
_CURSOR = re.compile(r"[0-9]{1,15}-[0-9]{1,15}", re.ASCII)
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Param:
    """
    One name that may stand there.

    Args:
        read: Gives the value, or raises ``ValueError``.
        expected: Goes on after "must be".
        schema: The same, as OpenAPI has it.
    """

    read: Callable[[str], Any]
    expected: str
    schema: Mapping[str, Any]


def _moment(text: str) -> int:
    value = int(text) if _WHOLE.fullmatch(text) else -1
    if not 0 <= value <= _LAST_MS:
        raise ValueError
    return value


def _text(text: str) -> str:
    if len(text) > MAX_CHARS or UNFIT.search(text):
        raise ValueError
    return text


def _flag(text: str) -> bool:
    return {"true": True, "false": False}[text]


def _page(text: str) -> int:
    value = int(text) if _WHOLE.fullmatch(text) else 0
    if not 1 <= value <= MAX_PAGE:
        raise ValueError
    return value


def _cursor(text: str) -> str:
    if not _CURSOR.fullmatch(text):
        raise ValueError
    return text


def _groups(text: str) -> tuple[Group, ...]:
    found = tuple(group for part in text.split(",") for group in GROUPS if group == part)
    if len(found) != text.count(",") + 1 or len(set(found)) < len(found):
        raise ValueError
    return found


def _format(text: str) -> bool:
    return {"json": False, "csv": True}[text]


_MOMENT = Param(_moment, "Unix milliseconds", {"type": "integer", "minimum": 0, "maximum": _LAST_MS})
_TEXT = Param(_text, f"at most {MAX_CHARS} characters, none of control", {"type": "string", "maxLength": MAX_CHARS})
_FLAG = Param(_flag, "true or false", {"type": "boolean"})
_FORMAT = Param(_format, "json or csv", {"enum": ["json", "csv"], "default": "json"})

_COMMON = {"since": _MOMENT, "until": _MOMENT, "key_id": _TEXT, "team": _TEXT, "model": _TEXT, "provider": _TEXT}

KEYS = {"revoked": _FLAG}

FOLLOWED = {**_COMMON, "status": _TEXT, "code": _TEXT, "failed": _FLAG}

CALLS = {
    **FOLLOWED,
    "cursor": Param(
        _cursor, "what the last page had as next", {"type": "string", "pattern": "^[0-9]{1,15}-[0-9]{1,15}$"}
    ),
    "limit": Param(
        _page,
        f"a whole number from 1 to {MAX_PAGE}",
        {"type": "integer", "minimum": 1, "maximum": MAX_PAGE, "default": 100},
    ),
    "format": _FORMAT,
}

USAGE = {
    **_COMMON,
    "by": Param(
        _groups,
        f"some of {', '.join(GROUPS)}, each once, with commas between",
        {"type": "string", "pattern": f"^({'|'.join(GROUPS)})(,({'|'.join(GROUPS)}))*$", "default": "day"},
    ),
    "format": _FORMAT,
}


def read(known: Mapping[str, Param], query: Query) -> dict[str, Any]:
    """
    Read a query; what is given empty counts as left out.

    Raises:
        InvalidRequestError: ``param`` says which name is at fault.
    """
    found: dict[str, Any] = {}
    for name, text in query:
        if name not in known:
            short = re.sub(r"[^A-Za-z0-9_.-]", "?", name[:MAX_CHARS])
            message = f"{short} is no parameter of this request. /admin/v1/openapi.json has those that are."
            raise InvalidRequestError(message, param=short, code="unknown_parameter")
        if name in found:
            _refuse(name, "given once")
        try:
            found[name] = known[name].read(text) if text else None
        except (ValueError, KeyError):
            _refuse(name, known[name].expected)
    given = {name: value for name, value in found.items() if value is not None}
    if given.get("since", 0) > given.get("until", _LAST_MS):
        _refuse("until", "later than since")
    return given


def call_filter(given: Mapping[str, Any]) -> CallFilter:
    """Give which calls are meant."""
    names = ("since", "until", "team", "model", "provider", "status", "code", "failed")
    keys = (given["key_id"],) if "key_id" in given else ()
    return CallFilter(keys=keys, **{name: given.get(name) for name in names})


def _refuse(name: str, expected: str) -> NoReturn:
    message = f"{name} must be {expected}."
    raise InvalidRequestError(message, param=name)


def is_id(text: str) -> bool:
    """Whether it may be a call's id."""
    return _ID.fullmatch(text) is not None
