"""Which requests are plain. What is taken for plain must mean to aiohttp's parser, and to h11, just what it means here."""

import asyncio

import h11
import pytest
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_parser import HttpRequestParser
from hypothesis import given, settings
from hypothesis import strategies as st

from llms.auth import Keyring
from llms.keys import digest
from llms.web import routes
from llms.web.plain import MAX_BODY, read
from llms.web.policy import Policy

OPEN = Policy(Keyring([]), frozenset({"gateway.example"}), frozenset(), frozenset())
LOCKED = Policy(Keyring([digest("house-key")]), frozenset(), frozenset(), frozenset())
APIS = routes.plain()
PATH = "POST /v1/chat/completions HTTP/1.1"
HOST = "Host: 127.0.0.1:8000"
JSON = "Content-Type: application/json"
LENGTH = "Content-Length: 12"


def head(*lines):
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode("latin-1")


def taken(*lines, policy=OPEN, max_bytes=MAX_BODY, own_address=None):
    return read(head(*lines), APIS, policy, max_bytes, own_address)


@pytest.mark.parametrize(
    "lines",
    [
        (PATH, HOST, JSON, LENGTH),
        (PATH, "host:localhost", "content-type:Application/JSON", "content-length:12"),
        (PATH, "Host: [::1]:8000", "Content-Type: application/json; charset=utf-8", LENGTH),
        (PATH, "Host: gateway.example", JSON, LENGTH, "Connection: keep-alive", "Accept: */*", "User-Agent: x"),
        (PATH, HOST, JSON, LENGTH, "Authorization: Bearer none", "X-Stainless-Lang: python"),
        ("POST /v1/embeddings HTTP/1.1", HOST, JSON, LENGTH),
    ],
)
def test_plain(lines):
    """What the official clients send, in whatever letters."""
    assert 12 == taken(*lines).length


@pytest.mark.parametrize(
    "lines",
    [
        ("GET /v1/chat/completions HTTP/1.1", HOST, JSON, LENGTH),
        ("POST /v1/chat/completions HTTP/1.0", HOST, JSON, LENGTH),
        ("POST /v1/chat/completions/ HTTP/1.1", HOST, JSON, LENGTH),
        ("POST /v1/chat/completions?x=1 HTTP/1.1", HOST, JSON, LENGTH),
        ("POST /v1/models HTTP/1.1", HOST, JSON, LENGTH),
        ("POST  /v1/chat/completions HTTP/1.1", HOST, JSON, LENGTH),
        (PATH + " ", HOST, JSON, LENGTH),
        (PATH, JSON, LENGTH),
        (PATH, HOST, HOST, JSON, LENGTH),
        (PATH, "Host: evil.example", JSON, LENGTH),
        (PATH, "Host: 127.0.0.1:99999", JSON, LENGTH),
        (PATH, HOST, LENGTH),
        (PATH, HOST, "Content-Type: text/plain", LENGTH),
        (PATH, HOST, "Content-Type: application/json; charset=utf-16", LENGTH),
        (PATH, HOST, JSON),
        (PATH, HOST, JSON, LENGTH, LENGTH),
        (PATH, HOST, JSON, "Content-Length: +12"),
        (PATH, HOST, JSON, "Content-Length: 1_2"),
        (PATH, HOST, JSON, "Content-Length: 12, 12"),
        (PATH, HOST, JSON, "Content-Length:"),
        (PATH, HOST, JSON, f"Content-Length: {MAX_BODY + 1}"),
        (PATH, HOST, JSON, LENGTH, "Transfer-Encoding: chunked"),
        (PATH, HOST, JSON, LENGTH, "transfer-encoding:"),
        (PATH, HOST, JSON, LENGTH, "Transfer-Encoding : chunked"),
        (PATH, HOST, JSON, LENGTH, "Content-Encoding: gzip"),
        (PATH, HOST, JSON, LENGTH, "Expect: 100-continue"),
        (PATH, HOST, JSON, LENGTH, "Upgrade: h2c"),
        (PATH, HOST, JSON, LENGTH, "Connection: close"),
        (PATH, HOST, JSON, LENGTH, "Connection: keep-alive, upgrade"),
        (PATH, HOST, JSON, LENGTH, "Origin: https://evil.example"),
        (PATH, HOST, JSON, LENGTH, "Sec-Fetch-Site: cross-site"),
        (PATH, HOST, JSON, LENGTH, "Idempotency-Key: x"),
        (PATH, HOST, JSON, LENGTH, "x-llms-trail: 1"),
        (PATH, HOST, JSON, LENGTH, " folded"),
        (PATH, HOST, JSON, LENGTH, "X: a\0b"),
        (PATH, HOST, JSON, LENGTH, "X: a\rb"),
        (PATH, HOST, JSON, LENGTH, "X: a\nContent-Length: 13"),
        (PATH, HOST, JSON, LENGTH, "X: \xe9"),
        (PATH, HOST, JSON, LENGTH, "X: a\tb"),
        (PATH, HOST, JSON, LENGTH, ": x"),
        (PATH, HOST, JSON, LENGTH, "x"),
    ],
)
def test_not_plain(lines):
    """Whatever asks for more, or could be read in two ways, is for aiohttp to read."""
    assert taken(*lines) is None


