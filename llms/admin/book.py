"""The keys that there are, and who of them asks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from llms import lineage
from llms.errors import UnauthenticatedError
from llms.keys import Role, VirtualKey
from llms.store import Store, StoredKey

OPERATOR = VirtualKey("key_operator", role=Role.ADMIN)
"""Who may do everything, without a key of its own: whoever can read the store's file."""


@dataclass(frozen=True, slots=True)
class View:
    """
    What is known at one moment.

    Args:
        stored: All keys of the store, revoked ones too, by id.
        fixed: The configuration's, by id: nobody changes them here.
        keys: All of both, by id.
        living: Those of the store that work, narrowed to what they come from, by id.
        now: Unix seconds.
    """

    stored: Mapping[str, StoredKey]
    fixed: Mapping[str, VirtualKey]
    keys: Mapping[str, VirtualKey]
    living: Mapping[str, StoredKey]
    now: int

    def caller(self, key: VirtualKey | None) -> VirtualKey:
        """
        Give who asks, with the rights it has now.

        Args:
            key: As the request was let in with; ``None`` where no key was needed.

        Raises:
            UnauthenticatedError: Since then it has ended, or the first key was made.
        """
        if key is None and not self.keys:
            return OPERATOR
        if key is not None and key.id in self.living:
            return self.living[key.id].key
        if key is not None and (key.id in self.fixed or key is OPERATOR):
            return key
        message = "A valid key of this gateway is needed. Send it as 'Authorization: Bearer <key>'."
        raise UnauthenticatedError(message)

    def admin_besides(self, key_id: str) -> StoredKey | None:
        """Give an admin's key of the store that works besides this one."""
        admins = (one for one in self.living.values() if one.key.role is Role.ADMIN and one.key.id != key_id)
        return next(admins, None)


class Book:
    """
    Knows the store's keys; each time it is asked it reads those that have changed since.

    Args:
        fixed: The configuration's keys.
        now: Gives Unix seconds.
    """

    def __init__(self, store: Store, fixed: Sequence[VirtualKey], now: Callable[[], float]) -> None:
        self._store = store
        self._fixed = {key.id: key for key in fixed}
        self._now = now
        self._stored: dict[str, StoredKey] = {}
        self._revision = 0
        self._view: View | None = None  # thousands of keys take a while: once a second, if none was changed

    async def look(self) -> View:
        """Give what is known now."""
        for one in await self._store.keys_since(self._revision):
            self.note(one)
            self._revision = max(self._revision, one.revision)
        now = int(self._now())
        if self._view is None or self._view.now != now:
            self._view = self._viewed(now)
        return self._view

    def _viewed(self, now: int) -> View:
        stored = dict(self._stored)
        keys = {**self._fixed, **{key_id: one.key for key_id, one in stored.items()}}
        living = {one.key.id: one for one in lineage.living(stored.values(), now)}
        return View(stored, self._fixed, keys, living, now)

    def note(self, stored: StoredKey) -> None:
        """Take a key that was read or written, unless a newer form of it is known."""
        known = self._stored.get(stored.key.id)
        if known is None or known.revision < stored.revision:
            self._stored[stored.key.id] = stored
            self._view = None
