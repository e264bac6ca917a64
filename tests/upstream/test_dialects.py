import json

import pytest
from openai import AsyncOpenAI

from tests.support.raw import RawClient, Response
from tests.upstream import airefinery, ollama, openai
from tests.upstream.framing import Wire
from tests.upstream.server import Upstream
from tests.upstream.steps import Script, sleep

TEXT = [
    openai.event(openai.chunk({"role": "assistant", "content": ""})),
    openai.event(openai.chunk({"content": "Hel"})),
    openai.event(openai.chunk({"content": "lo"})),
    openai.event(openai.chunk({}, finish="stop")),
    openai.DONE,
]


async def answered(script: Script) -> Response:
    async with Upstream() as upstream:
        upstream.on("GET", "/", script)
        async with RawClient("127.0.0.1", upstream.port) as raw:
            await raw.request("GET", "/")
            return await raw.read_response()


async def test_stream_sends_one_chunk_per_event():
    """A stream is the role, the text, the finish and [DONE], each a chunk of its own."""
    response = await answered(openai.stream(["Hel", "lo"]))

    assert "text/event-stream" == response.header("content-type")
    assert TEXT == [chunk.data for chunk in response.chunks]
    assert response.complete


@pytest.mark.parametrize("framing", ["chunked", "close", "length"])
@pytest.mark.parametrize("piece", [None, 1, 7])
@pytest.mark.parametrize("joined", [False, True])
async def test_framing_and_pieces_do_not_change_the_body(framing, piece, joined):
    """However it is framed and cut, the body is the same."""
    response = await answered(openai.stream(["Hel", "lo"], framing=framing, piece=piece, joined=joined))

    assert (b"".join(TEXT), True) == (response.body, response.complete)


async def test_parts_may_be_bytes_deltas_and_steps():
    """Bytes are sent as they stand, a mapping is a delta, a step is played where it stands."""
    parts = [b": ping\n\n", sleep(0), {"reasoning_content": "hm"}]

    response = await answered(openai.stream(parts, role=False, finish=None, done=False))

    assert b": ping\n\n" + openai.event(openai.chunk({"reasoning_content": "hm"})) == response.body


async def test_prefix_suffix_newline_usage_and_headers():
    """A stream can start with a BOM, end its lines in CRLF, hold usage, and be followed by anything."""
    response = await answered(
        openai.stream(
            [],
            role=False,
            usage=openai.USAGE,
            newline=b"\r\n",
            prefix=b"\xef\xbb\xbf",
            suffix=b": more\n\n",
            headers=(("x-request-id", "req_1"),),
            content_type="",
        )
    )

    finish, usage = openai.chunk({}, finish="stop"), {**openai.chunk({}), "choices": [], "usage": openai.USAGE}
    events = openai.event(finish, b"\r\n") + openai.event(usage, b"\r\n") + b"data: [DONE]\r\n\r\n"
    assert b"\xef\xbb\xbf" + events + b": more\n\n" == response.body
    assert ("req_1", None) == (response.header("x-request-id"), response.header("content-type"))


async def test_the_openai_client_understands_every_answer():
    """The official client reads the answers, the stream, the tool call, the models and the embeddings."""
    async with Upstream() as upstream, AsyncOpenAI(base_url=f"{upstream.url}/v1", api_key="k") as client:
        upstream.on(
            "POST",
            "/v1/chat/completions",
            openai.completion("Hello"),
            openai.stream(["Hel", "lo"], usage=openai.USAGE),
            openai.tool_stream([("c1", "f", ['{"a"', ":1}"]), ("c2", "g", ["{}"])]),
        )
        upstream.on("GET", "/v1/models", openai.models(["a"]), airefinery.models(["b"]))
        upstream.on("POST", "/v1/embeddings", openai.embeddings([[0.5, 1.0]], as_base64=True), openai.embeddings([[2]]))
        ask = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}

        whole = await client.chat.completions.create(**ask)
        async with client.chat.completions.stream(**ask) as stream:
            text = await stream.get_final_completion()
        async with client.chat.completions.stream(**ask) as stream:
            tools = await stream.get_final_completion()
        models = [(await client.models.list()).data[0] for _ in range(2)]
        vectors = [(await client.embeddings.create(model="m", input="x")).data[0].embedding for _ in range(2)]

    assert ("Hello", 21) == (whole.choices[0].message.content, whole.usage.total_tokens)
    assert ("Hello", 21) == (text.choices[0].message.content, text.usage.total_tokens)
    calls = tools.choices[0].message.tool_calls
    assert [("c1", "f", '{"a":1}'), ("c2", "g", "{}")] == [
        (call.id, call.function.name, call.function.arguments) for call in calls
    ]
    assert "tool_calls" == tools.choices[0].finish_reason
    assert ["a", "b"] == [model.id for model in models]
    assert {"root", "parent", "permission"} <= models[1].model_extra.keys()
    assert [[0.5, 1.0], [2]] == vectors


async def test_errors_come_as_envelope_json_or_bytes():
    """An error's body is OpenAI's envelope around a message, other JSON, or any bytes."""
    enveloped = await answered(openai.error(429, "slow down", [("Retry-After", "2")]))
    plain = await answered(openai.error(400, {"detail": "no"}))
    page = await answered(openai.error(502, b"<html>", content_type="text/html"))
    odd = await answered(openai.error(599))

    assert (429, "slow down", "2") == (
        enveloped.status,
        enveloped.json["error"]["message"],
        enveloped.header("retry-after"),
    )
    assert {"detail": "no"} == plain.json
    assert ("text/html", b"<html>") == (page.header("content-type"), page.body)
    assert odd.head.raw.startswith(b"HTTP/1.1 599 Unknown\r\n")


async def test_ollama_streams_lines():
    """Ollama's stream is a line per part and a last one with the counters."""
    parts = ["Hel", {"thinking": "hm"}, ollama.error_line("boom")]

    response = await answered(ollama.chat_lines(parts, done_reason="length"))

    said, thought, failed, last = [json.loads(line) for line in response.body.splitlines()]
    assert "application/x-ndjson" == response.header("content-type")
    assert ("Hel", False) == (said["message"]["content"], said["done"])
    assert "hm" == thought["message"]["thinking"]
    assert {"error": "boom"} == failed
    assert (True, "length", 282) == (last["done"], last["done_reason"], last["eval_count"])


async def test_ollama_stream_can_be_cut():
    """Without ``done`` the last line is missing."""
    response = await answered(ollama.chat_lines(["Hel"], done=False))

    assert 1 == len(response.body.splitlines())


async def test_ollama_answers():
    """Ollama's whole answer, list of models, embeddings and refusal have its shapes."""
    chat = await answered(ollama.chat("Hello", thinking="hm"))
    tags = await answered(ollama.tags(["llama3.2:latest"]))
    embed = await answered(ollama.embed([[0.5]]))
    error = await answered(ollama.error(404, "model 'x' not found"))

    assert ({"role": "assistant", "content": "Hello", "thinking": "hm"}, True) == (
        chat.json["message"],
        chat.json["done"],
    )
    assert "llama3.2:latest" == tags.json["models"][0]["name"]
    assert [[0.5]] == embed.json["embeddings"]
    assert (404, {"error": "model 'x' not found"}) == (error.status, error.json)


def test_wire_defaults_are_what_providers_do():
    """Left alone, a stream is chunked and its lines end in LF."""
    assert ("chunked", b"\n", None) == (Wire().framing, Wire().newline, Wire().piece)
