import orjson
import pytest

from llms.wire import json_text


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b'{"a":[1,2.5,null,true]}', {"a": [1, 2.5, None, True]}),
        (b"\xef\xbb\xbf[1]", [1]),
        (b'"\\ud83d"', "\ud83d"),
        (b'[1.5,"\\ud83d"]', [1.5, "\ud83d"]),
        (b'"\\ud83d\\ude00"', "😀"),
        (b'"a\xff\xe2\x82"', "a��"),
        (b"[" * 100 + b"]" * 100, None),
        (b"[" + b"[]," * 200 + b"{}]", None),
    ],
)
def test_loads(data: bytes, expected: object) -> None:
    """U29, U30: what services send is read, half surrogate pairs and broken UTF-8 included."""
    value = json_text.loads(data)

    assert expected is None or expected == value


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"NaN",
        b"[Infinity]",
        b"[1e400]",
        b'["\\ud83d", -1e400]',
        b"[" * 101 + b" " * 400 + b"]" * 101,
        b'{"a":' * 101 + b"1" + b"}" * 101,
        b"[" * 257 + b"]" * 257,
        b'"\\ud83d' + b"]" * 3,
        b"[" * 100_000 + b"]" * 100_000,
        b"1" * 5000,
    ],
)
def test_not_json(data: bytes) -> None:
    """What is not JSON, or could not be written again, is a ValueError and nothing else."""
    with pytest.raises(ValueError, match=r"."):
        json_text.loads(data)


def test_deepest() -> None:
    """What is read can be written again, however deeply it is nested."""
    data = b"[" * 256 + b"]" * 256

    assert data == json_text.dumps(json_text.loads(data)).replace(b" ", b"")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"é": "😀"}, '{"é":"😀"}'.encode()),
        ("\ud83d", b'"\\ud83d"'),
        (["é\udc00", 1], b'["\\u00e9\\udc00",1]'),
        (1 << 70, b"1180591620717411303424"),
    ],
)
def test_dumps(value: object, expected: bytes) -> None:
    """Compact UTF-8; half a surrogate pair stays what it was."""
    assert expected == json_text.dumps(value)


def test_no_memory_is_no_mistake():
    """The decoder has one exception for bad JSON and for a lack of memory: nobody is blamed for the latter."""
    with pytest.raises(MemoryError):
        json_text.require_memory(
            orjson.JSONDecodeError("Not enough memory to allocate buffer for parsing", "", 0), b"{}"
        )
    json_text.require_memory(orjson.JSONDecodeError("unexpected character", "", 0), b"{")


@pytest.mark.parametrize("data", [b"[" * 200, b'{"a":' * 200, b"[" * 900 + b'"a'])
def test_brackets_that_are_not_closed(data: bytes) -> None:
    """They are a mistake in the JSON, though orjson's words for it are those for memory that has run out."""
    with pytest.raises(ValueError, match=r"Expecting|Unterminated|deeply"):
        json_text.loads(data)


@pytest.mark.parametrize(
    "texts", [["a"], ["a", "b"], ['"', '",', "\n", ",\n  ", '",\n  "'], ["é", "\u2028"], ["a", "\ud83d", "b"]]
)
def test_spliced(texts: list[str]) -> None:
    """Many strings are written as each would be, with other bytes between them, whatever is in them."""
    assert b"<>".join(json_text.dumps(text) for text in texts) == json_text.spliced(texts, b"<>")
