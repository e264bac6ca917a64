"""Checks 26 to 36: what clients ask for, and how each upstream is asked."""

import pytest
from pydantic import BaseModel

from tests.conformance import answers
from tests.conformance.dialects import DIALECTS, EVERYONE, OPENAI_WIRES, UPSTREAMS, Answer
from tests.conformance.test_answers import WEATHER
from tests.conformance.users import MODEL

OPTIONAL = (
    "audio", "frequency_penalty", "function_call", "functions", "logit_bias", "logprobs", "max_completion_tokens",
    "max_tokens", "metadata", "modalities", "moderation", "n", "parallel_tool_calls", "prediction", "presence_penalty",
    "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "reasoning_effort", "response_format",
    "safety_identifier", "seed", "service_tier", "stop", "store", "stream", "stream_options", "temperature",
    "tool_choice", "tools", "top_logprobs", "top_p", "user", "verbosity", "web_search_options",
)  # fmt: skip
"""All of OpenAI's, of ``CompletionCreateParams`` in version 3.52."""


def upstream_body(running):
    """The last chat request that the upstream got."""
    return running.sent[-1].json


@pytest.mark.parametrize("provider", EVERYONE)
async def test_check_26_nulls(house, provider):
    """Every optional field may be null, which is the same as absent; no null goes to the upstream."""
    running = await house(provider)
    running.says()
    message = {"role": "user", "content": "Count to 3", "name": None}

    plain = answers.completion(await running.ask())
    nulls = answers.completion(await running.ask(messages=[message], **dict.fromkeys(OPTIONAL)))

    assert plain["choices"] == nulls["choices"]
    if DIALECTS[provider].wire:
        first, second = running.sent
        assert first.json == second.json
        assert b"null" not in second.body


@pytest.mark.parametrize("provider", EVERYONE)
async def test_check_27_no_tools(house, provider):
    """An empty list of tools is none: the upstream sees neither it nor the choice among them."""
    running = await house(provider)
    running.says()

    for choice in ("auto", "none", None):
        answers.completion(await running.ask(tools=[], tool_choice=choice, parallel_tool_calls=True))

        if DIALECTS[provider].wire:
            assert not {"tools", "tool_choice", "parallel_tool_calls"} & set(upstream_body(running))


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "weather"}}], ids=str)
@pytest.mark.parametrize("provider", EVERYONE)
async def test_check_28_a_choice_among_no_tools(house, provider, choice):
    """To insist on a tool where there are none is a 400."""
    running = await house(provider)

    for tools in ({}, {"tools": []}):
        status, error = answers.refusal(await running.ask(tool_choice=choice, **tools))

        assert (400, "invalid_request_error", "tool_choice") == (status, error["type"], error["param"])


@pytest.mark.parametrize("provider", EVERYONE)
async def test_check_29_unknown_fields(house, provider):
    """Fields that nobody knows are no mistake; a compatible service gets them, Ollama does not."""
    running = await house(provider)
    running.says()

    answers.completion(await running.ask(foo={"a": [1, None]}, enable_thinking=False, chat_template_kwargs={"b": 1}))

    if provider in OPENAI_WIRES:
        assert {"foo", "enable_thinking", "chat_template_kwargs"} < set(upstream_body(running))
        assert {"a": [1, None]} == upstream_body(running)["foo"]
    elif provider == "ollama":
        assert {"model", "messages", "stream"} == set(upstream_body(running))


@pytest.mark.parametrize("provider", UPSTREAMS)
async def test_check_30_developer(house, provider):
    """The developer's message is a system message to all who do not know the role."""
    running = await house(provider)
    running.says()
    said = [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": "Count to 3"}]

    answers.completion(await running.ask(messages=said))

    role = "developer" if provider == "openai" else "system"
    assert [{"role": role, "content": "Be brief."}, said[1]] == upstream_body(running)["messages"]


@pytest.mark.parametrize("provider", EVERYONE)
async def test_check_31_an_image(house, provider):
    """Text and image stay one message; Ollama gets the image's base64 beside the text, the others what was sent."""
    running = await house(provider)
    running.says()
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGVsbG8=", "detail": "low"}}
    said = [{"role": "user", "content": [{"type": "text", "text": "What is it?"}, image]}]

    answers.completion(await running.ask(messages=said))

    if provider == "ollama":
        expected = [{"role": "user", "content": "What is it?", "images": ["aGVsbG8="]}]
        assert expected == upstream_body(running)["messages"]
    elif DIALECTS[provider].wire:
        assert said == upstream_body(running)["messages"]


CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Oslo"}'}}
HISTORY = [
    {"role": "user", "content": "How is the weather?"},
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "call_1", "content": "rain"},
]


