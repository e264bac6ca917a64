"""What a call's record needs to know of its chunks."""

from typing import Any

from llms.records import Block, Usage
from llms.wire.text_block import MixedBlock, TextBlock


class Meter:
    """Looks at each block as it passes and changes nothing."""

    def __init__(self) -> None:
        self.chunks = 0
        self.usage: Usage | None = None
        self.finish_reason: str | None = None

    def look(self, block: Block) -> None:
        """Take a block of chunks."""
        if type(block) is TextBlock:
            self.chunks += len(block)
        elif type(block) is MixedBlock:
            for part in block.parts:
                self.look(part)
        else:
            self.chunks += len(block)
            for chunk in block:
                if choices := chunk["choices"]:
                    self.finish_reason = choices[0]["finish_reason"] or self.finish_reason
                else:
                    self.answer(chunk)

    def answer(self, body: dict[str, Any]) -> None:
        """Take a whole answer, or the chunk that holds the usage."""
        raw = body.get("usage")
        if raw:
            cached = (raw.get("prompt_tokens_details") or {}).get("cached_tokens", 0)
            reasoning = (raw.get("completion_tokens_details") or {}).get("reasoning_tokens", 0)
            self.usage = Usage(raw["prompt_tokens"], raw.get("completion_tokens", 0), cached, reasoning)
        for choice in body.get("choices") or ():
            self.finish_reason = choice["finish_reason"]
