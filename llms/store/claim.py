"""Who may use a store's file: one gateway, as one process that counts by itself, or as several that count together."""

import os
from pathlib import Path

from llms.store import StoreUnfitError

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows: nobody looks
    fcntl = None  # type: ignore[assignment]  # asked for before it is used


class Claim:
    """
    A claim to a file, which ends with the process, however that ends.

    Args:
        path: The store's.
        shared: Whether other processes that share it as well may have one.

    Raises:
        StoreUnfitError: Another gateway has it.
    """

    def __init__(self, path: Path, *, shared: bool) -> None:
        self._lock: int | None = None
        if fcntl is None:  # pragma: no cover - Windows
            return
        self._lock = os.open(f"{path}.gateway", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except OSError as error:
            self.close()
            message = (
                f"{path} is in use by another gateway, and each would count budgets without the other. Give this one a "
                "store of its own, or put both on PostgreSQL"
            )
            raise StoreUnfitError(message) from error

    def close(self) -> None:
        """Give it up."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
