"""One stream as its bytes come: counts its chunks and keeps what the figures need, but not the answer."""

from collections import deque
from dataclasses import dataclass
from typing import Any

from llms.bench import faults
from llms.bench.arrivals import Arrivals, Clumps
from llms.bench.faults import BenchError
from llms.bench.spread import Spread
from llms.errors import UpstreamEventTooLargeError
from llms.wire import chunks as chunk_rules
from llms.wire import failures, json_text, sse

MAX_CHUNKS = 200_000
MAX_BYTES = 256 << 20
_MAX_EVENT_BYTES = 4 << 20
_HEAD_BYTES = 1 << 16

_TEXTS = ("content", "reasoning_content", "reasoning", "refusal", "tool_calls")


@dataclass(frozen=True, slots=True)
class Stream:
    """
    A stream that came whole. Times in seconds, from before the request was sent.

    Args:
        first_s: Until its first chunk.
        text_s: Until the first chunk with text, reasoning or a tool call in it; ``None`` without one.
        last_s: Until its last chunk.
        total_s: Until its end.
        reads: That completed a chunk.
        tokens: As its usage says; ``None`` if it has none.
        hidden_tokens: Among these, of reasoning, which the service may keep to itself.
    """

    first_s: float
    text_s: float | None
    last_s: float
    total_s: float
    chunks: int
    reads: int
    gaps: Spread
    clumps: Clumps
    tokens: int | None
    hidden_tokens: int


class Reading:
    """
    Takes the reads of one stream.

    Args:
        started_at: When the request was made, by the clock that ``feed`` is given.
        content_type: Of the answer.
    """

    def __init__(self, started_at: float, content_type: str) -> None:
        self._started_at = started_at
        self._content_type = content_type
        self._decoder = sse.Decoder(_MAX_EVENT_BYTES, MAX_CHUNKS)
        self._bytes = 0
        self._head = b""  # of what is no stream, to say what it is
        self._arrivals = Arrivals()
        self._text_at: float | None = None
        # Usage, the reason for the end, an error: services send them in any of their last events.
        self._last: deque[bytes] = deque(maxlen=3)
        self._done = False

    @property
    def chunks(self) -> int:
        """How many have come."""
        return self._arrivals.chunks

    def feed(self, at: float, data: bytes) -> None:
        """
        Take what a read found.

        Args:
            at: When it was made, in seconds.

        Raises:
            BenchError: The stream tells of an error, or is over the bounds.
        """
        self._bytes += len(data)
        if self._bytes > MAX_BYTES:
            raise BenchError(faults.too_large())
        if not self.chunks and len(self._head) < _HEAD_BYTES:
            self._head += data[:_HEAD_BYTES]
        self._take(at, self._events(data))

    def close(self, at: float) -> Stream:
        """
        Take the end; give the stream.

        Raises:
            BenchError: It is not whole, or is none.
        """
        self._take(at, self._decoder.close())
        arrivals = self._arrivals
        if arrivals.first_at is None:
            raise BenchError(faults.cut(0) if self._done else faults.not_streamed(self._content_type, self._head))
        last = [_decoded(event) for event in self._last]
        for chunk in last:
            _require_no_error(chunk)
        if not self._done and not any(_finished(chunk) for chunk in last):
            raise BenchError(faults.cut(self.chunks))
        tokens, hidden = _usage(last)
        started_at = self._started_at
        return Stream(
            first_s=arrivals.first_at - started_at,
            text_s=None if self._text_at is None else self._text_at - started_at,
            last_s=arrivals.last_at - started_at,
            total_s=at - started_at,
            chunks=arrivals.chunks,
            reads=arrivals.reads,
            gaps=arrivals.gaps,
            clumps=arrivals.clumps(),
            tokens=tokens,
            hidden_tokens=hidden,
        )

    def _events(self, data: bytes) -> list[sse.Event]:
        try:
            return self._decoder.feed(data)
        except UpstreamEventTooLargeError:
            raise BenchError(faults.too_large()) from None

    def _take(self, at: float, events: list[sse.Event]) -> None:
        chunks = 0
        for name, data in events:
            if data == b"[DONE]":
                self._done = True
                continue
            # Decoding each one would take the time of what is measured; an error mostly begins in one of these ways.
            if name == b"error" or data.startswith(b'{"error"'):
                _require_no_error(_decoded(data))
            chunks += 1
            self._last.append(data)
            if self._text_at is None and _has_text(_decoded(data)):
                self._text_at = at
        if chunks:
            self._arrivals.feed(at, chunks)


def _decoded(event: bytes) -> dict[str, Any]:
    try:
        value = json_text.loads(event)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _require_no_error(chunk: dict[str, Any]) -> None:
    error = failures.error_in(chunk)
    if error is not None:
        raise BenchError(faults.error_event(error))


def _choices(chunk: dict[str, Any]) -> list[dict[str, Any]]:
    choices = chunk.get("choices")
    return [choice for choice in choices if isinstance(choice, dict)] if isinstance(choices, list) else []


def _has_text(chunk: dict[str, Any]) -> bool:
    deltas = (choice.get("delta") for choice in _choices(chunk))
    return any(delta.get(name) for delta in deltas if isinstance(delta, dict) for name in _TEXTS)


def _finished(chunk: dict[str, Any]) -> bool:
    return any(choice.get("finish_reason") for choice in _choices(chunk))


def _usage(last: list[dict[str, Any]]) -> tuple[int | None, int]:
    """Give the tokens of the answer, and how many of them are of reasoning."""
    for chunk in reversed(last):
        usage = chunk_rules.usage(chunk.get("usage"))
        if usage is not None:
            details = usage.get("completion_tokens_details") or {}
            return usage["completion_tokens"], details.get("reasoning_tokens") or 0
    return None, 0
