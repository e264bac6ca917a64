"""
The catalogue that comes with the package: ``models.json``, of which its first lines say whence and of when it is.

It is read when the first model is looked up, once for a process. A model is found by its exact name. If there is none,
a day at its end is left out (``gpt-4o-2027-01-31`` costs what ``gpt-4o`` does: of 44 names with a day that the
catalogue has beside their family, one has another price, and that is found exactly), and a model that was trained
further is looked up by what it was made of (``ft:gpt-4o:my-org::id`` as ``ft:gpt-4o``). ``-latest`` is not left out:
Mistral's ``mistral-small-latest`` costs more than its ``mistral-small``. A wrong price is worse than none.
"""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from llms.prices.price import Price

_DAY = re.compile(r"-\d{4}-\d{2}-\d{2}$")

FREE = frozenset({"demo", "ollama", "lmstudio", "llamacpp", "vllm", "sglang"})
"""Types of providers that send nobody a bill: servers that people run by themselves."""

_NOTHING = Price(0, 0)


@cache
def document() -> Mapping[str, Any]:
    """Give ``source``, ``version``, ``date`` and ``models``: by type of provider and name, as ``openai/gpt-4o``."""
    found: dict[str, Any] = orjson.loads(Path(__file__).with_name("models.json").read_bytes())
    return found


def entry(kind: str, model: str) -> Mapping[str, Any] | None:
    """
    Give what is known of a model: ``price``, ``context``, ``output``, ``takes``, ``gives``, ``can``, each if known.

    Args:
        kind: The type of its provider, as in the configuration.
        model: Its name there.
    """
    models: Mapping[str, Mapping[str, Any]] = document()["models"]
    for name in _names(model):
        if (found := models.get(f"{kind}/{name}")) is not None:
            return found
    return None


def price(kind: str, model: str) -> Price | None:
    """Give what a model costs; the arguments are those of ``entry``."""
    if kind in FREE:
        return _NOTHING
    raw = (entry(kind, model) or {}).get("price")
    return None if raw is None else _price(raw)


def _price(raw: Mapping[str, Any]) -> Price:
    long = raw.get("long")
    return Price(
        raw["input"],
        raw["output"],
        raw.get("cache_read"),
        raw.get("cache_write"),
        long["above"] if long else 0,
        _price(long) if long else None,
        tuple((tier, _price(rates)) for tier, rates in raw.get("tiers", {}).items()),
    )


def _names(model: str) -> list[str]:
    names = [model]
    if model.startswith("ft:"):
        names = [model, ":".join(model.split(":")[:2])]
    return [*names, *(_DAY.sub("", name) for name in names if _DAY.search(name))]
