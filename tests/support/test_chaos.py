"""The chaos proxy does to a connection what it is told, and nothing else."""

import asyncio

import pytest

from tests.support.chaos import Chaos, Way
from tests.support.raw import RawClient
from tests.upstream import openai
from tests.upstream.server import Upstream
from tests.upstream.steps import fin, hang, send

PATH = "/x"
DATA = bytes(range(256)) * 100


@pytest.fixture
async def upstream():
    async with Upstream() as running:
        yield running


async def read(chaos):
    """Ask through the proxy; give what came until the end, the reads it came in, the seconds it took, how it ended."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    async with RawClient("127.0.0.1", chaos.port) as client:
        await client.request("GET", PATH)
        pieces = []
        try:
            while piece := await client.read_some():
                pieces.append(piece)
            end = "fin"
        except ConnectionResetError:
            end = "rst"
        return b"".join(pieces), pieces, loop.time() - started, end


async def test_nothing_is_changed(upstream):
    """Without trouble every byte passes, and the end does."""
    upstream.on("GET", PATH, (send(DATA), fin()))

    async with Chaos(upstream.port) as chaos:
        data, _, _, end = await read(chaos)

    assert (DATA, "fin") == (data, end)
    assert 1 == chaos.connections


async def test_garbled(upstream):
    """Each byte arrives, as another one."""
    upstream.on("GET", PATH, (send(DATA), fin()))

    async with Chaos(upstream.port, back=Way(garbled=True)) as chaos:
        data, _, _, end = await read(chaos)

    assert (len(DATA), "fin") == (len(data), end)
    assert not any(got == sent for got, sent in zip(data, DATA, strict=True))


async def test_pieces(upstream):
    """Bytes arrive one by one."""
    upstream.on("GET", PATH, (send(b"abcdefgh"), fin()))

    async with Chaos(upstream.port, back=Way(piece=1)) as chaos:
        data, pieces, _, _ = await read(chaos)

    assert b"abcdefgh" == data
    assert 8 == len(pieces)


@pytest.mark.parametrize(
    "ways", [{"there": Way(latency_s=0.2)}, {"back": Way(latency_s=0.2)}, {"back": Way(bytes_per_s=128_000)}]
)
async def test_slow(upstream, ways):
    """Bytes are late, on the way there or back, or few at a time; none is lost."""
    upstream.on("GET", PATH, (send(DATA), fin()))

    async with Chaos(upstream.port, **ways) as chaos:
        data, _, took_s, _ = await read(chaos)

    assert DATA == data
    assert took_s >= 0.19


async def test_jitter_keeps_the_order(upstream):
    """Jitter moves bytes, never past each other."""
    upstream.on("GET", PATH, (send(DATA, piece=1000), fin()))

    async with Chaos(upstream.port, back=Way(jitter_s=0.05)) as chaos:
        data, _, _, _ = await read(chaos)

    assert DATA == data


@pytest.mark.parametrize("cut", ["fin", "rst"])
@pytest.mark.parametrize("piece", [None, 7])
async def test_cut(upstream, cut, piece):
    """The connection ends after so many bytes, in good order or not, and on both sides."""
    upstream.on("GET", PATH, (send(DATA), hang()))

    async with Chaos(upstream.port, back=Way(cut_at=1000, cut=cut, piece=piece)) as chaos:
        data, _, _, end = await read(chaos)
        assert await upstream.quiet()

    assert cut == end
    assert DATA[:1000] == data or cut == "rst"  # what a reset overtakes is lost


async def test_cut_on_the_way_there(upstream):
    """A request can be cut too; the upstream never sees the whole of it."""
    async with Chaos(upstream.port, there=Way(cut_at=5)) as chaos:
        await read(chaos)

    assert [] == upstream.requests


async def test_freeze(upstream):
    """Frozen, nothing passes and nothing is closed; thawed, all of it does."""
    upstream.on("GET", PATH, openai.completion("x"))

    async with Chaos(upstream.port) as chaos, RawClient("127.0.0.1", chaos.port) as client:
        chaos.freeze()
        await client.request("GET", PATH)
        with pytest.raises(TimeoutError):
            await client.read_some(timeout=0.2)
        assert [] == upstream.requests
        chaos.thaw()

        assert 200 == (await client.read_response()).status


async def test_end_is_passed_on(upstream):
    """A client that leaves is seen to leave."""
    upstream.on("GET", PATH, (hang(),))

    async with Chaos(upstream.port) as chaos:
        async with RawClient("127.0.0.1", chaos.port) as client:
            await client.request("GET", PATH)
            await upstream.received()
            client.rst()

        assert await upstream.quiet()


async def test_nobody_there():
    """A target that does not listen is a reset connection."""
    async with Upstream() as upstream:
        port = upstream.port

    async with Chaos(port) as chaos:
        _, _, _, end = await read(chaos)

    assert "rst" == end
