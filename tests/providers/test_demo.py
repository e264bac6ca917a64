import asyncio
import json
import math
import time
from contextlib import aclosing, asynccontextmanager

import jsonschema
import pytest
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from pydantic import ValidationError

from llms.errors import InvalidRequestError
from llms.providers.demo import Options
from llms.records import Call, Model, Target
from llms.wire.accumulate import Accumulator

TARGET = Target("demo", "demo")
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "array", "items": {"type": "integer"}, "minItems": 3}},
    "required": ["city", "days"],
}
WEATHER = {"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}
SHELL = {"type": "custom", "custom": {"name": "shell"}}
REQUESTS = {
    "text": {},
    "reasoning": {"reasoning_effort": "medium"},
    "tool": {"tools": [WEATHER]},
    "reasoning and tool": {"tools": [WEATHER], "reasoning_effort": "low"},
    "custom tool": {"tools": [SHELL]},
    "json": {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA}}},
    "object": {"response_format": {"type": "json_object"}},
    "length": {"max_tokens": 3},
    "length in reasoning": {"max_tokens": 3, "reasoning_effort": "low", "tools": [WEATHER]},
    "length in arguments": {"max_tokens": 3, "tools": [WEATHER]},
    "nothing": {"stop": "#"},
    "logprobs": {"logprobs": True},
    "choices": {"n": 3, "reasoning_effort": "low"},
    "choices with a tool": {"n": 2, "tools": [WEATHER]},
}


@asynccontextmanager
async def no_way_out(_):
    pytest.fail("the demo needs no network")
    yield


def demo(**options):
    return Options(**{"chunk_delay_s": 0, **options}).build("demo", {}, no_way_out)


def asked(text="Hi", api="chat.completions", **body):
    messages = {"messages": [{"role": "user", "content": text}]}
    return Call("req_" + "a1" * 12, 1700000000, api, "demo", stream=True, body={**messages, **body})


async def streamed(call, target=TARGET):
    async with aclosing(demo().chat(call, target)) as blocks:
        return [block async for block in blocks]


def flat(blocks):
    return [chunk for block in blocks for chunk in block]


@pytest.mark.parametrize("fields", REQUESTS.values(), ids=REQUESTS)
async def test_stream_obeys_the_rules(fields):
    """Whatever is asked for, no official client stumbles over the stream."""
    blocks = await streamed(asked(**fields))

    chunks = flat(blocks)
    assert {1} == {len(block) for block in blocks}
    heads = {(chunk["id"], chunk["object"], chunk["created"], chunk["model"]) for chunk in chunks}
    assert {("chatcmpl-" + "a1" * 12, "chat.completion.chunk", 1700000000, "demo")} == heads
    assert [] == chunks[-1]["choices"]
    assert "usage" in chunks[-1]
    assert not any("usage" in chunk for chunk in chunks[:-1])
    for index in range(fields.get("n", 1)):
        check_choice([chunk["choices"][0] for chunk in chunks[:-1] if chunk["choices"][0]["index"] == index])


def check_choice(parts):
    """Role once and first, reasoning before content and never beside it, one finish reason and last."""
    assert [0] == [at for at, part in enumerate(parts) if "role" in part["delta"]]
    assert [len(parts) - 1] == [at for at, part in enumerate(parts) if part["finish_reason"]]
    assert {} == parts[-1]["delta"]
    kinds = [next((name for name in part["delta"] if name != "role"), "") for part in parts]
    order = ["reasoning_content", "content", "tool_calls", ""]
    assert sorted(kinds, key=order.index) == kinds
    assert all(len(part["delta"].keys() - {"role"}) == 1 for part in parts[:-1])
    entries = [entry for part in parts for entry in part["delta"].get("tool_calls", ())]
    assert {0} >= {entry["index"] for entry in entries}
    assert all({"id", "type"} <= entry.keys() for entry in entries[:1])
    assert not any({"id", "type"} & entry.keys() for entry in entries[1:])


@pytest.mark.parametrize("name", [name for name in REQUESTS if name not in ("custom tool", "length in arguments")])
async def test_openai_accumulates_the_stream(name):
    """The official client's accumulator gives the answer that a request without streaming gets."""
    call = asked(**REQUESTS[name])
    state = ChatCompletionStreamState()

    for chunk in flat(await streamed(call)):
        state.handle_chunk(ChatCompletionChunk.model_validate(chunk))

    whole = ChatCompletion.model_validate(await demo().complete(call, TARGET))
    for expected, choice in zip(whole.choices, state.current_completion_snapshot.choices, strict=True):
        assert (expected.message.content or "") == (choice.message.content or "")
        assert expected.finish_reason == choice.finish_reason
        assert expected.message.role == choice.message.role
        ours, theirs = (
            [(tool.id, tool.function.name, tool.function.arguments) for tool in message.tool_calls or ()]
            for message in (expected.message, choice.message)
        )
        assert ours == theirs


