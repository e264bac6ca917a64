"""The validator that the other tests lean on can fail."""

import copy

import pytest
from jsonschema import ValidationError

from tests.support.openapi import validate

CHUNK = {
    "id": "chatcmpl-1",
    "object": "chat.completion.chunk",
    "created": 1_700_000_000,
    "model": "m",
    "choices": [{"index": 0, "delta": {"content": "Hi"}, "logprobs": None, "finish_reason": None}],
    "usage": None,
}
COMPLETION = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1_700_000_000,
    "model": "m",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hi", "refusal": None},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ],
}


def test_accepts_what_openai_sends():
    """A plain chunk and a plain completion fit the document."""
    validate("CreateChatCompletionStreamResponse", CHUNK)
    validate("CreateChatCompletionResponse", COMPLETION)


@pytest.mark.parametrize("name", ["id", "object", "created", "model", "choices"])
def test_refuses_a_chunk_without_a_required_key(name):
    """A chunk that lacks one of the five required keys does not fit."""
    chunk = {key: value for key, value in CHUNK.items() if key != name}

    with pytest.raises(ValidationError, match=f"'{name}' is a required property"):
        validate("CreateChatCompletionStreamResponse", chunk)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("object", "chat.completion"),
        ("created", 1_700_000_000.0),
        ("created", True),
        ("choices", None),
        ("usage", {"prompt_tokens": 1}),
        ("service_tier", "gold"),
    ],
)
def test_refuses_a_chunk_with_a_wrong_value(name, value):
    """Types, enumerations and nested required keys are looked at."""
    with pytest.raises(ValidationError):
        validate("CreateChatCompletionStreamResponse", {**CHUNK, name: value})


def test_refuses_an_unknown_finish_reason():
    """``eos`` is none of OpenAI's five."""
    chunk = copy.deepcopy(CHUNK)
    chunk["choices"][0]["finish_reason"] = "eos"

    with pytest.raises(ValidationError, match="'eos' is not one of"):
        validate("CreateChatCompletionStreamResponse", chunk)


@pytest.mark.parametrize("name", ["role", "content", "refusal"])
def test_refuses_a_message_without_a_required_key(name):
    """A message has its three keys, even where they are null."""
    completion = copy.deepcopy(COMPLETION)
    del completion["choices"][0]["message"][name]

    with pytest.raises(ValidationError, match=f"'{name}' is a required property"):
        validate("CreateChatCompletionResponse", completion)


def test_refuses_a_choice_without_logprobs():
    """A whole answer's choice has ``logprobs``, even where it is null."""
    completion = copy.deepcopy(COMPLETION)
    del completion["choices"][0]["logprobs"]

    with pytest.raises(ValidationError, match="'logprobs' is a required property"):
        validate("CreateChatCompletionResponse", completion)


def test_refuses_an_unknown_name():
    """A misspelt schema is an error and not a pass."""
    with pytest.raises(KeyError):
        validate("CreateChatCompletionStreamResponce", CHUNK)


def test_every_reference_has_its_target():
    """No schema refers to one that is not kept, which would only show when an answer gets there."""
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    result = {"type": "moderation_results", "model": "m", "results": [{}]}
    error = {"type": "error", "code": "c", "message": "m"}
    moderation = {"input": result, "output": error}

    validate("CreateChatCompletionStreamResponse", {**CHUNK, "usage": usage, "moderation": moderation})
    validate("CreateChatCompletionResponse", {**COMPLETION, "metadata": {"a": "b"}, "service_tier": "priority"})
