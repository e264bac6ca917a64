"""Opens the shelf that a deployment needs."""

from importlib import import_module
from typing import cast

from llms.shelves import Shelf
from llms.shelves.sqlite import SQLiteShelf
from llms.store.open import sqlite_path

_SQLITE = "sqlite:"


def opened(store_url: str | None, redis_url: str | None, workers: int) -> Shelf | None:
    """
    Give the shelf on which answers are kept; ``None`` where one process has them to itself.

    Nothing is connected to yet. Redis and PostgreSQL serve several machines, so that their shelf is used by a single
    worker, too.

    Args:
        store_url: Where keys and calls are kept: ``sqlite:FILE``, ``postgresql://…`` or nowhere.
        redis_url: Where machines agree, if there is such a place.

    Raises:
        ImportError: The package for it is not installed.
    """
    if redis_url is not None:
        return cast("Shelf", import_module("llms.shelves.redis").RedisShelf(redis_url))
    if store_url is None:
        return None
    if not store_url.startswith(_SQLITE):
        return cast("Shelf", import_module("llms.shelves.postgres").PostgresShelf(store_url))
    path = sqlite_path(store_url)
    return SQLiteShelf(path.with_name(f"{path.name}-answers")) if workers > 1 else None
