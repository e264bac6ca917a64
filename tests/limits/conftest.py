"""Limiters of every kind, each with a ledger and real servers."""

import pytest

from llms.limits import books
from llms.limits.memory import MemoryLimiter
from llms.limits.shared import SharedLimiter
from tests.limits.ledger import Ledger, Now, place


class World:
    """
    Makes limiters that agree with each other.

    Attributes:
        kind: ``memory``, ``sqlite``, ``postgres`` or ``redis``.
        url: Of their states.
    """

    def __init__(self, kind: str, url: str) -> None:
        self.kind = kind
        self.url = url
        self.ledger = Ledger()
        self.now = Now()
        self.made = []

    def limiter(self, *, workers: int = 1, clock=None):
        """Give one; of shared ones each is like another process."""
        if self.kind == "memory":
            made = MemoryLimiter(self.ledger, clock or self.now)
        else:
            made = SharedLimiter(place(self.url), self.ledger, workers, clock or self.now)
        self.made.append(made)
        return made


def _url(kind, request, tmp_path):
    if kind in ("memory", "sqlite"):
        return f"sqlite:{tmp_path / 'limits.db'}"
    return request.getfixturevalue(f"{kind}_url")


KINDS = ["memory", "sqlite", "postgres", "redis"]


@pytest.fixture(autouse=True)
def _soon_ready(monkeypatch):
    monkeypatch.setattr(books, "_GRACE_MS", 50)


@pytest.fixture(params=KINDS)
async def world(request, tmp_path):
    """Give all kinds."""
    made = World(request.param, _url(request.param, request, tmp_path))
    yield made
    for limiter in made.made:
        await limiter.close()


@pytest.fixture(params=KINDS[1:])
async def shared(request, tmp_path):
    """Give those that several processes share."""
    made = World(request.param, _url(request.param, request, tmp_path))
    yield made
    for limiter in made.made:
        await limiter.close()
