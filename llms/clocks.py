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
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from llms.errors import FirstByteTimeoutError, GatewayError, IdleTimeoutError, TotalTimeoutError


@dataclass(frozen=True, slots=True)
class Clocks:
    """
    Limits in seconds.

    Args:
        connect_s: For a connection, DNS and TLS included.
        first_byte_s: For the first data of a stream.
        answer_s: For a whole answer that is not streamed.
        idle_s: Between two signs of life of a stream that has begun: any byte is one.
        total_s: For the call, from its acceptance to its end.
    """

    connect_s: float = 5.0
    first_byte_s: float = 120.0
    answer_s: float = 600.0
    idle_s: float = 120.0
    total_s: float = 3600.0


class Watch:
    """
    Ends a call, by cancelling the task that runs it, when a clock runs out or when it is told to.

    Use as an async context manager around the call; leaving it raises the failure instead of the cancellation. One
    timer serves all clocks and is moved lazily: a chunk costs two assignments, not a timer.

    Args:
        clocks: The limits.
    """

    def __init__(self, clocks: Clocks) -> None:
        self._clocks = clocks
        self._loop = asyncio.get_running_loop()
        self._timeout = asyncio.timeout(None)
        self._failure: GatewayError | None = None
        self._due_at: float | None = None  # when the present wait is over; None while not waiting
        self._due: tuple[type[GatewayError], str] = _NEXT  # what its running out means
        self._total_at = self._loop.time() + clocks.total_s
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

    def await_first(self) -> None:
        """From now on the first data of a stream is due."""
        self._await(self._clocks.first_byte_s, _FIRST)

    def await_answer(self) -> None:
        """From now on a whole answer is due."""
        self._await(self._clocks.answer_s, _ANSWER)

    def await_next(self) -> None:
        """From now on the next sign of life of a stream is due."""
        self._await(self._clocks.idle_s, _NEXT)

    def arrived(self) -> None:
        """What was due is here."""
        self._due_at = None

    def end(self, failure: GatewayError) -> None:
        """End the call with ``failure``."""
        if self._failure is None:
            self._failure = failure
            self._timeout.reschedule(self._loop.time())

    def _await(self, seconds: float, due: tuple[type[GatewayError], str]) -> None:
        self._due_at = self._loop.time() + seconds
        self._due = due
        if self._timer_at > self._due_at:
            self._arm(self._due_at)

    def _arm(self, when: float) -> None:
        self._timer.cancel()
        self._timer_at = when
        self._timer = self._loop.call_at(when, self._tick)

    def _tick(self) -> None:
        now = self._loop.time()
        if now >= self._total_at:
            self.end(TotalTimeoutError("The call took longer than the gateway allows in all (total_s)."))
        elif self._due_at is not None and now >= self._due_at:
            kind, message = self._due
            self.end(kind(message))
        else:
            self._arm(min(self._total_at, self._due_at or self._total_at))


_FIRST = (
    FirstByteTimeoutError,
    "The provider sent nothing in the time allowed (first_byte_s). Try again, or another model.",
)
_ANSWER = (
    FirstByteTimeoutError,
    "The provider did not finish its answer in the time allowed (answer_s). Try streaming.",
)
_NEXT = (
    IdleTimeoutError,
    "The provider went silent in the middle of its answer (idle_s). What it sent is above.",
)
