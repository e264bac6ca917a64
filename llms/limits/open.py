"""Opens the place that a deployment needs for its states."""

from llms.databases.open import Ways, agreed, module
from llms.limits.sqlite import SqliteStates
from llms.limits.states import States

_WAYS: Ways[States] = Ways(
    lambda path: SqliteStates(path.with_name(f"{path.name}-limits")),
    lambda url: module("llms.limits.postgres").PostgresStates(url),
    lambda url: module("llms.limits.redis").RedisStates(url),
)


def opened(store_url: str | None, redis_url: str | None, workers: int) -> States | None:
    """
    Give where states are kept; ``None`` where one process has them to itself.

    Nothing is connected to yet. The arguments, and what is raised, are those of ``llms.databases.open.agreed``.
    """
    return agreed(_WAYS, store_url, redis_url, workers)
