"""In which order targets are tried, and that conversations stay where they are."""

import math
import random
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llms import ranking
from llms.records import Route, Target
from llms.terms import Capabilities

UNKNOWN = Capabilities()
TOOLS = [{"type": "function", "function": {"name": "f"}}]


def group(weights, *, sticky=True, **fields):
    return Route(
        tuple(Target(f"p{number}", "m", weight=weight, **fields) for number, weight in enumerate(weights)),
        sticky=sticky,
    )


def said(*texts):
    roles = ("user", "assistant")
    return [{"role": roles[number % 2], "content": text} for number, text in enumerate(texts)]


def body(*texts, **fields):
    return {"messages": said(*texts), **fields}


def plan(route, asked, known=None, seed=b"seed"):
    return ranking.plan(route, asked, lambda target: (known or {}).get(target.name, UNKNOWN), seed)


def names(found):
    return [target.name for target in found.targets]


def test_only_target():
    """There is nothing to decide; what is off is told."""
    off = ((Target("b", "m"), "no key"),)
    route = Route((Target("a", "m"),), off=off)

    assert ranking.Plan(route.targets, off) == plan(route, body("x"))


def test_ranks_come_first():
    """Within a rank the order is the hash's, between ranks the configuration's."""
    route = Route((Target("a", "m"), Target("b", "m", rank=1), Target("c", "m", rank=1), Target("d", "m", rank=2)))

    for number in range(50):
        found = names(plan(route, body(str(number))))
        assert ("a/m", "d/m") == (found[0], found[-1])
        assert {"b/m", "c/m"} == set(found[1:3])


@pytest.mark.parametrize("weights", [(1, 1), (1, 1, 1, 1), (3, 1), (5, 3, 2), (1, 0.5, 0.5), (100, 1)])
@pytest.mark.parametrize("sticky", [False, True])
def test_shares(weights, sticky):
    """Each target comes first for as many conversations, or calls, as its weight says."""
    count = 4000
    seeds = random.Random(7)  # noqa: S311 - the same each time
    route = group(weights, sticky=sticky)
    first = Counter(names(plan(route, body(str(number)), seed=seeds.randbytes(16)))[0] for number in range(count))

    for number, weight in enumerate(weights):
        share = weight / sum(weights)
        deviation = math.sqrt(count * share * (1 - share))
        assert abs(first[f"p{number}/m"] - count * share) < 4 * deviation


def test_shares_of_the_rest():
    """Where the first one fails its calls are shared by the others in the same way."""
    found = [names(plan(group((1, 2, 1)), body(str(number)))) for number in range(4000)]
    second = Counter(order[1] for order in found if order[0] == "p0/m")

    assert 1.6 < second["p1/m"] / second["p2/m"] < 2.5


def test_keys_of_one_provider_are_told_apart():
    """The same model with two keys is two targets."""
    route = Route(tuple(Target("p", "m", credential=key) for key in ("ONE", "TWO")))
    first = Counter(plan(route, body(str(number))).targets[0].credential for number in range(400))

    assert all(count > 140 for count in first.values())
    assert 2 == len(first)


TEXTS = st.lists(st.text(max_size=8), min_size=1, max_size=8)


@given(TEXTS, st.one_of(st.none(), st.text(max_size=8)))
def test_conversation_stays(texts, system):
    """However long it grows, each call has the same order; a seed of the moment plays no part."""
    route = group((1, 1, 2, 3))
    before = [] if system is None else [{"role": "system", "content": system}]
    orders = {
        tuple(names(plan(route, {"messages": before + said(*texts[:length]), "tools": TOOLS}, seed=bytes([length]))))
        for length in range(1, len(texts) + 1)
    }

    assert 1 == len(orders)


@pytest.mark.parametrize(
    "other",
    [
        {"messages": [{"role": "system", "content": "Be brief."}, *said("x")]},
        body("y"),
        body("x", tools=TOOLS),
        {"input": "x"},
        {"messages": [*said("x"), "no object"]},
    ],
)
def test_conversations_differ(other):
    """By the system prompt, the tools, the first turn: what a prompt cache goes by."""
    same = ranking.conversation({"messages": [*said("x", "and so on"), "no object"]})

    assert same == ranking.conversation(body("x", temperature=1))
    assert (same == ranking.conversation(other)) == (other.get("messages", [None])[-1] == "no object")


def test_conversation_without_a_user():
    """All of it is what it begins with; it may be nothing at all."""
    assert ranking.conversation({"messages": ["no object"]}) != ranking.conversation({})


def test_not_sticky():
    """Each call is on its own."""
    route = group((1, 1), sticky=False)

    assert 2 == len({names(plan(route, body("x"), seed=bytes([number])))[0] for number in range(64)})


@given(st.lists(st.floats(0.1, 100), min_size=2, max_size=6), st.integers(0, 5), st.text(max_size=5))
def test_removal_moves_only_what_was_there(weights, index, text):
    """The order of the others stays the same, so only conversations of the removed one go elsewhere."""
    route = group(weights)
    removed = route.targets[index % len(weights)]
    fewer = replace(route, targets=tuple(target for target in route.targets if target is not removed))

    assert [name for name in names(plan(route, body(text))) if name != removed.name] == names(plan(fewer, body(text)))


PICTURE = {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:"}}]}]}


def test_what_cannot_is_not_tried():
    """What the configuration says that a target cannot do is certain."""
    blind = Target("a", "m", can=Capabilities(vision=False))
    route = Route((blind, Target("b", "m", rank=1)), off=((Target("c", "m"), "no key"),))

    found = plan(route, PICTURE)

    assert ["b/m"] == names(found)
    assert [("c/m", "no key"), ("a/m", "takes no pictures")] == [(one.name, words) for one, words in found.skipped]
    assert ["a/m", "b/m"] == names(plan(route, body("x")))
    assert () == plan(Route((blind,)), PICTURE).targets


def test_what_the_list_doubts_is_tried_last():
    """A list may be wrong: nobody is refused because of it."""
    route = Route((Target("a", "m"), Target("b", "m", rank=1)))

    found = plan(route, PICTURE, {"a/m": Capabilities(vision=False)})

    assert (["b/m", "a/m"], ()) == (names(found), found.skipped)
    assert [("a/m", "its provider's list says that it takes no pictures")] == [(t.name, w) for t, w in found.last]


def test_what_seems_too_short_is_tried_last():
    """The longest of those first; the configuration's word goes before the list's."""
    route = Route(
        (
            Target("a", "m"),
            Target("b", "m", rank=1, can=Capabilities(context=200)),
            Target("c", "m", rank=2),
            Target("d", "m", rank=3, can=Capabilities(context=10_000)),
        )
    )
    known = {f"{name}/m": Capabilities(context=100) for name in "abd"}

    found = plan(route, body("x" * 4000), known)

    assert ["c/m", "d/m", "b/m", "a/m"] == names(found)
    assert "takes 200 tokens, and the request is estimated at 1,0" in {t.name: w for t, w in found.last}["b/m"]
    assert ["a/m", "b/m", "c/m", "d/m"] == names(plan(route, body("x"), known))
