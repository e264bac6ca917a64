"""
How SQLite, PostgreSQL and Redis are reached, whatever is kept there: keys and calls, limits, answers.

What may be asked of them waits ``LIMIT_S`` at most. A connection whose answer did not come, or was not right, is never
used again. Their own exceptions end here, as ``StoreError``.
"""

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

LIMIT_S = 2.0
"""How long anything may take; reliability.md's P23."""

P = ParamSpec("P")
T = TypeVar("T")


class StoreError(Exception):
    """
    A store cannot do what it is asked to: it cannot be reached, is full, is locked, or is broken.

    Whether what was asked has been done is not known. Its words can be shown to an operator: they say what to do, and
    hold no secret.
    """


class StoreUnfitError(StoreError):
    """It must not be used at all: damaged, made by a newer version, not ours, not readable by this user alone."""


class LostError(StoreError):
    """Another was faster, again and again: nothing has been done."""


def bounded(method: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """Let a method of a store take ``LIMIT_S`` at most."""

    @wraps(method)
    async def within(*arguments: P.args, **named: P.kwargs) -> T:
        try:
            async with asyncio.timeout(LIMIT_S):
                return await method(*arguments, **named)
        except TimeoutError as error:
            message = f"the store did not answer within {LIMIT_S:g} s"
            raise StoreError(message) from error

    return within
