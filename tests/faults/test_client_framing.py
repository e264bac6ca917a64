"""
What is no HTTP, or nearly: C10, C13–C18, C40–C43, C49.

Each case is bytes on a connection and what comes back up to its end. A second request is smuggled into most of them:
it must never be answered.

Two spellings that the catalogue's source lists among the bad ones are good HTTP and are taken: a blank before the
length (``Content-Length:  5``) and ``Chunked`` (RFC 9112 compares names of codings without regard to case).
"""

import asyncio
import base64
import json

import pytest

from tests.faults.conftest import CLIENT_KEY, PATH, case_table
from tests.faults.talk import head, talk
from tests.support.raw import RawClient
from tests.upstream import openai

JSON = "Content-Type: application/json"
BODY = json.dumps({"model": "m", "messages": [{"role": "user", "content": "Hi"}]}).encode()
SMUGGLED = head("GET", "/smuggled")
PROMPT_S = 4
"""How soon what is no HTTP is closed; the clocks of the tests are set longer."""


def post(*lines, body=BODY):
    return head("POST", PATH, JSON, *lines) + body + SMUGGLED


def chunked(body, *lines):
    return head("POST", PATH, JSON, "Transfer-Encoding: chunked", *lines) + body + SMUGGLED


def chunk(data):
    return b"%x\r\n%b\r\n" % (len(data), data)


@pytest.fixture
async def both(pair):
    started = await pair(head_s=9, body_s=9)
    started.upstream.on("POST", PATH, openai.completion())
    return started


