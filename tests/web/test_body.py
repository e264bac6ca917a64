"""Reading requests: C11, C12, C22, C23, C30–C33, check 25, M6, M7."""

import asyncio
import gzip
import json
import zlib

import pytest

from tests.support.raw import RawClient

CHAT = {"model": "demo", "messages": [{"role": "user", "content": "count to 2"}]}
PATH = "/v1/chat/completions"
EMPTY = gzip.compress(b"{}", mtime=0)


async def post(gateway, body, headers=(("Content-Type", "application/json"),)):
    async with RawClient("127.0.0.1", gateway.port) as client:
        await client.request("POST", PATH, headers, body)
        return await client.read_response()


def outcome(response):
    return response.status, response.json["error"]["code"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"{nope", (400, "invalid_json")),
        (b"[]", (400, "malformed_request")),
        (b"", (400, "malformed_request")),
        (b"null", (400, "malformed_request")),
        (b'{"model": NaN}', (400, "invalid_json")),
        (b'{"model": "a", "model": "b"}', (400, "duplicate_key")),
        (b'{"model": "\xff"}', (400, "invalid_encoding")),
        (json.dumps(CHAT).encode("utf-16"), (400, "invalid_encoding")),
        (b'{"a":' + b"[" * 100 + b"]" * 100 + b"}", (400, "json_too_deep")),
    ],
)
async def test_not_a_json_object(gateway, body, expected):
    """A body that is no JSON object is refused in our words (check 25)."""
    running = await gateway()

    assert expected == outcome(await post(running, body))
    assert [] == running.records


@pytest.mark.case("C32")
@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=latin-1",
    ],
)
async def test_only_json(gateway, content_type):
    """Only application/json in UTF-8 is read: a web page cannot send that elsewhere without asking (W04, C32)."""
    headers = [("Content-Type", content_type)] if content_type else []

    response = await post(await gateway(), json.dumps(CHAT).encode(), headers)

    assert (415, "unsupported_media_type") == outcome(response)


@pytest.mark.parametrize(
    "content_type", ["application/json", "application/json; charset=utf-8", "application/json;charset=UTF-8"]
)
async def test_json(gateway, content_type):
    """JSON in UTF-8 is read, said in any of the usual ways."""
    response = await post(await gateway(), json.dumps(CHAT).encode(), [("Content-Type", content_type)])

    assert 200 == response.status


@pytest.mark.parametrize(
    ("encoding", "encode"),
    [("gzip", gzip.compress), ("GZIP", gzip.compress), ("deflate", zlib.compress), ("identity", bytes)],
)
async def test_encoded(gateway, encoding, encode):
    """Gzip and deflate are decoded (check 25)."""
    headers = [("Content-Type", "application/json"), ("Content-Encoding", encoding)]

    response = await post(await gateway(), encode(json.dumps(CHAT).encode()), headers)

    assert 200 == response.status


@pytest.mark.case("C33")
@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "x"])
async def test_other_encodings(gateway, encoding):
    """Other encodings are refused in our envelope (check 25, C33)."""
    headers = [("Content-Type", "application/json"), ("Content-Encoding", encoding)]

    assert (415, "unsupported_media_type") == outcome(await post(await gateway(), b"{}", headers))


@pytest.mark.case("C33")
@pytest.mark.parametrize("body", [b"not gzip", EMPTY[:-4], EMPTY + b"more"])
async def test_broken_gzip(gateway, body):
    """A body that is not the gzip that it says is refused."""
    headers = [("Content-Type", "application/json"), ("Content-Encoding", "gzip")]

    assert (400, "malformed_request") == outcome(await post(await gateway(), body, headers))


@pytest.mark.case("C33", "A06")
async def test_gzip_bomb(gateway):
    """A small body that would grow over the limit is refused before it does (M7)."""
    running = await gateway(server={"max_body_bytes": 100_000})
    headers = [("Content-Type", "application/json"), ("Content-Encoding", "gzip")]

    assert (413, "request_too_large") == outcome(await post(running, gzip.compress(b" " * 50_000_000), headers))


@pytest.mark.case("C33", "A06")
async def test_gzip_that_grows_too_much(gateway):
    """Within the limit too, a body that grows like no text does is refused."""
    headers = [("Content-Type", "application/json"), ("Content-Encoding", "gzip")]

    response = await post(await gateway(), gzip.compress(b'{"a":"' + b" " * 10_000_000 + b'"}'), headers)

    assert (413, "request_too_large") == outcome(response)


@pytest.mark.case("C11")
@pytest.mark.parametrize("length", ["100001", "1" + "0" * 17])
async def test_declared_too_large(gateway, length):
    """A declared length over the limit is refused at once, without waiting for a byte (M6, C11)."""
    running = await gateway(server={"max_body_bytes": 100_000})
    async with RawClient("127.0.0.1", running.port) as client:
        await client.request("POST", PATH, [("Content-Type", "application/json"), ("Content-Length", length)])
        response = await client.read_response()

        assert (413, "request_too_large") == outcome(response)
        assert await client.eof_within(5)


