"""A lock that its process holds on a file, and that ends with the process, however that ends."""

import os
from contextlib import suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows: nobody looks
    fcntl = None  # type: ignore[assignment]  # asked for before it is used


class FileLock:
    """
    A lock; the file is made if it is not there, and stays.

    Args:
        path: The file.
        shared: Whether others that share it as well may have it at the same time.

    Raises:
        OSError: Somebody else has it, or there can be no such file.
    """

    def __init__(self, path: Path, *, shared: bool = False) -> None:
        self._file: int | None = None
        if fcntl is None:  # pragma: no cover - Windows
            return
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
            # Whoever had it may have removed the file meanwhile: the next one would lock another of the same name.
            if not os.path.samestat(os.fstat(self._file), path.stat()):
                raise FileNotFoundError(path)
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """Give it up."""
        if self._file is not None:
            with suppress(OSError):
                os.close(self._file)
            self._file = None
