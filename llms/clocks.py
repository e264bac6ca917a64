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
from math import inf
from types import TracebackType
from typing import Self

from llms.errors import FirstByteTimeoutError, GatewayError, IdleTimeoutError, TotalTimeoutError
from llms.terms import Clocks

_LATE_S = 1e-5
"""For each alarm that is set: how late they may be. Bounds what looking through them costs to a hundredth of a core."""


_STOOD_STILL_S = 0.25
"""So late a timer is only if the process stood still, or its machine did: then no upstream was silent."""

_CATCH_UP_S = 0.5
"""What it is then given to read what has come meanwhile, before anything rings."""


class Alarms:
    """
    One timer of the loop for the alarms of very many calls.

    Nearly all of them are set for a time that never comes, so that what counts is what it costs to set one and to take
    it away: an entry in a set, where a timer costs ten times as much. When the earliest may be due, all are looked at.
    """

    def __init__(self) -> None:
        self._set: set[Alarm] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = inf
        self._catching_up = False

    def add(self, alarm: "Alarm") -> None:
        """Ring ``alarm`` when its time has come, until it is taken away."""
        self._set.add(alarm)
        if alarm.due_at < self._timer_at:
            self._arm(alarm.due_at)

    def discard(self, alarm: "Alarm") -> None:
        """Take ``alarm`` away."""
        self._set.discard(alarm)

    def brought_forward(self, due_at: float) -> None:
        """Note that an alarm is due at ``due_at``, maybe earlier than before. One that is put off need not say."""
        if due_at < self._timer_at:
            self._arm(due_at)

    def _arm(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = when
        self._timer = asyncio.get_running_loop().call_at(when, self._tick)

    def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        late_s = now - self._timer_at
        self._timer, self._timer_at = None, inf
        # Once only: a loop that is late all the time has to end calls, too.
        self._catching_up = late_s > _STOOD_STILL_S and not self._catching_up
        if self._catching_up:
            self._arm(now + _CATCH_UP_S)
            return
        for alarm in [alarm for alarm in self._set if alarm.due_at <= now]:
            alarm.ring(now)
        if self._set:
            earliest = min(alarm.due_at for alarm in self._set)
            if earliest < inf:
                self._arm(max(earliest, loop.time() + len(self._set) * _LATE_S))


class Alarm:
    """
    Cancels the task that it was entered in when it rings, and raises a failure in place of the cancellation.

    Use as a context manager. It differs from ``asyncio.timeout`` in what it raises and in what it costs.

    Args:
        alarms: Where it is set.
        due_at: When it rings, by the loop's clock, unless ``due_at`` is changed before.
    """

    __slots__ = ("_alarms", "_cancelling", "_failure", "_task", "due_at")

    def __init__(self, alarms: Alarms, due_at: float) -> None:
        self._alarms = alarms
        self._failure: GatewayError | None = None
        self.due_at = due_at

    def __enter__(self) -> Self:
        task = asyncio.current_task()
        assert task is not None, "used in a task only"  # noqa: S101
        self._task = task
        self._cancelling = task.cancelling()
        self._alarms.add(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._alarms.discard(self)
        if self._failure is None:
            return
        # A task that was cancelled by somebody else too is to end as a cancelled one.
        if self._task.uncancel() <= self._cancelling and isinstance(error, asyncio.CancelledError):
            raise self._failure from None

    def ring(self, now: float) -> None:
        """Do what is to be done when the time has come: ``end``."""
        raise NotImplementedError

    def end(self, failure: GatewayError) -> None:
        """End what runs with ``failure``; the first one counts."""
        if self._failure is None:
            self._failure = failure
            self.due_at = inf
            self._task.cancel()

    def _set(self, due_at: float) -> None:
        if self._failure is None:
            self.due_at = due_at
            self._alarms.brought_forward(due_at)


class Watch(Alarm):
    """
    Ends a call when a clock runs out or when it is told to. A chunk costs two assignments.

    Args:
        alarms: Where it is set.
        clocks: The limits, until ``use`` gives others.
    """

    __slots__ = ("_clocks", "_loop", "_started_at", "_total_at", "_waiting")

    def __init__(self, alarms: Alarms, clocks: Clocks) -> None:
        self._clocks = clocks
        self._loop = asyncio.get_running_loop()
        self._started_at = self._loop.time()
        self._total_at = self._started_at + clocks.total_s
        self._waiting = False
        super().__init__(alarms, self._total_at)

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
        self._set(min(self.due_at, self._total_at) if self._waiting else self._total_at)

    def await_next(self) -> None:
        """From now on the next sign of life of a stream is due."""
        self._waiting = True
        self._set(min(self._total_at, self._loop.time() + self._clocks.idle_s))

    def arrived(self) -> None:
        """What was due is here."""
        self._waiting = False
        if self._failure is None:
            self.due_at = self._total_at

    def ring(self, now: float) -> None:
        if now >= self._total_at:
            self.end(TotalTimeoutError("The call took longer than the gateway allows in all (total_s)."))
        else:
            self.end(IdleTimeoutError(_NEXT))


_NEXT = "The provider went silent in the middle of its answer (idle_s). What it sent is above."


class FirstByte(Alarm):
    """
    Times one attempt, up to the first data of a stream or to the end of a whole answer.

    Apart from ``Watch``, since the attempt that it ends may be followed by another one.

    Args:
        alarms: Where it is set.
        clocks: The limits.
        stream: Whether the answer is streamed.
    """

    __slots__ = ("_idle_s", "_loop", "_message")

    def __init__(self, alarms: Alarms, clocks: Clocks, *, stream: bool) -> None:
        self._idle_s = clocks.idle_s
        self._message = _FIRST if stream else _ANSWER
        self._loop = asyncio.get_running_loop()
        super().__init__(alarms, self._loop.time() + (clocks.first_byte_s if stream else clocks.answer_s))

    def restart(self) -> None:
        """Data came that says nothing yet: what follows it is due as between any two."""
        self._set(self._loop.time() + self._idle_s)
        self._message = _BEGUN

    def ring(self, now: float) -> None:  # noqa: ARG002 - there is one clock
        self.end(FirstByteTimeoutError(self._message))


_FIRST = "The provider sent nothing in the time allowed (first_byte_s). Try again, or another model."
_BEGUN = "The provider went silent before its answer said anything (idle_s). Try again, or another model."
_ANSWER = "The provider did not finish its answer in the time allowed (answer_s). Try streaming."
