"""Reads a request's body: only JSON, only so long, only for so long."""

import asyncio
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from aiohttp import hdrs, web

from llms.apis import body
from llms.errors import (
    InvalidRequestError,
    OverloadedError,
    RequestTimeoutError,
    RequestTooLargeError,
    UnsupportedMediaTypeError,
)
from llms.times import Times

_T = TypeVar("_T")

BYTES = web.RequestKey("body_bytes", int)
"""How long a body was that was read, decoded."""

_SLOWEST = 1024
"""Bytes a second below which an upload is taken for an attack."""

_LONG = 256 << 10

_MOST_GROWTH = 50
"""Text shrinks to a tenth; what shrinks to a fiftieth is made to fill memory (Envoy's rule: 100 times is a fault)."""


@dataclass(frozen=True, slots=True)
class Limits:
    """
    What a request may be.

    Args:
        max_bytes: Of the body, decoded.
        read_s: For the body to arrive; more for what arrives at a kilobyte a second at least.
    """

    max_bytes: int
    read_s: float


async def expect(request: web.Request) -> None:
    """Do not say ``100 Continue`` yet: only ``read`` does, once the caller is known and the body is wanted."""
    if request.headers.get(hdrs.EXPECT, "").lower() != "100-continue":
        raise web.HTTPExpectationFailed


async def read(request: web.Request, limits: Limits, times: Times) -> dict[str, Any]:
    """
    Give the body's JSON object.

    Args:
        times: Told when the body is there.

    Raises:
        UnsupportedMediaTypeError: Not ``application/json``, or not in an encoding that is decoded.
        RequestTooLargeError: Longer than allowed; said at once where the length is declared.
        RequestTimeoutError: It did not arrive in time.
        InvalidRequestError: It is not a JSON object.
    """
    encoding = _require_json(request)
    declared = request.content_length or 0
    if declared > limits.max_bytes:
        raise _too_large(limits)
    if hdrs.EXPECT in request.headers:
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # an interim answer is none: errors may still be written
    try:
        data = await _read(request, limits)
    except TimeoutError:
        message = "The request's body did not arrive in time. Send it again."
        raise RequestTimeoutError(message) from None
    except (web.RequestPayloadError, ValueError) as error:
        message = "The request's body is not what its headers say."
        raise InvalidRequestError(message, code="malformed_request") from error
    times.arrived()
    if encoding:
        data = await _in_thread(_decompressed, data, encoding, limits)  # zlib lets the loop run meanwhile
    request[BYTES] = len(data)
    return await decoded(data)


async def decoded(data: bytes) -> dict[str, Any]:
    """
    Give the JSON object that ``data`` is.

    Raises:
        InvalidRequestError: It is none.
    """
    if len(data) > _LONG:
        return await _in_thread(body.decode, data)  # step by step others have their turn
    return body.decode(data)


async def _in_thread(work: Callable[..., _T], *args: object) -> _T:
    try:
        working = asyncio.get_running_loop().run_in_executor(None, work, *args)
    except RuntimeError as error:  # the system gives no more threads
        message = "The gateway has no thread left for a request of this length. Send it again in a moment."
        raise OverloadedError(message, retry_after_s=1) from error
    return await working


def _require_json(request: web.Request) -> str:
    """Give the content encoding, if there is one."""
    if request.content_type != "application/json" or hdrs.CONTENT_TYPE not in request.headers:
        message = "Send the body as JSON, with 'Content-Type: application/json'."
        raise UnsupportedMediaTypeError(message)
    charset = (request.charset or "utf-8").lower().replace("_", "-")
    if charset not in ("utf-8", "utf8", "us-ascii"):
        message = "Send the body in UTF-8."
        raise UnsupportedMediaTypeError(message)
    encoding = request.headers.get(hdrs.CONTENT_ENCODING, "").strip().lower()
    if encoding in ("", "identity"):
        return ""
    if encoding not in ("gzip", "deflate"):
        message = "Send the body without Content-Encoding, or as gzip or deflate."
        raise UnsupportedMediaTypeError(message)
    return encoding


async def _read(request: web.Request, limits: Limits) -> bytes:
    pieces: list[bytes] = []
    length = 0
    started = asyncio.get_running_loop().time()
    async with asyncio.timeout(limits.read_s) as clock:
        while piece := await request.content.readany():
            pieces.append(piece)
            length += len(piece)
            if length > limits.max_bytes:
                raise _too_large(limits)
            clock.reschedule(started + max(limits.read_s, length / _SLOWEST))
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _decompressed(data: bytes, encoding: str, limits: Limits) -> bytes:
    # 47: gzip or zlib by its header, largest window.
    decoder = zlib.decompressobj(47)
    longest = min(limits.max_bytes, _MOST_GROWTH * len(data))
    try:
        plain = decoder.decompress(data, longest + 1)
    except zlib.error as error:
        message = f"The request's body is not valid {encoding}."
        raise InvalidRequestError(message, code="malformed_request") from error
    if len(plain) > limits.max_bytes:
        raise _too_large(limits)
    if len(plain) > longest:
        message = f"The request's body grows more than {_MOST_GROWTH} times when it is decoded. Send it as it is."
        raise RequestTooLargeError(message)
    if not decoder.eof or decoder.unused_data:
        message = f"The request's body is not valid {encoding}."
        raise InvalidRequestError(message, code="malformed_request")
    return plain


def _too_large(limits: Limits) -> RequestTooLargeError:
    return RequestTooLargeError(f"The request's body is over {limits.max_bytes:,} bytes (server.max_body_bytes).")
