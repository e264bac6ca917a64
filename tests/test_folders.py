"""Where each system keeps a user's files."""

from pathlib import Path

import pytest

from llms.folders import Kind, own

HOME = {"HOME": "/h"}
WINDOWS = {"APPDATA": "/a", "LOCALAPPDATA": "/l", "HOME": "/h", "XDG_DATA_HOME": "/x"}


@pytest.mark.parametrize(
    ("kind", "environ", "platform", "expected"),
    [
        (Kind.CONFIG, HOME, "linux", "/h/.config/llms"),
        (Kind.DATA, HOME, "linux", "/h/.local/share/llms"),
        (Kind.CACHE, HOME, "linux", "/h/.cache/llms"),
        (Kind.CONFIG, HOME, "darwin", "/h/Library/Application Support/llms"),
        (Kind.DATA, HOME, "darwin", "/h/Library/Application Support/llms"),
        (Kind.CACHE, HOME, "darwin", "/h/Library/Caches/llms"),
        (Kind.CONFIG, WINDOWS, "win32", "/a/llms"),
        (Kind.DATA, WINDOWS, "win32", "/l/llms"),
        (Kind.DATA, HOME, "win32", None),
        (Kind.DATA, {"XDG_DATA_HOME": "/x", **HOME}, "linux", "/x/llms"),
        (Kind.DATA, {"XDG_DATA_HOME": "x", **HOME}, "linux", "/h/.local/share/llms"),
        (Kind.DATA, {"HOME": ""}, "linux", None),
    ],
)
def test_own(kind, environ, platform, expected):
    """It is where the system has such folders, or where the user says, if that is a place."""
    assert (Path(expected) if expected else None) == own(kind, environ, platform)
