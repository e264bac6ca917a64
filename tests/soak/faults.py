"""
The faults that the scripted upstream knows, by the ids of the catalogue, and what a client has to get. Pure.

In the mixed load a fault meets the provider ``a`` of a model that has no other (``alone``), or of one that has
(``shared``): then a refusal before the first byte has to lead to a whole answer of another provider.
"""

import functools
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from tests.soak.plan import Plan
from tests.upstream import openai
from tests.upstream.framing import LAST_CHUNK, chunked, head

FIRST_BYTE_S = 3.0
IDLE_S = 3.0
DRIP_TOTAL_S = 5.0
MAX_EVENT_BYTES = 64 << 10


@dataclass(frozen=True, slots=True)
class Fault:
    """
    A fault, and what has to come of it.

    Args:
        stream: Whether the call is streamed.
        model: Whom it asks.
        status: Of the answer; 200 with a code means an error event in mid-stream, without one a right answer.
        code: Of the error.
        within_s: Its deadline.
        early: The status where the fault comes in one read with the first events, so that none of them is seen.
    """

    stream: bool
    model: str
    status: int
    code: str | None
    within_s: float = 0.0
    early: int | None = None


def _refused(name: str, code: str | None, status: int = 502, within_s: float = 0.0) -> dict[str, Fault]:
    return {
        f"{name} {'stream' if stream else 'whole'}": Fault(stream, "alone", status, code, within_s)
        for stream in (True, False)
    }


def _elsewhere(name: str) -> dict[str, Fault]:
    return {
        f"{name} elsewhere {kind}": Fault(kind == "stream", "shared", 200, None, 4.0) for kind in ("stream", "whole")
    }


def _cut(name: str, code: str, within_s: float = 0.0) -> dict[str, Fault]:
    return {name: Fault(True, "alone", 200, code, within_s, early=502)}


FAULTS: dict[str, Fault] = {
    **_refused("U05", "upstream_disconnected"),
    **_refused("U06", "upstream_disconnected"),
    **_refused("U07", "upstream_first_byte_timeout", 504, FIRST_BYTE_S),
    "U08": Fault(True, "alone", 200, "upstream_idle_timeout", IDLE_S),
    "U09": Fault(True, "dripping", 200, "upstream_total_timeout", DRIP_TOTAL_S),
    **_refused("U11", "upstream_bad_response"),
    **_cut("U12", "upstream_bad_response"),
    **_cut("U13", "upstream_truncated"),
    "U14": Fault(False, "alone", 502, "upstream_truncated"),
    **_cut("U15", "upstream_truncated"),
    **_cut("U31", "upstream_bad_response"),
    **_cut("U33", "upstream_event_too_large"),
    "U36": Fault(True, "alone", 504, "upstream_first_byte_timeout", FIRST_BYTE_S),
    **_cut("U37", "server_error"),
    **_elsewhere("U38"),
    **_refused("U39", "upstream_bad_content_type"),
    **_elsewhere("U42"),
    **_elsewhere("U47"),
    **_refused("U66", "upstream_redirect"),
    "U01 elsewhere": Fault(True, "dead-first", 200, None, 4.0),
    "U45 elsewhere": Fault(False, "locked-first", 200, None, 4.0),
}
"""What a call is given, what it asks, and what comes out."""

CUTS = ("U08", "U12", "U13", "U15", "U31", "U33", "U37")
"""Those that end a stream in its middle."""

STREAM_HEAD = head(200, [("Content-Type", "text/event-stream"), ("Transfer-Encoding", "chunked")])
CLOSED_HEAD = head(200, [("Content-Type", "text/event-stream"), ("Connection", "close")])
SHORT_HEAD = head(200, [("Content-Type", "text/event-stream"), ("Content-Length", "1000000")])
FIRST = openai.event(openai.chunk({"role": "assistant", "content": ""}))

BEFORE: dict[str, bytes | None] = {
    "U05": None,  # reset
    "U06": b"",  # closed
    "U11": b"garbage\r\n\r\n",
    "U39": head(200, [("Content-Type", "text/html"), ("Content-Length", "6")]) + b"<html>",
    "U42": head(429, [("Content-Type", "application/json"), ("Content-Length", "2"), ("Retry-After", "1")]) + b"{}",
    "U45": head(401, [("Content-Type", "application/json"), ("Content-Length", "2")]) + b"{}",
    "U47": head(500, [("Content-Type", "application/json"), ("Content-Length", "2")]) + b"{}",
    "503": head(503, [("Content-Type", "application/json"), ("Content-Length", "2")]) + b"{}",
    "U66": head(302, [("Location", "http://127.0.0.1:9/"), ("Content-Length", "0")]),
}
"""What is sent instead of an answer; then, but for refusals, the connection ends."""

KEPT = ("U42", "U45", "U47", "503", "U66")
"""Those after which the connection goes on."""

_ERROR = {"error": {"message": "it broke", "type": "server_error", "param": None, "code": "server_error"}}

AMID: dict[str, bytes | None] = {
    "U12": b"xyz\r\n",
    "U13": b"",
    "U15": b"",
    "short": b"",
    "reset": None,
    "U31": chunked(b'data: {"id":"x","choices":[{"index":0,"del\n\n') + chunked(FIRST),
    "U33": chunked(b"data: " + b"x" * (4 * MAX_EVENT_BYTES)),
    "U37": chunked(openai.event(_ERROR)) + LAST_CHUNK,
}
"""What follows the first events; then the connection ends, reset if it is ``None``."""


def error_first() -> bytes:
    """U38: an error object as the first event of a good answer."""
    return STREAM_HEAD + chunked(openai.event(_ERROR)) + LAST_CHUNK


def error_whole() -> bytes:
    """U38, not streamed."""
    body = b'{"error":{"message":"it broke","type":"server_error","code":"server_error"}}'
    return head(200, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]) + body


def events(plan: Plan) -> Iterator[bytes]:
    """Give the events of a right stream, the last one with ``[DONE]``."""
    yield FIRST
    for word in plan.said():
        yield openai.event(openai.chunk({"content": word}))
    yield openai.event(openai.chunk({}, finish="stop"))
    usage = {"prompt_tokens": 7, "completion_tokens": plan.words, "total_tokens": 7 + plan.words}
    yield openai.event({**openai.chunk({}), "choices": [], "usage": usage}) + openai.DONE


@functools.cache
def bomb() -> bytes:
    """U54: a stream of a quarter of a gigabyte, compressed to a thousandth of it."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    line = b"data: " + b"x" * ((1 << 20) - 6)
    packed = b"".join(packer.compress(line) for _ in range(256)) + packer.flush()
    kinds = [("Content-Type", "text/event-stream"), ("Content-Encoding", "gzip"), ("Content-Length", str(len(packed)))]
    return head(200, kinds) + packed


@functools.cache
def tiny_events(count: int) -> bytes:
    """U35: that many events, in one write."""
    event = openai.event(openai.chunk({"content": "x"}))
    return chunked(event * count)
