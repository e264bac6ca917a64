"""
What goes wrong at the provider, and what the client is told: cases U of the fault catalogue.

Each case is what the upstream does and what the client gets, not streamed and streamed: a status and a code, or, once a
chunk is out, the code of the error event that ends the stream.
"""

import asyncio
import json
import socket

import pytest

from tests.faults.conftest import PATH, case_table
from tests.support.raw import RawClient
from tests.upstream import openai
from tests.upstream.framing import answer, head
from tests.upstream.steps import expect_closed, fin, hang, rst, send

EVENTS = [("Content-Type", "text/event-stream"), ("Transfer-Encoding", "chunked")]
FIRST = openai.stream(["Hel"], finish=None, done=False)[:-1]  # a stream that has begun, in the middle of its body


def data_events(response):
    """The stream's events, decoded; ``[DONE]`` as it stands. Fails on any frame that is neither data nor a comment."""
    events = []
    for frame in response.body.decode().split("\n\n"):
        if frame.startswith("data: "):
            data = frame.removeprefix("data: ")
            events.append(data if data == "[DONE]" else json.loads(data))
        else:
            assert frame == "" or frame.startswith(":")
    return events


def said(events):
    return "".join(c["delta"].get("content") or "" for e in events if "choices" in e for c in e["choices"])


