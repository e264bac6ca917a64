import json
import time

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llms.wire.schema.sample import NoSampleError, sample

NODE = {
    "type": "object",
    "properties": {
        "value": {"type": "number"},
        "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
    },
    "required": ["value", "next"],
    "additionalProperties": False,
}

EXPRESSION = {
    "$ref": "#/$defs/expression",
    "$defs": {
        "expression": {"oneOf": [{"$ref": "#/$defs/sum"}, {"$ref": "#/$defs/literal"}]},
        "sum": {
            "type": "object",
            "properties": {"left": {"$ref": "#/$defs/expression"}, "right": {"$ref": "#/$defs/expression"}},
            "required": ["left", "right"],
        },
        "literal": {"type": "object", "properties": {"is": {"const": 1}}, "required": ["is"]},
    },
}

EXPECTED = [
    ({"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}, "required": ["city"]}, {"city": "example city", "days": 1}),
    ({}, "example text"),
    (True, "example text"),
    ({"type": ["null", "string"]}, "example text"),
    ({"type": "null"}, None),
    ({"type": "boolean"}, True),
    ({"type": "array", "items": {"type": "string"}}, ["example text", "example text 2"]),
    ({"type": "array"}, []),
    ({"type": "object"}, {}),
    ({"properties": {"a": {"enum": ["x", "y"]}}}, {"a": "x"}),
    ({"minItems": 1}, ["example text"]),
    ({"minimum": 3}, 3),
    ({"const": [1]}, [1]),
    ({"default": "d", "type": "string"}, "d"),
    ({"default": 5, "type": "string"}, "example text"),
    ({"examples": [5, "e"], "type": "string"}, "e"),
    ({"allOf": [{"examples": ["a"]}, {"examples": ["bb"]}, {"type": "string", "minLength": 2}]}, "bb"),
    ({"type": "array", "items": {"enum": [1, 2, 3]}, "minItems": 4}, [1, 2, 3, 1]),
    ({"type": "object", "additionalProperties": {"type": "boolean"}}, {"field_1": True}),
    ({"$ref": "#/$defs/node", "$defs": {"node": NODE}}, {"value": 1, "next": None}),
    ({"type": "object", "properties": {"children": {"type": "array", "items": {"$ref": "#"}}}}, {"children": []}),
    (EXPRESSION, {"is": 1}),
]  # fmt: skip

VALID = [
    {"type": "integer", "minimum": 10},
    {"type": "integer", "maximum": -10},
    {"type": "integer", "exclusiveMinimum": 5, "exclusiveMaximum": 7},
    {"type": "integer", "multipleOf": 7, "minimum": 50},
    {"type": "integer", "multipleOf": 1.5, "minimum": 1},
    {"type": "integer", "minimum": 2.5},
    {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
    {"type": "number", "minimum": 0.25, "maximum": 0.25},
    {"type": "number", "multipleOf": 0.25, "minimum": 1.1},
    {"type": "number", "exclusiveMaximum": 0},
    {"type": "number", "minimum": 1e299},
    {"type": "number", "minimum": 0.5, "exclusiveMaximum": 0.75, "not": {"const": 0.625}},
    {"type": "string", "minLength": 50},
    {"type": "string", "maxLength": 3},
    {"type": "string", "maxLength": 0},
    {"type": "string", "pattern": "^[a-z]{3,20}-\\d{4}$", "minLength": 15},
    {"type": "string", "pattern": "abc", "minLength": 15},
    {"type": "string", "pattern": "^\\+?[1-9]\\d{1,14}$"},
    {"type": "string", "pattern": "(?=a)x", "enum": ["b", "ax"]} | {"pattern": "x"},
    *({"type": "string", "format": name} for name in ("date", "date-time", "time", "duration", "email", "uri", "uuid", "ipv4", "ipv6", "hostname")),
    {"type": "string", "format": "email", "maxLength": 4},
    {"type": "string", "format": "color"},
    {"type": "array", "items": {"type": "integer"}, "minItems": 5, "uniqueItems": True},
    {"type": "array", "items": {"type": "string"}, "minItems": 3, "uniqueItems": True},
    {"type": "array", "items": {"type": "string", "maxLength": 2}, "minItems": 3, "uniqueItems": True},
    {"type": "array", "items": {"type": "string", "format": "date"}, "minItems": 3, "uniqueItems": True},
    {"type": "array", "items": {"type": "string", "pattern": "^x+$"}, "minItems": 3, "uniqueItems": True},
    {"type": "array", "items": {"type": "number", "minimum": 0, "maximum": 1}, "minItems": 4, "uniqueItems": True},
    {"type": "array", "items": {"type": "integer", "exclusiveMinimum": 5}, "minItems": 4, "uniqueItems": True},
    {"type": "array", "items": {"type": "integer", "exclusiveMaximum": -5}, "minItems": 4, "uniqueItems": True},
    {"type": "array", "items": {"type": "integer", "minimum": 0, "maximum": 9}, "minItems": 10, "uniqueItems": True},
    {"type": "array", "items": {"type": "boolean"}, "minItems": 2, "uniqueItems": True},
    {"type": "array", "items": {"enum": ["a"]}, "uniqueItems": True},
    {"type": "array", "items": {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}, "minItems": 2, "uniqueItems": True},
    {"type": "array", "items": {"type": "string", "maxLength": 0}, "minItems": 2},
    {"type": "array", "items": {"type": "string", "maxLength": 1}, "minItems": 12},
    {"type": "array", "items": {"type": "string", "minLength": 3, "maxLength": 3}, "minItems": 12, "uniqueItems": True},
    {"type": "array", "items": {"type": "integer"}, "maxItems": 1},
    {"type": "array", "items": False},
    {"type": "array", "items": {"allOf": [{"type": "string"}, {"type": "integer"}]}},
    {"type": "array", "prefixItems": [{"type": "string"}, {"type": "number"}], "items": False, "minItems": 2},
    {"type": "array", "prefixItems": [{"type": "string"}, False]},
    {"type": "array", "contains": {"const": 5}},
    {"type": "array", "contains": {"const": 5}, "minContains": 2, "items": {"type": "integer"}, "minItems": 3},
    {"type": "array", "prefixItems": [{"const": 1}], "contains": {"const": 5}},
    {"type": "object", "minProperties": 3},
    {"type": "object", "minProperties": 3, "properties": {"field_1": {"type": "integer"}}},
    {"type": "object", "minProperties": 3, "propertyNames": {"pattern": "^x_[a-z]+$"}},
    {"type": "object", "minProperties": 2, "propertyNames": {"enum": ["p", "q"]}, "additionalProperties": {"type": "integer"}},
    {"type": "object", "patternProperties": {"^n[0-9]+$": {"type": "integer"}}, "additionalProperties": False, "minProperties": 1},
    {"type": "object", "properties": {"a": True, "b": True, "c": True}, "required": ["c"], "maxProperties": 2},
    {"type": "object", "properties": {"a": {"type": "string"}, "b": False}},
    {"type": "object", "required": ["unknown"], "additionalProperties": {"type": "integer"}},
    {"type": "object", "required": ["a"], "dependentRequired": {"a": ["b"], "b": ["a", "c"]}},
    {"type": "object", "properties": {"a": {}}, "dependentSchemas": {"a": {"required": ["z"]}}},
    {"type": "object", "properties": {"a": {"type": "integer"}}, "allOf": [{"properties": {"a": {"minimum": 10}}, "required": ["a"]}]},
    {"properties": {"a": {}, "b": {}}, "anyOf": [{"required": ["a"]}, {"required": ["b"]}]},
    {"allOf": [{"type": ["string", "number"]}, {"type": ["integer", "null"]}]},
    {"allOf": [{"type": "number"}, {"type": "integer"}, {"minimum": 1.5}]},
    {"allOf": [{"enum": [1, 2, 3]}, {"enum": [3, 2]}, {"not": {"const": 2}}]},
    {"allOf": [{"minLength": 3}, {"minLength": 1}, {"maxLength": 9}, {"maxLength": 5}, {"type": "string"}]},
    {"allOf": [{"multipleOf": 4}, {"multipleOf": 14}, {"minimum": 1, "type": "integer"}]},
    {"allOf": [{"items": {"type": "integer"}}, {"items": {"minimum": 7}}, {"type": "array", "minItems": 1}]},
    {"allOf": [{"$ref": "#/$defs/n"}, {"$ref": "#/$defs/n"}], "$defs": {"n": {"type": "integer"}}},
    {"allOf": [{"anyOf": [{"type": "string"}, {"type": "integer"}]}, {"anyOf": [{"minimum": 5}, {"type": "null"}]}, {"type": "integer"}]},
    {"oneOf": [{"type": "integer"}, {"type": "number", "minimum": 5}]},
    {"oneOf": [{"type": "number"}, {"type": "integer"}]},
    {"not": {"type": ["object", "string"]}},
    {"if": {"properties": {"k": {"const": "a"}}, "required": ["k"]}, "then": {"required": ["x"]}, "else": {"required": ["y"]}, "type": "object"},
    {"type": "object", "properties": {"k": {"enum": ["b"]}}, "required": ["k"], "if": {"properties": {"k": {"const": "a"}}}, "else": {"required": ["y"]}},
    {"type": "object", "properties": {"friend": {"$ref": "#"}, "name": {"type": "string"}}, "required": ["name"], "additionalProperties": False},
    {"$defs": {"a": {"properties": {"b": {"$ref": "#/$defs/b"}}}, "b": {"properties": {"a": {"$ref": "#/$defs/a"}}, "required": []}}, "$ref": "#/$defs/a", "type": "object"},
]  # fmt: skip

NONE = [
    False,
    {"enum": []},
    {"type": "string", "pattern": "^ab$", "minLength": 5},
    {"type": "object", "minProperties": 1, "propertyNames": {"minLength": 1, "maxLength": 0}},
    {"type": "number", "multipleOf": 1e308, "minimum": 1.5e308},
    {"allOf": [{"type": "string"}, {"type": "integer"}]},
    {"type": "integer", "minimum": 5, "maximum": 4},
    {"enum": [1], "const": 2},
    {"$ref": "#"},
    {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]},
    {"type": "object", "required": ["a"], "additionalProperties": False},
    {"type": "object", "minProperties": 1, "additionalProperties": False},
    {"type": "array", "items": False, "minItems": 1},
    {"type": "string", "minLength": 10**9},
    {"type": "string", "minLength": 5, "maxLength": 4},
    {"type": "string", "pattern": "^a{99999}$"},
    {"type": "number", "minimum": 1.5e300, "exclusiveMaximum": 1.6e300, "multipleOf": 1e-5, "not": {"type": "integer"}},
]


@pytest.mark.parametrize(("schema", "expected"), EXPECTED, ids=lambda value: json.dumps(value)[:60])
def test_sample_is_readable(schema, expected):
    """The value is what a person would write for the schema, and no longer than need be."""
    value = sample(schema)

    assert expected == value
    jsonschema.Draft202012Validator(schema).validate(value)


@pytest.mark.parametrize("schema", VALID, ids=lambda schema: json.dumps(schema)[:80])
def test_sample_is_valid(schema):
    """The value is valid, and the same each time."""
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    assured = "format" in schema and "maxLength" not in schema

    value = sample(schema)

    jsonschema.Draft202012Validator(schema, format_checker=checker if assured else None).validate(value)
    assert json.dumps(value) == json.dumps(sample(schema))


@pytest.mark.parametrize(
    "schema",
    [
        {"allOf": [{"type": 5}, {"type": "string"}]},
        {"allOf": [{"properties": []}, {"properties": {"a": {}}}]},
        {"allOf": [{"required": "a"}, {"required": ["b"]}]},
        {"anyOf": {}, "allOf": [{}, 5], "enum": 5, "examples": "x"},
        {"type": "string", "pattern": ["x"], "format": 5},
    ],
    ids=json.dumps,
)
def test_schemas_that_make_no_sense_are_no_exception(schema):
    """A keyword that makes no sense is as good as absent."""
    assert sample(schema) is not None


@pytest.mark.parametrize("schema", NONE, ids=lambda schema: json.dumps(schema)[:80])
def test_says_that_there_is_none(schema):
    """A schema that nothing fits is an error, not a wrong value."""
    with pytest.raises(NoSampleError):
        sample(schema)


def nested(depth, around):
    schema = {"type": "string"}
    for _ in range(depth):
        schema = around(schema)
    return schema


def fan(width, depth):
    names = [f"p{index}" for index in range(width)]
    return {
        "$ref": "#/$defs/0",
        "$defs": {
            str(level): {
                "type": "object",
                "properties": {name: {"$ref": f"#/$defs/{level + 1}"} for name in names},
                "required": names,
            }
            for level in range(depth)
        }
        | {str(depth): {"type": "integer"}},
    }


HOSTILE = {
    "fan of references": fan(10, 10),
    "endless list": {"type": "array", "minItems": 10**9},
    "endless list of long strings": {"type": "array", "minItems": 10**9, "items": {"type": "string", "minLength": 20_000}},
    "endless object": {"type": "object", "minProperties": 10**9},
    "many required": {"type": "object", "required": [str(index) for index in range(30_000)]},
    "many wrong members": {"enum": list(range(100_000)), "minimum": 10**9},
    "long default": {"type": "array", "default": list(range(100_000)), "uniqueItems": True},
    "many choices": {"allOf": [{"anyOf": [{"not": {}}, {"not": {"type": "string"}}]}] * 40, "type": "string"},
    "loop of references": {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}},
    "deep object": nested(900, lambda part: {"type": "object", "properties": {"a": part}, "required": ["a"]}),
    "deep allOf": nested(900, lambda part: {"allOf": [part]}),
    "deep not": nested(901, lambda part: {"not": part}),
    "many joined": {"allOf": [{"properties": {str(index): {}}} for index in range(20_000)]},
    "evil pattern": {"type": "string", "default": "a" * 5000 + "!", "pattern": "^((a|a)+)+$", "minLength": 2000, "not": {}},
    "many patterns": {"type": "object", "properties": {str(index): {"type": "string", "pattern": f"^(a|b)+x{{{index}}}$"} for index in range(3000)}},
}  # fmt: skip


@pytest.mark.parametrize("schema", HOSTILE.values(), ids=HOSTILE)
def test_hostile_schemas_do_not_hold_up_the_loop(schema):
    """A schema made to be expensive ends in an error soon, and in no other."""
    started = time.perf_counter()
    with pytest.raises(NoSampleError):
        sample(schema)

    # Some 50 ms; the rest is for a slow machine.
    assert time.perf_counter() - started < 2


def test_optional_parts_are_left_out_of_large_values():
    """Where there is too much to show, what is required is shown."""
    schema = fan(10, 6)
    for part in schema["$defs"].values():
        part["required"] = []

    value = sample(schema)

    jsonschema.Draft202012Validator(schema).validate(value)
    assert list(value) == [f"p{index}" for index in range(10)]


def objects(parts):
    return st.dictionaries(st.sampled_from("abc"), parts, max_size=3).flatmap(
        lambda properties: st.fixed_dictionaries(
            {
                "type": st.just("object"),
                "properties": st.just(properties),
                "required": st.lists(st.sampled_from(sorted(properties)), unique=True) if properties else st.just([]),
                "additionalProperties": st.booleans(),
            }
        )
    )


def arrays(parts):
    return st.fixed_dictionaries({"type": st.just("array"), "items": parts, "minItems": st.integers(0, 3)})


def integers():
    return st.fixed_dictionaries(
        {"type": st.just("integer"), "minimum": st.integers(-20, 20)},
        optional={"multipleOf": st.sampled_from([1, 2, 3, 5])},
    )


def numbers():
    return st.tuples(st.integers(-20, 20), st.floats(0.5, 10)).map(
        lambda pair: {"type": "number", "exclusiveMinimum": pair[0], "maximum": pair[0] + pair[1]}
    )


def strings():
    return st.tuples(st.integers(0, 30), st.integers(0, 30)).map(
        lambda pair: {"type": "string", "minLength": pair[0], "maxLength": sum(pair)}
    )


LEAVES = st.one_of(
    integers(),
    numbers(),
    strings(),
    st.sampled_from([{"type": "boolean"}, {"type": "null"}, {}, True, {"enum": ["x", 2, None]}, {"const": {"a": [1]}}]),
)


def composed(parts):
    return st.one_of(
        objects(parts),
        arrays(parts),
        st.lists(parts, min_size=1, max_size=3).map(lambda options: {"anyOf": options}),
        parts.map(lambda part: {"allOf": [part, {"title": "t"}]}),
        parts.map(lambda part: {"$defs": {}, "oneOf": [part, {"const": "never this"}]}),
    )


@settings(max_examples=300, deadline=None)
@given(schema=st.recursive(LEAVES, composed, max_leaves=8))
def test_any_simple_schema_has_a_sample(schema):
    """Whatever a schema is made of, the value for it is valid."""
    value = sample(schema)

    jsonschema.Draft202012Validator(schema).validate(value)
