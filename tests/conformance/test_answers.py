"""Checks 1 to 6: what a plain answer looks like to the official client, and on the wire."""

import json

import pytest

from tests.conformance import answers
from tests.conformance.dialects import DIALECTS, EVERYONE, INPUT_TOKENS, OUTPUT_TOKENS, Answer, Tool
from tests.conformance.users import MODEL
from tests.support.raw import RawClient

pytestmark = pytest.mark.parametrize("provider", EVERYONE)

OSLO = {
    "type": "object",
    "properties": {"city": {"type": "string", "enum": ["Oslo"]}},
    "required": ["city"],
    "additionalProperties": False,
}
WEATHER = {"type": "function", "function": {"name": "weather", "strict": True, "parameters": OSLO}}
"""Strict, since the accumulator of older clients takes no other."""

CALLED = Answer(tools=(Tool("call_1", "weather", ('{"ci', 'ty":"', 'Oslo"}')),), finish="tool_calls")


@pytest.mark.starred
async def test_check_01_a_whole_answer(house, provider, kind):
    """A completion has OpenAI's fields, the model's name as the client wrote it, and a request id."""
    running = await house(provider)
    running.says()

    async with running.user(kind) as user:
        answer = await user.call(
            "chat.completions.create", model=MODEL, messages=[{"role": "user", "content": "Count to 3"}]
        )

    assert answer.id.startswith("chatcmpl-")
    assert int is type(answer.created)
    assert ("chat.completion", MODEL) == (answer.object, answer.model)
    [choice] = answer.choices
    assert (0, "stop", "assistant", "1 2 3") == (
        choice.index,
        choice.finish_reason,
        choice.message.role,
        choice.message.content,
    )
    usage = answer.usage
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    if DIALECTS[provider].wire:
        assert (INPUT_TOKENS, OUTPUT_TOKENS) == (usage.prompt_tokens, usage.completion_tokens)
    assert answer._request_id == running.gateway.records[0].call.id
    answers.completion(await running.ask())


@pytest.mark.starred
async def test_check_02_a_stream(house, provider, kind):
    """The chunks are of one answer, the role comes first, an empty delta with the finish last, and no usage unasked."""
    running = await house(provider)
    running.says()
    chunks = []

    async with running.user(kind) as user:
        await user.read(chunks)

    assert 1 == len({(chunk.id, chunk.created, chunk.model, chunk.object) for chunk in chunks})
    assert MODEL == chunks[0].model
    assert "assistant" == chunks[0].choices[0].delta.role
    assert "1 2 3" == "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert ({}, "stop") == (chunks[-1].choices[0].delta.to_dict(), chunks[-1].choices[0].finish_reason)
    assert {None} == {chunk.usage for chunk in chunks}
    assert "1 2 3" == answers.stream(await running.ask(stream=True)).text()


@pytest.mark.starred
async def test_check_03_a_stream_with_usage(house, provider, kind):
    """Asked for, the usage is in one chunk without choices, the last; every other says null, as OpenAI's do."""
    running = await house(provider)
    running.says()
    chunks = []

    async with running.user(kind) as user:
        await user.read(chunks, stream_options={"include_usage": True})

    assert [False] * (len(chunks) - 1) + [True] == [chunk.usage is not None for chunk in chunks]
    assert [] == chunks[-1].choices
    assert "1 2 3" == "".join(chunk.choices[0].delta.content or "" for chunk in chunks[:-1])
    raw = answers.stream(await running.ask(stream=True, stream_options={"include_usage": True}), include_usage=True)
    assert raw.usage == chunks[-1].usage.to_dict()
    whole = answers.completion(await running.ask())
    assert whole["usage"] == raw.usage


async def test_check_04_the_bytes_of_a_stream(house, provider):
    """A stream is data and comments only, chunked, never compressed, ends in [DONE], and with it the body."""
    running = await house(provider)
    running.says()
    body = {"model": MODEL, "stream": True, "messages": [{"role": "user", "content": "Count to 3"}]}

    response = await running.send("POST", "/v1/chat/completions", [("Accept-Encoding", "gzip, br")], body)
    async with RawClient("127.0.0.1", running.gateway.port) as client:
        await client.request("POST", "/v1/chat/completions", body=body)
        while not (last := await client.read_some()).endswith(b"0\r\n\r\n"):
            pass

    answers.stream(response)
    assert "text/event-stream" == response.header("content-type")
    assert ("no-cache", "no") == (response.header("cache-control"), response.header("x-accel-buffering"))
    assert ("chunked", None) == (response.header("transfer-encoding"), response.header("content-encoding"))
    assert None is response.header("content-length")
    assert response.body.startswith(b"data: {")
    assert response.body.endswith(b"}\n\ndata: [DONE]\n\n")
    assert last.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")  # R11: in one write with the terminator
    assert response.header("x-request-id").startswith("req_")
    assert ("up", DIALECTS[provider].model) == (response.header("x-llms-provider"), response.header("x-llms-model"))


@pytest.mark.starred
async def test_check_05_the_stream_helper(house, provider, kind):
    """``.stream()`` tells of each piece, of the end of the content once, and its role is not doubled."""
    running = await house(provider)
    running.says()

    async with running.user(kind) as user:
        events, final = await user.follow()

    kinds = [event.type for event in events if event.type != "chunk"]
    assert ["content.delta"] * (len(kinds) - 1) + ["content.done"] == kinds
    assert ("assistant", "1 2 3", "stop") == (
        final.choices[0].message.role,
        final.choices[0].message.content,
        final.choices[0].finish_reason,
    )


@pytest.mark.starred
async def test_check_06_a_tool_call_in_pieces(house, provider, kind):
    """``.stream()`` joins the arguments, says id and name once, and tells when they are complete."""
    running = await house(provider)
    running.says(CALLED)

    async with running.user(kind) as user:
        events, final = await user.follow(tools=[WEATHER])

    [call] = final.choices[0].message.tool_calls
    assert ("weather", {"city": "Oslo"}) == (call.function.name, json.loads(call.function.arguments))
    assert "tool_calls" == final.choices[0].finish_reason
    [done] = [event for event in events if event.type == "tool_calls.function.arguments.done"]
    assert ("weather", 0, call.function.arguments) == (done.name, done.index, done.arguments)
    raw = answers.stream(await running.ask(stream=True, tools=[WEATHER]))
    assert [(call.function.name, call.function.arguments)] == [tool[1:] for tool in raw.tools()]
    if DIALECTS[provider].wire:
        assert "call_1" == call.id == raw.tools()[0][0]
    whole = answers.completion(await running.ask(tools=[WEATHER]))
    assert ("tool_calls", call.function.arguments) == (
        whole["choices"][0]["finish_reason"],
        whole["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"],
    )
