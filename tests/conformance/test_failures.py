"""Checks 11 to 14 and 20 to 22: every failure is an exception with a reason, and no answer is passed off as whole."""

import asyncio
import contextlib
import socket

import openai as official
import pytest

from tests.conformance import answers
from tests.conformance.dialects import EVERYONE, KEY, OPENAI_WIRES, UPSTREAMS
from tests.conformance.users import MODEL
from tests.upstream import openai
from tests.upstream.steps import fin, rst

ASKED = {"model": MODEL, "messages": [{"role": "user", "content": "Count to 3"}]}

REFUSALS = {
    400: (official.BadRequestError, 400),
    401: (official.InternalServerError, 502),  # the client's own key is fine
    403: (official.InternalServerError, 502),
    404: (official.NotFoundError, 404),
    429: (official.RateLimitError, 429),
    500: (official.InternalServerError, 502),
    503: (official.InternalServerError, 503),
    529: (official.InternalServerError, 503),
}


async def failure(running, kind, **fields):
    """Call with the official client, whole or streamed; give the exception and the chunks before it."""
    chunks = []
    async with running.user(kind) as user:
        with pytest.raises(official.APIError) as caught:
            if fields.pop("stream", False):
                await user.read(chunks, **fields)
            else:
                await user.call("chat.completions.create", **ASKED, **fields)
    return caught.value, chunks


def assert_presentable(error, running):
    """A sentence, a code and a type; all four keys; no secret and no address of the upstream's."""
    assert {"message", "type", "param", "code"} == set(error.body)
    assert [str, str, str] == [type(value) for value in (error.code, error.type, error.body["message"])]
    assert " " in error.body["message"]
    assert error.body["message"] in error.message
    for secret in (KEY, KEY[3:], str(running.upstream.port), "127.0.0.1", running.dialect.model):
        assert secret not in error.message


@pytest.mark.starred
@pytest.mark.parametrize("status", REFUSALS)
@pytest.mark.parametrize("provider", UPSTREAMS)
async def test_check_11_refused_by_the_upstream(house, provider, kind, status):
    """A refusal before the first byte is the exception that its status means, with a reason and no secret."""
    running = await house(provider)
    text = f"Not for upstream-model with key {KEY} at {running.upstream.url}/v1."
    running.plays(running.wire.refuses(status, text))

    for stream in (False, True):
        error, _ = await failure(running, kind, stream=stream)

        expected, own_status = REFUSALS[status]
        assert (expected, own_status) == (type(error), error.status_code)
        assert_presentable(error, running)
        assert error.request_id == running.gateway.records[-1].call.id
    assert (1 if status == 401 else 2) == len(running.sent)  # a key that was refused is not sent again at once


@contextlib.contextmanager
def nobody():
    """An address at which nobody listens."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{closed.getsockname()[1]}"


@pytest.mark.starred
@pytest.mark.parametrize("provider", UPSTREAMS)
async def test_check_11_refused_connection(house, provider, kind):
    """A provider at whose address nobody listens is a 502 that says so."""
    with nobody() as url:
        running = await house(provider, url=url)

        for stream in (False, True):
            error, _ = await failure(running, kind, stream=stream)

            assert (official.InternalServerError, 502) == (type(error), error.status_code)
            assert "upstream_unreachable" == error.code
            assert_presentable(error, running)
            assert url.rpartition(":")[2] not in error.message


@contextlib.asynccontextmanager
async def plain():
    """A server that is asked for TLS and answers in plain text, as HTTP servers do."""

    async def refuse(reader, writer):
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.mark.starred
@pytest.mark.parametrize("provider", UPSTREAMS)
async def test_check_11_no_tls(house, provider, kind):
    """A provider with which no TLS connection can be made is a 502 that says so."""
    async with plain() as url:
        running = await house(provider, url=url)

        for stream in (False, True):
            error, _ = await failure(running, kind, stream=stream)

            assert (official.InternalServerError, 502) == (type(error), error.status_code)
            assert "upstream_tls_error" == error.code
            assert_presentable(error, running)


@pytest.mark.starred
@pytest.mark.parametrize("provider", UPSTREAMS)
async def test_check_12_failure_in_mid_stream(house, provider, kind):
    """An upstream's error in mid-stream is raised with its text, after the chunks that came before it."""
    running = await house(provider)
    text = f"The model's host {running.upstream.url} ran out of memory."
    running.plays(running.wire.stops("1 ", "2 ", running.wire.fails(text)))

    error, chunks = await failure(running, kind, stream=True)
    raw = answers.stream(await running.ask(stream=True))

    assert official.APIError is type(error)
    assert "1 2 " == "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert error.message.startswith("The model's host [url]")
    assert error.message.endswith("ran out of memory.")
    assert_presentable(error, running)
    assert ("1 2 ", None, raw.error) == (raw.text(), raw.finish, error.body)
    assert ["upstream_error"] * 2 == [record.status for record in running.gateway.records]


