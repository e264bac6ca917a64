"""Checks 41 to 44: reasoning, in the spellings of many services, there and back."""

import pytest

from tests.conformance import answers
from tests.conformance.dialects import OPENAI_WIRES, UPSTREAM_MODEL, UPSTREAMS, Answer, Tool
from tests.conformance.test_answers import WEATHER
from tests.upstream import ollama, openai


def details(text):
    return [{"type": "reasoning.text", "text": text, "index": 0, "signature": "c2ln"}]


def parts(text):
    return [{"type": "thinking", "thinking": [{"type": "text", "text": text}]}]


SPELLINGS = {
    "reasoning_content": lambda text: {"reasoning_content": text},
    "reasoning": lambda text: {"reasoning": text},
    "reasoning_details": lambda text: {"reasoning_details": details(text)},
    "thinking": lambda text: {"thinking": text},
    "parts of content": lambda text: {"content": parts(text)},
    "both": lambda text: {"reasoning_content": text, "reasoning": text},
    "all": lambda text: {"reasoning_content": text, "reasoning": text, "reasoning_details": details(text)},
    "both, one empty": lambda text: {"reasoning_content": "", "reasoning": text},
    "beside empty content": lambda text: {"content": "", "reasoning_content": text},
}


@pytest.mark.parametrize(
    ("provider", "spelling"),
    [(provider, spelling) for provider in OPENAI_WIRES for spelling in SPELLINGS] + [("ollama", "thinking")],
)
async def test_check_41_reasoning(house, provider, spelling):
    """Reasoning is there once, as reasoning_content, before the content, whatever the upstream calls it."""
    running = await house(provider)
    thoughts = [SPELLINGS[spelling](text) for text in ("Let me ", "see.")]
    if provider == "ollama":
        running.plays(ollama.chat_lines([*thoughts, "42"]))
    elif spelling == "parts of content":
        running.plays(openai.stream([*thoughts, {"content": [*parts("!"), "42"]}]))
    else:
        running.plays(openai.stream([*thoughts, "42"]))

    response = await running.ask(stream=True, reasoning_effort="low")
    async with running.user("async") as user:
        _, final = await user.follow(reasoning_effort="low")

    raw = answers.stream(response)
    expected = "Let me see.!" if spelling == "parts of content" else "Let me see."
    assert (expected, "42") == (raw.text("reasoning_content"), raw.text())
    keys = [key for choice in raw.choices(0) for key, value in choice["delta"].items() if value and key != "role"]
    assert keys == sorted(keys, key=["reasoning_content", "content"].index)
    assert (expected, "42") == (final.choices[0].message.reasoning_content, final.choices[0].message.content)


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("provider", OPENAI_WIRES)
async def test_check_41_reasoning_whole(house, provider, spelling):
    """The same in an answer that is not streamed."""
    running = await house(provider)
    message = SPELLINGS[spelling]("Let me see.")
    content = [*parts("Let me see."), {"type": "text", "text": "42"}] if spelling == "parts of content" else "42"
    running.plays(openai.completion(message={**message, "content": content}))

    found = answers.completion(await running.ask())["choices"][0]["message"]

    assert {"role": "assistant", "content": "42", "refusal": None, "reasoning_content": "Let me see."} == found


async def test_check_41_reasoning_of_the_demo(house):
    """The demo model shows reasoning when it is asked to think, and none otherwise."""
    running = await house("demo")

    asked = answers.stream(await running.ask(stream=True, reasoning_effort="high"))
    unasked = answers.stream(await running.ask(stream=True))

    assert ("1 2 3", True) == (asked.text(), len(asked.text("reasoning_content")) > 10)
    assert "" == unasked.text("reasoning_content")


TAGGED = [
    ({UPSTREAM_MODEL: "tagged"}, ("<th", "ink>a</thi", "nk>b"), ("a", "b")),
    ({"*": "tagged", "other": "opened"}, ("\n<think>\na\n", "</think>\n", "\nb"), ("\na\n", "\nb")),
    ({UPSTREAM_MODEL: "opened", "*": "tagged"}, ("a</", "think>b"), ("a", "b")),
    ({UPSTREAM_MODEL: "tagged"}, ("<think>a</th",), ("a</th", "")),
    ({"other": "tagged"}, ("<th", "ink>a</thi", "nk>b"), ("", "<think>a</think>b")),
    ({}, ("<th", "ink>a</thi", "nk>b"), ("", "<think>a</think>b")),
]


