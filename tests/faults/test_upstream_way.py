"""
A bad way: between the provider and the gateway, and between the gateway and the client, with CHAOS in the middle.

Whatever the way does to an answer, the client has all of it or is told that it has not.
"""

import pytest

from tests.faults.conftest import PATH
from tests.faults.streams import data_events, said
from tests.support.chaos import Chaos, Way
from tests.support.raw import RawClient
from tests.upstream import openai
from tests.upstream.steps import fin, hang

LONG = {"connect_s": 10, "first_byte_s": 10, "answer_s": 10, "idle_s": 10, "total_s": 30}
STREAM = openai.stream(["Hel", "lo"])
WHOLE = openai.completion("Hello")


@pytest.fixture
async def way(upstream):
    """The proxy before the upstream; it outlives the gateway, whose next call goes through it."""
    async with Chaos(upstream.port) as chaos:
        yield chaos
        assert chaos.connections


def through(chaos):
    return {"base_url": f"http://127.0.0.1:{chaos.port}/v1"}


def heard(response, stream):
    """Give the text, and the error's code."""
    if response.status == 200 and stream:
        events = data_events(response)
        return said(events), None if events[-1] == "[DONE]" else events[-1]["error"]["code"]
    error = response.json.get("error")
    return ("", error["code"]) if error else (response.json["choices"][0]["message"]["content"], None)


@pytest.mark.case("U21", "U30")
@pytest.mark.parametrize("stream", [True, False])
async def test_late_and_in_pieces(way, pair, stream):
    """U21, U30: requests and answers that come late, out of step and byte by byte are the same."""
    way.there, way.back = Way(latency_s=0.02, piece=7), Way(latency_s=0.02, jitter_s=0.02, piece=1)
    both = await pair(clocks=LONG, up=through(way))
    both.plays(STREAM if stream else WHOLE)

    assert ("Hello", None) == heard(await both.ask(stream=stream), stream)
    assert "Hello" in both.upstream.requests[0].json["messages"][0]["content"]


@pytest.mark.case("U13", "U14")
@pytest.mark.parametrize("end", ["fin", "rst"])
@pytest.mark.parametrize("stream", [True, False])
async def test_cut_anywhere(way, pair, stream, end):
    """U13, U14: cut at any byte of its head or body an answer is an error, or was whole; it is never short and well."""
    both = await pair(clocks=LONG, up=through(way))
    both.plays((*(STREAM if stream else WHOLE), fin()))
    assert ("Hello", None) == heard(await both.ask(stream=stream), stream)
    length = both.upstream.connections[0].sent_bytes
    whole = 0

    for cut_at in range(1, length, 13):
        way.back = Way(cut_at=cut_at, cut=end)
        text, code = heard(await both.ask(stream=stream), stream)
        whole += code is None
        assert text == "Hello" if code is None else code.startswith("upstream_"), (cut_at, text, code)
    way.back = Way()

    assert whole <= length // 13 // 2  # most cuts are before the finish
    assert 1 + len(range(1, length, 13)) == len(both.upstream.requests)  # nothing was sent twice


@pytest.mark.parametrize(
    ("when", "code"),
    [
        pytest.param("before", "first_byte", marks=pytest.mark.case("U07")),
        pytest.param("in the head", "first_byte", marks=pytest.mark.case("U10")),
        pytest.param("in mid-stream", "idle", marks=pytest.mark.case("U08")),
    ],
)
async def test_way_that_goes_silent(way, pair, when, code):
    """U07, U08, U10: a way that stands still, closing nothing, is what its provider would be: the clocks run."""
    both = await pair(up=through(way), clocks={"connect_s": 10, "first_byte_s": 0.4 if code == "first_byte" else 10})
    both.plays((*openai.stream(["Hello"] * 200), fin()))
    way.back = Way(bytes_per_s=4_000)  # eighty bytes at a time
    async with RawClient("127.0.0.1", both.gateway.port) as client:
        if when == "before":
            way.freeze()
        await client.request("POST", PATH, body=both.body(stream=True))
        seen = b""
        if when == "in the head":
            await both.upstream.received()
        while when == "in mid-stream" and b"Hello" not in seen:
            seen += await client.read_some()
        way.freeze()
        while b"_timeout" not in seen:
            seen += (more := await client.read_some())
            assert more, seen
    way.thaw()
    way.back = Way()

    assert b'"code":"upstream_%b_timeout"' % code.encode() in seen
    assert b"[DONE]" not in seen


@pytest.mark.case("C05")
@pytest.mark.parametrize("end", ["fin", "rst"])
async def test_clients_way_breaks(pair, end):
    """C05: a client whose way breaks in mid-stream has left: the provider is let go."""
    both = await pair(clocks=LONG)
    both.plays((*openai.stream(["Hel"], finish=None, done=False)[:-1], hang()))
    async with (
        Chaos(both.gateway.port, back=Way(cut_at=450, cut=end)) as chaos,
        RawClient("127.0.0.1", chaos.port) as client,
    ):
        await client.request("POST", PATH, body=both.body(stream=True))
        await both.upstream.received()
        assert await client.eof_within(9)
        await both.gateway.services.gateway.idle()
        assert await both.upstream.quiet()

    assert ["client_closed"] == [record.status for record in both.gateway.records]