@pytest.mark.parametrize("fields", REQUESTS.values(), ids=REQUESTS)
async def test_whole_answer_is_the_stream_joined(fields):
    """With and without streaming the answer is the same."""
    call = asked(**fields)
    joined = Accumulator(call)

    for block in await streamed(call):
        joined.feed(block)

    assert joined.completion() == await demo().complete(call, TARGET)


async def test_reasoning_has_a_field_of_its_own():
    """Reasoning is no part of the answer, which is the same without it."""
    plain = (await demo().complete(asked(), TARGET))["choices"][0]["message"]
    thoughtful = (await demo().complete(asked(reasoning_effort="low"), TARGET))["choices"][0]["message"]

    assert "Hi" in thoughtful.pop("reasoning_content")
    assert plain == thoughtful


async def test_arguments_come_in_fragments():
    """A tool's arguments are cut into pieces that join to valid JSON."""
    chunks = flat(await streamed(asked(tools=[WEATHER])))

    entries = [entry for chunk in chunks[:-2] for entry in chunk["choices"][0]["delta"]["tool_calls"]]
    arguments = [entry["function"]["arguments"] for entry in entries]
    assert 3 < len(arguments)
    jsonschema.validate(json.loads("".join(arguments)), SCHEMA)
    assert ("weather", "call_" + "a1" * 12) == (entries[0]["function"]["name"], entries[0]["id"])
    assert "tool_calls" == chunks[-2]["choices"][0]["finish_reason"]


async def test_custom_tool_gets_text():
    """A custom tool is called in the form that OpenAI has for it."""
    whole = await demo().complete(asked("one two", tools=[SHELL]), TARGET)

    [tool] = whole["choices"][0]["message"]["tool_calls"]
    assert {"id": "call_" + "a1" * 12, "type": "custom", "custom": {"name": "shell", "input": "one two"}} == tool


async def test_calls_of_several_choices_differ_in_id():
    """Two choices that call the same tool cannot be mixed up."""
    whole = await demo().complete(asked(tools=[WEATHER], n=2), TARGET)

    ids = [choice["message"]["tool_calls"][0]["id"] for choice in whole["choices"]]
    assert ["call_" + "a1" * 12, "call_" + "a1" * 12 + "1"] == ids


async def test_counts_one_number_to_a_chunk():
    """A load test gets as many chunks as it asks for."""
    chunks = flat(await streamed(asked("count to 500")))

    pieces = [chunk["choices"][0]["delta"]["content"] for chunk in chunks[:-2]]
    assert [str(number) for number in range(1, 501)] == [piece.strip() for piece in pieces]


async def test_usage_counts_each_choice():
    """Usage is that of all choices, with reasoning by itself."""
    one = (await demo().complete(asked(reasoning_effort="low"), TARGET))["usage"]
    two = (await demo().complete(asked(reasoning_effort="low", n=2), TARGET))["usage"]

    assert one["prompt_tokens"] + one["completion_tokens"] == one["total_tokens"]
    assert 0 < one["completion_tokens_details"]["reasoning_tokens"] < one["completion_tokens"]
    assert 2 * one["completion_tokens"] == two["completion_tokens"]


async def test_refuses_too_many_choices():
    """More choices than it gives are refused before anything is sent."""
    with pytest.raises(InvalidRequestError) as caught:
        await streamed(asked(n=9))

    assert ("n", "unsupported_value") == (caught.value.param, caught.value.code)


async def test_logprobs_are_certain():
    """Asked for log probabilities, it has no doubts."""
    whole = await demo().complete(asked("count to 2", logprobs=True), TARGET)

    token = {"token": "1 ", "logprob": 0.0, "bytes": [49, 32], "top_logprobs": []}
    assert token == whole["choices"][0]["logprobs"]["content"][0]
    assert 2 == len(whole["choices"][0]["logprobs"]["content"])


async def test_target_adds_defaults():
    """What the configuration says of a model holds where the client says nothing."""
    target = Target("demo", "demo", {"max_tokens": 1})

    cut = flat(await streamed(asked("count to 9"), target))
    asked_more = flat(await streamed(asked("count to 9", max_tokens=100), target))

    assert "length" == cut[-2]["choices"][0]["finish_reason"]
    assert "stop" == asked_more[-2]["choices"][0]["finish_reason"]


