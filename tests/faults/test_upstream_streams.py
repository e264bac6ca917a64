"""Streams that break, and streams that are odd and whole: cases U of the fault catalogue."""

import asyncio

import pytest

from tests.faults.conftest import PATH, case_table
from tests.faults.streams import FIRST, data_events, said
from tests.support.raw import RawClient
from tests.upstream import openai
from tests.upstream.steps import expect_closed, fin, hang, rst, send

WITHIN = {
    "U08 silence": ((*FIRST, hang()), "upstream_idle_timeout"),
    "U12 bad chunk size": ((*FIRST, send(b"zz\r\n\r\n"), fin()), "upstream_bad_response"),
    "U13 closed inside a chunked body": ((*FIRST, fin()), "upstream_truncated"),
    "U13 reset": ((*FIRST, rst()), "upstream_truncated"),
    "U13 chunked body ends, stream does not": ((*FIRST, send(b"0\r\n\r\n")), "upstream_truncated"),
    "U15 closed, close-delimited": (
        openai.stream(["Hel"], finish=None, done=False, framing="close"),
        "upstream_truncated",
    ),
    "U15 event without its blank line": (
        openai.stream(["Hel", b'data: {"choices":[]}'], finish=None, done=False, framing="close"),
        "upstream_truncated",
    ),
    "U31 JSON cut short": (openai.stream(["Hel", b'data: {"choices": [{"del\n\n', "lo"]), "upstream_bad_response"),
    "U33 large event": (openai.stream(["Hel", b"data: " + b"x" * (5 << 20) + b"\n\n"]), "upstream_event_too_large"),
    "U34 endless line": (openai.stream(["Hel", b"x" * (5 << 20)]), "upstream_event_too_large"),
    "U37 error object": (
        openai.stream(["Hel", b'data: {"error": {"message": "GPU on fire", "type": "x", "code": "burning"}}\n\n']),
        "burning",
    ),
    "U37 error event": (
        openai.stream(["Hel", b'event: error\ndata: {"message": "GPU on fire"}\n\n']),
        "upstream_error",
    ),
}


@pytest.mark.parametrize("case", case_table(WITHIN))
async def test_within_the_stream(pair, case):
    """A provider that fails in mid-stream ends the answer in an error event: no [DONE], the body ended cleanly."""
    script, code = WITHIN[case]
    both = await pair()
    both.upstream.on("POST", PATH, script)

    async with RawClient("127.0.0.1", both.gateway.port) as client:
        await client.request("POST", PATH, body=both.body(stream=True))
        response = await client.read_response()
        closed = await client.eof_within(1)

    events = data_events(response)
    assert (200, True, True) == (response.status, response.complete, closed)
    assert "Hel" == said(events)
    assert {"message", "type", "param", "code"} == set(events[-1]["error"])
    assert code == events[-1]["error"]["code"]
    assert "[DONE]" not in events
    assert all(choice["finish_reason"] is None for event in events[:-1] for choice in event["choices"])
    assert case == "U13 chunked body ends, stream does not" or await both.upstream.quiet()
    assert 1 == len(both.upstream.requests)
    assert ["timeout" if "timeout" in code else "upstream_error"] == [record.status for record in both.gateway.records]


