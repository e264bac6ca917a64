"""Reads the gateway's raw answers; whatever breaks a rule of the wire (R1 to R10) or OpenAI's document fails the test."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.support.openapi import validate
from tests.support.raw import Response

_FRAME = re.compile(rb"data: [^\n]+|: [^\n]*")
_REASONING = {"reasoning_content", "reasoning", "reasoning_details", "thinking"}
_ONCE = ("id", "object", "created", "model")


@dataclass(frozen=True, slots=True)
class Stream:
    """
    A streamed answer.

    Args:
        error: What the error event says, if there was one; nothing came after it.
        comments: How many keep-alives there were.
    """

    chunks: list[dict[str, Any]]
    error: dict[str, Any] | None
    comments: int

    @property
    def usage(self) -> dict[str, Any] | None:
        return next((chunk["usage"] for chunk in self.chunks if chunk.get("usage")), None)

    @property
    def finish(self) -> str | None:
        """The ``finish_reason`` of choice 0."""
        return next((choice["finish_reason"] for choice in self.choices(0) if choice["finish_reason"]), None)

    def choices(self, index: int) -> list[dict[str, Any]]:
        """The entries of choice ``index``."""
        return [choice for chunk in self.chunks for choice in chunk["choices"] if choice["index"] == index]

    def text(self, field: str = "content", index: int = 0) -> str:
        """A field of the deltas, joined."""
        return "".join(choice["delta"].get(field) or "" for choice in self.choices(index))

    def tools(self) -> list[tuple[str, str, str]]:
        """Each tool call's id, name and arguments."""
        calls: list[list[str]] = []
        for choice in self.choices(0):
            for entry in choice["delta"].get("tool_calls", ()):
                if entry["index"] == len(calls):
                    calls.append([entry["id"], entry["function"]["name"], ""])
                calls[entry["index"]][2] += entry["function"]["arguments"]
        return [(call_id, name, arguments) for call_id, name, arguments in calls]


def stream(
    response: Response, *, include_usage: bool = False, reasoning: Sequence[str] = ("reasoning_content",)
) -> Stream:
    """Read a streamed answer; ``reasoning`` is the keys that reasoning may be under."""
    assert 200 == response.status
    assert response.complete
    *frames, rest = response.body.split(b"\n\n")
    assert b"" == rest
    assert [] == [frame for frame in frames if not _FRAME.fullmatch(frame)]
    data = [frame.removeprefix(b"data: ") for frame in frames if frame.startswith(b"data")]
    last = data.pop()
    assert b"[DONE]" not in data
    error = None if last == b"[DONE]" else json.loads(last)
    chunks = [json.loads(entry) for entry in data]
    if error is not None:
        validate("ErrorResponse", error)
        error = error["error"]
    _check(chunks, whole=error is None, include_usage=include_usage)
    assert set() == {key for chunk in chunks for choice in chunk["choices"] for key in choice["delta"]} & (
        _REASONING - set(reasoning)
    )
    return Stream(chunks, error, len(frames) - len(data) - 1)


def completion(response: Response) -> dict[str, Any]:
    """Read a whole answer."""
    assert 200 == response.status
    assert "application/json" == response.header("content-type")
    answer: dict[str, Any] = response.json
    validate("CreateChatCompletionResponse", answer)
    return answer


def refusal(response: Response) -> tuple[int, dict[str, Any]]:
    """Read an answer that is an error: its status and what stands under ``error``."""
    assert "application/json" == response.header("content-type")
    assert response.header("x-request-id")
    error: dict[str, Any] = response.json["error"]
    assert {"message", "type", "param", "code"} == set(error)
    validate("ErrorResponse", response.json)
    return response.status, error


def _check(chunks: Sequence[dict[str, Any]], *, whole: bool, include_usage: bool) -> None:
    for chunk in chunks:
        validate("CreateChatCompletionStreamResponse", chunk)
    assert 2 > len({tuple(chunk[name] for name in _ONCE) for chunk in chunks})
    if include_usage:
        assert {True} == {"usage" in chunk for chunk in chunks}
        assert [] == [chunk for chunk in chunks[:-1] if chunk["usage"] is not None]
        assert not whole or ([] == chunks[-1]["choices"] and chunks[-1]["usage"])
    else:
        assert [] == [chunk for chunk in chunks if "usage" in chunk or not chunk["choices"]]
    entries = [choice for chunk in chunks for choice in chunk["choices"]]
    seen = list(dict.fromkeys(choice["index"] for choice in entries))
    assert list(range(len(seen))) == seen  # R9
    for index in seen:
        _check_choice([choice for choice in entries if choice["index"] == index], whole=whole)


def _check_choice(entries: Sequence[dict[str, Any]], *, whole: bool) -> None:
    deltas = [choice["delta"] for choice in entries]
    assert ["assistant"] + [None] * (len(deltas) - 1) == [delta.get("role") for delta in deltas]
    finishes = [choice["finish_reason"] for choice in entries]
    assert [] == [reason for reason in finishes[:-1] if reason is not None]
    assert not whole or (finishes[-1] is not None and {} == deltas[-1])
    assert [] == [delta for delta in deltas if delta.get("content") and _REASONING & set(delta)]
    _check_tools([entry for delta in deltas for entry in delta.get("tool_calls", ())], whole=whole)


def _check_tools(entries: Sequence[dict[str, Any]], *, whole: bool) -> None:
    arguments: dict[int, str] = {}
    for entry in entries:
        first = entry["index"] not in arguments
        named = {"index", "function", "id", "type"} if first else {"index", "function"}
        assert named == set(entry) - {"extra_content"}
        assert ({"name", "arguments"} if first else {"arguments"}) == set(entry["function"])
        arguments.setdefault(entry["index"], "")
        arguments[entry["index"]] += entry["function"]["arguments"]
    assert list(range(len(arguments))) == list(arguments)
    assert not whole or "" not in arguments.values()
    ids = [entry["id"] for entry in entries if "id" in entry]
    assert len(ids) == len(set(ids))
