"""Which file is the configuration."""

import sys
from collections.abc import Mapping
from pathlib import Path

from llms.config.problems import ConfigError, Problem

_PACKAGE = Path(__file__).parent.parent


def find(chosen: Path | None, environ: Mapping[str, str], folder: Path = Path(), platform: str = sys.platform) -> Path:
    """
    Give the first of: the file chosen, ``LLMS_CONFIG``, ``./config.json``, the user's own, the packaged default.

    Args:
        chosen: What ``--config`` names.
        environ: Where ``LLMS_CONFIG`` and the user's folders are.
        folder: The working directory.
        platform: As ``sys.platform``.

    Raises:
        ConfigError: ``--config`` or ``LLMS_CONFIG`` names a file that is not there.
    """
    if chosen is not None:
        return _there(chosen, "--config")
    if named := environ.get("LLMS_CONFIG"):
        return _there(Path(named), "LLMS_CONFIG")
    own = _user_folder(environ, platform)
    places = [folder / "config.json", *([own / "llms" / "config.json"] if own else [])]
    return next((path for path in places if path.is_file()), packaged(_PACKAGE))


def packaged(package: Path) -> Path:
    """Give the default: inside the installed package, or at the top of a source checkout."""
    inside = package / "config.json"
    return inside if inside.is_file() else package.parent / "config.json"


def _there(path: Path, named_by: str) -> Path:
    if not path.exists():
        raise ConfigError(str(path), [Problem((), f"there is no such file; {named_by} names it")])
    return path


def _user_folder(environ: Mapping[str, str], platform: str) -> Path | None:
    if platform == "win32":
        return Path(environ["APPDATA"]) if environ.get("APPDATA") else None
    xdg = Path(environ.get("XDG_CONFIG_HOME", ""))
    if xdg.is_absolute():  # the XDG specification has relative ones ignored
        return xdg
    home = environ.get("HOME")
    if not home:
        return None
    return Path(home) / ("Library/Application Support" if platform == "darwin" else ".config")
