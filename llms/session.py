"""
Cookies that stand for a key, so that a browser need not keep one; pure.

A cookie is signed over the digest of the secret that it was given for: it ends with that secret, be the key revoked or
the secret changed, and there is nothing to be kept of it.
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable

MAX_AGE_S = 12 * 3600

COOKIE = "llms_session"

SECURE_COOKIE = "__Host-llms_session"
"""What it is called where the browser speaks TLS: no other host, and no page without TLS, can have set it."""

_VALUE = re.compile(r"(key_[0-9a-f]{8,32})\.([0-9]{1,12})\.([A-Za-z0-9_-]{8,64})\.([0-9a-f]{64})", re.ASCII)


def values(header: str) -> list[str]:
    """Give the values of our cookies in a ``Cookie`` header."""
    pairs = (part.strip().partition("=") for part in header.split(";"))
    return [value for name, _, value in pairs if name in (COOKIE, SECURE_COOKIE)]


class Sessions:
    """
    Makes cookies, and says whose one is.

    Args:
        secret: What they are signed with; all processes that serve the same keys have the same.
    """

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    def issue(self, key_id: str, digest: str, now: float, nonce: str) -> str:
        """
        Give a cookie's value.

        Args:
            digest: Of the secret that its bearer has shown.
            now: Unix seconds.
            nonce: Chance, of the letters of Base64 for URLs.
        """
        head = f"{key_id}.{int(now) + MAX_AGE_S}.{nonce}"
        return f"{head}.{self._signature(head, digest)}"

    def check(self, value: str, now: float, digests: Callable[[str], Iterable[str]]) -> str | None:
        """
        Give the id of the key that a cookie stands for; ``None`` if it stands for none, or not any more.

        Args:
            now: Unix seconds.
            digests: Gives those of the secrets that are accepted now for a key's id.
        """
        parts = _VALUE.fullmatch(value)
        if parts is None or int(parts[2]) <= now:
            return None
        head = value.rpartition(".")[0]
        valid = [hmac.compare_digest(parts[4], self._signature(head, digest)) for digest in digests(parts[1])]
        return parts[1] if any(valid) else None

    def _signature(self, head: str, digest: str) -> str:
        return hmac.new(self._secret, f"{head}.{digest}".encode(), hashlib.sha256).hexdigest()
