"""Opens the store that a URL names."""

import asyncio
from collections.abc import Callable
from importlib import import_module
from typing import Any

from llms.databases.open import SQLITE, module, sqlite_path
from llms.store import Store
from llms.store.sqlite import SQLiteStore
from llms.store.sqlite_file import prepared


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
    store: Store = await module("llms.store.postgres", importer).open_postgres(url)
    return store
