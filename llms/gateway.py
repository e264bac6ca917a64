"""
The stages of a call and their order: resolve, try the targets, watch the clocks, meter, record.

However a call ends (done, refused, provider died, client left, process told to stop) the same ``finally`` makes one
record, and making it never awaits.

Which target follows which is ``ranking``'s and ``retry``'s to say, and whether one is asked at all ``health``'s. Once
the first block that says something has been handed on nothing is tried again: a chunk that holds a role and no more is
kept back for it, so that a provider that fails right after it can still be replaced.
"""

import asyncio
import random
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from llms import explain, ranking
from llms.accounts import Accounts, require_right
from llms.attempts import Attempts, Begun
from llms.catalog import Catalog
from llms.clocks import Alarms, Watch
from llms.errors import DrainingError, GatewayError, KeyDisabledError, NoTargetError
from llms.health import Health
from llms.metered import Metered
from llms.records import Call, CallRecord, Route, Target
from llms.retry import Course
from llms.streams import Stream
from llms.tally import Tally
from llms.terms import Clocks
from llms.trail import Trail
from llms.values import value


@value
class Reply:
    """
    An answer that has begun.

    Args:
        target: Who gives it.
        blocks: The stream, whose first block is there already; ``None`` for a call that is not streamed.
        answer: The whole answer of such a call, in the inner dialect.
    """

    target: Target
    blocks: Stream | None
    answer: dict[str, Any]


