"""
What a provider's answer means: statuses, errors and whole answers. Cases U of the fault catalogue.

Each case is what the upstream does and what the client gets, not streamed and streamed: a status and a code.
"""

import asyncio

import pytest

from tests.faults.conftest import PATH, PATIENT, SHORT, case_table
from tests.faults.streams import data_events, finishes, kind_table, said
from tests.support.raw import RawClient
from tests.upstream import ollama, openai
from tests.upstream.framing import answer, head
from tests.upstream.steps import fin, hang, rst, send

PAGE = b"<html>Sign in at http://10.0.0.5/ with sk-upstream-canary"
EVENTS = [("Content-Type", "text/event-stream"), ("Transfer-Encoding", "chunked")]
NDJSON = [("Content-Type", "application/x-ndjson"), ("Transfer-Encoding", "chunked")]
HALF = (
    send(head(200, [("Content-Type", "application/json"), ("Content-Length", "100")]) + b'{"id": ' + b"1" * 43),
    fin(),
)
SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"

EITHER = {
    "U05 reset after the request": ((rst(),), 502, "upstream_disconnected"),
    "U06 closed after the request": ((fin(),), 502, "upstream_disconnected"),
    "U07 never answers": ((hang(),), 504, "upstream_first_byte_timeout"),
    "U10 silence in the head": ((send(b"HTTP/1.1 200 OK\r\nContent-Ty"), hang()), 504, "upstream_first_byte_timeout"),
    "U11 not HTTP": ((send(b"garbage sk-upstream-canary\r\n\r\n"), fin()), 502, "upstream_bad_response"),
    "U14 half a body": (HALF, 502, "upstream_truncated"),
    "U39 a web page": (answer(PAGE, content_type="text/html"), 502, "upstream_bad_content_type"),
    "U39 a web page, with a charset": (
        answer(PAGE, content_type="Text/HTML; charset=utf-8"),
        502,
        "upstream_bad_content_type",
    ),
    **{
        f"U47 {status} {name}": (answer(body, status=status, content_type=kind), sent, code)
        for status, sent, code in (
            (500, 502, "upstream_error"),
            (502, 502, "upstream_error"),
            (503, 503, "overloaded"),
            (529, 503, "overloaded"),
        )
        for name, kind, body in (
            ("JSON", "application/json", b'{"error": "GPU on fire"}'),
            ("HTML", "text/html", PAGE),
            ("empty", "text/plain", b""),
            ("cut JSON", "application/json", b'{"error": {"mess'),
        )
    },
    "U48 101": ((send(SWITCHING), hang()), 502, "upstream_bad_response"),
    "U48 204": ((send(head(204, [])),), 502, "upstream_bad_response"),
    "U48 205": ((send(head(205, [("Content-Length", "0")])),), 502, "upstream_bad_response"),
    "U48 304": ((send(head(304, [])),), 502, "upstream_bad_response"),
    "U48 999": ((send(head(999, [("Content-Length", "0")])),), 502, "upstream_bad_response"),
    "U48 2000": ((send(b"HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n"), fin()), 502, "upstream_bad_response"),
    "U48 no number": ((send(b"HTTP/1.1 OK\r\nContent-Length: 0\r\n\r\n"), fin()), 502, "upstream_bad_response"),
    "U49 empty JSON": (answer(b""), 502, "upstream_bad_response"),
    "U49 blank JSON": (answer(b" \r\n"), 502, "upstream_bad_response"),
    "U49 empty, of no type": ((send(head(200, [("Content-Length", "0")])),), 502, "upstream_bad_response"),
    "U32 no object": (answer(b"[]"), 502, "upstream_bad_response"),
    "U32 null": (answer(b"null"), 502, "upstream_bad_response"),
    "U31 cut JSON": (answer(b'{"choices": [{"message"'), 502, "upstream_bad_response"),
    "U55 unknown encoding": (answer(b"{}", headers=[("Content-Encoding", "zip")]), 502, "upstream_bad_response"),
    "U53 broken gzip": (answer(b"not gzip", headers=[("Content-Encoding", "gzip")]), 502, "upstream_bad_response"),
}
"""In every dialect the same."""

