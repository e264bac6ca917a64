"""
OpenAI's list of models.

Source: https://platform.openai.com/docs/api-reference/models
"""

from collections.abc import Iterable
from typing import Any

from llms.records import Model


def listing(models: Iterable[Model]) -> dict[str, Any]:
    """Give the answer to ``GET /v1/models``."""
    return {"object": "list", "data": [one(model) for model in models]}


def one(model: Model) -> dict[str, Any]:
    """Give the answer to ``GET /v1/models/{id}``: OpenAI's four keys, then what else is known of the model."""
    required = {"id": model.id, "object": "model", "created": model.created, "owned_by": model.owned_by}
    return {**required, **model.extra, **required}
