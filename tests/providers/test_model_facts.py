from typing import Any

import pytest

from llms.providers.model_facts import facts

OPENROUTER = {
    "id": "openai/gpt-5",
    "name": "GPT-5",
    "description": "…",
    "context_length": 400000,
    "architecture": {
        "input_modalities": ["text", "image"],
        "output_modalities": ["text"],
        "tokenizer": "GPT",
        "instruct_type": None,
    },
    "pricing": {"prompt": "0.00000125", "completion": "0.00001", "request": "0", "image": "0", "overrides": []},
    "top_provider": {"context_length": 400000, "max_completion_tokens": 128000, "is_moderated": True},
    "per_request_limits": None,
    "supported_parameters": ["reasoning", "tools", "structured_outputs"],
}

DIALECTS = {
    "openrouter": (
        OPENROUTER,
        {
            "context_length": 400000,
            "max_output_tokens": 128000,
            "architecture": {"input_modalities": ["text", "image"], "output_modalities": ["text"]},
            "supported_parameters": ["reasoning", "tools", "structured_outputs"],
            "pricing": {"prompt": "0.00000125", "completion": "0.00001", "request": "0", "image": "0"},
        },
    ),
    "groq": (
        {"id": "a", "active": True, "context_window": 131072, "max_completion_tokens": 32768, "public_apps": None},
        {"context_length": 131072, "max_output_tokens": 32768},
    ),
    "mistral": (
        {
            "id": "a",
            "capabilities": {"completion_chat": True, "function_calling": True, "fine_tuning": False, "vision": True},
            "max_context_length": 131072,
            "aliases": ["b"],
        },
        {
            "context_length": 131072,
            "capabilities": {"completion_chat": True, "tools": True, "fine_tuning": False, "vision": True},
        },
    ),
    "together": (
        {
            "id": "a",
            "type": "chat",
            "context_length": 131072,
            "pricing": {"hourly": 0, "input": 0.88, "output": 1, "base": 0, "finetune": 0},
        },
        {"context_length": 131072, "pricing": {"prompt": "0.00000088", "completion": "0.000001"}},
    ),
    "deepinfra": (
        {
            "id": "a",
            "metadata": {"context_length": 40960, "pricing": {"input_tokens": 0.08, "output_tokens": 0.24}, "tags": []},
        },
        {"context_length": 40960, "pricing": {"prompt": "0.00000008", "completion": "0.00000024"}},
    ),
    "fireworks": (
        {"id": "a", "context_length": 8, "supports_chat": True, "supports_image_input": False, "supports_tools": True},
        {"context_length": 8, "capabilities": {"tools": True, "vision": False}},
    ),
    "moonshot": (
        {"id": "a", "context_length": 8, "supports_image_in": True, "supports_reasoning": True},
        {"context_length": 8, "capabilities": {"vision": True, "reasoning": True}},
    ),
    "vllm": ({"id": "a", "max_model_len": 8, "root": "a", "permission": [{}]}, {"context_length": 8}),
    "huggingface": (
        {"id": "a", "architecture": {"input_modalities": ["text"], "output_modalities": ["text"]}, "providers": [{}]},
        {"architecture": {"input_modalities": ["text"], "output_modalities": ["text"]}},
    ),
    "ollama": (
        {"name": "a", "context_length": 8, "capabilities": ["completion", "vision", "thinking"]},
        {"context_length": 8, "capabilities": {"completion": True, "vision": True, "reasoning": True}},
    ),
    "openai": ({"id": "a", "object": "model", "created": 1, "owned_by": "openai"}, {}),
}


@pytest.mark.parametrize("name", DIALECTS)
def test_dialects(name: str) -> None:
    """What each service says of a model is shown in one form: tokens, modalities, abilities, dollars for a token."""
    entry, expected = DIALECTS[name]

    assert expected == facts(entry)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("0.00000015", "0.00000015"),
        (1.5e-07, "0.00000015"),
        ("1E-6", "0.000001"),
        (0, "0"),
        ("0e-99", "0"),
        (2, "2"),
        ("100", "100"),
    ],
)
def test_prices(given: object, expected: str) -> None:
    """A price is a decimal number that every reader of numbers reads, without an exponent."""
    assert {"prompt": expected, "completion": "1"} == facts({"pricing": {"prompt": given, "completion": "1"}})[
        "pricing"
    ]


@pytest.mark.parametrize(
    "given",
    ["-1", -1, "free", "", "NaN", "sNaN", "Infinity", "1e99", "1e-99", "1e9999999", "1" * 99, None, True, [], {}],
)
def test_what_is_no_price(given: object) -> None:
    """A price that is none, such as OpenRouter's -1 for "it depends", is not shown, nor half a price."""
    assert {} == facts({"pricing": {"prompt": given, "completion": "1"}})
    assert {} == facts({"pricing": {"hourly": 0, "input": 1, "output": given}})


@pytest.mark.parametrize(
    "junk", [None, 0, -1, 1.5, True, "x", [], {}, [[]], [{}], {"vision": "yes"}, ["a\nb", "x" * 65]]
)
def test_junk(junk: Any) -> None:
    """What is not of the expected kind is left out."""
    names = (
        "context_length",
        "max_model_len",
        "max_output_tokens",
        "top_provider",
        "architecture",
        "input_modalities",
        "capabilities",
        "supported_parameters",
        "pricing",
        "metadata",
    )

    assert {} == facts(dict.fromkeys(names, junk))


def test_long_lists() -> None:
    """A list that no service has is cut."""
    found = facts({"supported_parameters": [f"p{number}" for number in range(1000)]})

    assert 64 == len(found["supported_parameters"])
