"""Two schemas made one that asks for both, as far as the search for a value needs it."""

import math
from collections.abc import Callable
from typing import Any

from llms.wire.schema.keywords import Schema, number

Flat = dict[str, Any]
"""A schema without ``$ref``, ``allOf``, ``anyOf``, ``oneOf``, ``if`` and ``const``."""


def merge(flat: Flat, schema: Schema) -> Flat:
    """Give ``flat`` with what ``schema`` itself asks for on top; where only one can be kept, the first is."""
    result = dict(flat)
    for name, value in _simple(schema).items():
        if name not in result:
            result[name] = value
        elif name in _BOTH:
            result[name] = _BOTH[name](result[name], value)
    return result


def _simple(schema: Schema) -> Flat:
    simple = {name: value for name, value in schema.items() if name not in _JOINS}
    if "const" in simple:
        simple["enum"] = [simple.pop("const")]
    if isinstance(simple.get("type"), str):
        simple["type"] = [simple["type"]]
    return simple


_JOINS = ("$ref", "$defs", "definitions", "allOf", "anyOf", "oneOf", "not", "if", "then", "else")


def _narrowed(one: Any, other: Any) -> Any:
    if not isinstance(one, list) or not isinstance(other, list):
        return one
    kinds = [kind for kind in one if kind in other]
    if "integer" not in kinds and "integer" in [*one, *other] and "number" in [*one, *other]:
        kinds.append("integer")
    return kinds


def _greater(one: Any, other: Any) -> Any:
    return other if (number(other) or 0) > (number(one) or 0) else one


def _lesser(one: Any, other: Any) -> Any:
    low, high = number(one), number(other)
    return other if low is None or (high is not None and high < low) else one


def _multiple(one: Any, other: Any) -> Any:
    return math.lcm(one, other) if isinstance(one, int) and isinstance(other, int) else one


def _united(one: Any, other: Any) -> Any:
    return [*one, *other] if isinstance(one, list) and isinstance(other, list) else one


def _joined(one: Any, other: Any) -> Any:
    return {"allOf": [one, other]}


def _properties(one: Any, other: Any) -> Any:
    if not isinstance(one, dict) or not isinstance(other, dict):
        return one
    both = {name: _joined(one[name], other[name]) for name in one if name in other}
    return {**one, **other, **both}


_BOTH: dict[str, Callable[[Any, Any], Any]] = {
    "type": _narrowed,
    "properties": _properties,
    "patternProperties": _properties,
    "additionalProperties": _joined,
    "propertyNames": _joined,
    "items": _joined,
    "contains": _joined,
    "required": _united,
    "examples": _united,
    "multipleOf": _multiple,
    **dict.fromkeys(("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties", "minContains"), _greater),
    **dict.fromkeys(("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties", "maxContains"), _lesser),
}
