"""Making and changing keys."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from llms import lineage
from llms.admin import bodies, rights, shapes
from llms.admin.book import Book, View
from llms.errors import ConflictError, InvalidRequestError
from llms.keys import Role, VirtualKey, digest, new_id, new_secret, shown
from llms.store import Store, StoredKey, StoreError

_log = logging.getLogger("llms.admin")

MOST_MADE = 1000
"""Keys that may come from one member's key, revoked ones too: each of them is kept for good."""

_TRIES = 5

Change = Callable[[View, StoredKey], StoredKey]


class Keys:
    """
    What is done with keys; each method takes who asks, ``None`` where no key is needed, and gives what is answered.

    Every method raises ``NotFoundError`` for a key that the caller may not see, ``EndpointNotAllowedError`` for what it
    may not do, ``InvalidRequestError`` for a body that is wrong, and ``StoreError``.
    """

    def __init__(self, store: Store, book: Book, renew: Callable[[], Awaitable[None]]) -> None:
        self._store = store
        self._book = book
        self._renew = renew
        self._turn = asyncio.Lock()

    async def all(self, caller: VirtualKey | None, *, revoked: bool = False) -> dict[str, Any]:
        """Give the keys that the caller may see, newest first."""
        view = await self._book.look()
        me = view.caller(caller)
        changeable = self._changeable(view, me)
        data = [
            shapes.key(view.keys[key_id], view.stored.get(key_id), changeable=key_id in changeable)
            for key_id in rights.visible(me, view.keys)
            if revoked or key_id not in view.stored or not view.stored[key_id].revoked_at
        ]
        data.sort(key=lambda one: (one["created_at"], one["id"]), reverse=True)
        return {"object": "list", "data": data}

    async def one(self, caller: VirtualKey | None, key_id: str) -> dict[str, Any]:
        """Give one key."""
        view = await self._book.look()
        me = view.caller(caller)
        rights.require_visible(me, key_id, view.keys)
        return self._shown(view, me, key_id)

    async def own(self, caller: VirtualKey) -> dict[str, Any]:
        """Give the caller's own key."""
        view = await self._book.look()
        me = view.caller(caller)
        return shapes.key(me, view.stored.get(me.id), changeable=me.id in self._changeable(view, me))

    async def make(self, caller: VirtualKey | None, body: Mapping[str, Any]) -> dict[str, Any]:
        """
        Make a key; its secret is in the answer, and nowhere else ever.

        Raises:
            BeyondRightsError: It would allow more than the caller's.
            ConflictError: The first key of an open gateway is no admin's, or the caller has made too many.
        """
        view = await self._book.look()
        me = view.caller(caller)
        rights.require_maker(me)
        given = bodies.read(bodies.KeyGiven, body)
        wanted = given.over(rights.template(me))
        rights.require_within(me, wanted, given.model_fields_set)
        if wanted.expires_at is not None and wanted.expires_at <= view.now:
            message = "expires_at is over already. It is in Unix seconds."
            raise InvalidRequestError(message, param="expires_at")
        _require_first_admin(view, wanted)
        _require_few(view, me)
        secret = new_secret()
        key = replace(wanted, id=new_id(), prefix=shown(secret), created_at=view.now)
        stored = await self._store.put_key(StoredKey(key, digest(secret)), expected_revision=0)
        assert stored is not None, "nobody else has this id"  # noqa: S101
        await self._note(stored)
        _log.info("key %s (%s) was made by %s", key.id, key.role, me.id)
        return {**shapes.key(key, stored, changeable=True), "secret": secret}

    async def change(self, caller: VirtualKey | None, key_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """
        Change a key; what is not named stays as it is.

        Raises:
            BeyondRightsError: It would allow more than the caller's.
            ConflictError: It is revoked, or in the configuration, or the last admin's.
        """

        def changed(view: View, before: StoredKey) -> StoredKey:
            me = view.caller(caller)
            _require_alive(before)
            given = bodies.read(bodies.KeyGiven, body)
            key = given.over(before.key)
            rights.require_within(me, key, given.model_fields_set)
            rights.require_switching(me, before.key, key)
            if key.role is not Role.MEMBER:
                key = replace(
                    key, parent=None
                )  # it is the operator's from now on: else it would be no more than it was
            return before._replace(key=key)

        return await self._put(caller, key_id, changed)

    async def rotate(self, caller: VirtualKey | None, key_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """
        Give a key another secret.

        Raises:
            ConflictError: It is revoked, or in the configuration.
        """
        secret = new_secret()

        def changed(view: View, before: StoredKey) -> StoredKey:
            _require_alive(before)
            grace_s = bodies.read(bodies.Rotation, body).grace_s
            return before._replace(
                key=replace(before.key, prefix=shown(secret)),
                digest=digest(secret),
                old_digest=before.digest if grace_s else "",
                old_until=view.now + grace_s if grace_s else 0,
            )

        return {**await self._put(caller, key_id, changed), "secret": secret}

    async def revoke(self, caller: VirtualKey | None, key_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """
        Revoke a key for good, and all that came from it; once more changes nothing.

        Raises:
            ConflictError: It is in the configuration, or the last admin's.
        """

        def revoked(view: View, before: StoredKey) -> StoredKey:
            bodies.read(bodies.Nothing, body)
            if before.revoked_at:
                return before
            return before._replace(revoked_at=view.now, old_digest="", old_until=0)

        answer = await self._put(caller, key_id, revoked)
        view = await self._book.look()
        for child in lineage.below(key_id, view.keys.values()):
            if not view.stored[child].revoked_at:
                await self._put(caller, child, revoked)
        return answer

    async def _put(self, caller: VirtualKey | None, key_id: str, change: Change) -> dict[str, Any]:
        """Change a key."""
        async with self._turn:
            return await self._tried(caller, key_id, change)

    async def _tried(self, caller: VirtualKey | None, key_id: str, change: Change) -> dict[str, Any]:
        """Change a key; anew, if somebody else has changed it meanwhile."""
        for _ in range(_TRIES):
            view = await self._book.look()
            me = view.caller(caller)
            rights.require_change(me, key_id, view.keys)
            if key_id in view.fixed:
                message = "This key is in server.keys of the configuration. Change it there."
                raise ConflictError(message, code="key_in_configuration")
            before = view.stored[key_id]
            wanted = change(view, before)
            if wanted == before:
                return self._shown(view, me, key_id)
            left = _admin_left(view, wanted)
            if left is not None and await self._store.put_key(left, left.revision) is None:
                continue
            after = await self._store.put_key(wanted, before.revision)
            if after is not None:
                await self._note(after)
                _log.info("key %s was changed by %s", key_id, me.id)
                return shapes.key(after.key, after, changeable=not after.revoked_at)
        message = "Others are changing this key just now. Send the request again."
        raise ConflictError(message, code="key_changed")

    async def _note(self, stored: StoredKey) -> None:
        self._book.note(stored)
        with suppress(StoreError):  # it is kept all the same, and will be known in a moment
            await self._renew()

    def _shown(self, view: View, me: VirtualKey, key_id: str) -> dict[str, Any]:
        changeable = key_id in self._changeable(view, me)
        return shapes.key(view.keys[key_id], view.stored.get(key_id), changeable=changeable)

    @staticmethod
    def _changeable(view: View, me: VirtualKey) -> set[str]:
        ids = set(view.stored) if me.role is Role.ADMIN else set()
        if me.role is Role.MEMBER:
            ids = lineage.below(me.id, view.keys.values())
        return {key_id for key_id in ids if not view.stored[key_id].revoked_at}


def _require_alive(stored: StoredKey) -> None:
    if stored.revoked_at:
        message = "This key is revoked, for good. Make another one."
        raise ConflictError(message, code="key_revoked")


def _require_first_admin(view: View, wanted: VirtualKey) -> None:
    if not view.living and not view.fixed and (wanted.role is not Role.ADMIN or wanted.disabled):
        message = "The first key must be an admin's: from then on, nobody without a key makes others. Send role: admin."
        raise ConflictError(message, param="role", code="first_key_must_be_admin")


def _require_few(view: View, me: VirtualKey) -> None:
    if me.role is Role.MEMBER and len(lineage.below(me.id, view.keys.values())) >= MOST_MADE:
        message = f"{MOST_MADE} keys have come from yours, which is the most that may. An admin's key makes others."
        raise ConflictError(message, code="too_many_keys")


def _admin_left(view: View, wanted: StoredKey) -> StoredKey | None:
    """
    Give the admin's key that is to be kept anew, as it is, before a change that takes one away.

    Its new revision stops whoever is taking it away at the same time, in this process or in another.

    Raises:
        ConflictError: It would leave nobody who could change anything.
    """
    key, before = wanted.key, view.living.get(wanted.key.id)
    over = wanted.revoked_at or key.disabled or (key.expires_at is not None and key.expires_at <= view.now)
    if view.fixed or before is None or before.key.role is not Role.ADMIN or (key.role is Role.ADMIN and not over):
        return None
    left = view.admin_besides(key.id)
    if left is None:
        message = "This is the last admin's key that works. Make another one first."
        raise ConflictError(message, code="last_admin_key")
    return left