BEFORE = {
    "openai": {
        "U04 reset after accept": ((rst(),), 502, "upstream_disconnected"),
        **EITHER,
        "U12 bad chunk size": ((send(head(200, EVENTS)), send(b"zz\r\n"), fin()), 502, "upstream_bad_response"),
        "U12 bad chunk size in the same read": (
            (send(head(200, EVENTS) + b"zz\r\n"), fin()),
            502,
            "upstream_bad_response",
        ),
        "U13 closed before any event": ((send(head(200, EVENTS)), fin()), 502, "upstream_truncated"),
        "U32 choices of another shape": (answer(b'{"id": "x", "choices": {}}'), 502, "upstream_bad_response"),
        "U33 large event": (
            openai.stream([b"data: " + b"x" * (5 << 20) + b"\n\n"], role=False),
            502,
            "upstream_event_too_large",
        ),
        "U38 error object, rate limit": (
            openai.stream([b'data: {"error": {"message": "no", "code": 429}}\n\n'], role=False),
            429,
            "rate_limit_exceeded",
        ),
        "U38 error object, overload": (
            openai.stream([b'data: {"error": {"type": "overloaded_error"}}\n\n'], role=False),
            503,
            "overloaded",
        ),
        "U38 error object, context length": (
            openai.stream([b'data: {"error": {"message": "x", "code": "context_length_exceeded"}}\n\n'], role=False),
            400,
            "context_length_exceeded",
        ),
        "U38 error event": (openai.stream([b'event: error\ndata: "no"\n\n'], role=False), 502, "upstream_error"),
        "U38 error after comments": (
            openai.stream([b": hi\n\ndata:\n\n", b'data: {"error": {"code": 429}}\n\n'], role=False),
            429,
            "rate_limit_exceeded",
        ),
        "U38 error object as the whole answer": (
            answer(b'{"error": {"message": "no", "code": 429}}'),
            429,
            "rate_limit_exceeded",
        ),
        "U46 400": (
            openai.error(400, {"error": {"message": "too long", "code": "context_length_exceeded"}}),
            400,
            "context_length_exceeded",
        ),
        "U46 404": (
            openai.error(404, {"error": {"message": "no m", "code": "model_not_found"}}),
            404,
            "model_not_found",
        ),
        "U46 422": (openai.error(422, "nonsense"), 422, "invalid_value"),
        "U49 empty stream": (answer(b"", content_type="text/event-stream"), 502, "upstream_bad_response"),
        "U49 stream of comments": (answer(b": hi\n\n", content_type="text/event-stream"), 502, "upstream_truncated"),
        "U49 stream of nothing but [DONE]": (
            openai.stream([], role=False, finish=None),
            502,
            "upstream_bad_response",
        ),
    },
    "ollama": {
        **EITHER,
        "U12 bad chunk size": ((send(head(200, NDJSON)), send(b"zz\r\n"), fin()), 502, "upstream_bad_response"),
        "U13 closed before any line": ((send(head(200, NDJSON)), fin()), 502, "upstream_truncated"),
        "U33 large line": (ollama.chat_lines([b"x" * (5 << 20) + b"\n"]), 502, "upstream_event_too_large"),
        "U38 error line": (ollama.chat_lines([ollama.error_line("no")], done=False), 502, "upstream_error"),
        "U38 error object as the whole answer": (answer(b'{"error": "no"}'), 502, "upstream_error"),
        "U46 400": (ollama.error(400, "input exceeds the context length"), 400, "context_length_exceeded"),
        "U46 404": (ollama.error(404, "model 'm' not found"), 404, "model_not_found"),
        "U46 422": (ollama.error(422, "nonsense"), 422, "invalid_value"),
        "U49 empty stream": (answer(b"", content_type="application/x-ndjson"), 502, "upstream_bad_response"),
        "U49 blank lines": (answer(b"\n\n", content_type="application/x-ndjson"), 502, "upstream_truncated"),
        "U50 neither JSON nor lines": (answer(b"Moved\n", content_type="text/plain"), 502, "upstream_bad_response"),
    },
}

CLOSED = ("U04", "U05", "U06", "U07", "U10", "U11", "U12", "U13", "U14", "U48 101", "U48 2000", "U48 no number")
"""Beginnings of cases in which the answer was not complete as HTTP, so that the connection must not be used again."""


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("kind", "case"), kind_table(BEFORE))
async def test_before_the_first_chunk(pair, kind, case, stream):
    """A provider that fails before its first chunk is an HTTP error, with its own status, and nothing of it leaks."""
    script, status, code = BEFORE[kind][case]
    both = await pair(kind=kind, clocks=SHORT if status == 504 else PATIENT)
    if "accept" in case:
        both.upstream.on_accept(script)
    both.plays(script)

    response = await both.ask(stream=stream)

    error = response.json["error"]
    assert (status, code) == (response.status, error["code"])
    assert {"message", "type", "param", "code"} == set(error)
    assert response.header("x-request-id").startswith("req_")
    for leak in (b"canary", b"127.0.0.1", b"10.0.0.5", b"<html>", b"garbage"):
        assert leak not in response.body
    assert not case.startswith(CLOSED) or await both.upstream.quiet()
    assert 1 >= len(both.upstream.requests)
    [record] = both.gateway.records
    assert ("timeout" if status == 504 else "upstream_error", code) == (record.status, record.code)
    assert (None, None, 0, None) == (record.usage, record.finish_reason, record.chunks, record.first_byte_s)
    assert [code] == [attempt.outcome for attempt in record.attempts]


