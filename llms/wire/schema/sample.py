"""
A value that is valid against a JSON schema.

A search with a validator at its end: each way to read the schema gives values to try, and the first valid one is taken.
A ``$ref`` is never followed inside itself, which ends recursive schemas as early as they allow: where there is a value
at all, there is one that does not repeat itself.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from llms.wire.schema import scalars
from llms.wire.schema.keywords import count, mapping, names, positions, several
from llms.wire.schema.merge import Flat, merge
from llms.wire.schema.valid import Validator, property_schemas

MAX_STEPS = 20_000
"""About 50 ms of work, which is as long as the loop may be held; real schemas need some hundred."""

RICH_STEPS = 1_000
"""Up to here optional properties and a second item are put in, for show."""


_Names = dict[str, None]
"""A set that keeps its order."""


class NoSampleError(ValueError):
    """Nothing is valid against the schema, or nothing was found in time."""


class _DeadEndError(Exception):
    """This way to read a part of the schema gives no value."""


class _SpentError(Exception):
    """The search took too long."""


@dataclass(frozen=True, slots=True)
class _Place:
    """
    Where in the value the search is.

    Args:
        name: The property's.
        turn: Which of several items.
        open: The references that are being followed.
    """

    name: str
    turn: int
    open: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Choice:
    """Schemas of which one is to be taken."""

    options: tuple[Any, ...]


def sample(schema: object, name: str = "text") -> Any:
    """
    Give a value that is valid against ``schema``, the same one each time.

    Args:
        schema: Draft 2020-12, or an older draft where that means the same; untrusted.
        name: What the value is for; a string that may be anything says so.

    Raises:
        NoSampleError: None was found.
    """
    try:
        return _Sampler(schema).make(schema, _Place(name, 0, frozenset({"#"})))
    except (_DeadEndError, _SpentError, RecursionError) as error:
        message = "no value was found that is valid against this schema"
        raise NoSampleError(message) from error


class _Sampler:
    def __init__(self, root: object) -> None:
        self._steps = 0
        self._check = Validator(root, self._spend)
        self._makers: dict[str, Callable[[Flat, _Place], Iterator[Any]]] = {
            "string": self._strings,
            "integer": lambda flat, place: scalars.numbers(flat, place.turn, whole=True),
            "number": lambda flat, place: scalars.numbers(flat, place.turn, whole=False),
            "object": self._objects,
            "array": self._arrays,
            "boolean": lambda _, place: iter((place.turn % 2 == 0, place.turn % 2 == 1)),
            "null": lambda *_: iter((None,)),
        }

    def make(self, schema: Any, place: _Place) -> Any:
        for flat, refs in self._readings([schema], {}, frozenset(), place.open):
            for value in self._values(flat, replace(place, open=place.open | refs)):
                if self._check.valid(schema, value):
                    return value
        raise _DeadEndError

    def _spend(self, steps: int) -> None:
        self._steps += steps
        if self._steps > MAX_STEPS:
            raise _SpentError

    def _readings(
        self, agenda: list[Any], flat: Flat, refs: frozenset[str], closed: frozenset[str]
    ) -> Iterator[tuple[Flat, frozenset[str]]]:
        """Give each way to read schemas that all hold, as one flat schema and the references that it took."""
        while agenda:
            self._spend(1 + len(mapping(flat, "properties")) // 50)
            schema, *agenda = agenda
            if isinstance(schema, _Choice):
                for option in schema.options:
                    yield from self._readings([option, *agenda], flat, refs, closed)
                return
            if schema is False:
                return
            if not isinstance(schema, dict):
                continue
            reference = schema.get("$ref")
            if isinstance(reference, str) and reference not in refs:
                if reference in closed:
                    return
                refs |= {reference}
                agenda.insert(0, self._check.resolve(reference))
            agenda += [*several(schema, "allOf"), *_choices(schema)]
            flat = merge(flat, schema)
        yield flat, refs

    def _values(self, flat: Flat, place: _Place) -> Iterator[Any]:
        given = several(flat, "enum") or [
            *([flat["default"]] if "default" in flat else []),
            *several(flat, "examples"),
        ]
        turn = place.turn % len(given) if given else 0
        yield from given[turn:]
        yield from given[:turn]
        if several(flat, "enum"):
            return
        for kind in _kinds(flat):
            yield from self._makers[kind](flat, place)

    def _strings(self, flat: Flat, place: _Place) -> Iterator[str]:
        for text in scalars.strings(flat, place.name, place.turn, self._check.pattern(flat.get("pattern"))):
            self._spend(1 + len(text) // 100)
            yield text

    def _objects(self, flat: Flat, place: _Place) -> Iterator[dict[str, Any]]:
        required = _closure(names(flat, "required"), flat)
        wanted = dict.fromkeys([*mapping(flat, "properties"), *required])
        needed = dict.fromkeys(name for name in wanted if name in required)
        for chosen in (wanted, needed) if self._steps < RICH_STEPS and wanted != needed else (needed,):
            try:
                yield self._object(flat, chosen, required, place)
            except _DeadEndError:
                continue

    def _object(self, flat: Flat, chosen: _Names, required: _Names, place: _Place) -> dict[str, Any]:
        value: dict[str, Any] = {}
        most = count(flat, "maxProperties")
        spare = len(chosen) if most is None else most - len(required)
        for name in chosen:
            spare -= name not in required
            if name in required or spare >= 0:
                self._set(value, flat, name, place)
                if name in required and name not in value:
                    raise _DeadEndError
        self._fill(value, flat, place)
        return value

    def _set(self, value: dict[str, Any], flat: Flat, name: str, place: _Place) -> None:
        """Give the property a value, unless there is none."""
        try:
            parts = property_schemas(self._check, flat, name)
            value[name] = self.make({"allOf": parts}, replace(place, name=name))
        except _DeadEndError:
            return

    def _fill(self, value: dict[str, Any], flat: Flat, place: _Place) -> None:
        """Add properties with names of our own until there are enough; one for show, where their schema is known."""
        least = count(flat, "minProperties") or 0
        if not value and isinstance(flat.get("additionalProperties"), dict) and self._steps < RICH_STEPS:
            least = max(least, 1)
        for name in self._names(flat, least):
            if len(value) >= least:
                break
            if name not in value:
                self._set(value, flat, name, place)

    def _names(self, flat: Flat, least: int) -> Iterator[str]:
        rule = flat.get("propertyNames", True)
        patterns = [{"pattern": text} for text in mapping(flat, "patternProperties")]
        for extra in [True, *patterns]:
            for turn in range(least + 1):
                ours = {"type": "string", "examples": [f"field_{turn + 1}"]}
                try:
                    yield self.make({"allOf": [rule, extra, ours]}, _Place("field", turn, frozenset()))
                except _DeadEndError:
                    break

    def _arrays(self, flat: Flat, place: _Place) -> Iterator[list[Any]]:
        low, high = count(flat, "minItems") or 0, count(flat, "maxItems")
        prefix, rest = positions(flat)
        least = len(prefix) + _contained(flat) if "contains" in flat else 0
        shown = max(len(prefix), 2 if isinstance(rest, dict) and "items" in flat else 0)
        wish = max(low, least, shown if self._steps < RICH_STEPS else 0)
        for length in dict.fromkeys((wish if high is None else min(wish, high), low)):
            try:
                yield [self._item(flat, index, place) for index in self._indexes(length)]
            except _DeadEndError:
                continue

    def _indexes(self, length: int) -> Iterator[int]:
        for index in range(length):
            self._spend(1)
            yield index

    def _item(self, flat: Flat, index: int, place: _Place) -> Any:
        prefix, rest = positions(flat)
        part = prefix[index] if index < len(prefix) else rest
        if "contains" in flat and 0 <= index - len(prefix) < _contained(flat):
            part = {"allOf": [part, flat["contains"]]}
        return self.make(part, replace(place, turn=index))


def _contained(flat: Flat) -> int:
    least = count(flat, "minContains")
    return 1 if least is None else least


def _choices(schema: dict[str, Any]) -> list[_Choice]:
    choices = [_Choice(tuple(several(schema, name))) for name in ("anyOf", "oneOf") if several(schema, name)]
    if "if" in schema:
        either = {"allOf": [schema["if"], schema.get("then", True)]}
        choices.append(_Choice((either, schema.get("else", True))))
    return choices


def _closure(required: list[str], flat: Flat) -> _Names:
    """Give what is required, and what that requires in turn."""
    needs = mapping(flat, "dependentRequired")
    result: _Names = dict.fromkeys(required)
    pending = list(result)
    while pending:
        new = [name for name in names(needs, pending.pop()) if name not in result]
        result.update(dict.fromkeys(new))
        pending += new
    return result


def _kinds(flat: Flat) -> list[str]:
    """Give the types to try: what the schema says, else what its keywords are about, and then the others."""
    if isinstance(flat.get("type"), list):
        kinds = [kind for kind in flat["type"] if isinstance(kind, str) and kind in _KEYWORDS]
        return [kind for kind in kinds if kind != "null"] + [kind for kind in kinds if kind == "null"]
    meant = [kind for kind, keywords in _KEYWORDS.items() if any(name in flat for name in keywords)]
    return list(dict.fromkeys([*meant, "string", *_KEYWORDS]))


_KEYWORDS: dict[str, tuple[str, ...]] = {
    "object": ("properties", "required", "additionalProperties", "patternProperties", "minProperties", "propertyNames"),
    "array": ("items", "prefixItems", "minItems", "contains", "uniqueItems"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    "string": (),
    "integer": (),
    "boolean": (),
    "null": (),
}
