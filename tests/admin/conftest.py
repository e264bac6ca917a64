"""A store with people in it."""

import pytest

from tests.admin.kept import Kept


@pytest.fixture
def store():
    return Kept()
