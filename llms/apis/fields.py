"""
Checks of single fields, for every API that takes a JSON object.

A check is called with an object and a field's name and gives the field's value in its normal form, or ``None`` where
the field is to be treated as absent; ``null`` always is. It raises ``InvalidRequestError`` with ``param`` and ``code``
otherwise. A message says what is expected and never repeats what was sent, which may be long, secret or forged.

``path`` is what stands before the name in ``param``, as ``stream_options.``.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from llms.errors import InvalidRequestError
from llms.wire import json_text

Check = Callable[[Mapping[str, Any], str], Any]

MAX_MODEL_CHARS = 512
MAX_LABEL_CHARS = 512
"""The longest ``user`` and the longest value in ``metadata``; OpenAI's limit for the latter."""
MAX_LABELS = 64

DESTINATIONS = frozenset(
    {
        "api_base",
        "base_url",
        "api_key",
        "custom_host",
        "extra_headers",
        "extra_query",
        "proxy",
        "timeout",
        "callback_url",
    }
)
"""Fields by which other gateways let a request choose where it goes and with whose key (CVE-2024-6587)."""

_UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029]")  # would forge a line in a log or a header


def refuse(param: str, expected: str, code: str = "invalid_value") -> NoReturn:
    """Raise the error for a field that is not what it must be: ``expected`` goes on after "must be"."""
    message = f"{param} must be {expected}."
    raise InvalidRequestError(message, param=param, code=code)


def refuse_missing(param: str, expected: str) -> NoReturn:
    """Raise the error for a required field that is not there."""
    message = f"{param} is missing; it must be {expected}."
    raise InvalidRequestError(message, param=param, code="missing_required_parameter")


def normal(body: Mapping[str, Any], checks: Mapping[str, Check]) -> dict[str, Any]:
    """
    Give ``body`` without nulls, each field that has a check in its normal form, unknown fields as they are.

    Raises:
        InvalidRequestError: A field has a wrong value, or would choose a destination.
    """
    result = {}
    for name, value in body.items():
        if value is None:
            continue
        check = checks.get(name)
        if check is not None:
            checked = check(body, name)
            if checked is not None:
                result[name] = checked
        elif name in DESTINATIONS:
            message = f"{name} is set in the gateway's configuration, not in a request. Leave it out."
            raise InvalidRequestError(message, param=name, code="unknown_parameter")
        else:
            result[name] = value
    return result


def model(body: Mapping[str, Any]) -> str:
    """Give the required field ``model``."""
    value = body.get("model")
    if value is None:
        refuse_missing("model", "the name of a model, as GET /v1/models lists them")
    if not isinstance(value, str) or not 0 < len(value) <= MAX_MODEL_CHARS or _UNFIT.search(value):
        refuse("model", f"a string of 1 to {MAX_MODEL_CHARS} characters without control characters")
    return value


def flag(body: Mapping[str, Any], name: str, *, path: str = "") -> bool | None:
    """Give a boolean; strings such as ``"true"`` are refused, since every reader takes them differently."""
    value = body.get(name)
    if value is None or isinstance(value, bool):
        return value
    refuse(path + name, "true or false")


def integer(body: Mapping[str, Any], name: str, low: int, high: int, *, path: str = "") -> int | None:
    """Give a whole number from ``low`` to ``high``; ``5.0`` is one, ``true`` and ``"5"`` are none."""
    value = body.get(name)
    if value is None:
        return None
    whole = as_whole(value)
    if whole is None or not low <= whole <= high:
        refuse(path + name, f"a whole number from {low} to {high}")
    return whole


def number(body: Mapping[str, Any], name: str, low: float, high: float) -> float | None:
    """Give a number from ``low`` to ``high``, which may come as text: forms yield ``"0.7"``."""
    value = body.get(name)
    if value is None:
        return None
    if isinstance(value, str):
        value = _parsed(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        refuse(name, f"a number from {low:g} to {high:g}")
    return value


def text(body: Mapping[str, Any], name: str, max_chars: int = 1 << 20) -> str | None:
    """Give a string; an empty one counts as absent."""
    value = body.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str) or len(value) > max_chars:
        refuse(name, f"a string of at most {max_chars} characters")
    return value


def required_text(body: Mapping[str, Any], name: str, *, path: str) -> str:
    """Give a string that must be there and not be empty."""
    value = body.get(name)
    if value is None:
        refuse_missing(path + name, "a string")
    if not isinstance(value, str) or not value:
        refuse(path + name, "a string that is not empty")
    return value


def stop(body: Mapping[str, Any], name: str = "stop", max_items: int = 1024) -> str | list[str] | None:
    """Give a stop sequence or a list of them; empty ones count as absent. OpenAI takes 4, local servers more."""
    value = body.get(name)
    if value is None or value in ("", []):
        return None
    if isinstance(value, str):
        return value
    if not isinstance(value, list) or len(value) > max_items:
        refuse(name, f"a string or a list of at most {max_items} strings")
    for index, item in enumerate(value):
        if not isinstance(item, str):
            refuse(f"{name}[{index}]", "a string")
    return [item for item in value if item] or None


def user(body: Mapping[str, Any], name: str = "user") -> str | None:
    """Give the end user's name. An object becomes its JSON, as Open WebUI sends it, or is left out if that is long."""
    value = body.get(name)
    if isinstance(value, dict):
        encoded = json_text.dumps(value).decode()
        return encoded if len(encoded) <= MAX_LABEL_CHARS else None
    return text(body, name, MAX_LABEL_CHARS)


def metadata(body: Mapping[str, Any], name: str = "metadata") -> dict[str, Any] | None:
    """Give labels: few and short, since they end up in stores and logs. A value may be a list, as LiteLLM's tags."""
    value = body.get(name)
    if value is None or value == {}:
        return None
    if not isinstance(value, dict) or len(value) > MAX_LABELS:
        refuse(name, f"an object of at most {MAX_LABELS} fields")
    for key, item in value.items():
        size = len(item) if isinstance(item, str) else len(json_text.dumps(item))
        if len(key) > MAX_LABEL_CHARS or size > MAX_LABEL_CHARS:
            refuse(name, f"an object whose names and values have at most {MAX_LABEL_CHARS} characters")
    return value


def as_whole(value: object) -> int | None:
    """Give a JSON number as ``int`` if it is whole, else ``None``; ``true``, an ``int`` in Python, is none."""
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _parsed(value: str) -> float | None:
    try:
        return float(value) if len(value) <= 32 else None
    except ValueError:
        return None
