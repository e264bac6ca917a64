"""
What a slow or a silent provider costs: the clocks of a call, at both ends.

Every case runs in both dialects. A clock is held to never run out early, and to run out in time once in three calls: a
busy machine has pauses.
"""

import asyncio
from dataclasses import dataclass

import pytest

from tests.faults.conftest import Pair, case_table
from tests.faults.streams import data_events, said
from tests.support.raw import Response
from tests.upstream import ollama, openai
from tests.upstream.framing import chunked, head
from tests.upstream.steps import Step, drip, expect_closed, hang, send, sleep

CLOSED_S = 0.1
"""How soon the provider's connection is closed once a clock has run out."""


@dataclass(frozen=True)
class Kind:
    """A dialect's bytes."""

    media_type: str
    begun: tuple[Step, ...]  # a stream in the middle of its body, "Hel" said
    rest: tuple[Step, ...]  # says "lo" and ends
    comment: bytes
    half: bytes  # of an event, to be repeated inside it


KINDS = {
    "openai": Kind(
        media_type="text/event-stream",
        begun=openai.stream(["Hel"], finish=None, done=False)[:-1],
        rest=openai.stream(["lo"], role=False)[1:],
        comment=b": OPENROUTER PROCESSING\n\n",
        half=b"data: x",
    ),
    "ollama": Kind(
        media_type="application/x-ndjson",
        begun=ollama.chat_lines(["Hel"], done=False)[:-1],
        rest=ollama.chat_lines(["lo"])[1:],
        comment=b" \r\n",  # a blank line is the nearest that NDJSON has
        half=b'{"message":',
    ),
}


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


def headed(kind: str) -> Step:
    return send(head(200, [("Content-Type", KINDS[kind].media_type), ("Transfer-Encoding", "chunked")]))


async def timed(both: Pair, **fields: object) -> tuple[Response, float, float]:
    """Ask once; give the answer, how long it took, and how much later the provider's connection was closed."""
    loop = asyncio.get_running_loop()
    started_at = loop.time()
    response = await both.ask(**fields)
    ended_at = response.chunks[-1].at
    connection = both.upstream.connections[-1]
    assert await connection.closed_within(5)
    return response, ended_at - started_at, connection.closed_at - ended_at


async def ran_out(both: Pair, clock_s: float, **fields: object) -> Response:
    """Ask until the clock was met, up to three times; give the answer."""
    for _ in range(3):
        response, took_s, later_s = await timed(both, **fields)
        assert took_s >= clock_s - 0.001  # the loop counts whole milliseconds, as floats
        if took_s <= 1.1 * clock_s + 0.05 and later_s <= CLOSED_S:
            return response
    pytest.fail(f"the clock of {clock_s} s ran out after {took_s:.2f} s, and the connection lived {later_s:.2f} s more")


SILENT = {
    "U07 never answers": lambda _: (hang(),),
    "U10 silence in the head": lambda _: (send(b"HTTP/1.1 200 OK\r\nContent-Ty"), hang()),
    "U10 a header now and then": lambda _: (send(b"HTTP/1.1 200 OK\r\n"), drip(b"X-Y: z\r\n", 0.05)),
    "U09 a whole answer, byte by byte": lambda _: (
        send(head(200, [("Content-Type", "application/json"), ("Content-Length", "1000000")])),
        drip(b" ", 0.05),
    ),
    "U36 head and nothing more": lambda kind: (headed(kind), hang()),
    "U36 comments for ever": lambda kind: (headed(kind), drip(chunked(KINDS[kind].comment), 0.05)),
    "U36 half an event": lambda kind: (headed(kind), drip(chunked(KINDS[kind].half), 0.05)),
}


@pytest.mark.parametrize("case", case_table(SILENT))
@pytest.mark.parametrize("stream", [True, False])
async def test_no_first_data(pair, kind, case, stream):
    """Without data in time it is a 504, whatever else came: heads, comments and half events are no data."""
    both = await pair(kind=kind, clocks={"first_byte_s": 0.4, "answer_s": 0.4})
    both.plays(SILENT[case](kind))

    response = await ran_out(both, 0.4, stream=stream)

    assert (504, "upstream_first_byte_timeout") == (response.status, response.json["error"]["code"])
    assert "false" == response.header("x-should-retry")
    record = both.gateway.records[-1]
    assert ("timeout", "upstream_first_byte_timeout", None, 0) == (
        record.status,
        record.code,
        record.usage,
        record.chunks,
    )
    assert len(both.gateway.records) == len(both.upstream.requests)  # R-ambig: not sent twice


