import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llms.wire.schema.keywords import is_type
from llms.wire.schema.valid import Validator

VALUES = [
    None, True, False, 0, 1, 1.0, -1, 2, 2.5, 7, 10, 0.25, "", "a", "ab", "abc", "é", [], [1], [1, 1.0], [1, True], [1, "a"],
    ["a", 1, None], [[1], [1]], [{"a": 1}, {"a": 1.0}], {}, {"a": 1}, {"a": "x"}, {"a": 1, "b": 2}, {"b": None}, {"x_1": "s"}, {"x_1": 5}, {"ab": [1]},
]  # fmt: skip

SCHEMAS = [
    True,
    False,
    {},
    {"type": "integer"},
    {"type": "number"},
    {"type": ["string", "null"]},
    {"type": "boolean"},
    {"enum": [1, "a", [1], {"a": 1}, None]},
    {"const": True},
    {"const": 1},
    {"const": {"a": 1.0}},
    {"minimum": 1, "maximum": 7},
    {"exclusiveMinimum": 1, "exclusiveMaximum": 7},
    {"minimum": 1, "exclusiveMinimum": 0},
    {"multipleOf": 2},
    {"multipleOf": 0.25},
    {"minLength": 1, "maxLength": 2},
    {"pattern": "^a"},
    {"minItems": 1, "maxItems": 2},
    {"uniqueItems": True},
    {"uniqueItems": False},
    {"items": {"type": "integer"}},
    {"prefixItems": [{"type": "string"}, {"type": "number"}], "items": False},
    {"prefixItems": [{"type": "string"}]},
    {"contains": {"const": 1}},
    {"contains": {"const": 1}, "minContains": 2},
    {"contains": {"const": 1}, "minContains": 0, "maxContains": 1},
    {"required": ["a"]},
    {"properties": {"a": {"type": "integer"}}},
    {"properties": {"a": True}, "additionalProperties": False},
    {"additionalProperties": {"type": "integer"}},
    {"patternProperties": {"^x_": {"type": "string"}}, "additionalProperties": False},
    {"properties": {"x_1": {"minLength": 2}}, "patternProperties": {"^x_": {"type": "string"}}},
    {"propertyNames": {"maxLength": 1}},
    {"minProperties": 1, "maxProperties": 1},
    {"dependentRequired": {"a": ["b"]}},
    {"dependentSchemas": {"a": {"required": ["b"]}}},
    {"allOf": [{"type": "number"}, {"minimum": 2}]},
    {"anyOf": [{"type": "string"}, {"minimum": 2, "type": "number"}]},
    {"oneOf": [{"type": "integer"}, {"minimum": 2, "type": "number"}]},
    {"not": {"type": "string"}},
    {"if": {"type": "string"}, "then": {"minLength": 2}, "else": {"type": "number"}},
    {"if": {"type": "string"}},
    {"$defs": {"n/~ m": {"type": "integer"}}, "$ref": "#/$defs/n~1~0%20m"},
    {"$defs": {"list": {"anyOf": [{"type": "null"}, {"type": "array", "items": {"$ref": "#/$defs/list"}}]}}, "$ref": "#/$defs/list"},
    {"anyOf": [{"type": "integer"}, {"$ref": "#/anyOf/0"}]},
]  # fmt: skip


def valid(schema, value):
    return Validator(schema, lambda _: None).valid(schema, value)


@pytest.mark.parametrize("schema", SCHEMAS, ids=str)
def test_agrees_with_jsonschema(schema):
    """What is valid here is valid everywhere."""
    expected = [value for value in VALUES if jsonschema.Draft202012Validator(schema).is_valid(value)]

    assert repr(expected) == repr([value for value in VALUES if valid(schema, value)])


def combined(parts):
    return st.one_of(
        st.fixed_dictionaries({"anyOf": st.lists(parts, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"oneOf": st.lists(parts, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"not": parts}),
        st.fixed_dictionaries({"items": parts}),
        st.fixed_dictionaries({"properties": st.dictionaries(st.sampled_from(["a", "b"]), parts)}),
    )


@settings(max_examples=300)
@given(schema=st.recursive(st.sampled_from(SCHEMAS[:-3]), combined, max_leaves=6), value=st.sampled_from(VALUES))
def test_agrees_with_jsonschema_on_combinations(schema, value):
    """However keywords are combined, what is valid here is valid everywhere."""
    assert jsonschema.Draft202012Validator(schema).is_valid(value) == valid(schema, value)


@pytest.mark.parametrize(
    ("schema", "value", "expected"),
    [
        ({"minimum": 1, "exclusiveMinimum": True}, 1, False),
        ({"maximum": 1, "exclusiveMaximum": True}, 1, False),
        ({"maximum": 1, "exclusiveMaximum": True}, 0.5, True),
        ({"items": [{"type": "string"}], "additionalItems": False}, ["a", 1], False),
        ({"items": [{"type": "string"}], "additionalItems": {"type": "integer"}}, ["a", 1], True),
        ({"items": [{"type": "string"}]}, ["a", None], True),
    ],
)
def test_reads_older_drafts(schema, value, expected):
    """What draft 4 wrote otherwise is understood, too."""
    assert expected == valid(schema, value)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": 5},
        {"type": "text"},
        {"type": [{"a": 1}]},
        {"enum": 1},
        {"anyOf": "x", "oneOf": [], "allOf": {}, "minimum": "1", "multipleOf": 0},
        {"properties": [], "required": "a", "patternProperties": 1, "dependentRequired": [], "dependentSchemas": 0},
        {"required": [{"a": 1}]},
        {"minProperties": -1, "maxProperties": "5", "minimum": True},
        {"pattern": "(?=x)y"},
        {"pattern": 5},
        {"$ref": "https://example.com/schema"},
        {"$ref": "#/$defs/missing"},
        {"$ref": "#/anyOf/5", "anyOf": [True]},
        {"$ref": 5},
        {"multipleOf": float("inf")},
    ],
    ids=str,
)
@pytest.mark.parametrize("value", [{"b": 1}, True, 1, "z"])
def test_what_is_not_understood_allows_everything(schema, value):
    """A keyword that makes no sense is as good as absent, and never an exception."""
    assert valid(schema, value)


def test_a_number_is_no_boolean():
    """``true`` is no 1, though Python says so."""
    value = True

    assert [True, False, False] == [is_type(value, name) for name in ("boolean", "integer", "number")]
    assert not valid({"enum": [1]}, value)


def test_numbers_are_what_they_look_like():
    """0.3 is a multiple of 0.1, though not in binary."""
    assert valid({"multipleOf": 0.1}, 0.3)
    assert not valid({"multipleOf": 0.1}, 0.35)


def test_each_step_is_paid_for():
    """A large value costs more than a small one, so that a budget can end the work."""
    costs = []
    for size in (1, 1000):
        paid = []
        Validator({}, paid.append).valid({"uniqueItems": True, "items": {"type": "integer"}}, list(range(size)))
        costs.append(sum(paid))

    assert 1000 < costs[1]
    assert costs[0] < 10
