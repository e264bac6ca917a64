"""Who asks: from a request's headers to a virtual key. One function for every endpoint and form of a credential."""

import hmac
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from math import inf

from llms import lineage, session
from llms.errors import InvalidRequestError, UnauthenticatedError
from llms.keys import Limits, VirtualKey, digest
from llms.session import Sessions
from llms.store import StoredKey

CARRIERS = ("authorization", "x-api-key", "api-key", "x-goog-api-key")
"""Headers that a key may come in."""

COOKIE = "cookie"
"""The header that a session may come in."""


_NO_LIMITS = Limits()


class StoredKeys:
    """
    The keys that the store has, as they are now. One for the process, renewed while it runs.

    Args:
        now: Gives Unix seconds.

    Attributes:
        version: Another one each time a key may be accepted that was not, or the other way round; and when what limits
            there are besides those of keys has changed.
        revision: Of the last change that is in it.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._all: dict[str, StoredKey] = {}
        self._children: dict[str, set[str]] = {}
        self._living: dict[str, StoredKey] = {}
        self._by_digest: dict[str, str] = {}
        self._due_at = inf
        self.version = 0
        self.revision = 0

    def take(self, changed: Sequence[StoredKey]) -> set[str]:
        """Take changes, and note whose time has come; give the ids of keys that are accepted no more."""
        ids = {one.key.id for one in changed}
        for one in changed:
            self._forget_digests(one.key.id)
            self._all[one.key.id] = one
            if one.key.parent is not None:
                self._children.setdefault(one.key.parent, set()).add(one.key.id)
            for known in filter(None, (one.digest, one.old_digest)):
                self._by_digest[known] = one.key.id
            self.revision = max(self.revision, one.revision)
        now = self._now()
        if now >= self._due_at:
            ids |= {key_id for key_id, one in self._living.items() if _next_end(one, 0) <= now}
        if not ids:
            return ids
        self.version += 1
        dead = {key_id for key_id in self.family(ids) if self._judge(key_id, now)}
        self._due_at = min((_next_end(one, now) for one in self._living.values()), default=inf)
        return dead

    def __bool__(self) -> bool:
        """Whether there has ever been a key: revoking the last one does not open the gateway."""
        return bool(self._all)

    def of_digest(self, known: str) -> VirtualKey | None:
        """Give the key whose secret has this digest, if it is accepted."""
        one = self._living.get(self._by_digest.get(known, ""))
        if one is None or not self._lasts(one):
            return None
        if hmac.compare_digest(known, one.digest):
            return one.key
        return one.key if self._now() < one.old_until else None

    def of_id(self, key_id: str) -> VirtualKey | None:
        """Give the key with this id, if it is accepted."""
        one = self._living.get(key_id)
        return one.key if one is not None and self._lasts(one) else None

    def digests(self, key_id: str) -> Iterator[str]:
        """Give those of the secrets of a key that are accepted."""
        one = self._living.get(key_id)
        if one is not None and self._lasts(one):
            yield one.digest
            if one.old_digest and self._now() < one.old_until:
                yield one.old_digest

    def limits(self, key_id: str) -> Limits:
        """Give the limits of a key, whether it is accepted or not; none of one that the store does not have."""
        one = self._all.get(key_id)
        return _NO_LIMITS if one is None else one.key.limits

    def family(self, key_ids: Iterable[str]) -> set[str]:
        """Give keys, and all that come from them."""
        found: set[str] = set()
        rest = list(key_ids)
        while rest:
            key_id = rest.pop()
            if key_id not in found:
                found.add(key_id)
                rest += self._children.get(key_id, ())
        return found

    def above(self, key: VirtualKey) -> list[VirtualKey]:
        """Give the keys that a key comes from, the nearest first."""
        if key.parent is None:
            return []
        return list(lineage.above(key, lineage.Keys(self._all)))

    def _judge(self, key_id: str, now: float) -> bool:
        """Look at a key anew; say whether it is accepted no more."""
        found = lineage.worth(self._all[key_id], self._all, now)
        if found is None:
            self._living.pop(key_id, None)
            return True
        self._living[key_id] = found
        return False

    def _lasts(self, one: StoredKey) -> bool:
        return one.key.expires_at is None or self._now() < one.key.expires_at

    def _forget_digests(self, key_id: str) -> None:
        before = self._all.get(key_id)
        if before is not None:
            for known in (before.digest, before.old_digest):
                self._by_digest.pop(known, None)


def _next_end(one: StoredKey, now: float) -> float:
    """Give when a key, or the secret that it had before, ends next after ``now``."""
    times = [inf if one.key.expires_at is None else one.key.expires_at]
    if one.old_digest:
        times.append(one.old_until)
    return min((at for at in times if at > now), default=inf)


class Keyring:
    """
    The keys that are accepted.

    Args:
        digests: SHA-256 of each that the configuration has, in hex: the operator's own, which may do everything.
        stored: Those that the store has.
        sessions: Know whose a cookie is; ``None`` where there are none.
        now: Gives Unix seconds.
    """

    def __init__(
        self,
        digests: Iterable[str],
        stored: StoredKeys | None = None,
        sessions: Sessions | None = None,
        now: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._own = {entry: VirtualKey(f"key_{entry[:8]}", name="server.keys") for entry in digests}
        self._own_by_id = {key.id: (known, key) for known, key in self._own.items()}
        self._stored = StoredKeys(now) if stored is None else stored
        self._sessions = sessions
        self._now = now

    @property
    def own(self) -> list[VirtualKey]:
        """The operator's own."""
        return list(self._own.values())

    @property
    def required(self) -> bool:
        """Whether a caller needs a key: whether there is any."""
        return bool(self._own) or bool(self._stored)

    @property
    def version(self) -> int:
        """Another one each time it may accept what it did not, or the other way round."""
        return self._stored.version

    def authenticate(self, headers: Mapping[str, Sequence[str]]) -> VirtualKey | None:
        """
        Give the caller's key; ``None`` where none is needed.

        A session counts where there is no key: a browser sends its cookie with whatever a page sends.

        Args:
            headers: Every value of the headers in ``CARRIERS``, and of ``COOKIE``, by lower-case name.

        Raises:
            UnauthenticatedError: No key, or one that is not accepted: the same words, whatever the reason.
            InvalidRequestError: Two credentials, so that this gateway and a proxy before it might each see another.
        """
        shown = presented(headers)
        if not self.required:
            return None
        if len(shown) > 1:
            message = "The request carries two different keys. Send one, as 'Authorization: Bearer <key>'."
            raise InvalidRequestError(message, code="malformed_request")
        found = self._of_secret(shown.pop()) if shown else self._of_session(headers.get(COOKIE, ()))
        if found is None:
            message = "A valid key of this gateway is needed. Send it as 'Authorization: Bearer <key>'."
            raise UnauthenticatedError(message)
        return found

    def _of_secret(self, secret: str) -> VirtualKey | None:
        known = digest(secret)
        for own, key in self._own.items():
            if hmac.compare_digest(known, own):
                return key
        return self._stored.of_digest(known)

    def _of_session(self, cookies: Sequence[str]) -> VirtualKey | None:
        if self._sessions is None:
            return None
        for value in chain.from_iterable(map(session.values, cookies)):
            key_id = self._sessions.check(value, self._now(), self._digests)
            if key_id is not None:
                return self._own_by_id[key_id][1] if key_id in self._own_by_id else self._stored.of_id(key_id)
        return None

    def _digests(self, key_id: str) -> Iterable[str]:
        return [self._own_by_id[key_id][0]] if key_id in self._own_by_id else self._stored.digests(key_id)


def presented(headers: Mapping[str, Sequence[str]]) -> set[str]:
    """
    Give the secrets that a request's headers hold.

    Raises:
        InvalidRequestError: A header is there twice.
    """
    found: set[str] = set()
    for name in CARRIERS:
        values = headers.get(name, ())
        if len(values) > 1:
            message = f"The header {name} is there twice. Send it once."
            raise InvalidRequestError(message, code="malformed_request")
        for value in values:
            if name == "authorization":
                scheme, _, value = value.strip().partition(" ")  # noqa: PLW2901 - the header's own two parts
                if scheme.lower() != "bearer":
                    continue
            if value.strip():
                found.add(value.strip())
    return found
