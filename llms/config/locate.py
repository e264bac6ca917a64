"""Which file is the configuration."""

import sys
from collections.abc import Mapping
from pathlib import Path

from llms import folders
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
    own = folders.own(folders.Kind.CONFIG, environ, platform)
    places = [folder / "config.json", *([own / "config.json"] if own else [])]
    return next((path for path in places if path.is_file()), packaged(_PACKAGE))


def packaged(package: Path) -> Path:
    """Give the default: inside the installed package, or at the top of a source checkout."""
    inside = package / "config.json"
    return inside if inside.is_file() else package.parent / "config.json"


def _there(path: Path, named_by: str) -> Path:
    if not path.exists():
        raise ConfigError(str(path), [Problem((), f"there is no such file; {named_by} names it")])
    return path
