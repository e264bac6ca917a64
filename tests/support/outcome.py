"""What came out of a fault, in a few words for the table of ``python -m tests.faults``."""

import json
from collections.abc import Iterable
from typing import Any

from tests.support.raw import Response


def of_response(response: Response) -> str:
    """Say what a client got: ``502 upstream_disconnected``, or for a stream how it ended."""
    text = response.body.decode(errors="replace")
    streamed = (response.header("content-type") or "").startswith("text/event-stream")
    end = _stream_end(text) if streamed else _code(text)
    words = [str(response.status), *([end] if end else []), *([] if response.complete else ["cut off"])]
    return " ".join(words)


def of_records(records: Iterable[Any]) -> str:
    """Say how calls ended, by their records: ``recorded client_closed (3 times)``."""
    statuses = [record.status for record in records]
    parts = [f"{status} ×{statuses.count(status)}" for status in dict.fromkeys(statuses)]
    return "recorded: " + ", ".join(parts) if parts else "no call"


def _stream_end(text: str) -> str:
    frames = [frame for frame in text.split("\n\n") if frame.startswith("data: ")]
    if not frames:
        return "no event"
    if frames[-1] == "data: [DONE]":
        return "stream, [DONE]"
    return f"stream, error event {_code(frames[-1].removeprefix('data: '))}"


def _code(text: str) -> str:
    try:
        value = json.loads(text)
    except ValueError:
        return ""
    error = value.get("error") if isinstance(value, dict) else None
    return str(error.get("code") or error.get("type")) if isinstance(error, dict) else ""
