"""Limiters of every kind, each with a ledger and real servers."""

import pytest

from llms.limits import books
from llms.limits.memory import MemoryLimiter
from llms.limits.shared import SharedLimiter
from llms.limits.state import WINDOWS, end, starts
from tests.limits.ledger import Ledger, Now, came_out, ms, place


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

    def limiter(self, *, workers: int = 1, clock=None, horizon: int = -1):
        """Give one; of shared ones each is like another process."""
        if self.kind == "memory":
            made = MemoryLimiter(self.ledger, clock or self.now, horizon)
        else:
            made = SharedLimiter(place(self.url), self.ledger, workers, clock or self.now, horizon)
        self.made.append(made)
        return made

    def sums(self, at: str):
        """Give what the ledger has of a key, by window."""
        begun = enumerate(starts(ms(at)))
        return {str(WINDOWS[index]): self.ledger.sum("key:k", start, end(index, start)) for index, start in begun}


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
    request.node.user_properties.append(came_out(request.param))
    yield made
    for limiter in made.made:
        await limiter.close()


@pytest.fixture(params=KINDS[1:])
async def shared(request, tmp_path):
    """Give those that several processes share."""
    made = World(request.param, _url(request.param, request, tmp_path))
    request.node.user_properties.append(came_out(request.param))
    yield made
    for limiter in made.made:
        await limiter.close()
