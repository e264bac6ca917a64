"""Checks 37 to 40 and 49 to 51: answers that are out of the ordinary, and what many services say instead of OpenAI's words."""

import openai as official
import pytest
from pydantic import BaseModel

from tests.conformance import answers
from tests.conformance.dialects import DIALECTS, EVERYONE, OPENAI_WIRES, UPSTREAMS, Answer
from tests.conformance.test_answers import CALLED, WEATHER
from tests.conformance.users import MODEL
from tests.upstream import ollama, openai


class Place(BaseModel):
    """What ``parse`` is to give."""

    city: str


@pytest.mark.parametrize(
    ("provider", "finish", "expected"),
    [(provider, "length", official.LengthFinishReasonError) for provider in UPSTREAMS]
    + [(provider, "content_filter", official.ContentFilterFinishReasonError) for provider in OPENAI_WIRES],
)
async def test_check_37_parse_of_half_an_answer(house, provider, kind, finish, expected):
    """``parse`` says why there is nothing to parse: the answer was cut at its limit, or filtered."""
    running = await house(provider)
    running.says(Answer(pieces=('{"ci',), finish=finish))
    asked = {"model": MODEL, "messages": [{"role": "user", "content": "Where?"}], "response_format": Place}

    async with running.user(kind) as user:
        with pytest.raises(expected):
            await user.call("chat.completions.parse", **asked)
        with pytest.raises(expected):
            await user.follow(response_format=Place)


@pytest.mark.parametrize("reason", ["content_filter", "safety", "refusal", "SAFETY"])
@pytest.mark.parametrize("provider", OPENAI_WIRES)
async def test_check_38_filtered(house, provider, reason):
    """An answer that the provider held back finishes with content_filter; it is no empty answer."""
    running = await house(provider)
    running.says(Answer(pieces=(), finish=reason))

    raw = answers.stream(await running.ask(stream=True))
    whole = answers.completion(await running.ask())["choices"][0]

    assert ("", "content_filter", "content_filter") == (raw.text(), raw.finish, whole["finish_reason"])


@pytest.mark.parametrize("provider", OPENAI_WIRES)
async def test_check_38_a_refusal(house, provider):
    """A refusal in words keeps its field."""
    running = await house(provider)
    running.plays(
        openai.stream([{"refusal": "I must "}, {"refusal": "not."}]),
        openai.completion(None, message={"refusal": "I must not."}),
    )

    raw = answers.stream(await running.ask(stream=True))
    whole = answers.completion(await running.ask())["choices"][0]["message"]

    assert ("I must not.", "") == (raw.text("refusal"), raw.text())
    assert ("I must not.", None) == (whole["refusal"], whole["content"])


@pytest.mark.parametrize("provider", [*OPENAI_WIRES, "demo"])
async def test_check_39_two_choices(house, provider, kind):
    """The choices appear in order, each with its role and finish, even if the second one speaks first upstream."""
    running = await house(provider)
    if DIALECTS[provider].wire:
        said = [(1, {"content": "one "}), (0, {"content": "zero "}), (1, {"content": "1"}), (0, {"content": "0"})]
        events = [openai.event(openai.chunk(delta, index=index)) for index, delta in said]
        ends = [openai.event(openai.chunk({}, index=index, finish="stop")) for index in (1, 0)]
        running.plays(openai.stream([*events, *ends], role=False, finish=None))

    raw = answers.stream(await running.ask(stream=True, n=2))
    async with running.user(kind) as user:
        _, final = await user.follow(n=2)

    expected = ["zero 0", "one 1"] if DIALECTS[provider].wire else ["1 2 3"] * 2
    assert expected == [raw.text(index=0), raw.text(index=1)]
    assert expected == [choice.message.content for choice in final.choices]
    assert ["stop", "stop"] == [choice.finish_reason for choice in final.choices]


