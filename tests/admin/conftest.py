"""A store with people in it, and a gateway that they use."""

from dataclasses import replace

import pytest

from llms.session import Sessions
from tests.admin.kept import Kept
from tests.admin.people import town


@pytest.fixture
def store():
    return Kept()


@pytest.fixture
def kept():
    return Kept()


@pytest.fixture
async def served(gateway, kept):
    async def start(**options):
        running = await gateway()
        admin = await town(kept, **options)
        generation = running.live.now
        generation.services = replace(generation.services, admin=admin, sessions=Sessions("s"))
        keyring = generation.services.policy.keyring
        keyring._keys = {one.digest: one.key for one in kept.keys.values()}
        return running

    return start