class Gateway:
    """
    Runs calls.

    Args:
        catalog: Resolves model names.
        health: What is known of the targets.
        attempts: Makes them.
        clocks: Of every call, until it has a target.
        sink: Takes each call's record; must not block.
        alarms: Where the calls' clocks are set.
        accounts: Admit calls, and keep what they came to.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - it joins them
        self,
        catalog: Catalog,
        health: Health,
        attempts: Attempts,
        clocks: Clocks,
        sink: Callable[[CallRecord], None],
        alarms: Alarms,
        accounts: Accounts,
    ) -> None:
        self._catalog = catalog
        self._health = health
        self._attempts = attempts
        self._clocks = clocks
        self._sink = sink
        self._alarms = alarms
        self._accounts = accounts
        self._running: dict[Watch, Call] = {}
        self._calls = Tally()

    async def idle(self) -> None:
        """Wait until no call runs."""
        await self._calls.none()

    def end_all(self) -> None:
        """End every call that runs, with an error that says that the gateway is stopping."""
        for watch in tuple(self._running):
            watch.end(DrainingError("The gateway is stopping. Send the request again.", retry_after_s=1))

    def end_of_keys(self, key_ids: set[str]) -> None:
        """End the calls of keys that are not accepted any more."""
        for watch, call in tuple(self._running.items()):
            if call.key is not None and call.key.id in key_ids:
                watch.end(KeyDisabledError("The key of this call is not accepted any more."))

    async def plan(self, call: Call) -> tuple[Route, ranking.Plan]:
        """
        Say who would be tried for ``call``, in which order, as far as that is known without asking.

        Raises:
            ModelNotFoundError: Nobody serves its model, or its key is not for it.
            EndpointNotAllowedError: Its key is not for this endpoint.
            UnpricedError: No target that serves it has the price that it needs.
        """
        route = await self._route(call)
        return route, self._ranked(route, call)

    async def explain(self, call: Call) -> dict[str, Any]:
        """
        Say what would become of ``call``; see ``llms.explain``.

        Raises:
            ModelNotFoundError: Nobody serves its model.
        """
        route, plan = await self.plan(call)
        return explain.document(call, route, plan, self._health)

    def open(self, call: Call, trail: Trail | None = None) -> "Running":
        """
        Run ``call``; the body of the context is where its answer goes to the client.

        Args:
            trail: Takes down who was tried, for whoever wants to know while the call runs.

        Raises:
            GatewayError: Out of ``blocks`` or of the context's exit: the answer was cut short.
        """
        return Running(self, trail or Trail(call), Watch(self._alarms, self._clocks))

    def begins(self, call: Call, watch: Watch) -> None:
        """A call begins."""
        self._running[watch] = call
        self._calls.more()

    def ends(self, trail: Trail, watch: Watch) -> None:
        """A call is over."""
        del self._running[watch]
        self._calls.less()
        self._accounts.close(trail, self._sink)

    async def _admitted(self, trail: Trail) -> tuple[Route, ranking.Plan]:
        """Say who is to be tried, once limits and budgets allow the call."""
        route = await self._route(trail.call)
        asked_at = time.monotonic()
        try:
            await self._accounts.admit(trail, route)
        finally:
            trail.times.admitted(asked_at)
        return route, self._ranked(route, trail.call)

    async def _route(self, call: Call) -> Route:
        require_right(call)
        return self._accounts.affordable(await self._catalog.route(call.model), call)

    def _ranked(self, route: Route, call: Call) -> ranking.Plan:
        return ranking.plan(route, call.body, self._catalog.capabilities, random.randbytes(16))  # noqa: S311 - spreads load

    async def first_answer(self, trail: Trail, watch: Watch) -> Begun:
        """Try the targets until one begins to answer."""
        route, plan = await self._admitted(trail)
        stored = bool(trail.call.body.get("store"))
        targets = self._health.rested(plan.targets)
        trail.planned(targets, plan.skipped)

        def may_retry(target: Target) -> bool:
            may = self._health.may_retry(target)
            if not may and all(attempt.target is not target for attempt in trail.attempts):
                trail.skip([(target, _NO_RETRY)])
            return may

        course = Course(targets, stored=stored, may_retry=may_retry, random=random.random)
        self._attempts.called(route, trail.call.model)
        step = course.next()
        while step is not None:
            target = step.target
            if unfit := self._health.unfit(target):
                trail.skip([(target, unfit.reason)])
                course.passed_over(target, unfit.failure)
                step = course.next()
                continue
            watch.use(target.terms.clocks)
            if step.wait_s:
                await asyncio.sleep(step.wait_s)
            try:
                begun = await self._attempts.run(trail, route, step, course)
            except GatewayError as error:
                step = course.after(step, error, watch.left_s)
            else:
                watch.use(begun.target.terms.clocks)  # of a hedge, the second may have won
                return begun
        raise trail.told(course.failure() or NoTargetError(_NONE_FITS))


class Running:
    """
    A call that runs, as an asynchronous context; see ``Gateway.open``.

    A class, since a generator under ``asynccontextmanager`` cannot be compiled.
    """

    __slots__ = ("_begun", "_gateway", "_trail", "_watch")

    def __init__(self, gateway: Gateway, trail: Trail, watch: Watch) -> None:
        self._gateway = gateway
        self._trail = trail
        self._watch = watch
        self._begun: Begun | None = None

    async def __aenter__(self) -> Self:
        self._gateway.begins(self._trail.call, self._watch)
        self._watch.__enter__()
        return self

    async def reply(self) -> Reply:
        """
        Give the answer, once it has begun.

        Raises:
            GatewayError: There is none.
        """
        trail, watch = self._trail, self._watch
        trail.times.routing()
        begun = self._begun = await self._gateway.first_answer(trail, watch)
        trail.times.answered(begun.times)
        trail.began(begun.target)
        if begun.rest is not None:
            return Reply(begun.target, Metered(begun, trail.meter, watch), {})
        trail.meter.answer(begun.answer)
        return Reply(begun.target, None, begun.answer)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        trail = self._trail
        try:
            if self._begun is not None:
                try:
                    await self._begun.close()
                except BaseException as later:
                    error = later
            self._watch.__exit__(None, error, None)
            if error is not None:
                raise error
            trail.ended("ok")
        except GatewayError as failure:
            trail.failed(failure)
            raise
        except (asyncio.CancelledError, GeneratorExit, ConnectionError):
            trail.ended("client_closed", "client_closed_request")
            raise
        finally:
            error = None  # or what is raised and this frame would keep each other, and the call, alive
            self._gateway.ends(trail, self._watch)


_NO_RETRY = "its provider has failed, and has no retry left for now"
_NONE_FITS = "No target of this model can do what the request asks for."
