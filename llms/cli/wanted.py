"""Which calls ``llms usage`` and ``llms logs`` are about."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

import click

from llms.cli.amounts import moment
from llms.cli.desk import Desk, id_of

_EQUAL = ("team", "model", "provider")


@dataclass(frozen=True, slots=True)
class Wanted:
    """
    Which calls.

    Args:
        key: Their key: its id, its name, or how its secret begins; ``None`` for any.
        given: What else is asked for, as the admin API has it.
    """

    key: str | None
    given: dict[str, str]

    async def query(self, desk: Desk, **more: str | None) -> dict[str, str]:
        """
        Give the query.

        Raises:
            Failure: There is no such key.
        """
        found = {**self.given, **{name: value for name, value in more.items() if value}}
        return {**found, "key_id": await id_of(desk, self.key)} if self.key else found


def wanted_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say which calls; ``command`` gets them as ``wanted``."""

    @wraps(command)
    def with_wanted(since: str | None, until: str | None, key: str | None, **rest: Any) -> None:
        given = {name: str(value) for name in _EQUAL if (value := rest.pop(name))}
        for name, text in (("since", since), ("until", until)):
            if text is not None:
                given[name] = str(max(0, round(moment(text, time.time(), -1) * 1000)))
        command(wanted=Wanted(key, given), **rest)

    found: Callable[..., None] = with_wanted
    for option in _OPTIONS:
        found = option(found)
    return found


_OPTIONS = (
    *(click.option(f"--{name}", help=f"Of one {name}.") for name in reversed(_EQUAL)),
    click.option("--key", help="Of one key: an id, a name, or how the secret begins."),
    click.option("--until", metavar="WHEN", help="As --since."),
    click.option("--since", metavar="WHEN", help="30d, 12h, or a date as 2026-12-31, in UTC."),
)
