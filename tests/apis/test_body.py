import json
import math

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llms.apis import body
from llms.errors import InvalidRequestError


def code_of(data):
    with pytest.raises(InvalidRequestError) as refused:
        body.decode(data)
    assert 400 == refused.value.status
    return refused.value.code


def test_an_object():
    """A JSON object is decoded as it stands."""
    data = b' {"model": "m", "n": 1.0, "messages": [{"role": "user", "content": "h\xc3\xa9 \\u0000"}], "x": null} \r\n'

    expected = {"model": "m", "n": 1.0, "messages": [{"role": "user", "content": "hé \0"}], "x": None}
    assert expected == body.decode(data)


@pytest.mark.parametrize("data", [b"", b" \n", b"\xef\xbb\xbf", b"null", b"[]", b"[{}]", b"1", b'"x"', b"true"])
def test_no_object(data):
    """C31: what is no object is refused as malformed."""
    assert "malformed_request" == code_of(data)


@pytest.mark.parametrize(
    "data",
    [
        b"{",
        b'{"a":1}x',
        b'{"a":1}{"a":1}',
        b"{'a':1}",
        b"{a:1}",
        b'{"a":1,}',
        b'{"a":[1,]}',
        b'{"a":1 // x\n}',
        b'/* x */{"a":1}',
        b'{"a":"\n"}',
        b'{"a":"\\x"}',
        b'{"a":"\\ud83d"',
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":-Infinity}',
        b'{"a":1e999}',
        b'{"a":1E400}',
        b'{"a":' + b"9" * 5000 + b"}",
        b'{"a":01}',
        b'{"s":"\\ud83d","a":NaN}',
        b'{"s":"\\ud83d","a":-Infinity}',
        b'{"s":"\\ud83d","a":1e999}',
        b'{"s":"\\ud83d","a":' + b"9" * 5000 + b"}",
        b"chat",
        b"\\\\",
    ],
)
def test_no_json(data):
    """C26, C29, C31: JavaScript, numbers that are none, and leftovers are not JSON."""
    assert "invalid_json" == code_of(data)


def test_place_of_the_mistake():
    """The message says where the mistake is, and repeats nothing of the body."""
    with pytest.raises(InvalidRequestError) as refused:
        body.decode(b'{"model": "m",\n  "secret" 1}')

    assert "The body is not valid JSON: see line 2, column 12." == refused.value.message


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":"\xff"}',
        b'{"a":"\xc0\xaf"}',
        b'{"a":"\xed\xa0\xbd"}',
        '{"a":1}'.encode("utf-16"),
        '{"a":1}'.encode("utf-16-le"),
        '{"a":1}'.encode("utf-16-be"),
        '{"a":1}'.encode("utf-32"),
        b"\xef\xbb\xbf\xef\xbb\xbf{}",
        b"{}\xef\xbb\xbf",
        b'{\xef\xbb\xbf"a":1}',
    ],
)
def test_no_utf8(data):
    """C30: overlong forms, surrogates in bytes, UTF-16 and stray byte order marks are refused as an encoding."""
    assert "invalid_encoding" == code_of(data)


def test_byte_order_mark():
    """C30: one byte order mark in front is tolerated, and one in a string is text."""
    assert {"a": "\ufeff"} == body.decode(b'\xef\xbb\xbf{"a":"\xef\xbb\xbf"}')


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (rb'{"a":"\ud83d","b":{"c":[1,-2,1.5,1e3,"x"]}}', {"a": "\ud83d", "b": {"c": [1, -2, 1.5, 1000.0, "x"]}}),
        (rb'{"\uDE00":"\uDE00\uD83D \ud83d\ude00"}', {"\ude00": "\ude00\ud83d \U0001f600"}),
    ],
)
def test_half_surrogate_pairs(data, expected):
    """C28: half an emoji is kept, wherever it stands."""
    assert expected == body.decode(data)


