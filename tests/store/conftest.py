"""A store of each kind, each test's own."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from llms.store import Store
from llms.store.open import open_store


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Name a store that is not there yet."""
    if request.param == "sqlite":
        return f"sqlite:{tmp_path}/made/llms.db"
    postgres: str = request.getfixturevalue("postgres_url")
    return postgres


@pytest.fixture
async def opened() -> AsyncIterator[Callable[[str], Awaitable[Store]]]:
    """Open stores; they are closed at the end."""
    async with AsyncExitStack() as stack:

        async def open_one(url: str) -> Store:
            store = await open_store(url)
            stack.push_async_callback(store.close)
            return store

        yield open_one


@pytest.fixture
async def store(url: str, opened: Callable[[str], Awaitable[Store]]) -> Store:
    """Open a store that has nothing in it."""
    return await opened(url)
