"""
Answers that break HTTP, or bend it: U56, U57, U64, U65 and U72 of the fault catalogue.

What cannot be read in one way only is refused, and its connection is not used again: the next answer is never a piece
of the last one.
"""

import asyncio
import gc
import re
from pathlib import Path

import pytest

from tests.faults.conftest import PATH, PATIENT, SHORT, case_table
from tests.support import leaks
from tests.support.raw import RawClient
from tests.upstream import openai
from tests.upstream.framing import answer
from tests.upstream.steps import Step, fin, hang, rst, send, sleep, take, take_rest

BODY = (
    b'{"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [{"index": 0, "message": '
    b'{"role": "assistant", "content": "Hi", "refusal": null}, "logprobs": null, "finish_reason": "stop"}]}'
)
LENGTH = b"Content-Length: %d" % len(BODY)
CHUNKS = b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)
CHUNKED = b"Transfer-Encoding: chunked"

FORGED = answer(BODY.replace(b"Hi", b"forged"))


def raw(*lines, body=BODY, first=b"HTTP/1.1 200 OK", end=b"\r\n"):
    return end.join([first, b"Content-Type: application/json", *lines, b"", b""]) + body


BAD = {
    "U56 10,000 headers": raw(*(b"X-%d: y" % number for number in range(10_000)), LENGTH),
    "U56 header of a megabyte": raw(b"X: " + b"y" * 1_000_000, LENGTH),
    "U56 name of a megabyte": raw(b"X" * 1_000_000 + b": y", LENGTH),
    "U56 reason of a megabyte": raw(LENGTH, first=b"HTTP/1.1 200 " + b"x" * 1_000_000),
    "U56 10,000 trailers": raw(CHUNKED, body=CHUNKS[:-2] + b"X: y\r\n" * 10_000 + b"\r\n"),
    "U57 NUL in a value": raw(b"X: a\0canary", LENGTH),
    "U57 NUL in a name": raw(b"X\0canary: a", LENGTH),
    "U57 CR in a value": raw(b"X: a\rcanary: b", LENGTH),
    "U57 no name": raw(b": canary", LENGTH),
    "U57 no colon": raw(b"canary", LENGTH),
    "U57 two lengths, the same": raw(LENGTH, LENGTH),
    "U57 two lengths": raw(b"Content-Length: 5", LENGTH),
    "U57 two lengths, the longer first": raw(LENGTH, b"Content-Length: 5"),
    "U57 list of lengths": raw(LENGTH + b", 5"),
    "U57 length and chunks": raw(b"Content-Length: 5", CHUNKED, body=CHUNKS),
    "U57 chunks and length": raw(CHUNKED, b"Content-Length: %d" % len(CHUNKS), body=CHUNKS),
    "U57 negative length": raw(b"Content-Length: -1"),
    "U57 length with a sign": raw(b"Content-Length: +%d" % len(BODY)),
    "U57 hexadecimal length": raw(b"Content-Length: 0x10"),
    "U57 length of 23 digits": raw(b"Content-Length: 99999999999999999999999"),
    "U57 chunks end in LF": raw(CHUNKED, body=CHUNKS.replace(b"\r\n", b"\n")),
    "U72 unknown version": raw(LENGTH, first=b"HTTP/1.2 200 OK"),
    "U72 another protocol": raw(LENGTH, first=b"ICY 200 OK"),
}


@pytest.fixture
def growth():
    """Gives how far the peak of this process's memory has risen since the test began, in MiB."""

    def memory(name):
        status = Path("/proc/self/status").read_text()
        return int(re.search(rf"{name}:\s+(\d+)", status).group(1)) / 1024

    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # the peak is what is there now
    before = memory("VmRSS")
    return lambda: memory("VmHWM") - before


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("case", case_table(BAD))
async def test_not_http(pair, case, stream, growth):
    """What is not HTTP is the provider's failure; none of it is shown, kept, or taken for the next answer."""
    both = await pair(clocks=PATIENT)
    both.upstream.on("POST", PATH, (send(BAD[case]), *FORGED, hang()), openai.completion("next"))

    response = await both.ask(stream=stream)
    after = await both.ask()

    assert (502, "upstream_bad_response") == (response.status, response.json["error"]["code"])
    assert b"canary" not in response.head.raw + response.body
    assert growth() < 24
    assert "next" == after.json["choices"][0]["message"]["content"]
    assert both.upstream.connections[0].closed_at is not None


