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
from llms.providers.openai import Options
from llms.providers.openai_codec import Codec
from llms.records import Block, Call, Target
from llms.wire import accumulate, json_text
from tests.support import openapi
from tests.support.decoding import decoded

GOLDEN = Path(__file__).parents[1] / "golden" / "openai"
REQUESTS = sorted(path.name.removesuffix(".in.json") for path in (GOLDEN / "request").glob("*.in.json"))
STREAMS = sorted(path.name.removesuffix(".in.sse") for path in (GOLDEN / "stream").glob("*.in.sse"))
ANSWERS = sorted(path.name.removesuffix(".in.json") for path in (GOLDEN / "answer").glob("*.in.json"))
LINE_ENDS = {"lf": b"\n", "crlf": b"\r\n", "cr": b"\r"}

TARGET = Target("service", "upstream-model")


def make_codec(**given: Any) -> Codec:
    return Codec(Options(**given).service("service", {}))


def make_call(*, stream: bool = True, body: dict[str, Any] | None = None) -> Call:
    return Call("req_0123456789abcdef01234567", 1790000000, "chat.completions", "mine", stream=stream, body=body or {})


def compare(path: Path, actual: str) -> None:
    if os.environ.get("LLMS_GOLDEN") == "write":
        path.write_text(actual, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == actual


def source(name: str) -> bytes:
    return (GOLDEN / "stream" / f"{name}.in.sse").read_bytes()


def read(reads: Iterable[bytes]) -> tuple[Block, GatewayError | None]:
    decoder = make_codec().decoder(make_call(), TARGET)
    return decoded(decoder, reads)


def shown(block: Block, failure: GatewayError | None) -> str:
    end = [] if failure is None else [{"raised": type(failure).__name__, **failure.body()["error"]}]
    return "".join(json_text.dumps(line).decode() + "\n" for line in [*block, *end])


@pytest.mark.parametrize("name", REQUESTS)
def test_request(name: str) -> None:
    """A service is asked for what the client asked for, in the fields that it takes."""
    case = json.loads((GOLDEN / "request" / f"{name}.in.json").read_text())

    request = make_codec(**case["options"]).chat(make_call(stream=case["stream"], body=case["body"]), TARGET)

    assert request.body is not None
    text = f"{request.method} {request.url}\n" + json.dumps(json.loads(request.body), indent=2) + "\n"
    compare(GOLDEN / "request" / f"{name}.out.txt", text)


@pytest.mark.parametrize("name", STREAMS)
def test_stream(name: str) -> None:
    """What services stream arrives as chunks that obey OpenAI's rules, or as an error that says why not."""
    block, failure = read([source(name)])

    compare(GOLDEN / "stream" / f"{name}.out.jsonl", shown(block, failure))


@pytest.mark.parametrize("name", STREAMS)
def test_stream_is_valid(name: str) -> None:
    """Every chunk is what OpenAI's document promises, and the whole of a good stream is an answer."""
    call = make_call()
    whole = accumulate.Accumulator(call)

    block, failure = read([source(name)])

    for chunk in block:
        openapi.validate("CreateChatCompletionStreamResponse", chunk)
    whole.feed(block)
    if failure is None:
        openapi.validate("CreateChatCompletionResponse", whole.completion())


@pytest.mark.parametrize("name", STREAMS)
def test_stream_bytewise(name: str) -> None:
    """One byte at a time gives the same chunks and the same end."""
    data = source(name)

    assert shown(*read([data])) == shown(*read(data[at : at + 1] for at in range(len(data))))


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_stream_cut_anywhere(data: st.DataObject) -> None:
    """Reads of any sizes give the same chunks and the same end."""
    whole = source(data.draw(st.sampled_from(STREAMS)))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=20)))

    reads = [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]

    assert shown(*read([whole])) == shown(*read(reads))


@pytest.mark.parametrize("end", LINE_ENDS)
def test_line_ends(end: str) -> None:
    """U19-U21: CR, LF and CRLF give the same chunks, wherever the stream is cut in two."""
    expected = shown(*read([source("openai_text")]))
    data = source("openai_text").replace(b"\n", LINE_ENDS[end])

    assert {expected} == {shown(*read([data[:cut], data[cut:]])) for cut in range(len(data) + 1)}


@pytest.mark.parametrize("name", ANSWERS)
def test_answer(name: str) -> None:
    """What services answer whole becomes what OpenAI's document promises."""
    body = (GOLDEN / "answer" / f"{name}.in.json").read_bytes()

    answer = make_codec().completion(make_call(stream=False), TARGET, body)

    openapi.validate("CreateChatCompletionResponse", answer)
    compare(GOLDEN / "answer" / f"{name}.out.json", json.dumps(answer, indent=2, ensure_ascii=False) + "\n")


@pytest.mark.parametrize("name", ANSWERS)
def test_answer_as_stream(name: str) -> None:
    """U40: a whole answer where a stream was asked for becomes chunks that say the same."""
    body = (GOLDEN / "answer" / f"{name}.in.json").read_bytes()
    call = make_call()
    answer = make_codec().completion(call, TARGET, body)
    whole = accumulate.Accumulator(call)

    block = accumulate.chunks(answer)

    for chunk in block:
        if name != "custom_tool":  # OpenAI streams custom calls, its document knows them in whole answers only
            openapi.validate("CreateChatCompletionStreamResponse", chunk)
    whole.feed(block)
    assert answer == whole.completion()
