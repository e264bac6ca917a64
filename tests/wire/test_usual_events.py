import json
from collections.abc import Iterable

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from llms.apis.chat_completions import API
from llms.errors import GatewayError
from llms.providers.openai_codec import Codec, Service
from llms.records import Call, Chunk, Target
from llms.terms import Bounds, Terms
from llms.wire.meter import Meter
from llms.wire.text_block import MixedBlock, TextBlock
from llms.wire.usual_events import UsualEvents
from tests.support.decoding import decoded

CALL = Call("req_0123456789abcdef01234567", 1790000000, "chat.completions", "mine", stream=True, body={})
CODEC = Codec(Service("acme", "http://127.0.0.1"))
TARGET = Target("acme", "theirs")

HEAD = '{"id":"chatcmpl-B9M","object":"chat.completion.chunk","created":1741569952,"model":"theirs"'
OPENAI = (
    HEAD + ',"service_tier":"default","system_fingerprint":"fp_1","choices":[{"index":0,"delta":{"content":%s},'
    '"logprobs":null,"finish_reason":null}],"usage":null,"obfuscation":"%s"}'
)
VLLM = HEAD + ',"choices":[{"index":0,"delta":{"content":%s},"logprobs":null,"finish_reason":null,"token_ids":null}]}%s'
OLLAMA = HEAD + ',"choices":[{"index":0,"delta":{"role":"assistant","content":%s},"finish_reason":null}]}%s'
SPACED = '{"id": "a", "choices": [{"delta": {"content": %s, "tool_calls": null}, "index": 0}]}%s'
THINKING = (
    HEAD + ',"choices":[{"index":0,"delta":{"content":null,"reasoning":%s},"finish_reason":null}],"usage":null}%s'
)
SHAPES = (OPENAI, VLLM, OLLAMA, SPACED, THINKING)

ROLE = b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}\n\n'
FINISH = (
    b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
    b'data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}\n\ndata: [DONE]\n\n'
)


def usual(shape: str, literal: str, noise: str = "aB3") -> bytes:
    """An event of a shape, with a literal where its content is."""
    return b"data: " + (shape % (literal, noise if shape is OPENAI else "")).encode() + b"\n\n"


def key_of(shape: str) -> str:
    """Under which key the text of a shape is sent on."""
    return "reasoning_content" if shape is THINKING else "content"


def single(data: bytes) -> list[bytes]:
    """Reads of which none holds an event, so that the short way never finds one."""
    return [data[at : at + 1] for at in range(len(data))]


@pytest.mark.parametrize("shape", SHAPES)
def test_usual(shape: str) -> None:
    """Events that are alike but for their text are found, wherever a read begins and ends, once one has been seen."""
    events = [usual(shape, f'" {word}"', word) for word in ("one", "two", "three", "four")]
    decoder = CODEC.decoder(CALL, TARGET)
    decoder.feed(ROLE + events[0])

    found = [decoder.feed(events[1]), decoder.feed(b"".join(events[1:]) + events[0][:50])]
    cut = decoder.feed(events[0][50:] + b"".join(events[1:]) + FINISH)

    assert [[" two"], [" two", " three", " four"]] == [block.texts for block in found if isinstance(block, TextBlock)]
    assert [{key_of(shape): f" {word}"} for word in ("one", "two", "three", "four")] == [
        chunk["choices"][0]["delta"] for chunk in list(cut)[:4]
    ]
    assert (6, True) == (len(cut), decoder.done)


def test_from_reasoning_to_content() -> None:
    """What is learned at the beginning of a read says nothing of those events in it that had been known before."""
    thought, text = usual(THINKING, '"Hm."'), usual(OLLAMA, '"Yes."')
    reads = [ROLE + thought + thought, thought, text + thought + text, text, thought + text + thought]

    blocks = decoded(CODEC.decoder(CALL, TARGET), reads)[0]

    assert decoded(CODEC.decoder(CALL, TARGET), single(b"".join(reads)))[0] == blocks
    assert [*["Hm."] * 3, "Yes.", "Hm.", "Yes.", "Yes.", "Hm.", "Yes.", "Hm."] == [
        text for chunk in blocks[1:] for text in chunk["choices"][0]["delta"].values()
    ]


