import asyncio

import h11
import pytest

from tests.support.raw import RawClient
from tests.upstream import openai
from tests.upstream.framing import answer
from tests.upstream.request import RequestReader
from tests.upstream.server import Upstream
from tests.upstream.steps import expect_closed, fin, flood, hang, rst, send, sleep, tell, wait

PATH = "/v1/chat/completions"
both_loops = pytest.mark.asyncio(loop_factories=["asyncio", "uvloop"])


def client(upstream: Upstream, **options) -> RawClient:
    return RawClient("127.0.0.1", upstream.port, **options)


@both_loops
async def test_records_requests_and_connections():
    """Two requests on one connection are both there, with head, headers, body and the connection they came on."""
    async with Upstream() as upstream:
        upstream.on("POST", PATH, openai.completion())
        async with client(upstream) as raw:
            for number in (1, 2):
                await raw.request("POST", f"{PATH}?n={number}", [("X-A", "1"), ("x-a", "2")], {"n": number})
                response = await raw.read_response()
                assert (200, True) == (response.status, response.complete)
        assert await upstream.quiet()

    first, second = upstream.requests
    assert ("POST", f"{PATH}?n=1", PATH, {"n": 1}) == (first.method, first.target, first.path, first.json)
    assert "1, 2" == first.header("X-A")
    assert None is first.header("x-b")
    assert first.head.startswith(b"POST /v1/chat/completions?n=1 HTTP/1.1\r\nHost: ")
    assert first.head.endswith(b"\r\n\r\n")
    assert b'{"n": 2}' == second.body
    (connection,) = upstream.connections
    assert [first, second] == connection.requests


@both_loops
async def test_scripts_are_played_in_order_and_the_last_repeats():
    """A queue of scripts is played one per request; the last one serves whatever comes after; ``on`` starts anew."""
    statuses = []
    async with Upstream() as upstream:
        upstream.on("GET", "/", openai.error(503), openai.error(429), openai.models([]))
        async with client(upstream) as raw:
            for _ in range(4):
                await raw.request("GET", "/")
                statuses.append((await raw.read_response()).status)
            upstream.on("GET", "/", lambda request: answer(request.target.encode(), status=418))
            await raw.request("GET", "/?q")
            last = await raw.read_response()

    assert [503, 429, 200, 200] == statuses
    assert (418, b"/?q") == (last.status, last.body)


async def test_a_request_without_a_script_fails_the_test():
    """A request that nobody expected gets a 500, and leaving the upstream raises."""

    async def ask() -> None:
        async with Upstream() as upstream, client(upstream) as raw:
            await raw.request("GET", "/what")
            assert 500 == (await raw.read_response()).status

    with pytest.raises(AssertionError, match="upstream: GET /what has no script"):
        await ask()


async def test_failures_do_not_hide_the_tests_own():
    """When the test has failed already, what went wrong upstream is added to that error as a note."""

    async def ask() -> None:
        async with Upstream() as upstream, client(upstream) as raw:
            await raw.request("GET", "/what")
            await raw.read_response()
            raise ValueError(mine)

    mine = "the test's own"
    with pytest.raises(ValueError, match=mine) as caught:
        await ask()

    assert ["upstream: GET /what has no script"] == caught.value.__notes__


async def test_what_is_not_http_fails_the_test():
    """Bytes that are no request fail the test, and the connection is dropped."""

    async def babble() -> None:
        async with Upstream() as upstream, client(upstream) as raw:
            await raw.send(b"nonsense\r\n\r\n")
            assert await raw.eof_within(1)

    with pytest.raises(AssertionError, match="not HTTP"):
        await babble()


