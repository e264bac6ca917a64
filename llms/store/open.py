"""Opens the store that a URL names."""

import asyncio
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from llms.store import Store, StoreUnfitError
from llms.store.sqlite import SQLiteStore
from llms.store.sqlite_file import prepared

SQLITE = "sqlite:"


async def open_store(url: str, importer: Callable[[str], Any] = import_module) -> Store:
    """
    Open a store, and give it the tables that this version needs.

    Args:
        url: ``sqlite:FILE`` or ``postgresql://…``.
        importer: Imports what only PostgreSQL needs.

    Raises:
        StoreUnfitError: It must not be used; starting again does not help.
        StoreError: It cannot be used now.
    """
    if url.startswith(SQLITE):
        path = sqlite_path(url)
        await asyncio.to_thread(prepared, path)
        return SQLiteStore(path)
    store: Store = await postgres(importer).open_postgres(url)
    return store


def postgres(importer: Callable[[str], Any]) -> Any:
    """
    Give the module ``llms.store.postgres``.

    Raises:
        StoreUnfitError: What it stands on is not installed.
    """
    try:
        return importer("llms.store.postgres")
    except ModuleNotFoundError as error:
        message = "PostgreSQL needs asyncpg; do: pip install 'llms[postgres]'"
        raise StoreUnfitError(message) from error


def sqlite_path(url: str) -> Path:
    """Give the file that ``sqlite:FILE`` names; ``~`` is the user's home."""
    return Path(url.removeprefix(SQLITE)).expanduser().absolute()
