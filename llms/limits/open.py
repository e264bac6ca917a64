"""Opens the place that a deployment needs for its states."""

from importlib import import_module
from typing import cast

from llms.limits.sqlite import SqliteStates
from llms.limits.states import States, StatesError
from llms.store.open import sqlite_path

_SQLITE = "sqlite:"


def opened(store_url: str | None, redis_url: str | None, workers: int) -> States | None:
    """
    Give where states are kept; ``None`` where one process has them to itself.

    Nothing is connected to yet. Redis and PostgreSQL serve several machines, so that they are used by a single worker,
    too.

    Args:
        store_url: Where keys and calls are kept: ``sqlite:FILE``, ``postgresql://…`` or nowhere.
        redis_url: Where machines agree, if there is such a place.

    Raises:
        StatesError: The package that is needed is not installed; its words say which.
    """
    if redis_url is not None:
        return _driven("redis", "redis", redis_url)
    if store_url is None:
        return None
    if not store_url.startswith(_SQLITE):
        return _driven("postgres", "asyncpg", store_url)
    path = sqlite_path(store_url)
    return SqliteStates(path.with_name(f"{path.name}-limits")) if workers > 1 else None


def _driven(name: str, package: str, url: str) -> States:
    try:
        module = import_module(f"llms.limits.{name}")
    except ImportError as error:
        text = f"Limits need the package {package}; do: pip install 'llms[{name}]'"
        raise StatesError(text) from error
    return cast("States", getattr(module, f"{name.capitalize()}States")(url))
