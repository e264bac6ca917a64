"""
Whether a value is valid against a JSON schema.

Our own instead of the ``jsonschema`` package: that one runs the client's patterns with ``re``, knows no budget, and
would be a dependency of everyone for the demo's sake. What is not known here (``unevaluatedProperties``, remote
references) allows everything.
"""

from collections.abc import Callable, Iterable, Mapping, Sized
from itertools import chain, repeat
from typing import Any
from urllib.parse import unquote

from llms.wire.schema import pattern, pattern_parser
from llms.wire.schema.keywords import Schema, bounds, count, is_type, mapping, names, number, positions, several
from llms.wire.schema.pattern import Spend

Rule = Callable[["Validator", Schema, Any], bool]
"""Looks at one keyword; knows that the schema has it."""


class Validator:
    """
    Checks values against a schema and its parts.

    Args:
        root: What ``#/$defs/…`` refers to.
        spend: Called for each step, so that a hostile schema ends in an error and not in a stalled loop.
    """

    def __init__(self, root: object, spend: Spend) -> None:
        self._root = root
        self._patterns: dict[str, pattern.Node | None] = {}
        self.spend = spend

    def valid(self, schema: object, value: Any) -> bool:
        """Say whether ``value`` is valid against ``schema``."""
        self.spend(1)
        if schema is False:
            return False
        if not isinstance(schema, Mapping):
            return True
        return all(_RULES[name](self, schema, value) for name in schema if name in _RULES)

    def resolve(self, reference: object) -> Any:
        """Give the part of the root that ``#/…`` points to; ``True``, which allows everything, if there is none."""
        if not isinstance(reference, str) or not reference.startswith("#"):
            return True
        part = self._root
        for step in reference[1:].split("/")[1:]:
            name = unquote(step).replace("~1", "/").replace("~0", "~")
            if isinstance(part, Mapping) and name in part:
                part = part[name]
            elif isinstance(part, list) and name.isdecimal() and int(name) < len(part):
                part = part[int(name)]
            else:
                return True
        return part

    def pattern(self, text: object) -> pattern.Node | None:
        """Read a pattern; ``None`` for one that is beyond us."""
        if not isinstance(text, str):
            return None
        if text not in self._patterns:
            self.spend(len(text) // 4)
            try:
                self._patterns[text] = pattern_parser.parse(text)
            except pattern.UnsupportedPatternError:
                self._patterns[text] = None
        return self._patterns[text]

    def fits(self, text: object, value: str) -> bool:
        """Say whether ``value`` matches a pattern; one that is beyond us matches everything."""
        self.spend(1)
        node = self.pattern(text)
        return node is None or pattern.matches(node, value, self.spend)

    def same(self, one: Any, other: Any) -> bool:
        """Say whether two values are the same JSON: ``1`` is ``1.0``, and neither is ``true``."""
        return bool(self.frozen(one) == self.frozen(other))

    def frozen(self, value: Any) -> Any:
        """Give something hashable that is equal for the same JSON only."""
        self.spend(1)
        if isinstance(value, dict):
            return ("object", frozenset((name, self.frozen(part)) for name, part in value.items()))
        if isinstance(value, list):
            return ("array", tuple(self.frozen(part) for part in value))
        return (value, isinstance(value, bool))


def _type(_: Validator, schema: Schema, value: Any) -> bool:
    kinds = schema["type"]
    return any(is_type(value, kind) for kind in kinds) if isinstance(kinds, list) else is_type(value, kinds)


def _enum(check: Validator, schema: Schema, value: Any) -> bool:
    members = schema["enum"]
    return not isinstance(members, list) or any(check.same(member, value) for member in members)


def _any_of(check: Validator, schema: Schema, value: Any) -> bool:
    options = several(schema, "anyOf")
    return not options or any(check.valid(option, value) for option in options)


def _one_of(check: Validator, schema: Schema, value: Any) -> bool:
    options = several(schema, "oneOf")
    return not options or sum(check.valid(option, value) for option in options) == 1


def _condition(check: Validator, schema: Schema, value: Any) -> bool:
    return check.valid(schema.get("then" if check.valid(schema["if"], value) else "else", True), value)


def _bounded(_: Validator, schema: Schema, value: Any) -> bool:
    exact = number(value)
    if exact is None:
        return True
    low, open_low, high, open_high = bounds(schema)
    above = low is None or exact > low or (exact == low and not open_low)
    return above and (high is None or exact < high or (exact == high and not open_high))


def _multiple(_: Validator, schema: Schema, value: Any) -> bool:
    exact, step = number(value), number(schema["multipleOf"])
    return exact is None or not step or exact % step == 0


def _length(kind: type[Sized], least: str, most: str) -> Rule:
    def rule(_: Validator, schema: Schema, value: Any) -> bool:
        if not isinstance(value, kind):
            return True
        length, high = len(value), count(schema, most)
        return (count(schema, least) or 0) <= length <= (length if high is None else high)

    return rule


def _items(check: Validator, schema: Schema, value: Any) -> bool:
    if not isinstance(value, list):
        return True
    prefix, rest = positions(schema)
    return all(check.valid(part, item) for part, item in zip(chain(prefix, repeat(rest)), value, strict=False))


def _contains(check: Validator, schema: Schema, value: Any) -> bool:
    if not isinstance(value, list):
        return True
    low, high = count(schema, "minContains"), count(schema, "maxContains")
    found = sum(check.valid(schema["contains"], item) for item in value)
    return (1 if low is None else low) <= found <= (found if high is None else high)


def _unique(check: Validator, schema: Schema, value: Any) -> bool:
    if schema["uniqueItems"] is not True or not isinstance(value, list):
        return True
    return len({check.frozen(item) for item in value}) == len(value)


def _required(_: Validator, schema: Schema, value: Any) -> bool:
    return not isinstance(value, dict) or all(name in value for name in names(schema, "required"))


def property_schemas(check: Validator, schema: Schema, name: str) -> Iterable[Any]:
    """Give the schemas that an object's property has to be valid against."""
    found = [part for text, part in mapping(schema, "patternProperties").items() if check.fits(text, name)]
    properties = mapping(schema, "properties")
    if name in properties:
        found.insert(0, properties[name])
    return found or [schema.get("additionalProperties", True)]


def _properties(check: Validator, schema: Schema, value: Any) -> bool:
    return not isinstance(value, dict) or all(
        check.valid(part, item) for name, item in value.items() for part in property_schemas(check, schema, name)
    )


def _property_names(check: Validator, schema: Schema, value: Any) -> bool:
    return not isinstance(value, dict) or all(check.valid(schema["propertyNames"], name) for name in value)


def _dependent_required(_: Validator, schema: Schema, value: Any) -> bool:
    needs = mapping(schema, "dependentRequired")
    return not isinstance(value, dict) or all(
        other in value for name in needs if name in value for other in names(needs, name)
    )


def _dependent_schemas(check: Validator, schema: Schema, value: Any) -> bool:
    parts = mapping(schema, "dependentSchemas")
    return not isinstance(value, dict) or all(check.valid(parts[name], value) for name in parts if name in value)


_RULES: dict[str, Rule] = {
    "$ref": lambda check, schema, value: check.valid(check.resolve(schema["$ref"]), value),
    "type": _type,
    "enum": _enum,
    "const": lambda check, schema, value: check.same(schema["const"], value),
    "allOf": lambda check, schema, value: all(check.valid(part, value) for part in several(schema, "allOf")),
    "anyOf": _any_of,
    "oneOf": _one_of,
    "not": lambda check, schema, value: not check.valid(schema["not"], value),
    "if": _condition,
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), _bounded),
    "multipleOf": _multiple,
    **dict.fromkeys(("minLength", "maxLength"), _length(str, "minLength", "maxLength")),
    "pattern": lambda check, schema, value: not isinstance(value, str) or check.fits(schema["pattern"], value),
    **dict.fromkeys(("minItems", "maxItems"), _length(list, "minItems", "maxItems")),
    **dict.fromkeys(("prefixItems", "items", "additionalItems"), _items),
    "contains": _contains,
    "uniqueItems": _unique,
    **dict.fromkeys(("minProperties", "maxProperties"), _length(dict, "minProperties", "maxProperties")),
    "required": _required,
    **dict.fromkeys(("properties", "patternProperties", "additionalProperties"), _properties),
    "propertyNames": _property_names,
    "dependentRequired": _dependent_required,
    "dependentSchemas": _dependent_schemas,
}