@pytest.mark.parametrize("start", [b'{"a":', rb'{"s":"\ud83d","a":'])
@pytest.mark.parametrize("number", [2**64, -(2**63) - 1, 10**300])
def test_long_integers(start, number):
    """A whole number beyond 64 bits becomes a float, with and without half a surrogate pair elsewhere."""
    value = body.decode(start + str(number).encode() + b"}")["a"]

    assert (float, float(number)) == (type(value), value)


@pytest.mark.parametrize("start", [b'{"a":', rb'{"s":"\ud83d","a":'])
@pytest.mark.parametrize("number", [2**64 - 1, -(2**63), 1234567890123456789, 0])
def test_integers(start, number):
    """A whole number of 64 bits stays exact, with and without half a surrogate pair elsewhere."""
    value = body.decode(start + str(number).encode() + b"}")["a"]

    assert (int, number) == (type(value), value)


def test_minus_zero():
    """C29: minus zero is zero."""
    assert {"a": 0} == body.decode(b'{"a":-0}')


@pytest.mark.parametrize("depth", [2, 63, 64])
def test_deep_enough(depth):
    """64 levels are served, the object itself counted."""
    data = b'{"a":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"

    assert orjson.loads(data) == body.decode(data)


@pytest.mark.parametrize("depth", [65, 500, 1000, 1023, 1024, 2000, 100_000, 2_500_000])
@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}"), (b"[0,", b"]")])
def test_too_deep(depth, opening, closing):
    """C25: deeper nesting is refused by its name, long before it can exhaust a stack."""
    deep = opening * (depth - 1) + b"0" + closing * (depth - 1)

    assert "json_too_deep" == code_of(b'{"a":' + deep + b"}")


@pytest.mark.parametrize("data", [b"[" * 5_000_000, b'{"a":' * 5000, rb'{"s":"\ud83d","a":' + b"[" * 5000])
def test_too_deep_and_cut_off(data):
    """C25: brackets that are never closed are refused as nesting too."""
    assert "json_too_deep" == code_of(data)


def test_deep_schema():
    """C25: nesting only in a tool's parameters is found."""
    schema = {}
    for _ in range(64):
        schema = {"items": schema}
    data = orjson.dumps({"tools": [{"type": "function", "function": {"name": "f", "parameters": schema}}]})

    assert "json_too_deep" == code_of(data)


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":[' + b",".join([b"[]"] * body.MAX_NODES) + b"]}",
        b'{"a":[' + b",".join([b"{}"] * body.MAX_NODES) + b"]}",
        b"{" + b",".join(b'"%d":0' % number for number in range(body.MAX_NODES)) + b"}",
        b'{"a":[' + b",".join([b"0"] * (body.MAX_VALUES + 2)) + b"]}",
        b'{"a":[' + b",".join([b'""'] * (body.MAX_VALUES + 1)) + b"]}",
        b'"' * 10_000_000,
        b'{"a":[' + b",".join([b"[]"] * 3_300_000) + b"]}",
        b'{"a":' + b"[" * 63 + b"]" * 63 + b',"b":[' + b",".join([b"[]"] * body.MAX_NODES) + b"]}",
    ],
)
def test_too_complex(data):
    """C45: a body of a million little things is refused before it is parsed."""
    assert "json_too_complex" == code_of(data)


@pytest.mark.parametrize(
    "value",
    [
        [[]] * (body.MAX_NODES - 3),
        {str(number): 0 for number in range(body.MAX_NODES - 3)},
        [0] * (body.MAX_VALUES + 1),
        [""] * (body.MAX_VALUES - 1),
    ],
)
def test_complex_enough(value):
    """What is just within the limits is served."""
    assert {"a": value} == body.decode(orjson.dumps({"a": value}))


@pytest.mark.parametrize("text", ["{}[]:,", '{"a": ["b"]}, ', "\\", '"', '\\"', '\\\\":'])
def test_brackets_in_a_prompt(text):
    """A long prompt may hold as many brackets, colons, commas, quotes and backslashes as it likes."""
    prompt = text * body.MAX_VALUES

    assert {"a": prompt, "b": 1} == body.decode(orjson.dumps({"a": prompt, "b": 1}))


