from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llms.errors import UpstreamEventTooLargeError
from llms.wire import ndjson
from tests.support.decoding import framed


def lines(reads: Iterable[bytes], limit: int = 1 << 20, count: int = 1 << 20) -> tuple[list[bytes], bool]:
    """The lines, and whether one was over a limit."""
    return framed(ndjson.Decoder(limit, count), reads)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", []),
        (b"a\nb\n", [b"a", b"b"]),
        (b"a\nb", [b"a", b"b"]),
        (b"\n \r\n\na\r\n\n", [b"a\r"]),
        (b"  ", []),
        ("a\u2028b\n".encode(), ["a\u2028b".encode()]),
    ],
)
def test_lines(data: bytes, expected: list[bytes]) -> None:
    """Lines end in LF alone; blank ones are skipped, the last needs no end."""
    assert (expected, False) == lines([data])


@given(st.lists(st.sampled_from([b"\n", b"a", b"bb", b" ", b"\r"])))
@settings(max_examples=300, deadline=None)
def test_any_cut(pieces: list[bytes]) -> None:
    """The same lines, and the same end at a small limit, however the bytes are cut."""
    data = b"".join(pieces)

    for limit in ((1 << 20, 1 << 20), (3, 1 << 20)):
        whole = lines([data], *limit)
        assert whole == lines(pieces, *limit)
        assert whole == lines((data[at : at + 1] for at in range(len(data))), *limit)


@pytest.mark.parametrize("data", [b"a\n" + b"x" * 11, b"a\n" + b"x" * 11 + b"\nb\n"])
def test_too_large(data: bytes) -> None:
    """U34: a line over the limit is an error, after the lines before it."""
    assert ([b"a"], True) == lines([data], 10)


def test_too_many() -> None:
    """U35: lines over the number allowed are an error, after those before them; blank ones are none."""
    data = b"\n \na\n" * 10

    assert ([b"a"] * 10, False) == lines([data], 10, 10)
    assert ([b"a"] * 9, True) == lines([data], 10, 9)
    assert ([b"a"] * 9, True) == lines((data[at : at + 1] for at in range(len(data))), 10, 9)


def test_too_large_stays() -> None:
    """Nothing is read after a line over the limit."""
    decoder = ndjson.Decoder(10)
    with pytest.raises(UpstreamEventTooLargeError):
        decoder.feed(b"x" * 11)

    with pytest.raises(UpstreamEventTooLargeError):
        decoder.feed(b"\na\n")