@pytest.mark.parametrize(("tags", "pieces", "expected"), TAGGED)
async def test_check_42_think_tags(house, kind, tags, pieces, expected):
    """The reasoning that a model writes into its text is taken out of it, if config.json says so of that model."""
    running = await house("compatible", section={"think_tags": tags})
    running.says(Answer(pieces=pieces))

    raw = answers.stream(await running.ask(stream=True))
    whole = answers.completion(await running.ask())["choices"][0]["message"]
    async with running.user(kind) as user:
        _, final = await user.follow()

    followed = final.choices[0].message
    keys = [key for choice in raw.choices(0) for key, value in choice["delta"].items() if value and key != "role"]
    assert keys == sorted(keys, key=["reasoning_content", "content"].index)
    assert expected == (raw.text("reasoning_content"), raw.text())
    assert expected == (whole.get("reasoning_content", ""), whole["content"])
    assert expected == (getattr(followed, "reasoning_content", ""), followed.content or "")


async def test_check_42_think_tags_in_arguments(house):
    """Tags in the arguments of a tool call are arguments."""
    running = await house("compatible", section={"think_tags": {"*": "tagged"}})
    tool = Tool("call_1", "weather", ('{"city":"<thi', 'nk>Oslo</think>"}'))
    running.says(Answer(tools=(tool,), finish="tool_calls"))

    raw = answers.stream(await running.ask(stream=True))

    assert [("call_1", "weather", tool.text)] == raw.tools()
    assert ("", "") == (raw.text("reasoning_content"), raw.text())


@pytest.mark.parametrize("spelling", ["reasoning_content", "reasoning", "reasoning_details", "thinking"])
@pytest.mark.parametrize("provider", UPSTREAMS)
async def test_check_43_reasoning_in_the_history(house, provider, spelling):
    """Reasoning that the client sends back reaches the upstream in its own spelling; OpenAI, which has none, gets none."""
    running = await house(provider)
    running.says()
    said = {"role": "assistant", "content": "42", **SPELLINGS[spelling]("Let me see.")}

    await running.ask(messages=[{"role": "user", "content": "6 by 7?"}, said, {"role": "user", "content": "Why?"}])

    own = {"openai": None, "compatible": "reasoning", "airefinery": "reasoning_content", "ollama": "thinking"}[provider]
    expected = {"role": "assistant", "content": "42", **({own: "Let me see."} if own else {})}
    found = dict(running.sent[-1].json["messages"][1])
    if spelling == "reasoning_details" and own == "reasoning":
        assert details("Let me see.") == found.pop("reasoning_details", details("Let me see."))
    assert expected == found


@pytest.mark.parametrize("provider", ["compatible", "airefinery"])
async def test_check_44_a_signature_goes_round(house, provider):
    """What Gemini's compatible endpoint signs a tool call with reaches the client and comes back byte for byte."""
    running = await house(provider)
    signed = {"extra_content": {"google": {"thought_signature": "Q2lRQkE+/=="}}}
    function = {"name": "weather", "arguments": '{"city":"Oslo"}'}
    call = {"index": 0, "id": "call_1", "type": "function", "function": function, **signed}
    running.plays(openai.stream([{"tool_calls": [call]}], finish="tool_calls"))

    async with running.user("async") as user:
        _, final = await user.follow(tools=[WEATHER])
        [returned] = final.choices[0].message.tool_calls
        entry = {key: value for key, value in returned.to_dict().items() if key != "index"}
        entry["function"].pop("parsed_arguments", None)
        await user.follow(
            messages=[
                {"role": "user", "content": "How is the weather?"},
                {"role": "assistant", "tool_calls": [entry]},
                {"role": "tool", "tool_call_id": "call_1", "content": "rain"},
            ],
            tools=[WEATHER],
        )

    [sent] = running.sent[-1].json["messages"][1]["tool_calls"]
    assert {"id": "call_1", "type": "function", "function": function, **signed} == sent
