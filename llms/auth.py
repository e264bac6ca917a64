"""Who asks: from a request's headers to a virtual key. One function for every endpoint and every header form."""

import hmac
from collections.abc import Iterable, Mapping, Sequence

from llms.errors import InvalidRequestError, UnauthenticatedError
from llms.keys import VirtualKey, digest

_CARRIERS = ("x-api-key", "api-key", "x-goog-api-key")


class Keyring:
    """
    The keys that are accepted.

    Args:
        digests: SHA-256 of each, in hex. None at all means that no key is needed.
    """

    def __init__(self, digests: Iterable[str]) -> None:
        self._keys: Mapping[str, VirtualKey] = {entry: VirtualKey(f"key_{entry[:8]}") for entry in digests}

    @property
    def required(self) -> bool:
        """Whether a caller needs a key."""
        return bool(self._keys)

    def authenticate(self, headers: Mapping[str, Sequence[str]]) -> VirtualKey | None:
        """
        Give the caller's key; ``None`` where none is needed.

        Args:
            headers: Every value of the headers in ``CARRIERS``, by lower-case name.

        Raises:
            UnauthenticatedError: No key, or one that is not known: same words for both.
            InvalidRequestError: Two credentials, so that this gateway and a proxy before it might each see another.
        """
        found = presented(headers)
        if not self._keys:
            return None
        if len(found) > 1:
            message = "The request carries two different keys. Send one, as 'Authorization: Bearer <key>'."
            raise InvalidRequestError(message, code="malformed_request")
        for secret in found:
            shown = digest(secret)
            for known, key in self._keys.items():
                if hmac.compare_digest(shown, known):
                    return key
        message = "A valid key of this gateway is needed. Send it as 'Authorization: Bearer <key>'."
        raise UnauthenticatedError(message)


CARRIERS = ("authorization", *_CARRIERS)


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
