"""From a call to the body of a request to an OpenAI-compatible service, pure."""

from collections.abc import Collection, Mapping
from typing import Any

from llms.providers.presets import Dialect
from llms.records import Call, Target
from llms.wire.reasoning import SPELLINGS, respelled

_MAX_TOKENS = ("max_tokens", "max_completion_tokens")

_UNDOCUMENTED = ("cache_control", "extra_content", "reasoning_details")
"""Keys that messages, their parts and their tool calls carry for Anthropic, Gemini and OpenRouter."""

_REASONING = frozenset(SPELLINGS)


def chat(call: Call, target: Target, dialect: Dialect, drop: Collection[str] = ()) -> dict[str, Any]:
    """
    Give the body of ``POST /chat/completions``.

    Args:
        drop: Further fields to leave out.
    """
    left_out = {*dialect.drop, *drop}
    body: dict[str, Any] = {"model": target.model}
    body |= {name: value for name, value in call.body.items() if name not in left_out}
    if dialect.max_tokens_field:
        _name_max_tokens(body, dialect.max_tokens_field)
    if isinstance(messages := body.get("messages"), list):
        body["messages"] = [_message(message, dialect) for message in messages]
    body["stream"] = call.stream
    if call.stream and dialect.stream_options:
        # Always, whatever the client asked: the gateway counts; the API drops the chunk for those who did not ask.
        body["stream_options"] = {"include_usage": True}
    return body


def embed(call: Call, target: Target, drop: Collection[str] = ()) -> dict[str, Any]:
    """Give the body of ``POST /embeddings``."""
    return {"model": target.model, **{name: value for name, value in call.body.items() if name not in drop}}


def _name_max_tokens(body: dict[str, Any], field: str) -> None:
    given = [body.pop(name) for name in _MAX_TOKENS if name in body]
    if given:
        body[field] = min(given) if all(isinstance(value, int) for value in given) else given[0]


def _message(message: object, dialect: Dialect) -> object:
    if not isinstance(message, dict):
        return message
    if not dialect.developer_role and message.get("role") == "developer":
        message = {**message, "role": "system"}
    if not _REASONING.isdisjoint(message):
        message = respelled(message, None if dialect.reasoning_field == "none" else dialect.reasoning_field)
    return _documented(message) if dialect.strict else message


def _documented(part: Mapping[str, Any]) -> dict[str, Any]:
    result = {name: value for name, value in part.items() if name not in _UNDOCUMENTED}
    for name in ("content", "tool_calls"):
        if isinstance(parts := result.get(name), list):
            result[name] = [_documented(part) if isinstance(part, dict) else part for part in parts]
    return result
