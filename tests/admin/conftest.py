"""A store with people in it, and a gateway that they use."""

from dataclasses import replace

import pytest

from llms.session import Sessions
from llms.store.open import open_store
from tests.admin.people import stored_in, town


@pytest.fixture
async def store(request, tmp_path):
    kind = getattr(request, "param", "sqlite")
    url = f"sqlite:{tmp_path}/llms.db" if kind == "sqlite" else request.getfixturevalue("postgres_url")
    opened = await open_store(url)
    yield opened
    await opened.close()


@pytest.fixture
def kept(store):
    return store


@pytest.fixture
async def served(gateway, store):
    async def start(**options):
        running = await gateway()
        admin = await town(store, **options)
        generation = running.live.now
        generation.services = replace(generation.services, admin=admin, sessions=Sessions("s"))
        keyring = generation.services.policy.keyring
        keyring._keys = {one.digest: one.key for one in (await stored_in(store)).values()}
        return running

    return start