@pytest.mark.parametrize(("kind", "path"), [("openai", "/v1/embeddings"), ("ollama", "/api/embed")])
@pytest.mark.parametrize("case", case_table(EITHER))
async def test_instead_of_embeddings(pair, kind, path, case):
    """Embeddings fail in the same ways, with the same words."""
    script, status, code = EITHER[case]
    both = await pair(kind=kind, clocks=SHORT if status == 504 else PATIENT)
    both.upstream.on("POST", path, script)

    async with RawClient("127.0.0.1", both.gateway.port) as client:
        await client.request("POST", "/v1/embeddings", body={"model": "m", "input": "Hello"})
        response = await client.read_response()

    assert (status, code) == (response.status, response.json["error"]["code"])
    for leak in (b"canary", b"127.0.0.1", b"10.0.0.5", b"<html>", b"garbage"):
        assert leak not in response.body
    [record] = both.gateway.records
    assert ("timeout" if status == 504 else "upstream_error", code, None) == (record.status, record.code, record.usage)


@pytest.mark.parametrize(
    ("script", "retry"),
    [
        (openai.error(500), "false"),
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
    """A client is told to retry where the gateway cannot do it for it; a busy provider gets a second's rest."""
    both = await pair(clocks=SHORT)
    both.upstream.on("POST", PATH, script)

    response = await both.ask()

    assert retry == response.header("x-should-retry")
    assert ("1" if response.status in (429, 503) else None) == response.header("retry-after")


SENT = "Sun, 06 Nov 1994 08:49:37 GMT"

WAITS = {
    "U42 2 s": ([("Retry-After", "2")], 2.0),
    "U42 none": ([], None),
    "U43 HTTP-date to come": ([("Date", SENT), ("Retry-After", "Sun, 06 Nov 1994 08:49:47 GMT")], 10.0),
    "U43 HTTP-date that is past": ([("Date", SENT), ("Retry-After", "Sun, 06 Nov 1994 08:49:07 GMT")], 0.0),
    "U43 HTTP-date far away": ([("Date", SENT), ("Retry-After", "Sun, 06 Nov 2094 08:49:37 GMT")], 600.0),
    "U43 RFC 850": ([("Date", SENT), ("Retry-After", "Sunday, 06-Nov-94 08:49:47 GMT")], 10.0),
    "U43 asctime": ([("Date", SENT), ("Retry-After", "Sun Nov  6 08:49:47 1994")], 10.0),
    "U43 HTTP-date without a Date": ([("Retry-After", "Sun, 06 Nov 1994 08:49:47 GMT")], None),
    "U43 HTTP-date that is none": ([("Date", SENT), ("Retry-After", "Sun, 31 Feb 1994 25:49:47 GMT")], None),
    "U44 fraction": ([("Retry-After", "0.2")], 0.2),
    "U44 -1": ([("Retry-After", "-1")], 0.0),
    "U44 NaN": ([("Retry-After", "NaN")], None),
    "U44 Infinity": ([("Retry-After", "Infinity")], None),
    "U44 1e9": ([("Retry-After", "1e9")], 600.0),
    "U44 1000000000": ([("Retry-After", "1000000000")], 600.0),
    "U44 soon": ([("Retry-After", "soon")], None),
    "U44 nothing": ([("Retry-After", "")], None),
    "U44 5000 digits": ([("Retry-After", "9" * 5000)], None),
    "U44 two headers": ([("Retry-After", "3"), ("Retry-After", "7")], 3.0),
    "U44 milliseconds": ([("retry-after-ms", "1500"), ("Retry-After", "9")], 1.5),
    "U44 milliseconds that are none": ([("retry-after-ms", "x"), ("Retry-After", "9")], 9.0),
    "U44 negative milliseconds": ([("retry-after-ms", "-4")], 0.0),
    "U44 a header in it": ([("Retry-After", "2, Set-Cookie: a=b")], None),
}
"""Seconds; ``None`` if nothing usable was said."""


@pytest.mark.parametrize("kind", ["openai", "ollama"])
@pytest.mark.parametrize("case", case_table(WAITS))
async def test_retry_after(pair, kind, case):
    """U42–U44: a provider's 429 is the client's, its wait made safe; after a long one, trying again soon is no use."""
    headers, wait_s = WAITS[case]
    both = await pair(kind=kind)
    both.plays((openai.error if kind == "openai" else ollama.error)(429, "slow down", headers=headers))

    response = await both.ask()

    assert (429, "rate_limit_exceeded") == (response.status, response.json["error"]["code"])
    assert ("false" if wait_s == 600 else "true") == response.header("x-should-retry")
    said_s = 1.0 if wait_s is None else wait_s  # the clients' own first wait is shorter than a second
    assert str(max(1, round(said_s))) == response.header("retry-after")
    assert str(round(said_s * 1000)) == response.header("retry-after-ms")


REFUSED = "Incorrect API key provided: sk-upstr*******nary. See http://10.1.2.3:8080/keys"


@pytest.mark.case("U45", without={"I6": "a key that was refused is set aside"})
@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("kind", ["openai", "ollama"])
async def test_key_refused(pair, kind, status, stream, caplog):
    """U45: the provider refuses the gateway's key: 502, as the client's own is fine, and no part of the key anywhere."""
    caplog.set_level("DEBUG")
    both = await pair(kind=kind)
    both.plays((openai.error if kind == "openai" else ollama.error)(status, REFUSED))

    response = await both.ask(stream=stream)

    error = response.json["error"]
    assert (502, "upstream_auth_error", "false") == (response.status, error["code"], response.header("x-should-retry"))
    for leak in ("sk-upstr", "nary", "canary", "10.1.2.3"):
        assert leak not in response.body.decode()
        assert leak not in caplog.text
    assert "UP_KEY" in error["message"] or "api_key" in error["message"]
    [record] = both.gateway.records
    assert ("upstream_error", "upstream_auth_error") == (record.status, record.code)


@pytest.mark.case("U45", without={"I6": "a key that was refused is set aside"})
@pytest.mark.parametrize("text", [REFUSED, "API key not valid. Please pass a valid API key: sk-upstream-canary"])
async def test_key_refused_with_a_400(pair, text, caplog):
    """U45: some services refuse a key with a 400, which would blame the client."""
    caplog.set_level("DEBUG")
    both = await pair()
    both.plays(openai.error(400, text))

    response = await both.ask()

    assert (502, "upstream_auth_error") == (response.status, response.json["error"]["code"])
    assert "canary" not in response.body.decode() + caplog.text


THEIRS = "vendor/big-model:70b"

SAYS = f"The model `{THEIRS}` at http://10.0.0.5:8080/v1 wants sk-upstream-canary\r\nand less. " + "x" * 1000

NAMED = {
    "U46 404 model": (404, {"message": f"The model `{THEIRS}` does not exist", "code": "model_not_found"}),
    "U46 404": (404, {"message": f"no {THEIRS} here"}),
    "U46 400": (400, {"message": SAYS, "code": "context_length_exceeded", "param": "messages"}),
    "U46 413": (413, {"message": SAYS}),
    "U46 422": (422, {"message": SAYS}),
}


@pytest.mark.parametrize("kind", ["openai", "ollama"])
@pytest.mark.parametrize("case", case_table(NAMED))
@pytest.mark.parametrize("stream", [True, False])
async def test_refusal_in_the_clients_words(pair, kind, case, stream):
    """U46: a refusal keeps its status, speaks of the model by the client's name, and holds no address, key or novel."""
    status, error = NAMED[case]
    both = await pair(kind=kind)
    both.plays(openai.error(status, {"error": error}))

    response = await both.ask(stream=stream, model=f"up/{THEIRS}")

    told = response.json["error"]
    assert (status, "invalid_request_error") == (response.status, told["type"])
    assert "false" == response.header("x-should-retry")
    assert len(told["message"]) <= 500
    assert THEIRS not in told["message"].replace(f"up/{THEIRS}", "")
    for leak in ("10.0.0.5", "canary", "\r", "\n"):
        assert leak not in told["message"]
    [record] = both.gateway.records
    assert ("upstream_error", told["code"]) == (record.status, record.code)


@pytest.mark.case("U37")
@pytest.mark.parametrize("kind", ["openai", "ollama"])
async def test_error_in_mid_stream_is_scrubbed(pair, kind):
    """U37: what a provider says in mid-stream is scrubbed and cut to 500 characters like any error of its."""
    both = await pair(kind=kind)
    if kind == "openai":
        both.plays(openai.stream(["Hel", openai.event({"error": {"message": SAYS}})]))
    else:
        both.plays(ollama.chat_lines(["Hel", ollama.error_line(SAYS)], done=False))

    told = data_events(await both.ask(stream=True, model=f"up/{THEIRS}"))[-1]["error"]["message"]

    assert f"The model `up/{THEIRS}` at [url] wants [key] and less." in told
    assert len(told) == 500


@pytest.mark.case("U40")
@pytest.mark.parametrize("kind", ["openai", "ollama"])
async def test_whole_answer_where_a_stream_was_asked_for(pair, kind):
    """U40: a whole answer becomes chunks, the usage and [DONE]; its tool calls too."""
    both = await pair(kind=kind)
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}}
    if kind == "openai":
        both.plays(openai.completion("Hello", message={"tool_calls": [call]}, finish="tool_calls"))
    else:
        both.plays(ollama.chat("Hello", tool_calls=[{"id": "c", "function": {"name": "f", "arguments": {"x": 1}}}]))

    response = await both.ask(stream=True, stream_options={"include_usage": True})

    events = data_events(response)
    assert ("Hello", ["tool_calls"], "[DONE]") == (said(events), finishes(events), events[-1])
    deltas = [choice["delta"] for event in events[:-1] for choice in event["choices"]]
    [told] = [told for delta in deltas for told in delta.get("tool_calls", ())]
    assert {**call, "index": 0} == told
    assert 1 == sum(bool(event.get("usage")) for event in events[:-1])
    [record] = both.gateway.records
    assert ("ok", "tool_calls", True) == (record.status, record.finish_reason, record.usage is not None)


