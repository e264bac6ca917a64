"""The prompt and the answer of a call whose key has them kept, cut to size; pure."""

from typing import Any

import orjson

from llms.records import Block, Call
from llms.store import KeptBody
from llms.wire.accumulate import Accumulator
from llms.wire.meter import Meter

LONGEST = 64 << 10
"""Characters of each."""


class KeepingMeter(Meter):
    """A meter that keeps what it looks at, too."""

    def __init__(self, call: Call) -> None:
        super().__init__()
        self._prompt = _cut(call.body)
        self._id = call.id
        self._collected = Accumulator(call)
        self._answer: Any = None

    def look(self, block: Block) -> None:
        """Take a block of chunks."""
        super().look(block)
        if self.seen_bytes <= LONGEST:  # what comes later would be cut off
            self._collected.feed(block)

    def answer(self, body: dict[str, Any]) -> None:
        """Take a whole answer, or the chunk that holds the usage."""
        super().answer(body)
        if body.get("object") != "chat.completion.chunk":
            self._answer = body.get("choices", body.get("data"))

    def kept(self) -> KeptBody:
        """Give both, as JSON that is cut off where it is too long."""
        answer = self._collected.completion()["choices"] if self._answer is None else self._answer
        return KeptBody(self._id, self._prompt, _cut(answer))


def _cut(body: object) -> str:
    text = orjson.dumps(body, default=dict).decode("utf-8", "replace")
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"
