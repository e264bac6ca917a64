"""What a provider says that a call cost, believed or not: U68 to U70 of the fault catalogue."""

import json

import pytest

from llms.records import Usage
from tests.faults.conftest import case_table
from tests.faults.streams import data_events, finishes, said
from tests.upstream import ollama, openai


def counted(prompt, completion, **more):
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": 0, **more}


def in_chunk(usage, content=""):
    """A chunk of content that holds usage too."""
    return openai.event({**openai.chunk({"content": content}), "usage": usage})


def alone(usage):
    return openai.event({**openai.chunk({}), "choices": [], "usage": usage})


GOOD = Usage(19, 2)
VALID = counted(19, 2)

USAGE = {
    "U69 absent": ([], None),
    "U69 null": ([alone(None)], None),
    "U69 in the last chunk": ([alone(VALID)], GOOD),
    "U69 in every chunk, cumulative": ([in_chunk(counted(19, n), "o") for n in range(3)], GOOD),
    "U69 in the chunk of the finish": ([openai.event({**openai.chunk({}, finish="stop"), "usage": VALID})], GOOD),
    "U69 inside a choice": (
        [openai.event({"choices": [{"index": 0, "delta": {}, "usage": VALID}]})],
        GOOD,
    ),
    "U69 twice": ([alone(counted(7, 7)), alone(VALID)], GOOD),
    "U69 twice the same": ([alone(VALID), alone(VALID)], GOOD),
    "U69 negative": ([alone(counted(19, -2))], None),
    "U69 negative after a valid one": ([alone(VALID), alone(counted(-1, -1))], GOOD),
    "U69 1e18": ([alone(counted(10**18, 2))], None),
    "U69 1e18 as a float": ([alone(counted(19, 1e18))], None),
    "U69 1e18 after a valid one": ([alone(VALID), alone(counted(10**18, 10**18))], GOOD),
    "U69 float": ([alone(counted(19.5, 2))], None),
    "U69 float that is whole": ([alone(counted(19.0, 2.0))], GOOD),
    "U69 string": ([alone(counted("19", "2"))], None),
    "U69 string after a valid one": ([alone(VALID), alone(counted("190", "20"))], GOOD),
    "U69 true": ([alone(counted(True, True))], None),
    "U69 list": ([alone([19, 2])], None),
    "U69 number": ([alone(21)], None),
    "U69 string for all": ([alone("21 tokens")], None),
    "U69 empty": ([alone({})], None),
    "U69 half": ([alone({"completion_tokens": 2})], None),
    "U69 details that are none": (
        [alone(counted(19, 2, prompt_tokens_details="x", completion_tokens_details={"reasoning_tokens": -5}))],
        GOOD,
    ),
    "U69 details": (
        [
            alone(
                counted(
                    19, 2, prompt_tokens_details={"cached_tokens": 8}, completion_tokens_details={"reasoning_tokens": 1}
                )
            )
        ],
        Usage(19, 2, 8, 1),
    ),
}


@pytest.mark.parametrize("asked", [True, False])
@pytest.mark.parametrize("case", case_table(USAGE))
async def test_usage_of_a_stream(pair, case, asked):
    """U69: the last usage that can be believed counts, never a sum, and is told to the client that asked for it."""
    events, expected = USAGE[case]
    both = await pair()
    both.plays(openai.stream(["Hell", *events], finish="stop"))

    response = await both.ask(stream=True, **({"stream_options": {"include_usage": True}} if asked else {}))

    found = data_events(response)
    assert said(found).startswith("Hell")
    assert (["stop"], "[DONE]") == (finishes(found), found[-1])
    told = [event["usage"] for event in found[:-1] if event.get("usage")]
    assert ([as_told(expected)] if expected and asked else []) == [short(usage) for usage in told]
    [record] = both.gateway.records
    assert ("ok", expected) == (record.status, record.usage)


@pytest.mark.parametrize("case", case_table(USAGE))
async def test_usage_of_a_collected_stream(pair, case):
    """U69, U41: the same for a call that is not streamed."""
    events, expected = USAGE[case]
    both = await pair()
    both.plays(openai.stream(["Hell", *events]))

    response = await both.ask()

    assert (as_told(expected) if expected else None) == short(response.json.get("usage"))
    assert [expected] == [record.usage for record in both.gateway.records]