@pytest.mark.case("U11")
async def test_what_is_not_http_is_in_the_debug_log(pair, caplog):
    """U11: what came in place of HTTP is for the operator alone, at debug level, without keys."""
    caplog.set_level("DEBUG")
    both = await pair()
    both.plays((send(b"220 mail.example ESMTP sk-upstream-canary\r\n\r\n"), fin()))

    response = await both.ask()

    assert (502, "upstream_bad_response") == (response.status, response.json["error"]["code"])
    assert b"ESMTP" not in response.body
    [line] = [record for record in caplog.records if "ESMTP" in record.getMessage()]
    assert "DEBUG" == line.levelname
    assert "canary" not in caplog.text


@pytest.mark.case("U39")
@pytest.mark.parametrize("kind", ["openai", "ollama"])
async def test_web_page_is_in_the_debug_log(pair, kind, caplog):
    """U39: the beginning of a page that came in place of an answer is for the operator alone, without keys."""
    caplog.set_level("DEBUG")
    both = await pair(kind=kind)
    both.plays(answer(b"<html>" + b"y" * 150 + PAGE * 9, content_type="text/html"))

    assert 502 == (await both.ask()).status

    [line] = [record for record in caplog.records if "yyy" in record.getMessage()]
    assert line.getMessage().startswith("provider up sent a web page: <html>yyy")
    assert "DEBUG" == line.levelname
    assert len(line.getMessage()) < 250
    assert "canary" not in caplog.text


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


