"""From a stream's chunks to the whole answer, and from a whole answer to chunks."""

from typing import Any

from llms.records import Block, Call, Chunk, Completion
from llms.wire import about
from llms.wire.chunks import completion_id


class Accumulator:
    """
    Collects the normalised chunks of one stream into a ``chat.completion``.

    Args:
        call: Gives ``id``, ``created`` and ``model``.
    """

    def __init__(self, call: Call) -> None:
        self._call = call
        self._choices: dict[int, _Message] = {}
        self._usage: dict[str, Any] | None = None
        self._about: dict[str, Any] = {}

    def feed(self, block: Block) -> None:
        """Take a block."""
        for chunk in block:
            if chunk.get("usage"):
                self._usage = chunk["usage"]
            for name in about.NAMES:
                if name in chunk:
                    self._about[name] = chunk[name]
            for choice in chunk["choices"]:
                self._choices.setdefault(choice["index"], _Message()).feed(choice)

    def completion(self) -> Completion:
        """Give the answer collected so far."""
        result: Completion = {
            "id": completion_id(self._call),
            "object": "chat.completion",
            "created": self._call.started_at,
            "model": self._call.model,
            "choices": [message.choice(index) for index, message in sorted(self._choices.items())],
            **self._about,
        }
        if self._usage is not None:
            result["usage"] = self._usage
        return result


class _Message:
    """One choice; pieces are kept apart until the end, so that many small ones stay cheap."""

    def __init__(self) -> None:
        self._text: dict[str, list[str]] = {}
        self._tools: list[_Tool] = []
        self._function: dict[str, list[str]] = {}
        self._audio: dict[str, Any] = {}
        self._annotations: list[dict[str, Any]] = []
        self._other: dict[str, Any] = {}
        self._logprobs: dict[str, Any] | None = None
        self._finish_reason: str | None = None

    def feed(self, choice: dict[str, Any]) -> None:
        self._finish_reason = choice["finish_reason"] or self._finish_reason
        if choice.get("logprobs"):
            self._score(choice["logprobs"])
        for name, value in choice["delta"].items():
            if name == "tool_calls":
                self._call(value)
            elif name == "function_call":
                _collect(self._function, value)
            elif name == "audio":
                self._hear(value)
            elif name == "annotations":
                self._annotations += [{key: part for key, part in note.items() if key != "index"} for note in value]
            elif isinstance(value, str) and name != "role":
                self._text.setdefault(name, []).append(value)
            elif value is not None and name != "role":
                self._other[name] = value

    def choice(self, index: int) -> dict[str, Any]:
        text = _joined(self._text)
        message: dict[str, Any] = {
            "role": "assistant",
            "content": text.pop("content", None),
            "refusal": text.pop("refusal", None),
            **text,
            **self._other,
        }
        if self._tools:
            message["tool_calls"] = [tool.whole() for tool in self._tools]
        if self._function:
            message["function_call"] = {"name": "", "arguments": "", **_joined(self._function)}
        if self._audio:
            message["audio"] = self._audio
        if self._annotations:
            message["annotations"] = self._annotations
        if self._tools or self._function or self._audio or message["refusal"] is not None:
            message["content"] = message["content"] or None
        else:
            message["content"] = message["content"] or ""
        return {
            "index": index,
            "message": message,
            "logprobs": self._logprobs,
            "finish_reason": self._finish_reason,
        }

    def _score(self, logprobs: dict[str, Any]) -> None:
        if self._logprobs is None:
            self._logprobs = {"content": None, "refusal": None}
        for name, scores in self._logprobs.items():
            if isinstance(more := logprobs.get(name), list):
                if scores is None:
                    self._logprobs[name] = list(more)
                else:
                    scores.extend(more)

    def _call(self, entries: list[dict[str, Any]]) -> None:
        for entry in entries:
            if entry["index"] == len(self._tools):
                self._tools.append(_Tool())
            self._tools[entry["index"]].feed(entry)

    def _hear(self, piece: dict[str, Any]) -> None:
        for name, value in piece.items():
            joins = name in ("data", "transcript") and isinstance(value, str)
            self._audio[name] = self._audio.get(name, "") + value if joins else value


class _Tool:
    """One tool call."""

    def __init__(self) -> None:
        self._head: dict[str, Any] = {}
        self._kind = "function"
        self._pieces: dict[str, list[str]] = {}
        self._extra: dict[str, Any] = {}

    def feed(self, entry: dict[str, Any]) -> None:
        if "id" in entry:
            self._head = {"id": entry["id"], "type": entry["type"]}
        for kind in ("function", "custom"):
            if kind in entry:
                self._kind = kind
                _collect(self._pieces, entry[kind])
        if "extra_content" in entry:
            self._extra = {"extra_content": entry["extra_content"]}

    def whole(self) -> dict[str, Any]:
        return {**self._head, self._kind: _joined(self._pieces), **self._extra}


def _collect(pieces: dict[str, list[str]], more: dict[str, Any]) -> None:
    for name, value in more.items():
        pieces.setdefault(name, []).append(value or "")


def _joined(pieces: dict[str, list[str]]) -> dict[str, Any]:
    return {name: "".join(parts) for name, parts in pieces.items()}


def chunks(completion: Completion) -> list[Chunk]:
    """Give the chunks that a whole, normalised answer would have been streamed as."""
    head = {
        "id": completion["id"],
        "object": "chat.completion.chunk",
        "created": completion["created"],
        "model": completion["model"],
        **{name: completion[name] for name in about.NAMES if name in completion},
    }
    block: list[Chunk] = []
    for choice in completion["choices"]:
        index = choice["index"]
        for delta, logprobs in _deltas(choice):
            part = {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": None}
            block.append({**head, "choices": [part]})
        end = {"index": index, "delta": {}, "logprobs": None, "finish_reason": choice["finish_reason"]}
        block.append({**head, "choices": [end]})
    if completion.get("usage"):
        block.append({**head, "choices": [], "usage": completion["usage"]})
    return block


def _deltas(choice: dict[str, Any]) -> list[tuple[dict[str, Any], dict[str, Any] | None]]:
    message = choice["message"]
    deltas: list[tuple[dict[str, Any], dict[str, Any] | None]] = []
    if message.get("reasoning_content"):
        deltas.append(({"reasoning_content": message["reasoning_content"]}, None))
    rest = {name: value for name, value in message.items() if name not in _OWN_DELTA and value is not None}
    for name in ("tool_calls", "annotations"):
        if message.get(name):  # clients join a delta's lists by index
            rest[name] = [{"index": index, **entry} for index, entry in enumerate(message[name])]
    if not rest:
        rest["content"] = ""
    deltas.append((rest, choice["logprobs"]))
    deltas[0] = ({"role": "assistant", **deltas[0][0]}, deltas[0][1])
    return deltas


_OWN_DELTA = ("role", "reasoning_content", "tool_calls", "annotations")
