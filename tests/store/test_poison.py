"""P24: what was cancelled poisons nothing."""

import random
from contextlib import AsyncExitStack

import pytest

from tests.store.poison import PAIRS, asking, poison


@pytest.mark.case("P24")
@pytest.mark.parametrize(("what", "where"), PAIRS)
async def test_answers_go_to_who_asked(what, where, request, tmp_path, record_property):
    """However often calls are cancelled, and when, each answer is that of its question."""
    urls = {"postgresql": "postgres_url", "redis": "redis_url"}
    url = request.getfixturevalue(urls[where]) if where in urls else f"sqlite:{tmp_path}/made/llms.db"
    async with AsyncExitStack() as stack:
        ask = await asking(what, url, stack)
        came = await poison(ask, 2000, random.Random(24))  # noqa: S311 - chance that repeats

    assert 0 == came["wrong"]
    assert came["answered"] > 300
    assert came["cancelled"] > 300
    counts = f"{came['answered']} answered, {came['cancelled']} cancelled, {came['wrong']} wrong"
    record_property("came_out", f"{what} in {where}: {counts}")
