"""One attempt: from a call and a target to an answer that has begun, or a failure."""

import asyncio
import time
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, replace
from typing import Any

from llms.bulkhead import Bulkhead
from llms.clocks import Alarms, FirstByte
from llms.errors import GatewayError, OverloadedError, UpstreamBadResponseError
from llms.health import Health
from llms.hedging import Hedging, hedged
from llms.records import Block, Call, Provider, Route, Target
from llms.retry import Course, Step
from llms.scopes import or_undo
from llms.streams import Pulled, Stream
from llms.times import ATTEMPT, AttemptTimes
from llms.trail import Trail
from llms.wire.chunks import says_something


@dataclass(frozen=True, slots=True)
class Upstream:
    """
    A provider and its places.

    Args:
        providers: The provider, once for each of its keys, by ``Target.credential``.
        bulkhead: How many calls they are given at once, all keys together.
    """

    providers: Mapping[str | None, Provider]
    bulkhead: Bulkhead


class Begun:
    """
    What an attempt came to. It holds a place at the provider until it is closed, once.

    Args:
        target: Who answers.
        first: The first block that says something, and what came before it.
        rest: The blocks after it; ``None`` for a call that is not streamed.
        answer: The whole answer of such a call.
        bulkhead: Where its place is.
        times: When it got on.
    """

    __slots__ = ("_bulkhead", "answer", "first", "rest", "target", "times")

    def __init__(  # noqa: PLR0913, PLR0917 - it joins them
        self,
        target: Target,
        first: Block,
        rest: Stream | None,
        answer: dict[str, Any],
        bulkhead: Bulkhead,
        times: AttemptTimes,
    ) -> None:
        self.target = target
        self.first = first
        self.rest = rest
        self.answer = answer
        self._bulkhead = bulkhead
        self.times = times

    async def close(self) -> None:
        """Let go of the answer, whether it has ended or nobody wants it."""
        try:
            if self.rest is not None:
                await self.rest.aclose()
        finally:
            self._bulkhead.give()


class Attempts:
    """
    Makes attempts.

    Args:
        upstreams: By the providers' names.
        health: Told how they went.
        hedging: Decides on second targets.
        alarms: Where the attempts' clocks are set.
    """

    def __init__(self, upstreams: Mapping[str, Upstream], health: Health, hedging: Hedging, alarms: Alarms) -> None:
        self._upstreams = upstreams
        self._health = health
        self._hedging = hedging
        self._alarms = alarms

    def called(self, route: Route, model: str) -> None:
        """Note a call of ``model``, which stands for ``route``."""
        self._hedging.called(route, model)

    async def run(self, trail: Trail, route: Route, step: Step, course: Course) -> Begun:
        """
        Ask the target of ``step``, and another one beside it if it keeps silent for unusually long.

        Raises:
            GatewayError: It failed before its first block.
        """
        call = trail.call
        if not route.hedge_percent:
            return await self._attempt(trail, step)
        patience_s = self._hedging.patience_s(step.target, stream=call.stream)
        if patience_s is None or step.again or not course.more or call.body.get("store"):
            return await self._timed(trail, step)

        def second() -> Coroutine[Any, Any, Begun] | None:
            if not self._hedging.take(call.model):
                return None
            while (other := course.next()) is not None:
                if (unfit := self._health.unfit(other.target)) is None:
                    return beside(replace(other, queues=False))
                trail.skip([(other.target, unfit.reason)])
                course.passed_over(other.target, unfit.failure)
            return None

        async def beside(other: Step) -> Begun:
            try:
                return await self._timed(trail, other)
            except GatewayError as failure:
                course.failed(other, failure)
                raise

        return await hedged(self._timed(trail, step), second, patience_s, Begun.close)

    async def _timed(self, trail: Trail, step: Step) -> Begun:
        """Make an attempt, and note how long its first byte took."""
        started_at = time.monotonic()
        try:
            begun = await self._attempt(trail, step)
        except asyncio.CancelledError:
            waited_s = time.monotonic() - started_at
            usual_s = self._hedging.patience_s(step.target, stream=trail.call.stream)
            if usual_s is not None and waited_s > usual_s:
                self._hedging.began(step.target, stream=trail.call.stream, first_byte_s=waited_s)
            raise
        self._hedging.began(step.target, stream=trail.call.stream, first_byte_s=time.monotonic() - started_at)
        return begun

    async def _attempt(self, trail: Trail, step: Step) -> Begun:
        target = step.target
        upstream = self._upstreams[target.provider]
        times = trail.times.attempt()
        await self._admit(trail, step, upstream.bulkhead)
        times.began_at = time.monotonic()
        token = ATTEMPT.set(times)
        probes = self._health.asked(target, again=step.again)
        outcome = "cancelled"
        try:
            begun = await self._begun(upstream, adapted(trail.call, target), target, times)
            outcome = "ok"
        except GatewayError as failure:
            outcome = failure.code or failure.type
            self._health.failed(target, failure, probe=probes)
            raise
        except asyncio.CancelledError:
            if probes:
                self._health.let_probe(target)
            raise
        finally:
            ATTEMPT.reset(token)
            times.ended_at = time.monotonic()
            trail.attempted(target, outcome, times.ended_at - times.began_at)
            if outcome != "ok":
                upstream.bulkhead.give()
        self._health.answered(target)
        return begun

    async def _admit(self, trail: Trail, step: Step, bulkhead: Bulkhead) -> None:
        """Take a place. Whether the target may be asked is looked up once more: others may have asked meanwhile."""
        try:
            await bulkhead.take(wait=step.queues)
        except OverloadedError:
            trail.skip([(step.target, "it has as many calls as it takes at once")])
            raise
        if unfit := self._health.unfit(step.target):
            bulkhead.give()
            trail.skip([(step.target, unfit.reason)])
            raise unfit.failure

    async def _begun(self, upstream: Upstream, call: Call, target: Target, times: AttemptTimes) -> Begun:
        """Ask; the place that is held is the answer's to give back once there is one."""
        provider = upstream.providers[target.credential]
        if not call.stream:
            with FirstByte(self._alarms, target.terms.clocks, stream=False):
                answer = await (provider.embed if call.api == "embeddings" else provider.complete)(call, target)
            return Begun(target, [], None, answer, upstream.bulkhead, times)
        blocks = provider.chat(call, target)
        rest = blocks if isinstance(blocks, Stream) else Pulled(blocks)

        async def begin() -> Block:
            with FirstByte(self._alarms, target.terms.clocks, stream=True) as clock:
                return await _first(rest, clock)

        first = await or_undo(begin(), rest.aclose)
        if not first:
            await rest.aclose()
        return Begun(target, first, rest, {}, upstream.bulkhead, times)


async def _first(blocks: Stream, clock: FirstByte) -> Block:
    """Give what comes up to the first block that says something."""
    first: Block = []
    while len(first) < _MOST_HELD and not says_something(first) and (block := await anext(blocks, None)) is not None:
        first = [*first, *block] if first else block
        if first:
            clock.restart()
    if not first:
        message = "The provider's answer is empty."
        raise UpstreamBadResponseError(message)
    return first


_MOST_HELD = 256
"""Chunks that say nothing: twice the choices that an answer may have. After these it counts as begun."""


def adapted(call: Call, target: Target) -> Call:
    """Give ``call`` as ``target`` is to be asked it: less what it does not take, with its defaults and overrides."""
    body = target.asked(call.body)
    return call if body is call.body else replace(call, body=body)