BEFORE = {
    "U04 reset after accept": ((rst(),), 502, "upstream_disconnected"),
    "U05 reset after the request": ((rst(),), 502, "upstream_disconnected"),
    "U06 closed after the request": ((fin(),), 502, "upstream_disconnected"),
    "U07 never answers": ((hang(),), 504, "upstream_first_byte_timeout"),
    "U10 silence in the head": ((send(b"HTTP/1.1 200 OK\r\nContent-Ty"), hang()), 504, "upstream_first_byte_timeout"),
    "U11 not HTTP": ((send(b"garbage sk-upstream-canary\r\n\r\n"), fin()), 502, "upstream_bad_response"),
    "U39 a web page": (answer(b"<html>sk-upstream-canary", content_type="text/html"), 502, "upstream_bad_content_type"),
    "U46 400": (
        openai.error(400, {"error": {"message": "too long", "code": "context_length_exceeded"}}),
        400,
        "context_length_exceeded",
    ),
    "U46 404": (openai.error(404, {"error": {"message": "no m", "code": "model_not_found"}}), 404, "model_not_found"),
    "U46 422": (openai.error(422, "nonsense"), 422, None),
    "U47 500": (openai.error(500), 502, None),
    "U47 502 HTML": (openai.error(502, b"<html>nginx", content_type="text/html"), 502, None),
    "U47 503": (openai.error(503), 503, "overloaded"),
    "U47 529": (openai.error(529, b""), 503, "overloaded"),
    "U48 204": ((send(head(204, [])),), 502, "upstream_bad_response"),
    "U48 205": ((send(head(205, [("Content-Length", "0")])),), 502, "upstream_bad_response"),
    "U48 999": ((send(head(999, [("Content-Length", "0")])),), 502, "upstream_bad_response"),
    "U48 101": (
        (send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"), hang()),
        502,
        "upstream_bad_response",
    ),
    "U49 empty JSON": (answer(b""), 502, "upstream_bad_response"),
    "U49 empty stream": (answer(b"", content_type="text/event-stream"), 502, None),
    "U55 unknown encoding": (answer(b"{}", headers=[("Content-Encoding", "zip")]), 502, "upstream_bad_response"),
    "U53 broken gzip": (answer(b"not gzip", headers=[("Content-Encoding", "gzip")]), 502, "upstream_bad_response"),
}

KEPT = {
    case for case in BEFORE if case.startswith(("U39", "U46", "U47", "U48 205", "U48 999", "U48 204", "U49", "U55"))
}
"""Cases in which the answer was complete as HTTP, so that the connection may be used again."""


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("case", case_table(BEFORE))
async def test_before_the_first_chunk(pair, case, stream):
    """A provider that fails before its first chunk is an HTTP error, with its own status, and nothing of it leaks."""
    script, status, code = BEFORE[case]
    both = await pair()
    if "accept" in case:
        both.upstream.on_accept(script)
    both.upstream.on("POST", PATH, script)

    response = await both.ask(stream=stream)

    error = response.json["error"]
    assert status == response.status
    assert {"message", "type", "param", "code"} == set(error)
    assert code is None or code == error["code"]
    assert response.header("x-request-id").startswith("req_")
    assert b"canary" not in response.body
    assert "127.0.0.1" not in error["message"]
    assert case in KEPT or await both.upstream.quiet()
    assert ["timeout" if status == 504 else "upstream_error"] == [record.status for record in both.gateway.records]


@pytest.mark.parametrize(
    ("script", "retry"),
    [
        (openai.error(500), "true"),
        (openai.error(503), "true"),
        (openai.error(429, "slow down"), "true"),
        (openai.error(400, "no"), "false"),
        (openai.error(401), "false"),
        (openai.error(404, {"error": {"message": "no m", "code": "model_not_found"}}), "false"),
        ((fin(),), "false"),
        ((hang(),), "false"),
    ],
)
async def test_who_should_retry(pair, script, retry):
    """A client is told to retry where that may help and bills nobody twice; a busy provider gets a second's rest."""
    both = await pair()
    both.upstream.on("POST", PATH, script)

    response = await both.ask()

    assert retry == response.header("x-should-retry")
    assert ("1" if response.status in (429, 503) else None) == response.header("retry-after")


@pytest.mark.case("U01")
@pytest.mark.parametrize("stream", [False, True])
async def test_u01_refused(pair, upstream, stream):
    """U01: nobody listens there."""
    both = await pair()
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        both.upstream._server.close()
        await both.upstream._server.wait_closed()

        response = await both.ask(stream=stream)

    assert (502, "upstream_unreachable") == (response.status, response.json["error"]["code"])
    assert "true" == response.header("x-should-retry")


@pytest.mark.case("U02")
async def test_u02_no_connection_in_time(gateway):
    """U02: a full accept queue, where a connection is neither made nor refused."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        section = {"type": "openai", "base_url": f"http://127.0.0.1:{full.getsockname()[1]}/v1", "models": ["m"]}
        running = await gateway(providers={"up": section}, server={"clocks": {"connect_s": 0.3}})
        started = asyncio.get_running_loop().time()
        async with RawClient("127.0.0.1", running.port) as client:
            await client.request("POST", PATH, body={"model": "m", "messages": [{"role": "user", "content": "x"}]})
            response = await client.read_response()
        for filler in fillers:
            filler.close()

    assert (504, "upstream_connect_timeout") == (response.status, response.json["error"]["code"])
    assert 0.25 <= asyncio.get_running_loop().time() - started < 3


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


@pytest.mark.case("U32")
@pytest.mark.parametrize(
    "body", [b'{"choices": [{"message"', b'{"id": "x", "choices": {}}', b"[]", b"null", b'{"error": {"message": "x"}}']
)
async def test_whole_answer_of_the_wrong_shape(pair, body):
    """U14, U32, U38: a whole answer that is no completion is the provider's failure."""
    both = await pair()
    both.upstream.on("POST", PATH, answer(body))

    response = await both.ask()

    assert (502, "upstream_error") == (response.status, response.json["error"]["type"])


@pytest.mark.case("U14")
async def test_u14_whole_answer_cut_short(pair):
    """U14: half of a declared body."""
    both = await pair()
    both.upstream.on(
        "POST",
        PATH,
        (send(head(200, [("Content-Type", "application/json"), ("Content-Length", "100")]) + b'{"id"'), fin()),
    )

    response = await both.ask()

    assert (502, "upstream_truncated") == (response.status, response.json["error"]["code"])


@pytest.mark.case("U38")
async def test_u38_error_as_the_first_event(pair):
    """U38: an error object as the first event still has a status of its own."""
    both = await pair()
    both.upstream.on("POST", PATH, openai.stream([b'data: {"error": {"message": "no", "code": 429}}\n\n'], role=False))

    response = await both.ask(stream=True)

    assert 429 == response.status


@pytest.mark.case("U42", "U44")
@pytest.mark.parametrize(
    ("sent", "expected"), [("2", "2"), ("0.2", "1"), ("-1", None), ("NaN", None), ("soon", None), ("1000000000", "600")]
)
async def test_u42_u44_retry_after(pair, sent, expected):
    """U42, U44: a provider's 429 is the client's, its wait made safe; after a long one, trying again soon is no use."""
    both = await pair()
    both.upstream.on("POST", PATH, openai.error(429, "slow down", headers=[("Retry-After", sent)]))

    response = await both.ask()

    assert (429, "rate_limit_exceeded") == (response.status, response.json["error"]["code"])
    assert expected == response.header("retry-after") or (
        expected is None and response.header("retry-after") in (None, "1")
    )
    assert ("false" if expected == "600" else "true") == response.header("x-should-retry")


@pytest.mark.case("U45")
@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("stream", [False, True])
async def test_u45_key_refused(pair, status, stream, caplog):
    """U45: the provider refuses the gateway's key: 502, as the client's own is fine, and no part of the key anywhere."""
    caplog.set_level("DEBUG")
    both = await pair()
    both.upstream.on(
        "POST",
        PATH,
        openai.error(status, "Incorrect API key provided: sk-upstr*******nary. See http://10.1.2.3:8080/keys"),
    )

    response = await both.ask(stream=stream)

    assert (502, "upstream_auth_error") == (response.status, response.json["error"]["code"])
    for leak in ("sk-upstr", "canary", "10.1.2.3"):
        assert leak not in response.body.decode()
        assert leak not in caplog.text
    assert "$UP_KEY" in response.json["error"]["message"] or "UP_KEY" in response.json["error"]["message"]


@pytest.mark.case("U66")
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "place", ["/v1/other", "http://localhost:{port}/v1/other", "//127.0.0.1:{port}/x", "file:///etc/passwd"]
)
async def test_u66_redirect(pair, status, place):
    """U66: a redirect is not followed, wherever to: neither the prompt nor the key goes there."""
    both = await pair()
    location = place.format(port=both.upstream.port)
    both.upstream.on("POST", PATH, (send(head(status, [("Location", location), ("Content-Length", "0")])),))

    response = await both.ask()

    assert (502, "upstream_redirect") == (response.status, response.json["error"]["code"])
    assert [PATH] == [request.path for request in both.upstream.requests]
    assert response.header("Location") is None


