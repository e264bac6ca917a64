"""
OpenAI's legacy completions, on the chat core: the prompt becomes the one message of a user.

It serves autocompletion tools and old scripts. What a chat model cannot do (go on from a prompt with a suffix, echo the
prompt, take tokens) is refused by name rather than left out in silence.

``max_tokens`` is 16 where the request has none. That is short, and OpenAI's documented default: a script written for
that API counts on it, and an answer that it cuts says so by ``finish_reason: "length"``. No limit at all, as some local
servers have it, would run up a bill instead.

Text offsets count characters of the choice's own text, from 0, through all of a stream.

Source: https://platform.openai.com/docs/api-reference/completions
"""

from collections.abc import Mapping
from itertools import accumulate
from typing import Any, NoReturn

from llms.apis import chat_request, fields
from llms.apis.api import Api, Asked, error_event
from llms.errors import GatewayError, InvalidRequestError
from llms.records import Block, Call, Chunk, Completion
from llms.wire import sse

DEFAULT_MAX_TOKENS = 16

_PROMPT = "a string, or a list that holds one string"
_OWN = frozenset({"prompt", "echo", "suffix", "best_of", "logprobs"})
_CHAT_ONLY = ("messages", "tools", "functions")
_FINISH_REASONS = frozenset({"length", "content_filter"})


def read(body: dict[str, Any]) -> Asked:
    """
    Read a request into the inner dialect; fields that both APIs have are checked as in chat completions.

    Args:
        body: Decoded JSON.

    Raises:
        InvalidRequestError: A field has a wrong value, or asks for what a chat model cannot do.
    """
    _refuse_unsupported(body)
    chat = {name: value for name, value in body.items() if name not in _OWN}
    chat["messages"] = [{"role": "user", "content": _prompt(body)}]
    if body.get("max_tokens") is None and body.get("max_completion_tokens") is None:
        chat["max_tokens"] = DEFAULT_MAX_TOKENS
    top_logprobs = fields.integer(body, "logprobs", 0, 5)
    if top_logprobs is not None:
        chat["logprobs"] = True
        chat["top_logprobs"] = top_logprobs
    return chat_request.read(chat)


def _prompt(body: Mapping[str, Any]) -> str:
    value = body.get("prompt")
    if value is None or value == []:
        fields.refuse_missing("prompt", f"{_PROMPT}. For messages use POST /v1/chat/completions")
    if isinstance(value, list):
        if isinstance(value[0], int | list):
            _unsupported("prompt", "A prompt of tokens is not supported. Send it as text.")
        if len(value) > 1:
            _unsupported("prompt", "Only one prompt is served at a time. Send one request for each.")
        value = value[0]
    if not isinstance(value, str):
        fields.refuse("prompt", _PROMPT)
    return value


def _refuse_unsupported(body: Mapping[str, Any]) -> None:
    for name in _CHAT_ONLY:
        if body.get(name):
            _unsupported(name, f"{name} belongs to chat completions. Use POST /v1/chat/completions.")
    if fields.flag(body, "echo"):
        _unsupported("echo", "echo is not supported. Leave it out and put the prompt before the answer.")
    if fields.text(body, "suffix") is not None:
        _unsupported("suffix", "suffix is not supported. Leave it out and say in the prompt what follows.")
    if body.get("max_tokens") == 0:  # the chat core takes 0 for "no limit", as local servers do
        _unsupported("max_tokens", "max_tokens of 0 is not supported. Ask for at least 1.")
    if (fields.integer(body, "best_of", 0, 20) or 0) > 1:
        _unsupported("best_of", "best_of is not supported. Ask for n answers and choose among them.")


def _unsupported(param: str, message: str) -> NoReturn:
    raise InvalidRequestError(message, param=param, code="unsupported_parameter")


class _Encoder:
    def __init__(self, call: Call) -> None:
        self._head = _head(call)
        self._include_usage = call.include_usage
        self._usage: Chunk | None = None
        self._chars: dict[int, int] = {}  # of text sent, for each choice

    def feed(self, block: Block) -> bytes:
        events: list[dict[str, Any]] = []
        for chunk in block:
            if not chunk["choices"]:
                self._usage = chunk  # of several the last counts
            elif (event := self._event(chunk)) is not None:
                events.append(event)
        return sse.frames(events)

    def close(self) -> bytes:
        if self._usage is None or not self._include_usage:
            return sse.DONE
        return sse.frame({**self._head, "choices": [], "usage": self._usage["usage"]}) + sse.DONE

    def error(self, failure: GatewayError) -> bytes:
        return error_event(failure)

    def _event(self, chunk: Chunk) -> dict[str, Any] | None:
        choices = [choice for raw in chunk["choices"] if (choice := self._choice(raw)) is not None]
        if not choices:
            return None  # a role, reasoning or part of a tool call: nothing that this API has a place for
        event = {**self._head, "choices": choices}
        if self._include_usage:
            event["usage"] = None
        return event

    def _choice(self, raw: dict[str, Any]) -> dict[str, Any] | None:
        index = raw["index"]
        text = _text(raw["delta"])
        offset = self._chars.get(index, 0)
        logprobs = _logprobs(raw.get("logprobs"), offset)
        finish_reason = _finish_reason(raw["finish_reason"])
        if not text and logprobs is None and finish_reason is None:
            return None
        self._chars[index] = offset + len(text)
        return {"text": text, "index": index, "logprobs": logprobs, "finish_reason": finish_reason}


def answer(call: Call, completion: Completion) -> dict[str, Any]:
    """Give the whole answer."""
    choices = [
        {
            "text": _text(choice["message"]),
            "index": choice["index"],
            "logprobs": _logprobs(choice.get("logprobs"), 0),
            "finish_reason": _finish_reason(choice["finish_reason"]),
        }
        for choice in completion["choices"]
    ]
    result = {**_head(call), "choices": choices}
    if completion.get("usage"):
        result["usage"] = completion["usage"]
    return result


def _head(call: Call) -> dict[str, Any]:
    return {
        "id": "cmpl-" + call.id.removeprefix("req_"),
        "object": "text_completion",
        "created": call.started_at,
        "model": call.model,
    }


def _text(message: Mapping[str, Any]) -> str:
    # A refusal is text like any other here; without it the client would see an empty answer.
    return message.get("content") or message.get("refusal") or ""


def _finish_reason(reason: str | None) -> str | None:
    # The legacy API knows of no calls: what ends in one has stopped.
    return reason if reason is None or reason in _FINISH_REASONS else "stop"


def _logprobs(raw: Mapping[str, Any] | None, offset: int) -> dict[str, Any] | None:
    entries = (raw.get("content") or raw.get("refusal")) if raw else None
    if not entries:
        return None
    tokens = [entry["token"] for entry in entries]
    ends = accumulate((len(token) for token in tokens), initial=offset)
    return {
        "tokens": tokens,
        "token_logprobs": [entry["logprob"] for entry in entries],
        "top_logprobs": [_top_logprobs(entry) for entry in entries],
        "text_offset": [start for start, _ in zip(ends, tokens, strict=False)],
    }


def _top_logprobs(entry: Mapping[str, Any]) -> dict[str, float]:
    # The chosen token is always among them, as OpenAI has it, even if it is not one of the most likely.
    top = {entry["token"]: entry["logprob"]}
    for other in entry.get("top_logprobs") or ():
        top.setdefault(other["token"], other["logprob"])
    return top


API = Api(name="completions", read=read, encoder=_Encoder, answer=answer)
