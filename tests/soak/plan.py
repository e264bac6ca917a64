"""
What one call asks of the scripted upstream; it travels as the prompt. Pure.

Both sides know what the answer has to be, word by word, and each word carries the call's name: an answer that is short,
out of order or somebody else's is seen.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

WORDS_IN_A_WHOLE_ANSWER = 20


@dataclass(frozen=True, slots=True)
class Plan:
    """
    What one call asks for.

    Args:
        id: Of the call, unlike any other's.
        words: Events of a stream, or parts of a whole answer.
        every_s: Between two events, and before a whole answer.
        pad: Bytes that are added to each word.
        faults: What goes wrong at which provider, as ``tests.soak.faults`` names it.
        at: How many events come before a fault in a stream.
    """

    id: str
    words: int = WORDS_IN_A_WHOLE_ANSWER
    every_s: float = 0.0
    pad: int = 0
    faults: Mapping[str, str] = field(default_factory=dict)
    at: int = 3

    def said(self) -> Iterator[str]:
        """Give the words of the answer."""
        pad = "." * self.pad
        return (f"{self.id}-{number}{pad} " for number in range(self.words))

    @property
    def text(self) -> str:
        """The whole answer."""
        return "".join(self.said())

    def request(self, model: str, *, stream: bool) -> dict[str, Any]:
        """Give the body of the request."""
        prompt = {
            "id": self.id,
            "words": self.words,
            "every_s": self.every_s,
            "pad": self.pad,
            "faults": dict(self.faults),
            "at": self.at,
        }
        return {"model": model, "stream": stream, "messages": [{"role": "user", "content": json.dumps(prompt)}]}


def read(body: bytes) -> tuple[Plan, bool]:
    """Give the plan in a request, and whether it wants a stream; a request without one gets a short answer."""
    request = json.loads(body)
    try:
        plan = Plan(**json.loads(request["messages"][-1]["content"]))
    except (ValueError, TypeError, KeyError):
        plan = Plan("plain")
    return plan, bool(request.get("stream"))