async def test_answer_headers_are_ours(pair):
    """U-b: of the provider's headers none reaches the client."""
    both = await pair()
    headers = [
        ("Set-Cookie", "a=b"),
        ("Access-Control-Allow-Origin", "*"),
        ("X-Internal", "sk-upstream-canary"),
        ("Location", "x"),
        ("x-request-id", "theirs"),
    ]
    both.upstream.on("POST", PATH, openai.completion(headers=headers))

    response = await both.ask()

    assert {
        "content-type",
        "cache-control",
        "server",
        "x-content-type-options",
        "x-request-id",
        "x-llms-provider",
        "x-llms-model",
        "content-length",
        "date",
    } == {name for name, _ in response.headers}
    assert ("up", "m") == (response.header("x-llms-provider"), response.header("x-llms-model"))


async def test_request_headers_are_ours(pair):
    """K04: of the client's headers none reaches the provider."""
    both = await pair()
    both.upstream.on("POST", PATH, openai.completion())
    headers = [
        ("Cookie", "session=1"),
        ("X-Forwarded-For", "1.2.3.4"),
        ("OpenAI-Organization", "org"),
        ("Authorization", "Bearer sk-client"),
    ]
    async with RawClient("127.0.0.1", both.gateway.port) as client:
        await client.request("POST", PATH, headers, both.body())
        assert 200 == (await client.read_response()).status

    sent = {name.lower(): value for name, value in both.upstream.requests[0].headers}
    assert "Bearer sk-upstream-canary" == sent["authorization"]
    assert {
        "host",
        "authorization",
        "content-type",
        "accept",
        "accept-encoding",
        "user-agent",
        "content-length",
    } == set(sent)


@pytest.mark.case("U62", "U63")
async def test_u62_u63_stale_connection(pair):
    """U62, U63: an idle connection that the provider closes under a request costs the client nothing."""
    both = await pair()
    both.upstream.on("POST", PATH, openai.completion(), (fin(),), openai.completion())

    first = await both.ask()
    second = await both.ask()

    assert (200, 200) == (first.status, second.status)
    assert 3 == len(both.upstream.requests)
    assert [["ok"], ["upstream_disconnected", "ok"]] == [[a.outcome for a in r.attempts] for r in both.gateway.records]


@pytest.mark.case("U63")
async def test_stale_connection_is_tried_again_once(pair):
    """U63: the second attempt goes over a new connection, and there is no third."""
    both = await pair()
    both.upstream.on("POST", PATH, openai.completion(), (fin(),))

    assert 200 == (await both.ask()).status
    assert 502 == (await both.ask()).status
    assert 3 == len(both.upstream.requests)


async def test_stored_answer_is_not_asked_for_twice(pair):
    """A request that leaves something behind at the provider is not sent twice, stale connection or not."""
    both = await pair()
    both.upstream.on("POST", PATH, openai.completion(), (fin(),), openai.completion())

    assert 200 == (await both.ask()).status
    assert 502 == (await both.ask(store=True)).status


@pytest.mark.case("U06")
async def test_fresh_connection_is_not_tried_again(pair):
    """U06: what failed on a fresh connection may be generating and billing: it is not sent twice."""
    both = await pair()
    both.upstream.on("POST", PATH, (fin(),), openai.completion())

    assert 502 == (await both.ask()).status
    assert 1 == len(both.upstream.requests)


