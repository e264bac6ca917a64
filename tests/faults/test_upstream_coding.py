"""Answers that are compressed though none was asked for: U51 to U55 of the fault catalogue."""

import asyncio
import gzip
import time
import zlib

import pytest

from tests.faults.conftest import PATH, PATIENT, SHORT, case_table
from tests.faults.streams import data_events, said
from tests.support.raw import RawClient
from tests.upstream import openai
from tests.upstream.framing import LAST_CHUNK, answer, chunked, head
from tests.upstream.steps import expect_closed, hang, send, wait

MIB = 1 << 20


def events_of(*parts, done=True):
    """A stream as it would be without coding: one piece of bytes for each event."""
    texts = [openai.event(openai.chunk({"role": "assistant", "content": ""}))]
    texts += [openai.event(openai.chunk({"content": part})) for part in parts]
    texts += [openai.event(openai.chunk({}, finish="stop"))]
    return texts + ([openai.DONE] if done else [])


def begin(coding):
    headers = [
        ("Content-Type", "text/event-stream"),
        ("Transfer-Encoding", "chunked"),
        ("Content-Encoding", coding),
    ]
    return send(head(200, headers))


def coded(coding, body, *rest):
    """A streamed answer: the head, ``body`` in chunks of 16 KiB, the end of the chunks, ``rest``."""
    cuts = [body[start : start + (16 << 10)] for start in range(0, len(body), 16 << 10)]
    return (begin(coding), *(send(chunked(cut)) for cut in cuts), *rest, send(LAST_CHUNK))


def packed(data, wbits=31, level=9):
    packer = zlib.compressobj(level, wbits=wbits)
    return packer.compress(data) + packer.flush()


def bomb(prefix, megabytes, wbits=31):
    """``prefix`` and then so many megabytes of blanks, at a thousandth of their size; only the checksum is wrong."""
    packer = zlib.compressobj(9, wbits=wbits)
    start = packer.compress(prefix) + packer.flush(zlib.Z_FULL_FLUSH)
    again = packer.compress(b" " * MIB) + packer.flush(zlib.Z_FULL_FLUSH)  # needs nothing of what was before it
    return start + again * megabytes + packer.flush()


WHOLE = b"".join(events_of("Hel", "lo"))

WELL = {
    "U51 gzip": coded("gzip", packed(WHOLE)),
    "U51 deflate": coded("deflate", packed(WHOLE, 15)),
    "U51 deflate without its wrapper": coded("deflate", packed(WHOLE, -15)),
    "U53 mixed case": coded("Gzip", packed(WHOLE)),
    "U53 two members": coded("gzip", packed(WHOLE[:100]) + packed(WHOLE[100:])),
    "U53 byte by byte": (begin("gzip"), *(send(chunked(bytes([b]))) for b in packed(WHOLE)), send(LAST_CHUNK)),
    "U53 cut off after [DONE]": coded("gzip", packed(WHOLE)[:-4]),
}


@pytest.mark.parametrize("case", case_table(WELL))
async def test_compressed_and_whole(pair, case):
    """A compressed stream is the same stream."""
    both = await pair(clocks=PATIENT)
    both.upstream.on("POST", PATH, WELL[case])

    events = data_events(await both.ask(stream=True))

    assert ("Hello", "[DONE]") == (said(events), events[-1])


BAD = {
    "U53 corrupt": (coded("gzip", b"not gzip at all"), "upstream_bad_response"),
    "U53 truncated": (coded("gzip", packed(WHOLE)[:40]), "upstream_truncated"),
    "U53 twice": (coded("gzip", packed(packed(WHOLE))), None),
    "U53 two codings": (coded("gzip, gzip", packed(packed(WHOLE))), "upstream_bad_response"),
    "U53 100,000 empty members": (coded("gzip", packed(b"") * 100_000), "upstream_bad_response"),
    "U53 100,000 empty members after text": (
        coded("gzip", packed(b"".join(events_of("Hel")[:2])) + packed(b"") * 100_000),
        "upstream_bad_response",
    ),
    "U53 checksum": (coded("gzip", packed(WHOLE[:-20])[:-8] + bytes(8)), "upstream_bad_response"),
    "U54 gzip": (coded("gzip", bomb(b"data: ", 1000)), "upstream_event_too_large"),
    "U54 gzip after text": (coded("gzip", bomb(WHOLE[:300], 1000)), "upstream_event_too_large"),
    "U54 deflate": (coded("deflate", bomb(b"data: ", 1000, 15)), "upstream_event_too_large"),
    # The magic numbers are real; the gateway does not look past the header that names them.
    "U54 br": (coded("br", b"\xce\xb2\xcf\x81" * 1000), "upstream_bad_response"),
    "U54 zstd": (coded("zstd", b"\x28\xb5\x2f\xfd" * 1000), "upstream_bad_response"),
    "U55 unknown": (coded("zip", WHOLE), "upstream_bad_response"),
}


