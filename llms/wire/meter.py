"""
What a call's record needs to know of its chunks.

The bytes of text are counted for answers whose tokens nobody counts, as those that were cut off. Of a block of texts
they cost less than asking the block for its length did.
"""

from typing import Any

from llms.records import Block, Usage
from llms.wire.text_block import MixedBlock, TextBlock


class Meter:
    """
    Looks at each block as it passes and changes nothing.

    Attributes:
        seen_bytes: Of all texts, reasoning and arguments of tools included, as UTF-8.
        tier: The ``service_tier`` that the answer was given at, if it says so beside its usage.
    """

    def __init__(self) -> None:
        self.chunks = 0
        self.seen_bytes = 0
        self.usage: Usage | None = None
        self.finish_reason: str | None = None
        self.tier: str | None = None

    def look(self, block: Block) -> None:
        """Take a block of chunks."""
        if type(block) is TextBlock:
            texts = block.texts
            self.chunks += len(texts)
            text = "".join(texts)
            self.seen_bytes += len(text) if text.isascii() else _bytes(text)
        elif type(block) is MixedBlock:
            for part in block.parts:
                self.look(part)
        else:
            self.chunks += len(block)
            for chunk in block:
                if choices := chunk["choices"]:
                    self.finish_reason = choices[0]["finish_reason"] or self.finish_reason
                    self.seen_bytes += sum(_length(choice["delta"]) for choice in choices)
                else:
                    self.answer(chunk)

    def answer(self, body: dict[str, Any]) -> None:
        """Take a whole answer, or the chunk that holds the usage."""
        raw = body.get("usage")
        if raw:
            self.tier = body.get("service_tier")
            into = raw.get("prompt_tokens_details") or {}
            reasoning = (raw.get("completion_tokens_details") or {}).get("reasoning_tokens", 0)
            self.usage = Usage(
                raw["prompt_tokens"],
                raw.get("completion_tokens", 0),
                into.get("cached_tokens", 0),
                reasoning,
                into.get("cache_write_tokens", 0),
            )
        for choice in body.get("choices") or ():
            self.finish_reason = choice["finish_reason"]
            self.seen_bytes += _length(choice["message"])


_TEXTS = ("content", "reasoning_content", "refusal")
_ASKED = ("name", "arguments", "input")


def _length(part: dict[str, Any]) -> int:
    """Give the bytes of text of a delta or a message."""
    total = 0
    for name in _TEXTS:
        if text := part.get(name):
            total += len(text) if text.isascii() else _bytes(text)
    for call in part.get("tool_calls") or ():
        asked = call.get("function") or call.get("custom") or {}
        total += sum(_bytes(asked.get(name) or "") for name in _ASKED)
    return total


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