async def test_large_error_body(pair):
    """An error whose body is long keeps its status."""
    both = await pair()
    both.upstream.on("POST", PATH, openai.error(503, b"<html>" + b"x" * 1_000_000, content_type="text/html"))

    assert 503 == (await both.ask()).status


async def test_error_whose_body_hangs(pair):
    """An error keeps its status, and soon, even if its body never arrives."""
    both = await pair(clocks={"first_byte_s": 9, "answer_s": 9})
    both.upstream.on("POST", PATH, (send(head(503, [("Content-Length", "50")]) + b"{}"), hang()))
    started = asyncio.get_running_loop().time()

    assert 503 == (await both.ask()).status
    assert asyncio.get_running_loop().time() - started < 6


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


@pytest.mark.case("U32")
@pytest.mark.parametrize("body", [b'{"choices":[],"x":[' + b"[]," * 700_000 + b"1]}"])
@pytest.mark.parametrize("stream", [False, True])
async def test_answer_of_too_many_parts(pair, body, stream):
    """An answer of very many brackets is refused before it is decoded, as that would hold up the loop."""
    both = await pair()
    both.upstream.on("POST", PATH, openai.stream([b"data: " + body + b"\n\n"], role=False) if stream else answer(body))

    response = await both.ask(stream=stream)

    assert (502, "upstream_bad_response") == (response.status, response.json["error"]["code"])


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
        "server-timing",
        "x-request-id",
        "x-llms-provider",
        "x-llms-model",
        "content-length",
        "date",
    } == {name for name, _ in response.headers}
    assert ("up", "m") == (response.header("x-llms-provider"), response.header("x-llms-model"))


@pytest.mark.case("K04")
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
