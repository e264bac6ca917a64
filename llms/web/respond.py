"""Writes answers: JSON, errors and event streams."""

import asyncio
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from llms.errors import DrainingError, GatewayError
from llms.records import Target
from llms.wire import json_text, sse

_UNSAFE = re.compile(r"[^\x21-\x7e]")


def new_id() -> str:
    """A request id."""
    return "req_" + secrets.token_hex(12)


def json(value: object, request_id: str, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """A JSON answer."""
    return web.Response(
        status=status,
        body=json_text.dumps(value),
        headers={
            "Content-Type": "application/json",
            "Cache-Control": "no-store",
            "Server": "llms",
            "X-Content-Type-Options": "nosniff",
            "x-request-id": request_id,
            **(headers or {}),
        },
    )


def failure(error: GatewayError, request_id: str) -> web.Response:
    """An error, before anything else was sent."""
    asked_s = error.retry_after_s
    if asked_s is None and error.should_retry and error.http_status() in (429, 503):
        asked_s = 1.0  # the clients' own first wait is shorter
    wait_s = 0.0 if asked_s is None else min(max(asked_s, 0.0), 600.0)
    # The official clients take a wait of more than two minutes for "do not retry"; so it is said to all.
    headers = {"x-should-retry": "true" if error.should_retry and wait_s <= 120 else "false"}
    if asked_s is not None:
        headers["retry-after"] = str(max(1, round(wait_s)))
        headers["retry-after-ms"] = str(round(wait_s * 1000))
    response = json(error.body(), request_id, error.http_status(), headers)
    if error.http_status() in _CLOSING or isinstance(error, DrainingError):
        response.force_close()
    return response


_CLOSING = (408, 413)


def served_by(target: Target) -> dict[str, str]:
    """Headers that say which provider and model gave the answer."""
    return {"x-llms-provider": target.provider, "x-llms-model": _UNSAFE.sub("_", target.model)[:200]}


class EventStream:
    """
    One answer as server-sent events.

    Nothing is sent until there is something to send, so that a failure before it can still have a status of its own;
    but after ``keepalive_s`` of silence, before the first event or between two, a comment is, so that no proxy and no
    client takes the connection for dead.

    Args:
        request: What is answered.
        headers: To add to the standing ones.
        keepalive_s: Longest silence before a comment is sent; 0 for none.
    """

    def __init__(self, request: web.Request, headers: Mapping[str, str], keepalive_s: float) -> None:
        self._request = request
        self._headers = {**_STREAM_HEADERS, **headers}
        self._keepalive_s = keepalive_s
        self._response: web.StreamResponse | None = None
        self._starting = asyncio.Lock()
        self._loop = asyncio.get_running_loop()
        self._written_at = self._loop.time()
        self._writing = False
        self._comment: asyncio.Task[None] | None = None
        self._timer = self._loop.call_later(keepalive_s, self._tick) if keepalive_s else None

    @property
    def started(self) -> bool:
        """Whether the status has been sent, so that a failure has to be sent as an event."""
        return self._response is not None

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, as far as they are known."""
        return self._headers

    def add_headers(self, headers: Mapping[str, str]) -> None:
        """Add headers, where it is not too late."""
        self._headers.update(headers)

    async def write(self, data: bytes) -> None:
        """
        Send ``data`` at once; waits while the client does not keep up.

        Raises:
            ConnectionError: The client is gone.
        """
        self._writing = True
        response = self._response or await self._start()
        await response.write(data)
        self._written_at = self._loop.time()
        self._writing = False

    async def end(self, data: bytes, *, close: bool = False) -> web.StreamResponse:
        """
        Send the last bytes and end the body cleanly.

        Args:
            close: Close the connection too.
        """
        self.stop()
        response = self._response or await self._start()
        if close:
            response.force_close()
        await response.write_eof(data)
        return response

    def stop(self) -> None:
        """No more comments."""
        if self._timer is not None:
            self._timer.cancel()
        if self._comment is not None:
            self._comment.cancel()

    async def _start(self) -> web.StreamResponse:
        async with self._starting:
            if self._response is None:
                response = web.StreamResponse(headers=self._headers)
                await response.prepare(self._request)
                self._response = response
        return self._response

    def _tick(self) -> None:
        now = self._loop.time()
        if self._writing:
            self._written_at = now  # the client is slow, not the upstream silent: a comment would only queue behind
        due_at = self._written_at + self._keepalive_s
        if due_at <= now:
            self._comment = self._loop.create_task(self._keep_alive())
            due_at = now + self._keepalive_s
        self._timer = self._loop.call_at(due_at, self._tick)

    async def _keep_alive(self) -> None:
        try:
            await self.write(sse.KEEP_ALIVE)
        except ConnectionError:
            self.stop()  # the handler is being cancelled


@dataclass(frozen=True, slots=True)
class LastWords:
    """
    How a stream is ended by a failure that nobody foresaw.

    Args:
        spell: Gives the failure as the dialect's event.
    """

    stream: EventStream
    spell: Callable[[GatewayError], bytes]

    async def say(self, failure: GatewayError) -> web.StreamResponse | None:
        """End the stream; ``None`` if it has not begun, so that the failure can have its status."""
        return await self.stream.end(self.spell(failure), close=True) if self.stream.started else None


LAST_WORDS = web.RequestKey("last_words", LastWords)


_STREAM_HEADERS: dict[str, Any] = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-cache",
    "X-Accel-Buffering": "no",
    "X-Content-Type-Options": "nosniff",
    "Server": "llms",
}