WELL = {
    "U16 no [DONE]": openai.stream(["Hel", "lo"], done=False),
    "U16 no [DONE], close-delimited": openai.stream(["Hel", "lo"], done=False, framing="close"),
    "R4 [DONE] without finish": openai.stream(["Hel", "lo"], finish=None),
    "U17 events after [DONE]": openai.stream(["Hel", "lo"], suffix=openai.event(openai.chunk({"content": "more"}))),
    "U18 [DONE] twice": openai.stream(["Hel", "lo"], suffix=openai.DONE),
    "U18 [DONE] with blanks": openai.stream(["Hel", "lo"], done=False, suffix=b"data:[DONE] \r\n\r\n"),
    "U19 CRLF": openai.stream(["Hel", "lo"], newline=b"\r\n"),
    "U20 CR": openai.stream(["Hel", "lo"], newline=b"\r"),
    "U21 one byte at a time": openai.stream(["Hel", "lo"], newline=b"\r\n", piece=1),
    "U22 BOM": openai.stream(["Hel", "lo"], prefix=b"\xef\xbb\xbf"),
    "U23 comments": openai.stream([b": OPENROUTER PROCESSING\n\n", "Hel", b":\n\n" * 1000, "lo"]),
    "U25 id, retry, event": openai.stream([b"retry: 1\nid: 7\nevent: x\n\n", "Hel", "lo"]),
    "U26 ping": openai.stream(["Hel", b"event: ping\n\n", b"data:\n\n", "lo"]),
    "U28 [DONE] without its blank line": openai.stream(
        ["Hel", "lo"], done=False, suffix=b"data: [DONE]", framing="close"
    ),
    "U32 wrong shapes": openai.stream(
        ["Hel", b"data: null\n\n", b"data: [1]\n\n", b"data: 7\n\n", b'data: {"choices": {}}\n\n', "lo"]
    ),
    "U37 error: null": openai.stream(["Hel", b'data: {"error": null, "choices": []}\n\n', "lo"]),
    "U48 100 and 103 first": (
        send(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"),
        *openai.stream(["Hel", "lo"]),
    ),
    "U50 text/plain": openai.stream(["Hel", "lo"], content_type="text/plain"),
    "U50 no type": openai.stream(["Hel", "lo"], content_type=""),
    "U40 JSON though a stream was asked for": openai.completion("Hello"),
    "U71 hangs after [DONE]": (*openai.stream(["Hel", "lo"])[:-1], expect_closed(3)),
}


@pytest.mark.parametrize("case", case_table(WELL))
async def test_odd_but_well(pair, case):
    """A stream that is odd and complete gives the same answer as a plain one, with one finish and one [DONE]."""
    both = await pair()
    both.upstream.on("POST", PATH, WELL[case])

    response = await both.ask(stream=True)

    events = data_events(response)
    assert "Hello" == said(events)
    assert "[DONE]" == events[-1]
    assert 1 == events.count("[DONE]")
    finishes = [
        choice["finish_reason"] for event in events[:-1] for choice in event["choices"] if choice["finish_reason"]
    ]
    assert ["stop"] == finishes
    assert ["ok"] == [record.status for record in both.gateway.records]


@pytest.mark.case("U41")
async def test_u41_stream_though_none_was_asked_for(pair):
    """U41: a stream in answer to a call that is not streamed is collected."""
    both = await pair()
    both.upstream.on("POST", PATH, openai.stream(["Hel", "lo"], usage=openai.USAGE))

    response = await both.ask()

    assert "Hello" == response.json["choices"][0]["message"]["content"]
    assert openai.USAGE == response.json["usage"]


@pytest.mark.case("U41")
async def test_u41_endless_stream_though_none_was_asked_for(pair, monkeypatch):
    """U41: what is collected is bounded."""
    monkeypatch.setattr("llms.providers.http.MAX_ANSWER_BYTES", 10_000)
    both = await pair()
    both.upstream.on("POST", PATH, openai.stream(["x" * 1000] * 100))

    response = await both.ask()

    assert (502, "upstream_event_too_large") == (response.status, response.json["error"]["code"])


@pytest.mark.parametrize("end", [fin(), rst()], ids=["closed", "reset"])
async def test_lost_after_the_finish(pair, end):
    """A connection that is lost after the finish has lost nothing of the answer."""
    both = await pair()
    both.upstream.on("POST", PATH, (*openai.stream(["Hel", "lo"], done=False)[:-1], end))

    events = data_events(await both.ask(stream=True))

    assert ("Hello", "[DONE]") == (said(events), events[-1])


@pytest.mark.case("U35")
async def test_burst_does_not_hold_up_others(pair):
    """U35: a stream of very many tiny events leaves the loop to others."""
    both = await pair(clocks={"idle_s": 10, "total_s": 60})
    events = openai.event(openai.chunk({"content": "x"})) * 60_000
    both.upstream.on("POST", PATH, openai.stream([events]))
    loop = asyncio.get_running_loop()
    lags = []

    async def beat():
        while True:
            before = loop.time()
            await asyncio.sleep(0)
            lags.append(loop.time() - before)

    pulse = asyncio.create_task(beat())
    response = await both.ask(stream=True)
    pulse.cancel()

    assert 60_000 == response.body.count(b'"content":"x"')
    # Decoding all in one piece takes the better part of a second; the pieces take some milliseconds each.
    assert len(lags) > 50
