"""Keys that come from keys."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llms import lineage
from llms.keys import Role, VirtualKey, matches
from llms.store import StoredKey

NOW = 1_800_000_000


def key(name, parent=None, **fields):
    return VirtualKey(f"key_{name}", parent=parent and f"key_{parent}", role=Role.MEMBER, **fields)


def living(*keys, revoked=()):
    stored = [StoredKey(one, f"digest {one.id}", revoked_at=1 if one.id in revoked else 0) for one in keys]
    return {one.key.id.removeprefix("key_"): one.key for one in lineage.living(stored, NOW)}


@pytest.mark.parametrize(
    ("own", "wanted", "expected"),
    [
        ((), (), True),
        ((), ("gpt-4o",), True),
        (("gpt-4o",), (), False),
        (("gpt-*",), ("gpt-*",), True),
        (("gpt-*",), ("gpt-4o", "gpt-4*"), True),
        (("gpt-*",), ("gpt*",), False),
        (("gpt-*",), ("gpt-4o", "o3"), False),
        (("gpt-4o",), ("gpt-*",), False),
        (("gpt-4o",), ("GPT-4o",), False),
        (("*",), ("o3", "*"), True),
        (("a*", "b"), ("b", "ab"), True),
        (("gpt-",), ("gpt-*",), False),
    ],
)
def test_covers(own, wanted, expected):
    """Which names of models are inside which."""
    assert expected is lineage.covers(own, wanted)


PATTERNS = st.lists(
    st.text("ab*", max_size=3).map(lambda text: text.replace("*", "") + "*" * ("*" in text)), max_size=3
)


@given(own=PATTERNS, wanted=PATTERNS, model=st.text("ab", max_size=4))
def test_covers_says_what_is_so(own, wanted, model):
    """Where one list covers another, whatever the second may call the first may; what both have is what both may."""
    mine, theirs = (VirtualKey("key_", models=tuple(patterns)) for patterns in (own, wanted))
    both = lineage.narrowed(theirs, mine)

    if lineage.covers(own, wanted) and theirs.may_call(model):
        assert mine.may_call(model)
    if model:
        assert both.may_call(model) is (mine.may_call(model) and theirs.may_call(model))


def test_narrowed_to_what_is_above():
    """A key has nothing that one above it has lost since."""
    top = key("a", models=("gpt-*",), endpoints=("embeddings",), expires_at=NOW + 10, team="t")
    found = living(top, key("b", "a", models=("o3", "gpt-4o"), team="other"), key("c", "b", expires_at=NOW + 99))

    assert ("gpt-4o",) == found["b"].models
    assert ("gpt-4o",) == found["c"].models
    assert ("embeddings",) == found["c"].endpoints
    assert [NOW + 10, NOW + 10] == [found[name].expires_at for name in "bc"]
    assert {"t"} == {one.team for one in found.values()}


@pytest.mark.parametrize(("above", "own", "kept"), [(True, True, True), (True, False, False), (False, True, False)])
def test_kept_bodies(above, own, kept):
    """Prompts are kept where all keys above say so as well; when one of them says so no more, no longer."""
    found = living(key("a", keeps_bodies=above), key("b", "a", keeps_bodies=own))

    assert kept is found["b"].keeps_bodies


def test_roles():
    """What a member has made is a member at most, and ends when its maker may call no more."""
    child = replace(key("b", "a"), role=Role.ADMIN)

    assert Role.MEMBER is living(key("a"), child)["b"].role
    assert Role.MEMBER is living(replace(key("a"), role=Role.ADMIN), child)["b"].role
    assert {"a"} == living(replace(key("a"), role=Role.VIEWER), child).keys()


def test_nothing_in_common():
    """Where nothing is left, it is nothing, and not everything."""
    found = living(key("a", models=("o3",)), key("b", "a", models=("gpt-*",)))

    assert not any(found["b"].may_call(model) for model in ("o3", "gpt-4o", "*", "x"))


@pytest.mark.parametrize("change", [{"disabled": True}, {"expires_at": NOW}, "revoked"])
def test_dead_with_what_is_above(change):
    """A key works as long as all that it comes from do."""
    fields = {} if change == "revoked" else change
    revoked = ("key_a",) if change == "revoked" else ()

    assert {"d"} == living(key("a", **fields), key("b", "a"), key("c", "b"), key("d"), revoked=revoked).keys()


def test_parents_that_are_not_there():
    """A key whose parent is gone, or that comes from itself, does not work."""
    assert {} == living(key("b", "a"), key("c", "c"), key("d", "e"), key("e", "d"))


def test_below():
    """All that a key has made, and what those have."""
    keys = [key("a"), key("b", "a"), key("c", "b"), key("d"), key("e", "a"), key("x", "y"), key("y", "x")]

    assert {"key_b", "key_c", "key_e"} == lineage.below("key_a", keys)
    assert {"key_y"} == lineage.below("key_x", keys)
    assert set() == lineage.below("key_c", keys)


def test_above():
    """All that a key comes from."""
    keys = {one.id: one for one in [key("a"), key("b", "a"), key("c", "b"), key("x", "y"), key("y", "x")]}

    assert ["key_b", "key_a"] == [one.id for one in lineage.above(keys["key_c"], keys)]
    assert ["key_y"] == [one.id for one in lineage.above(keys["key_x"], keys)]


def test_empty_is_no_name():
    """No model has an empty name, which is what nothing is written as."""
    assert not matches("", "x")
