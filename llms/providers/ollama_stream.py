"""
From Ollama's NDJSON to chunks, pure.

A tool call comes whole, with its arguments as an object; its index may be missing or always 0, so the gateway counts
itself. The last line may carry content and tool calls too. A line with ``error`` ends the stream under status 200.

Source: https://github.com/ollama/ollama/blob/main/docs/api.md#generate-a-chat-completion
"""

import hashlib
from typing import Any, NoReturn

from llms.errors import GatewayError, UpstreamBadResponseError, UpstreamTruncatedError
from llms.providers.ollama_errors import Failures
from llms.providers.ollama_tools import custom_tools
from llms.records import Block, Call, Chunk
from llms.terms import Bounds
from llms.wire import json_text, ndjson
from llms.wire.chunks import ChunkBuilder
from llms.wire.logprobs import octets
from llms.wire.tool_deltas import MAX_TOOL_CALLS

_BOUNDS = Bounds()

_MAX_ID = 256
"""The longest id of a tool call that is kept for the length of the answer; Ollama's have 13 characters."""


class Decoder:
    """
    Reads one streamed answer; the same chunks however it is cut into reads.

    A failure found behind chunks of the same read is raised by ``close``, so that the chunks are not lost; ``done``
    says to get there.

    Args:
        failures: Words what an error line says.
        bounds: Of the stream's lines.
    """

    def __init__(self, call: Call, failures: Failures, bounds: Bounds = _BOUNDS) -> None:
        self.done = False
        self._failures = failures
        self._failure: GatewayError | None = None
        self._lines = ndjson.Decoder(bounds.max_event_bytes, bounds.max_events)
        self._build = ChunkBuilder(call)
        self._tools = _ToolCalls(call, self._build)

    def feed(self, data: bytes) -> Block:
        """Take what one read found; see ``llms.providers.http.Decoder``."""
        block: list[Chunk] = []
        try:
            for line in self._lines.feed(data):
                if not self.done:
                    block += self.take(_decoded(line))
        except GatewayError as failure:
            self._failure = failure
            self.done = True
            if not block:
                raise
        return block

    def close(self) -> Block:
        """Take the end of the stream; see ``llms.providers.http.Decoder``."""
        if self._failure is not None:
            raise self._failure
        block: list[Chunk] = []
        for line in self._lines.close():
            if not self.done and _is_whole(line):
                block += self.take(_decoded(line))
        if not self.done:
            message = "The provider closed the connection before the answer was complete."
            raise UpstreamTruncatedError(message)
        return block

    def take(self, line: object) -> Block:
        """
        Give the chunks of one decoded line.

        Raises:
            UpstreamFailedError: It reports an error.
            UpstreamBadResponseError: It has a wrong shape.
        """
        if not isinstance(line, dict):
            _refuse_shape("a line")
        if line.get("error"):
            raise self._failures.line(line["error"])
        block = self._message(line)
        if line.get("done") is True:
            self.done = True
            block += self._build.finish(line.get("done_reason"))
            prompt, completion = line.get("prompt_eval_count"), line.get("eval_count")
            if prompt is not None or completion is not None:  # one that is absent is 0, both say that nobody counted
                block += self._build.usage({"prompt_tokens": prompt or 0, "completion_tokens": completion or 0})
        return block

    def _message(self, line: dict[str, Any]) -> list[Chunk]:
        message = line.get("message")
        if message is None:
            return []
        if not isinstance(message, dict):
            _refuse_shape("message")
        thinking, content, tool_calls = message.get("thinking"), message.get("content"), message.get("tool_calls")
        if not isinstance(thinking, str | None) or not isinstance(content, str | None):
            _refuse_shape("message.content")
        if not isinstance(tool_calls, list | None):
            _refuse_shape("message.tool_calls")
        logprobs = _logprobs(line.get("logprobs"))
        block = [self._build.reasoning(thinking)] if thinking else []
        # A line may hold nothing but logprobs, as for half of a character; those of the reasoning have no place.
        if content or (logprobs and not thinking):
            block.append(self._build.content(content or "", logprobs))
        for tool_call in tool_calls or ():
            block += self._tools.chunks(tool_call)
        return block


