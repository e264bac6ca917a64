"""
What a scripted upstream does, step by step. A script is a tuple of steps, so scripts are joined with ``+`` or ``*``.

A script ends early, and counts as played, when the other side closes the connection. After its last step the connection
is kept for the next request.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

PATIENCE_S = 30.0
"""The longest that any step waits; longer is a failure of the test, told by ``Upstream`` when it is left."""

_TURNS = 3  # of the loop: enough for the other side, in the same loop, to read what was written before more is


class Peer(Protocol):
    """A connection as a step sees it."""

    gone: asyncio.Event
    received_bytes: int

    async def write(self, data: bytes) -> None:
        """Hand ``data`` to the kernel; waits while the other side does not read."""

    def fin(self) -> None:
        """Close the connection."""

    def rst(self) -> None:
        """Reset the connection."""

    def read_on(self, yes: bool) -> None:  # noqa: FBT001
        """Leave what comes from now on in the kernel, or take it."""


Step = Callable[[Peer], Awaitable[None]]
Script = tuple[Step, ...]


def send(data: bytes, piece: int | None = None) -> Step:
    """Write ``data``, at once or ``piece`` bytes at a time; each write is a read of its own on the other side."""

    async def step(peer: Peer) -> None:
        size = piece or max(1, len(data))
        for start in range(0, len(data), size):
            await peer.write(data[start : start + size])
            for _ in range(_TURNS):
                await asyncio.sleep(0)

    return step


def flood(data: bytes) -> Step:
    """Write ``data`` again and again, until the other side closes."""

    async def step(peer: Peer) -> None:
        while True:
            await peer.write(data)
            await asyncio.sleep(0)

    return step


def drip(data: bytes, every_s: float) -> Step:
    """Write ``data`` every so many seconds, until the other side closes."""

    async def step(peer: Peer) -> None:
        while True:
            await peer.write(data)
            await asyncio.sleep(every_s)

    return step


def sleep(seconds: float) -> Step:
    """Do nothing for a while."""

    async def step(_peer: Peer) -> None:
        await asyncio.sleep(min(seconds, PATIENCE_S))

    return step


def wait(event: asyncio.Event, within_s: float = PATIENCE_S) -> Step:
    """Do nothing until the test sets ``event``."""

    async def step(_peer: Peer) -> None:
        async with asyncio.timeout(within_s):
            await event.wait()

    return step


def take(count: int) -> Step:
    """Wait until ``count`` bytes have come over this connection, and read no more: the middle of a long request."""

    async def step(peer: Peer) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while peer.received_bytes < count:  # noqa: ASYNC110 - no event tells of it
                await asyncio.sleep(0)
        peer.read_on(False)

    return step


def take_rest() -> Step:
    """Read again, after ``take``."""

    async def step(peer: Peer) -> None:
        peer.read_on(True)

    return step


def tell(event: asyncio.Event) -> Step:
    """Set ``event``, for the test to wait on."""

    async def step(_peer: Peer) -> None:
        event.set()

    return step


def rst() -> Step:
    """Reset the connection (``SO_LINGER`` 0)."""

    async def step(peer: Peer) -> None:
        peer.rst()
        await peer.gone.wait()

    return step


def fin() -> Step:
    """Close the connection in good order."""

    async def step(peer: Peer) -> None:
        peer.fin()
        await peer.gone.wait()

    return step


def hang() -> Step:
    """Say nothing more, until the other side closes."""
    return expect_closed(PATIENCE_S)


def expect_closed(within_s: float) -> Step:
    """Fail unless the other side closes the connection within ``within_s``."""

    async def step(peer: Peer) -> None:
        try:
            async with asyncio.timeout(within_s):
                await peer.gone.wait()
        except TimeoutError:
            message = f"the connection was not closed within {within_s} s"
            raise AssertionError(message) from None

    return step
