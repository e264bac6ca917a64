"""Ollama's native answers, as scripts. A part of a stream that is bytes is sent as it stands; a step is played there."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tests.upstream.framing import Headers, Wire, answer, streamed
from tests.upstream.steps import Script, Step

MODEL = "llama-upstream"
CREATED_AT = "2025-03-10T02:39:12.123456Z"
COUNTERS = {
    "total_duration": 4_883_583_458,
    "load_duration": 1_334_875,
    "prompt_eval_count": 26,
    "prompt_eval_duration": 342_546_000,
    "eval_count": 282,
    "eval_duration": 4_535_599_000,
}

Part = str | Mapping[str, Any] | bytes | Step
"""Of a stream: content, a message's fields, bytes, or a step."""


def line(value: object, newline: bytes = b"\n") -> bytes:
    """One line of NDJSON."""
    return _dumps(value) + newline


def message(**fields: Any) -> dict[str, Any]:
    """A line's object, not the last: ``content``, ``thinking``, ``tool_calls``."""
    said = {"role": "assistant", "content": "", **fields}
    return {"model": MODEL, "created_at": CREATED_AT, "message": said, "done": False}


def last(done_reason: str = "stop", counters: Mapping[str, int] = COUNTERS, **fields: Any) -> dict[str, Any]:
    """The last line's object; Ollama leaves out counters that are 0, and may put content or tool calls here."""
    return {**message(**fields), "done": True, "done_reason": done_reason, **counters}


def chat_lines(
    parts: Iterable[Part],
    *,
    done_reason: str = "stop",
    counters: Mapping[str, int] = COUNTERS,
    done: bool = True,
    **wire: Any,
) -> Script:
    """
    A streamed answer: the parts, then the last line.

    Args:
        done: Whether the last line is sent.
        **wire: As ``Wire`` has them.
    """
    way = Wire(**wire)
    lines = [_part(part, way.newline) for part in parts]
    if done:
        lines.append(line(last(done_reason, counters), way.newline))
    return streamed(lines, "application/x-ndjson", way)


def chat(content: str = "Hello", *, done_reason: str = "stop", **fields: Any) -> Script:
    """A whole answer; ``fields`` are the message's."""
    return answer(_dumps(last(done_reason, content=content, **fields)))


def error(status: int, text: str = "the upstream says no", headers: Headers = ()) -> Script:
    """A refusal before the first line."""
    return answer(_dumps({"error": text}), status=status, headers=headers)


def error_line(text: str) -> bytes:
    """A failure in mid-stream: a line, after which the stream ends (``done=False``)."""
    return line({"error": text})


def tags(names: Iterable[str]) -> Script:
    """The list of models."""
    return answer(_dumps({"models": [_tag(name) for name in names]}))


def embed(vectors: Sequence[Sequence[float]]) -> Script:
    """Embeddings."""
    timing = {"total_duration": 14_143_917, "load_duration": 1_019_500, "prompt_eval_count": 8}
    return answer(_dumps({"model": MODEL, "embeddings": [list(vector) for vector in vectors], **timing}))


def _tag(name: str) -> dict[str, Any]:
    details = {
        "parent_model": "",
        "format": "gguf",
        "family": "llama",
        "families": ["llama"],
        "parameter_size": "3.2B",
        "quantization_level": "Q4_K_M",
    }
    return {
        "name": name,
        "model": name,
        "modified_at": CREATED_AT,
        "size": 2_019_393_189,
        "digest": "a80c4f17acd5" + "0" * 52,
        "details": details,
    }


def _part(part: Part, newline: bytes) -> bytes | Step:
    if isinstance(part, str):
        return line(message(content=part), newline)
    if isinstance(part, Mapping):
        return line(message(**part), newline)
    return part


def _dumps(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
