"""Which price is a target's, and what else is known of its model."""

from collections.abc import Mapping
from decimal import ROUND_CEILING, Decimal
from typing import Any

from llms.prices import packaged
from llms.prices.price import Price
from llms.records import Target

_NOTHING: Mapping[str, Any] = {}

_MOST = 4096
"""Of prices that are held ready. Names come from clients, who may ask for any name of some providers."""

Known = tuple[Price | None, int | None]


class Prices:
    """
    Prices by target.

    A target's is what the configuration says; or else, what its provider's own list says; or else, what the packaged
    catalogue says of the model with that provider.

    Args:
        given: By ``provider/model``; what the configuration says.
        kinds: The type of each provider that the catalogue may speak of, by its name in the configuration. One that is
            called at another address than the type's own is not among them: who knows what that costs.
    """

    def __init__(self, given: Mapping[str, Price] | None = None, kinds: Mapping[str, str] | None = None) -> None:
        self._given = dict(given or {})
        self._kinds = dict(kinds or {})
        self._listed: dict[str, Mapping[str, Price]] = {}
        self._found: dict[tuple[str, str], Known] = {}

    def of(self, target: Target) -> Price | None:
        """Give a target's price; ``None`` if it is not known."""
        return self.known(target)[0]

    def known(self, target: Target) -> Known:
        """Give a target's price, and the most tokens that its model can answer with, each if it is known."""
        name = (target.provider, target.model)
        try:
            return self._found[name]
        except KeyError:
            return self._find(*name)

    def learn(self, provider: str, models: Mapping[str, Mapping[str, Any]]) -> None:
        """
        Take the prices of a provider's own list, in the place of what was taken before.

        Args:
            models: What it says of each, as ``llms.providers.model_facts`` gives it.
        """
        prices = {name: listed(name, facts.get("pricing", {})) for name, facts in models.items()}
        self._listed[provider] = {name: price for name, price in prices.items() if price is not None}
        self._found.clear()

    def facts(self, provider: str, model: str, listed: Mapping[str, Any] = _NOTHING) -> dict[str, Any]:
        """
        Give what is known of a model, in the form of ``llms.providers.model_facts``.

        Args:
            listed: What its provider's list says of it. It counts before the catalogue, and the configuration's price
                before it.
        """
        kind = self._kinds.get(provider)
        known = (packaged.entry(kind, model) if kind is not None else None) or {}
        modalities = {"input_modalities": known.get("takes"), "output_modalities": known.get("gives")}
        price, _ = self._find(provider, model)
        found = {
            "context_length": known.get("context"),
            "max_output_tokens": known.get("output"),
            "architecture": {name: list(words) for name, words in modalities.items() if words},
            "capabilities": dict.fromkeys(known.get("can", ()), True),
            "pricing": None if price is None else shown(price),
        }
        found = {name: value for name, value in found.items() if value} | dict(listed)
        if price is not None and f"{provider}/{model}" in self._given:
            found["pricing"] = shown(price)
        return found

    def _find(self, provider: str, model: str) -> Known:
        price = self._given.get(f"{provider}/{model}") or self._listed.get(provider, {}).get(model)
        longest = None
        if (kind := self._kinds.get(provider)) is not None:
            price = price or packaged.price(kind, model)
            longest = (packaged.entry(kind, model) or {}).get("output")
        if len(self._found) >= _MOST:
            self._found.clear()
        self._found[provider, model] = known = price, longest
        return known


def listed(model: str, pricing: Mapping[str, str]) -> Price | None:
    """
    Give the price that a provider's list shows; ``None`` if there is none to be trusted.

    A price for each call, besides its tokens, cannot be told by a ``Price``. A price of nothing is what some services
    list where they have none: it counts only for the names that say so, as OpenRouter's ``…:free``.

    Args:
        pricing: As ``llms.providers.model_facts`` gives it: dollars for a token.
    """
    if not {"prompt", "completion"} <= set(pricing) or Decimal(pricing.get("request", "0")):
        return None
    into, out = _micros(pricing["prompt"]), _micros(pricing["completion"])
    if not into and not out and not model.endswith(":free"):
        return None
    read, write = pricing.get("input_cache_read"), pricing.get("input_cache_write")
    return Price(into, out, _micros(read) if read else None, _micros(write) if write else None)


def shown(price: Price) -> dict[str, str]:
    """Give a price as ``GET /v1/models`` shows it: as OpenRouter does, dollars for a token."""
    named = {
        "prompt": price.input,
        "completion": price.output,
        "input_cache_read": price.cache_read,
        "input_cache_write": price.cache_write,
    }
    return {
        name: f"{Decimal(micros).scaleb(-12).normalize():f}" for name, micros in named.items() if micros is not None
    }


def _micros(dollars: str) -> int:
    return int(Decimal(dollars).scaleb(12).to_integral_value(ROUND_CEILING))
