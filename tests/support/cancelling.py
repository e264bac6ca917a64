"""Whether whoever cancels is obeyed."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any


async def unheard(ask: Callable[[], Coroutine[Any, Any, object]], steps: int) -> list[int]:
    """Cancel what ``ask`` begins after each number of the loop's steps; give those at which it went on nevertheless."""
    found = []
    for step in range(steps):
        asking = asyncio.create_task(ask())
        for _ in range(step):
            await asyncio.sleep(0)
        if asking.cancel():
            await asyncio.wait([asking])
            found += [] if asking.cancelled() else [step]
    return found
