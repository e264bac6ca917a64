import json
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llms.errors import UpstreamEventTooLargeError
from llms.wire import sse
from tests.support.decoding import framed

LIMIT = 1 << 20


def events(reads: Iterable[bytes], limit: int = LIMIT, count: int = LIMIT) -> tuple[list[sse.Event], bool]:
    """The events, and whether one was over a limit."""
    return framed(sse.Decoder(limit, count), reads)


def parse(data: bytes) -> list[sse.Event]:
    found, too_large = events([data])
    assert not too_large
    return found


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"data: a\n\n", [(b"", b"a")]),
        (b"data:a\n\n", [(b"", b"a")]),
        (b"data:  a \n\n", [(b"", b" a ")]),
        (b"data\n\n", [(b"", b"")]),
        (b"data:\n\n", [(b"", b"")]),
        (b"data: a\ndata: b\n\n", [(b"", b"a\nb")]),
        (b"data: a\n\n\n\ndata: b\n\n", [(b"", b"a"), (b"", b"b")]),
        (b"event: x\ndata: a\n\ndata: b\n\n", [(b"x", b"a"), (b"", b"b")]),
        (b"event:x\n\ndata: b\n\n", [(b"", b"b")]),
        (b"event: ping\n\n", []),
        (b": comment\n\n:\n\ndata: a\n\n", [(b"", b"a")]),
        (b"id: 1\0\nretry: 10\nunknown: x\nnothing\ndata: a\n\n", [(b"", b"a")]),
        (b" data: a\n\ndataset: b\n\n", []),
        (b"data: a\n", []),
        (b"data: a", []),
        (b"", []),
        (b"\xef\xbb\xbfdata: a\n\n", [(b"", b"a")]),
        (b"data: \xef\xbb\xbfa\n\n\xef\xbb\xbfdata: b\n\n", [(b"", b"\xef\xbb\xbfa")]),
        ("data: a\u2028b\u0085c\n\n".encode(), [(b"", "a\u2028b\u0085c".encode())]),
        (b"data: [DONE]", [(b"", b"[DONE]")]),
        (b"data:[DONE] \n", [(b"", b"[DONE]")]),
        (b"data: a\n\ndata: [DONE]\r", [(b"", b"a"), (b"", b"[DONE]")]),
        (b"data: [DONE", []),
    ],
)
def test_events(data: bytes, expected: list[sse.Event]) -> None:
    """U22-U28: the standard's rules, and an unfinished [DONE] counts."""
    assert expected == parse(data)


STREAM = (
    b"\xef\xbb\xbf: hello\n\nevent: x\nid: 7\ndata: {\ndata: }\n\n\ndata:one\nretry: 5\n\n"
    + "data: 😀\u2028\n\n".encode()
    + b"data: [DONE]\n\n"
)


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_cut_in_two(end: bytes) -> None:
    """U19-U21, U30: the same events for every line end and every place to cut, also inside CRLF, BOM and characters."""
    data = STREAM.replace(b"\n", end)

    assert [parse(STREAM)] * (len(data) + 1) == [events([data[:cut], data[cut:]])[0] for cut in range(len(data) + 1)]
    assert parse(STREAM) == events(data[at : at + 1] for at in range(len(data)))[0]


@given(
    st.lists(st.sampled_from([b"\n", b"\r", b"data: ", b"data", b"event:x", b":", b"a", b"\xef\xbb\xbf", b"[DONE]"]))
)
@settings(max_examples=500, deadline=None)
def test_any_cut(pieces: list[bytes]) -> None:
    """Any bytes give the same events in one read, in many and in single bytes, and the same end at a small limit."""
    data = b"".join(pieces)

    for limit in ((LIMIT, LIMIT), (8, LIMIT), (LIMIT, 2), (8, 1)):
        whole = events([data], *limit)
        assert whole == events(pieces, *limit)
        assert whole == events((data[at : at + 1] for at in range(len(data))), *limit)