WELL = {
    "U56 120 headers": raw(*(b"X-%d: y" % number for number in range(120)), LENGTH),
    "U57 lines end in LF": raw(LENGTH, end=b"\n"),
    "U57 folded header": raw(b"X: a\r\n  canary: b", LENGTH),
    "U57 folded over a length": raw(b"X: a\r\n Content-Length: 3", LENGTH),
    "U57 blank before the colon": raw(LENGTH.replace(b":", b" :")),
    "U57 blanks after a chunk's size": raw(CHUNKED, body=CHUNKS.replace(b"\r\n", b"  \r\n", 1)),
    "U57 long chunk extension": raw(CHUNKED, body=CHUNKS.replace(b"\r\n", b";" + b"x" * 8000 + b"\r\n", 1)),
    "U72 HTTP/1.0 with a length": raw(b"Connection: keep-alive", LENGTH, first=b"HTTP/1.0 200 OK"),
    "U72 header case": raw(b"cOnTeNt-lEnGtH: %d" % len(BODY), b"CONNECTION: Keep-Alive"),
    "U72 chunks in capitals": raw(b"TRANSFER-ENCODING: CHUNKED", body=CHUNKS),
    "U72 no reason": raw(LENGTH, first=b"HTTP/1.1 200"),
}


@pytest.mark.parametrize("case", case_table(WELL))
async def test_bent_but_clear(pair, case):
    """What can be read in one way only is read so, and what comes after it is not taken for the next answer."""
    both = await pair(clocks=PATIENT)
    both.upstream.on("POST", PATH, (send(WELL[case]), *FORGED), openai.completion("next"))

    response = await both.ask()
    await asyncio.sleep(0.02)
    after = await both.ask()

    assert "Hi" == response.json["choices"][0]["message"]["content"]
    assert b"canary" not in response.head.raw + response.body
    assert "next" == after.json["choices"][0]["message"]["content"]


@pytest.mark.case("U56")
@pytest.mark.parametrize("stream", [False, True])
async def test_endless_headers(pair, stream):
    """U56: a header every now and then, for ever, is no answer: the clock for the first byte runs."""
    both = await pair(clocks={**SHORT, "connect_s": 10})
    drip = (send(b"HTTP/1.1 200 OK\r\n"), *(step for _ in range(50) for step in (send(b"X: y\r\n"), sleep(0.05))))
    both.upstream.on("POST", PATH, drip)

    response = await both.ask(stream=stream)

    assert (504, "upstream_first_byte_timeout") == (response.status, response.json["error"]["code"])
    assert await both.upstream.quiet()


CLOSED = {
    "U72 HTTP/1.0": raw(first=b"HTTP/1.0 200 OK"),
    "U72 HTTP/1.0 that promises to stay": raw(b"Connection: keep-alive", first=b"HTTP/1.0 200 OK"),
    "U72 keep-alive that is none": raw(b"Connection: keep-alive", b"Keep-Alive: timeout=60", LENGTH),
    "U72 close in capitals": raw(b"CONNECTION: CLOSE", LENGTH),
}


@pytest.mark.parametrize("case", case_table(CLOSED))
async def test_closes_after_its_answer(pair, case):
    """A server that closes after an answer, whatever it promised, costs the next call nothing."""
    both = await pair(clocks=PATIENT)
    both.upstream.on("POST", PATH, (send(CLOSED[case]), fin()), openai.completion("next"))

    response = await both.ask()
    after = await both.ask()

    assert "Hi" == response.json["choices"][0]["message"]["content"]
    assert "next" == after.json["choices"][0]["message"]["content"]


