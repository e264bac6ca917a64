"""A gateway that keeps accounts, for each test of its own."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.accounting.house import House
from tests.accounting.seller import Seller
from tests.limits.ledger import came_out, ms
from tests.upstream.server import Upstream


class Now:
    """The clocks that limits go by, which stand still until they are moved."""

    def __init__(self, text: str = "2026-11-28 23:59:30") -> None:
        self.wall_ms = ms(text)
        self.run_ms = 1000

    def wall(self) -> int:
        return self.wall_ms * 1_000_000

    def run(self) -> int:
        return self.run_ms * 1_000_000

    def passes(self, milliseconds: int) -> None:
        self.wall_ms += milliseconds
        self.run_ms += milliseconds

    def patches(self) -> dict[str, Any]:
        """Give what is put in the place of the system's clocks."""
        return {"llms.limits.clock.time_ns": self.wall, "llms.limits.clock.monotonic_ns": self.run}


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> Now:
    """Give a clock that is moved by hand; to be asked for before the gateway is."""
    clock = Now()
    for name, value in clock.patches().items():
        monkeypatch.setattr(name, value)
    return clock


@pytest.fixture
async def seller() -> AsyncGenerator[Seller, None]:
    """Give the providers."""
    async with Upstream() as upstream:
        yield Seller(upstream)


BACKENDS = ("memory", "sqlite", "postgresql", "redis")
"""Where limits are; calls are in PostgreSQL for ``postgresql``, and in an SQLite file for all others."""


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    """Give what a ``House`` is told so that its limits are in one of the places that there are for them."""
    request.node.user_properties.append(came_out(request.param))
    store = f"sqlite:{tmp_path / 'llms.db'}"
    if request.param == "postgresql":
        spool = {"XDG_DATA_HOME": str(tmp_path / "data")}
        return {"store": request.getfixturevalue("postgres_url"), "environ": spool}
    if request.param == "redis":
        return {"store": store, "environ": {"REDIS": request.getfixturevalue("redis_url")}}
    return {"store": store, "workers": 2 if request.param == "sqlite" else 1}


@pytest.fixture
async def house(
    tmp_path: Path, seller: Seller, backend: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[Callable[..., Awaitable[House]], None]:
    """Open gateways, with each of the places for limits; takes what ``House`` does."""
    opened: list[House] = []
    monkeypatch.setattr("llms.books._POLL_S", 0.01)
    monkeypatch.setattr("llms.limits.books._GRACE_MS", 50)
    monkeypatch.setattr("llms.limits.books._LEASE_MS", 1500)
    monkeypatch.setattr("llms.limits.reconciliation._ON_ITS_WAY_S", 0.1)

    async def start(**options: Any) -> House:
        one = House(tmp_path / f"gateway{len(opened)}", seller, **{**backend, **options})
        opened.append(one)
        await one.open()
        return one

    yield start
    for one in opened:
        await one.close()
