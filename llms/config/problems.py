"""
What is wrong with a configuration: every mistake, each with its JSON path and words a person can act on.

A value is never repeated, since the one that was put in the wrong place may be a key.
"""

import difflib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from llms.config.server import HOST, KEY, ORIGIN, STORE

Loc = tuple[str | int, ...]
"""Where in the file: keys and indexes."""

Section = TypeVar("Section", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Problem:
    """
    One mistake.

    Args:
        loc: Where; empty for the file itself.
        message: What to do about it.
    """

    loc: Loc
    message: str

    @property
    def path(self) -> str:
        """Where, as a JSON path: ``providers.groq.bas_url``, ``models["gpt-4.1"].targets[1]``."""
        path = ""
        for part in self.loc:
            if isinstance(part, int):
                path += f"[{part}]"
            elif _PLAIN.fullmatch(part):
                path += f".{part}" if path else part
            else:
                path += f"[{json.dumps(part if len(part) <= _MAX_KEY else part[:_MAX_KEY] + '…', ensure_ascii=False)}]"
        return path

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class ConfigError(Exception):
    """
    The configuration cannot be used.

    Args:
        source: The file.
        problems: At least one.
    """

    def __init__(self, source: str, problems: Iterable[Problem]) -> None:
        self.source = source
        self.problems = tuple(problems)
        super().__init__("\n".join(f"{source}: {problem}" for problem in self.problems))


_PLAIN = re.compile(r"[\w$-]{1,64}")
_MAX_KEY = 64


def nearest(name: str, known: Iterable[str]) -> str:
    """Give ``; did you mean `base_url`?`` or, where nothing is near, an empty string."""
    spellings = {_folded(candidate): candidate for candidate in known}
    near = difflib.get_close_matches(_folded(name[:_MAX_KEY]), spellings, n=1)
    return f"; did you mean `{spellings[near[0]]}`?" if near else ""


def _folded(name: str) -> str:
    return name.lower().replace("-", "_")


def unknown(what: str, name: str, known: Sequence[str]) -> str:
    """Give the message for a name that is not known: the nearest, or else all that are."""
    return f"unknown {what}" + (nearest(name, known) or f"; known are {', '.join(known)}")


def check(kind: type[Section], raw: Mapping[str, Any], at: Loc) -> tuple[Section | None, list[Problem]]:
    """
    Decode ``raw`` strictly.

    Args:
        kind: What it shall become.
        raw: Decoded JSON.
        at: Where it stands in the file.
    """
    try:
        # From JSON text, as only then a strict tuple may come from a list.
        return kind.model_validate_json(json.dumps(raw), strict=True), []
    except ValidationError as error:
        found: dict[Loc, list[str]] = {}
        mismatched: set[Loc] = set()
        for detail in error.errors(include_url=False, include_input=True):
            if detail["type"] == "too_short" and len(detail["input"]) >= detail["ctx"]["min_length"]:
                continue  # pydantic counts the right items only; the wrong ones are reported already
            loc = _real(detail, raw)
            messages = found.setdefault(at + loc, [])
            if detail["type"].endswith("_type"):
                if messages and at + loc not in mismatched:
                    continue
                mismatched.add(at + loc)
            elif at + loc in mismatched:
                mismatched.discard(at + loc)
                messages.clear()
            messages.append(_message(detail, _fields(kind, loc[:-1])))
        # Several at one place are the branches of a union. Where the value is of one of their types, what is wrong lies
        # with that one, or within it.
        covered = mismatched & {loc[:length] for loc in found for length in range(len(loc))}
        return None, [Problem(loc, ", or ".join(words)) for loc, words in found.items() if loc not in covered]


def _real(detail: ErrorDetails, raw: object) -> Loc:
    """Give the location without the parts that pydantic adds: names of a union's branches, ``[key]``."""
    loc: list[str | int] = []
    for part in detail["loc"]:
        if (isinstance(raw, dict) and part in raw) or (isinstance(raw, list) and isinstance(part, int)):
            raw = raw[part]  # type: ignore[index]  # a key of that dict or an index of that list
            loc.append(part)
    if detail["type"] == "missing":
        loc.append(detail["loc"][-1])
    return tuple(loc)


def _fields(kind: type[BaseModel], loc: Loc) -> list[str]:
    """Give the names that are known at ``loc``."""
    for part in loc:
        field = kind.model_fields.get(str(part))
        inner = [entry for entry in _within(field.annotation) if issubclass(entry, BaseModel)] if field else []
        if inner:
            kind = inner[0]
    return [field.alias or name for name, field in kind.model_fields.items()]


def _within(annotation: object) -> list[type]:
    """Give the classes that an annotation names, however deep."""
    if isinstance(annotation, type) and not get_args(annotation):
        return [annotation]
    return [entry for argument in get_args(annotation) for entry in _within(argument)]


def _message(detail: ErrorDetails, known: Sequence[str]) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        return unknown("option", str(detail["loc"][-1]), known)
    if kind == "string_pattern_mismatch":
        return _FORMS.get(context["pattern"], f"must match {context['pattern']}")
    if kind == "literal_error":
        near = nearest(str(detail["input"]), re.findall(r"'([^']*)'", context["expected"]))
        return f"must be {context['expected']}{near}"
    if kind == "value_error":
        return _without_value(str(context["error"]), detail["input"])
    # pydantic's own words never hold the value of these.
    return _MESSAGES.get(kind) or re.sub(r"^\w+ should ", "must ", detail["msg"])


def _without_value(message: str, value: object) -> str:
    """Give the message of a validator without what it quotes: the standard library's own ones repeat the value."""
    if not isinstance(value, str):
        return message
    return re.sub(r"'([^']+)'", lambda quoted: "'…'" if quoted[1] in value else quoted[0], message)


_MESSAGES = {
    "missing": "is required",
    "string_type": "must be a string",
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "decimal_type": "must be a number",
    "decimal_parsing": "must be a number",
    "decimal_max_places": "must have at most six digits after the point",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "too_short": "must not be empty",
    "string_too_short": "must not be empty",
}

_FORMS = {
    r"^\$[A-Za-z_][A-Za-z0-9_]*$": (
        "must be the name of an environment variable, as $NAME; "
        "put the secret itself in the environment, not in this file"
    ),
    KEY: ("must be $NAME or sha256: and 64 hex digits; put the key itself in the environment, not in this file"),
    HOST: "must be a host name or an IP address, without scheme, port, path and wildcard",
    STORE: "must be sqlite:FILE, postgresql://…, $NAME of an environment variable that holds either, or none",
    ORIGIN: "must be an origin, as https://chat.example.com, without path and wildcard",
}
