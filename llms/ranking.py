"""
In which order the targets of a route are tried; pure.

Targets are tried by rank. Those of one rank are put in order by weighted rendezvous hashing, of a seed and each of
them: each target comes first for as many seeds as its weight says, and one that is taken away or added moves no other
seed's choice. The seed of a sticky route is the conversation, by what stays the same in it: the system prompt, the
tools and the first turn. So its calls go where the provider's prompt cache knows it.

Source: Thaler and Ravishankar, "Using name-based mappings to increase hit rates", 1998; the weights are from
Schindelhauer and Schomaker, "Weighted distributed hash tables", 2005.
"""

import hashlib
import math
from collections.abc import Callable, Mapping
from typing import Any

from llms import capabilities
from llms.capabilities import Needs
from llms.records import Route, Target
from llms.terms import Capabilities
from llms.values import value
from llms.wire import json_text

Known = Callable[[Target], Capabilities]
"""Gives what the provider's list says of a target."""


@value
class Plan:
    """
    Targets in the order in which they are tried.

    Args:
        targets: Best first; none if nothing fits.
        skipped: Those that are not tried, each with the reason.
        last: Of ``targets`` those that were put last, by what their list says, each with the reason.
    """

    targets: tuple[Target, ...]
    skipped: tuple[tuple[Target, str], ...] = ()
    last: tuple[tuple[Target, str], ...] = ()


def plan(route: Route, body: Mapping[str, Any], known: Known, random: bytes) -> Plan:
    """
    Put a route's targets in order for one request.

    Args:
        route: What its model's name stands for.
        body: The request in the inner dialect.
        known: What the providers' lists say.
        random: Some bytes; the seed where the route is not sticky.
    """
    if len(route.targets) == 1 and route.targets[0].can == _ANYTHING:
        return Plan(route.targets, route.off)
    asked = capabilities.needs(body)
    judged = [(target, capabilities.lacking(asked, target.can)) for target in route.targets]
    skipped = [(target, words) for target, words in judged if words is not None]
    fit = [target for target, words in judged if words is None]
    doubtful = [(target, words) for target in fit if (words := _doubt(asked, target, known))]
    ranks = [target.rank for target in fit]
    if len(set(ranks)) < len(ranks):
        seed = conversation(body) if route.sticky else random
        fit.sort(key=lambda target: (target.rank, -_score(seed, target)))
    doubted = {target.name: words for target, words in doubtful}
    # The longest context first, of those that seem too short.
    fit.sort(key=lambda target: (target.name in doubted, -_context(target, known) if target.name in doubted else 0))
    return Plan(tuple(fit), (*route.off, *skipped), tuple(doubtful))


_ANYTHING = Capabilities()


def conversation(body: Mapping[str, Any]) -> bytes:
    """Give what stays the same from one call of a conversation to the next, hashed."""
    first: list[Any] = []
    messages = body.get("messages")  # anything, in a request for embeddings
    for message in messages if isinstance(messages, list) else ():
        first.append(message)
        if isinstance(message, dict) and message.get("role") == "user":
            break
    stays = [first, body.get("tools"), body.get("input")]
    return hashlib.blake2b(json_text.dumps(stays), digest_size=16).digest()


def _score(seed: bytes, target: Target) -> float:
    name = f"{target.name}\n{target.credential or ''}".encode("utf-8", "surrogatepass")
    number = int.from_bytes(hashlib.blake2b(name, key=seed[:64], digest_size=6).digest())
    # Of 48 bits and a half a float knows each one: none is rounded to 1, whose logarithm is 0.
    return -target.weight / math.log((number + 0.5) / 2**48)


def _doubt(asked: Needs, target: Target, known: Known) -> str | None:
    listed = known(target)
    if words := capabilities.lacking(asked, listed):
        return f"its provider's list says that it {words}"
    return capabilities.too_long(asked, _with_context(target, listed))


def _with_context(target: Target, listed: Capabilities) -> Capabilities:
    return target.can if target.can.context is not None else listed


def _context(target: Target, known: Known) -> int:
    return _with_context(target, known(target)).context or 0
