"""What goes between a provider's codec and the transport: a request, its answer, and the one way out."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import field
from typing import Protocol

from llms.values import value


@value
class UpstreamRequest:
    """
    An HTTP request to a provider.

    Args:
        url: Absolute; made of the configuration only, never of what a client sent.
        headers: All that is sent; secrets included, so never logged.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None = field(default=None, repr=False)


class EnoughError(Exception):
    """Raised by whoever takes what is pushed: no more is wanted, though all is well. Ends a push; goes no further."""


class UpstreamResponse(Protocol):
    """An HTTP answer of a provider whose body has yet to be read."""

    @property
    def status(self) -> int:
        """100 to 599."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Names are matched without regard to case."""

    @property
    def content_type(self) -> str:
        """The media type alone, in lower case; empty where there is none."""

    def blocks(self) -> AsyncGenerator[bytes, None]:
        """
        The body, as it arrives: each item is all that one read found.

        Raises:
            UpstreamTruncatedError: The body ended before its framing said so.
        """

    async def into(self, take: Callable[[bytes], Awaitable[None] | None]) -> None:
        """
        Hand every further piece of the body to ``take``, as it arrives and with no task woken for it.

        Args:
            take: Never called while it runs. Gives an awaitable if nothing more is to be read before that is done.
                What it raises comes out of here, but for ``EnoughError``, which ends the push.

        Raises:
            UpstreamTruncatedError: The body ended before its framing said so.
        """

    async def read(self, limit: int) -> bytes:
        """
        The whole body.

        Raises:
            UpstreamEventTooLargeError: It is longer than ``limit`` bytes.
            UpstreamTruncatedError: It ended before its framing said so.
        """


class Send(Protocol):
    """The one way out: sends a request, gives the answer, closes the connection if the answer is left half read."""

    def __call__(
        self, request: UpstreamRequest, connect_s: float | None = None
    ) -> AbstractAsyncContextManager[UpstreamResponse]:
        """
        Send ``request``.

        Args:
            connect_s: Longest wait for a connection, DNS and TLS included; ``None`` for the transport's default.

        Raises:
            GatewayError: One of the upstream branch, if there is no answer.
        """
