"""What an answer's bytes mean: the same however they come, the same as to h11, and never two things at once."""

from itertools import pairwise

import h11
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llms.http1.answer import Answer
from llms.http1.head import MAX_FIELDS, MAX_HEAD_BYTES, MAX_LINE_BYTES

OK = b"HTTP/1.1 200 OK\r\n"


def fed(*reads, closed=False):
    answer = Answer()
    body = b""
    for data in reads:
        if data and not answer.done and not answer.broken:
            body += answer.feed(data)
    if closed:
        answer.close()
    return answer, body


def outcome(answer, body):
    head = answer.head
    return (head and (head.status, dict(head.headers), head.keep), body, answer.done, answer.broken)


@pytest.mark.parametrize(
    ("raw", "body"),
    [
        (OK + b"Content-Length: 5\r\n\r\nhello", b"hello"),
        (OK + b"Content-Length:0\r\n\r\n", b""),
        (OK + b"Transfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", b"hello"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n3;a=b\r\nhel\r\n2 \r\nlo\r\n0;x\r\nT: r\r\n\r\n", b"hello"),
        (b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", b""),
        (b"HTTP/1.1 304\r\nTransfer-Encoding: chunked\r\n\r\n", b""),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 3 + OK + b"Content-Length: 2\r\n\r\nhi", b"hi"),
        (b"HTTP/1.1 200 OK\nContent-Length: 2\n\nhi", b"hi"),
        (OK + b"X: a\r\n b\r\nContent-Length: 2\r\n\r\nhi", b"hi"),
    ],
)
def test_complete(raw, body):
    """Each way to say where a body ends, however the bytes are cut."""
    for cut in range(len(raw)):
        answer, found = fed(raw[:cut], raw[cut:])
        assert (body, True, False, False) == (found, answer.done, answer.broken, answer.extra)
    answer, found = fed(*(raw[at : at + 1] for at in range(len(raw))))
    assert (body, True) == (found, answer.done)


@pytest.mark.parametrize(
    "raw",
    [
        b"nonsense\r\n\r\n",
        b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/1.1 099 X\r\n\r\n",
        b"HTTP/1.1 2000 X\r\n\r\n",
        b" HTTP/1.1 200 OK\r\n\r\n",
        OK + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        OK + b"Content-Length: 5, 5\r\n\r\nhello",
        OK + b"Content-Length: +5\r\n\r\nhello",
        OK + b"Content-Length: 0x5\r\n\r\nhello",
        OK + b"Content-Length: -1\r\n\r\n",
        OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: identity\r\n\r\nx",
        OK + b"no colon\r\n\r\n",
        OK + b": no name\r\n\r\n",
        OK + b"X: a\rb\r\n\r\n",
        OK + b"X: a\0b\r\n\r\n",
        OK + b"X: y\r\n" * (MAX_FIELDS + 2) + b"\r\n",
        OK + b"X: " + b"y" * MAX_LINE_BYTES + b"\r\n\r\n",
        b"x" * (MAX_HEAD_BYTES + 1),
        b"HTTP/1.1 100 Continue\r\n\r\n" * 40,
        OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhelloX0\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\nno colon\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"0" * 20_000,
        OK + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"x" * 20_000,
        OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"T: r\r\n" * (MAX_FIELDS + 1) + b"\r\n",
    ],
)
def test_broken(raw):
    """What is not HTTP, or could be read in two ways, is refused, however the bytes are cut."""
    for reads in (
        (raw,),
        (raw[: len(raw) // 2], raw[len(raw) // 2 :]),
        [raw[at : at + 97] for at in range(0, len(raw), 97)],
    ):
        answer, _ = fed(*reads)
        assert (True, False) == (answer.broken, answer.done)


@pytest.mark.parametrize(
    ("head", "keep"),
    [
        (OK + b"Content-Length: 0\r\n\r\n", True),
        (OK + b"Content-Length: 0\r\nConnection: close\r\n\r\n", False),
        (OK + b"Content-Length: 0\r\nConnection: x, Close\r\n\r\n", False),
        (OK + b"Content-Length: 0\r\nConnection: keep-alive\r\n\r\n", True),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n", True),
        (OK + b"\r\n", False),
    ],
)
def test_keeps(head, keep):
    """Whether the connection can be used again."""
    answer, _ = fed(head)

    assert keep is answer.head.keep


def test_until_the_end():
    """A body without a length ends with the connection, if that ends in order."""
    for closed in (True, False):
        answer, body = fed(OK + b"\r\nhel", b"lo", closed=closed)
        assert (b"hello", closed) == (body, answer.done)


def test_something_behind_the_end():
    """It is noticed, whatever it is."""
    for raw in (OK + b"Content-Length: 2\r\n\r\nhi!", OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n!"):
        answer, _ = fed(raw)
        assert (True, True) == (answer.done, answer.extra)


PARTS = st.sampled_from(
    [
        b"5",
        b"\r\n",
        b"hello",
        b"0",
        b"A",
        b";x=y",
        b" ",
        b"\n",
        b"\r",
        b"T: r\r\n",
        b"5\r\nhello\r\n",
        b"0\r\n\r\n",
        b"x",
    ]
)
HEADS = st.sampled_from(
    [
        OK + b"Transfer-Encoding: chunked\r\n\r\n",
        OK + b"Content-Length: 7\r\n\r\n",
        OK + b"\r\n",
        b"HTTP/1.0 200 OK\r\nX: y\r\n\r\n",
        b"HTTP/1.1 103 Early\r\nLink: x\r\n\r\n" + OK + b"Content-Length: 3\r\n\r\n",
    ]
)


@given(head=HEADS, parts=st.lists(PARTS, max_size=8), cuts=st.lists(st.integers(0, 120), max_size=6))
@settings(max_examples=1000, deadline=None)
def test_cuts_make_no_difference(head, parts, cuts):
    """The outcome is that of one read."""
    raw = head + b"".join(parts)
    places = sorted({0, len(raw), *(cut for cut in cuts if cut < len(raw))})

    whole = outcome(*fed(raw, closed=True))
    pieces = outcome(*fed(*(raw[start:end] for start, end in pairwise(places)), closed=True))

    assert whole == pieces


@given(head=HEADS, parts=st.lists(PARTS.filter(lambda part: part != b" "), max_size=8))  # it refuses blanks there
@settings(max_examples=1000, deadline=None)
def test_h11_reads_the_same(head, parts):
    """What is complete here has the same status and body there."""
    raw = head + b"".join(parts)
    answer, body = fed(raw, closed=True)
    if not answer.done or answer.broken:
        return

    reader = h11.Connection(h11.CLIENT)
    reader.send(h11.Request(method="GET", target="/", headers=[("Host", "x")]))
    reader.send(h11.EndOfMessage())
    reader.receive_data(raw)
    reader.receive_data(b"")
    status, found = None, b""
    while not isinstance(event := reader.next_event(), h11.EndOfMessage):
        if isinstance(event, h11.Response):
            status = event.status_code
        elif isinstance(event, h11.Data):
            found += bytes(event.data)

    assert (answer.head.status, body) == (status, found)
