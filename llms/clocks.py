"""
The clocks of a call: how long it may wait for the upstream, and for how long in all.

What counts differs. The first byte is the first *data*: a comment is no answer, and as long as there is none another
target may still give one. After it any byte is a sign of life and moves ``idle_s``, as in nginx, HAProxy and Envoy:
half of a long event, and the comments that a service sends while a model thinks, say that the upstream is there. That a
wedged one may say so for ever is bounded by ``total_s``, which nothing moves. The gateway's own keep-alives move none.

The clocks stand still while the gateway is not waiting for the upstream, so that a client that reads slowly is not
taken for an upstream that has gone silent.
"""

import asyncio
from types import TracebackType
from typing import Self

from llms.errors import FirstByteTimeoutError, GatewayError, IdleTimeoutError, TotalTimeoutError
from llms.terms import Clocks


class Watch:
    """
    Ends a call, by cancelling the task that runs it, when a clock runs out or when it is told to.

    Use as an async context manager around the call; leaving it raises the failure instead of the cancellation. One
    timer serves all clocks and is moved lazily: a chunk costs two assignments, not a timer.

    Args:
        clocks: The limits, until ``use`` gives others.
    """

    def __init__(self, clocks: Clocks) -> None:
        self._clocks = clocks
        self._loop = asyncio.get_running_loop()
        self._timeout = asyncio.timeout(None)
        self._failure: GatewayError | None = None
        self._due_at: float | None = None  # when the present wait is over; None while not waiting
        self._started_at = self._loop.time()
        self._total_at = self._started_at + clocks.total_s
        self._timer_at = self._total_at
        self._timer = self._loop.call_at(self._total_at, self._tick)

    async def __aenter__(self) -> Self:
        await self._timeout.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._timer.cancel()
        try:
            await self._timeout.__aexit__(kind, error, traceback)
        except TimeoutError:
            assert self._failure is not None  # noqa: S101 - nothing else moves the timeout
            raise self._failure from None

    @property
    def left_s(self) -> float:
        """The seconds that the call has left in all."""
        return self._total_at - self._loop.time()

    def use(self, clocks: Clocks) -> None:
        """Go by other limits from now on; the total is still that of the whole call."""
        if clocks is self._clocks:
            return
        self._clocks = clocks
        self._total_at = self._started_at + clocks.total_s
        if self._timer_at > self._total_at:
            self._arm(self._total_at)

    def await_next(self) -> None:
        """From now on the next sign of life of a stream is due."""
        self._due_at = self._loop.time() + self._clocks.idle_s
        if self._timer_at > self._due_at:
            self._arm(self._due_at)

    def arrived(self) -> None:
        """What was due is here."""
        self._due_at = None

    def end(self, failure: GatewayError) -> None:
        """End the call with ``failure``."""
        if self._failure is None:
            self._failure = failure
            self._timeout.reschedule(self._loop.time())

    def _arm(self, when: float) -> None:
        self._timer.cancel()
        self._timer_at = when
        self._timer = self._loop.call_at(when, self._tick)

    def _tick(self) -> None:
        now = self._loop.time()
        if now >= self._total_at:
            self.end(TotalTimeoutError("The call took longer than the gateway allows in all (total_s)."))
        elif self._due_at is not None and now >= self._due_at:
            self.end(IdleTimeoutError(_NEXT))
        else:
            self._arm(min(self._total_at, self._due_at or self._total_at))


_NEXT = "The provider went silent in the middle of its answer (idle_s). What it sent is above."


class FirstByte:
    """
    Times one attempt, up to the first data of a stream or to the end of a whole answer.

    Apart from ``Watch``, since the attempt that it ends may be followed by another one. Use as an async context
    manager.

    Args:
        clocks: The limits.
        stream: Whether the answer is streamed.
    """

    def __init__(self, clocks: Clocks, *, stream: bool) -> None:
        self._idle_s = clocks.idle_s
        self._message = _FIRST if stream else _ANSWER
        self._loop = asyncio.get_running_loop()
        self._timeout = asyncio.timeout(clocks.first_byte_s if stream else clocks.answer_s)

    async def __aenter__(self) -> Self:
        await self._timeout.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            await self._timeout.__aexit__(kind, error, traceback)
        except TimeoutError:
            raise FirstByteTimeoutError(self._message) from None

    def restart(self) -> None:
        """Data came that says nothing yet: what follows it is due as between any two."""
        self._timeout.reschedule(self._loop.time() + self._idle_s)
        self._message = _BEGUN


_FIRST = "The provider sent nothing in the time allowed (first_byte_s). Try again, or another model."
_BEGUN = "The provider went silent before its answer said anything (idle_s). Try again, or another model."
_ANSWER = "The provider did not finish its answer in the time allowed (answer_s). Try streaming."
