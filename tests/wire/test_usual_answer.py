from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llms.errors import GatewayError
from llms.records import Call, Completion
from llms.wire import normalise
from llms.wire.scrub import scrub
from llms.wire.usual_answer import usual_answer

CALL = Call("req_0123456789abcdef01234567", 1790000000, "chat.completions", "mine", stream=False, body={})

USAGE = {"prompt_tokens": 19, "completion_tokens": 18, "total_tokens": 37}
DETAILS = {
    "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0, "accepted_prediction_tokens": 0},
}
HEAD = {"id": "chatcmpl-B9M", "object": "chat.completion", "created": 1741569952, "model": "theirs"}
OPENAI = {
    **HEAD,
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hello!", "refusal": None, "annotations": []},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ],
    "usage": {**USAGE, **DETAILS},
    "service_tier": "default",
    "system_fingerprint": "fp_1",
}
VLLM = {
    **HEAD,
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "Hello!",
                "refusal": None,
                "annotations": None,
                "audio": None,
                "function_call": None,
                "tool_calls": [],
                "reasoning": None,
                "reasoning_content": None,
            },
            "logprobs": None,
            "finish_reason": "length",
            "stop_reason": 128009,
            "token_ids": None,
        }
    ],
    "service_tier": None,
    "system_fingerprint": None,
    "usage": {**USAGE, "prompt_tokens_details": None},
    "prompt_logprobs": None,
    "prompt_token_ids": None,
    "kv_transfer_params": None,
}
OLLAMA = {
    **HEAD,
    "system_fingerprint": "fp_ollama",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello!"}, "finish_reason": "stop"}],
    "usage": USAGE,
}


def long_way(raw: dict[str, Any]) -> Completion:
    return normalise._collected(CALL, {**raw, "choices": normalise._ordered(raw["choices"])}, scrub, None)


@pytest.mark.parametrize("raw", [OPENAI, VLLM, OLLAMA])
def test_usual(raw: dict[str, Any]) -> None:
    """What OpenAI, vLLM and Ollama answer takes the short way, and is what it would be by the long one."""
    answer = usual_answer(CALL, raw)

    assert repr(long_way(raw)) == repr(answer)
    assert answer == normalise.completion(CALL, raw)


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({}, {"tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}),
        ({}, {"function_call": {"name": "f", "arguments": "{}"}}),
        ({}, {"refusal": "No."}),
        ({}, {"audio": {"id": "a"}}),
        ({}, {"annotations": [{"type": "url_citation"}]}),
        ({}, {"extra_content": {"google": {}}}),
        ({}, {"content": [{"type": "text", "text": "a"}]}),
        ({}, {"content": None}),
        ({}, {"reasoning": "Hm."}),
        ({}, {"reasoning_content": "Hm."}),
        ({}, {"reasoning_details": [{"text": "Hm."}]}),
        ({}, {"thinking": "Hm."}),
        ({"logprobs": {"content": [{"token": "a", "logprob": -1}]}}, {}),
        ({"usage": USAGE}, {}),
        ({"x_groq": {"usage": USAGE}}, {}),
        ({"error": {"message": "no"}}, {}),
        ({"object": "error"}, {}),
        ({"type": "error"}, {}),
        ({"finish_reason": "error"}, {}),
        ({"finish_reason": "STOP"}, {}),
        ({"finish_reason": None}, {}),
        ({"finish_reason": ["stop"]}, {}),
    ],
)
def test_unusual(choice: dict[str, Any], message: dict[str, Any]) -> None:
    """A choice that holds more than its text and a known end is left to the long way."""
    usual = OPENAI["choices"][0]
    changed = {**usual, "message": {**usual["message"], **message}, **choice}

    assert None is usual_answer(CALL, {**OPENAI, "choices": [changed]})


