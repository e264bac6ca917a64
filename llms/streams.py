"""
Streamed answers, on their way from a provider to a client.

Up to its first words an answer is pulled: only then is it decided who gives it. The rest of it is pushed: what a read
finds goes through decoder, meter and encoder to the client within the same call of the event loop. To wake a task for
every chunk would double what a chunk costs.
"""

import asyncio
from collections.abc import Callable
from typing import Self

from llms.records import Block, Blocks

Take = Callable[[Block], "asyncio.Future[None] | None"]
"""
Takes a block; an empty one says that the upstream lives. Gives a future if nothing more is wanted before that is done:
the client does not keep up.
"""


class Stream:
    """
    A streamed answer: an asynchronous iterator of blocks, whose rest can be pushed.

    Every method raises ``GatewayError`` only. Cancelling one ends the upstream's work at once.
    """

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Block:
        raise NotImplementedError

    async def into(self, take: Take) -> None:
        """
        Hand every further block to ``take``; returns at the end of the answer.

        Raises:
            GatewayError: The answer was cut short, or holds an error.
        """
        async for block in self:
            if (room := take(block)) is not None:
                await room

    async def aclose(self) -> None:
        """Let go of the upstream. No error comes out of it."""


class Pulled(Stream):
    """
    A stream whose provider is a generator, as one that is no HTTP service.

    Args:
        blocks: The generator.
    """

    def __init__(self, blocks: Blocks) -> None:
        self._blocks = blocks

    async def __anext__(self) -> Block:
        return await anext(self._blocks)

    async def aclose(self) -> None:
        await self._blocks.aclose()
