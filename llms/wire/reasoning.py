"""
The spellings of reasoning, and the one that the gateway uses: ``reasoning_content``.

Services name it in five ways, and some send two copies; so the first that is not empty counts and none are added up.
"""

from collections.abc import Iterable, Mapping
from typing import Any

SPELLINGS = ("reasoning_content", "reasoning", "reasoning_details", "thinking")
"""Keys of a message or delta under which services keep reasoning."""

_THINKING_TYPES = ("thinking", "reasoning")


def reasoning(part: Mapping[str, Any]) -> str:
    """The reasoning in a message or delta, whatever its spelling, content parts apart; empty if there is none."""
    for name in SPELLINGS:
        if (value := part.get(name)) and (text := _text(value)):
            return text
    return ""


def split_content(content: object) -> tuple[str, str]:
    """Give the text of a ``content`` and the reasoning in it; Mistral and others send a list of parts."""
    if isinstance(content, str):
        return content, ""
    parts = content if isinstance(content, list) else [content]
    text: list[str] = []
    thinking: list[str] = []
    for part in parts:
        if isinstance(part, dict) and part.get("type") in _THINKING_TYPES:
            thinking.append(_text(part))
        else:
            text.append(_text(part))
    return "".join(text), "".join(thinking)


def respelled(message: Mapping[str, Any], name: str | None) -> dict[str, Any]:
    """
    A message of the history with its reasoning under ``name`` only; without any if ``name`` is ``None``.

    ``reasoning_details`` stays beside ``reasoning``: the services that have it want it back as it was.
    """
    text = reasoning(message) if name else ""
    kept = ("reasoning_details",) if name == "reasoning" else ()
    result = {key: value for key, value in message.items() if key not in SPELLINGS or key in kept}
    if name and text:
        result[name] = text
    return result


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "".join(_text(part) for part in _flat(value))
    if isinstance(value, dict):
        return next((text for name in _TEXTS if (text := _text(value.get(name)))), "")
    return ""


_TEXTS = ("text", "content", "thinking", "summary", "reasoning")


def _flat(parts: list[Any]) -> Iterable[Any]:
    return (part for part in parts if isinstance(part, str | dict))
