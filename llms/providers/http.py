"""
A provider that is an HTTP service: a pure codec over the shared transport.

The codec translates; this module decides what an answer's status and media type mean, which is the same for all.
"""

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from math import inf
from typing import Any, Protocol

from llms.errors import (
    GatewayError,
    Retry,
    UpstreamBadResponseError,
    UpstreamContentTypeError,
    UpstreamRedirectError,
    UpstreamTruncatedError,
)
from llms.exchange import Send, UpstreamRequest, UpstreamResponse
from llms.providers.http_stream import EMPTY, Answer, Decoder, Reading
from llms.records import Block, Blocks, Call, Completion, Model, Target
from llms.scopes import in_time, lastly, within
from llms.streams import Stream
from llms.wire import accumulate

_log = logging.getLogger("llms.providers")

_MAX_LIST_BYTES = 64 << 20

MAX_ERROR_BYTES = 64 << 10
_LOGGED_TEXT = 200
_ERROR_BODY_S = 2.0


class Codec(Protocol):
    """The pure half of an HTTP provider: requests out, answers in."""

    @property
    def stream_types(self) -> tuple[str, ...]:
        """The media types of a streamed answer."""

    def chat(self, call: Call, target: Target) -> UpstreamRequest:
        """Ask for an answer, streamed if ``call.stream``."""

    def decoder(self, call: Call, target: Target) -> Decoder:
        """Read a streamed answer."""

    def completion(self, call: Call, target: Target, body: bytes) -> Completion:
        """Read a whole answer."""

    def embed(self, call: Call, target: Target) -> UpstreamRequest:
        """Ask for embeddings."""

    def embeddings(self, call: Call, target: Target, body: bytes) -> dict[str, Any]:
        """Read embeddings."""

    def list_models(self) -> UpstreamRequest:
        """Ask for the list of models."""

    def clean(self, text: str) -> str:
        """Make what the upstream said fit for the log: none of the provider's secrets is in it."""

    def models(self, body: bytes) -> list[Model]:
        """Read the list of models."""

    def failure(
        self, status: int, headers: Mapping[str, str], body: bytes, call: Call | None, target: Target | None
    ) -> GatewayError:
        """Say what an answer with a status of 400 or more means."""


class HttpProvider:
    """
    Runs a codec over the transport.

    Args:
        name: The provider's name in the configuration.
        codec: Translates.
        send: The one way out.
    """

    def __init__(self, name: str, codec: Codec, send: Send) -> None:
        self.name = name
        self._codec = codec
        self._send = send

    def chat(self, call: Call, target: Target) -> Blocks:
        async def read(response: UpstreamResponse) -> Stream:
            await self._check(response, call, target)
            if response.content_type == "application/json" and "application/json" not in self._codec.stream_types:
                return _AtOnce(partial(self._block, response, call, target))
            return self._reading(response, call, target)

        return Answer(self._send(self._codec.chat(call, target), target.terms.clocks.connect_s), read)

    async def complete(self, call: Call, target: Target) -> Completion:
        terms = target.terms

        async def read(response: UpstreamResponse) -> Completion:
            await self._check(response, call, target)
            if response.content_type in self._codec.stream_types:
                return await self._collect(response, call, target)
            return self._codec.completion(call, target, await _whole(response, terms.bounds.max_answer_bytes))

        return await within(self._send(self._codec.chat(call, target), terms.clocks.connect_s), read)

    async def embed(self, call: Call, target: Target) -> dict[str, Any]:
        terms = target.terms

        async def read(response: UpstreamResponse) -> dict[str, Any]:
            await self._check(response, call, target)
            return self._codec.embeddings(call, target, await _whole(response, terms.bounds.max_answer_bytes))

        return await within(self._send(self._codec.embed(call, target), terms.clocks.connect_s), read)

    async def models(self) -> list[Model]:
        async def read(response: UpstreamResponse) -> list[Model]:
            await self._check(response, None, None)
            return self._codec.models(await response.read(_MAX_LIST_BYTES))

        return await within(self._send(self._codec.list_models()), read)

    async def _block(self, response: UpstreamResponse, call: Call, target: Target) -> Block:
        body = await _whole(response, target.terms.bounds.max_answer_bytes)
        return accumulate.chunks(self._codec.completion(call, target, body))

    def _reading(self, response: UpstreamResponse, call: Call, target: Target, max_bytes: float = inf) -> Reading:
        named = response.content_type in self._codec.stream_types
        return Reading(response, self._codec.decoder(call, target), named=named, max_bytes=max_bytes)

    async def _collect(self, response: UpstreamResponse, call: Call, target: Target) -> Completion:
        whole = accumulate.Accumulator(call)
        blocks = self._reading(response, call, target, target.terms.bounds.max_answer_bytes)
        await lastly(blocks.into(whole.feed), blocks.aclose)
        return whole.completion()

    async def _check(self, response: UpstreamResponse, call: Call | None, target: Target | None) -> None:
        status = response.status
        if status == 200:
            if response.content_type == "text/html":
                if _log.isEnabledFor(logging.DEBUG):
                    page = (await _beginning(response)).decode("utf-8", "replace")
                    _log.debug("provider %s sent a web page: %s", self.name, self._codec.clean(page)[:_LOGGED_TEXT])
                message = f"Provider {self.name} answered with a web page. Check its base_url."
                raise UpstreamContentTypeError(message)
            return
        if status in _REDIRECTS:
            message = f"Provider {self.name} answered with a redirect, which is not followed. Check its base_url."
            raise UpstreamRedirectError(message)
        if status < 400 or status > 599:
            message = f"Provider {self.name} answered with the unexpected status {status}."
            raise UpstreamBadResponseError(message)
        raise self._codec.failure(status, response.headers, await _beginning(response), call, target)


class _AtOnce(Stream):
    """A whole answer, where a stream was asked for: it is the one block of a stream."""

    def __init__(self, read: Callable[[], Awaitable[Block]]) -> None:
        self._read: Callable[[], Awaitable[Block]] | None = read

    async def __anext__(self) -> Block:
        if self._read is None:
            raise StopAsyncIteration
        read, self._read = self._read, None
        return await read()


async def _whole(response: UpstreamResponse, max_bytes: int) -> bytes:
    body = await response.read(max_bytes)
    if not body.strip():
        raise UpstreamBadResponseError(EMPTY, retry=Retry.AMBIGUOUS)
    return body


async def _beginning(response: UpstreamResponse) -> bytes:
    """Give as much of an error's body as may hold its text; the status counts even if the body does not arrive."""
    pieces: list[bytes] = []

    async def read(reads: AsyncGenerator[bytes, None]) -> None:
        length = 0
        async for data in reads:
            pieces.append(data)
            length += len(data)
            if length >= MAX_ERROR_BYTES:
                break

    with suppress(UpstreamTruncatedError, UpstreamBadResponseError, TimeoutError):
        reads = response.blocks()
        await lastly(in_time(_ERROR_BODY_S, read(reads)), reads.aclose)
    return b"".join(pieces)


_REDIRECTS = (301, 302, 303, 307, 308)
