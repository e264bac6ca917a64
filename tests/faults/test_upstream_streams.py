"""Streams that break, and streams that are odd and whole: cases U of the fault catalogue."""

import pytest

from tests.faults.conftest import PATH, PATIENT, SHORT
from tests.faults.streams import FIRST, data_events, finishes, kind_table, said
from tests.support.raw import RawClient
from tests.upstream import ollama, openai
from tests.upstream.framing import LAST_CHUNK, chunked, head
from tests.upstream.steps import expect_closed, fin, hang, rst, send

EVENTS = head(200, [("Content-Type", "text/event-stream"), ("Transfer-Encoding", "chunked")])
BEGUN = ollama.chat_lines(["Hel"], done=False)[:-1]  # a stream of Ollama's, in the middle of its body
CUT = b'data: {"choices": [{"del\n\n'
ARGUMENTS = {"tool_calls": [{"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": "{"}}]}


def event(**fields):
    """An event that holds anything."""
    return openai.event(fields)


def reported(error):
    return openai.event({"error": error})


WITHIN = {
    "openai": {
        "U08 silence": ((*FIRST, hang()), "upstream_idle_timeout"),
        "U12 bad chunk size": ((*FIRST, send(b"zz\r\n\r\n"), fin()), "upstream_bad_response"),
        "U12 chunk longer than its size": ((*FIRST, send(b"2\r\n: x\n\n\r\n"), fin()), "upstream_bad_response"),
        "U12 negative chunk size": ((*FIRST, send(b"-5\r\n: x\n\n\r\n"), fin()), "upstream_bad_response"),
        "U13 closed inside a chunked body": ((*FIRST, fin()), "upstream_truncated"),
        "U13 closed inside a chunk": ((*FIRST, send(b"ff\r\ndata: "), fin()), "upstream_truncated"),
        "U13 reset": ((*FIRST, rst()), "upstream_truncated"),
        "U13 chunked body ends, stream does not": ((*FIRST, send(LAST_CHUNK)), "upstream_truncated"),
        "U13 shorter than its length": (
            (*openai.stream(["Hel"], finish=None, done=False, framing="length", suffix=b"data: ")[:-1], fin()),
            "upstream_truncated",
        ),
        "U15 closed, close-delimited": (
            openai.stream(["Hel"], finish=None, done=False, framing="close"),
            "upstream_truncated",
        ),
        "U28 event without its blank line": (
            openai.stream(["Hel", b'data: {"choices":[]}'], finish=None, done=False, framing="close"),
            "upstream_truncated",
        ),
        "U28 finish without its blank line": (
            openai.stream(
                ["Hel", openai.event(openai.chunk({}, finish="stop"))[:-1]], finish=None, done=False, framing="close"
            ),
            "upstream_truncated",
        ),
        "U31 JSON cut short": (openai.stream(["Hel", CUT, "lo"]), "upstream_bad_response"),
        "U31 inside a tool's arguments": (openai.stream(["Hel", ARGUMENTS, CUT, "lo"]), "upstream_bad_response"),
        "U31 no JSON at all": (openai.stream(["Hel", b"data: NaN\n\n", "lo"]), "upstream_bad_response"),
        "U33 large event": (openai.stream(["Hel", b"data: " + b"x" * (5 << 20) + b"\n\n"]), "upstream_event_too_large"),
        "U33 of many lines": (openai.stream(["Hel", b"data: xxxxxxxxxx\n" * (1 << 19)]), "upstream_event_too_large"),
        "U34 endless line": (openai.stream(["Hel", b"x" * (5 << 20)]), "upstream_event_too_large"),
        "U34 endless comment": (openai.stream(["Hel", b":" * (5 << 20)]), "upstream_event_too_large"),
        "U37 error object": (
            openai.stream(["Hel", reported({"message": "GPU on fire", "type": "x", "code": "burning"})]),
            "burning",
        ),
        "U37 error event": (
            openai.stream(["Hel", b'event: error\ndata: {"message": "GPU on fire"}\n\n']),
            "upstream_error",
        ),
        "U37 error string": (openai.stream(["Hel", reported("GPU on fire"), "lo"]), "upstream_error"),
        "U37 rate limit": (openai.stream(["Hel", reported({"message": "x", "code": 429})]), "rate_limit_exceeded"),
        "U37 overload": (openai.stream(["Hel", reported({"type": "overloaded_error"})]), "overloaded"),
        "U70 more tool calls than anyone makes": (
            openai.stream(
                ["Hel"]
                + [
                    {"tool_calls": [{"index": n, "id": f"c{n}", "function": {"name": "f", "arguments": "{}"}}]}
                    for n in range(1000)
                ]
            ),
            "upstream_bad_response",
        ),
        "U70 100,000 tool calls in one event": (
            openai.stream(["Hel", {"tool_calls": [{"id": f"{n}", "function": {"name": "f"}} for n in range(100_000)]}]),
            "upstream_bad_response",
        ),
        "U70 30,000 tool calls in one event": (
            openai.stream(["Hel", {"tool_calls": [{"id": f"{n}", "function": {"name": "f"}} for n in range(30_000)]}]),
            "upstream_bad_response",
        ),
        "U70 arguments of no call": (
            openai.stream(["Hel", {"tool_calls": [{"index": 7, "function": {"arguments": "{"}}]}]),
            "upstream_bad_response",
        ),
    },
    "ollama": {
        "U08 silence": ((*BEGUN, hang()), "upstream_idle_timeout"),
        "U12 bad chunk size": ((*BEGUN, send(b"zz\r\n\r\n"), fin()), "upstream_bad_response"),
        "U13 closed inside a chunked body": ((*BEGUN, fin()), "upstream_truncated"),
        "U13 reset": ((*BEGUN, rst()), "upstream_truncated"),
        "U13 chunked body ends, stream does not": ((*BEGUN, send(LAST_CHUNK)), "upstream_truncated"),
        "U15 closed, close-delimited": (ollama.chat_lines(["Hel"], done=False, framing="close"), "upstream_truncated"),
        "U28 half of the last line": (
            ollama.chat_lines(["Hel", ollama.line(ollama.last())[:-20]], done=False, framing="close"),
            "upstream_truncated",
        ),
        "U31 JSON cut short": (ollama.chat_lines(["Hel", b'{"message": {"con\n', "lo"]), "upstream_bad_response"),
        "U32 null": (ollama.chat_lines(["Hel", b"null\n", "lo"]), "upstream_bad_response"),
        "U32 list": (ollama.chat_lines(["Hel", b"[1]\n", "lo"]), "upstream_bad_response"),
        "U32 number": (ollama.chat_lines(["Hel", b"7\n", "lo"]), "upstream_bad_response"),
        "U32 message that is a list": (ollama.chat_lines(["Hel", b'{"message": []}\n']), "upstream_bad_response"),
        "U32 content that is an object": (ollama.chat_lines(["Hel", {"content": {"a": 1}}]), "upstream_bad_response"),
        "U32 tool calls that are none": (ollama.chat_lines(["Hel", {"tool_calls": [7]}]), "upstream_bad_response"),
        "U33 large line": (
            ollama.chat_lines(["Hel", b'"' + b"x" * (5 << 20) + b'"\n']),
            "upstream_event_too_large",
        ),
        "U34 endless line": (ollama.chat_lines(["Hel", b"x" * (5 << 20)]), "upstream_event_too_large"),
        "U37 error line": (ollama.chat_lines(["Hel", ollama.error_line("GPU on fire")], done=False), "upstream_error"),
        "U37 error object": (
            ollama.chat_lines(["Hel", b'{"error": {"message": "GPU on fire"}}\n', "lo"]),
            "upstream_error",
        ),
        "U70 more tool calls than anyone makes": (
            ollama.chat_lines(["Hel"] + [{"tool_calls": [{"function": {"name": "f"}}]}] * 1000),
            "upstream_bad_response",
        ),
        "U70 50,000 tool calls in one line": (
            ollama.chat_lines(["Hel", {"tool_calls": [{"function": {"name": "f"}}] * 50_000}]),
            "upstream_bad_response",
        ),
    },
}


