"""
Chunks that obey the rules of the stream, made from scratch: what a provider with a protocol of its own writes with.

The rules (each protects an official client from an exception or from silent loss): the same ``id``, ``created`` and
``model`` on every chunk; ``role`` once; a tool call's ``id``, ``type`` and ``name`` once, its index dense from 0, its
arguments a string of at least ``{}``; reasoning only as ``reasoning_content`` and never in one chunk with content;
exactly one ``finish_reason`` per choice, of OpenAI's five; usage in a chunk without choices. That
chunk comes as soon as it is known, for the record of a call whose client leaves before the end; clients are shown one,
the last, at the end: the encoders in ``apis`` hold it back.
"""

from typing import Any

from llms.records import Block, Call, Chunk

FINISH_REASONS = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
    "function_call": "function_call",
    # What OpenAI-compatible services say instead; anything else counts as "stop".
    "max_tokens": "length",
    "model_length": "length",
    "abort": "length",  # cut short by the server, so not a whole answer
    "tool_use": "tool_calls",
    "safety": "content_filter",
    "max_output_tokens": "length",
    "time_limit": "length",
    "cancelled": "length",
    "refusal": "content_filter",
    "sensitive": "content_filter",
    "recitation": "content_filter",
    "prohibited_content": "content_filter",
    "guardrail_intervened": "content_filter",
}

FAILED_REASONS = frozenset({"error", "network_error", "insufficient_system_resource"})
"""What OpenRouter, Zhipu and DeepSeek say when the answer broke off: no finish at all, so never ``stop``."""

_MAX_TOKENS = 1 << 40
"""No real call comes near; a count above it is a fault of the upstream."""


def completion_id(call: Call) -> str:
    """The answer's ``id``, made of the call's, so that either leads to the log."""
    return "chatcmpl-" + call.id.removeprefix("req_")


def finish_reason(reason: object, *, tool_calls: bool) -> str:
    """
    One of OpenAI's five.

    Args:
        reason: What the upstream said.
        tool_calls: Whether a tool call was sent; some services say ``stop`` even then.
    """
    known = FINISH_REASONS.get(reason.lower(), "stop") if isinstance(reason, str) else "stop"
    return "tool_calls" if tool_calls and known == "stop" else known


def usage(raw: object) -> dict[str, Any] | None:
    """
    Give OpenAI's usage object, or ``None`` if ``raw`` is not a believable one.

    A count that is no whole number from 0 to 2⁴⁰ would credit a budget or break a client's arithmetic. Tokens that were
    read from the provider's cache, or written to it, are under OpenAI's names whatever the upstream calls them.
    """
    if not isinstance(raw, dict):
        return None
    prompt, completion = _count(raw.get("prompt_tokens")), _count(raw.get("completion_tokens", 0))
    if prompt is None or completion is None:
        return None
    read, written = _details(raw.get("prompt_tokens_details")), _details(raw.get("completion_tokens_details"))
    if not _BESIDE.isdisjoint(raw) or (read and not _WITHIN.isdisjoint(read)):
        read = _cache(raw, read or {})
    total = _count(raw.get("total_tokens"))
    if total is not None and total > prompt + completion:
        completion = total - prompt  # xAI and Gemini count reasoning in the total only; OpenAI's output includes it
    result: dict[str, Any] = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }
    if read is not None:
        result["prompt_tokens_details"] = read
    if written is not None:
        result["completion_tokens_details"] = written
    return result


_READ = ("prompt_cache_hit_tokens", "cached_tokens", "cache_read_input_tokens")
"""What DeepSeek, Moonshot and LiteLLM call tokens that were read from the cache, beside the details."""

_WRITTEN = ("cache_creation_tokens", "cache_creation_input_tokens", "cached_write_tokens")
"""What LiteLLM, any-llm and Envoy call those that were written to it, in the details; the second also beside them."""

_BESIDE = frozenset({*_READ, "cache_creation_input_tokens"})
_WITHIN = frozenset(_WRITTEN)


