import random
from collections.abc import Callable

import pytest

from tests.fuzz import http, http_oracle, http_streams
from tests.fuzz.http_oracle import Answer, Read
from tests.fuzz.target import CORPUS

SEEDS = sorted((CORPUS / "http").iterdir())
GET = b"GET /v1/models/m1-%b HTTP/1.1\r\nHost: localhost\r\n\r\n"
NOT_FOUND = Answer(404, closes=False, body=b"'m1-1'")


@pytest.mark.case("A01", "A08")
async def test_corpus(record_property: Callable[[str, object], None]) -> None:
    """Hostile streams, those that once broke something and a thousand others, agree with a strict reader."""
    tally = http.Tally()
    async with http.serving() as gateway:
        for path in SEEDS:
            await http.send(gateway.port, http_streams.Stream(path.read_bytes(), 1), random.Random(0), tally)
        for seed in range(150):
            await http.send(gateway.port, http_streams.stream(seed), random.Random(seed), tally)

    assert {} == tally.kept
    assert [] == gateway.bad
    assert {200, 400, 404} <= set(tally.statuses)
    counts = ", ".join(f"{status} ×{count}" for status, count in sorted(tally.statuses.items()))
    record_property("came_out", f"{tally.sent} requests on {tally.connections} connections: {counts}")


def test_read() -> None:
    """Requests are read as a strict server reads them, up to what it refuses, is asked to close at, or waits for."""
    one, two = GET % b"1", GET % b"2"
    ends = http_oracle.read(one + two.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n") + one)

    assert Read([(b"GET", b"m1-1"), (b"GET", b"m1-2")], "close") == ends
    assert "more" == http_oracle.read(one + b"\r\n\r\n" + two[:-2]).end
    assert "error" == http_oracle.read(one + two.replace(b"Host:", b"Host :")).end
    assert [(b"POST", b"m1-9")] == http_oracle.read(
        one.replace(b"GET /v1/models/m1-1", b"POST /").replace(b"\r\n\r\n", b"\r\nContent-Length: 4\r\n\r\nm1-9")
    ).requests


@pytest.mark.parametrize(
    ("found", "rest", "closed"),
    [
        ([NOT_FOUND, NOT_FOUND], b"", True),
        ([NOT_FOUND, Answer(200, closes=True, body=b"")], b"", True),
        ([Answer(404, closes=False, body=b"'m1-2'")], b"", True),
        ([Answer(500, closes=True, body=b"")], b"", True),
        ([Answer(404, closes=True, body=http_streams.CANARY.encode())], b"", True),
        ([NOT_FOUND], b"HTTP/1.1", True),
        ([NOT_FOUND], b"", False),
    ],
)
def test_disagreement(*, found: list[Answer], rest: bytes, closed: bool) -> None:
    """More answers than requests, another's answer, a fault, a key, half an answer, an open connection: all are found."""
    assert http_oracle.disagreement(Read([(b"GET", b"m1-1")], "close"), found, rest, closed=closed)


@pytest.mark.parametrize("found", [[NOT_FOUND], []])
def test_agreement(found: list[Answer]) -> None:
    """Each request is answered, or the connection is closed."""
    assert http_oracle.disagreement(Read([(b"GET", b"m1-1")], "close"), found, b"", closed=True) is None


@pytest.mark.parametrize(
    "data", [b"HTTP/1.1 200\r\n\r\n", b"HTTP/1.1 200 OK\r\nA:b\r\n\r\n", b"HTTP/2.0 200 OK\r\n\r\n"]
)
def test_answer_that_is_no_http(data: bytes) -> None:
    """The gateway's own writing is read strictly."""
    with pytest.raises(http_oracle.BadAnswerError):
        http_oracle.answers(data, [b"GET"])
