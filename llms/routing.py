"""Which targets a model name stands for, best first. Pure: it is given what is known and decides."""

import difflib
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from llms.errors import ModelNotFoundError
from llms.records import Target


@dataclass(frozen=True, slots=True)
class Offer:
    """
    What a provider that is on serves.

    Args:
        provider: Its name in the configuration.
        models: The names it lists; ``None`` if it could not be asked.
    """

    provider: str
    models: frozenset[str] | None


def targets(model: str, aliases: Mapping[str, tuple[Target, ...]], offers: Sequence[Offer]) -> tuple[Target, ...]:
    """
    Give the targets that ``model`` stands for, in fallback order.

    An alias stands for its targets; ``provider/name`` for that provider; any other name for every provider that lists
    it, in the configuration's order, or, where none does, for those whose list is not known.

    Args:
        model: As the client wrote it.
        aliases: From the configuration.
        offers: Of the providers that are on, in the configuration's order.

    Returns:
        At least one target.

    Raises:
        ModelNotFoundError: Nobody serves it; says which names come near.
    """
    on = {offer.provider for offer in offers}
    if model in aliases:
        found = [target for target in aliases[model] if target.provider in on]
        if found:
            return tuple(found)
        message = f"The model {model!r} is configured, but none of its providers is on. See `llms models`."
        raise ModelNotFoundError(message, param="model")
    found = _by_prefix(model, offers)
    found += [Target(offer.provider, model) for offer in offers if model in (offer.models or ())]
    if not found:
        found = [Target(offer.provider, model) for offer in offers if offer.models is None]
    if not found:
        raise ModelNotFoundError(_not_found(model, aliases, offers), param="model")
    return tuple(found)


def _by_prefix(model: str, offers: Sequence[Offer]) -> list[Target]:
    provider, slash, name = model.partition("/")
    for offer in offers:
        # A provider may list names that begin with its own, as openrouter/auto: then the name is meant as it stands.
        if slash and name and offer.provider == provider and model not in (offer.models or ()):
            return [Target(provider, name)]
    return []


_MOST_COMPARED = 100


def _not_found(model: str, aliases: Mapping[str, tuple[Target, ...]], offers: Sequence[Offer]) -> str:
    known = [*aliases, *itertools.chain(*(offer.models or () for offer in offers))]
    if len(known) > _MOST_COMPARED:
        # Comparing is slow: some that begin alike, or hold the name, are enough to choose from.
        known = [name for name in known if name[:1].lower() == model[:1].lower() or model in name][:_MOST_COMPARED]
    near = difflib.get_close_matches(model[:200], sorted(known), n=3, cutoff=0.5)
    hint = f" Did you mean {', '.join(near)}?" if near else ""
    return f"The model {model[:200]!r} is not served here.{hint} GET /v1/models lists what is."