def test_longest_body():
    """A configured limit holds."""
    assert taken(PATH, HOST, JSON, LENGTH, max_bytes=12)
    assert taken(PATH, HOST, JSON, LENGTH, max_bytes=11) is None


def test_own_address():
    """A request may name the address it was sent to."""
    assert taken(PATH, "Host: 10.1.2.3:8000", JSON, LENGTH, own_address="10.1.2.3")
    assert taken(PATH, "Host: 10.1.2.3:8000", JSON, LENGTH, own_address="10.1.2.4") is None


@pytest.mark.parametrize(
    ("lines", "known"),
    [
        (("Authorization: Bearer house-key",), True),
        (("x-api-key: house-key",), True),
        (("Authorization: Bearer house-key", "api-key: house-key"), True),
        ((), False),
        (("Authorization: Bearer other",), False),
        (("Authorization: house-key",), False),
        (("Authorization: Bearer house-key", "x-api-key: other"), False),
    ],
)
def test_key(lines, known):
    """A wrong key is refused by the guard, like any: here it only is not plain."""
    found = taken(PATH, HOST, JSON, LENGTH, *lines, policy=LOCKED)

    assert known is (found is not None and found.key is not None)


NAMES = st.sampled_from(["Host", "Content-Length", "Transfer-Encoding", "Connection", "X", "accept", "Te"])
VALUES = st.text(st.sampled_from('\t\x0b\x7f\xa0 ,:;="0123axchunked'), max_size=6)
BREAKS = st.sampled_from(["\r\n", "\r\n", "\r\n", "\n", "\r", "\r\r\n", "\0\r\n", "\r\n "])
ODD = st.tuples(NAMES, st.sampled_from([":", ": ", " :", ":  "]), VALUES, BREAKS).map("".join)
USUAL = st.sampled_from(
    ["Accept: */*\r\n", "User-Agent:x y\r\n", "CONNECTION: Keep-Alive\r\n", "X-A: \r\n", "X-b:  c: d \r\n"]
)
LENGTHS = st.sampled_from(["0", "1", "12", "012", " 12", "12 ", "  0000012", "12\t", "1 2", "0x12", "12,12"])


@given(usual=st.lists(USUAL, max_size=3, unique=True), odd=st.lists(ODD, max_size=1), length=LENGTHS)
@settings(max_examples=1500, deadline=None)
def test_others_read_the_same(usual, odd, length):
    """Method, path and length are what aiohttp's parser and h11 find in the same bytes."""
    lines = [f"{PATH}\r\n{HOST}\r\n{JSON}\r\nContent-Length:{length}\r\n", *usual, *odd, "\r\n"]
    data = "".join(lines).encode("latin-1")
    plain = read(data, APIS, OPEN, MAX_BODY, None)
    if plain is None:
        return

    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        [(message, body)], upgraded, rest = HttpRequestParser(BaseProtocol(loop), loop, 2**16).feed_data(
            data + b"x" * plain.length + b"GET"
        )
    reader = h11.Connection(h11.SERVER)
    reader.receive_data(data + b"x" * plain.length)
    request, content = reader.next_event(), reader.next_event() if plain.length else None

    assert ("POST", "/v1/chat/completions", False, b"") == (message.method, message.path, upgraded, rest)
    assert not plain.length or plain.length == sum(len(piece) for piece in body._buffer)
    assert str(plain.length) == message.headers["Content-Length"].lstrip("0").rjust(1, "0")
    assert (b"POST", b"/v1/chat/completions") == (request.method, request.target)
    assert content is None or plain.length == len(content.data)
