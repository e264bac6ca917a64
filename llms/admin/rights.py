"""
Who may do what to which key; pure.

An admin may do everything. A member may make keys within its own rights, and change, rotate and revoke those that came
from its own; it may not touch its own key. A viewer looks on. What somebody may not see is not there: 404, the same as
for what never was.
"""

from collections.abc import Callable, Collection, Mapping

from llms import lineage
from llms.errors import BeyondRightsError, EndpointNotAllowedError, NotFoundError
from llms.keys import Role, VirtualKey

Keys = Mapping[str, VirtualKey]


def visible(caller: VirtualKey, keys: Keys) -> Collection[str]:
    """Give the ids of the keys that a caller may see."""
    if caller.role is Role.ADMIN or (caller.role is Role.VIEWER and not caller.team):
        return keys
    if caller.role is Role.VIEWER:
        return [key.id for key in keys.values() if key.team == caller.team]
    return {caller.id, *lineage.below(caller.id, keys.values())}


def may_change(caller: VirtualKey, key_id: str, keys: Keys) -> bool:
    """Whether a caller may change a key."""
    if caller.role is Role.ADMIN:
        return True
    return caller.role is Role.MEMBER and key_id in lineage.below(caller.id, keys.values())


def require_visible(caller: VirtualKey, key_id: str, keys: Keys) -> None:
    """
    Refuse what concerns a key that the caller may not see.

    Raises:
        NotFoundError: There is none, as far as the caller can tell.
    """
    if key_id not in keys or key_id not in visible(caller, keys):
        message = "There is no such key. GET /admin/v1/keys lists those that there are."
        raise NotFoundError(message)


def require_change(caller: VirtualKey, key_id: str, keys: Keys) -> None:
    """
    Refuse a change that the caller may not make.

    Raises:
        NotFoundError: It may not even see the key.
        EndpointNotAllowedError: It may only look.
    """
    require_visible(caller, key_id, keys)
    if not may_change(caller, key_id, keys):
        message = "This key may not change that one. An admin's key may."
        raise EndpointNotAllowedError(message)


def require_maker(caller: VirtualKey) -> None:
    """
    Refuse those who make no keys.

    Raises:
        EndpointNotAllowedError: It is a viewer.
    """
    if caller.role is Role.VIEWER:
        message = "A viewer's key makes no keys. An admin's, or a member's, does."
        raise EndpointNotAllowedError(message)


def template(caller: VirtualKey) -> VirtualKey:
    """Give what a new key is where nothing else is said of it: a member's, with all that its maker has."""
    if caller.role is Role.ADMIN:
        return VirtualKey("", role=Role.MEMBER)
    return VirtualKey(
        "",
        role=Role.MEMBER,
        owner=caller.owner,
        team=caller.team,
        parent=caller.id,
        models=caller.models,
        endpoints=caller.endpoints,
        limits=caller.limits,
        expires_at=caller.expires_at,
        keeps_bodies=caller.keeps_bodies,
    )


def require_within(caller: VirtualKey, wanted: VirtualKey, given: Collection[str]) -> None:
    """
    Refuse what a caller would give away without having it.

    Args:
        wanted: The key as it would be.
        given: The fields that the caller has set.

    Raises:
        BeyondRightsError: ``param`` says which field it is.
    """
    if caller.role is Role.ADMIN:
        return
    for name, fits in _WITHIN.items():
        if name in given and not fits(caller, wanted):
            message = f"{name} would allow more than your own key does."
            raise BeyondRightsError(message, param=name)


_WITHIN: dict[str, Callable[[VirtualKey, VirtualKey], bool]] = {
    "role": lambda _, wanted: wanted.role is Role.MEMBER,
    "team": lambda own, wanted: wanted.team == own.team,
    "models": lambda own, wanted: lineage.covers(own.models, wanted.models),
    "endpoints": lambda own, wanted: not own.endpoints or _subset(wanted.endpoints, own.endpoints),
    "limits": lambda own, wanted: wanted.limits.within(own.limits),
    "expires_at": lambda own, wanted: (
        own.expires_at is None or (wanted.expires_at is not None and wanted.expires_at <= own.expires_at)
    ),
    "keeps_bodies": lambda own, wanted: own.keeps_bodies or not wanted.keeps_bodies,
}
"""A field that is not here gives no right."""


def _subset(some: tuple[str, ...], of: tuple[str, ...]) -> bool:
    return bool(some) and set(some) <= set(of)


def require_switching(caller: VirtualKey, before: VirtualKey, wanted: VirtualKey) -> None:
    """
    Refuse to have a key switched on again by a member: an admin, or a key above, may have switched it off.

    Raises:
        BeyondRightsError: It is tried.
    """
    if caller.role is not Role.ADMIN and before.disabled and not wanted.disabled:
        message = "Only an admin's key switches a key on again."
        raise BeyondRightsError(message, param="disabled")
