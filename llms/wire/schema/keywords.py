"""What the keywords of a JSON schema hold; one with a value of the wrong type is as good as absent."""

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

Schema = Mapping[str, Any]


def number(value: object) -> Fraction | None:
    """Give a JSON number exactly as it was written; ``None`` for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return Fraction(value) if isinstance(value, int) else Fraction(repr(value))


def count(schema: Schema, name: str) -> int | None:
    """Give a bound on a length; ``None`` if there is none."""
    value = number(schema.get(name))
    return None if value is None or value < 0 else math.ceil(value)


def mapping(schema: Schema, name: str) -> Schema:
    """Give an object-valued keyword; empty if there is none."""
    value = schema.get(name)
    return value if isinstance(value, Mapping) else {}


def names(schema: Schema, name: str) -> list[str]:
    """Give a keyword that is a list of names; empty if there is none."""
    return [member for member in several(schema, name) if isinstance(member, str)]


def several(schema: Schema, name: str) -> list[Any]:
    """Give a list-valued keyword; empty if there is none."""
    value = schema.get(name)
    return value if isinstance(value, list) else []


def bounds(schema: Schema) -> tuple[Fraction | None, bool, Fraction | None, bool]:
    """
    Give the least number and whether it is excluded, then the greatest likewise.

    Draft 4 wrote ``exclusiveMinimum: true`` beside ``minimum``.
    """
    low, high = number(schema.get("minimum")), number(schema.get("maximum"))
    open_low, open_high = (schema.get(name) is True for name in ("exclusiveMinimum", "exclusiveMaximum"))
    above, below = number(schema.get("exclusiveMinimum")), number(schema.get("exclusiveMaximum"))
    if above is not None and (low is None or above >= low):
        low, open_low = above, True
    if below is not None and (high is None or below <= high):
        high, open_high = below, True
    return low, open_low, high, open_high


def is_type(value: Any, name: object) -> bool:
    """Say whether a value is of a type as JSON Schema names it; every value is of a type that it does not know."""
    if not isinstance(name, str) or name not in _TYPES:
        return True
    if isinstance(value, bool):
        return name == "boolean"
    if name == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _TYPES[name])


def positions(schema: Schema) -> tuple[list[Any], Any]:
    """Give the schemas of an array's first items, and that of all others. Before 2020 the first stood in ``items``."""
    if isinstance(schema.get("items"), list):
        return schema["items"], schema.get("additionalItems", True)
    return several(schema, "prefixItems"), schema.get("items", True)


_TYPES: dict[str, Any] = {
    "null": type(None),
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "string": str,
    "array": list,
    "object": dict,
}