async def test_connections_are_reused(pair):
    """One connection serves calls one after the other, streamed or not."""
    both = await pair()
    both.upstream.on(
        "POST",
        PATH,
        openai.stream(["Hel", "lo"]),
        openai.completion(),
        openai.stream(["Hel", "lo"]),
        openai.completion(),
    )

    for stream in (True, False, True, False):
        assert 200 == (await both.ask(stream=stream)).status
        await asyncio.sleep(0.05)

    assert 1 == len(both.upstream.connections)


@pytest.mark.case("U64")
async def test_u64_bytes_after_the_answer(pair):
    """U64: a connection with bytes left over after its answer is not used again."""
    both = await pair()
    forged = answer(b'{"forged": true}')
    both.upstream.on("POST", PATH, (*openai.completion("one"), *forged), openai.completion("two"))

    first = await both.ask()
    await asyncio.sleep(0.05)
    second = await both.ask()

    assert ["one", "two"] == [r.json["choices"][0]["message"]["content"] for r in (first, second)]
    assert 2 == len(both.upstream.connections)


@pytest.mark.parametrize("end", [fin(), rst()], ids=["closed", "reset"])
async def test_lost_after_the_finish(pair, end):
    """A connection that is lost after the finish has lost nothing of the answer."""
    both = await pair()
    both.upstream.on("POST", PATH, (*openai.stream(["Hel", "lo"], done=False)[:-1], end))

    events = data_events(await both.ask(stream=True))

    assert ("Hello", "[DONE]") == (said(events), events[-1])


@pytest.mark.case("U41")
async def test_u41_endless_stream_though_none_was_asked_for(pair, monkeypatch):
    """U41: what is collected is bounded."""
    monkeypatch.setattr("llms.providers.http.MAX_ANSWER_BYTES", 10_000)
    both = await pair()
    both.upstream.on("POST", PATH, openai.stream(["x" * 1000] * 100))

    response = await both.ask()

    assert (502, "upstream_event_too_large") == (response.status, response.json["error"]["code"])


async def test_large_error_body(pair):
    """An error whose body is long keeps its status."""
    both = await pair()
    both.upstream.on("POST", PATH, openai.error(503, b"<html>" + b"x" * 1_000_000, content_type="text/html"))

    assert 503 == (await both.ask()).status


async def test_spent_quota_of_the_gateway(pair):
    """A provider's account without credit is a 429 that says not to retry."""
    both = await pair()
    both.upstream.on("POST", PATH, openai.error(429, {"error": {"message": "x", "code": "insufficient_quota"}}))

    response = await both.ask()

    assert (429, "insufficient_quota") == (response.status, response.json["error"]["code"])
    assert "false" == response.header("x-should-retry")


@pytest.mark.case("U50")
async def test_u50_neither_json_nor_events(pair):
    """U50: text that is no event stream is the provider's failure, and is not shown."""
    both = await pair()
    both.upstream.on("POST", PATH, answer(b"Service sk-upstream-canary moved", content_type="text/plain"))

    response = await both.ask(stream=True)

    assert (502, "upstream_bad_content_type") == (response.status, response.json["error"]["code"])
    assert b"canary" not in response.body


@pytest.mark.case("U45")
async def test_key_in_an_errors_code(pair, caplog):
    """U-e: a key fits the form of a code and of a param; it is in neither the answer nor the log."""
    caplog.set_level("DEBUG")
    both = await pair()
    leak = {"error": {"message": "x", "param": "sk-upstream-canary", "code": "sk-upstream-canary"}}
    both.upstream.on("POST", PATH, openai.error(400, leak))

    response = await both.ask()

    assert (400, None) == (response.status, response.json["error"]["param"])
    assert b"canary" not in response.body
    assert "canary" not in caplog.text


async def test_error_whose_body_hangs(pair):
    """An error keeps its status, and soon, even if its body never arrives."""
    both = await pair(clocks={"first_byte_s": 9, "answer_s": 9})
    both.upstream.on("POST", PATH, (send(head(503, [("Content-Length", "50")]) + b"{}"), hang()))
    started = asyncio.get_running_loop().time()

    assert 503 == (await both.ask()).status
    assert asyncio.get_running_loop().time() - started < 6


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


@pytest.mark.case("U32")
@pytest.mark.parametrize("body", [b'{"choices":[],"x":[' + b"[]," * 700_000 + b"1]}"])
@pytest.mark.parametrize("stream", [False, True])
async def test_answer_of_too_many_parts(pair, body, stream):
    """An answer of very many brackets is refused before it is decoded, as that would hold up the loop."""
    both = await pair()
    both.upstream.on("POST", PATH, openai.stream([b"data: " + body + b"\n\n"], role=False) if stream else answer(body))

    response = await both.ask(stream=stream)

    assert (502, "upstream_bad_response") == (response.status, response.json["error"]["code"])
