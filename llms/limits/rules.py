"""Who is admitted: by all that count a call, or by none; pure."""

from collections.abc import Sequence

from llms.keys import Limits
from llms.limits import Need, Scope
from llms.limits.refusals import refusal
from llms.limits.state import State


def admit(scopes: Sequence[Scope], states: Sequence[State], need: Need, at: int) -> None:
    """
    Count a call in all states, or in none.

    Args:
        scopes: Who counts it.
        states: Theirs, in the same order.
        at: Now, in Unix milliseconds.

    Raises:
        OverLimitError: Too many calls or tokens in this minute, or too many calls at once.
        BudgetSpentError: A budget has too little left.
    """
    tokens, cost = need.tokens, need.cost
    if tokens < 0 or cost < 0:
        tokens, cost = max(tokens, 0), max(cost, 0)
    fit = True
    for scope, state in zip(scopes, states, strict=True):
        state.turn(at)
        fit = fit and state.fits(scope.limits, tokens, cost)
    if not fit:
        raise refusal(scopes, states, Need(tokens, cost), at)
    for state in states:
        state.take(tokens, cost)


def share(scope: Scope, among: int) -> Scope:
    """Give what one of several processes may take that do not know of each other: its part of rates, no budget."""
    rpm, tpm, concurrency = (
        limit if not limit else max(limit // among, 1)
        for limit in (scope.limits.rpm, scope.limits.tpm, scope.limits.concurrency)
    )
    return Scope(scope.subject, Limits(rpm, tpm, concurrency))