class _ToolCalls:
    """The tool calls of one answer."""

    def __init__(self, call: Call, build: ChunkBuilder) -> None:
        self._call = call
        self._build = build
        self._ids: set[str] = set()
        self._one = call.body.get("parallel_tool_calls") is False
        self._custom = custom_tools(call.body)

    def chunks(self, raw: object) -> list[Chunk]:
        """Give the chunks of one tool call; none if the client wants one only and has it."""
        function = raw.get("function") if isinstance(raw, dict) else None
        name = function.get("name") if isinstance(function, dict) else None
        if not isinstance(raw, dict) or not isinstance(function, dict) or not isinstance(name, str) or not name:
            _refuse_shape("message.tool_calls[]")
        if self._one and self._ids:
            return []
        if len(self._ids) >= MAX_TOOL_CALLS:
            message = f"The provider's answer holds more than {MAX_TOOL_CALLS} tool calls."
            raise UpstreamBadResponseError(message)
        given = function.get("arguments")
        block = self._build.tool_call(self._id(raw.get("id")), name, _arguments(given))
        if name in self._custom:
            _make_custom(block[-1]["choices"][0]["delta"]["tool_calls"][0], given)
        return block

    def _id(self, given: object) -> str:
        """Give an id that no other call of the answer has: theirs, or one made of the call's, so that it repeats."""
        count = len(self._ids)
        call_id = given if isinstance(given, str) and len(given) <= _MAX_ID and given not in self._ids else ""
        if not call_id:
            call_id = "call_" + hashlib.sha256(f"{self._call.id}:{count}".encode()).hexdigest()[:24]
        self._ids.add(call_id)
        return call_id


def _decoded(line: bytes) -> object:
    try:
        return json_text.loads(line)
    except ValueError:
        message = "The provider sent a line that is not JSON."
        raise UpstreamBadResponseError(message) from None  # the cause quotes the line


def _is_whole(line: bytes) -> bool:
    """Say whether the last line, which has no newline, is one; half a line is a cut answer, not bad JSON."""
    try:
        json_text.loads(line)
    except ValueError:
        return False
    return True


def _arguments(raw: object) -> str:
    if isinstance(raw, str):
        return raw or "{}"
    if not isinstance(raw, dict | None):
        _refuse_shape("message.tool_calls[].function.arguments")
    try:
        return json_text.dumps(raw or {}).decode()
    except RecursionError:
        message = "The provider sent tool arguments that are nested too deeply."
        raise UpstreamBadResponseError(message) from None


def _make_custom(entry: dict[str, Any], arguments: object) -> None:
    function = entry.pop("function")
    text = arguments.get("input") if isinstance(arguments, dict) else None
    entry["type"] = "custom"
    entry["custom"] = {
        "name": function["name"],
        "input": text if isinstance(text, str) else function["arguments"],
    }


def _logprobs(raw: object) -> dict[str, Any] | None:
    """Give OpenAI's shape, which requires every key; what is not believable is left out."""
    tokens = [
        {**_token(item), "top_logprobs": [*map(_token, _tokens(item.get("top_logprobs")))]} for item in _tokens(raw)
    ]
    return {"content": tokens, "refusal": None} if tokens else None


def _tokens(raw: object) -> list[dict[str, Any]]:
    return [
        item
        for item in (raw if isinstance(raw, list) else ())
        if isinstance(item, dict) and isinstance(item.get("token"), str) and type(item.get("logprob")) in (float, int)
    ]


def _token(raw: dict[str, Any]) -> dict[str, Any]:
    return {"token": raw["token"], "logprob": raw["logprob"], "bytes": octets(raw.get("bytes"))}


def _refuse_shape(what: str) -> NoReturn:
    message = f"The provider's answer has a wrong shape: {what}."
    raise UpstreamBadResponseError(message)
