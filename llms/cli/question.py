"""What ``llms chat`` asks: messages made of the prompt, what is piped in, and pictures."""

import base64
import mimetypes
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from llms.cli.setup import Failure

_MAX_IMAGE_BYTES = 20 << 20
"""OpenAI's own limit for a picture, when this was written."""

_MAX_PIPED_BYTES = 16 << 20


def messages(prompt: str | None, system: str | None, images: Sequence[Path]) -> list[dict[str, Any]]:
    """
    Give the messages.

    Raises:
        UsageError: Nothing is asked.
        Failure: A picture cannot be read.
    """
    text = "\n\n".join(part for part in (prompt, _piped()) if part)
    if not text and not images:
        message = "Give a PROMPT, or pipe one in."
        raise click.UsageError(message)
    content: str | list[dict[str, Any]] = text
    if images:
        content = [{"type": "text", "text": text}] if text else []
        content += [{"type": "image_url", "image_url": {"url": _data_uri(path)}} for path in images]
    asked = {"role": "user", "content": content}
    return [{"role": "system", "content": system}, asked] if system else [asked]


def _piped() -> str:
    if sys.stdin is None or sys.stdin.isatty():
        return ""
    data = sys.stdin.buffer.read(_MAX_PIPED_BYTES + 1)
    if len(data) > _MAX_PIPED_BYTES:
        message = f"what is piped in is larger than {_MAX_PIPED_BYTES >> 20} MiB"
        raise Failure(message)
    return data.decode("utf-8", "replace").strip()


def _data_uri(path: Path) -> str:
    kind = mimetypes.guess_type(path.name)[0] or ""
    if not kind.startswith("image/"):
        message = f"{path} is no picture by its name; use .png, .jpg, .webp or .gif"
        raise Failure(message)
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_IMAGE_BYTES + 1)
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}"
        raise Failure(message) from error
    if len(data) > _MAX_IMAGE_BYTES:
        message = f"{path} is larger than {_MAX_IMAGE_BYTES >> 20} MiB"
        raise Failure(message)
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"
