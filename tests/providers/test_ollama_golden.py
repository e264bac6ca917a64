"""Golden files: request in, request out; stream in, chunks out. ``LLMS_GOLDEN=write`` writes what comes out, to be read."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llms.errors import GatewayError
from llms.providers.ollama_codec import Codec
from llms.records import Block, Call, Model, Target
from llms.wire import accumulate
from tests.support.decoding import decoded

GOLDEN = Path(__file__).parents[1] / "golden" / "ollama"
REQUESTS = sorted(path.name.removesuffix(".in.json") for path in (GOLDEN / "request").glob("*.in.json"))
STREAMS = sorted(path.name.removesuffix(".in.ndjson") for path in (GOLDEN / "stream").glob("*.in.ndjson"))

CODEC = Codec("ollama", "http://127.0.0.1:11434")
TARGET = Target("ollama", "llama3.2")


def make_call(body: dict[str, Any]) -> Call:
    return Call("req_0123456789abcdef01234567", 1790000000, "chat.completions", "small", stream=True, body=body)


def compare(path: Path, actual: str) -> None:
    if os.environ.get("LLMS_GOLDEN") == "write":
        path.write_text(actual, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == actual


def stream(name: str, reads: Iterable[bytes]) -> tuple[Block, GatewayError | None]:
    body = GOLDEN / "stream" / f"{name}.call.json"
    decoder = CODEC.decoder(make_call(json.loads(body.read_text()) if body.exists() else {}), TARGET)
    return decoded(decoder, reads)


@pytest.mark.parametrize("name", REQUESTS)
def test_request(name: str) -> None:
    """Ollama is asked for what the client asked for, in its own words."""
    body = json.loads((GOLDEN / "request" / f"{name}.in.json").read_text())

    request = CODEC.chat(make_call(body), TARGET)

    assert request.body is not None
    shown = json.dumps(json.loads(request.body), indent=2, ensure_ascii=False) + "\n"
    compare(GOLDEN / "request" / f"{name}.out.json", shown)


@pytest.mark.parametrize("name", STREAMS)
def test_stream(name: str) -> None:
    """The client gets OpenAI's chunks for what Ollama says, and an error at the end of what is not complete."""
    block, failure = stream(name, [(GOLDEN / "stream" / f"{name}.in.ndjson").read_bytes()])

    end = [] if failure is None else [failure.body()]
    lines = [json.dumps(item, ensure_ascii=False, separators=(",", ":")) + "\n" for item in [*block, *end]]
    compare(GOLDEN / "stream" / f"{name}.out.jsonl", "".join(lines))


@pytest.mark.parametrize("name", STREAMS)
def test_every_cut_gives_the_same(name: str) -> None:
    """However the network cuts the stream in two, the client gets the same."""
    data = (GOLDEN / "stream" / f"{name}.in.ndjson").read_bytes()
    expected, expected_failure = stream(name, [data])

    for cut in range(1, len(data)):
        block, failure = stream(name, [data[:cut], data[cut:]])

        assert expected == block
        assert repr(expected_failure) == repr(failure)


@settings(deadline=None, max_examples=60)
@given(name=st.sampled_from(STREAMS), sizes=st.lists(st.integers(1, 40), min_size=1))
def test_small_reads_give_the_same(name: str, sizes: list[int]) -> None:
    """However small the pieces are in which the stream arrives, the client gets the same."""
    data = (GOLDEN / "stream" / f"{name}.in.ndjson").read_bytes()
    reads = []
    at = 0
    while at < len(data):
        size = sizes[len(reads) % len(sizes)]
        reads.append(data[at : at + size])
        at += size

    expected, expected_failure = stream(name, [data])
    block, failure = stream(name, reads)

    assert expected == block
    assert repr(expected_failure) == repr(failure)


@pytest.mark.parametrize("name", STREAMS)
def test_chunks_obey_the_rules(name: str) -> None:
    """No stream breaks a rule that protects an official client."""
    block, failure = stream(name, [(GOLDEN / "stream" / f"{name}.in.ndjson").read_bytes()])

    heads = {(chunk["id"], chunk["object"], chunk["created"], chunk["model"]) for chunk in block}
    choices = [choice for chunk in block for choice in chunk["choices"]]
    deltas = [choice["delta"] for choice in choices]
    tools = [entry for delta in deltas for entry in delta.get("tool_calls", ())]
    assert heads == {("chatcmpl-0123456789abcdef01234567", "chat.completion.chunk", 1790000000, "small")}
    assert [0] == [index for index, delta in enumerate(deltas) if "role" in delta]
    assert list(range(len(tools))) == [entry["index"] for entry in tools]
    assert len(tools) == len({entry["id"] for entry in tools})
    assert not any("content" in delta and "reasoning_content" in delta for delta in deltas)
    finishes = [choice["finish_reason"] for choice in choices if choice["finish_reason"]]
    assert (0 if failure else 1) == len(finishes)
    assert [chunk for chunk in block if "usage" in chunk] == [chunk for chunk in block[-1:] if not chunk["choices"]]


@pytest.mark.parametrize("name", [name for name in STREAMS if name not in ("error", "truncated")])
def test_a_whole_answer_is_the_stream_collected(name: str) -> None:
    """A client that does not stream gets what the chunks of a streaming one add up to."""
    whole = accumulate.Accumulator(make_call({}))
    whole.feed(stream(name, [(GOLDEN / "stream" / f"{name}.in.ndjson").read_bytes()])[0])
    expected = whole.completion()

    again = accumulate.Accumulator(make_call({}))
    again.feed(accumulate.chunks(expected))

    assert expected == again.completion()


def test_models_are_listed() -> None:
    """The list shows the models as Ollama does, without the tag that it implies."""
    models = CODEC.models((GOLDEN / "tags.json").read_bytes())

    assert models == [
        Model(
            "llama3.2",
            "ollama",
            1777941464,
            {"context_length": 131072, "capabilities": {"completion": True, "tools": True}},
        ),
        Model("hf.co/bartowski/gemma-2-2b-it-GGUF:Q4_K_M", "ollama", 1777916264),
        Model("gpt-oss:120b-cloud", "ollama", 0),
    ]
