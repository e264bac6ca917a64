"""Shows a streamed answer: text on standard output as it arrives; reasoning, dimmed, where a person sees it."""

import re
import sys
from typing import Any

import click

from llms.cli.setup import Failure
from llms.wire import json_text, sse

_MAX_EVENT_BYTES = 64 << 20

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_HALF = re.compile(r"[\ud800-\udbff]\Z")


class Screen:
    """
    Shows one answer.

    Args:
        raw: Print the events instead of the text.
    """

    def __init__(self, *, raw: bool) -> None:
        self._raw = raw
        self._decoder = sse.Decoder(_MAX_EVENT_BYTES)
        self._held = ""  # the first half of a character whose second half is in the next chunk
        self._at_line_start = True
        self._reasoning = False
        self._complete = False

    def feed(self, data: bytes) -> None:
        """
        Show what one read found.

        Raises:
            Failure: It holds an error.
        """
        if self._raw:
            click.echo(data, nl=False)
        for _, event in self._decoder.feed(data):
            if event == b"[DONE]":
                self._complete = True
            else:
                self._show(json_text.loads(event))

    def end(self) -> None:
        """End the last line."""
        if not self._at_line_start:
            click.echo()

    def require_complete(self) -> None:
        """
        Say so if the answer is not whole.

        Raises:
            Failure: It is not.
        """
        if not self._complete:
            message = "the answer was cut short"
            raise Failure(message)

    def _show(self, chunk: dict[str, Any]) -> None:
        if "error" in chunk:
            raise Failure(chunk["error"]["message"])
        if self._raw:
            return
        for choice in chunk["choices"]:
            delta = choice["delta"]
            self._think(delta.get("reasoning_content") or "")
            self._write(delta.get("content") or delta.get("refusal") or "")

    def _think(self, text: str) -> None:
        if text and sys.stderr.isatty():
            self._reasoning = True
            click.secho(_CONTROL.sub("", _whole(text)), dim=True, nl=False, err=True)

    def _write(self, text: str) -> None:
        if not text:
            return
        if self._reasoning:
            self._reasoning = False
            click.echo("\n", err=True)
        text = self._held + text
        half = _HALF.search(text)
        self._held = half[0] if half else ""
        text = _whole(text.removesuffix(self._held))
        # An answer must not move the cursor, retitle the window or write to the clipboard.
        click.echo(_CONTROL.sub("", text) if sys.stdout.isatty() else text, nl=False)
        self._at_line_start = text.endswith("\n") if text else self._at_line_start


def _whole(text: str) -> str:
    """Give ``text`` with halves of characters joined, and those without a partner replaced."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