@pytest.mark.case("C12")
async def test_chunked_too_large(gateway):
    """A body without a length is refused when it crosses the limit (C12)."""
    running = await gateway(server={"max_body_bytes": 100_000})
    async with RawClient("127.0.0.1", running.port) as client:
        await client.request("POST", PATH, [("Content-Type", "application/json"), ("Transfer-Encoding", "chunked")])
        await client.send(b"186a1\r\n" + b" " * 100_001 + b"\r\n")
        response = await client.read_response()

    assert (413, "request_too_large") == outcome(response)


@pytest.mark.case("C15")
async def test_chunked(gateway):
    """A body in chunks of any size is read."""
    running = await gateway()
    async with RawClient("127.0.0.1", running.port) as client:
        await client.request("POST", PATH, [("Content-Type", "application/json"), ("Transfer-Encoding", "chunked")])
        for byte in json.dumps(CHAT).encode():
            await client.send(b"1\r\n%c\r\n" % byte)
        await client.send(b"0\r\n\r\n")
        response = await client.read_response()

    assert 200 == response.status


@pytest.mark.case("C22", "C23")
@pytest.mark.parametrize("calls_before", [0, 1])
async def test_body_stalls(gateway, calls_before):
    """A body that does not arrive in time is a 408, on the first request of a connection and later (C22, C23)."""
    running = await gateway(server={"body_s": 0.3})
    async with RawClient("127.0.0.1", running.port) as client:
        for _ in range(calls_before):
            await client.request("POST", PATH, body=CHAT)
            assert 200 == (await client.read_response()).status
        await client.request("POST", PATH, [("Content-Type", "application/json"), ("Content-Length", "100")])
        await client.send(b'{"model"')
        started = asyncio.get_running_loop().time()
        response = await client.read_response()

        assert (408, "request_read_timeout") == outcome(response)
        assert asyncio.get_running_loop().time() - started < 5
        assert "true" == response.header("x-should-retry")
        assert await client.eof_within(5)


async def test_body_is_cut_off(gateway):
    """A client that leaves in the middle of its body leaves nothing behind."""
    running = await gateway()
    async with RawClient("127.0.0.1", running.port) as client:
        await client.request("POST", PATH, [("Content-Type", "application/json"), ("Content-Length", "100")])
        await client.send(b'{"model"')
        client.rst()

    assert [] == running.records


async def test_connection_is_kept(gateway):
    """After a refused body the connection can be used again, if the body was read."""
    running = await gateway()
    async with RawClient("127.0.0.1", running.port) as client:
        await client.request("POST", PATH, [("Content-Type", "application/json")], b"[]")
        first = await client.read_response()
        await client.request("POST", PATH, body=CHAT)
        second = await client.read_response()

    assert (400, 200) == (first.status, second.status)


async def test_expect_continue(gateway):
    """A client that waits for 100 Continue gets it when its body is wanted."""
    running = await gateway()
    body = json.dumps(CHAT).encode()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body))), ("Expect", "100-continue")]
    async with RawClient("127.0.0.1", running.port) as client:
        await client.request("POST", PATH, headers)
        assert b"HTTP/1.1 100 Continue\r\n\r\n" == await client.read_some()
        await client.send(body)

        assert 200 == (await client.read_response()).status


@pytest.mark.case("C44")
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([("Content-Type", "application/json")], 401),
        ([("Content-Type", "text/plain"), ("Authorization", "Bearer sk-one")], 415),
    ],
)
async def test_expect_continue_of_what_is_refused(gateway, headers, status):
    """A request that is refused anyway is refused before its body is sent (C44)."""
    running = await gateway(server={"keys": ["$K"]}, environ={"K": "sk-one"})
    async with RawClient("127.0.0.1", running.port) as client:
        await client.request("POST", PATH, [*headers, ("Content-Length", "10"), ("Expect", "100-continue")])
        response = await client.read_response()

    assert status == response.status
    assert response.head.raw.startswith(f"HTTP/1.1 {status} ".encode())


@pytest.mark.case("C44")
@pytest.mark.parametrize("path", [PATH, "/healthz", "/nothing"])
async def test_odd_expectation(gateway, path):
    """Any other expectation is refused in our envelope (C44)."""
    async with RawClient("127.0.0.1", (await gateway()).port) as client:
        await client.request("POST", path, [("Expect", "200-maybe")], CHAT)
        response = await client.read_response()

    assert (417, "expectation_failed") == outcome(response)
    assert response.header("x-request-id")


@pytest.mark.case("C15")
async def test_broken_chunks(gateway):
    """A chunked body that breaks off its framing is refused, and the connection closed (C15)."""
    running = await gateway()
    async with RawClient("127.0.0.1", running.port) as client:
        await client.request("POST", PATH, [("Content-Type", "application/json"), ("Transfer-Encoding", "chunked")])
        await client.send(b'5\r\n{"mod\r\n')
        await client.send(b"zz\r\n\r\n")
        response = await client.read_response()

        assert (400, "malformed_request") == outcome(response)
        assert await client.eof_within(5)


@pytest.mark.case("C22")
async def test_declared_length_buys_no_time(gateway):
    """However long a body is said to be, one that does not arrive is a 408 in time (C22)."""
    running = await gateway(server={"body_s": 0.3})
    async with RawClient("127.0.0.1", running.port) as client:
        await client.request("POST", PATH, [("Content-Type", "application/json"), ("Content-Length", "60000000")])
        await client.send(b"{")
        response = await client.read_response()

    assert (408, "request_read_timeout") == outcome(response)
