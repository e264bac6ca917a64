"""The browser that these tests drive: Debian's Chromium, by Playwright."""

import os
import shutil
from importlib.util import find_spec
from pathlib import Path

REQUIRED = bool(os.environ.get("LLMS_BROWSER_REQUIRED"))
"""Set where the tests have to run: they then fail, instead of being skipped, where there is no browser."""

ARGUMENTS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Root may not use the sandbox; a container often has no other user.
    *(["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []),
)


def executable() -> str | None:
    """Give the path of Chromium: ``CHROMIUM_PATH``, else the first on the path."""
    named = os.environ.get("CHROMIUM_PATH")
    if named:
        return named if Path(named).exists() else None
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def missing() -> str | None:
    """Say what is missing and how to get it; ``None`` if nothing is."""
    if find_spec("playwright") is None:
        return "the browser tests need Playwright: pip install --group browser"
    if executable() is None:
        return "the browser tests need Chromium: apt-get install chromium, or set CHROMIUM_PATH"
    return None
