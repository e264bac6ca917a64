"""What a stream's bytes may be: cut anywhere, in any line ends, and not quite UTF-8. Cases U of the fault catalogue."""

import json
import re

import pytest

from tests.faults.conftest import PATH
from tests.faults.streams import data_events, said
from tests.support.raw import RawClient
from tests.upstream import ollama, openai
from tests.upstream.framing import LAST_CHUNK, chunked, head
from tests.upstream.steps import send

WIDE = "Grüße, 漢字, \ufeff и 😀"
"""Characters of one to four bytes, and a byte order mark that is none."""

KINDS = ("openai", "ollama")


def escaped(text):
    r"""An event whose text is written as escapes: half of a pair is ``\ud83d``."""
    return b"data: " + json.dumps(openai.chunk({"content": text})).encode() + b"\n\n"


SSE = b"".join(
    [
        b"\xef\xbb\xbf",
        openai.event(openai.chunk({"role": "assistant", "content": "First, "})),
        b": OPENROUTER PROCESSING\r\n\r\n",
        openai.event(openai.chunk({"content": WIDE})).replace(b"\n", b"\r\n"),
        b"id: 7\revent: x\rdata:\r\r",
        b'data: {"choices":\r\ndata:[{"index":0,\rdata: "delta":{"content":"%b"}}]}\n\r\n' % WIDE.encode(),
        escaped("\ud83d").replace(b"\n", b"\r"),
        escaped("\ude00"),
        openai.event(
            openai.chunk(
                {
                    "tool_calls": [
                        {"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": ""}}
                    ]
                }
            ),
            b"\r\n",
        ),
        openai.event(openai.chunk({"tool_calls": [{"index": 0, "function": {"arguments": '{"x": "é"}'}}]}), b"\r"),
        b"event: ping\n\nretry: 5\r\n\r\n:\r\r",
        openai.event(openai.chunk({}, finish="tool_calls"), b"\r"),
        openai.event({**openai.chunk({}), "choices": [], "usage": openai.USAGE}, b"\r\n"),
        b"data: [DONE]\r\n\r\n",
    ]
)
NDJSON = b"".join(
    [
        b"\xef\xbb\xbf",
        ollama.line(ollama.message(content=WIDE)),
        b" \r\n\n",
        ollama.line(ollama.message(thinking=WIDE), b"\r\n"),
        json.dumps(ollama.message(content="\ud83d")).encode() + b"\n",
        json.dumps(ollama.message(content="\ude00")).encode() + b"\r\n",
        ollama.line(ollama.message(tool_calls=[{"function": {"name": "f", "arguments": {"x": "é"}}}])),
        ollama.line(ollama.last()),
    ]
)
STREAMS = {"openai": ("text/event-stream", SSE), "ollama": ("application/x-ndjson", NDJSON)}


def played(kind, *parts):
    """The parts as the body of an answer, each of them a read of its own at the gateway."""
    headers = [("Content-Type", STREAMS[kind][0]), ("Transfer-Encoding", "chunked")]
    return (send(head(200, headers)), *(send(chunked(part)) for part in parts if part), send(LAST_CHUNK))


def alike(body):
    """What a client got, without what differs from one call to the next: the id, the time, and ids made of the id."""
    body = re.sub(rb'"id":"(chatcmpl-|call_)[^"]+"', rb'"id":"\1"', body)
    return re.sub(rb'"created":\d+', b'"created":0', body)


async def asked(client, both, text):
    await client.request("POST", PATH, body=both.body(stream=True, messages=[{"role": "user", "content": text}]))
    response = await client.read_response()
    assert response.complete
    return alike(response.body)


@pytest.mark.case("U19", "U20", "U21", "U22", "U30")
@pytest.mark.parametrize("kind", KINDS)
async def test_every_cut(pair, kind):
    """U19–U22, U30: a stream of every oddity, cut in two at each of its bytes, gives each time the same bytes."""
    both = await pair(kind=kind, clocks={"total_s": 60})
    data = STREAMS[kind][1]
    both.plays(lambda request: played(kind, data[: (at := int(request.json["messages"][0]["content"]))], data[at:]))

    assert len(data) > 1000
    async with RawClient("127.0.0.1", both.gateway.port) as client:
        client.listeners = []  # two thousand answers that are alike need not be checked against the schema
        whole = await asked(client, both, "0")
        for at in range(1, len(data)):
            assert whole == await asked(client, both, str(at)), f"cut at {at}"

    assert whole.endswith(b"data: [DONE]\n\n")
    assert WIDE.encode() in whole
    assert b"First, " in whole or kind == "ollama"
    assert whole.count(b"\\ud83d") == whole.count(b"\\ude00") == 1
    assert b"\xef\xbb\xbf" in whole  # inside the text, where it is data
    assert not whole.startswith(b"\xef\xbb\xbf")


@pytest.mark.case("U21", "U30")
@pytest.mark.parametrize("kind", KINDS)
async def test_byte_by_byte(pair, kind):
    """U21, U30: the same stream, each byte a read of its own, is the same for the client."""
    both = await pair(kind=kind, clocks={"first_byte_s": 10, "idle_s": 10, "total_s": 30})
    data = STREAMS[kind][1]
    both.plays(played(kind, data), played(kind, *(data[at : at + 1] for at in range(len(data)))))

    whole, bytewise = [alike((await both.ask(stream=True)).body) for _ in range(2)]

    assert whole == bytewise


@pytest.mark.case("U30")
@pytest.mark.parametrize("stream", [True, False])
async def test_halves_of_a_pair(pair, stream):
    r"""U30: a character whose halves come in two events is whole for the client; a lone half stays ``\ud83d``."""
    both = await pair()
    both.plays(openai.stream([escaped("\ud83d"), escaped("\ude00"), escaped("\udfff!")]))

    response = await both.ask(stream=stream)

    text = said(data_events(response)) if stream else response.json["choices"][0]["message"]["content"]
    assert "😀\udfff!" == text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    assert b"\\udfff!" in response.body
    response.body.decode("utf-8")


BROKEN = {
    "a byte alone": (b"\xff", "\ufffd"),
    "half a character": (b"\xe6\xbc", "\ufffd"),
    "overlong": (b"\xc0\xaf", "\ufffd\ufffd"),
    "a surrogate in UTF-8": (b"\xed\xa0\xbd", "\ufffd\ufffd\ufffd"),
    "latin-1": ("Grüße".encode("latin-1"), "Gr\ufffd\ufffde"),
}


@pytest.mark.case("U29")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", BROKEN)
@pytest.mark.parametrize("stream", [True, False])
async def test_not_utf8(pair, kind, case, stream):
    """U29: bytes in a text that are not UTF-8 become U+FFFD; what goes out is valid, and the rest is whole."""
    both = await pair(kind=kind)
    sent, read = BROKEN[case]
    if kind == "openai":
        both.plays(openai.stream([openai.event(openai.chunk({"content": "[?]"})).replace(b"?", sent), "lo"]))
    else:
        both.plays(ollama.chat_lines([ollama.line(ollama.message(content="[?]")).replace(b"?", sent), "lo"]))

    response = await both.ask(stream=stream)

    text = said(data_events(response)) if stream else response.json["choices"][0]["message"]["content"]
    assert f"[{read}]lo" == text
    assert ["ok"] == [record.status for record in both.gateway.records]
