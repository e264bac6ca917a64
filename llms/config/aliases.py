"""The ``models`` section: names for targets, in three spellings that come to one."""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from llms.apis import chat_request
from llms.config.problems import Loc, Problem, check, nearest
from llms.errors import InvalidRequestError
from llms.records import Target

_OWN = ("model", "messages", "prompt", "input", "stream", "stream_options")
_NAME = re.compile(r"[^\s\x00-\x1f\x7f](?:[^\x00-\x1f\x7f]{0,254}[^\s\x00-\x1f\x7f])?")


class Alias(BaseModel):
    """The longest spelling: targets in fallback order, and what is added to each request for them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    targets: tuple[str, ...] = Field(min_length=1, description="`provider/model`, in fallback order.")
    defaults: dict[str, JsonValue] = Field(
        default_factory=dict, description="Fields that are added to a request that does not have them."
    )


def aliases(raw: Any, providers: Sequence[str]) -> tuple[dict[str, tuple[Target, ...]], list[Problem]]:
    """
    Give what each alias stands for, and all that is wrong.

    Args:
        raw: The section, decoded from JSON.
        providers: The names of the configured providers.
    """
    if not isinstance(raw, dict):
        return {}, [Problem(("models",), "must be an object")]
    found: dict[str, tuple[Target, ...]] = {}
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
            defaults, wrong = _normal(alias.defaults)
            wrong = [*wrong, *_misused(alias, providers, raw)]
            found[name] = tuple(Target(*target.partition("/")[::2], defaults) for target in alias.targets)
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


def _normal(defaults: Mapping[str, JsonValue]) -> tuple[Mapping[str, Any], list[Problem]]:
    """Give defaults as a request's reader would, since they take the place of what a client might have sent."""
    given = {name: value for name, value in defaults.items() if name not in _OWN}
    try:
        asked = chat_request.read({"model": "m", "messages": [{"role": "user", "content": ""}], **given})
    except InvalidRequestError as error:
        loc = ("defaults", *(error.param or "").split("."))
        return {}, [Problem(loc[:2] if len(loc) > 1 and loc[1] in given else ("defaults",), error.message)]
    return {name: value for name, value in asked.body.items() if name != "messages"}, []


def _misused(alias: Alias, providers: Sequence[str], names: Collection[str]) -> list[Problem]:
    problems = [
        Problem(("defaults", field), "is each request's own and has no default")
        for field in _OWN
        if field in alias.defaults
    ]
    for index, target in enumerate(alias.targets):
        if message := _misnamed(target, providers, names):
            problems.append(Problem(("targets", index), message))
    return problems


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