@pytest.mark.case("U36")
async def test_no_first_data_under_keep_alives(pair, kind):
    """U36: if a keep-alive has gone out already, the same failure is an event."""
    both = await pair(kind=kind, clocks={"first_byte_s": 0.4}, keepalive_s=0.1)
    both.plays(SILENT["U36 comments for ever"](kind))

    events = data_events(await both.ask(stream=True))

    assert ["upstream_first_byte_timeout"] == [event["error"]["code"] for event in events]


@pytest.mark.case("U08")
async def test_silence_after_data(pair, kind):
    """U08: three events and silence end in an error event when the idle clock runs out."""
    both = await pair(kind=kind, clocks={"idle_s": 0.4})
    script = openai.stream(["H", "e", "l"], finish=None, done=False)[:-1]
    if kind == "ollama":
        script = ollama.chat_lines(["H", "e", "l"], done=False)[:-1]
    both.plays((*script, hang()))

    response = await ran_out(both, 0.4, stream=True)

    events = data_events(response)
    assert ("Hel", "upstream_idle_timeout") == (said(events), events[-1]["error"]["code"])
    assert (200, True) == (response.status, response.complete)
    record = both.gateway.records[-1]
    assert ("timeout", "upstream_idle_timeout", None) == (record.status, record.code, record.usage)
    assert record.chunks >= 3


DRIPS = {
    "U09 half events": lambda kind: chunked(kind.half),
    "U23 comments": lambda kind: chunked(kind.comment),
    "U09 data": lambda kind: chunked(
        openai.event(openai.chunk({"content": "."}))
        if kind is KINDS["openai"]
        else ollama.line(ollama.message(content="."))
    ),
}


@pytest.mark.parametrize("case", case_table(DRIPS))
async def test_total_clock(pair, kind, case):
    """U09, U23: signs of life keep the idle clock from running out, never the total one; no half event is ever seen."""
    both = await pair(kind=kind, clocks={"idle_s": 0.5, "total_s": 1.2})
    both.plays((*KINDS[kind].begun, drip(DRIPS[case](KINDS[kind]), 0.1)))

    response = await ran_out(both, 1.2, stream=True)

    events = data_events(response)
    assert "upstream_total_timeout" == events[-1]["error"]["code"]
    assert "Hel" == said(events).rstrip(".")
    assert ("timeout", "upstream_total_timeout") == (both.gateway.records[-1].status, both.gateway.records[-1].code)


@pytest.mark.case("U23")
async def test_comments_are_a_sign_of_life(pair, kind):
    """U23: ten thousand comments a second, for longer than the idle clock, harm nothing and are never passed on."""
    both = await pair(kind=kind, clocks={"idle_s": 0.5, "total_s": 20}, keepalive_s=0)
    comments = (send(chunked(KINDS[kind].comment * 500)), sleep(0.05)) * 25
    both.plays((*KINDS[kind].begun, *comments, *KINDS[kind].rest))

    response = await both.ask(stream=True)

    assert ("Hello", "[DONE]") == (said(data_events(response)), data_events(response)[-1])
    assert b"PROCESSING" not in response.body
    assert b"\n:" not in response.body
    assert "ok" == both.gateway.records[-1].status


@pytest.mark.case("U23")
async def test_comments_after_a_role_and_no_more(pair):
    """U23: a role is data, though it is kept back until something is said: comments after it are signs of life."""
    both = await pair(clocks={"first_byte_s": 0.5, "idle_s": 0.5, "total_s": 20})
    role, rest = openai.stream([], finish=None, done=False)[:-1], openai.stream(["Hello"], role=False)[1:]
    both.plays((*role, *(send(chunked(KINDS["openai"].comment)), sleep(0.05)) * 25, *rest))

    assert "Hello" == said(data_events(await both.ask(stream=True)))


@pytest.mark.case("U71")
async def test_hangs_on_close(pair, kind):
    """U71: the client has its answer at [DONE]; a provider that then neither ends nor closes is dropped within a second."""
    both = await pair(kind=kind)
    both.plays((*KINDS[kind].begun, *KINDS[kind].rest[:-1], expect_closed(2.5)))

    response, took_s, later_s = await timed(both, stream=True)

    assert ("Hello", "[DONE]") == (said(data_events(response)), data_events(response)[-1])
    assert took_s < 0.9  # it did not wait for the close
    assert later_s < 2
    assert "ok" == both.gateway.records[-1].status