async def test_check_39_two_choices_of_ollama(house):
    """Ollama gives one answer to a request: asking for two is a 400 that says so."""
    running = await house("ollama")

    status, error = answers.refusal(await running.ask(stream=True, n=2))

    assert (400, "n", "unsupported_value") == (status, error["param"], error["code"])


TOKENS = [{"token": "Oslo", "logprob": -0.5}, {"token": "!", "logprob": -1, "bytes": [33], "top_logprobs": [
    {"token": "!", "logprob": -1, "bytes": [33]}, {"token": "?", "logprob": -2}
]}]  # fmt: skip


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("provider", EVERYONE)
async def test_check_40_logprobs(house, provider, stream):
    """Log probabilities have all of OpenAI's keys, whatever the upstream leaves out."""
    running = await house(provider)
    if provider == "ollama":
        line = {**ollama.message(content="Oslo!"), "logprobs": TOKENS}
        running.plays(ollama.chat_lines([ollama.line(line)]))
    elif DIALECTS[provider].wire:
        chunk = openai.chunk({"content": "Oslo!"})
        chunk["choices"][0]["logprobs"] = {"content": TOKENS}
        running.plays(openai.stream([openai.event(chunk)]))

    response = await running.ask(stream=stream, logprobs=True, top_logprobs=2)

    if stream:
        choices = answers.stream(response).choices(0)
        found = [token for choice in choices if choice["logprobs"] for token in choice["logprobs"]["content"]]
    else:
        found = answers.completion(response)["choices"][0]["logprobs"]["content"]
    assert [{"token", "logprob", "bytes", "top_logprobs"}] * len(found) == [set(token) for token in found]
    expected = ["Oslo", "!"] if DIALECTS[provider].wire else ["1 ", "2 ", "3"]
    assert expected == [token["token"] for token in found]
    if DIALECTS[provider].wire:
        assert ([], [{"token": "!", "logprob": -1, "bytes": [33]}, {"token": "?", "logprob": -2, "bytes": None}]) == (
            found[0]["top_logprobs"],
            found[1]["top_logprobs"],
        )
        body = running.sent[-1].json
        assert (True, 2) == (body["logprobs"], body["top_logprobs"])


