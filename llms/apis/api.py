"""What a dialect that clients speak has to offer: it reads requests and writes answers, and is pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from llms.errors import GatewayError
from llms.records import Block, Call
from llms.values import value
from llms.wire import sse


@value
class Asked:
    """
    What a request's body asks for, in the inner dialect.

    Args:
        model: As the client wrote it.
        stream: Whether the client wants chunks.
        include_usage: Whether the client asked for usage at the end of the stream.
        body: The rest: chat completions (or embeddings) without ``model``, ``stream`` and ``stream_options``.
    """

    model: str
    stream: bool
    include_usage: bool
    body: Mapping[str, Any]


class Encoder(Protocol):
    """Writes one streamed answer."""

    def feed(self, block: Block) -> bytes:
        """The bytes for a block, to be written at once; may be empty."""

    def close(self) -> bytes:
        """The bytes that end a complete answer."""

    def error(self, failure: GatewayError) -> bytes:
        """The bytes that end an answer cut short by ``failure``."""


@dataclass(frozen=True, slots=True)
class Api:
    """
    One dialect.

    Args:
        name: As it stands in records: ``chat.completions``.
        read: From a decoded body to what it asks for; raises ``InvalidRequestError``.
        encoder: For a streamed answer.
        answer: From the inner dialect's whole answer to this one's.
    """

    name: str
    read: Callable[[dict[str, Any]], Asked]
    encoder: Callable[[Call], Encoder]
    answer: Callable[[Call, dict[str, Any]], dict[str, Any]]


def error_event(failure: GatewayError) -> bytes:
    """The in-band error of the OpenAI dialects: one event, and no ``[DONE]`` after it."""
    return sse.frame(failure.body())
