"""
A body that is pulled, piece by piece.

Apart from ``connection``, since an asynchronous generator cannot be compiled (see docs/compiled.md).
"""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from typing import Protocol

from llms.http1.connection import Connection
from llms.http1.pieces import READ_BYTES


class Coding(Protocol):
    """Undoes what was done to a body on its way; see ``llms.wire.content_coding``."""

    def feed(self, data: bytes) -> Iterable[bytes]:
        """Give what came out of ``data``."""

    def close(self) -> None:
        """The body is over; raises if something is missing."""


async def reads(connection: Connection, coding: Coding | None) -> AsyncGenerator[bytes, None]:
    """
    Give what the body holds, as it comes.

    Raises:
        GatewayError: It was cut short, or is not what it says it is.
    """
    while data := await connection.read():
        for piece in (data,) if coding is None else coding.feed(data):
            yield piece
            if len(piece) >= READ_BYTES:
                await asyncio.sleep(0)  # more is there already: let others have their turn
    if coding is not None:
        coding.close()