KEPT = {"U13 chunked body ends, stream does not"} | {
    case for table in WITHIN.values() for case in table if case.endswith(("in one event", "in one line"))
}
"""Cases in which the answer may be complete as HTTP by then, so that the connection may be used again."""


@pytest.mark.parametrize(("kind", "case"), kind_table(WITHIN))
async def test_within_the_stream(pair, kind, case):
    """A provider that fails in mid-stream ends the answer in an error event: no [DONE], the body ended cleanly."""
    script, code = WITHIN[kind][case]
    both = await pair(kind=kind, clocks=SHORT if case.startswith("U08") else PATIENT)
    both.plays(script)

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
    assert [] == finishes(events[:-1])
    assert case in KEPT or await both.upstream.quiet()
    assert 1 == len(both.upstream.requests)  # R-never
    [record] = both.gateway.records
    assert ("timeout" if "timeout" in code else "upstream_error", code) == (record.status, record.code)
    assert (None, None) == (record.usage, record.finish_reason)
    assert record.chunks > 0


@pytest.mark.case("U37", without={"I6": "a key that was refused is set aside"})
@pytest.mark.parametrize("stream", [True, False])
async def test_key_refused_in_mid_stream(pair, stream):
    """U37: a key that is refused in mid-stream is the gateway's, as one that is refused before it."""
    both = await pair()
    both.plays(openai.stream(["Hel", reported({"message": "x", "code": "401"})]))

    response = await both.ask(stream=stream)

    error = (data_events(response)[-1] if stream else response.json)["error"]
    assert ("upstream_error", "upstream_auth_error") == (error["type"], error["code"])
    assert ["upstream_auth_error"] == [record.code for record in both.gateway.records]


