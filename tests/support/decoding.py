"""What comes out of a decoder that is fed read by read."""

from collections.abc import Iterable
from typing import Any

from llms.errors import GatewayError, UpstreamEventTooLargeError
from llms.providers.http import Decoder
from llms.records import Block, Chunk
from llms.wire import ndjson, sse


def decoded(decoder: Decoder, reads: Iterable[bytes]) -> tuple[Block, GatewayError | None]:
    """Give the chunks of an answer and how it ended, as ``HttpProvider`` does."""
    block: list[Chunk] = []
    try:
        for data in reads:
            block += decoder.feed(data)
            if decoder.done:
                break
        block += decoder.close()
    except GatewayError as failure:
        return block, failure
    return block, None


def framed(decoder: sse.Decoder | ndjson.Decoder, reads: Iterable[bytes]) -> tuple[list[Any], bool]:
    """Give the events, or the lines, and whether a limit was passed."""
    found: list[Any] = []
    try:
        for data in reads:
            found += decoder.feed(data)
        found += decoder.close()
    except UpstreamEventTooLargeError:
        return found, True
    return found, False
