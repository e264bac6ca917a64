"""Keeps one input for each way in which a target fails, the shortest."""

import hashlib
import traceback
from pathlib import Path

from tests.fuzz.target import Target


class Crashes:
    """
    The failures of one target.

    Args:
        folder: Gets the inputs, each beside its traceback.
    """

    def __init__(self, target: Target, folder: Path) -> None:
        self._target = target
        self._folder = folder / target.name
        self._shortest: dict[str, int] = {}

    def run(self, data: bytes) -> None:
        """Try an input; what it raises is kept, and not raised."""
        try:
            self._target.check(data, thorough=False)
        except Exception as error:
            self._keep(data, error)

    def _keep(self, data: bytes, error: Exception) -> None:
        frames = traceback.extract_tb(error.__traceback__)
        key = f"{type(error).__name__} {frames[-1].filename}:{frames[-1].lineno} {frames[1 % len(frames)].lineno}"
        if len(data) >= self._shortest.get(key, 1 << 30):
            return
        self._shortest[key] = len(data)
        self._folder.mkdir(parents=True, exist_ok=True)
        name = self._folder / hashlib.sha256(key.encode()).hexdigest()[:8]
        name.write_bytes(data)
        name.with_suffix(".txt").write_text("".join(traceback.format_exception(error))[-20_000:], "utf-8", "replace")


def found(target: Target, folder: Path) -> list[Path]:
    """Give the inputs that were kept."""
    return sorted(path for path in (folder / target.name).glob("*") if path.suffix != ".txt")
