"""
Asks for streams and times their reads.

aiohttp's client, since it shows each read as it is; the gateway's own transport would measure itself. It asks for
what the official clients ask for, compression included, and follows no redirect, which could lead a key astray.
"""

import asyncio
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import aiohttp

from llms.bench import faults
from llms.bench.causes import Head
from llms.bench.faults import Asked, BenchError, Fault
from llms.bench.reading import Reading, Stream
from llms.wire import json_text

_CONNECT_S = 10.0
_LIST_S = 30.0
_REFUSAL_BYTES = 1 << 16
_LIST_BYTES = 16 << 20

_COMPRESSION = "gzip, deflate"  # what httpx asks for, and so the openai package


@dataclass(frozen=True, slots=True)
class Target:
    """
    What is measured.

    Args:
        url: The base URL.
        key: ``None`` to send none.
        key_name: The environment variable that it comes from.
        body: Of each request.
    """

    url: str
    key: str | None
    key_name: str
    body: dict[str, Any]

    def asked(self, path: str) -> Asked:
        """Give what a fault has to know of a request for ``path``."""
        return Asked(f"{self.url}{path}", self.key_name, self.key is not None)

    def headers(self) -> dict[str, str]:
        """Give the headers of a request."""
        return {"Authorization": f"Bearer {self.key}"} if self.key else {}


def session(concurrency: int) -> aiohttp.ClientSession:
    """Give a session in which so many streams may run at once; made in a running loop, closed by the caller."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=concurrency), headers={"Accept-Encoding": _COMPRESSION}
    )


async def models(session: aiohttp.ClientSession, target: Target) -> list[str]:
    """
    Give the models that the service lists, at least one.

    Raises:
        BenchError: It lists none.
    """
    asked = target.asked("/models")
    limits = _timeout(_LIST_S)
    with _translated(asked, _LIST_S, int):
        async with session.get(asked.url, headers=target.headers(), timeout=limits, allow_redirects=False) as response:
            body = await _beginning(response, _LIST_BYTES)
            if response.status != 200:
                raise BenchError(faults.refused(asked, response.status, body, response.headers.get("Location")))
            content_type = response.content_type
    try:
        names = [model["id"] for model in json_text.loads(body)["data"]]
    except (ValueError, LookupError, TypeError):
        fault = faults.not_streamed(content_type, body)
        raise BenchError(fault if fault.kind == "html" else faults.no_models(asked)) from None
    if not all(isinstance(name, str) for name in names) or not names:
        raise BenchError(faults.no_models(asked))
    return names


async def stream(session: aiohttp.ClientSession, target: Target, timeout_s: float) -> tuple[Stream, Head]:
    """
    Ask for one stream and read it to its end.

    Raises:
        BenchError: It did not come whole.
    """
    clock = asyncio.get_running_loop().time
    asked = target.asked("/chat/completions")
    reading: Reading | None = None
    started_at = clock()
    with _translated(asked, timeout_s, lambda: reading.chunks if reading else 0):
        async with session.post(
            asked.url, json=target.body, headers=target.headers(), timeout=_timeout(timeout_s), allow_redirects=False
        ) as response:
            if response.status != 200:
                body = await _beginning(response, _REFUSAL_BYTES)
                raise BenchError(faults.refused(asked, response.status, body, response.headers.get("Location")))
            reading = Reading(started_at, response.content_type)
            while data := await response.content.readany():
                reading.feed(clock(), data)
            return reading.close(clock()), _head(response)


async def warm(session: aiohttp.ClientSession, target: Target, timeout_s: float) -> Target:
    """
    Ask for one stream that does not count: it opens a connection, and tells whether there is something to measure.

    Gives the target with a body that the service takes: some know no ``stream_options``, newer models of OpenAI want
    ``max_completion_tokens`` for ``max_tokens``.

    Raises:
        BenchError: No stream will ever come.
    """
    while True:
        try:
            await stream(session, target, timeout_s)
        except BenchError as error:
            changed = _accommodated(target.body, error.fault)
            if changed is not None:
                target = replace(target, body=changed)
                continue
            if error.fault.lasting:
                raise
        return target


def _accommodated(body: dict[str, Any], fault: Fault) -> dict[str, Any] | None:
    if fault.kind not in ("http_400", "http_422"):
        return None
    if "stream_options" in fault.message and "stream_options" in body:
        return {name: value for name, value in body.items() if name != "stream_options"}
    if "max_completion_tokens" in fault.message and "max_tokens" in body:
        others = {name: value for name, value in body.items() if name != "max_tokens"}
        return {**others, "max_completion_tokens": body["max_tokens"]}
    return None


def _timeout(total_s: float) -> aiohttp.ClientTimeout:
    # Without rounding up to whole seconds, which aiohttp does to longer ones to save timers.
    return aiohttp.ClientTimeout(total=total_s, sock_connect=min(_CONNECT_S, total_s), ceil_threshold=total_s + 1)


async def _beginning(response: aiohttp.ClientResponse, most: int) -> bytes:
    data = b""
    while len(data) < most and (more := await response.content.readany()):
        data += more
    return data[:most]


def _head(response: aiohttp.ClientResponse) -> Head:
    version = response.version
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Head(f"{version.major}.{version.minor}" if version else "1.1", headers)


@contextmanager
def _translated(asked: Asked, timeout_s: float, chunks: Callable[[], int]) -> Iterator[None]:
    """Raise what went wrong as a fault; ``chunks`` gives how many had come."""
    try:
        yield
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise BenchError(_fault(error, asked, timeout_s, chunks())) from error


def _fault(error: Exception, asked: Asked, timeout_s: float, chunks: int) -> Fault:
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientSSLError | ssl.SSLError):
        return faults.untrusted(asked, _reason(error))
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
        return faults.unreachable(asked, _reason(error))
    if isinstance(error, TimeoutError):
        return faults.timeout(timeout_s, chunks)
    return faults.cut(chunks, _reason(error))


def _reason(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorError):
        error = error.os_error
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error).partition("\n")[0] or type(error).__name__
