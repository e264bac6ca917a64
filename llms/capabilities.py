"""
What a request needs of a model, and what a model can do; pure.

What the configuration says of a target (``can``) is certain: a target that lacks what a request needs is not tried.
What a provider's list says may be old or leave something out, and a count of tokens without the model's own tokenizer
is an estimate: they only put a target last, so that nobody is refused an answer because of them.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from llms.estimate import text_bytes
from llms.terms import Capabilities

_BYTES_PER_TOKEN = 4
"""Of English text, as OpenAI's own rule of thumb has it."""

_IMAGE_TOKENS = 800
"""About what OpenAI counts for a picture of usual size."""


@dataclass(frozen=True, slots=True)
class Needs:
    """
    What a request asks of a model.

    Args:
        tools: It offers tools.
        vision: It holds pictures.
        json_schema: It asks for an answer in the form of a schema.
        context: An estimate of its tokens and of those that the answer may have.
    """

    tools: bool = False
    vision: bool = False
    json_schema: bool = False
    context: int = 0


def needs(body: Mapping[str, Any]) -> Needs:
    """Give what a request in the inner dialect needs; text alone needs nothing but its length."""
    form = body.get("response_format")
    pictures = sum(1 for part in _parts(body) if part.get("type") == "image_url")
    limit = body.get("max_completion_tokens") or body.get("max_tokens") or 0
    return Needs(
        tools=bool(body.get("tools") or body.get("functions")),
        vision=pictures > 0,
        json_schema=isinstance(form, dict) and form.get("type") == "json_schema",
        context=_tokens(body) + pictures * _IMAGE_TOKENS + (limit if isinstance(limit, int) else 0),
    )


def of(listed: Mapping[str, Any]) -> Capabilities:
    """
    Give what a provider's list says of a model.

    Args:
        listed: As ``llms.providers.model_facts`` gives it.
    """
    flags = listed.get("capabilities", {})
    parameters = listed.get("supported_parameters")
    modalities = listed.get("architecture", {}).get("input_modalities")
    return Capabilities(
        tools=flags.get("tools", _holds(parameters, "tools")),
        vision=flags.get("vision", _holds(modalities, "image")),
        json_schema=flags.get("json_schema", _holds(parameters, "structured_outputs")),
        context=listed.get("context_length"),
    )


def lacking(asked: Needs, can: Capabilities) -> str | None:
    """Say what a model lacks for a request, its length aside; ``None`` if nothing that is known."""
    for name, words in _WORDS.items():
        if getattr(asked, name) and getattr(can, name) is False:
            return words
    return None


def too_long(asked: Needs, can: Capabilities) -> str | None:
    """Say that a request seems too long for a model; ``None`` if it does not, or nothing is known."""
    if can.context is None or asked.context <= can.context:
        return None
    return f"takes {can.context:,} tokens, and the request is estimated at {asked.context:,}"


_WORDS = {"tools": "cannot call tools", "vision": "takes no pictures", "json_schema": "knows no json_schema"}


def _holds(words: list[str] | None, word: str) -> bool | None:
    return None if words is None else word in words


def _parts(body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for message in _list(body, "messages"):
        content = message.get("content") if isinstance(message, dict) else None
        if isinstance(content, list):
            yield from (part for part in content if isinstance(part, dict))


def _list(body: Mapping[str, Any], name: str) -> list[Any]:
    """A list in a request; a request for embeddings may hold anything by the names of chat completions."""
    value = body.get(name)
    return value if isinstance(value, list) else []


def _tokens(body: Mapping[str, Any]) -> int:
    length = text_bytes(_list(body, "messages")) + text_bytes(_list(body, "tools"))
    return math.ceil(length / _BYTES_PER_TOKEN)
