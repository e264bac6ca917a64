"""A streamed answer over HTTP: bytes out of the transport, through the codec's decoder, as blocks."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from math import inf
from typing import Protocol

from llms.errors import (
    Retry,
    UpstreamBadResponseError,
    UpstreamContentTypeError,
    UpstreamEventTooLargeError,
    UpstreamTruncatedError,
)
from llms.exchange import EnoughError, UpstreamResponse
from llms.records import Block
from llms.scopes import lastly
from llms.streams import Stream, Take

EMPTY = "The provider's answer is empty."
_TOO_LARGE = "The provider's answer is over the size limit."


class Decoder(Protocol):
    """Turns the bytes of one streamed answer into chunks that obey the rules; same chunks however the bytes are cut."""

    @property
    def done(self) -> bool:
        """Whether nothing more need be read: the answer is complete, or has failed, which ``close`` then raises."""

    def feed(self, data: bytes) -> Block:
        """
        Take what one read found; give the chunks that it completes, maybe none.

        Raises:
            GatewayError: The upstream reported an error, or sent what cannot be read.
        """

    def close(self) -> Block:
        """
        Take the end of the stream; give what was held back.

        Raises:
            UpstreamTruncatedError: The answer is not complete.
        """


class Reading(Stream):
    """
    The body of an answer, read as a stream.

    Args:
        response: The answer; whoever asked closes it.
        decoder: Reads it.
        named: Whether its media type says that it is a stream; else its first bytes have to.
        max_bytes: The longest that it may be.
    """

    def __init__(self, response: UpstreamResponse, decoder: Decoder, *, named: bool, max_bytes: float = inf) -> None:
        self._response = response
        self._decoder = decoder
        self._unnamed = not named
        self._max_bytes = max_bytes
        self._length = 0
        self._reads: AsyncGenerator[bytes, None] | None = None
        self.over = False

    async def __anext__(self) -> Block:
        if self.over:
            raise StopAsyncIteration
        if not self._decoder.done:
            if self._reads is None:
                self._reads = self._response.blocks()
            try:
                return self._decoded(await anext(self._reads))
            except StopAsyncIteration:
                self._require_something()
            except UpstreamTruncatedError:
                pass  # only the decoder knows whether what was cut off was still wanted
        if block := self._ended():
            return block
        raise StopAsyncIteration

    async def into(self, take: Take) -> None:
        if self.over:
            return

        def push(data: bytes) -> asyncio.Future[None] | None:
            room = take(self._decoded(data))
            if self._decoder.done:
                raise EnoughError
            return room

        if not self._decoder.done:
            try:
                await self._response.into(push)
                if not self._decoder.done:
                    self._require_something()
            except UpstreamTruncatedError:
                pass  # as above
        if (block := self._ended()) and (room := take(block)) is not None:
            await room

    async def aclose(self) -> None:
        if self._reads is not None:
            await self._reads.aclose()

    def _decoded(self, data: bytes) -> Block:
        """Decode one read. An empty block says that the upstream lives."""
        self._length += len(data)
        if self._unnamed:
            _require_event_stream(data)
            self._unnamed = False
        if self._length > self._max_bytes:
            raise UpstreamEventTooLargeError(_TOO_LARGE)
        return self._decoder.feed(data)

    def _ended(self) -> Block:
        self.over = True
        return self._decoder.close()

    def _require_something(self) -> None:
        if self._length == 0:
            raise UpstreamBadResponseError(EMPTY, retry=Retry.AMBIGUOUS)


class Answer(Stream):
    """
    A call's streamed answer. The request is sent when the first block is asked for.

    Args:
        exchange: The request and its answer; ended as soon as the answer is over, or nobody wants it.
        read: Makes a stream of an answer that has come.
    """

    def __init__(
        self,
        exchange: AbstractAsyncContextManager[UpstreamResponse],
        read: Callable[[UpstreamResponse], Awaitable[Stream]],
    ) -> None:
        self._exchange = exchange
        self._read = read
        self._open = False
        self._stream: Stream | None = None

    async def __anext__(self) -> Block:
        if self._stream is None:
            response = await self._exchange.__aenter__()
            self._open = True
            self._stream = await self._read(response)
        block = await anext(self._stream, None)
        if block is None:
            await self._leave(None)
            raise StopAsyncIteration
        return block

    async def into(self, take: Take) -> None:
        if self._stream is None:
            await super().into(take)
            return
        await self._stream.into(take)
        await self._leave(None)

    async def aclose(self) -> None:
        await self._leave(GeneratorExit)

    async def _leave(self, kind: type[BaseException] | None) -> None:
        """
        End the exchange.

        Args:
            kind: ``None`` if the answer has been read to its end, so that the connection can be used again.
        """
        if not self._open:
            return
        self._open = False
        leave = partial(self._exchange.__aexit__, kind, None, None)
        if self._stream is None:
            await leave()
        else:
            await lastly(self._stream.aclose(), leave)


_STREAM_STARTS = (b"data:", b"event:", b"id:", b"retry:", b":", b"\xef\xbb\xbf")


def _require_event_stream(first: bytes) -> None:
    # Some servers send events as text/plain or name no type: the bytes decide.
    first = first.lstrip()[:7]
    if not any(first.startswith(start) or start.startswith(first) for start in _STREAM_STARTS):
        message = "The provider's answer is neither JSON nor an event stream."
        raise UpstreamContentTypeError(message)