@both_loops
async def test_rst_drops_nothing_that_was_sent():
    """A reset after half an answer: the client gets the half, then the reset."""
    async with Upstream() as upstream:
        upstream.on("GET", "/", (send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"), rst()))
        async with client(upstream) as raw:
            await raw.request("GET", "/")
            await upstream.received()
            assert await upstream.connections[0].closed_within(1)
            response = await raw.read_response()

    assert (b"half", False) == (response.body, response.complete)
    assert "self" == upstream.connections[0].end


@both_loops
async def test_rst_is_a_reset_and_fin_is_not():
    """``rst`` gives the client ``ConnectionResetError``, ``fin`` an orderly end."""
    async with Upstream() as upstream:
        upstream.on("GET", "/rst", (rst(),))
        upstream.on("GET", "/fin", (fin(),))
        async with client(upstream) as raw:
            await raw.request("GET", "/rst")
            with pytest.raises(ConnectionResetError):
                await raw.read_some()
        async with client(upstream) as raw:
            await raw.request("GET", "/fin")
            assert b"" == await raw.read_some()


@both_loops
async def test_acts_at_accept():
    """What is scripted for accepted connections is played before a byte is read, one script per connection."""
    async with Upstream() as upstream:
        upstream.on_accept((rst(),), (send(b"garbage\r\n\r\n"),), ())
        upstream.on("GET", "/", openai.models([]))
        async with client(upstream) as raw:
            assert await raw.eof_within(1)
        async with client(upstream) as raw:
            assert b"garbage\r\n\r\n" == await raw.read_some()
        async with client(upstream) as raw:
            await raw.request("GET", "/")
            assert 200 == (await raw.read_response()).status

    assert 3 == len(upstream.connections)


@both_loops
@pytest.mark.parametrize("how", ["fin", "reset"])
async def test_notes_how_and_when_the_other_side_left(how):
    """A client that leaves in mid-answer ends the script, and the connection tells when and how it left."""
    async with Upstream() as upstream:
        upstream.on("GET", "/", (send(b"HTTP/1.1 200 OK\r\n\r\n"), hang()))
        async with client(upstream) as raw:
            await raw.request("GET", "/")
            await raw.read_head()
            assert 1 == upstream.connections_open
            left_at = asyncio.get_running_loop().time()
            raw.rst() if how == "reset" else raw.fin()
            assert await upstream.quiet(within_s=0.5)

    (connection,) = upstream.connections
    assert how == connection.end
    assert connection.closed_at is not None
    assert connection.opened_at <= left_at <= connection.closed_at


async def test_a_request_sent_before_leaving_counts():
    """A client that sends a request and closes at once has still been heard."""
    async with Upstream() as upstream:
        upstream.on("GET", "/", (hang(),))
        async with client(upstream) as raw:
            await raw.request("GET", "/")
        await upstream.received()
        assert await upstream.quiet()


async def test_expect_closed_fails_the_test_when_the_connection_stays():
    """A connection that is still open when it should not be fails the test."""

    async def stay() -> None:
        async with Upstream() as upstream, client(upstream) as raw:
            upstream.on("GET", "/", (expect_closed(0.02),))
            await raw.request("GET", "/")
            assert await raw.eof_within(1)

    with pytest.raises(AssertionError, match=r"upstream: the connection was not closed within 0\.02 s"):
        await stay()


async def test_quiet_says_no_while_a_connection_is_open():
    """``quiet`` and ``closed_within`` are false when the time is over and a connection is still there."""
    async with Upstream() as upstream:
        async with client(upstream) as raw:
            upstream.on("GET", "/", openai.models([]))
            await raw.request("GET", "/")
            await raw.read_response()
            assert not await upstream.quiet(within_s=0.01)
            assert not await upstream.connections[0].closed_within(0.01)
        assert await upstream.quiet()


@both_loops
async def test_events_order_test_and_script():
    """A script waits for the test, and tells it how far it is."""
    go, reached = asyncio.Event(), asyncio.Event()
    async with Upstream() as upstream:
        upstream.on("GET", "/", (*openai.models([]), tell(reached), wait(go), sleep(0.001), fin()))
        async with client(upstream) as raw:
            await raw.request("GET", "/")
            await raw.read_response()
            await reached.wait()
            assert not await raw.eof_within(0.01)
            go.set()
            assert await raw.eof_within(1)


@both_loops
async def test_pieces_are_read_one_by_one():
    """Text sent one byte at a time reaches a client in the same loop one byte at a time."""
    reads = []
    async with Upstream() as upstream:
        upstream.on_accept((send(b"0123456789", piece=1), send(b"ab"), send(b"cd"), fin()))
        async with client(upstream) as raw:
            while data := await raw.read_some():
                reads.append(data)

    assert [*(b"%d" % digit for digit in range(10)), b"ab", b"cd"] == reads


@both_loops
async def test_sent_bytes_stand_still_while_nobody_reads():
    """An upstream that floods a client which does not read comes to a halt, and goes on when it reads."""
    async with Upstream(send_buffer=4096) as upstream:
        upstream.on_accept((flood(b"x" * 1024),))
        async with client(upstream, receive_buffer=4096) as raw:
            await raw.read_some()
            (connection,) = upstream.connections
            before = -1
            while before != connection.sent_bytes < 1 << 20:
                before = connection.sent_bytes
                await asyncio.sleep(0.02)
            assert 1 << 20 > before
            assert before == connection.sent_bytes
            for _ in range(100):
                await raw.read_some()
            await asyncio.sleep(0.02)
            assert before < connection.sent_bytes
        assert await upstream.quiet()


async def test_leaving_ends_connections_and_scripts():
    """Leaving the upstream closes whatever is open, hanging scripts too."""
    async with Upstream() as upstream:
        upstream.on("GET", "/", (hang(),))
        raw = client(upstream)
        await raw.__aenter__()
        await raw.request("GET", "/")
        await upstream.received()

    assert 0 == upstream.connections_open
    assert await raw.eof_within(1)
    await raw.__aexit__(None, None, None)


REQUESTS = (
    b"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello"
    b"POST /b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"
    b"GET /c HTTP/1.1\r\nHost: h\r\n\r\n"
)


@pytest.mark.parametrize("cut", range(len(REQUESTS)))
def test_requests_are_the_same_however_they_are_cut(cut):
    """Requests with a length, chunked and without a body are read alike wherever a read ends."""
    reader = RequestReader()

    requests = reader.feed(REQUESTS[:cut]) + reader.feed(REQUESTS[cut:])

    assert [("/a", b"hello"), ("/b", b"hello"), ("/c", b"")] == [(r.target, r.body) for r in requests]
    assert b"GET /c HTTP/1.1\r\nHost: h\r\n\r\n" == requests[2].head


def test_a_request_without_a_host_is_refused():
    """The upstream is strict about what the gateway sends."""
    with pytest.raises(h11.RemoteProtocolError):
        RequestReader().feed(b"GET / HTTP/1.1\r\n\r\n")
