"""The folders that a user has for programs' files, on each system."""

import sys
from collections.abc import Mapping
from enum import Enum
from pathlib import Path


class Kind(Enum):
    """
    What a folder is for.

    Each has the variable that the XDG specification has for it, the one that Windows has, and where it is in the home
    folder otherwise, on macOS and elsewhere.
    """

    CONFIG = ("XDG_CONFIG_HOME", "APPDATA", "Library/Application Support", ".config")
    DATA = ("XDG_DATA_HOME", "LOCALAPPDATA", "Library/Application Support", ".local/share")
    CACHE = ("XDG_CACHE_HOME", "LOCALAPPDATA", "Library/Caches", ".cache")


def own(kind: Kind, environ: Mapping[str, str], platform: str = sys.platform) -> Path | None:
    """
    Give our folder among a user's; ``None`` if nothing says where that is.

    Args:
        platform: As ``sys.platform``.
    """
    xdg, windows, mac, other = kind.value
    if platform == "win32":
        return Path(environ[windows]) / "llms" if environ.get(windows) else None
    named = Path(environ.get(xdg, ""))
    if named.is_absolute():  # the XDG specification has relative ones ignored
        return named / "llms"
    home = environ.get("HOME")
    if not home:
        return None
    return Path(home) / (mac if platform == "darwin" else other) / "llms"
