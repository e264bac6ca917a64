"""
What keys are to each other: a key that a member's key has made is worth no more than that one; pure.

So what is taken from a key is taken from all that came from it, whenever that was, and nobody need change those.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from llms.keys import Role, VirtualKey
from llms.store import StoredKey

_NOTHING = ("",)
"""The pattern that no model's name fits, and the endpoint that there is not: an empty tuple stands for all."""


def covers(own: Sequence[str], wanted: Sequence[str]) -> bool:
    """Whether each model that ``wanted`` stands for is one that ``own`` does."""
    if not own:
        return True
    return bool(wanted) and all(any(_covers(pattern, other) for pattern in own) for other in wanted)


def _covers(pattern: str, other: str) -> bool:
    if pattern.endswith("*"):
        return other.removesuffix("*").startswith(pattern[:-1])
    return pattern == other


def above(key: VirtualKey, keys: Mapping[str, VirtualKey]) -> Iterator[VirtualKey]:
    """Give the keys that a key comes from, the nearest first."""
    seen = {key.id}
    while key.parent is not None and key.parent not in seen and key.parent in keys:
        seen.add(key.parent)
        key = keys[key.parent]
        yield key


def below(key_id: str, keys: Iterable[VirtualKey]) -> set[str]:
    """Give the ids of the keys that come from a key."""
    children: dict[str | None, list[str]] = {}
    for key in keys:
        children.setdefault(key.parent, []).append(key.id)
    found: set[str] = set()
    rest = [key_id]
    while rest:
        rest += (new := [child for child in children.get(rest.pop(), ()) if child not in found])
        found.update(new)
    return found - {key_id}


def narrowed(key: VirtualKey, to: VirtualKey) -> VirtualKey:
    """
    Give ``key``, which came from ``to``, with no right that ``to`` does not have.

    Only members make keys that come from theirs, and only such. Limits are left: a call counts for both.
    """
    expiries = [at for at in (key.expires_at, to.expires_at) if at is not None]
    return replace(
        key,
        role=Role.MEMBER,
        team=to.team,
        models=_both(key.models, to.models),
        endpoints=_both(key.endpoints, to.endpoints),
        expires_at=min(expiries, default=None),
        disabled=key.disabled or to.disabled,
        keeps_bodies=key.keeps_bodies and to.keeps_bodies,
    )


def _both(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    """Give the patterns for what both stand for."""
    if not one or not other:
        return one or other
    common = [a for a in one if covers(other, [a])] + [b for b in other if covers(one, [b])]
    return tuple(dict.fromkeys(common)) or _NOTHING


def living(stored: Iterable[StoredKey], now: float) -> list[StoredKey]:
    """
    Give the keys that work, each narrowed to those that it comes from.

    Args:
        stored: All that there are.
        now: Unix seconds.
    """
    by_id = {one.key.id: one for one in stored}
    return [found for one in by_id.values() if (found := worth(one, by_id, now)) is not None]


def worth(one: StoredKey, by_id: Mapping[str, StoredKey], now: float) -> StoredKey | None:
    """Give a key narrowed to those that it comes from; ``None`` if it does not work. As ``living``, of one."""
    key = one.key
    parents = [by_id[parent.id] for parent in above(key, Keys(by_id))]
    lost = key.parent is not None and (parents[-1] if parents else one).key.parent is not None
    if lost or one.revoked_at or any(parent.revoked_at for parent in parents):
        return None
    if any(parent.key.role is Role.VIEWER for parent in parents):  # it calls no model, so nothing that it made does
        return None
    for parent in parents:
        key = narrowed(key, parent.key)
    if key.disabled or (key.expires_at is not None and now >= key.expires_at):
        return None
    return one if key is one.key else one._replace(key=key)


class Keys(Mapping[str, VirtualKey]):
    """The keys of what the store has, by their ids."""

    def __init__(self, stored: Mapping[str, StoredKey]) -> None:
        self._stored = stored

    def __getitem__(self, key_id: str) -> VirtualKey:
        return self._stored[key_id].key

    def __iter__(self) -> Iterator[str]:
        return iter(self._stored)

    def __len__(self) -> int:
        return len(self._stored)
