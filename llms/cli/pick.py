"""Which of a provider's models answers a chat."""

import re
from collections.abc import Iterable

_OTHER = re.compile(
    r"embed|whisper|tts|transcri|dall-e|image|audio|realtime|moderation|guard|rerank|ocr|speech|sora|video|flux|diffusion"
    r"|davinci|babbage|bge-|e5-|clip",
    re.IGNORECASE,
)
"""Parts of names of models that do something else; lists of models do not say what each is for."""


def chat_model(names: Iterable[str]) -> str | None:
    """Give the first name that looks like a model that chats, or else the first; ``None`` if there is none."""
    names = list(names)
    return next((name for name in names if not _OTHER.search(name)), names[0] if names else None)
