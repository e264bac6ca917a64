"""
The stages of a call and their order: resolve, try the targets, watch the clocks, meter, record.

However a call ends (done, refused, provider died, client left, process told to stop) the same ``finally`` makes one
record, and making it never awaits.

The next target is tried when one could not be reached or refused (429, 5xx, its key, a model that it does not have),
and not when it may be answering already or the request itself is at fault: that would bill twice, or fail twice. Once
the first block has been handed on nothing is tried again.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from llms.catalog import Catalog
from llms.clocks import Clocks, Watch
from llms.errors import (
    DrainingError,
    GatewayError,
    Retry,
    UpstreamBadResponseError,
    UpstreamTimeoutError,
)
from llms.records import Attempt, Block, Call, CallRecord, Provider, Target
from llms.wire.meter import Meter


@dataclass(frozen=True, slots=True)
class Reply:
    """
    An answer that has begun.

    Args:
        target: Who gives it.
        blocks: The stream; the first block is there already. Empty for a call that is not streamed.
        answer: The whole answer of a call that is not streamed, in the inner dialect.
    """

    target: Target
    blocks: AsyncIterator[Block]
    answer: dict[str, Any]


class Gateway:
    """
    Runs calls.

    Args:
        providers: Those that can be on, by name.
        catalog: Resolves model names.
        clocks: Of every call.
        sink: Takes each call's record; must not block.
    """

    def __init__(
        self,
        providers: Mapping[str, Provider],
        catalog: Catalog,
        clocks: Clocks,
        sink: Callable[[CallRecord], None],
    ) -> None:
        self._providers = providers
        self._catalog = catalog
        self._clocks = clocks
        self._sink = sink
        self._running: set[Watch] = set()
        self._idle = asyncio.Event()
        self._idle.set()

    async def idle(self) -> None:
        """Wait until no call runs."""
        await self._idle.wait()

    def end_all(self) -> None:
        """End every call that runs, with an error that says that the gateway is stopping."""
        for watch in tuple(self._running):
            watch.end(DrainingError("The gateway is stopping. Send the request again.", retry_after_s=1))

    @asynccontextmanager
    async def open(self, call: Call) -> AsyncGenerator[Reply, None]:
        """
        Run ``call``; the body of the context is where its answer goes to the client.

        Raises:
            GatewayError: There is no answer, or, out of ``blocks`` or of the context's exit, it was cut short.
        """
        trail = _Trail(call)
        watch = Watch(self._clocks)
        self._running.add(watch)
        self._idle.clear()
        try:
            async with watch, AsyncExitStack() as stack:
                targets = await self._catalog.targets(call.model)
                yield await self._first_answer(trail, targets, watch, stack)
            trail.ended("ok")
        except GatewayError as failure:
            trail.failed(failure)
            raise
        except (asyncio.CancelledError, GeneratorExit, ConnectionError):
            trail.ended("client_closed", "client_closed_request")
            raise
        finally:
            self._running.discard(watch)
            if not self._running:
                self._idle.set()
            self._sink(trail.record())

    async def _first_answer(
        self, trail: "_Trail", targets: tuple[Target, ...], watch: Watch, stack: AsyncExitStack
    ) -> Reply:
        """Try the targets in order until one begins to answer."""
        last = len(targets) - 1
        for index, target in enumerate(targets):
            stale_left = 1
            while True:
                try:
                    with trail.attempt(target):
                        return await self._attempt(trail, target, watch, stack)
                except GatewayError as failure:
                    # With "store" a request leaves something behind at the provider: it is not sent twice.
                    if failure.retry is Retry.STALE and stale_left and not trail.call.body.get("store"):
                        stale_left -= 1
                    elif index < last and failure.retry in (Retry.SAFE, Retry.REJECT):
                        break
                    else:
                        raise
        raise AssertionError  # pragma: no cover - the last target returns or raises

    async def _attempt(self, trail: "_Trail", target: Target, watch: Watch, stack: AsyncExitStack) -> Reply:
        provider = self._providers[target.provider]
        call = _with_defaults(trail.call, target)
        if not call.stream:
            watch.await_answer()
            answer = await (provider.embed if call.api == "embeddings" else provider.complete)(call, target)
            watch.arrived()
            trail.began()
            trail.meter.answer(answer)
            return Reply(target, _no_blocks(), answer)
        async with AsyncExitStack() as attempt:
            rest = await attempt.enter_async_context(aclosing(provider.chat(call, target)))
            watch.await_first()
            first = await _first_data(rest)
            watch.arrived()
            if first is None:
                message = "The provider's answer is empty."
                raise UpstreamBadResponseError(message)
            trail.began()
            stack.push_async_exit(attempt.pop_all())
        blocks = await stack.enter_async_context(aclosing(_metered(first, rest, trail.meter, watch)))
        return Reply(target, blocks, {})


async def _first_data(blocks: AsyncIterator[Block]) -> Block | None:
    async for block in blocks:
        if block:
            return block
    return None


async def _metered(first: Block, rest: AsyncIterator[Block], meter: Meter, watch: Watch) -> AsyncGenerator[Block, None]:
    meter.look(first)
    yield first
    watch.await_next()
    async for block in rest:
        watch.arrived()
        if block:  # an empty one is a sign of life, and nobody's business but the clock's
            meter.look(block)
            yield block
        watch.await_next()
    watch.arrived()


async def _no_blocks() -> AsyncGenerator[Block, None]:
    return
    yield  # makes it a generator


def _with_defaults(call: Call, target: Target) -> Call:
    if not target.defaults:
        return call
    # The two names of the token limit are one field.
    limited = not _TOKEN_LIMITS.isdisjoint(call.body)
    defaults = {name: value for name, value in target.defaults.items() if not (limited and name in _TOKEN_LIMITS)}
    return replace(call, body={**defaults, **call.body})


_TOKEN_LIMITS = frozenset({"max_tokens", "max_completion_tokens"})


class _Trail:
    """What is learnt of a call on its way; becomes its record."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.meter = Meter()
        self._started = time.monotonic()
        self._first: float | None = None
        self._attempts: list[Attempt] = []
        self._status = "internal"  # what it stays if something fails that nobody foresaw
        self._code: str | None = "internal_error"

    def began(self) -> None:
        self._first = time.monotonic() - self._started

    def ended(self, status: str, code: str | None = None) -> None:
        self._status, self._code = status, code

    def failed(self, failure: GatewayError) -> None:
        if isinstance(failure, DrainingError):
            status = "draining"
        elif isinstance(failure, UpstreamTimeoutError):
            status = "timeout"
        elif self._attempts:
            status = "upstream_error"
        else:
            status = "rejected"
        self.ended(status, failure.code)

    def attempt(self, target: Target) -> "_AttemptClock":
        return _AttemptClock(self._attempts, target)

    def record(self) -> CallRecord:
        return CallRecord(
            call=self.call,
            status=self._status,
            code=self._code,
            attempts=tuple(self._attempts),
            usage=self.meter.usage,
            finish_reason=self.meter.finish_reason,
            chunks=self.meter.chunks,
            first_byte_s=self._first,
            duration_s=time.monotonic() - self._started,
        )


class _AttemptClock:
    """Times one attempt, up to its first block or its failure, and notes how it went."""

    def __init__(self, attempts: list[Attempt], target: Target) -> None:
        self._attempts = attempts
        self._target = target
        self._started = time.monotonic()

    def __enter__(self) -> None: ...

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        outcome = "ok"
        if isinstance(error, GatewayError):
            outcome = error.code or error.type
        elif error is not None:
            outcome = "cancelled"
        self._attempts.append(Attempt(self._target, outcome, time.monotonic() - self._started))
