"""Opens the shelf that a deployment needs."""

from llms.databases.open import Ways, agreed, module
from llms.shelves import Shelf
from llms.shelves.sqlite import SQLiteShelf

_WAYS: Ways[Shelf] = Ways(
    lambda path: SQLiteShelf(path.with_name(f"{path.name}-answers")),
    lambda url: module("llms.shelves.postgres").PostgresShelf(url),
    lambda url: module("llms.shelves.redis").RedisShelf(url),
)


def opened(store_url: str | None, redis_url: str | None, workers: int) -> Shelf | None:
    """
    Give the shelf on which answers are kept; ``None`` where one process has them to itself.

    Nothing is connected to yet. The arguments, and what is raised, are those of ``llms.databases.open.agreed``.
    """
    return agreed(_WAYS, store_url, redis_url, workers)
