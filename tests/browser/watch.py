"""What no page may ever do: log an error, open a dialog of the browser's, break its policy, ask another origin."""

import re
from typing import Any
from urllib.parse import urlsplit

_TELL = """
document.addEventListener("securitypolicyviolation", (event) =>
  globalThis.__violated(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber} ${event.sample}`));
"""


class Watch:
    """
    Watches every page of a browser context.

    Args:
        origin: The only one that requests may go to.

    Attributes:
        found: What happened that must not, a line each.
    """

    def __init__(self, origin: str) -> None:
        self._origin = origin
        self._expected: list[re.Pattern[str]] = []
        self.found: list[str] = []

    def expect(self, pattern: str) -> None:
        """Let errors that hold ``pattern`` pass, as a test provokes them."""
        self._expected.append(re.compile(pattern))

    async def follow(self, context: Any) -> None:
        """Watch ``context``, a fresh one."""
        context.on("console", lambda message: self._said(message) if message.type == "error" else None)
        context.on("weberror", lambda error: self._add(f"uncaught {error.error}"))
        context.on("dialog", self._asked_aloud)
        context.on("request", lambda request: self._asked(request.url))
        await context.expose_binding("__violated", lambda _source, text: self._add(f"policy violated: {text}"))
        await context.add_init_script(_TELL)

    def unexpected(self) -> list[str]:
        """Give what was found and not expected."""
        return [line for line in self.found if not any(pattern.search(line) for pattern in self._expected)]

    def _said(self, message: Any) -> None:
        self._add(f"console: {message.text} ({message.location.get('url', '')})")

    async def _asked_aloud(self, dialog: Any) -> None:
        self._add(f"dialog: {dialog.message}")
        await dialog.dismiss()

    def _asked(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"data", "blob"} and f"{parts.scheme}://{parts.netloc}" != self._origin:
            self._add(f"request left the origin: {url}")

    def _add(self, line: str) -> None:
        self.found.append(line)