@pytest.mark.parametrize(
    "data",
    [
        b"data: a\n\ndata: " + b"x" * 100,
        b"data: a\n\ndata: " + b"x" * 100 + b"\n\ndata: b\n\n",
        b"data: a\n\n" + b"data: xxxxx\n" * 20 + b"\ndata: b\n\n",
        b"data: a\n\n" + b"data\n" * 100 + b"\ndata: b\n\n",
        b"data: a\n\n: " + b"x" * 100 + b"\n\ndata: b\n\n",
    ],
)
def test_too_large(data: bytes) -> None:
    """U33, U34: an event, line or comment over the limit is an error, after the events before it."""
    assert ([(b"", b"a")], True) == events([data], 50)
    assert ([(b"", b"a")], True) == events((data[at : at + 1] for at in range(len(data))), 50)


def test_too_many() -> None:
    """U35: events over the number allowed are an error, after those before them; comments are no events."""
    data = b": x\n\n\n\nevent: x\n\ndata: a\n\n" * 10

    assert ([(b"", b"a")] * 10, False) == events([data], LIMIT, 10)
    assert ([(b"", b"a")] * 9, True) == events([data], LIMIT, 9)
    assert ([(b"", b"a")] * 9, True) == events((data[at : at + 1] for at in range(len(data))), LIMIT, 9)


@pytest.mark.parametrize("count", [99, 100, 101, 102, 1000])
def test_many_lines(count: int) -> None:
    """U24: an event may have as many lines as its length allows, and the next one has its own."""
    lines = [b"%d" % number for number in range(count)]
    data = b"".join(b"data:%b\n" % line for line in lines) + b"\n"

    assert [(b"", b"\n".join(lines)), (b"", b"a")] == parse(data + b"data: a\n\n")
    assert [(b"", b"[DONE]")] == parse(b"data:\n" * count + b"data: [DONE]")


def test_too_large_stays() -> None:
    """Nothing is read after an event over the limit."""
    decoder = sse.Decoder(10)
    with pytest.raises(UpstreamEventTooLargeError):
        decoder.feed(b"x" * 11)

    with pytest.raises(UpstreamEventTooLargeError):
        decoder.feed(b"\n\ndata: a\n\n")
    with pytest.raises(UpstreamEventTooLargeError):
        decoder.close()


@pytest.mark.parametrize("value", ["a\r\nb\n\ndata: forged\n\n", "\u2028\u0085", "\ud83d", {"é": None}])
def test_frame(value: object) -> None:
    """One value is one event on one line, whatever is in its strings."""
    data = sse.frame(value)

    assert data.startswith(b"data: ")
    assert b"\n\n" == data[-2:]
    assert 2 == data.count(b"\n")
    assert value == json.loads(parse(data)[0][1])


def test_frames() -> None:
    """Values are events one after another; none are no bytes."""
    assert sse.frame(1) + sse.frame({"a": "b"}) == sse.frames([1, {"a": "b"}])
    assert b"" == sse.frames([])


@pytest.mark.parametrize("before", [b"", b"data: a\n\ndata", b"data: a\n", b"data: a\r\n\r", b"data: a\n\nevent: x\n"])
def test_not_passed_over(before: bytes) -> None:
    """Events can be left out where one could begin that nothing is known of yet."""
    decoder = sse.Decoder(LIMIT)
    decoder.feed(before)

    assert not decoder.pass_over(1, 9)


def test_passed_over() -> None:
    """Events that are left out count for the limits."""
    decoder = sse.Decoder(100, 4)

    decoder.feed(b"data: a\n\n: x\n\n")

    found = [decoder.pass_over(2, 101), decoder.pass_over(4, 36), decoder.pass_over(2, 100), decoder.pass_over(2, 18)]
    assert [False, False, True, False] == found
    assert [(b"", b"b")] == decoder.feed(b"data: b\n\ndata: c\n\n")
    assert not decoder.pass_over(0, 0)