@pytest.mark.case("U12")
@pytest.mark.parametrize("kind", ["openai", "ollama"])
async def test_bad_chunk_size_in_the_same_read(pair, kind):
    """U12: if one read holds the head, data and what breaks HTTP, it is an error in the one way or in the other."""
    both = await pair(kind=kind)
    data = openai.event(openai.chunk({"content": "Hel"})) if kind == "openai" else ollama.line(ollama.message())
    both.plays((send(EVENTS + chunked(data) + b"zz\r\n\r\n"), fin()))

    response = await both.ask(stream=True)

    found = response.json if response.status == 502 else data_events(response)[-1]
    # Of what came before the fault the media type is wrong, if it is looked at.
    assert found["error"]["code"] in ("upstream_bad_response", "upstream_bad_content_type")
    assert b"[DONE]" not in response.body


WELL = {
    "openai": {
        "U16 no [DONE]": openai.stream(["Hel", "lo"], done=False),
        "U16 no [DONE], close-delimited": openai.stream(["Hel", "lo"], done=False, framing="close"),
        "R4 [DONE] without finish": openai.stream(["Hel", "lo"], finish=None),
        "U17 events after [DONE]": openai.stream(["Hel", "lo"], suffix=openai.event(openai.chunk({"content": "more"}))),
        "U17 error after [DONE]": openai.stream(["Hel", "lo"], suffix=reported("no")),
        "U17 error after [DONE], in the same read": openai.stream(["Hel", "lo"], suffix=reported("no"), joined=True),
        "U18 [DONE] twice": openai.stream(["Hel", "lo"], suffix=openai.DONE),
        "U18 [DONE] twice in one read": openai.stream(["Hel", "lo"], suffix=openai.DONE, joined=True),
        "U18 [DONE] with blanks": openai.stream(["Hel", "lo"], done=False, suffix=b"data:[DONE] \r\n\r\n"),
        "U18 [DONE] with more blanks": openai.stream(["Hel", "lo"], done=False, suffix=b"data:   [DONE]\t \n\n"),
        "U18 [DONE] without a blank": openai.stream(["Hel", "lo"], done=False, suffix=b"data:[DONE]\n\n"),
        "U19 CRLF": openai.stream(["Hel", "lo"], newline=b"\r\n"),
        "U20 CR": openai.stream(["Hel", "lo"], newline=b"\r"),
        "U21 one byte at a time": openai.stream(["Hel", "lo"], newline=b"\r\n", piece=1),
        "U22 BOM": openai.stream(["Hel", "lo"], prefix=b"\xef\xbb\xbf", role=False),
        "U23 comments": openai.stream([b": OPENROUTER PROCESSING\n\n", "Hel", b":\n\n" * 1000, "lo"]),
        "U23 comment inside an event": openai.stream(
            ["Hel", b'data: {"choices":[{"index":0,\n: x\ndata: "delta":{"content":"l"}}]}\n\n', "o"]
        ),
        "U24 JSON over three lines": openai.stream(
            ["Hel", b'data: {"choices":\ndata:[{"index":0,\ndata: "delta":{"content":"l"}}]}\n\n', "o"]
        ),
        "U25 id, retry, event": openai.stream([b"retry: 1\nid: 7\nevent: x\n\n", "Hel", "lo"]),
        "U25 on an event of data": openai.stream(
            ["Hel", b'id: 8\nevent: message\nretry: 5\ndata: {"choices":[{"index":0,"delta":{"content":"lo"}}]}\n\n']
        ),
        "U26 ping": openai.stream(["Hel", b"event: ping\n\n", b"data:\n\n", "lo"]),
        "U26 ping with data": openai.stream(["Hel", b"event: ping\ndata: {}\n\n", b"data:  \n\n", "lo"]),
        "U27 no blank after the colon": openai.stream(
            ["Hel", b'data:{"choices":[{"index":0,"delta":{"content":"lo"}}]}\n\n']
        ),
        "U27 field without a colon": openai.stream(["Hel", b"data\n\n", b"event\nid\nretry\nnothing\n\n", "lo"]),
        "U27 unknown field": openai.stream(["Hel", b"foo: bar\n\n", b"dataset: {\n\n", b" data: {\n\n", "lo"]),
        "U27 NUL in the id": openai.stream(["Hel", b"id: a\0b\n\n", "lo"]),
        "U28 [DONE] without its blank line": openai.stream(
            ["Hel", "lo"], done=False, suffix=b"data: [DONE]", framing="close"
        ),
        "U32 no objects": openai.stream(
            [
                "Hel",
                *(b"data: %b\n\n" % value for value in (b"null", b"[1]", b"7", b'"x"', b"true", b"[]", b"{}")),
                "lo",
            ]
        ),
        "U32 choices of other shapes": openai.stream(
            ["Hel", *(event(choices=value) for value in ({}, None, 7, "x", [], [None, 7, "x"], [[]])), "lo"]
        ),
        "U32 deltas of other shapes": openai.stream(
            ["Hel", *(event(choices=[{"index": 0, "delta": value}]) for value in (None, [], 7, "x", {})), "lo"]
        ),
        "U32 delta missing": openai.stream(["Hel", event(choices=[{"index": 0}]), event(choices=[{}]), "lo"]),
        "U32 content of other shapes": openai.stream(
            ["Hel", *({"content": value} for value in (7, [], True, {})), "lo"]
        ),
        "U32 content that is an object": openai.stream(["Hel", {"content": {"type": "text", "text": "l"}}, "o"]),
        "U32 index that is text": openai.stream(
            ["Hel", event(choices=[{"index": "0", "delta": {"content": "l"}}]), "o"]
        ),
        "U32 index -1": openai.stream(["Hel", event(choices=[{"index": -1, "delta": {"content": "l"}}]), "o"]),
        "U32 index 1000000000": openai.stream(
            ["Hel", event(choices=[{"index": 10**9, "delta": {"content": "l"}}]), "o"]
        ),
        "U32 index 1e9": openai.stream(["Hel", event(choices=[{"index": 1e9, "delta": {"content": "l"}}]), "o"]),
        "U37 error: null": openai.stream(["Hel", b'data: {"error": null, "choices": []}\n\n', "lo"]),
        "U48 100 and 103 first": (
            send(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"),
            *openai.stream(["Hel", "lo"]),
        ),
        "U50 text/plain": openai.stream(["Hel", "lo"], content_type="text/plain"),
        "U50 application/octet-stream": openai.stream(["Hel", "lo"], content_type="application/octet-stream"),
        "U50 no type": openai.stream(["Hel", "lo"], content_type=""),
        "U50 no type, comment first": openai.stream(["Hel", "lo"], content_type="", prefix=b": hello\n\n"),
        "U50 no type, one byte at a time": openai.stream(["Hel", "lo"], content_type="", piece=1),
        "U50 no type, blank lines and BOM": openai.stream(["Hel", "lo"], content_type="", prefix=b"\xef\xbb\xbf\n\n"),
        "U40 JSON though a stream was asked for": openai.completion("Hello"),
        "U68 role again and again": openai.stream(
            ["Hel", {"role": "assistant", "content": "l"}, {"role": "user", "content": "o"}]
        ),
        "U68 other id and model": openai.stream(
            ["Hel", openai.event({**openai.chunk({"content": "lo"}), "id": "other", "model": "other", "created": 1})]
        ),
        "U68 finish twice": openai.stream(["Hel", "lo", openai.event(openai.chunk({}, finish="stop"))]),
        "U71 hangs after [DONE]": (*openai.stream(["Hel", "lo"])[:-1], expect_closed(3)),
    },
    "ollama": {
        "U17 lines after the last": ollama.chat_lines(
            ["Hel", "lo"], suffix=ollama.line(ollama.message(content="more"))
        ),
        "U17 error after the last": ollama.chat_lines(["Hel", "lo"], suffix=ollama.error_line("no"), joined=True),
        "U18 the last line twice": ollama.chat_lines(["Hel", "lo"], suffix=ollama.line(ollama.last()), joined=True),
        "U19 CRLF": ollama.chat_lines(["Hel", "lo"], newline=b"\r\n"),
        "U21 one byte at a time": ollama.chat_lines(["Hel", "lo"], piece=1),
        "U22 BOM": ollama.chat_lines(["Hel", "lo"], prefix=b"\xef\xbb\xbf"),
        "U23 blank lines": ollama.chat_lines(["Hel", b"\n" * 1000, b" \r\n\t\n", "lo"]),
        "U28 last line without its end": ollama.chat_lines(
            ["Hel", "lo", ollama.line(ollama.last()).strip()], done=False, framing="close"
        ),
        "U32 lines that say nothing": ollama.chat_lines(
            ["Hel", b"{}\n", b'{"message": null}\n', {"content": None}, "lo"]
        ),
        "U37 error: null": ollama.chat_lines(["Hel", b'{"error": null}\n', "lo"]),
        "U48 100 and 103 first": (
            send(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"),
            *ollama.chat_lines(["Hel", "lo"]),
        ),
        "U50 text/plain": ollama.chat_lines(["Hel", "lo"], content_type="text/plain"),
        "U50 application/octet-stream": ollama.chat_lines(["Hel", "lo"], content_type="application/octet-stream"),
        "U50 no type": ollama.chat_lines(["Hel", "lo"], content_type=""),
        "U40 JSON though a stream was asked for": ollama.chat("Hello"),
        "U68 role and model change": ollama.chat_lines(
            ["Hel", ollama.line({**ollama.message(role="user", content="lo"), "model": "other"})]
        ),
        "U71 hangs after the last": (*ollama.chat_lines(["Hel", "lo"])[:-1], expect_closed(3)),
    },
}


@pytest.mark.parametrize(("kind", "case"), kind_table(WELL))
async def test_odd_but_well(pair, kind, case):
    """A stream that is odd and complete gives the same answer as a plain one, with one finish and one [DONE]."""
    both = await pair(kind=kind, clocks=PATIENT)
    both.plays(WELL[kind][case])

    response = await both.ask(stream=True)

    events = data_events(response)
    assert "Hello" == said(events)
    assert "[DONE]" == events[-1]
    assert 1 == events.count("[DONE]")
    assert ["stop"] == finishes(events)
    assert 1 == sum("role" in choice["delta"] for event in events[:-1] for choice in event["choices"])
    assert {("chat.completion.chunk", "m")} == {(event["object"], event["model"]) for event in events[:-1]}
    assert 1 == len({(event["id"], event["created"]) for event in events[:-1]})
    [record] = both.gateway.records
    assert ("ok", None, "stop") == (record.status, record.code, record.finish_reason)


@pytest.mark.case("U41")
@pytest.mark.parametrize(("kind", "case"), kind_table(WITHIN))
async def test_within_a_collected_stream(pair, kind, case):
    """U41: where the client wants no stream, one that fails is an error with a status; nothing of it is an answer."""
    script, code = WITHIN[kind][case]
    both = await pair(kind=kind, clocks=SHORT if case.startswith("U08") else PATIENT)
    both.plays(script)

    response = await both.ask()

    assert response.status in (429, 502, 503, 504)
    assert {"error"} == set(response.json)
    assert code.replace("idle", "first_byte") == response.json["error"]["code"]  # one clock is for all of it
    assert b"Hel" not in response.body
    [record] = both.gateway.records
    assert ("timeout" if "timeout" in code else "upstream_error", None) == (record.status, record.usage)


@pytest.mark.case("U41")
@pytest.mark.parametrize(("kind", "case"), kind_table(WELL))
async def test_odd_but_well_collected(pair, kind, case):
    """U41: a stream in answer to a call that is not streamed is collected, however odd it is."""
    both = await pair(kind=kind, clocks=PATIENT)
    both.plays(WELL[kind][case])

    response = await both.ask()

    if kind == "openai" and case.startswith("U50"):  # JSON was asked for, and this says not what it is
        assert (502, "upstream_bad_response") == (response.status, response.json["error"]["code"])
        return
    [choice] = response.json["choices"]
    assert ("Hello", "stop") == (choice["message"]["content"], choice["finish_reason"])
    assert ("chat.completion", "m") == (response.json["object"], response.json["model"])
    [record] = both.gateway.records
    assert ("ok", None, "stop") == (record.status, record.code, record.finish_reason)


@pytest.mark.parametrize("end", [fin(), rst()], ids=["closed", "reset"])
async def test_lost_after_the_finish(pair, end):
    """A connection that is lost after the finish has lost nothing of the answer."""
    both = await pair()
    both.upstream.on("POST", PATH, (*openai.stream(["Hel", "lo"], done=False)[:-1], end))

    events = data_events(await both.ask(stream=True))

    assert ("Hello", "[DONE]") == (said(events), events[-1])
