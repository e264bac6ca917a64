"""OpenAI's answers, as scripts. A part of a stream that is bytes is sent as it stands; one that is a step is played there."""

import base64
import json
import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tests.upstream.framing import Headers, Wire, answer, streamed
from tests.upstream.steps import Script, Step

ID = "chatcmpl-upstream"
CREATED = 1_741_569_952
MODEL = "gpt-upstream"
DONE = b"data: [DONE]\n\n"
USAGE = {"prompt_tokens": 19, "completion_tokens": 2, "total_tokens": 21}

Part = str | Mapping[str, Any] | bytes | Step
"""Of a stream: content, a delta, bytes, or a step."""


def event(value: object, newline: bytes = b"\n") -> bytes:
    """One server-sent event."""
    return b"data: " + _dumps(value) + newline * 2


def chunk(delta: Mapping[str, Any], *, finish: str | None = None, index: int = 0) -> dict[str, Any]:
    """A ``chat.completion.chunk`` with one choice."""
    choice = {"index": index, "delta": delta, "finish_reason": finish}
    return {"id": ID, "object": "chat.completion.chunk", "created": CREATED, "model": MODEL, "choices": [choice]}


def stream(
    parts: Iterable[Part],
    *,
    finish: str | None = "stop",
    usage: Mapping[str, Any] | None = None,
    done: bool = True,
    role: bool = True,
    **wire: Any,
) -> Script:
    """
    A streamed answer: the role, the parts, the finish, the usage, ``[DONE]``.

    Args:
        finish: ``None`` leaves its chunk out.
        usage: ``None`` leaves its chunk out.
        done: Whether ``[DONE]`` is sent.
        role: Whether the first chunk, with the role, is sent.
        **wire: As ``Wire`` has them.
    """
    way = Wire(**wire)
    chunks: list[bytes | Step] = []
    if role:
        chunks.append(event(chunk({"role": "assistant", "content": ""}), way.newline))
    chunks += [_part(part, way.newline) for part in parts]
    if finish is not None:
        chunks.append(event(chunk({}, finish=finish), way.newline))
    if usage is not None:
        chunks.append(event({**chunk({}), "choices": [], "usage": usage}, way.newline))
    if done:
        chunks.append(DONE.replace(b"\n", way.newline))
    return streamed(chunks, "text/event-stream", way)


def tool_stream(calls: Sequence[tuple[str, str, Iterable[str]]], **options: Any) -> Script:
    """
    A streamed answer that calls tools.

    Args:
        calls: The id, the name and the fragments of the arguments of each.
        **options: As ``stream`` has them.
    """
    deltas: list[Part] = []
    for index, (call_id, name, fragments) in enumerate(calls):
        function = {"name": name, "arguments": ""}
        deltas.append({"tool_calls": [{"index": index, "id": call_id, "type": "function", "function": function}]})
        deltas += [{"tool_calls": [{"index": index, "function": {"arguments": text}}]} for text in fragments]
    return stream(deltas, **{"finish": "tool_calls", **options})


def completion(
    content: str | None = "Hello",
    *,
    finish: str = "stop",
    usage: Mapping[str, Any] | None = USAGE,
    message: Mapping[str, Any] | None = None,
    headers: Headers = (),
) -> Script:
    """
    A whole answer.

    Args:
        usage: ``None`` leaves it out.
        message: Added to the message, as ``tool_calls``.
    """
    said = {"role": "assistant", "content": content, "refusal": None, **(message or {})}
    choice = {"index": 0, "message": said, "logprobs": None, "finish_reason": finish}
    body = {"id": ID, "object": "chat.completion", "created": CREATED, "model": MODEL, "choices": [choice]}
    return answer(_dumps(body if usage is None else {**body, "usage": usage}), headers=headers)


def error(
    status: int,
    body: Mapping[str, Any] | str | bytes = "The upstream says no.",
    headers: Headers = (),
    content_type: str = "application/json",
) -> Script:
    """
    A refusal.

    Args:
        body: The message of OpenAI's envelope, or all of the JSON, or all of the bytes.
    """
    if isinstance(body, str):
        body = {"error": {"message": body, "type": "upstream", "param": None, "code": None}}
    raw = body if isinstance(body, bytes) else _dumps(body)
    return answer(raw, status=status, content_type=content_type, headers=headers)


def models(ids: Iterable[str]) -> Script:
    """The list of models."""
    return model_list(model(name) for name in ids)


def model(name: str) -> dict[str, Any]:
    """An entry of the list of models."""
    return {"id": name, "object": "model", "created": CREATED, "owned_by": "upstream"}


def model_list(entries: Iterable[Mapping[str, Any]]) -> Script:
    """The list of models, of these entries."""
    return answer(_dumps({"object": "list", "data": list(entries)}))


def embeddings(vectors: Sequence[Sequence[float]], *, as_base64: bool = False) -> Script:
    """Embeddings, as floats or as OpenAI's base64 of little-endian 32-bit floats."""
    data = [
        {"object": "embedding", "index": index, "embedding": _base64(vector) if as_base64 else list(vector)}
        for index, vector in enumerate(vectors)
    ]
    usage = {"prompt_tokens": 5, "total_tokens": 5}
    return answer(_dumps({"object": "list", "data": data, "model": MODEL, "usage": usage}))


def _part(part: Part, newline: bytes) -> bytes | Step:
    if isinstance(part, str):
        return event(chunk({"content": part}), newline)
    if isinstance(part, Mapping):
        return event(chunk(part), newline)
    return part


def _base64(vector: Sequence[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode("ascii")


def _dumps(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
