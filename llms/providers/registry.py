"""
Every kind of provider, by the name that ``type`` has in the configuration.

A new kind is one module with an ``Options`` class, and one name here.
"""

from collections.abc import Mapping
from typing import Any, get_args

from llms.providers import airefinery, demo, ollama, openai
from llms.providers.options import Options

_KINDS: tuple[type[Options], ...] = (
    openai.Options,
    airefinery.Options,
    ollama.Options,
    demo.Options,
)

TYPES: Mapping[str, type[Options]] = {
    name: kind for kind in _KINDS for name in get_args(kind.model_fields["type"].annotation)
}
"""The options of each type; services that differ in data only (presets) are types of their own and share a class."""

COMPATIBLE = "openai"
"""The type of a service that is known by its ``base_url`` alone."""


def type_of(name: str, section: Mapping[str, Any]) -> Any:
    """
    Give the type of a provider's section; not checked, and ``None`` if there is nothing to tell it by.

    Left out, it is the provider's name; a section of another name that has a ``base_url`` is OpenAI-compatible.

    Args:
        name: The provider's name in the configuration.
        section: Its options, as they stand there.
    """
    if "type" in section:
        return section["type"]
    if name in TYPES:
        return name
    return COMPATIBLE if "base_url" in section else None
