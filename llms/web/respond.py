"""Whole answers: JSON and errors."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from random import getrandbits
from time import time_ns

from aiohttp import web

from llms.errors import DrainingError, GatewayError
from llms.records import Target
from llms.wire import json_text

_UNSAFE = re.compile(r"[^\x21-\x7e]")


def new_id() -> str:
    """
    A request id, greater than those of milliseconds before: what is sorted by it is sorted by time.

    No secret, so that the system need not be asked for each.
    """
    return f"req_{time_ns() // 1_000_000:011x}{getrandbits(52):013x}"  # seeded by the system in each process


@dataclass(slots=True)
class Answer:
    """
    A whole answer, before it is written on one of the two kinds of connection.

    Args:
        close: Whether the connection ends with it.
    """

    status: int
    headers: dict[str, str]
    body: bytes
    close: bool = False

    def response(self) -> web.Response:
        """Give it as aiohttp writes it."""
        response = web.Response(status=self.status, headers=self.headers, body=self.body)
        if self.close:
            response.force_close()
        return response


def answer(value: object, request_id: str, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """A JSON answer."""
    own = {
        "Content-Type": "application/json",
        "Cache-Control": "no-store",
        "Server": "llms",
        "X-Content-Type-Options": "nosniff",
        "x-request-id": request_id,
    }
    if headers:
        own.update(headers)
    return Answer(status, own, json_text.dumps(value))


def json(value: object, request_id: str, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """A JSON answer, as aiohttp writes it."""
    return answer(value, request_id, status, headers).response()


def refusal(error: GatewayError, request_id: str) -> Answer:
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
    headers.update(error.headers)
    refused = answer(error.body(), request_id, error.http_status(), headers)
    refused.close = error.http_status() in _CLOSING or isinstance(error, DrainingError)
    return refused


def failure(error: GatewayError, request_id: str) -> web.Response:
    """An error, as aiohttp writes it."""
    return refusal(error, request_id).response()


_CLOSING = (408, 413)


def served_by(target: Target) -> dict[str, str]:
    """Headers that say which provider and model gave the answer."""
    return {"x-llms-provider": target.provider, "x-llms-model": _UNSAFE.sub("_", target.model)[:200]}
