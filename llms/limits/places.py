"""Where states can be kept, by URL."""

from importlib import import_module
from pathlib import Path

from llms.limits.sqlite import SqliteStates
from llms.limits.states import States, StatesError

_SQLITE = "sqlite:"


def states(url: str) -> States:
    """
    Give what keeps states at ``url``: ``sqlite:FILE``, ``postgresql://…`` or ``redis://…``. It is not reached for yet.

    Raises:
        StatesError: The package that is needed for it is not installed, or the URL is none; its words say what to do.
    """
    if url.startswith(_SQLITE):
        return SqliteStates(Path(url.removeprefix(_SQLITE)))
    name, extra, kind = ("redis", "redis", "RedisStates")
    if url.startswith("postgres"):
        name, extra, kind = ("asyncpg", "postgres", "PostgresStates")
    try:
        module = import_module(f"llms.limits.{extra}")
    except ImportError as error:
        text = f"Limits at {url.partition(':')[0]}:// need the package {name}: pip install 'llms[{extra}]'"
        raise StatesError(text) from error
    found: States = getattr(module, kind)(url)
    return found