@pytest.mark.parametrize("provider", EVERYONE)
async def test_check_32_a_history_with_tools(house, provider):
    """A call and its result go back to the upstream in its own form."""
    running = await house(provider)
    running.says()

    answers.completion(await running.ask(messages=HISTORY, tools=[WEATHER]))

    if provider == "ollama":
        call = {"id": "call_1", "function": {"index": 0, "name": "weather", "arguments": {"city": "Oslo"}}}
        assert [
            HISTORY[0],
            {"role": "assistant", "content": "", "tool_calls": [call]},
            {"role": "tool", "content": "rain", "tool_call_id": "call_1", "tool_name": "weather"},
        ] == upstream_body(running)["messages"]
    elif DIALECTS[provider].wire:
        first, second, third = upstream_body(running)["messages"]
        assert [HISTORY[0], HISTORY[2]] == [first, third]
        assert {"role": "assistant", "tool_calls": [CALL]} == second


@pytest.mark.parametrize("field", ["max_completion_tokens", "max_tokens"])
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("provider", EVERYONE)
async def test_check_33_a_limit_of_tokens(house, provider, stream, field):
    """The limit reaches the upstream under its name for it, and an answer that met it says length."""
    running = await house(provider)
    running.says(Answer(finish="length"))

    response = await running.ask(stream=stream, messages=[{"role": "user", "content": "Hello"}], **{field: 5})

    if stream:
        assert "length" == answers.stream(response).finish
    else:
        assert "length" == answers.completion(response)["choices"][0]["finish_reason"]
    if provider == "ollama":
        assert {"num_predict": 5} == upstream_body(running)["options"]
    elif DIALECTS[provider].wire:
        given = {name: value for name, value in upstream_body(running).items() if name.startswith("max_")}
        assert {"max_completion_tokens" if provider == "openai" else field: 5} == given


@pytest.mark.parametrize("provider", UPSTREAMS)
async def test_check_34_no_temperature(house, provider):
    """Where the client gives no temperature, the model's own is in force; where it does, that is."""
    running = await house(provider)
    running.says()

    await running.ask()
    without = upstream_body(running)
    await running.ask(temperature=0, top_p=0.5)

    given = upstream_body(running)
    assert not {"temperature", "top_p", "options"} & set(without)
    given = given["options"] if provider == "ollama" else given
    assert (0, 0.5) == (given["temperature"], given["top_p"])


@pytest.mark.parametrize("provider", EVERYONE)
async def test_check_35_stop(house, provider):
    """A stop sequence is a list for Ollama, which fails on a string; the others get what was sent."""
    running = await house(provider)
    running.says()

    for given in ("3", ["3"]):
        content = answers.completion(await running.ask(stop=given))["choices"][0]["message"]["content"]

        if provider == "ollama":
            assert ["3"] == upstream_body(running)["options"]["stop"]
        elif DIALECTS[provider].wire:
            assert given == upstream_body(running)["stop"]
        else:
            assert "1 2 " == content


class Place(BaseModel):
    """What ``parse`` is to give."""

    city: str
    people: int


@pytest.mark.starred
@pytest.mark.parametrize("provider", EVERYONE)
async def test_check_36_parse(house, provider, kind):
    """``parse`` gives the model's class; its schema has reached the upstream."""
    running = await house(provider)
    running.says(Answer(pieces=('{"city":"Oslo",', '"people":700000}')))

    async with running.user(kind) as user:
        asked = {"model": MODEL, "messages": [{"role": "user", "content": "Where?"}], "response_format": Place}
        answer = await user.call("chat.completions.parse", **asked)
        _, streamed = await user.follow(response_format=Place)

    for parsed in (answer.choices[0].message.parsed, streamed.choices[0].message.parsed):
        assert Place is type(parsed)
        if DIALECTS[provider].wire:
            assert Place(city="Oslo", people=700000) == parsed
    if DIALECTS[provider].wire:
        for request in running.sent:
            schema = (
                request.json["format"]
                if provider == "ollama"
                else request.json["response_format"]["json_schema"]["schema"]
            )
            assert (["city", "people"], "integer") == (schema["required"], schema["properties"]["people"]["type"])


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("provider", UPSTREAMS)
async def test_check_36_no_format(house, provider, stream):
    """An upstream is asked for text where the client asks for nothing else; and the client decides on streaming."""
    running = await house(provider)
    running.says()

    await running.ask(stream=stream)

    assert not {"format", "response_format", "think", "reasoning_effort"} & set(upstream_body(running))
    assert (stream or provider == "ollama") == upstream_body(running)["stream"]
