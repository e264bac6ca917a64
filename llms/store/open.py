"""Opens the store that a URL names."""

import asyncio
from importlib import import_module
from pathlib import Path
from typing import cast

from llms.store import Store, StoreUnfitError
from llms.store.sqlite import SQLiteStore
from llms.store.sqlite_file import prepared

_SQLITE = "sqlite:"


async def open_store(url: str) -> Store:
    """
    Open a store, and give it the tables that this version needs.

    Args:
        url: ``sqlite:FILE`` or ``postgresql://…``.

    Raises:
        StoreUnfitError: It must not be used; starting again does not help.
        StoreError: It cannot be used now.
    """
    if url.startswith(_SQLITE):
        path = sqlite_path(url)
        await asyncio.to_thread(prepared, path)
        return SQLiteStore(path)
    try:
        postgres = import_module("llms.store.postgres")
    except ModuleNotFoundError as error:
        message = "PostgreSQL needs asyncpg; do: pip install 'llms[postgres]'"
        raise StoreUnfitError(message) from error
    return cast("Store", await postgres.open_postgres(url))


def sqlite_path(url: str) -> Path:
    """Give the file that ``sqlite:FILE`` names; ``~`` is the user's home."""
    return Path(url.removeprefix(_SQLITE)).expanduser().absolute()
