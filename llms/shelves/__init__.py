"""
Where several processes keep the answers that are given again under their ``Idempotency-Key``.

``Shelf`` is the protocol; an SQLite file serves the workers of one machine, Redis and PostgreSQL several machines. What
is kept, and what becomes of a claim, is in ``llms.idempotency`` and ``llms.idempotency_shared``.

A claim is held by a token that nobody else has, for as long as its lease lasts. So an answer that comes after its lease
has ended, and the claim has gone to somebody else, does no harm.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from llms.idempotency import Answer


class Found(NamedTuple):
    """
    What is there under a name.

    Args:
        digest: Of the first request's body.
        running: Whether it still runs.
        answer: ``None`` while it runs, and if it was too long.
    """

    digest: bytes
    running: bool
    answer: Answer | None


class Held(NamedTuple):
    """A claim: the name, 32 bytes, and the token by which it is held."""

    name: bytes
    token: bytes


class Shelf(Protocol):
    """
    Keeps answers for several processes.

    Every method may raise ``llms.databases.StoreError``, within some two seconds whatever has happened to what it
    stands on; whether what was asked has been done is not known then.
    """

    async def claim(self, held: Held, digest: bytes, lease_s: float) -> Found | None:
        """Claim a name for so many seconds; ``None`` if that was done, else what is there. Of many one is first."""

    async def extend(self, helds: Sequence[Held], lease_s: float) -> None:
        """Let claims last for so many seconds from now on; those that are held by others now are left alone."""

    async def keep(self, held: Held, answer: Answer | None, age_s: float) -> None:
        """Put what became of a claim in its place, for so many seconds; nothing if somebody else holds it now."""

    async def free(self, held: Held) -> None:
        """Give a claim up; nothing if somebody else holds it now."""

    async def close(self) -> None:
        """Let go of everything."""
