"""The ``models`` section: names for targets, in three spellings that come to one."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from llms.apis import chat_request
from llms.config.problems import Loc, Problem, check, nearest
from llms.errors import InvalidRequestError
from llms.providers.given import CapabilitiesGiven, TermsGiven
from llms.records import Route, Target
from llms.terms import Terms

_OWN = ("model", "messages", "prompt", "input", "stream", "stream_options")
_NAME = re.compile(r"[^\s\x00-\x1f\x7f](?:[^\x00-\x1f\x7f]{0,254}[^\s\x00-\x1f\x7f])?")


class TargetGiven(BaseModel):
    """A target that is more than its name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    target: str = Field(description="`provider/model`.")
    weight: float = Field(default=1, gt=0, le=1_000_000, description="Its share of the load, among those of its group.")
    defaults: dict[str, JsonValue] = Field(
        default_factory=dict, description="Fields that are added to a request that does not have them."
    )
    overrides: dict[str, JsonValue] = Field(
        default_factory=dict, description="Fields that take the place of those of the request."
    )
    drop: tuple[str, ...] = Field(default=(), description="Fields of a request that are not passed on.")
    can: CapabilitiesGiven = Field(
        default=CapabilitiesGiven(), description="What it can do, where its provider's list does not say so; below."
    )


One = str | TargetGiven
Group = Annotated[tuple[One, ...], Field(min_length=1)]


class Alias(TermsGiven):
    """The longest spelling: targets in fallback order, and on what terms they are called."""

    targets: tuple[One | Group, ...] = Field(
        min_length=1,
        description="`provider/model`, or an object, in fallback order. A list among them is a group that shares the"
        " load.",
    )
    defaults: dict[str, JsonValue] = Field(
        default_factory=dict, description="Fields that are added to a request that does not have them."
    )
    sticky: bool = Field(
        default=True,
        description="Whether a conversation stays with one target of a group, or one key of a provider, so that the"
        " provider's prompt cache knows it.",
    )
    hedge_percent: float = Field(
        default=0,
        ge=0,
        le=100,
        description="Of how many calls the next target may be asked, too, when the first byte is later than 95 % of the"
        " latest hundred were. The first to answer wins; the other is cut off, and may bill all the same.",
    )


def aliases(raw: Any, providers: Sequence[str], terms: Mapping[str, Terms]) -> tuple[dict[str, Route], list[Problem]]:
    """
    Give what each alias stands for, and all that is wrong.

    Args:
        raw: The section, decoded from JSON.
        providers: The names of the configured providers.
        terms: On which each of them is called.
    """
    if not isinstance(raw, dict):
        return {}, [Problem(("models",), "must be an object")]
    found: dict[str, Route] = {}
    problems: list[Problem] = []
    for name, entry in raw.items():
        at: Loc = ("models", name)
        if not _NAME.fullmatch(name):
            message = "a model's name has 1 to 256 characters, no control character and no space at its ends"
            problems.append(Problem(at, message))
        if not isinstance(entry, str | list | dict):
            problems.append(Problem(at, "must be `provider/model`, a list of those, or an object with `targets`"))
            continue
        alias, wrong = check(Alias, _longest(entry), ())
        if alias is not None:
            found[name], wrong = _route(alias, providers, raw, terms)
        problems += [Problem(at + _as_written(entry, problem.loc), problem.message) for problem in wrong]
    return found, problems


def _longest(entry: Any) -> dict[str, Any]:
    if isinstance(entry, dict):
        return entry
    return {"targets": entry if isinstance(entry, list) else [entry]}


def _as_written(entry: Any, loc: Loc) -> Loc:
    """Give where a part of the longest spelling stands in the one that was used."""
    if isinstance(entry, dict):
        return loc
    return loc[1:] if isinstance(entry, list) else ()


def _route(
    alias: Alias, providers: Sequence[str], names: Collection[str], terms: Mapping[str, Terms]
) -> tuple[Route, list[Problem]]:
    defaults, problems = _fields(alias.defaults, ("defaults",))
    targets: list[Target] = []
    for loc, rank, given in _each(alias):
        named = given if isinstance(given, str) else given.target
        if message := _misnamed(named, providers, names):
            problems.append(Problem(loc if isinstance(given, str) else (*loc, "target"), message))
        target, wrong = _target(named, given, loc, defaults)
        problems += wrong
        targets.append(replace(target, rank=rank, terms=alias.over(terms.get(target.provider, Terms()))))
    route = Route(tuple(targets), sticky=alias.sticky, hedge_percent=alias.hedge_percent)
    return route, problems


def _each(alias: Alias) -> Iterator[tuple[Loc, int, One]]:
    """Give each target with its place and its rank."""
    for rank, entry in enumerate(alias.targets):
        if isinstance(entry, tuple):
            yield from ((("targets", rank, index), rank, one) for index, one in enumerate(entry))
        else:
            yield ("targets", rank), rank, entry


def _target(named: str, given: One, loc: Loc, defaults: Mapping[str, Any]) -> tuple[Target, list[Problem]]:
    provider, _, model = named.partition("/")
    if isinstance(given, str):
        return Target(provider, model, defaults), []
    own, problems = _fields(given.defaults, (*loc, "defaults"))
    overrides, wrong = _fields(given.overrides, (*loc, "overrides"))
    dropped = [
        Problem((*loc, "drop", index), "is what a request is about and cannot be left out")
        for index, name in enumerate(given.drop)
        if name in _OWN
    ]
    target = Target(
        provider,
        model,
        {**defaults, **own},
        overrides,
        given.drop,
        weight=given.weight,
        can=given.can.capabilities(),
    )
    return target, [*problems, *wrong, *dropped]


def _fields(given: Mapping[str, JsonValue], at: Loc) -> tuple[Mapping[str, Any], list[Problem]]:
    """Give fields as a request's reader would, since they take the place of what a client might have sent."""
    problems = [Problem((*at, name), "is each request's own and has no default") for name in _OWN if name in given]
    known = {name: value for name, value in given.items() if name not in _OWN}
    try:
        asked = chat_request.read({"model": "m", "messages": [{"role": "user", "content": ""}], **known})
    except InvalidRequestError as error:
        name = (error.param or "").partition(".")[0]
        return {}, [*problems, Problem((*at, name) if name in known else at, error.message)]
    return {name: value for name, value in asked.body.items() if name != "messages"}, problems


def _misnamed(target: str, providers: Sequence[str], names: Collection[str]) -> str | None:
    """Say what is wrong with a target, if anything is."""
    provider, slash, model = target.partition("/")
    if slash and provider in providers:
        return None if model.strip() else "names no model; write it as `provider/model`"
    if target in names:
        return "is an alias itself; an alias stands for `provider/model` only"
    if not slash:
        return "must be `provider/model`" + nearest(provider, providers)
    return "no such provider in `providers`" + nearest(provider, providers)
