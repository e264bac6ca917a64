"""The tables of options in docs/configuration.md, made from the classes that decode ``config.json``."""

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from llms.config.server import HOST, KEY, ORIGIN
from llms.providers import options, registry

Schema = Mapping[str, Any]

_ENV_NAME = r"^\$[A-Za-z_][A-Za-z0-9_]*$"
_FORMS = {_ENV_NAME: "`$NAME`", KEY: "`$NAME` or `sha256:…`", HOST: "host", ORIGIN: "origin"}
_WORDS = {"string": "string", "boolean": "true or false", "integer": "whole number", "number": "number"}


def kinds() -> dict[str, type[options.Options]]:
    """Every class of provider options, by the name of its module."""
    return {kind.__module__.rpartition(".")[2]: kind for kind in registry.TYPES.values()}


def section(model: type[BaseModel], *, inner: bool = True) -> str:
    """Give the table of a section's options, and, unless they have a place of their own, the tables of those in it."""
    schema = model.model_json_schema()
    definitions = schema.get("$defs", {})
    lines = ["| option | value | default | what it is |", "|---|---|---|---|"]
    lines += [
        _row(name, model.model_fields[name], schema["properties"][name], definitions) for name in own_options(model)
    ]
    parts = ["\n".join(lines)]
    for name, part in sections_in(model) if inner else ():
        parts += [f"`{name}`: {_first_line(part)}", section(part)]
    return "\n\n".join(parts)


def own_options(model: type[BaseModel]) -> list[str]:
    """Give the names of a section's options, without those that every provider has in the same way."""
    common = options.Options.model_fields if model is not options.Options else {}
    return [name for name, field in model.model_fields.items() if name not in common or not _same(field, common[name])]


def sections_in(model: type[BaseModel]) -> Iterator[tuple[str, type[BaseModel]]]:
    """Give the options that are sections themselves."""
    for name, field in model.model_fields.items():
        for candidate in (field.annotation, *getattr(field.annotation, "__args__", ())):
            if isinstance(candidate, type) and issubclass(candidate, BaseModel):
                yield name, candidate


def _same(one: FieldInfo, other: FieldInfo) -> bool:
    return (one.default, one.description) == (other.default, other.description)


def _first_line(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").strip().splitlines()[0].replace("``", "`")


def _row(name: str, field: FieldInfo, schema: Schema, definitions: Mapping[str, Schema]) -> str:
    description = schema.get("description") or _INSTEAD.get(name, "")
    return f"| `{name}` | {_value(schema, definitions)} | {_default(name, field)} | {description} |"


_INSTEAD = {
    "type": "May be left out where the provider's name is the type.",
    "clocks": "How long a call may wait for the provider; below.",
}
"""What to say of options that need no description beside their schema."""


def _default(name: str, field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value is None:
        return "–"
    if isinstance(value, BaseModel):
        return "below"
    size = f" ({_size(value)})" if name.endswith("_bytes") else ""
    return f"`{json.dumps(value)}`{size}"


def _value(schema: Schema, definitions: Mapping[str, Schema]) -> str:
    if "$ref" in schema or schema.get("title") == "Targets":
        return "object" if "$ref" in schema else "list of targets, or of lists of them"
    if "anyOf" in schema:
        return " or ".join(_value(kind, definitions) for kind in schema["anyOf"] if kind.get("type") != "null")
    if "const" in schema or "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema.get("enum", [schema.get("const")]))
    kind = schema.get("type", "")
    if kind == "array":
        return f"list of {_plural(_value(schema['items'], definitions))}"
    if kind == "object":
        inner = schema.get("additionalProperties", {})
        return f"object of {_plural(_WORDS.get(inner.get('type', ''), 'value'))}"
    return _FORMS.get(schema.get("pattern", "")) or _WORDS[kind] + _bounds(schema)


def _plural(words: str) -> str:
    return words if words.endswith("`") else f"{words}s"


def _bounds(schema: Schema) -> str:
    low, above, high = (schema.get(name) for name in ("minimum", "exclusiveMinimum", "maximum"))
    if low is not None and high is not None:
        return f", {_number(low)} to {_number(high)}"
    parts = [f"above {_number(above)}"] if above is not None else []
    parts += [f"at least {_number(low)}"] if low is not None else []
    parts += [f"at most {_number(high)}"] if high is not None else []
    return "".join(f", {part}" for part in parts)


def _number(value: float) -> str:
    return f"{value:g}" if value < 10_000 or value != math.floor(value) else f"{int(value)}"


def _size(count: int) -> str:
    return f"{count >> 20} MiB"