@pytest.mark.parametrize("provider", UPSTREAMS)
async def test_check_12_failure_that_is_the_first_event(house, provider):
    """An error in place of the first chunk comes with a status of its own, since nothing has been sent yet."""
    running = await house(provider)
    running.plays(running.wire.stops(running.wire.fails("It ran out of memory."), begun=False))

    status, error = answers.refusal(await running.ask(stream=True))

    assert (502, "It ran out of memory.") == (status, error["message"])


ENDINGS = {
    "the body ends in good order": (),
    "the connection is closed": (fin(),),
    "the connection is reset": (rst(),),
}


@pytest.mark.starred
@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("provider", UPSTREAMS)
async def test_check_13_cut_off(house, provider, kind, ending):
    """A stream that stops without its end raises, however the connection went; it is no short answer."""
    running = await house(provider)
    running.plays(running.wire.stops("1 ", "2 ", *ENDINGS[ending]))

    error, chunks = await failure(running, kind, stream=True)
    raw = answers.stream(await running.ask(stream=True))

    assert official.APIError is type(error)
    assert "1 2 " == "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert "upstream_truncated" == error.code
    assert "before the answer was complete" in error.message
    assert_presentable(error, running)
    assert ("1 2 ", None, error.body) == (raw.text(), raw.finish, raw.error)


@pytest.mark.parametrize("provider", UPSTREAMS)
async def test_check_13_cut_off_whole(house, provider):
    """An answer that is not streamed and stops without its end is a 502."""
    running = await house(provider)
    running.plays(running.wire.stops("1 ", "2 ", fin()))

    status, error = answers.refusal(await running.ask())

    assert (502, "upstream_truncated") == (status, error["code"])


@pytest.mark.parametrize("framing", ["chunked", "close", "length"])
@pytest.mark.parametrize("provider", UPSTREAMS)
async def test_check_14_no_done(house, provider, framing):
    """A stream that has had its finish and ends in good order is whole, and the client gets its [DONE]."""
    running = await house(provider)
    running.plays(running.wire.stops("1 ", "2 ", "3", running.wire.finishes(), framing=framing))

    raw = answers.stream(await running.ask(stream=True))

    assert ("1 2 3", "stop", None) == (raw.text(), raw.finish, raw.error)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("provider", UPSTREAMS)
async def test_check_14_no_end_of_the_body(house, provider, ending):
    """A stream that has had its finish is whole, whatever becomes of the connection afterwards."""
    running = await house(provider)
    running.plays(running.wire.stops("1 ", "2 ", "3", running.wire.finishes(), *ENDINGS[ending]))

    raw = answers.stream(await running.ask(stream=True))

    assert ("1 2 3", "stop", None) == (raw.text(), raw.finish, raw.error)


@pytest.mark.parametrize("provider", UPSTREAMS)
async def test_check_20_too_many_requests(house, provider, kind):
    """
    A 429 tells when to try again, and the client does, once.

    The provider's, for now: the gateway has no limits of its own yet.
    """
    running = await house(provider)
    running.plays(running.wire.refuses(429, "Slow down.", [("Retry-After", "0.05")]))

    response = await running.ask()
    async with running.user(kind, max_retries=1) as user:
        with pytest.raises(official.RateLimitError):
            await user.call("chat.completions.create", **ASKED)

    assert (429, "rate_limit_error", "rate_limit_exceeded") == (
        response.status,
        response.json["error"]["type"],
        response.json["error"]["code"],
    )
    assert 1 <= int(response.header("retry-after")) <= 120
    assert "true" == response.header("x-should-retry")
    assert ["0", "1"] == user.attempts


@pytest.mark.parametrize("provider", OPENAI_WIRES)
async def test_check_21_no_credit(house, provider, kind):
    """
    A 429 because the money is gone is not worth a second try, and the client is told so.

    The provider's, for now: the gateway has no budgets yet.
    """
    running = await house(provider)
    error = {"message": "You exceeded your quota.", "type": "insufficient_quota", "code": "insufficient_quota"}
    running.plays(openai.error(429, {"error": error}))

    async with running.user(kind, max_retries=2) as user:
        with pytest.raises(official.RateLimitError) as caught:
            await user.call("chat.completions.create", **ASKED)

    assert "insufficient_quota" == caught.value.code
    assert ["0"] == user.attempts


@pytest.mark.parametrize("fields", [{"temperature": 9}, {"n": 0}, {"response_format": {"type": "yaml"}}], ids=str)
@pytest.mark.parametrize("provider", EVERYONE)
async def test_check_22_a_value_that_is_not_supported(house, provider, kind, fields):
    """A wrong value is a 400 that names the field; the client does not try again."""
    running = await house(provider)

    async with running.user(kind, max_retries=2) as user:
        with pytest.raises(official.BadRequestError) as caught:
            await user.call("chat.completions.create", **ASKED, **fields)

    [name] = fields
    assert name == caught.value.param.partition(".")[0]
    assert "invalid_request_error" == caught.value.type
    assert caught.value.code in ("invalid_value", "unsupported_value")
    assert ["0"] == user.attempts
