"""Checks 7 to 10: tool calls as upstreams spell them, and as clients can read them."""

import json

import pytest

from tests.conformance import answers
from tests.conformance.dialects import EVERYONE, OPENAI_WIRES, UPSTREAMS, Answer, Tool
from tests.conformance.test_answers import WEATHER
from tests.upstream import ollama, openai

TWO = Answer(
    tools=(Tool("call_1", "weather", ('{"city":', '"Oslo"}')), Tool("call_2", "weather", ('{"city":"Rome"}',))),
    finish="tool_calls",
)
CITIES = [{"city": "Oslo"}, {"city": "Rome"}]


def delta(index, call_id, name, arguments):
    """A tool call's delta; what is ``None`` is left out."""
    fields = {"index": index, "id": call_id, "type": "function" if name else None}
    function = {"name": name, "arguments": arguments}
    entry = {key: value for key, value in fields.items() if value is not None}
    return {"tool_calls": [{**entry, "function": {key: value for key, value in function.items() if value is not None}}]}


OPENAI_CALLS = {
    "from 1": [
        delta(1, "a", "weather", ""), delta(1, None, None, '{"city":'), delta(1, None, None, '"Oslo"}'),
        delta(2, "b", "weather", '{"city":"Rome"}'),
    ],
    "all 0": [delta(0, "a", "weather", '{"city":"Oslo"}'), delta(0, "b", "weather", '{"city":"Rome"}')],
    "none": [delta(None, "a", "weather", '{"city":"Oslo"}'), delta(None, "b", "weather", '{"city":"Rome"}')],
    "none, no ids": [delta(None, None, "weather", '{"city":"Oslo"}'), delta(None, None, "weather", '{"city":"Rome"}')],
    "same id": [delta(0, "a", "weather", '{"city":"Oslo"}'), delta(1, "a", "weather", '{"city":"Rome"}')],
}  # fmt: skip

OLLAMA_CALLS = {
    "from 1": [{"id": "a", "index": 1}, {"id": "b", "index": 2}],
    "all 0": [{"id": "a", "index": 0}, {"id": "b", "index": 0}],
    "none": [{"id": "a"}, {"id": "b"}],
    "none, no ids": [{}, {}],
    "same id": [{"id": "a"}, {"id": "a"}],
}


def parallel_calls(provider, case):
    """The upstream's stream of two calls, numbered as ``case`` says."""
    if provider != "ollama":
        return openai.stream(OPENAI_CALLS[case], finish="tool_calls")
    parts = []
    for head, city in zip(OLLAMA_CALLS[case], CITIES, strict=True):
        index = {"index": head["index"]} if "index" in head else {}
        call_id = {"id": head["id"]} if "id" in head else {}
        parts.append({"tool_calls": [{**call_id, "function": {**index, "name": "weather", "arguments": city}}]})
    return ollama.chat_lines(parts)


@pytest.mark.starred
@pytest.mark.parametrize("case", OPENAI_CALLS)
@pytest.mark.parametrize("provider", UPSTREAMS)
async def test_check_07_two_calls(house, provider, kind, case):
    """Two calls keep apart, with dense indexes and ids of their own, however the upstream numbers them."""
    running = await house(provider)
    running.plays(parallel_calls(provider, case))

    async with running.user(kind) as user:
        events, final = await user.follow(tools=[WEATHER])

    calls = final.choices[0].message.tool_calls
    assert CITIES == [json.loads(call.function.arguments) for call in calls]
    assert ["weather"] * 2 == [call.function.name for call in calls]
    assert 2 == len({call.id for call in calls})
    done = [event.index for event in events if event.type == "tool_calls.function.arguments.done"]
    assert [0, 1] == done
    raw = answers.stream(await running.ask(stream=True, tools=[WEATHER]))
    assert CITIES == [json.loads(arguments) for _, _, arguments in raw.tools()]


@pytest.mark.parametrize("provider", UPSTREAMS)
async def test_check_07_two_calls_whole(house, provider):
    """Two calls in an answer that is not streamed."""
    running = await house(provider)
    running.says(TWO)

    message = answers.completion(await running.ask(tools=[WEATHER]))["choices"][0]["message"]

    assert ["call_1", "call_2"] == [call["id"] for call in message["tool_calls"]]
    assert CITIES == [json.loads(call["function"]["arguments"]) for call in message["tool_calls"]]
    assert None is message["content"]


@pytest.mark.parametrize("provider", OPENAI_WIRES)
async def test_check_08_repeated_names(house, provider):
    """Role, id, type and name that the upstream repeats in each delta are said once."""
    running = await house(provider)
    pieces = ('{"ci', 'ty":"', 'Oslo"}')
    deltas = [{"role": "assistant", **delta(0, "call_1", "weather", piece)} for piece in pieces]
    running.plays(openai.stream(deltas, finish="tool_calls"))

    raw = answers.stream(await running.ask(stream=True, tools=[WEATHER]))

    assert [("call_1", "weather", '{"city":"Oslo"}')] == raw.tools()


@pytest.mark.parametrize("provider", OPENAI_WIRES)
async def test_check_08_nulls_in_later_deltas(house, provider):
    """Nulls and empty strings in later deltas do not reach the client, whose accumulator they break."""
    running = await house(provider)
    later = {"index": 0, "id": None, "type": None, "function": {"name": "", "arguments": '{"city":"Oslo"}'}}
    deltas = [delta(0, "call_1", "weather", ""), {"role": "", "content": None, "tool_calls": [later]}]
    running.plays(openai.stream(deltas, finish="tool_calls"))

    raw = answers.stream(await running.ask(stream=True, tools=[WEATHER]))

    assert [("call_1", "weather", '{"city":"Oslo"}')] == raw.tools()


@pytest.mark.parametrize(("given", "expected"), [({"city": "Oslo"}, '{"city":"Oslo"}'), (None, "{}"), ({}, "{}")])
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("provider", UPSTREAMS)
async def test_check_09_arguments_that_are_no_string(house, provider, stream, given, expected):
    """Arguments that come as an object, or not at all, are compact JSON in a string."""
    running = await house(provider)
    function = {"name": "weather", **({} if given is None else {"arguments": given})}
    if provider == "ollama":
        running.plays(ollama.chat_lines([{"tool_calls": [{"function": function}]}]))
    else:
        call = {"id": "call_1", "type": "function", "function": function}
        running.plays(
            openai.stream([{"tool_calls": [{"index": 0, **call}]}], finish="tool_calls")
            if stream
            else openai.completion(None, finish="tool_calls", message={"tool_calls": [call]})
        )

    response = await running.ask(stream=stream, tools=[WEATHER])

    if stream:
        found = [arguments for _, _, arguments in answers.stream(response).tools()]
    else:
        calls = answers.completion(response)["choices"][0]["message"]["tool_calls"]
        found = [call["function"]["arguments"] for call in calls]
    assert [expected] == found


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("provider", EVERYONE)
async def test_check_10_stop_after_a_call(house, provider, stream):
    """An answer with a tool call finishes with tool_calls, even if the upstream says stop."""
    running = await house(provider)
    running.says(Answer(tools=TWO.tools[:1], finish="stop"))

    response = await running.ask(stream=stream, tools=[WEATHER])

    if stream:
        assert "tool_calls" == answers.stream(response).finish
    else:
        assert "tool_calls" == answers.completion(response)["choices"][0]["finish_reason"]
