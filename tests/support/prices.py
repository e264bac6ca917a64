"""
Renews ``llms/prices/models.json`` out of a local copy of LiteLLM's price file, of which facts are taken and no more.

``python -m tests.support.prices FILE VERSION DATE``: the file, the version of LiteLLM that it came with, and the day on
which it was taken, as ``2026-11-28``. Says what was left out, and why; a reader compares the difference before it is
kept. The file is ``model_prices_and_context_window_backup.json`` of the package ``litellm``.
"""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parents[2] / "llms" / "prices" / "models.json"

_TYPES = {
    "openai": "openai",
    "text-completion-openai": "openai",
    "groq": "groq",
    "deepseek": "deepseek",
    "mistral": "mistral",
    "xai": "xai",
    "together_ai": "together",
    "fireworks_ai": "fireworks",
    "fireworks_ai-embedding-models": "fireworks",
    "cerebras": "cerebras",
    "deepinfra": "deepinfra",
    "moonshot": "moonshot",
}
"""LiteLLM's names of providers, and ours. OpenRouter, NVIDIA and Hugging Face have no models of ours in its file."""

_MODES = {"chat", "completion", "responses", "embedding"}

_PRICES = {
    "input": "input_cost_per_token",
    "output": "output_cost_per_token",
    "cache_read": "cache_read_input_token_cost",
    "cache_write": "cache_creation_input_token_cost",
}

_TIERS = ("flex", "priority", "ultrafast")

_ABILITIES = {
    "tools": "supports_function_calling",
    "vision": "supports_vision",
    "reasoning": "supports_reasoning",
    "json_schema": "supports_response_schema",
    "web_search": "supports_web_search",
}

_CLASS = re.compile(r"-(default|up-to|above|moe|\d+(\.\d+)?[bm]-)|-\d+(\.\d+)?[bm]$")
"""LiteLLM's prices of sizes, which are no models: ``together-ai-4.1b-8b``."""


def main(file: str, version: str, date: str) -> None:
    """Write the catalogue anew."""
    models: dict[str, dict[str, Any]] = {}
    for name, given in sorted(json.loads(Path(file).read_text("utf-8")).items()):
        kind = _TYPES.get(given.get("litellm_provider"))
        if kind is None or given.get("mode") not in _MODES:
            continue
        own = f"{kind}/{name.removeprefix(given['litellm_provider'].removesuffix('-embedding-models') + '/')}"
        if "/" not in name and _CLASS.search(name.removeprefix(kind)) and kind in ("together", "fireworks"):
            continue
        entry = _entry(own, given)
        if own in models and models[own] != entry:
            _say(f"{own}: named twice, unlike: {models[own]} and {entry}")
        if entry:
            models[own] = entry
    for name in list(models):
        long = name.replace("fireworks/", "fireworks/accounts/fireworks/models/")
        if long != name and models.get(long) == models[name]:
            del models[name]
    head = {
        "source": "https://github.com/BerriAI/litellm, model_prices_and_context_window.json (facts; MIT licence)",
        "version": version,
        "date": date,
    }
    lines = [f" {json.dumps(name)}: {_line(models[name])}" for name in sorted(models)]
    top = "".join(f"{json.dumps(name)}: {json.dumps(value)},\n" for name, value in head.items())
    TARGET.write_text("{" + top + '"models": {\n' + ",\n".join(lines) + "\n}}\n", "utf-8")
    priced = sum("price" in entry for entry in models.values())
    _say(f"{len(models)} models, {priced} with a price, {TARGET.stat().st_size} bytes")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def _line(entry: Mapping[str, Any]) -> str:
    return json.dumps(entry, separators=(",", ":"))


def _entry(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    found = {
        "price": _price(name, given),
        "context": given.get("max_input_tokens"),
        "output": given.get("max_output_tokens"),
        "takes": _takes(given),
        "gives": given.get("supported_output_modalities"),
        "can": [ability for ability, key in _ABILITIES.items() if given.get(key)],
    }
    if given["mode"] == "embedding":
        found |= {"gives": ["embeddings"], "output": None}
    return {key: value for key, value in found.items() if value}


def _price(name: str, given: Mapping[str, Any]) -> dict[str, Any] | None:
    if any(given.get(key) for key in ("input_cost_per_audio_token", "output_cost_per_audio_token")):
        _say(f"{name}: no price, since tokens of sound have another")
        return None
    base = _rates(given, "")
    if given["mode"] == "embedding" and "input" in base:
        base = {"input": base["input"], "output": 0, **base}
    if base.get("input") is None or base.get("output") is None or not (base["input"] or base["output"]):
        _say(f"{name}: no price, since it is {base}")
        return None
    for key in ("cache_read", "cache_write"):
        least, highest = (1, base["input"]) if key == "cache_read" else (base["input"], 2 * base["input"])
        if not least <= base.get(key, least) <= highest:
            _say(f"{name}: {key} is left out: {base.pop(key)} where input is {base['input']}")
    tiers = {tier: rates for tier in _TIERS if {"input", "output"} <= set(rates := _rates(given, f"_{tier}"))}
    return {**base, **({"tiers": tiers} if tiers else {})}


def _rates(given: Mapping[str, Any], suffix: str) -> dict[str, Any]:
    """Give micro-dollars for a million tokens, and what they are for more tokens of input than so many."""
    rates = _named(given, suffix)
    thresholds = {
        int(found[1])
        for key in given
        if (found := re.fullmatch(rf"input_cost_per_token_above_(\d+)k_tokens{suffix}", key))
    }
    if not thresholds or not rates:
        return rates
    [above] = thresholds
    return {**rates, "long": {"above": above * 1000, **_named(given, f"_above_{above}k_tokens{suffix}")}}


def _named(given: Mapping[str, Any], suffix: str) -> dict[str, Any]:
    return {name: _micros(given[key + suffix]) for name, key in _PRICES.items() if given.get(key + suffix) is not None}


def _micros(dollars: float) -> int:
    whole = Decimal(str(dollars)) * 10**12
    assert whole == int(whole) >= 0, f"{dollars} is no whole number of micro-dollars for a million"
    return int(whole)


def _takes(given: Mapping[str, Any]) -> list[str]:
    named = given.get("supported_modalities")
    return list(named) if named else list(_guessed(given))


def _guessed(given: Mapping[str, Any]) -> Iterator[str]:
    yield "text"
    if given.get("supports_vision"):
        yield "image"
    if given.get("supports_audio_input"):
        yield "audio"
    if given.get("supports_video_input"):
        yield "video"


if __name__ == "__main__":
    main(*sys.argv[1:])
