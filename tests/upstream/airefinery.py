"""
AI Refinery's answers, as scripts: OpenAI's, but for the list of models.

Its SDK refuses entries without ``root``, ``parent`` and ``permission``.
"""

from collections.abc import Iterable

from tests.upstream import openai
from tests.upstream.openai import completion, embeddings, error, stream, tool_stream
from tests.upstream.steps import Script

__all__ = ["completion", "embeddings", "error", "models", "stream", "tool_stream"]


def models(ids: Iterable[str]) -> Script:
    """The list of models."""
    return openai.model_list(
        {**openai.model(name), "root": name, "parent": None, "permission": [_permission(name)]} for name in ids
    )


def _permission(name: str) -> dict[str, object]:
    allowed = ("allow_sampling", "allow_logprobs", "allow_view")
    denied = ("allow_create_engine", "allow_search_indices", "allow_fine_tuning", "is_blocking")
    return {
        "id": f"modelperm-{name}",
        "object": "model_permission",
        "created": openai.CREATED,
        **dict.fromkeys(allowed, True),
        **dict.fromkeys(denied, False),
        "organization": "*",
        "group": None,
    }
