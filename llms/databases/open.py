"""Which of them a deployment has, and the modules for them, which are imported only where they are needed."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, Generic, Literal, NamedTuple, TypeVar

from llms.databases import StoreUnfitError

T = TypeVar("T")

SQLITE = "sqlite:"


def kind(url: str) -> Literal["sqlite", "postgresql"]:
    """Give what a store's URL names."""
    return "sqlite" if url.startswith(SQLITE) else "postgresql"


def sqlite_path(url: str) -> Path:
    """Give the file that ``sqlite:FILE`` names; ``~`` is the user's home."""
    return Path(url.removeprefix(SQLITE)).expanduser().absolute()


def module(name: str, importer: Callable[[str], Any] = import_module) -> Any:
    """
    Give a module of ours that is named after the server for which it needs a driver.

    Args:
        name: ``llms.….postgres`` or ``llms.….redis``.

    Raises:
        StoreUnfitError: The driver is not installed.
    """
    extra = name.rpartition(".")[2]
    try:
        return importer(name)
    except ModuleNotFoundError as error:
        server, package = {"postgres": ("PostgreSQL", "asyncpg"), "redis": ("Redis", "redis")}[extra]
        message = f"{server} needs the package {package}; do: pip install 'llms[{extra}]'"
        raise StoreUnfitError(message) from error


class Ways(NamedTuple, Generic[T]):
    """
    What keeps something for several processes, in each place where it can be.

    Args:
        sqlite: Is given the store's file, to name its own after.
        postgres: Is given a URL.
        redis: Is given a URL.
    """

    sqlite: Callable[[Path], T]
    postgres: Callable[[str], T]
    redis: Callable[[str], T]


def agreed(ways: Ways[T], store_url: str | None, redis_url: str | None, workers: int) -> T | None:
    """
    Give what keeps something where all processes find it; ``None`` where one process has it to itself.

    Redis and PostgreSQL serve several machines, so that they are used by a single worker, too.

    Args:
        store_url: Where keys and calls are kept: ``sqlite:FILE``, ``postgresql://…`` or nowhere.
        redis_url: Where machines agree, if there is such a place.

    Raises:
        StoreUnfitError: What it needs is not installed, or a URL is not right.
    """
    if redis_url is not None:
        return ways.redis(redis_url)
    if store_url is None:
        return None
    if not store_url.startswith(SQLITE):
        return ways.postgres(store_url)
    return ways.sqlite(sqlite_path(store_url)) if workers > 1 else None
