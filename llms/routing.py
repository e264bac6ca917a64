"""What a model's name stands for. Pure: it is given what is known and decides."""

import difflib
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from llms.errors import ModelNotFoundError
from llms.records import Route, Target
from llms.terms import Terms


@dataclass(frozen=True, slots=True)
class Offer:
    """
    What a provider serves.

    Args:
        provider: Its name in the configuration.
        models: The names it lists; ``None`` if it could not be asked.
        credentials: The variables of its keys, where it has several.
        terms: On which it is called, unless a route's own say otherwise.
        off: Why it is not asked; ``None`` if it is on.
    """

    provider: str
    models: frozenset[str] | None
    credentials: tuple[str, ...] = ()
    terms: Terms = field(default_factory=Terms)
    off: str | None = None


def route(model: str, routes: Mapping[str, Route], offers: Sequence[Offer]) -> Route:
    """
    Give what ``model`` stands for, its targets in fallback order.

    An alias stands for its targets; ``provider/name`` for that provider; any other name for every provider that lists
    it, in the configuration's order, or, where none does, for those whose list is not known. A provider with several
    keys is as many targets, of the same rank.

    Args:
        model: As the client wrote it.
        routes: The aliases of the configuration.
        offers: Of all providers, in the configuration's order.

    Raises:
        ModelNotFoundError: Nobody serves it; says which names come near.
    """
    by_name = {offer.provider: offer for offer in offers}
    if model in routes:
        found = routes[model]
        judged = [(target, by_name[target.provider].off) for target in found.targets]
        on = [target for target, reason in judged if reason is None]
        if not on:
            message = f"The model {model!r} is configured, but none of its providers is on. See `llms models`."
            raise ModelNotFoundError(message, param="model")
        off = tuple((target, reason) for target, reason in judged if reason is not None)
        return replace(found, targets=tuple(_with_keys(on, by_name)), off=off)
    available = [offer for offer in offers if offer.off is None]
    found_targets = list(_by_name(model, available))
    if not found_targets:
        raise ModelNotFoundError(_not_found(model, routes, available), param="model")
    return Route(tuple(_with_keys(found_targets, by_name)))


def _by_name(model: str, offers: Sequence[Offer]) -> Iterator[Target]:
    """Give the targets of a name that is no alias, each of a rank of its own."""
    found = _by_prefix(model, offers)
    found += [(offer, model) for offer in offers if model in (offer.models or ())]
    if not found:
        found = [(offer, model) for offer in offers if offer.models is None]
    for rank, (offer, name) in enumerate(found):
        yield Target(offer.provider, name, rank=rank, terms=offer.terms)


def _with_keys(targets: Iterable[Target], offers: Mapping[str, Offer]) -> Iterator[Target]:
    for target in targets:
        credentials = offers[target.provider].credentials
        if not credentials:
            yield target
        for credential in credentials:
            yield replace(target, credential=credential, weight=target.weight / len(credentials))


def _by_prefix(model: str, offers: Sequence[Offer]) -> list[tuple[Offer, str]]:
    provider, slash, name = model.partition("/")
    for offer in offers:
        # A provider may list names that begin with its own, as openrouter/auto: then the name is meant as it stands.
        if slash and name and offer.provider == provider and model not in (offer.models or ()):
            return [(offer, name)]
    return []


_MOST_COMPARED = 100


def _not_found(model: str, routes: Mapping[str, Route], offers: Sequence[Offer]) -> str:
    known = [*routes, *itertools.chain(*(offer.models or () for offer in offers))]
    if len(known) > _MOST_COMPARED:
        # Comparing is slow: some that begin alike, or hold the name, are enough to choose from.
        known = [name for name in known if name[:1].lower() == model[:1].lower() or model in name][:_MOST_COMPARED]
    near = difflib.get_close_matches(model[:200], sorted(known), n=3, cutoff=0.5)
    hint = f" Did you mean {', '.join(near)}?" if near else ""
    return f"The model {model[:200]!r} is not served here.{hint} GET /v1/models lists what is."