USAGES = {
    "OpenAI": ({"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14, "prompt_tokens_details": {"cached_tokens": 4}, "completion_tokens_details": {"reasoning_tokens": 3}}, (9, 5, 4, 3)),
    "cache beside": ({"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14, "prompt_cache_hit_tokens": 4}, (9, 5, 4, None)),
    "thoughts in the total only": ({"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 14, "completion_tokens_details": {"reasoning_tokens": 3}}, (9, 5, None, 3)),
    "null details": ({"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14, "prompt_tokens_details": None}, (9, 5, None, None)),
}  # fmt: skip


@pytest.mark.parametrize("case", USAGES)
@pytest.mark.parametrize("provider", OPENAI_WIRES)
async def test_check_49_details_of_usage(house, provider, case):
    """Input includes what was cached, output includes reasoning, and the total is their sum."""
    running = await house(provider)
    given, (read, written, cached, thought) = USAGES[case]
    running.plays(openai.stream(["1"], usage=given), openai.completion("1", usage=given))

    raw = answers.stream(await running.ask(stream=True, stream_options={"include_usage": True}), include_usage=True)
    whole = answers.completion(await running.ask())

    for usage in (raw.usage, whole["usage"]):
        assert (read, written, read + written) == (
            usage["prompt_tokens"],
            usage["completion_tokens"],
            usage["total_tokens"],
        )
        assert cached == usage.get("prompt_tokens_details", {}).get("cached_tokens")
        assert thought == usage.get("completion_tokens_details", {}).get("reasoning_tokens")
    for record in running.gateway.records:
        assert (read, written, cached or 0) == (
            record.usage.input_tokens,
            record.usage.output_tokens,
            record.usage.cached_tokens,
        )


@pytest.mark.parametrize("provider", OPENAI_WIRES)
async def test_check_50_fields_of_tomorrow(house, provider, kind):
    """Tiers, padding and fields that nobody knows yet are no error, and a strict client accepts what is left of them."""
    running = await house(provider)
    odd = {"service_tier": "fast", "obfuscation": "aB3", "p": [1], "moderation": {"new": 1}, "created": 1.5, "id": None}
    chunks = [openai.event({**openai.chunk({"content": text, "new": {"a": 1}}), **odd}) for text in ("1 ", "2")]
    whole = {
        **odd,
        "object": "chat.completion",
        "model": None,
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "1 2"}, "finish_reason": "stop", "new": 1}
        ],
        "usage": openai.USAGE,
    }

    def react(request):
        streamed = openai.stream(chunks, usage=openai.USAGE, role=False)
        return streamed if request.json["stream"] else openai.error(200, whole)

    running.plays(react)

    await accepted_strictly(running, kind, "1 2")
    raw = answers.stream(await running.ask(stream=True))
    assert [{"priority"}, set()] == [
        {chunk["service_tier"] for chunk in raw.chunks},
        set(raw.chunks[0]) & {"p", "obfuscation"},
    ]


@pytest.mark.parametrize("answer", [Answer(), CALLED], ids=["text", "tool"])
@pytest.mark.parametrize("provider", EVERYONE)
async def test_check_50_a_strict_client(house, provider, kind, answer):
    """A client that validates every field accepts whole answers, streams and usage."""
    running = await house(provider)
    running.says(answer)

    await accepted_strictly(running, kind, None if answer.tools else "1 2 3", tools=[WEATHER] if answer.tools else None)


async def accepted_strictly(running, kind, text, **fields):
    asked = {"model": MODEL, "messages": [{"role": "user", "content": "Count to 3"}]}
    fields = {name: value for name, value in fields.items() if value}
    chunks = []
    async with running.user(kind, _strict_response_validation=True) as user:
        whole = await user.call("chat.completions.create", **asked, **fields)
        await user.read(chunks, **fields)
        await user.read(chunks, stream_options={"include_usage": True}, **fields)
        raw = await user.call("chat.completions.with_raw_response.create", **asked, **fields)
        models = await user.call("models.list")

    assert text == whole.choices[0].message.content
    assert (text or "") * 2 == "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert (whole.choices[0].finish_reason, text) == (
        raw.parse().choices[0].finish_reason,
        raw.parse().choices[0].message.content,
    )
    assert raw.headers["x-request-id"].startswith("req_")
    assert MODEL in [model.id for model in models.data]
    answers.stream(await running.ask(stream=True, **fields))
    answers.completion(await running.ask(**fields))


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("eos", "stop"),
        ("end_turn", "stop"),
        ("COMPLETE", "stop"),
        ("abort", "length"),
        ("max_tokens", "length"),
        ("tool_use", "tool_calls"),
        ("function_call", "function_call"),
        ("SAFETY", "content_filter"),
    ],
)
@pytest.mark.parametrize("provider", OPENAI_WIRES)
async def test_check_51_other_words_for_the_end(house, provider, reason, expected):
    """A finish_reason that OpenAI does not have becomes one of its five."""
    running = await house(provider)
    running.says(Answer(finish=reason))

    raw = answers.stream(await running.ask(stream=True))
    whole = answers.completion(await running.ask())

    assert [expected] * 2 == [raw.finish, whole["choices"][0]["finish_reason"]]


@pytest.mark.parametrize(("reason", "expected"), [("load", "stop"), ("unload", "stop"), ("", "stop"), ("new", "stop")])
async def test_check_51_other_words_of_ollama(house, reason, expected):
    """The same for Ollama's done_reason."""
    running = await house("ollama")
    running.plays(ollama.chat_lines(["1"], done_reason=reason))

    raw = answers.stream(await running.ask(stream=True))
    whole = answers.completion(await running.ask())

    assert [expected] * 2 == [raw.finish, whole["choices"][0]["finish_reason"]]
