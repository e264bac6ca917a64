"""
What a provider that sends without end costs: memory, and the time of others. Cases U of the fault catalogue.

Gateway, upstream and client share one process and one loop here, so the bounds are on all three together.
"""

import asyncio
import gc
import time

import pytest

from llms.terms import Bounds
from tests.faults.conftest import PATH
from tests.faults.streams import data_events, said
from tests.support.raw import RawClient
from tests.upstream import ollama, openai
from tests.upstream.framing import LAST_CHUNK, chunked, head
from tests.upstream.steps import flood, hang, send

KINDS = ("openai", "ollama")
LONG = {"first_byte_s": 30, "answer_s": 30, "idle_s": 10, "total_s": 60}
MIB = 1 << 20

BEGUN = {
    "openai": openai.stream(["Hel"], finish=None, done=False)[:-1],
    "ollama": ollama.chat_lines(["Hel"], done=False)[:-1],
}
WORD = {"openai": openai.event(openai.chunk({"content": "x"})), "ollama": ollama.line(ollama.message(content="x"))}


def pieces(data, size, total):
    """Steps that send ``total`` bytes made of ``data``, ``size`` at a time, in chunks of a chunked body."""
    piece = send(chunked((data * (size // len(data) + 1))[:size]))
    return (piece,) * (total // size)


async def streamed(both, **fields):
    """Ask for a stream and keep nothing of it; give how often it said ``x``, and its last bytes."""
    count, end = 0, b""
    async with RawClient("127.0.0.1", both.gateway.port) as client:
        await client.request("POST", PATH, body=both.body(stream=True, **fields))
        await client.read_head()
        while not end.endswith(LAST_CHUNK):
            data = await client.read_some(30)
            assert data, "the connection was closed inside the body"
            count += (end[-14:] + data).count(b'"content":"x"') - end[-14:].count(b'"content":"x"')
            end = (end + data)[-1000:]
    return count, end


ENDLESS = {
    "one event": {"openai": (b"data: ", b"x"), "ollama": (b'{"message": {"content": "', b"x")},
    "one event of many lines": {"openai": (b"", b"data: xxxxxxxx\n")},
    "one event of lines of nothing": {"openai": (b"", b"data\n")},
    "a comment": {"openai": (b": ", b"x")},
    "a line of no field": {"openai": (b"", b"x"), "ollama": (b"", b"x")},
    "the name of an event": {"openai": (b"event: ", b"x")},
}


@pytest.mark.case("U33", "U34")
@pytest.mark.parametrize(("kind", "case"), [(kind, case) for case, kinds in ENDLESS.items() for kind in kinds])
async def test_sixty_four_megabytes_in_one(pair, kind, case, growth):
    """U33, U34: of an event or a line of 64 MiB no more than the limit is ever held; then the connection is closed."""
    # Lines of nothing are five bytes for each that is held, and more work than a busy machine does in good time.
    up = {"bounds": {"max_event_bytes": MIB}} if case.endswith("nothing") else {}
    both = await pair(kind=kind, clocks=LONG, up=up)
    start, more = ENDLESS[case][kind]
    both.plays((*BEGUN[kind], send(chunked(start)) if start else send(b""), *pieces(more, 64 << 10, 64 * MIB)))

    events = data_events(await both.ask(stream=True))

    assert ("Hel", "upstream_event_too_large") == (said(events), events[-1]["error"]["code"])
    assert await both.upstream.quiet()
    assert both.upstream.connections[0].sent_bytes < 16 * MIB  # the kernel's buffers included
    assert growth() < 3 * Bounds().max_event_bytes / MIB + 4


@pytest.mark.case("U33")
@pytest.mark.parametrize("kind", KINDS)
async def test_event_at_the_limit(pair, kind):
    """U33: what is within the limit is passed on, however many reads it takes."""
    both = await pair(kind=kind, clocks=LONG)
    text = "x" * (4 * MIB - 1000)
    both.plays(openai.stream([text]) if kind == "openai" else ollama.chat_lines([text]))

    events = data_events(await both.ask(stream=True))

    assert (text, "[DONE]") == (said(events), events[-1])


@pytest.mark.case("U17")
@pytest.mark.parametrize("kind", KINDS)
async def test_a_gigabyte_after_the_end(pair, kind):
    """U17: the client has its answer at [DONE]; of what follows next to nothing is read, and the connection is closed."""
    both = await pair(kind=kind, clocks=LONG)
    end = openai.stream([], role=False)[1:-1] if kind == "openai" else ollama.chat_lines([])[1:-1]
    both.plays((*BEGUN[kind], *end, flood(chunked(WORD[kind] * 400))))

    response = await both.ask(stream=True)

    events = data_events(response)
    assert ("Hel", "[DONE]") == (said(events), events[-1])
    assert response.complete
    assert await both.upstream.quiet()
    # 64 KiB are drained; the rest is in the buffers of two kernels and of aiohttp.
    assert both.upstream.connections[0].sent_bytes < 12 * MIB
    assert ["ok"] == [record.status for record in both.gateway.records]


@pytest.mark.case("U17")
@pytest.mark.parametrize("kind", KINDS)
async def test_a_little_after_the_end(pair, kind):
    """U17: a few bytes after [DONE] are drained, and the connection is used again."""
    both = await pair(kind=kind)
    suffix = WORD[kind] * 100
    both.plays(
        openai.stream(["Hel", "lo"], suffix=suffix)
        if kind == "openai"
        else ollama.chat_lines(["Hel", "lo"], suffix=suffix)
    )

    for _ in range(3):
        assert "Hello" == said(data_events(await both.ask(stream=True)))
        await asyncio.sleep(0.05)

    assert 1 == len(both.upstream.connections)


class Others:
    """
    A client that goes on asking while something else happens; and what it, and the loop, had to wait.

    In seconds of this process's own work, so that it makes no difference what else the machine does.
    """

    def __init__(self, both):
        self.port = both.gateway.port
        self.waits = []
        self.lags = []

    async def __aenter__(self):
        gc.collect()
        gc.freeze()  # what other tests have left would be looked through again and again
        self.tasks = [asyncio.create_task(self._ask()), asyncio.create_task(self._beat())]
        return self

    async def __aexit__(self, *_):
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    def check(self):
        """Fail if they were held up: by more than 50 ms of work where some milliseconds are usual."""
        assert sorted(self.waits)[len(self.waits) // 2] < 0.05
        assert max(self.lags) < 0.05

    async def _ask(self):
        async with RawClient("127.0.0.1", self.port) as client:
            while True:
                before = time.process_time()
                await client.request("GET", "/healthz")
                assert 200 == (await client.read_response()).status
                self.waits.append(time.process_time() - before)
                await asyncio.sleep(0.01)

    async def _beat(self):
        while True:
            before = time.process_time()
            await asyncio.sleep(0)
            self.lags.append(time.process_time() - before)


@pytest.mark.case("U35")
@pytest.mark.parametrize("kind", KINDS)
async def test_a_hundred_thousand_events_at_once(pair, kind):
    """U35: a burst of tiny events is passed on whole, and others are served in the middle of it."""
    both = await pair(kind=kind, clocks=LONG)
    end = openai.stream([], role=False)[1:] if kind == "openai" else ollama.chat_lines([])[1:]
    both.plays((*BEGUN[kind], *(send(chunked(WORD[kind] * 10_000)) for _ in range(10)), *end))

    async with Others(both) as others:
        count, end = await streamed(both)

    assert 100_000 == count
    assert b"[DONE]" in end
    others.check()


@pytest.mark.case("U35")
@pytest.mark.parametrize("kind", KINDS)
async def test_a_million_events(pair, kind, growth):
    """U35: a stream holds a million events, and no more; nothing of them piles up, and others are served."""
    both = await pair(kind=kind, clocks=LONG)
    both.plays((*BEGUN[kind], *(send(chunked(WORD[kind] * 1000)),) * 1001, hang()))

    async with Others(both) as others:
        count, end = await streamed(both)

    before = {"openai": 2, "ollama": 1}  # the role and "Hel"
    assert 1_000_000 - before[kind] == count
    assert b'"code":"upstream_event_too_large"' in end
    assert b"[DONE]" not in end
    assert await both.upstream.quiet()
    assert growth() < 24
    others.check()


@pytest.mark.case("U35")
@pytest.mark.parametrize("kind", KINDS)
async def test_chunks_of_one_byte(pair, kind):
    """U35: chunks of one byte, two hundred thousand of them, cost time, but nobody else's."""
    both = await pair(kind=kind, clocks=LONG)
    words = 200_000 // len(WORD[kind])
    body = b"".join(chunked(bytes([byte])) for byte in WORD[kind] * words)
    end = openai.stream([], role=False)[1:] if kind == "openai" else ollama.chat_lines([])[1:]
    both.plays((*BEGUN[kind], *(send(body[at : at + 65536]) for at in range(0, len(body), 65536)), *end))

    async with Others(both) as others:
        count, end = await streamed(both)

    assert words == count
    assert b"[DONE]" in end
    others.check()


@pytest.mark.case("U70")
async def test_fifty_megabytes_of_arguments(pair, growth):
    """U70: in a stream the arguments of a tool call may be as long as they like: nothing of them is kept."""
    both = await pair(clocks=LONG)
    entry = {"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": ""}}
    piece = openai.event(openai.chunk({"tool_calls": [{"index": 0, "function": {"arguments": "y" * 50_000}}]}))
    begun = (*BEGUN["openai"], send(chunked(openai.event(openai.chunk({"tool_calls": [entry]})))))
    both.plays((*begun, *(send(chunked(piece)),) * 1000, *openai.stream([], role=False, finish="tool_calls")[1:]))

    _, end = await streamed(both)

    assert b'"finish_reason":"tool_calls"' in end
    assert b"[DONE]" in end
    assert growth() < 24


@pytest.mark.case("U70", "U41")
@pytest.mark.parametrize("kind", KINDS)
async def test_whole_answer_over_the_limit(pair, kind):
    """U70, U41: what has to be collected is bounded, all of its parts together."""
    both = await pair(kind=kind, clocks=LONG)
    if kind == "openai":
        part = openai.event(openai.chunk({"tool_calls": [{"index": 0, "function": {"arguments": "y" * 500_000}}]}))
        entry = {"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": ""}}
        begun = (*BEGUN[kind], send(chunked(openai.event(openai.chunk({"tool_calls": [entry]})))))
    else:
        part, begun = ollama.line(ollama.message(content="y" * 500_000)), BEGUN[kind]
    both.plays((*begun, *(send(chunked(part)),) * 140, hang()))

    response = await both.ask()

    assert (502, "upstream_event_too_large") == (response.status, response.json["error"]["code"])
    assert await both.upstream.quiet()


@pytest.mark.case("U40")
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("kind", KINDS)
async def test_whole_json_over_the_limit(pair, kind, stream):
    """U40: the same for JSON, whether or not a stream was asked for."""
    both = await pair(kind=kind, clocks=LONG)
    headers = [("Content-Type", "application/json"), ("Transfer-Encoding", "chunked")]
    both.plays((send(head(200, headers)), *pieces(b" ", 64 << 10, 80 * MIB), hang()))

    response = await both.ask(stream=stream)

    assert (502, "upstream_event_too_large") == (response.status, response.json["error"]["code"])
    assert await both.upstream.quiet()


@pytest.mark.case("U67")
@pytest.mark.parametrize("kind", KINDS)
async def test_sends_on_when_nobody_listens(pair, kind):
    """U67: an upstream that does not care that the call is over is cut off at once, with nothing left of it."""
    both = await pair(kind=kind, clocks=LONG)
    both.plays((*BEGUN[kind], flood(chunked(WORD[kind] * 100))))
    loop = asyncio.get_running_loop()
    delays = []
    for number in range(3):  # a busy machine has pauses
        async with RawClient("127.0.0.1", both.gateway.port) as client:
            await client.request("POST", PATH, body=both.body(stream=True))
            await client.read_head()
            left_at = loop.time()
            client.rst()
            connection = both.upstream.connections[number]
            assert await connection.closed_within(5)
            delays.append(connection.closed_at - left_at)

    assert min(delays) < 0.1
    await both.gateway.services.gateway.idle()
    assert ["client_closed"] * 3 == [record.status for record in both.gateway.records]


@pytest.mark.case("U35")
async def test_a_stream_that_never_says_anything(pair, growth):
    """U35: chunks that say nothing, which might be held back so that another target may answer, do not pile up."""
    both = await pair(clocks={**LONG, "total_s": 20})
    scores = {"content": [{"token": "a", "logprob": -1.5}]}
    silent = openai.event({"choices": [{"index": 0, "delta": {"content": ""}, "logprobs": scores}]})
    begun, end = openai.stream([], finish=None, done=False)[:-1], openai.stream([], role=False)[1:]
    both.plays((*begun, *(send(chunked(silent * 1000)),) * 100, *end))

    async with Others(both) as others:
        _, end = await streamed(both, logprobs=True)

    assert b"[DONE]" in end
    assert growth() < 24
    others.check()


async def test_too_large_before_anything_was_said(pair):
    """Where nothing of the answer was sent on, the message does not point to it."""
    both = await pair(kind="openai", clocks=LONG)
    both.upstream.on("POST", PATH, openai.stream([b"data: " + b"x" * (5 * MIB) + b"\n\n"]))

    response = await both.ask(stream=True)

    assert (502, "upstream_event_too_large") == (response.status, response.json["error"]["code"])
    assert "above" not in response.json["error"]["message"]
