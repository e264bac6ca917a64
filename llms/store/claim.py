"""Who may use a store's file: one gateway, as one process that counts by itself, or as several that count together."""

from pathlib import Path

from llms.file_lock import FileLock
from llms.store import StoreError, StoreUnfitError


def claim(path: Path, *, shared: bool) -> FileLock:
    """
    Claim a store's file, until the lock that is given is closed.

    Args:
        path: The store's.
        shared: Whether other processes that share it as well may have one.

    Raises:
        StoreUnfitError: Another gateway has it.
        StoreError: There can be no lock.
    """
    file = Path(f"{path}.gateway")
    try:
        return FileLock(file, shared=shared)
    except BlockingIOError as error:
        message = (
            f"{path} is in use by another gateway, and each would count budgets without the other. Give this one a "
            "store of its own, or put both on PostgreSQL"
        )
        raise StoreUnfitError(message) from error
    except OSError as error:
        message = f"{file}: {(error.strerror or str(error)).lower()}"
        raise StoreError(message) from error
