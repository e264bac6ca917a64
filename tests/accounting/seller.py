"""
The providers' side of a call: what it is told to do about it, and what it would bill for that.

The sum is worked out here once more, from what was sent over the wire and the rules as they are documented: what a
provider counts is exact; an answer that nobody counted is three bytes of text to a token; so is what went in; a call that
was refused or reset before its first word costs nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from tests.upstream import openai
from tests.upstream.framing import answer
from tests.upstream.request import Request
from tests.upstream.server import Upstream
from tests.upstream.steps import Script, Step, hang, rst, wait

Price = tuple[str, str]
"""Dollars for a million tokens, going in and coming out, as the configuration has them."""

ABSURD = 1 << 39
"""Tokens that nobody can have taken; the gateway's own bound is far below."""


@dataclass(frozen=True)
class Act:
    """
    What a provider does about a call.

    Args:
        kind: ``whole``, ``stream``, ``embed``, ``refuse``, ``reset`` or ``hang``.
        usage: Tokens in and out, as it says; ``None`` if it does not.
        texts: Of the answer, in pieces.
        end: Of a stream: ``done``, ``cut`` (no end), ``reset``, or ``held``: until it is let go, or for ever.
        go: What lets a stream go that is held; then it ends as if it were ``done``.
        late: Whether nothing at all is sent before that.
    """

    kind: str
    usage: tuple[int, int] | None = None
    texts: tuple[str, ...] = ()
    end: str = "done"
    go: Any = None
    late: bool = False

    @property
    def fails(self) -> bool:
        """Whether there is no answer at all."""
        return self.kind in ("refuse", "reset")

    def script(self) -> Script:
        """Give what is played."""
        return (wait(self.go), *self._answer()) if self.late else self._answer()

    def _answer(self) -> Script:
        usage = None if self.usage is None else _usage(*self.usage)
        if self.kind in _WITHOUT_WORDS:
            return _WITHOUT_WORDS[self.kind]
        if self.kind == "embed":
            return answer(_embedding(usage))
        if self.kind == "whole":
            return openai.completion("".join(self.texts), usage=usage)
        parts: list[str | Step] = list(self.texts)
        if self.end == "done":
            return openai.stream(parts, usage=usage)
        ends = {"cut": [], "reset": [rst()], "held": [wait(self.go, _HELD_S) if self.go is not None else hang()]}
        finish = "stop" if self.end == "held" and self.go is not None else None
        return openai.stream(
            [*parts, *ends[self.end]], usage=usage if finish else None, finish=finish, done=bool(finish)
        )


_HELD_S = 600.0
"""Beyond what any of the model's streams is open for, however slow the machine."""

_WITHOUT_WORDS: Mapping[str, Script] = {"refuse": openai.error(500), "reset": (rst(),), "hang": (hang(),)}


def _usage(into: int, out: int) -> dict[str, int]:
    return {"prompt_tokens": into, "completion_tokens": out, "total_tokens": into + out}


def _embedding(usage: Mapping[str, Any] | None) -> bytes:
    data = [{"object": "embedding", "index": 0, "embedding": [0.5, 0.25]}]
    made = {"object": "list", "data": data, "model": "e", "usage": usage or {"prompt_tokens": 0, "total_tokens": 0}}
    return openai._dumps(made)


@dataclass
class Order:
    """
    One call, as both ends know it.

    Args:
        name: By which the provider knows it again: the first word of the prompt.
        acts: By the provider's name.
        sent: Bytes of the request's body, as the client sent it.
        prices: In force when it was sent, by ``provider/model``.
        seen: Bytes of text that have reached the client, of an answer that it has left; all that were sent otherwise.
        asked: Who has been asked, in order.
        at: Unix milliseconds when it was sent.
    """

    name: str
    acts: Mapping[str, Act]
    prices: Mapping[str, Price]
    sent: int = 0
    left: bool = False
    at: int = 0
    asked: list[tuple[str, str]] = field(default_factory=list)

    def bill(self) -> int:
        """Give what the providers would bill for it, in micro-dollars, half of one rounded up."""
        tokens = self.tokens()
        if tokens is None:
            return 0
        price = self.prices.get("/".join(self.asked[-1]))
        if price is None:
            return 0
        micros = Fraction(tokens[0]) * Fraction(price[0]) + Fraction(tokens[1]) * Fraction(price[1])
        return int(micros + Fraction(1, 2))

    def tokens(self) -> tuple[int, int] | None:
        """Give the tokens in and out that are billed; ``None`` for a call that nobody has worked on."""
        if not self.asked:
            return None
        act = self.acts[self.asked[-1][0]]
        if act.fails:
            return None
        into, out = thirds(self.sent), thirds(sum(len(text.encode()) for text in act.texts))
        cut = act.kind == "stream" and (act.end in ("cut", "reset") or self.left)
        if act.usage is None or cut or act.kind == "hang":
            return into, out
        said = act.usage
        return (into if said[0] >= ABSURD else said[0]), (out if said[1] >= ABSURD else said[1])


def thirds(count: int) -> int:
    """Give the tokens of so many bytes: three to each, begun ones too."""
    return (count + 2) // 3


class Seller:
    """All providers, on one socket: ``one`` and ``two``, each below a path of its own."""

    def __init__(self, upstream: Upstream) -> None:
        self.upstream = upstream
        self.orders: dict[str, Order] = {}
        for name in ("one", "two"):
            for path in ("chat/completions", "embeddings"):
                upstream.on("POST", f"/{name}/v1/{path}", self._asked)

    def section(self, name: str, models: Sequence[str]) -> dict[str, Any]:
        """Give the configuration of a provider."""
        return {
            "type": "openai",
            "base_url": f"{self.upstream.url}/{name}/v1",
            "models": list(models),
            "retries": 0,
            "breaker": False,
        }

    def _asked(self, request: Request) -> Script:
        provider = request.path.split("/")[1]
        body = request.json
        text = body["input"] if "input" in body else body["messages"][-1]["content"]
        order = self.orders[text.split()[0]]
        order.asked.append((provider, body["model"]))
        return order.acts[provider].script()