WHOLE = {
    "U69 absent": (None, None),
    "U69 valid": (VALID, GOOD),
    "U69 negative": (counted(-19, 2), None),
    "U69 1e18": (counted(10**18, 2), None),
    "U69 float": (counted(19, 2.5), None),
    "U69 string": (counted("19", 2), None),
    "U69 list": ([19, 2], None),
}


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("case", case_table(WHOLE))
async def test_usage_of_a_whole_answer(pair, case, stream):
    """U69, U40: the same for an answer that is not streamed."""
    usage, expected = WHOLE[case]
    both = await pair()
    both.plays(openai.completion("Hello", usage=usage))

    response = await both.ask(stream=stream)

    assert 200 == response.status
    assert [expected] == [record.usage for record in both.gateway.records]


COUNTERS = {
    "U69 valid": ({"prompt_eval_count": 19, "eval_count": 2}, GOOD),
    "U69 absent": ({}, None),
    "U69 one absent": ({"eval_count": 2}, Usage(0, 2)),  # Ollama leaves out what is 0
    "U69 negative": ({"prompt_eval_count": 19, "eval_count": -2}, None),
    "U69 1e18": ({"prompt_eval_count": 10**18, "eval_count": 2}, None),
    "U69 float": ({"prompt_eval_count": 19.5, "eval_count": 2}, None),
    "U69 string": ({"prompt_eval_count": "19", "eval_count": 2}, None),
    "U69 list": ({"prompt_eval_count": [19], "eval_count": {}}, None),
}


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("case", case_table(COUNTERS))
async def test_usage_of_ollama(pair, case, stream):
    """U69: Ollama's counters are in its last line; those of lines before it do not count."""
    counters, expected = COUNTERS[case]
    both = await pair(kind="ollama")
    early = ollama.line({**ollama.message(content="Hell"), "prompt_eval_count": 5, "eval_count": 5})
    both.plays(ollama.chat_lines([early, "o"], counters=counters))

    response = await both.ask(stream=stream)

    assert 200 == response.status
    [record] = both.gateway.records
    assert ("ok", expected) == (record.status, record.usage)


def as_told(usage):
    return usage.input_tokens, usage.output_tokens, usage.input_tokens + usage.output_tokens


def short(usage):
    return usage and (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"])


@pytest.mark.case("U68")
async def test_choices_out_of_order(pair):
    """U68: choices that come out of order, twice, or with indexes that lie are told apart, and appear in order."""
    both = await pair()
    parts = [
        (1, "b1"),
        (0, "a1"),
        (1, "b2"),
        (1, "b3"),
        (0, "a2"),
        (127, "z"),
        (128, "a3"),
        (2147483647, "a4"),
        (-7, "a5"),
    ]
    events = [openai.event(openai.chunk({"content": text}, index=index)) for index, text in parts]
    ends = [openai.event(openai.chunk({}, finish="stop", index=index)) for index in (1, 0, 127, 1)]
    both.plays(openai.stream([*events, *ends, alone(VALID)], role=False, finish=None))

    found = data_events(await both.ask(stream=True, n=2))

    choices = [choice for event in found[:-1] for choice in event["choices"]]
    texts = {
        index: "".join(c["delta"].get("content") or "" for c in choices if c["index"] == index) for index in (0, 1, 127)
    }
    assert {0: "a1a2a3a4a5", 1: "b1b2b3", 127: "z"} == texts
    first = list(dict.fromkeys(choice["index"] for choice in choices))
    assert sorted(first) == first
    assert [GOOD] == [record.usage for record in both.gateway.records]


@pytest.mark.case("U70")
@pytest.mark.parametrize("stream", [True, False])
async def test_tool_call_with_a_great_index(pair, stream):
    """U70: an index is a name and no place in a list: 2147483647 costs nothing, and the client gets 0."""
    both = await pair()
    entry = {"index": 2147483647, "id": "c", "type": "function", "function": {"name": "f", "arguments": ""}}
    pieces = [{"index": 2147483647, "function": {"arguments": text}} for text in ('{"x"', ":1}")]
    both.plays(openai.stream([{"tool_calls": [each]} for each in (entry, *pieces)], finish="tool_calls"))

    response = await both.ask(stream=stream)

    if stream:
        deltas = [choice["delta"] for event in data_events(response)[:-1] for choice in event["choices"]]
        calls = [call for delta in deltas for call in delta.get("tool_calls", ())]
        assert {0} == {call["index"] for call in calls}
        text = "".join(call["function"].get("arguments", "") for call in calls)
    else:
        [call] = response.json["choices"][0]["message"]["tool_calls"]
        text = call["function"]["arguments"]
    assert {"x": 1} == json.loads(text)