async def test_streams_at_the_pace_it_is_told():
    """Words come one after the other with a pause between."""
    started = time.perf_counter()
    async with aclosing(demo(chunk_delay_s=0.02).chat(asked("count to 5"), TARGET)) as blocks:
        times = [time.perf_counter() - started async for _ in blocks]

    assert [at for at, passed in enumerate(times) if passed < at * 0.019] == []


async def test_whole_answer_has_no_pauses():
    """Who waits for the whole answer does not wait for words."""
    async with asyncio.timeout(10):
        await demo(chunk_delay_s=60).complete(asked(), TARGET)


async def test_first_word_comes_at_once():
    """The pause is between words, not before the first."""
    async with asyncio.timeout(10), aclosing(demo(chunk_delay_s=60).chat(asked(), TARGET)) as blocks:
        assert "## " == (await anext(blocks))[0]["choices"][0]["delta"]["content"]


async def test_others_get_their_turn():
    """However fast a stream is, it does not hold up the loop."""
    turns = 0

    async def other():
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    await streamed(asked("count to 6400"))
    during_stream, turns = turns, 0
    await demo().complete(asked("count to 6400"), TARGET)
    during_answer, turns = turns, 0
    await demo().embed(asked(input=["x"] * 100, api="embeddings"), TARGET)
    task.cancel()

    assert 100 <= during_stream
    assert 100 <= during_answer
    assert 100 <= turns


async def test_ends_when_it_is_told_to():
    """A stream that is closed half-way ends there."""
    blocks = demo(chunk_delay_s=30).chat(asked(), TARGET)
    await anext(blocks)

    waiting = asyncio.ensure_future(anext(blocks))
    await asyncio.sleep(0)
    waiting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await waiting
    with pytest.raises(StopAsyncIteration):
        await anext(blocks)


def embedding_call(value, **fields):
    return Call("req_1", 1, "embeddings", "demo", stream=False, body={"input": value, **fields})


@pytest.mark.parametrize(
    ("value", "count", "tokens"),
    [
        ("hello", 1, 2),
        (["hello", "a"], 2, 3),
        ([1, 2, 3], 1, 3),
        ([[1, 2, 3], [4]], 2, 4),
        ("half \ud83d", 1, 2),
    ],
)
async def test_embeds_each_form_of_input(value, count, tokens):
    """Each text or token array gets a vector of length 1, in order."""
    answer = await demo().embed(embedding_call(value), TARGET)

    vectors = [item["embedding"] for item in answer["data"]]
    assert list(range(count)) == [item["index"] for item in answer["data"]]
    assert [256] * count == [len(vector) for vector in vectors]
    assert all(math.isclose(1, math.hypot(*vector)) for vector in vectors)
    assert ("list", "demo") == (answer["object"], answer["model"])
    assert {"prompt_tokens": tokens, "total_tokens": tokens} == answer["usage"]


async def test_vectors_depend_on_the_text_only():
    """The same text has the same vector in any request, another text has another."""
    answer = await demo().embed(embedding_call(["a", "b", "a"], dimensions=3), TARGET)
    other = await demo().embed(embedding_call("a", dimensions=3), TARGET)

    first, second, third = (item["embedding"] for item in answer["data"])
    assert first == third == other["data"][0]["embedding"]
    assert first != second


@pytest.mark.parametrize("dimensions", [1, 4096])
async def test_vectors_have_the_dimensions_asked_for(dimensions):
    """Dimensions are honoured."""
    answer = await demo().embed(embedding_call("a", dimensions=dimensions), TARGET)

    assert dimensions == len(answer["data"][0]["embedding"])


@pytest.mark.parametrize("dimensions", [0, 4097])
async def test_refuses_other_dimensions(dimensions):
    """Dimensions beyond reason are refused."""
    with pytest.raises(InvalidRequestError) as caught:
        await demo().embed(embedding_call("a", dimensions=dimensions), TARGET)

    assert "dimensions" == caught.value.param


@pytest.mark.parametrize(("options", "names"), [({}, ["demo"]), ({"models": ["a", "b"]}, ["a", "b"]), ({"models": None}, ["demo"])])  # fmt: skip
async def test_lists_its_models(options, names):
    """It serves the model demo, or those that the configuration names."""
    assert [Model(name, "demo") for name in names] == await demo(**options).models()


def test_options_have_a_readable_pace():
    """By default words come at about the pace of reading."""
    options = Options()

    assert ("demo", 0.02, ("demo",)) == (options.type, options.chunk_delay_s, options.models)
    assert "mine" == options.build("mine", {}, no_way_out).name
    assert options.missing({}) is None


@pytest.mark.parametrize("delay", [-0.1, math.inf, "fast"])
def test_options_refuse_a_wrong_pace(delay):
    """The pace is a number of seconds from 0."""
    with pytest.raises(ValidationError):
        Options(chunk_delay_s=delay)
