"""A store with people in it, and a gateway that they use."""

from itertools import count

import pytest

from llms import renewal
from llms.store.open import open_store
from llms.web.guesses import Guesses
from tests.admin.people import settle_in


@pytest.fixture
def store_url(request, tmp_path):
    """Name the test's own store: an SQLite file, where it does not ask for another."""
    if getattr(request, "param", "sqlite") == "sqlite":
        return f"sqlite:{tmp_path}/llms.db"
    return request.getfixturevalue("postgres_url")


@pytest.fixture
async def store(store_url):
    opened = await open_store(store_url)
    yield opened
    await opened.close()


@pytest.fixture
async def served(store, store_url, gateway, monkeypatch):
    """Start a gateway on the store, with everybody in it, or nobody; it ends before the store does."""
    monkeypatch.setattr(renewal, "_APART_S", 0)  # or each wrong key would wait for its look into the store

    async def start(*, empty=False, **options):
        if not empty:
            await settle_in(store)
        environ = {"LLMS_STORE": store_url, **options.pop("environ", {})}
        running = await gateway(environ=environ, **options)
        running.live.guesses = Guesses(count(0, 60).__next__)  # a minute goes by with each wrong key
        return running

    return start
