"""The stream of a call as its client gets it: with the first block back in front, metered, and its silence timed."""

import asyncio

from llms.attempts import Begun
from llms.clocks import Watch
from llms.records import Block
from llms.streams import Stream, Take
from llms.wire.meter import Meter


class Metered(Stream):
    """
    The blocks of an answer that has begun. Empty ones are nobody's business but the clock's, and are left out.

    Args:
        begun: The answer; whoever began it closes it.
        meter: Sees each block.
        watch: Ends the call if the upstream falls silent; stands still while the client is what is waited for.
    """

    def __init__(self, begun: Begun, meter: Meter, watch: Watch) -> None:
        assert begun.rest is not None, "a call that is streamed"  # noqa: S101
        self._first: Block | None = begun.first
        self._rest = begun.rest
        self._meter = meter
        self._watch = watch

    async def __anext__(self) -> Block:
        if (first := self._first) is not None:
            self._first = None
            self._meter.look(first)
            return first
        block: Block = []
        try:
            while not block:
                self._watch.await_next()
                block = await anext(self._rest)
        finally:
            self._watch.arrived()
        self._meter.look(block)
        return block

    async def into(self, take: Take) -> None:
        watch, look = self._watch, self._meter.look

        def metered(block: Block) -> asyncio.Future[None] | None:
            if block:
                look(block)
                if (room := take(block)) is not None:
                    watch.arrived()
                    room.add_done_callback(lambda _: watch.await_next())
                    return room
            watch.await_next()
            return None

        if self._first is not None and (room := take(await anext(self))) is not None:
            await room
        watch.await_next()
        try:
            await self._rest.into(metered)
        finally:
            watch.arrived()
