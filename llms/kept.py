"""The prompt and the answer of a call whose key has them kept, cut to size; pure."""

from typing import Any

from llms.records import Block, Call
from llms.store import KeptBody
from llms.wire import json_text
from llms.wire.accumulate import Accumulator
from llms.wire.meter import Meter

LONGEST = 64 << 10
"""Characters of each."""

_MOST_BYTES = 4 * LONGEST
"""Of what a stream's choices say, as JSON: as much as so many characters may take. What comes later is left out."""

_CUT = "…"


class KeepingMeter(Meter):
    """A meter that keeps what it looks at, too."""

    def __init__(self, call: Call) -> None:
        super().__init__()
        self._prompt = _cut(dict(call.body))
        self._id = call.id
        self._collected = Accumulator(call)
        self._room = _MOST_BYTES
        self._answer: Any = None

    def look(self, block: Block) -> None:
        """Take a block of chunks."""
        super().look(block)
        if self._room > 0:
            self._room -= sum(len(json_text.dumps(chunk["choices"])) - _FRAME for chunk in block)
            self._collected.feed(block)

    def answer(self, body: dict[str, Any]) -> None:
        """Take a whole answer, or the chunk that holds the usage."""
        super().answer(body)
        if body.get("object") != "chat.completion.chunk":
            self._answer = body.get("choices", body.get("data"))

    def kept(self) -> KeptBody:
        """Give both, as JSON that is cut off where it is too long."""
        if self._answer is not None:
            return KeptBody(self._id, self._prompt, _cut(self._answer))
        answer = _cut(self._collected.completion()["choices"])
        more = self._room <= 0 and not answer.endswith(_CUT)
        return KeptBody(self._id, self._prompt, answer + _CUT if more else answer)


_FRAME = len('[{"index":0,"delta":{"content":""},"logprobs":null,"finish_reason":null}]')


def _cut(body: object) -> str:
    text = json_text.dumps(body).decode()
    return text if len(text) <= LONGEST else text[:LONGEST] + _CUT