@pytest.mark.parametrize(
    "data",
    [
        b'{"model":"a","model":"b"}',
        b'{"stream":true,"stream":true}',
        b'{"m":[{"x":{"a":1,"b":2,"a":3}}]}',
        rb'{"a":1,"\u0061":2}',
        b'{"a":1 , "b":":" , "a" : 2}',
        rb'{"a\\":1,"a\\":2}',
        rb'{"\"a":1,"\"a":2}',
        rb'{"\ud83d":1,"\ud83d":2}',
        b'{"":1,"":2}',
    ],
)
def test_duplicate_keys(data):
    """C27: a field given twice is refused at every level, however it is written."""
    assert "duplicate_key" == code_of(data)


@pytest.mark.parametrize(
    "value",
    [
        {"a": ":", ":": "a", '":"': '":', '\\":': '\\":"\\'},
        {"a": {"a": {"a": [{"a": 1}, {"a": 1}]}}},
        {"arguments": '{"a":1,"a":2}', "url": "http://a:1/"},
    ],
)
def test_no_duplicate_keys(value):
    """Colons in texts, and equal names in different objects, are no duplicates."""
    assert value == body.decode(orjson.dumps(value))
    assert value == body.decode(json.dumps(value, indent=4, separators=(" ,", " \n: ")).encode())


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=()), max_size=8)
    | st.text('\\":{}[], ud8', max_size=8)
)


class Pairs(list):
    """An object as it is written: its fields may have equal names."""


TREES = st.recursive(
    SCALARS,
    lambda tree: (
        st.lists(tree, max_size=4)
        | st.lists(st.tuples(st.text('a\\":', max_size=2), tree), max_size=4).map(Pairs)
        | st.dictionaries(st.text(max_size=4), tree, max_size=4).map(lambda value: Pairs(value.items()))
    ),
    max_leaves=12,
)


def written(tree, space=""):
    if isinstance(tree, Pairs):
        fields = (f"{json.dumps(name)}{space}:{space}{written(value, space)}" for name, value in tree)
        return "{" + f"{space},{space}".join(fields) + "}"
    if isinstance(tree, list):
        return "[" + f"{space},{space}".join(written(value, space) for value in tree) + "]"
    return json.dumps(tree)


def meant(tree):
    if isinstance(tree, Pairs):
        return {name: meant(value) for name, value in tree}
    return [meant(value) for value in tree] if isinstance(tree, list) else tree


def is_doubled(tree):
    if isinstance(tree, Pairs):
        names = [name for name, _ in tree]
        return len(set(names)) < len(names) or any(is_doubled(value) for _, value in tree)
    return isinstance(tree, list) and any(is_doubled(value) for value in tree)


@given(TREES.filter(lambda tree: not isinstance(tree, Pairs)))
def test_everything_else_is_malformed(tree):
    """Whatever is JSON and no object is malformed."""
    assert "malformed_request" == code_of(written(tree).encode())


@given(
    st.lists(st.tuples(st.text('a\\":', max_size=2), TREES), max_size=4).map(Pairs),
    st.sampled_from(["", " ", "\r\n\t"]),
)
def test_every_object(tree, space):
    """Every object is decoded as it was meant, or refused if a field is given twice in it."""
    data = written(tree, space).encode()

    if is_doubled(tree):
        assert "duplicate_key" == code_of(data)
    else:
        assert meant(tree) == body.decode(data)


@given(TREES, st.data())
def test_damaged_bodies(tree, draw):
    """A body that was damaged on its way is refused with one of the known codes, or is still an object."""
    data = bytearray(written(Pairs([("a", tree)])).encode())
    place = draw.draw(st.integers(0, len(data)))
    data[place : place + draw.draw(st.integers(0, 3))] = draw.draw(st.binary(max_size=4))

    result = outcome(bytes(data))

    if isinstance(result, dict):
        assert same(json.loads(bytes(data)), result)
    else:
        assert result.code in {"malformed_request", "invalid_json", "invalid_encoding", "duplicate_key"}


def outcome(data):
    try:
        return body.decode(data)
    except InvalidRequestError as error:
        return error


def same(one, other):
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other or (isinstance(one, int | float) and math.isclose(one, other))
