"""What holds of every limiter, whatever it keeps its states in."""

import asyncio
from collections import Counter

import pytest

from llms.errors import BudgetSpentError, OverLimitError
from llms.keys import Limits
from llms.limits import Need, Scope


async def outcomes(limiter, scopes, need, count):
    """Ask for so many at once; give the reservations, and how many were refused by which error."""
    results = await asyncio.gather(*(limiter.admit(scopes, need) for _ in range(count)), return_exceptions=True)
    held = [result for result in results if not isinstance(result, BaseException)]
    return held, Counter(type(result) for result in results if isinstance(result, BaseException))


@pytest.mark.parametrize(
    ("limits", "error"),
    [
        (Limits(budget_month=50), BudgetSpentError),
        (Limits(budget_total=54), BudgetSpentError),
        (Limits(rpm=5), OverLimitError),
        (Limits(tpm=59), OverLimitError),
        (Limits(concurrency=5), OverLimitError),
    ],
)
async def test_b01_exactly_five_of_a_thousand(world, limits, error):
    scopes = [Scope("key:k", limits), Scope("team:t", Limits(rpm=10**6, budget_day=10**9))]
    limiter = world.limiter()

    held, refused = await outcomes(limiter, scopes, Need(10, 10), 1000)

    assert (5, {error: 995}) == (len(held), refused)
    key, team = await limiter.taken(scopes)
    assert (5, 5, 50) == (key.running, team.running, team.reserved)
