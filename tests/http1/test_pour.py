"""A body that is pushed: all of it, in order, at the sink's own pace; and how it ends."""

import asyncio
import gzip

import pytest

from llms.errors import UpstreamBadResponseError, UpstreamTruncatedError
from llms.exchange import EnoughError, UpstreamRequest
from llms.transport import Transport
from tests.upstream.framing import answer
from tests.upstream.server import Upstream
from tests.upstream.steps import fin, flood, hang, send, sleep

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio", "uvloop"])

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def chunk(data):
    return b"%x\r\n%b\r\n" % (len(data), data)


class Sink:
    """Collects; does for each piece what it is told to."""

    def __init__(self, react=lambda _: None):
        self.pieces = []
        self._react = react
        self._inside = False

    def __call__(self, data):
        assert not self._inside
        self._inside = True
        try:
            self.pieces.append(data)
            return self._react(self)
        finally:
            self._inside = False

    @property
    def data(self):
        return b"".join(self.pieces)


async def poured(script, sink, *, first=0, requests=1):
    """Pour an answer into a sink, after taking so many pieces; give how many connections there were."""
    async with Upstream() as upstream, Transport(5) as transport:
        upstream.on("GET", "/", script)
        for _ in range(requests):
            async with transport.send(UpstreamRequest("GET", f"{upstream.url}/", {})) as response:
                blocks = response.blocks()
                for _ in range(first):
                    sink(await anext(blocks))
                await response.into(sink)
        return len(upstream.connections)


@pytest.mark.parametrize("first", [0, 1])
async def test_all_of_it(first):
    """Every byte comes, in order, whether or not the first ones were pulled; the connection is used again."""
    script = (send(CHUNKED), *(send(chunk(b"%d," % n)) for n in range(50)), send(b"0\r\n\r\n"))
    sink = Sink()

    connections = await poured(script, sink, first=first, requests=2)

    assert b"".join(b"%d," % n for n in range(50)) * 2 == sink.data
    assert 1 == connections


async def test_each_read_at_once():
    """What comes is handed on when it comes."""
    sink = Sink()
    script = (
        send(CHUNKED),
        *(step for n in range(3) for step in (send(chunk(b"%d" % n)), sleep(0.05))),
        send(b"0\r\n\r\n"),
    )

    await poured(script, sink)

    assert [b"0", b"1", b"2"] == sink.pieces


async def test_a_burst_is_whole():
    """A burst is let gather, and nothing of it is lost."""
    data = [b"%06d" % n * 200 for n in range(3000)]
    sink = Sink()

    await poured((send(CHUNKED), *(send(chunk(one)) for one in data), send(b"0\r\n\r\n")), sink)

    assert b"".join(data) == sink.data
    assert max(map(len, sink.pieces)) <= 64 << 10


async def test_sink_that_takes_its_time():
    """While the sink is busy nothing is handed on, and little is read; then it goes on."""
    busy = []

    def react(_):
        busy.append(asyncio.get_running_loop().create_future())
        asyncio.get_running_loop().call_later(0.01, busy[-1].set_result, None)
        return busy[-1]

    sink = Sink(lambda sink: react(sink) if all(one.done() for one in busy) else pytest.fail("handed on too early"))
    data = [b"%d" % n * 30_000 for n in range(20)]

    await poured((send(CHUNKED), *(send(chunk(one)) for one in data), send(b"0\r\n\r\n")), sink)

    assert b"".join(data) == sink.data


async def test_sink_that_never_has_time_stops_the_upstream():
    """What an upstream may send ahead is what the kernel holds."""
    never = []

    def react(_):
        never.append(asyncio.get_running_loop().create_future())
        return never[-1]

    sink = Sink(react)
    async with Upstream() as upstream, Transport(5) as transport:
        upstream.on("GET", "/", (send(CHUNKED), flood(chunk(b"x" * 10_000))))
        async with transport.send(UpstreamRequest("GET", f"{upstream.url}/", {})) as response:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.5):
                    await response.into(sink)
            sent = upstream.connections[0].sent_bytes
            assert 1 == len(sink.pieces)
        assert await upstream.quiet()

    assert sent < 20 << 20


@pytest.mark.parametrize(
    ("script", "error"),
    [
        ((send(CHUNKED + chunk(b"hel")), fin()), UpstreamTruncatedError),
        ((send(CHUNKED + chunk(b"hel") + b"zz\r\n"), hang()), UpstreamBadResponseError),
    ],
)
async def test_what_came_before_a_fault(script, error):
    """It is handed on first."""
    sink = Sink()

    with pytest.raises(error):
        await poured(script, sink)

    assert b"hel" == sink.data


async def test_sink_that_fails():
    """Its error comes out, and the connection is closed."""

    def react(_):
        raise ZeroDivisionError

    async with Upstream() as upstream, Transport(5) as transport:
        upstream.on("GET", "/", (send(CHUNKED), flood(chunk(b"x" * 1000))))
        with pytest.raises(ZeroDivisionError):
            async with transport.send(UpstreamRequest("GET", f"{upstream.url}/", {})) as response:
                await response.into(Sink(react))
        assert await upstream.quiet()


async def test_sink_that_has_enough():
    """It has what it wanted: what is left of the framing is read over, and the connection is used again."""

    def react(sink):
        if sink.data.endswith(b"!"):
            raise EnoughError

    script = (send(CHUNKED + chunk(b"hello")), send(chunk(b"!")), sleep(0.05), send(b"0\r\n\r\n"))
    sink = Sink(react)
    async with Upstream() as upstream, Transport(5) as transport:
        upstream.on("GET", "/", script)
        for _ in range(2):
            async with transport.send(UpstreamRequest("GET", f"{upstream.url}/", {})) as response:
                await response.into(sink)
            await asyncio.sleep(0.2)
        assert 1 == len(upstream.connections)

    assert b"hello!" * 2 == sink.data


async def test_cancelled():
    """Nothing is handed on afterwards, and the upstream's work ends at once."""
    sink = Sink()
    async with Upstream() as upstream, Transport(5) as transport:
        upstream.on("GET", "/", (send(CHUNKED), flood(chunk(b"x"))))

        async def run():
            async with transport.send(UpstreamRequest("GET", f"{upstream.url}/", {})) as response:
                await response.into(sink)

        task = asyncio.create_task(run())
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        count = len(sink.pieces)
        assert await upstream.quiet()
        await asyncio.sleep(0.05)

    assert 0 < count == len(sink.pieces)


@pytest.mark.parametrize("first", [0, 1])
async def test_coding_is_undone(first):
    """A compressed body is handed on as what it stands for, also if it was begun to be pulled."""
    text = bytes(range(256)) * 2000
    sink = Sink()

    await poured(answer(gzip.compress(text), headers=[("Content-Encoding", "gzip")]), sink, first=first)

    assert text == sink.data