@pytest.mark.parametrize(
    "raw",
    [
        {**OPENAI, "x_groq": {"id": "a"}},
        {**OPENAI, "choices": OPENAI["choices"] * 2},
        {**OPENAI, "choices": []},
        {**OPENAI, "choices": [None]},
        {**OPENAI, "choices": [{"message": "x", "finish_reason": "stop"}]},
        {**OPENAI, "choices": [{"finish_reason": "stop"}]},
    ],
)
def test_unusual_around(raw: dict[str, Any]) -> None:
    """So is an answer with several choices or none, and one that says things in Groq's place for them."""
    assert None is usual_answer(CALL, raw)


def objects(fields: dict[str, list[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with any of the fields, each with one of its values or with one that no service has reason to send."""
    odd = st.sampled_from([None, "", "x", 0, 7, -1, 0.5, True, [], [1], {}, {"a": 1}])
    return st.fixed_dictionaries({}, optional={name: st.sampled_from(some) | odd for name, some in fields.items()})


MESSAGES = objects(
    {
        "role": ["assistant"],
        "content": ["Hello", "<think>a</think>b", "\ud83d", [{"type": "text", "text": "a"}]],
        "refusal": ["No."],
        "annotations": [[{"type": "url_citation"}]],
        "audio": [{"id": "a", "data": "b"}],
        "tool_calls": [[{"id": "a", "function": {"name": "f", "arguments": "{}"}}]],
        "function_call": [{"name": "f", "arguments": "{}"}],
        "reasoning": ["Hm."],
        "reasoning_content": ["Hm."],
        "reasoning_details": [[{"text": "Hm."}]],
        "thinking": ["Hm."],
        "extra_content": [{"google": {"a": 1}}],
        "unknown": [1],
    }
)
USAGES = st.sampled_from([USAGE, {**USAGE, **DETAILS}, {**USAGE, "total_tokens": 99}, {"prompt_tokens": "5"}])
CHOICES = st.builds(
    lambda choice, message, content: {**choice, "message": {**message, **content}},
    objects(
        {
            "index": [0, 3, "0"],
            "finish_reason": ["stop", "length", "tool_calls", "eos", "error", "STOP", "content_filter", "max_tokens"],
            "logprobs": [{"content": [{"token": "a", "logprob": -1}]}],
            "delta": [{"content": "other"}],
            "usage": [USAGE],
            "x_groq": [{"usage": USAGE}],
            "error": [{"message": "no"}],
            "object": ["error"],
            "type": ["error"],
            "stop_reason": [128009],
        }
    ),
    MESSAGES,
    st.fixed_dictionaries({}, optional={"content": st.text()}),
)
ANSWERS = st.builds(
    lambda answer, choices, usage: {**answer, **usage, "choices": choices},
    objects(
        {
            "id": ["a"],
            "model": ["theirs"],
            "usage": [USAGE],
            "service_tier": ["fast", "default"],
            "system_fingerprint": ["fp_1"],
            "x_groq": [{"usage": USAGE}],
        }
    ),
    st.lists(CHOICES, min_size=1, max_size=2),
    st.fixed_dictionaries({}, optional={"usage": USAGES}),
)


@given(ANSWERS)
@settings(max_examples=1000, deadline=None)
def test_both_ways_agree(raw: dict[str, Any]) -> None:
    """Whatever takes the short way comes out as it would by the long one, to the order of its keys."""
    answer = usual_answer(CALL, raw)

    if answer is not None:
        assert repr(long_way(raw)) == repr(answer)


@pytest.mark.parametrize("error", [{"error": "no"}, {"object": "error"}, {"type": "error"}])
def test_error_comes_first(error: dict[str, Any]) -> None:
    """An answer that holds an error is none, however usual the rest is."""
    with pytest.raises(GatewayError):
        normalise.completion(CALL, {**OPENAI, **error})


def test_tags() -> None:
    """Where a model writes its reasoning into its text, no text is usual."""
    usual = OPENAI["choices"][0]
    raw = {**OPENAI, "choices": [{**usual, "message": {"content": "<think>Hm.</think>Yes."}}]}

    message = normalise.completion(CALL, raw, tags="tagged")["choices"][0]["message"]

    assert ("Hm.", "Yes.") == (message["reasoning_content"], message["content"])
