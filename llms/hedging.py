"""
When a second target is asked because the first one keeps silent for unusually long.

Unusually long is longer than nineteen of twenty of the target's own latest hundred first bytes took. One that was cut
off counts with the time it had been waited for, or the slow ones would drop out and the fast ones seem slow. Hedging is
asked for in the configuration (``hedge_percent``), since the call that loses may be billed although it is cut off.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, TypeVar

from llms.records import Route, Target

Begun = TypeVar("Begun")

_KEPT = 100
_FEWEST = 20
"""First bytes that have to be known before anything is called unusual."""

_SHARE = 0.95
_MOST_TARGETS = 1000
_MOST_SAVED = 5.0


class Hedging:
    """Knows how long first bytes take, and how many calls may still be hedged."""

    def __init__(self) -> None:
        self._first_bytes: dict[tuple[str, str, bool], deque[float]] = {}
        self._saved: dict[str, float] = {}

    def began(self, target: Target, *, stream: bool, first_byte_s: float) -> None:
        """
        Note how long a first byte took, at a target whose calls may be hedged.

        Args:
            first_byte_s: Or how long it was waited for.
            stream: Whether it is that of a stream; that of a whole answer comes later.
        """
        key = (target.provider, target.model, stream)
        kept = self._first_bytes.get(key)
        if kept is None:
            if len(self._first_bytes) >= _MOST_TARGETS:
                self._first_bytes.clear()
            kept = self._first_bytes[key] = deque(maxlen=_KEPT)
        kept.append(first_byte_s)

    def called(self, route: Route, model: str) -> None:
        """
        Note a call, which earns its part of a hedge.

        Args:
            model: The name that the route has; each has a share of its own.
        """
        if route.hedge_percent:
            self._saved[model] = min(_MOST_SAVED, self._saved.get(model, 0.0) + route.hedge_percent / 100)

    def patience_s(self, target: Target, *, stream: bool) -> float | None:
        """Give the seconds after which a second target may be asked; ``None`` for never."""
        kept = self._first_bytes.get((target.provider, target.model, stream), ())
        if len(kept) < _FEWEST:
            return None
        return sorted(kept)[int(_SHARE * len(kept))]

    def take(self, model: str) -> bool:
        """Use one of the hedges that a route's calls have earned; say whether there was one."""
        if self._saved.get(model, 0.0) < 1:
            return False
        self._saved[model] -= 1
        return True


async def hedged(
    first: Coroutine[Any, Any, Begun],
    second: Callable[[], Coroutine[Any, Any, Begun] | None],
    patience_s: float,
    discard: Callable[[Begun], Awaitable[None]],
) -> Begun:
    """
    Give what comes first; the other one is cancelled.

    Args:
        first: Runs at once.
        second: Asked for what is to run beside it, if it has not ended after ``patience_s``.
        discard: Takes what came, but too late.

    Raises:
        GatewayError: The first one's failure, if both fail.
    """
    tasks = [asyncio.create_task(first)]
    left = tasks  # to be let go of, should whoever waits leave
    try:
        done, _ = await asyncio.wait(tasks, timeout=patience_s)
        if not done and (other := second()) is not None:
            tasks.append(asyncio.create_task(other))
        waiting = set(tasks)
        won: asyncio.Task[Begun] | None = None
        while waiting and won is None:
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            won = next((task for task in tasks if task in done and task.exception() is None), None)
        kept = won or tasks[0]
        left = [kept]
        await _let_go([task for task in tasks if task is not kept], discard)
        left = []
        return kept.result()
    finally:
        await _let_go(left, discard)


async def _let_go(tasks: Sequence[asyncio.Task[Begun]], discard: Callable[[Begun], Awaitable[None]]) -> None:
    """
    Cancel ``tasks`` and throw away what came of them all the same.

    It is done to its end, however often the caller is cancelled meanwhile: an answer that is lost on the way would hold
    its connection and its place for ever.
    """
    if not tasks:
        return
    ending = asyncio.create_task(_end(tasks, discard))
    cancelled: asyncio.CancelledError | None = None
    while not ending.done():
        try:
            await asyncio.wait([ending])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
    ending.result()


async def _end(tasks: Sequence[asyncio.Task[Begun]], discard: Callable[[Begun], Awaitable[None]]) -> None:
    for task in tasks:
        task.cancel()
    for came in await asyncio.gather(*tasks, return_exceptions=True):
        if not isinstance(came, BaseException):
            await discard(came)
