"""
What a provider's list says of a model beside its name, in one form whoever says it; pure.

The form is OpenRouter's, which clients know. What others say of abilities is under ``capabilities`` instead: a list of
supported parameters that holds two of them would deny the rest. Nothing is guessed from a model's name.

Source: https://openrouter.ai/docs/api-reference/list-available-models
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal, DecimalException
from typing import Any

_MOST = 64
"""Of words in a list, and of letters in a word: OpenRouter's longest list has some 25."""

_CONTEXT = ("context_length", "context_window", "max_model_len", "max_context_length")
_OUTPUT = ("max_output_tokens", "max_completion_tokens")

_FLAGS = {
    "supports_tools": "tools",
    "supports_image_input": "vision",
    "supports_image_in": "vision",
    "supports_reasoning": "reasoning",
}
"""Fireworks' and Moonshot's keys."""

_SYNONYMS = {"function_calling": "tools", "thinking": "reasoning"}
"""Mistral's and Ollama's words."""


def facts(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Give the keys to show, those that are known, out of a model's entry in its provider's list."""
    metadata = _object(entry.get("metadata"))  # DeepInfra's
    found = {
        "context_length": _first_count(entry, _CONTEXT) or _first_count(metadata, _CONTEXT),
        "max_output_tokens": _first_count(entry, _OUTPUT) or _first_count(_object(entry.get("top_provider")), _OUTPUT),
        "architecture": _modalities(entry),
        "capabilities": _capabilities(entry),
        "supported_parameters": _words(entry.get("supported_parameters")),
        "pricing": _prices(_object(entry.get("pricing"))) or _prices(_object(metadata.get("pricing"))),
    }
    return {name: value for name, value in found.items() if value}


def _modalities(entry: Mapping[str, Any]) -> dict[str, list[str]]:
    given = {**entry, **_object(entry.get("architecture"))}
    named = {name: _words(given.get(name)) for name in ("input_modalities", "output_modalities")}
    return {name: words for name, words in named.items() if words}


def _capabilities(entry: Mapping[str, Any]) -> dict[str, bool]:
    given = entry.get("capabilities")
    named = dict.fromkeys(_words(given), True) if isinstance(given, list) else _object(given)
    flags = {word: entry[key] for key, word in _FLAGS.items() if key in entry}
    found = {_SYNONYMS.get(name, name): value for name, value in {**flags, **named}.items()}
    return {name: found[name] for name in _words(list(found)) if isinstance(found[name], bool)}


def _prices(given: Mapping[str, Any]) -> dict[str, str]:
    """Give dollars for a token, as decimal strings; nothing unless both directions have a price."""
    if "prompt" in given:
        named = {name: _decimal(given[name]) for name in _words(list(given))}
    elif "hourly" in given:  # Together's, for a million tokens
        named = {"prompt": _decimal(given.get("input"), 6), "completion": _decimal(given.get("output"), 6)}
    else:  # DeepInfra's, for a million tokens
        named = {
            "prompt": _decimal(given.get("input_tokens"), 6),
            "completion": _decimal(given.get("output_tokens"), 6),
        }
    found = {name: price for name, price in named.items() if price is not None}
    return found if {"prompt", "completion"} <= set(found) else {}


def _decimal(given: object, places: int = 0) -> str | None:
    """Give a number without an exponent, its point moved left; ``None`` for what is no price, as OpenRouter's -1."""
    if isinstance(given, bool) or not isinstance(given, str | int | float) or len(str(given)) > _MOST:
        return None
    try:
        number = Decimal(str(given)).scaleb(-places).normalize()
    except DecimalException:
        return None
    return f"{number:f}" if number.is_finite() and number >= 0 and abs(number.adjusted()) < _MOST else None


def _first_count(given: Mapping[str, Any], names: Iterable[str]) -> int | None:
    values = (given.get(name) for name in names)
    return next((value for value in values if type(value) is int and value > 0), None)


def _words(given: object) -> list[str]:
    if not isinstance(given, list):
        return []
    return [word for word in given if isinstance(word, str) and len(word) <= _MOST and word.isprintable()][:_MOST]


def _object(given: object) -> Mapping[str, Any]:
    return given if isinstance(given, dict) else {}