def _cache(raw: dict[str, Any], read: dict[str, int]) -> dict[str, int] | None:
    """Give the details of what went in, with OpenAI's names of what the cache had to do with it."""
    beside = [count for name in _READ if (count := _count(raw.get(name))) is not None]
    within = [read[name] for name in _WRITTEN if name in read]
    if (written := _count(raw.get("cache_creation_input_tokens"))) is not None:
        within.append(written)
    found = {"cached_tokens": beside[0]} if beside else {}
    if within:
        found["cache_write_tokens"] = within[0]
    return {**found, **read} or None


def _details(raw: object) -> dict[str, int] | None:
    if not isinstance(raw, dict):
        return None
    return {name: count for name, value in raw.items() if (count := _count(value)) is not None}


def _count(value: object) -> int | None:
    if type(value) is int:  # and not bool
        return value if 0 <= value <= _MAX_TOKENS else None
    return int(value) if isinstance(value, float) and 0 <= value <= _MAX_TOKENS and value.is_integer() else None


class ChunkBuilder:
    """
    Builds the chunks of one answer with one choice.

    Args:
        call: Gives ``id``, ``created`` and ``model``.
    """

    def __init__(self, call: Call) -> None:
        self._head = (completion_id(call), call.started_at, call.model)
        self._started = False
        self._tools = 0
        self._arguments = False  # whether the open tool call has any

    def content(self, text: str, logprobs: dict[str, Any] | None = None) -> Chunk:
        """A piece of the answer."""
        return self._delta({"content": text}, logprobs)

    def reasoning(self, text: str) -> Chunk:
        """A piece of the reasoning; comes before the content."""
        return self._delta({"reasoning_content": text})

    def refusal(self, text: str) -> Chunk:
        """A piece of a refusal."""
        return self._delta({"refusal": text})

    def tool_call(self, call_id: str, name: str, arguments: str = "") -> list[Chunk]:
        """Begin the next tool call; give it whole, or go on with ``tool_arguments``."""
        block = self._end_tool()
        function = {"name": name, "arguments": arguments}
        entry = {"index": self._tools, "id": call_id, "type": "function", "function": function}
        self._tools += 1
        self._arguments = bool(arguments)
        return [*block, self._delta({"tool_calls": [entry]})]

    def tool_arguments(self, text: str) -> Chunk:
        """A piece of the open tool call's arguments."""
        self._arguments = self._arguments or bool(text)
        return self._delta({"tool_calls": [{"index": self._tools - 1, "function": {"arguments": text}}]})

    def finish(self, reason: object) -> list[Chunk]:
        """The end of the choice."""
        block = self._end_tool()
        if not self._started:
            block.append(self._delta({"content": ""}))
        choice = {"index": 0, "delta": {}, "logprobs": None}
        choice["finish_reason"] = finish_reason(reason, tool_calls=self._tools > 0)
        return [*block, self._chunk([choice])]

    def usage(self, raw: object) -> list[Chunk]:
        """The last chunk, if ``raw`` is a believable usage object; else nothing."""
        counted = usage(raw)
        return [] if counted is None else [{**self._chunk([]), "usage": counted}]

    def _end_tool(self) -> list[Chunk]:
        if self._tools and not self._arguments:
            return [self.tool_arguments("{}")]
        return []

    def _delta(self, delta: dict[str, Any], logprobs: dict[str, Any] | None = None) -> Chunk:
        if not self._started:
            self._started = True
            delta = {"role": "assistant", **delta}
        return self._chunk([{"index": 0, "delta": delta, "logprobs": logprobs, "finish_reason": None}])

    def _chunk(self, choices: list[dict[str, Any]]) -> Chunk:
        chunk_id, created, model = self._head
        return {
            "id": chunk_id,
            "object": "chat.completion.chunk",
            "created": created,
            "model": model,
            "choices": choices,
        }


def says_something(block: Block) -> bool:
    """
    Whether any of the chunks holds more than a role: a text, a call, an end, the usage, scores.

    Of what holds no more a stream has at most one chunk for each choice, so that not much is ever kept back.
    """
    return any(not chunk["choices"] or any(_says(choice) for choice in chunk["choices"]) for chunk in block)


def _says(choice: Chunk) -> bool:
    if choice["finish_reason"] or choice.get("logprobs"):
        return True
    return any(value for name, value in choice["delta"].items() if name != "role")
