"""P24: what was cancelled poisons nothing."""

import random

import pytest

from tests.store.poison import poison


@pytest.mark.case("P24")
async def test_answers_go_to_who_asked(store, record_property):
    """However often calls are cancelled, and when, each answer is that of its question."""
    came = await poison(store, 3000, random.Random(24))  # noqa: S311 - chance that repeats

    assert 0 == came["wrong"]
    assert came["answered"] > 500
    assert came["cancelled"] > 500
    record_property("came_out", f"{came['answered']} answered, {came['cancelled']} cancelled, {came['wrong']} wrong")
