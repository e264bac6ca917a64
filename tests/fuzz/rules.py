"""The rules of the stream (R1 to R10 of the wire), checked on chunks and on the bytes that a client gets."""

import json
from collections.abc import Sequence
from typing import Any, NoReturn

from llms.apis import chat_completions, completions
from llms.apis.api import Api
from llms.records import Block, Call
from llms.wire.chunks import FINISH_REASONS

CALL = Call("req_0123456789abcdef01234567", 1790000000, "chat.completions", "mine", stream=True, body={})
WITH_USAGE = Call(CALL.id, CALL.started_at, CALL.api, CALL.model, stream=True, body={}, include_usage=True)
_HEAD = {
    "id": "chatcmpl-0123456789abcdef01234567",
    "object": "chat.completion.chunk",
    "created": CALL.started_at,
    "model": CALL.model,
}
_OTHER_REASONING = {"reasoning", "reasoning_details", "thinking"}


def check(block: Block, *, whole: bool) -> None:
    """
    Check the chunks of one stream.

    Args:
        whole: Whether the stream came to its end; else it was cut short by an error.
    """
    for chunk in block:
        assert {name: chunk.get(name) for name in _HEAD} == _HEAD  # R7
        assert isinstance(chunk["choices"], list)
        assert "error" not in chunk  # R3
        assert bool(chunk["choices"]) != ("usage" in chunk)
        _check_usage(chunk.get("usage"))
    entries = [choice for chunk in block for choice in chunk["choices"]]
    seen = list(dict.fromkeys(choice["index"] for choice in entries))
    assert seen == list(range(len(seen)))  # R9
    for index in seen:
        _check_choice([choice for choice in entries if choice["index"] == index], whole=whole)
    assert seen or not whole


APIS = (chat_completions.API, completions.API)


def check_bytes(block: Block, *, whole: bool, apis: Sequence[Api] = APIS) -> None:
    """Write the chunks as each API does; check what a client would read."""
    for api in apis:
        for call in (CALL, WITH_USAGE):
            encoder = api.encoder(call)
            data = encoder.feed(block) + (encoder.close() if whole else b"")
            frames = data.split(b"\n\n")
            assert frames.pop() == b""
            assert not whole or frames.pop() == b"data: [DONE]"
            for frame in frames:
                assert frame.startswith(b"data: {")  # R1, R2
                assert b"\n" not in frame
                assert b"\r" not in frame
            _check_told([parsed(frame[6:]) for frame in frames], include_usage=call.include_usage)


def parsed(data: bytes) -> Any:
    """Decode strictly: UTF-8, and no number that JSON does not have."""
    return json.loads(data.decode(), parse_constant=_refuse)


def _refuse(name: str) -> NoReturn:
    message = f"{name} was written as JSON"
    raise AssertionError(message)


def _check_told(events: list[dict[str, Any]], *, include_usage: bool) -> None:
    """R8: the usage is shown to those who asked, once, in the last chunk, which has no choices."""
    if include_usage:
        assert all("usage" in event for event in events)
        assert all(event["usage"] is None and event["choices"] for event in events[:-1])
        assert all(bool(event["choices"]) == (event["usage"] is None) for event in events[-1:])
    else:
        assert all("usage" not in event and event["choices"] for event in events)


def _check_usage(usage: Any) -> None:
    if usage is not None:
        counts = [usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]]
        assert all(type(count) is int and 0 <= count <= 1 << 41 for count in counts)
        assert counts[0] + counts[1] == counts[2]


def _check_choice(entries: Sequence[dict[str, Any]], *, whole: bool) -> None:
    deltas = [choice["delta"] for choice in entries]
    assert all(isinstance(delta, dict) for delta in deltas)  # R7
    assert [delta.get("role") for delta in deltas] == ["assistant"] + [None] * (len(deltas) - 1)  # R5
    assert all("role" not in delta for delta in deltas[1:])
    finishes = [choice["finish_reason"] for choice in entries]
    # R4; what an upstream says after its finish goes on, rather than be lost.
    reasons = [reason for reason in finishes if reason is not None]
    assert len(reasons) == 1 if whole else len(reasons) <= 1
    assert set(reasons) <= set(FINISH_REASONS.values())
    assert all({} == choice["delta"] for choice in entries if choice["finish_reason"])
    for choice in entries:
        _check_delta(choice["delta"])
        _check_logprobs(choice["logprobs"])
    _check_tools([entry for delta in deltas for entry in delta.get("tool_calls", ())], whole=whole)


def _check_delta(delta: dict[str, Any]) -> None:
    assert not _OTHER_REASONING & set(delta)
    assert not (delta.get("content") and delta.get("reasoning_content"))
    for name in ("content", "reasoning_content", "refusal"):
        assert isinstance(delta.get(name, ""), str)
    for value in delta.values():  # R10
        assert not isinstance(value, int | float)
        if isinstance(value, list):
            assert all(isinstance(item, dict) and type(item.get("index")) is int for item in value)


def _check_logprobs(logprobs: Any) -> None:
    if logprobs is not None:
        assert set(logprobs) == {"content", "refusal"}
        for token in [token for tokens in logprobs.values() for token in tokens or ()]:
            assert isinstance(token["top_logprobs"], list)
            for one in (token, *token["top_logprobs"]):
                assert isinstance(one["token"], str)
                assert type(one["logprob"]) in (int, float)
                assert one["bytes"] is None or {type(octet) for octet in one["bytes"]} <= {int}


def _check_tools(entries: Sequence[dict[str, Any]], *, whole: bool) -> None:
    text: dict[int, str] = {}
    custom: set[int] = set()
    ids: list[str] = []
    for entry in entries:
        kind = "custom" if "custom" in entry else "function"
        piece = "input" if kind == "custom" else "arguments"
        first = entry["index"] not in text
        assert set(entry) - {"extra_content"} == ({"index", "id", "type", kind} if first else {"index", kind})  # R5
        assert set(entry[kind]) == ({"name", piece} if first else {piece})
        assert isinstance(entry[kind][piece], str)
        if first:
            assert entry["type"] == kind
            assert isinstance(entry["id"], str)
            assert entry["id"]
            assert entry[kind]["name"]
            ids.append(entry["id"])
        text[entry["index"]] = text.get(entry["index"], "") + entry[kind][piece]
        if kind == "custom":  # its text may be empty
            custom.add(entry["index"])
    assert list(text) == list(range(len(text)))  # R6
    assert not whole or all(said or index in custom for index, said in text.items())
    assert len(ids) == len(set(ids))