@pytest.mark.case("U72")
async def test_stream_over_http_1_0(pair):
    """U72: a stream that ends with its connection."""
    both = await pair(clocks=PATIENT)
    head = send(b"HTTP/1.0 200 OK\r\nCONTENT-TYPE: Text/Event-Stream; charset=UTF-8\r\n\r\n")
    both.upstream.on("POST", PATH, (head, *openai.stream(["Hel", "lo"], framing="close")[1:]))

    response = await both.ask(stream=True)

    assert response.body.endswith(b"data: [DONE]\n\n")
    assert b'"Hel"' in response.body


LEFT_OVER = {
    "U64 a whole answer": FORGED,
    "U64 half an answer": (send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfor"),),
    "U64 a blank line": (send(b"\r\n"),),
    "U64 garbage": (send(b"garbage"),),
    "U64 later": (sleep(0.05), *FORGED),
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("case", case_table(LEFT_OVER))
async def test_left_over(pair, case, stream):
    """What comes after an answer belongs to no other: its connection is not used again."""
    both = await pair(clocks=PATIENT)
    first = openai.stream(["one"]) if stream else openai.completion("one")
    both.upstream.on("POST", PATH, (*first, *LEFT_OVER[case]), openai.completion("two"))

    response = await both.ask(stream=stream)
    await asyncio.sleep(0.15)
    after = await both.ask()

    assert b'"one"' in response.body
    assert "two" == after.json["choices"][0]["message"]["content"]
    assert case == "U64 a blank line" or 2 == len(both.upstream.connections)


EARLY: dict[str, tuple[Step, ...]] = {
    "U65 closes": (fin(),),
    "U65 closes in a moment": (sleep(0.05), fin()),
    "U65 resets": (rst(),),
    "U65 stays, and reads on later": (sleep(0.3), take_rest(), hang()),
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("case", case_table(EARLY))
async def test_answer_before_the_request_s_end(pair, case, stream):
    """An error that comes while the request is still being sent is shown, with its own words."""
    both = await pair(clocks=PATIENT)
    refusal = openai.error(413, {"error": {"message": "too big", "code": "too_big"}}, headers=[("Connection", "close")])
    both.upstream.on_accept((take(100_000), *refusal, *EARLY[case]))

    async with RawClient("127.0.0.1", both.gateway.port) as client:
        body = {"model": "m", "stream": stream, "messages": [{"role": "user", "content": "x" * 20_000_000}]}
        await client.request("POST", PATH, body=body)
        response = await client.read_response()

    assert (413, "too_big") == (response.status, response.json["error"]["code"])
    assert "too big" in response.json["error"]["message"]
    assert await both.upstream.quiet()
    assert both.upstream.connections[0].received_bytes < 15_000_000  # the rest was given up, not sent


@pytest.mark.case("U65", without={"I2": "the provider does not read, so it does not see that it was left"})
async def test_provider_that_reads_no_more(pair):
    """U65: a connection whose other end does not read is let go at once, with what could not be sent."""
    both = await pair(clocks=PATIENT)
    full = sleep(0.5)  # until the buffers of the kernel are
    both.upstream.on_accept((take(100_000), full, *openai.error(413, "too big"), hang()))
    before = sockets()

    async with RawClient("127.0.0.1", both.gateway.port) as client:
        await client.request("POST", PATH, body=both.body(messages=[{"role": "user", "content": "x" * 20_000_000}]))
        assert 413 == (await client.read_response()).status

    async with asyncio.timeout(5):
        while sockets() > before + 1:  # noqa: ASYNC110 - the provider's end of it
            await asyncio.sleep(0.02)


def sockets():
    return sum(name.startswith("socket:") for name in leaks._files())
