"""
Which providers are on, why the others are not, and what each one serves.

A provider with a key is on when its key is there; a local server is on while it answers. Lists of models are asked for
at start and again when they are old; a call never waits for a list unless nobody is known to serve its model.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf

from llms import capabilities, routing
from llms.errors import GatewayError, ModelNotFoundError
from llms.prices import Prices
from llms.records import Model, Provider, Route, Target
from llms.terms import Capabilities, Terms

_FRESH_S = 300.0
_RETRY_S = 10.0
"""How soon a server that did not answer is asked again: someone may have just started it."""

_ASK_S = 5.0


@dataclass(frozen=True, slots=True)
class Entry:
    """
    A provider as it is configured.

    Args:
        provider: ``None`` if it cannot be on.
        reason: Why it is on, or why it cannot be: ``OPENAI_API_KEY is not set``.
        local: On only while it answers.
        listed: The models that the configuration names; the provider is then never asked.
        credentials: The variables of its keys, where it has several.
        terms: On which it is called, unless a model's own say otherwise.
    """

    name: str
    provider: Provider | None
    reason: str
    local: bool = False
    listed: tuple[str, ...] | None = None
    credentials: tuple[str, ...] = ()
    terms: Terms = field(default_factory=Terms)


@dataclass(frozen=True, slots=True)
class ProviderState:
    """A provider as it stands: whether it is on, why, and its models (``None`` if it could not be asked)."""

    name: str
    on: bool
    reason: str
    models: tuple[Model, ...] | None


@dataclass(frozen=True, slots=True)
class _Asked:
    at: float
    models: tuple[Model, ...] | None
    failure: str = ""
    names: frozenset[str] | None = None
    can: Mapping[str, Capabilities] = field(default_factory=dict)


class Catalog:
    """
    Keeps what is known of the providers.

    Args:
        entries: In the configuration's order.
        routes: Model names of the configuration and what they stand for.
        now: A monotonic clock, in seconds.
        before: The catalog whose place this one takes; what it knows of the same entries is taken over.
        prices: Say what models cost; are told what the providers' lists say.
    """

    def __init__(
        self,
        entries: Sequence[Entry],
        routes: Mapping[str, Route],
        now: Callable[[], float] = time.monotonic,
        before: "Catalog | None" = None,
        prices: Prices | None = None,
    ) -> None:
        self._entries = tuple(entries)
        self._routes = routes
        self._now = now
        self._prices = prices or Prices()
        self._shown: dict[str, tuple[_Asked, dict[str, Model]]] = {}  # made of what was asked
        self._asked: dict[str, _Asked] = {}
        self._offers: list[routing.Offer] | None = None  # made of what was asked
        self._found: dict[str, Route] = {}  # made of the offers; every call wants one
        self._fresh_until = 0.0
        self._refreshing: asyncio.Task[None] | None = None
        for entry in entries:
            if entry.provider is not None and entry.listed is not None:
                models = tuple(Model(name, entry.name) for name in entry.listed)
                self._asked[entry.name] = _Asked(float("inf"), models, names=frozenset(entry.listed))
        if before is not None:
            self._asked |= before.known_of(self._entries)
        for name, asked in self._asked.items():
            self._learn(name, asked)

    def known_of(self, entries: Iterable[Entry]) -> "dict[str, _Asked]":
        """Give what is known of those of its own entries that are among ``entries``, by name."""
        own = {id(entry) for entry in self._entries}
        return {e.name: self._asked[e.name] for e in entries if id(e) in own and e.name in self._asked}

    def states(self) -> list[ProviderState]:
        """Give what is known now, in the configuration's order."""
        return [self._state(entry) for entry in self._entries]

    def models(self, may_call: Callable[[str], bool] = lambda _: True) -> list[Model]:
        """Give what ``GET /v1/models`` lists: aliases, then models, each once; as ``provider/model`` if it must be."""
        self._renew()
        found = {name: self._alias(name, route.targets[0]) for name, route in self._routes.items() if may_call(name)}
        for state in (state for state in self.states() if state.on and state.models):
            for name, model in self._with_facts(state.name).items():
                named = name if may_call(name) else f"{state.name}/{name}"
                if named not in found and may_call(named):
                    found[named] = replace(model, id=named)
        return list(found.values())

    def providers(self, may_call: Callable[[str], bool] | None = None) -> list[ProviderState]:
        """
        Give what ``GET /v1/providers`` lists: the states, which are asked for anew behind it where they are old.

        Args:
            may_call: Whether the caller may call a model of that name; ``None`` if it may call all. Providers that
                serve it none are left out, and of the others' models those that it may not call.
        """
        self._renew()
        if may_call is None:
            return self.states()
        aliases = [route for name, route in self._routes.items() if may_call(name)]
        behind = {(target.provider, target.model) for route in aliases for target in route.targets}

        def serves(provider: str, model: str) -> bool:
            itself = model not in self._routes and may_call(model)
            return itself or (provider, model) in behind or may_call(f"{provider}/{model}")

        named = {provider for provider, _ in behind}
        mine = [_narrowed(state, serves) for state in self.states()]
        return [state for state in mine if state.models or state.name in named]

    async def route(self, model: str) -> Route:
        """
        Give what ``model`` stands for.

        Raises:
            ModelNotFoundError: Nobody serves it, even when asked again.
        """
        self._renew()
        try:
            return self._found.get(model) or self._route(model)
        except ModelNotFoundError:
            if self._refreshing is None:
                raise
        await self.refresh()
        return self._route(model)

    def capabilities(self, target: Target) -> Capabilities:
        """Give what its provider's list says of a target."""
        asked = self._asked.get(target.provider)
        return (asked.can.get(target.model) if asked is not None else None) or _NOT_KNOWN

    async def refresh(self) -> None:
        """Ask every provider whose list is missing or old; ends when all have answered or had their time."""
        if self._refreshing is None:
            self._refreshing = asyncio.create_task(self._ask_all())
            self._refreshing.add_done_callback(self._refreshed)
        await asyncio.shield(self._refreshing)

    async def close(self) -> None:
        """Stop asking."""
        if self._refreshing is not None:
            self._refreshing.cancel()
            await asyncio.gather(self._refreshing, return_exceptions=True)

    def _alias(self, name: str, target: Target) -> Model:
        """A name of the configuration, with what is known of the first model that it stands for."""
        asked = self._asked.get(target.provider)
        known = self._with_facts(target.provider).get(target.model) if asked is not None else None
        extra = self._prices.facts(target.provider, target.model) if known is None else known.extra
        if target.can.context is not None:
            extra = {**extra, "context_length": target.can.context}
        return Model(name, "llms", extra=extra)

    def _with_facts(self, provider: str) -> dict[str, Model]:
        """Give the models of a provider that was asked, by name, with what is known of them beside its list."""
        asked = self._asked[provider]
        before = self._shown.get(provider)
        if before is None or before[0] is not asked:
            facts = self._prices.facts
            models = {
                model.id: replace(model, extra=facts(provider, model.id, model.extra)) for model in asked.models or ()
            }
            self._shown[provider] = before = asked, models
        return before[1]

    def _learn(self, provider: str, asked: _Asked) -> None:
        self._prices.learn(provider, {model.id: model.extra for model in asked.models or ()})

    def _route(self, model: str) -> Route:
        route = routing.route(model, self._routes, self._offered())
        if len(self._found) >= _MOST_FOUND:
            self._found.clear()
        self._found[model] = route
        return route

    def _renew(self) -> None:
        if self._refreshing is not None or self._now() <= self._fresh_until:
            return
        if any(self._old(entry) for entry in self._entries):
            self._refreshing = asyncio.create_task(self._ask_all())
            self._refreshing.add_done_callback(self._refreshed)
        else:
            self._fresh_until = min(map(self._old_at, self._entries), default=inf)

    def _refreshed(self, _task: asyncio.Task[None]) -> None:
        self._refreshing = None

    def _old(self, entry: Entry) -> bool:
        return self._now() > self._old_at(entry)

    def _old_at(self, entry: Entry) -> float:
        """When its list is to be asked for, by the clock."""
        if entry.provider is None:
            return inf
        asked = self._asked.get(entry.name)
        return -inf if asked is None else asked.at + (_RETRY_S if asked.models is None else _FRESH_S)

    async def _ask_all(self) -> None:
        await asyncio.gather(*(self._ask(entry) for entry in self._entries if self._old(entry)))

    async def _ask(self, entry: Entry) -> None:
        assert entry.provider is not None, "an entry that is never old"  # noqa: S101
        self._asked[entry.name] = asked = await _models(entry.provider.models, self._now)
        self._learn(entry.name, asked)
        self._offers = None
        self._found.clear()

    def _offered(self) -> list[routing.Offer]:
        if self._offers is None:
            self._offers = [self._offer(entry) for entry in self._entries]
        return self._offers

    def _offer(self, entry: Entry) -> routing.Offer:
        state = self._state(entry)
        asked = self._asked.get(entry.name)
        names = asked.names if asked is not None else None
        return routing.Offer(entry.name, names, entry.credentials, entry.terms, None if state.on else state.reason)

    def _state(self, entry: Entry) -> ProviderState:
        if entry.provider is None:
            return ProviderState(entry.name, on=False, reason=entry.reason, models=None)
        asked = self._asked.get(entry.name)
        if asked is None:
            return ProviderState(entry.name, on=not entry.local, reason=entry.reason, models=None)
        if asked.models is None and entry.local:
            return ProviderState(entry.name, on=False, reason="no server answers", models=None)
        reason = f"{entry.reason}; its models are not known: {asked.failure}" if asked.models is None else entry.reason
        return ProviderState(entry.name, on=True, reason=reason, models=asked.models)


def _narrowed(state: ProviderState, serves: Callable[[str, str], bool]) -> ProviderState:
    models = tuple(model for model in state.models or () if serves(state.name, model.id))
    return replace(state, models=None if state.models is None else models)


_MOST_MODELS = 20_000

_MOST_FOUND = 1024
"""Names come from clients, who may ask for any name of a provider whose list is not known."""

_NOT_KNOWN = Capabilities()


def _fit(name: str) -> bool:
    """Whether a client could ask for it at all."""
    return 0 < len(name) <= 512 and name.isprintable()


async def _models(ask: Callable[[], Awaitable[list[Model]]], now: Callable[[], float]) -> _Asked:
    try:
        async with asyncio.timeout(_ASK_S):
            models = tuple(model for model in await ask() if _fit(model.id))[:_MOST_MODELS]
            names = frozenset(model.id for model in models)
            return _Asked(now(), models, names=names, can={model.id: capabilities.of(model.extra) for model in models})
    except GatewayError as failure:
        return _Asked(now(), None, failure.message)
    except TimeoutError:
        return _Asked(now(), None, f"no answer in {_ASK_S:.0f} s")