@pytest.mark.parametrize("shape", SHAPES)
def test_first_read(shape: str) -> None:
    """A read that holds the whole stream is learned from at its beginning, and all else of it takes the short way."""
    words = [f" {number}" for number in range(20)]

    block = CODEC.decoder(CALL, TARGET).feed(ROLE + b"".join(usual(shape, f'"{word}"') for word in words) + FINISH)

    assert isinstance(block, MixedBlock)
    known = [part.texts for part in block.parts if isinstance(part, TextBlock)]
    assert [words[-sum(map(len, known)) :]] == known
    assert 18 <= len(known[0])


@pytest.mark.parametrize("shape", SHAPES)
def test_short_way_is_taken(shape: str) -> None:
    """What is found so has not been read as an event, so that nothing is done twice."""
    known = UsualEvents()
    payload = usual(shape, '" one"')[6:-2]
    known.learn(payload, key_of(shape), " one")

    data = b": x\n\n" + usual(shape, '" two"') + usual(shape, r'"\u00e9\n"', "x")

    assert (5, len(data), key_of(shape), [" two", "é\n"]) == known.find(data + b"data: ")


@pytest.mark.parametrize(
    "payload",
    [
        '{"choices":[{"index":0,"delta":{"content":"a"}}],"usage":{"prompt_tokens":1}}',
        '{"choices":[{"index":0,"delta":{"content":"a"}}],"x_groq":{"usage":{"prompt_tokens":1}}}',
        '{"choices":[{"index":0,"delta":{"content":"b","content":"a"}}]}',
        '{"choices":[{"index":0,"delta":{"content":"\\u0061"}}]}',
        '{"content":"a","choices":[{"index":0,"delta":{"content":"a"}}]}',
        '{"a\\"content":"a","choices":[{"index":0,"delta":{"\\u0063ontent":"a"}}]}',
        '{"choices":[{"index":0,"delta":{"content":"a"},"usage":{"prompt_tokens":1}}]}',
        '{"choices":[{"index":0,"delta":{"content":"a"}},{"index":1,"delta":{"content":"a"}}]}',
        '{"choices":[{"index":1,"delta":{"content":"a"}}]}',
        '{"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]}',
        '{"choices":[{"index":0,"delta":{"content":"a"},"logprobs":{"content":[]}}]}',
        '{"choices":[{"index":0,"delta":{"content":"a","refusal":"b"}}]}',
        '{"choices":[{"index":0,"delta":{"content":"a"}}],\n"x":1}',
        '{"choices":[{"index":0,"delta":{"content":"a"}}],"x":"%s"}' % ("x" * 2048),
        '{"choices":[{"index":0,"delta":{"content":"a"}}],"x":%s}' % ("[" * 120 + "]" * 120),
        '{"choices":[{"index":0,"delta":{"content":"%s"}}]}' % ("~" * 600),
    ],
)
def test_not_learned(payload: str) -> None:
    """An event is learned only where its content is known to be, and if nothing else in it counts."""
    known = UsualEvents()
    text = json.loads(payload)["choices"][0]["delta"]["content"]

    known.learn(payload.encode(), "content", text)

    assert None is known.find(b"data: " + payload.encode() + b"\n\n")


def test_gives_up() -> None:
    """A stream in which no event is like another is not learned from for ever."""
    known = UsualEvents()

    for number in range(5):
        known.learn(b'{"n":%d,"choices":[{"index":0,"delta":{"content":"a"}}]}' % number, "content", "a")

    data = b'data: {"n":%d,"choices":[{"index":0,"delta":{"content":"a"}}]}\n\n'
    assert [None, (0, len(data % 3), "content", ["a"])] == [known.find(data % number) for number in (4, 3)]


@pytest.mark.parametrize(
    "literal",
    [
        '""',
        "null",
        "5",
        '"a","b"',
        '"a","content":"b"',
        '"a"},"x":{"y":"b"',
        '"\n"',
        '"a"\r',
        '"\\"',
        '"\\ud83d"',
        '"a",["b"',
        '"a"}}],"x":[{"y":{"z":"b"',
    ],
)
@pytest.mark.parametrize("shape", [OPENAI, VLLM])
def test_unusual(shape: str, literal: str) -> None:
    """Whatever stands in the place of the text and is none, or an empty one, is left to the long way."""
    known = UsualEvents()
    known.learn(usual(shape, '"a"')[6:-2], "content", "a")

    assert None is known.find(usual(shape, literal))
    for last in ('"b"', '"c"],"d"', '",", "b"'):
        run = known.find(usual(shape, '"a"') + usual(shape, literal) + usual(shape, last))
        assert run is None or ["a"] == run[3]


