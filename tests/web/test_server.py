import pytest

from llms.web.server import canonical_path
from tests.support.raw import RawClient


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/v1/chat/completions", "/v1/chat/completions"),
        ("/chat/completions", "/v1/chat/completions"),
        ("/chat/completions/", "/v1/chat/completions"),
        ("//v1//chat/completions", "/v1/chat/completions"),
        ("/v1/v1/chat/completions", "/v1/chat/completions"),
        ("/api/v1/models", "/v1/models"),
        ("/openai/v1/models/", "/v1/models"),
        ("/models/a/b?x=/models/", "/v1/models/a/b?x=/models/"),
        ("/v1/models/a%2Fb", "/v1/models/a%2Fb"),
        ("/v1/models/models/x", "/v1/models/models/x"),
        ("/v1/", "/v1"),
        ("/v1", "/v1"),
        ("/", "/"),
        ("//", "/"),
        ("/?x=1", "/?x=1"),
        ("/providers", "/v1/providers"),
        ("/ui/chat/a", "/ui/chat/a"),
        ("/ui/models/", "/ui/models"),
        ("/healthz/", "/healthz"),
        ("/v1/../healthz", "/v1/../healthz"),
        ("*", "*"),
        ("http://evil.example//v1/models", "http://evil.example//v1/models"),
    ],
)
def test_one_spelling(target, expected):
    """Every spelling of a path that clients use is brought to one; dots and escapes are left alone."""
    assert expected == canonical_path(target)


@pytest.mark.parametrize("target", ["/v1/chat/completions", "/", "/healthz", "/v1/models/a"])
def test_usual_path_is_not_copied(target):
    """The usual spelling is handed on as it is."""
    assert canonical_path(target) is target


UPGRADE = b"GET /v1/models/a HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: %b\r\n\r\n"
POST = b"POST /v1/models/b HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"
PLAIN = b"GET /v1/models/c HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.mark.parametrize("protocol", [b"h2c", b"websocket", b"TLS/1.0"])
async def test_upgrade_keeps_the_connection_in_step(gateway, protocol):
    """
    What follows a refused upgrade is never read from its middle.

    aiohttp's parser drops the bytes behind most upgrades that came in one read with them; a body that comes later would
    be taken for a request.
    """
    running = await gateway()
    async with RawClient("127.0.0.1", running.port) as client:
        await client.send(UPGRADE % protocol + POST % len(PLAIN))
        await client.send(PLAIN)
        response = await client.read_response()

        assert (404, "close") == (response.status, response.header("connection"))
        assert await client.eof_within(5)


@pytest.mark.parametrize("version", [b"0.9", b"2.0"])
async def test_other_version(gateway, version):
    """A request in another version of HTTP is refused, in one that everybody reads."""
    running = await gateway()
    async with RawClient("127.0.0.1", running.port) as client:
        await client.send(PLAIN.replace(b"HTTP/1.1", b"HTTP/" + version))
        response = await client.read_response()

        assert (400, "malformed_request") == (response.status, response.json["error"]["code"])
        assert response.head.raw.startswith(b"HTTP/1.1 ")
        assert await client.eof_within(5)


async def test_old_version(gateway):
    """HTTP/1.0 is served; health checks speak it."""
    running = await gateway()
    async with RawClient("127.0.0.1", running.port) as client:
        await client.send(b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n")

        assert 200 == (await client.read_response()).status


@pytest.mark.parametrize("coding", [b"", b" ", b"identity", b"gzip, chunked", b"chunked, chunked", b"chunked,"])
async def test_other_transfer_coding(gateway, coding):
    """A body is framed by its length or in chunks; a coding that two readers may read in two ways ends the connection."""
    running = await gateway()
    async with RawClient("127.0.0.1", running.port) as client:
        await client.send(b"GET /v1/models/a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding:" + coding + b"\r\n\r\n")
        response = await client.read_response()

        assert (400, "malformed_request") == (response.status, response.json["error"]["code"])
        assert await client.eof_within(5)


@pytest.mark.parametrize("head", [b"CONNECT  \r\n\r\n", b"CONNECT a\r\n\r\n", b"CONNECT  HTTP/1.1\r\nHost: a\r\n\r\n"])
async def test_connect_to_nothing(gateway, head):
    """What the parser makes a request of, be it without a path, is refused, and holds no connection."""
    running = await gateway()
    async with RawClient("127.0.0.1", running.port) as client:
        await client.send(head)
        response = await client.read_response()

        assert (400, "malformed_request") == (response.status, response.json["error"]["code"])
        assert await client.eof_within(5)
