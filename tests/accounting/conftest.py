"""A gateway that keeps accounts, for each test of its own."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from tests.accounting.house import House
from tests.accounting.seller import Seller
from tests.limits.ledger import ms
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


@pytest.fixture
async def house(tmp_path: Path, seller: Seller) -> AsyncGenerator[Callable[..., Awaitable[House]], None]:
    """Open gateways, on an SQLite store; takes what ``House`` does."""
    opened: list[House] = []
    with mock.patch("llms.books._POLL_S", 0.01):

        async def start(store: str = f"sqlite:{tmp_path / 'llms.db'}", **options: Any) -> House:
            one = House(tmp_path / f"gateway{len(opened)}", seller, store, **options)
            opened.append(one)
            await one.open()
            return one

        yield start
        for one in opened:
            await one.close()