REFUSED = {
    **{f"C13 length {value!r}": post(f"Content-Length: {value}") for value in
       ("+5", "-1", "1_0", "0x10", "1 1", "1,1", "1e3", "", "5;", "5\x0b", "\xb2", "\xd9\xa1", "9" * 31)},
    "C14 length and chunked": chunked(chunk(BODY) + b"0\r\n\r\n", f"Content-Length: {len(BODY)}"),
    "C14 chunked and length": post(f"Content-Length: {len(BODY)}", "Transfer-Encoding: chunked"),
    "C14 two lengths": post(f"Content-Length: {len(BODY)}", "Content-Length: 5"),
    "C14 one length twice": post(f"Content-Length: {len(BODY)}", f"Content-Length: {len(BODY)}"),
    **{f"C14 coding {value!r}": post(f"Transfer-Encoding: {value}", body=chunk(BODY) + b"0\r\n\r\n") for value in
       ("xchunked", "chunked, identity", "chunked, gzip", "identity", "chunkedx", "chunked;q=1", "\x0bchunked", "")},
    "C14 chunked twice": post("Transfer-Encoding: chunked", "Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
    "C14 blank before the colon": post("Transfer-Encoding : chunked", body=b"0\r\n\r\n"),
    "C14 folded": post("X: a\r\n Transfer-Encoding: chunked", f"Content-Length: {len(BODY)}"),
    "C14 line feed only": b"POST " + PATH.encode() + b" HTTP/1.1\nHost: localhost\nContent-Length: 0\n\n" + SMUGGLED,
    "C15 size is no number": chunked(b"zz\r\n\r\n"),
    "C15 size below zero": chunked(b"-1\r\n\r\n"),
    "C15 size with a sign": chunked(b"+5\r\nhello\r\n0\r\n\r\n"),
    "C15 size with a prefix": chunked(b"0x5\r\nhello\r\n0\r\n\r\n"),
    "C15 size of 2^64": chunked(b"10000000000000000\r\n" + BODY),
    "C15 size too small": chunked(b"3\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "C15 line feed only": chunked(b"5\nhello\n0\n\n"),
    "C15 no size": chunked(b"\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "C16 huge trailer": chunked(chunk(BODY) + b"0\r\nX: " + b"x" * 100_000 + b"\r\n\r\n"),
    "C16 many trailers": chunked(chunk(BODY) + b"0\r\n" + b"X: y\r\n" * 10_000 + b"\r\n"),
    "C16 length in a trailer": chunked(chunk(BODY) + b"0\r\nContent-Length: 5\r\n\r\n"),
    "C16 coding in a trailer": chunked(chunk(BODY) + b"0\r\nTransfer-Encoding: chunked\r\n\r\n"),
    "C16 host in a trailer": chunked(chunk(BODY) + b"0\r\nHost: evil\r\n\r\n"),
    "C17 many headers": post(*(f"X-{n}: y" for n in range(129)), f"Content-Length: {len(BODY)}"),
    "C17 long line": post("X: " + "y" * 9_000, f"Content-Length: {len(BODY)}"),
    "C17 long name": post("X" * 9_000 + ": y", f"Content-Length: {len(BODY)}"),
    "C17 long URL": head("GET", "/" + "a" * 65_536) + SMUGGLED,
    "C17 no colon": post("X", f"Content-Length: {len(BODY)}"),
    "C17 no name": post(": y", f"Content-Length: {len(BODY)}"),
    "C18 NUL": post("X: a\x00b", f"Content-Length: {len(BODY)}"),
    "C18 in the key": post(f"Authorization: Bearer {CLIENT_KEY}\x01", f"Content-Length: {len(BODY)}"),
    "C18 carriage return": post(f"X: {CLIENT_KEY}\rY: b", f"Content-Length: {len(BODY)}"),
    "C18 in the name": post(f"X\x7f{CLIENT_KEY}: b", f"Content-Length: {len(BODY)}"),
    "C40 CONNECT": head("CONNECT", "127.0.0.1:22") + SMUGGLED,
    "C40 lower case": head("get", "/healthz") + SMUGGLED,
    "C40 NUL in the method": head("P\x00ST", PATH) + SMUGGLED,
    "C40 long method": head("A" * 8_192, PATH) + SMUGGLED,
    "C40 asterisk": head("GET", "*") + SMUGGLED,
    "C41 two hosts": head("GET", "/healthz", "Host: localhost") + SMUGGLED,
    "C41 no host": b"GET /healthz HTTP/1.1\r\n\r\n" + SMUGGLED,
    "C43 HTTP/0.9": b"GET /healthz\r\n\r\n",
    "C43 HTTP/0.9 with a head": b"GET /healthz HTTP/0.9\r\nHost: localhost\r\n\r\n",
    "C43 HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x12\x04" + b"\x00" * 23,
    "C43 HTTP/3.7": b"GET /healthz HTTP/3.7\r\nHost: localhost\r\n\r\n",
    "C43 TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x5a" * 500 + b"\r\n\r\n",
    "C43 SOCKS 4": b"\x04\x01\x00\x50\x7f\x00\x00\x01user\x00\r\n\r\n",
    "C43 SOCKS 5": b"\x05\x01\x00",
    "C43 SMTP": b"EHLO example.com\r\n\r\n",
    "C43 Redis": b"*1\r\n$4\r\nPING\r\n\r\n",
    "C43 SSH": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "C43 zeros": b"\x00" * 200 + b"\r\n\r\n",
}  # fmt: skip


@pytest.mark.case("A08")
@pytest.mark.parametrize("case", case_table(REFUSED))
async def test_refused(both, case, invariants):
    """What is no HTTP is refused once and closed; what follows is no request, and none of it is quoted or logged."""
    raw = REFUSED[case]

    found = await talk(both.gateway.port, raw, watch=invariants, within_s=PROMPT_S)

    assert ([400], True) == (found.statuses, found.closed)
    assert b'"code":"malformed_request"' in found.data
    assert [] == both.upstream.requests
    assert [] == [text for level, text in invariants.lines if level > 10]


TAKEN = {
    "C13 blank before the length": (post(f"Content-Length:   {len(BODY)}"), [200, 404]),
    "C14 coding in capitals": (post("Transfer-Encoding: Chunked", body=chunk(BODY) + b"0\r\n\r\n"), [200, 404]),
    "C15 extension": (chunked(b"%x;%b\r\n%b\r\n0\r\n\r\n" % (len(BODY), b"x" * 100_000, BODY)), [200, 404]),
    "C15 one byte each": (chunked(b"1\r\n \r\n" * 100_000 + chunk(BODY) + b"0\r\n\r\n"), [200, 404]),
    "C40 HEAD": (head("HEAD", PATH) + SMUGGLED, [405, 404]),
    "C40 TRACE": (head("TRACE", "/healthz", "X: canary") + SMUGGLED, [405, 404]),
    "C16 trailer": (chunked(chunk(BODY) + b"0\r\nX-Checksum: 5\r\n\r\n"), [200, 404]),
    "C41 upper case": (b"GET /healthz HTTP/1.1\r\nHOST: localhost\r\n\r\n" + SMUGGLED, [200, 404]),
    "C43 HTTP/1.0": (b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n", [200]),
    "C43 HTTP/1.0 without a host": (b"GET /healthz HTTP/1.0\r\n\r\n", [421]),
}


@pytest.mark.case("A08")
@pytest.mark.parametrize("case", case_table(TAKEN))
async def test_taken(both, case, invariants):
    """What is odd and good HTTP is read as it is meant, and what follows is the next request."""
    raw, statuses = TAKEN[case]
    closing = raw.removesuffix(SMUGGLED) + head("GET", "/smuggled", "Connection: close") if len(statuses) > 1 else raw

    found = await talk(both.gateway.port, closing, watch=invariants, within_s=PROMPT_S)

    assert (statuses, True) == (found.statuses, found.closed)
    assert b"canary" not in found.data
    assert (200 in statuses and PATH.encode() in raw) == bool(both.upstream.requests)


@pytest.mark.case("C16")
async def test_key_in_a_trailer(pair, invariants):
    """A key that comes after the body is none."""
    both = await pair(keys=["$CLIENT_KEY"])

    raw = chunked(chunk(BODY) + b"0\r\nAuthorization: Bearer " + CLIENT_KEY.encode() + b"\r\n\r\n")
    found = await talk(both.gateway.port, raw.removesuffix(SMUGGLED), watch=invariants, within_s=1)

    assert [401] == found.statuses
    assert [] == both.upstream.requests


@pytest.mark.case("C17")
async def test_long_line_in_drips(both, invariants):
    """A line of a megabyte is refused when it is too long, however small its parts."""
    parts = [head("GET", "/healthz")[:-2] + b"X: ", *([b"y" * 1_000] * 40)]

    found = await talk(both.gateway.port, *parts, watch=invariants, within_s=PROMPT_S)

    assert (400 in found.statuses or found.statuses == [], found.closed) == (True, True)


WEBSOCKET = ("Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
UPGRADES = {
    "C42 WebSocket": ("Connection: Upgrade", *WEBSOCKET),
    "C42 WebSocket, close": ("Connection: close, Upgrade", *WEBSOCKET),
    "C42 HTTP/2": (
        "Connection: Upgrade, HTTP2-Settings",
        "Upgrade: h2c",
        f"HTTP2-Settings: {base64.urlsafe_b64encode(bytes(18)).decode()}",
    ),
    "C42 unknown": ("Connection: upgrade", "Upgrade: TLS/1.3, foo"),
}


@pytest.mark.case("A08")
@pytest.mark.parametrize("case", case_table(UPGRADES))
@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/healthz"), ("GET", "/v1/models"), ("POST", PATH), ("GET", "/x")]
)
async def test_upgrade(both, case, method, path, invariants):
    """An upgrade is not done; a request in its body is part of the body, which is read or not, and no request."""
    raw = head(method, path, *UPGRADES[case], JSON, f"Content-Length: {len(SMUGGLED)}") + SMUGGLED

    later = [] if "close" in case else [b"\x81\x05hello"]  # what comes after the end may overtake the answer

    found = await talk(both.gateway.port, raw, *later, watch=invariants, within_s=1)

    assert found.statuses[0] in (200, 400, 404)
    assert b"101 Switching" not in found.data
    assert 404 not in found.statuses[1:]
    assert [] == both.upstream.requests


@pytest.mark.case("C43")
async def test_half_a_greeting(pair, invariants):
    """A party that says too little to be refused and waits is closed when the head's time is up."""
    both = await pair(head_s=0.3)

    found = await talk(both.gateway.port, b"GE", watch=invariants, within_s=PROMPT_S)

    assert found.closed
    assert [] == [text for level, text in invariants.lines if level > 10]


@pytest.mark.case("C10")
async def test_pipelined_without_reading(pair, invariants):
    """100,000 requests at once whose answers nobody reads: few are taken, then the client is cut off."""
    both = await pair(write_stall_s=1)
    many = head("GET", "/healthz", "X: " + "y" * 200) * 100_000  # more than the kernel takes
    async with RawClient("127.0.0.1", both.gateway.port, receive_buffer=4096) as client:
        sending = asyncio.create_task(client.send(many))
        async with asyncio.timeout(9):
            with pytest.raises((ConnectionError, TimeoutError)):
                await sending
        # Without a bound all would have been answered into memory.
        assert both.gateway.requests_count < 5_000

    invariants.notes.append(f"cut off after {both.gateway.requests_count // 1000 + 1} thousand at most")


@pytest.mark.case("C49")
@pytest.mark.parametrize(
    ("lines", "status"), [((JSON,), 413), (("Content-Type: text/plain",), 415)], ids=["too large", "wrong type"]
)
async def test_refused_body_goes_on(pair, lines, status, invariants):
    """A client that goes on sending what was refused is closed soon, and its answer is there to be read."""
    both = await pair(max_body_bytes=100_000, head_s=9, body_s=9)
    loop = asyncio.get_running_loop()
    async with RawClient("127.0.0.1", both.gateway.port) as client:
        await client.send(head("POST", PATH, *lines, "Content-Length: 20000000"))
        started_at = loop.time()
        reading = asyncio.create_task(client.read_head())
        with pytest.raises(ConnectionError):
            while loop.time() - started_at < 9:
                await client.send(b"x" * 10_000)
                await asyncio.sleep(0.01)
        took_s = loop.time() - started_at
        answer = await reading

    assert status == answer.status
    assert took_s < 5
    invariants.notes.append(f"{status}, closed")
