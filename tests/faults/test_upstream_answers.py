"""
What a provider's answer means: statuses, errors and whole answers. Cases U of the fault catalogue.

Each case is what the upstream does and what the client gets, not streamed and streamed: a status and a code.
"""

import asyncio

import pytest

from tests.faults.conftest import PATH, case_table
from tests.support.raw import RawClient
from tests.upstream import openai
from tests.upstream.framing import answer, head
from tests.upstream.steps import fin, hang, rst, send

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
    case
    for case in BEFORE
    if case.startswith(("U39", "U46", "U47", "U48 205", "U48 999", "U48 204", "U49", "U53", "U55"))
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