@pytest.mark.parametrize("case", case_table(BAD))
async def test_compressed_and_bad(pair, case, growth):
    """A compressed stream that cannot be undone, or not within bounds, is an error, in little memory and time."""
    script, code = BAD[case]
    both = await pair(clocks=PATIENT)
    both.upstream.on("POST", PATH, script)
    started = time.process_time()

    response = await both.ask(stream=True)

    worked = time.process_time() - started
    if response.status == 200:
        error = data_events(response)[-1]["error"]
        assert response.complete
    else:
        assert 502 == response.status
        error = response.json["error"]
    assert code in (None, error["code"])
    assert growth() < 32  # the bombs are a gigabyte
    assert worked < 5
    assert ["upstream_error"] == [record.status for record in both.gateway.records]


WHOLE_BOMBS = {
    "U54 gzip": ("gzip", bomb(b'{"x": "', 1000)),
    "U54 deflate": ("deflate", bomb(b'{"x": "', 1000, 15)),
}


@pytest.mark.parametrize("case", case_table(WHOLE_BOMBS))
@pytest.mark.parametrize("status", [200, 500])
async def test_bomb_in_a_whole_answer(pair, case, status, growth):
    """An answer, or an error, that unpacks to a gigabyte is given up long before that."""
    coding, body = WHOLE_BOMBS[case]
    both = await pair(clocks=PATIENT)
    both.upstream.on("POST", PATH, answer(body, status=status, headers=[("Content-Encoding", coding)]))

    response = await both.ask()

    assert 502 == response.status
    assert "upstream_event_too_large" == response.json["error"]["code"] or status == 500
    assert growth() < 32


@pytest.mark.case("U51")
async def test_flushed_event_is_forwarded(pair):
    """An event that the provider flushed is with the client before the next one is sent."""
    both = await pair(clocks=PATIENT)
    packer = zlib.compressobj(wbits=31)
    events = events_of("Hel", "lo")
    events[:2] = [events[0] + events[1]]  # a role alone is no answer yet, and waits for what follows
    seen = [asyncio.Event() for _ in events]
    script = [begin("gzip")]
    for text, gate in zip(events, [None, *seen], strict=False):
        sent = packer.compress(text) + packer.flush(zlib.Z_SYNC_FLUSH)
        script += [wait(gate)] if gate else []
        script.append(send(chunked(sent)))
    both.upstream.on("POST", PATH, (*script, send(chunked(packer.flush())), send(LAST_CHUNK)))

    async with RawClient("127.0.0.1", both.gateway.port) as client:
        await client.request("POST", PATH, body=both.body(stream=True))
        assert 200 == (await client.read_head()).status
        got = b""
        for number, gate in enumerate(seen):
            while got.count(b"data: ") <= number + 1:
                more = await client.read_some(5)
                assert more, "the stream ended early"
                got += more
            gate.set()

    assert got.count(b"data: ") == len(events) + 1


@pytest.mark.case("U52")
async def test_nothing_flushed(pair):
    """Text that stays inside the compressor has not arrived: the clock for the first byte runs."""
    both = await pair(clocks=SHORT)
    held = zlib.compressobj(wbits=31).compress(WHOLE)  # the header of gzip, and no more
    both.upstream.on("POST", PATH, (begin("gzip"), send(chunked(held)), hang()))

    response = await both.ask(stream=True)

    assert (504, "upstream_first_byte_timeout") == (response.status, response.json["error"]["code"])
    assert await both.upstream.quiet()


@pytest.mark.case("U52")
async def test_flushed_late(pair):
    """A stream that comes late, in one piece, is whole."""
    both = await pair(clocks=PATIENT)
    body = packed(WHOLE)
    both.upstream.on("POST", PATH, (begin("gzip"), send(chunked(body[:12])), *coded("gzip", body[12:])[1:]))

    events = data_events(await both.ask(stream=True))

    assert ("Hello", "[DONE]") == (said(events), events[-1])


@pytest.mark.case("U54")
async def test_bomb_is_let_go(pair):
    """The connection of a bomb is closed, not read to its end."""
    both = await pair(clocks=PATIENT)
    body = bomb(b"data: ", 100)
    script = (begin("gzip"), send(chunked(body[: 64 << 10])), expect_closed(5))
    both.upstream.on("POST", PATH, script)

    response = await both.ask(stream=True)

    assert (502, "upstream_event_too_large") == (response.status, response.json["error"]["code"])
    assert await both.upstream.quiet()


@pytest.mark.case("U55")
async def test_error_in_an_unknown_coding(pair):
    """An error keeps its status even if its text cannot be read."""
    both = await pair(clocks=PATIENT)
    both.upstream.on("POST", PATH, openai.error(503, b"?", headers=[("Content-Encoding", "zip")]))

    assert 503 == (await both.ask()).status


@pytest.mark.case("U53")
async def test_whole_answer_compressed(pair):
    """An answer that is not streamed may be compressed too."""
    both = await pair(clocks=PATIENT)
    body = gzip.compress(b'{"choices": [{"message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}]}')
    both.upstream.on("POST", PATH, answer(body, headers=[("Content-Encoding", "gzip")]))

    assert "Hi" == (await both.ask()).json["choices"][0]["message"]["content"]