@pytest.mark.parametrize(
    "texts",
    [
        ['"a\\"', '","b"'],
        ['"a",["b"', '"c"', '"d"],"e"'],
        ['"a",{"b":"c"', '"d":"e"', '"f":"g"},"h"'],
        ['"a","b"', '""', '"c"'],
        ['"a', '"b"', 'c"'],
    ],
)
@pytest.mark.parametrize("shape", [OPENAI, VLLM])
def test_strings_only_together(shape: str, texts: list[str]) -> None:
    """What are as many strings as there are texts, but not one in each place, is left to the long way."""
    known = UsualEvents()
    known.learn(usual(shape, '"a"')[6:-2], "content", "a")

    found = known.find(b"".join(usual(shape, text) for text in texts))

    assert found is None or all(f'"{text}"' in texts for text in found[3])


@pytest.mark.parametrize(
    "change",
    [
        (b"aB3", b"a\\"),
        (b"aB3", b""),
        (b"aB3", b"\xc3\xa9"),
        (b'null}],"usage":null', b'"ab"}],"usage":null'),
        (b'"obf', b'"abf'),
    ],
)
def test_other_noise(change: tuple[bytes, bytes]) -> None:
    """So is what stands in the place of the noise, or before it, and is something else."""
    known = UsualEvents()
    known.learn(usual(OPENAI, '"a"')[6:-2], "content", "a")
    other = usual(OPENAI, '"b"').replace(*change)

    assert [None, None] == [known.find(other), known.find(other + usual(OPENAI, '"c"'))]


def test_limits() -> None:
    """Usual events count for the limits as others do."""
    event = usual(VLLM, '" one"')
    reads = [ROLE, event, event * 2, event * 2, FINISH]

    for bounds in (Bounds(max_events=5), Bounds(max_events=6), Bounds(max_event_bytes=len(event))):
        target = Target("acme", "theirs", terms=Terms(bounds=bounds))
        short = decoded(CODEC.decoder(CALL, target), reads)
        long = decoded(CODEC.decoder(CALL, target), single(b"".join(reads)))
        assert (short[0], repr(short[1])) == (long[0], repr(long[1]))


def test_many_brackets() -> None:
    """A read that may hold too many parts is counted by the long way."""
    known = UsualEvents()
    known.learn(usual(VLLM, '"a"')[6:-2], "content", "a")

    assert None is known.find(usual(VLLM, '"%s"' % ("[" * 500_000)))


WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\\"), min_size=1, max_size=8)
LITERALS = st.one_of(
    st.sampled_from(['" one"', '" two"', '"."', '" the"']),
    WORDS.map(lambda text: json.dumps(text, ensure_ascii=False)),
    st.text(max_size=4).map(json.dumps),
    st.sampled_from(
        ["null", '""', "[]", '[{"type":"text","text":"a"}]', '"\\ud83d"', '"\\ude00"', '"\\ud83d\\ude00"', '"\\"']
    ),
    st.lists(
        st.sampled_from(['"', '",', '"a', "\\", '"],"', '["', "}", '":"', "\n", "\r", "\x00", '"content":"', "</", "["])
    ).map("".join),
)
ODD = st.sampled_from(
    [
        b": ping\n\n",
        b"event: ping\n",
        b"\r\n",
        b"data: {\n\n",
        b"data: [DONE]\n\n",
        b'data: {"error":{"message":"no"}}\n\n',
        b'data: {"choices":[{"index":1,"delta":{"content":"other"}}]}\n\n',
        b'data: {"choices":[{"index":0,"delta":{"content":"a"}},{"index":1,"delta":{"content":"b"}}]}\n\n',
        b'data: {"choices":[{"index":0,"delta":{"tool_calls":[{"id":"a","function":{"name":"f"}}]}}]}\n\n',
        b'data: {"choices":[{"index":0,"delta":{"content":"a"}}],"usage":{"prompt_tokens":1}}\n\n',
        FINISH[:70],
        FINISH,
    ]
)
CHANGES = st.sampled_from(
    [
        (b'"chatcmpl-B9M"', b'"chatcmpl-B9N"'),
        (b'"index":0', b'"index":1'),
        (b'"delta":{', b'"delta":{"content":"before",'),
        (b'"delta":{', b'"delta":{"x":"y",'),
        (b'"delta":{', b'"delta":{"refusal":"no",'),
        (b"}]", b"} ]"),
        (b"data: ", b"data:"),
        (b'"delta"', b'\n"delta"'),
        (b'"delta"', b'\ndata: "delta"'),
        (b'"delta"', b'"type":"error","delta"'),
        (b'"delta"', b'"usage":{"prompt_tokens":1},"delta"'),
        (b'"content"', b'"reasoning_content"'),
        (b'"reasoning"', b'"content"'),
        (b'"reasoning"', b'"thinking"'),
        (b"\n\n", b"\r\n\r\n"),
        (b"\n\n", b" \n\n"),
        (b"aB3", b"a-"),
        (b"aB3", b""),
        (b"aB3", b'x","error":"no'),
        (b'"finish_reason":null', b'"finish_reason":"stop"'),
        (b'"a', b'"\xff'),
    ]
)


@st.composite
def streams(draw: st.DrawFn) -> list[bytes]:
    """A stream of mostly usual events, in reads."""
    shape = draw(st.sampled_from(SHAPES))
    if draw(st.integers(0, 9)) == 0:
        shape = shape.replace('"choices"', '\ndata: "choices"')
    parts = [ROLE, usual(shape, '" first"')]
    for kind in draw(st.lists(st.sampled_from("uuuuuuuuco"), max_size=12)):
        part = draw(ODD) if kind == "o" else usual(shape, draw(LITERALS), draw(st.sampled_from(["aB3", "x", "0" * 9])))
        parts.append(part.replace(*draw(CHANGES)) if kind == "c" else part)
    data = b"".join(parts) + draw(st.sampled_from([b"", FINISH]))
    if draw(st.booleans()):
        return [b"".join(parts[:2]), data[len(b"".join(parts[:2])) :]]
    points = sorted(draw(st.lists(st.integers(0, len(data)), max_size=6)))
    return [data[start:end] for start, end in zip([0, *points], [*points, len(data)], strict=True) if start < end]


Outcome = tuple[list[Chunk], bytes, str, tuple[object, ...]]


def outcome(call: Call, reads: Iterable[bytes]) -> tuple[Outcome, int]:
    """Chunks, bytes, error and what is metered of a stream; and how many of its chunks came in text blocks."""
    decoder, encoder, meter = CODEC.decoder(call, TARGET), API.encoder(call), Meter()
    chunks: list[Chunk] = []
    written, ending, alike = b"", "", 0
    try:
        for data in reads:
            block = [] if decoder.done else decoder.feed(data)
            parts = block.parts if isinstance(block, MixedBlock) else [block]
            alike += sum(len(part) for part in parts if isinstance(part, TextBlock) and len(part) > 1)
            chunks += block
            written += encoder.feed(block)
            meter.look(block)
        block = decoder.close()
        chunks += block
        written += encoder.feed(block)
    except GatewayError as failure:
        ending = repr(failure)
    return (chunks, written, ending, (meter.chunks, meter.finish_reason, meter.usage)), alike


@given(streams(), st.booleans())
@settings(max_examples=600, deadline=None)
def test_both_ways_agree(reads: list[bytes], include_usage: bool) -> None:  # noqa: FBT001
    """Chunks, bytes, error and what is metered are the same by the short and the long way, however a stream is cut."""
    call = Call(CALL.id, CALL.started_at, CALL.api, "mine", stream=True, body={}, include_usage=include_usage)

    short, alike = outcome(call, reads)
    long, _ = outcome(call, single(b"".join(reads)))

    event(f"chunks in text blocks: {min(alike, 3)}")
    assert repr(long) == repr(short)
    assert long[1] == API.encoder(call).feed(long[0])
