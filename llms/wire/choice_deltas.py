"""One choice of a stream, its deltas made to obey the rules that ``chunks`` lists."""

from typing import Any

from llms.errors import UpstreamFailedError
from llms.wire import chunks
from llms.wire.logprobs import logprobs
from llms.wire.reasoning import reasoning, split_content
from llms.wire.think import ThinkParser, ThinkTags
from llms.wire.tool_deltas import ToolDeltas, arguments

_KEPT: dict[str, type] = {"refusal": str, "audio": dict, "extra_content": dict}
"""What a delta may hold that needs no mending. Other keys are dropped: clients add up what they do not know."""

_CALLS = frozenset({"tool_calls", "function_call"})


class ChoiceDeltas:
    """
    Puts one choice's deltas right; gives entries of a chunk's ``choices``.

    Args:
        index: Its own.
        prefix: Begins the ids of tool calls that came without one.
        tags: How the model writes reasoning into its text, if it does.
    """

    def __init__(self, index: int, prefix: str, tags: ThinkTags | None = None) -> None:
        self.index = index
        self.seen = False  # whether upstream sent it, or only a later one
        self.started = False
        self.finished = False
        self._think = ThinkParser(tags) if tags else None
        self._tools = ToolDeltas(prefix)
        self._function = False
        self._annotations = 0

    @property
    def plain(self) -> bool:
        """Whether a piece of text needs nothing done to it: the role has been said, and no reasoning can be in it."""
        return self.started and self._think is None

    def feed(self, raw: dict[str, Any]) -> list[dict[str, Any]]:
        """Take the choice as a chunk holds it; give what to send on, in order."""
        self.seen = True
        delta = raw.get("delta")
        if not isinstance(delta, dict):
            delta = raw.get("message")
        delta = delta if isinstance(delta, dict) else {}
        rest = self._rest(delta)
        ends = bool(raw.get("finish_reason")) or self.finished or not _CALLS.isdisjoint(rest)
        thinking, content = self._texts(delta, ends=ends)
        parts: list[dict[str, Any]] = []
        if thinking:
            parts.append(self.delta({"reasoning_content": thinking}))
        if content:
            rest = {"content": content, **rest}
        scores = logprobs(raw.get("logprobs"))
        if rest:
            parts.append(self.delta(rest, scores))
            scores = None
        elif delta and not self.started:
            parts.append(self.delta({"content": ""}, scores))
            scores = None
        return parts + self._finish(raw.get("finish_reason"), scores)

    def end(self) -> list[dict[str, Any]]:
        """Give what is owed at the end of the stream: the finish, if upstream gave none."""
        return self._owed() if self.finished else self.feed({"finish_reason": "stop"})

    def delta(self, delta: dict[str, Any], scores: dict[str, Any] | None = None) -> dict[str, Any]:
        """Give one delta; the first has the role."""
        if not self.started:
            self.started = True
            delta = {"role": "assistant", **(delta or {"content": ""})}
        return {"index": self.index, "delta": delta, "logprobs": scores, "finish_reason": None}

    def _texts(self, delta: dict[str, Any], *, ends: bool) -> tuple[str, str]:
        """The reasoning and the content, none of it held back if the text ends here."""
        content, thinking = split_content(delta.get("content"))
        thinking = reasoning(delta) or thinking
        if self._think is None:
            return thinking, content
        if thinking:  # a service that gives it by itself has left none in the text
            held, self._think = self._think.close(), None
            return held[0] + thinking, held[1] + content
        found = self._think.feed(content)
        held = self._think.close() if ends else ("", "")
        if self._think.over:
            self._think = None
        return found[0] + held[0], found[1] + held[1]

    def _rest(self, delta: dict[str, Any]) -> dict[str, Any]:
        rest: dict[str, Any] = {}
        for name, value in delta.items():
            if not value:
                continue
            if isinstance(value, _KEPT.get(name, ())):
                rest[name] = value
            elif name == "tool_calls" and isinstance(value, list):
                if entries := self._tools.feed(value):
                    rest[name] = entries
            elif name == "function_call" and isinstance(value, dict):
                rest[name] = self._function_call(value)
            elif name == "annotations" and isinstance(value, list) and (notes := self._annotated(value)):
                rest[name] = notes
        return rest

    def _function_call(self, value: dict[str, Any]) -> dict[str, Any]:
        piece = {"arguments": arguments(value.get("arguments"))}
        if self._function or not isinstance(value.get("name"), str):
            return piece
        self._function = True
        return {"name": value["name"], **piece}

    def _annotated(self, values: list[Any]) -> list[dict[str, Any]]:
        # Clients join a delta's lists by index and raise where there is none.
        first = self._annotations
        kept = [value for value in values if isinstance(value, dict)]
        self._annotations += len(kept)
        return [{**value, "index": index} for index, value in enumerate(kept, first)]

    def _finish(self, reason: object, scores: dict[str, Any] | None) -> list[dict[str, Any]]:
        if not reason or self.finished:
            return [self.delta({}, scores)] if scores else []
        if isinstance(reason, str) and reason.lower() in chunks.FAILED_REASONS:
            message = "The provider broke off the answer and did not say why."
            raise UpstreamFailedError(message)
        parts = self._owed()
        if not self.started:
            parts.append(self.delta({"content": ""}))
        self.finished = True
        end = {"index": self.index, "delta": {}, "logprobs": scores}
        end["finish_reason"] = chunks.finish_reason(reason, tool_calls=self._tools.sent > 0)
        return [*parts, end]

    def _owed(self) -> list[dict[str, Any]]:
        entries = self._tools.close()
        return [self.delta({"tool_calls": entries})] if entries else []
