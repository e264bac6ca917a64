"""
Cleaning up by ``await``, for modules that are compiled; this one is not.

What Python keeps of the exception that is being handled belongs to a coroutine; mypyc's coroutines have nothing of that
kind, and share it with whatever runs while they wait. After an ``await`` in ``except``, in ``finally`` or at the end of
``async with`` one may go on with an exception that is somebody else's. So none of these stands in a compiled module
(tests/test_compiled.py sees to it): they stand here.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

_C = TypeVar("_C")
_T = TypeVar("_T")


async def within(context: AbstractAsyncContextManager[_C], work: Callable[[_C], Awaitable[_T]]) -> _T:
    """Do ``work`` with what ``context`` gives: ``async with``."""
    async with context as given:
        return await work(given)


async def in_time(seconds: float, work: Awaitable[_T]) -> _T:
    """
    Do ``work``: ``asyncio.timeout``.

    Raises:
        TimeoutError: It took longer than so many seconds, and was cancelled.
    """
    async with asyncio.timeout(seconds):
        return await work


async def lastly(work: Awaitable[_T], last: Callable[[], Awaitable[object]]) -> _T:
    """Do ``work``, and ``last`` after it, however it ends: ``finally``."""
    try:
        return await work
    finally:
        await last()


async def or_undo(work: Awaitable[_T], undo: Callable[[], Awaitable[object]]) -> _T:
    """Do ``work``, and ``undo`` after it if it fails: ``except`` and ``raise``."""
    try:
        return await work
    except BaseException:
        await undo()
        raise
