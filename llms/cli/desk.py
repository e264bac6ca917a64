"""
Where ``llms keys``, ``llms usage`` and ``llms logs`` take their requests: a running gateway, or the store itself.

Both are asked the same, in the words of the admin API. The store itself is for whoever can read it: who has lost every
admin's key, or has none yet. A secret never is an argument, which every process of the machine could read.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, Protocol, TypeVar

import click

from llms.cli.offline import opened
from llms.cli.remote import reached
from llms.cli.setup import Failure, config_option, configuration

_T = TypeVar("_T")

_ID = re.compile(r"key_[0-9a-f]{8,32}", re.ASCII)


class Desk(Protocol):
    """Answers requests of the admin API."""

    async def ask(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, query: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """
        Give the answer to one request.

        Args:
            path: After ``/admin/v1``.

        Raises:
            Failure: There is none; says what to do.
        """

    def follow(self, query: Mapping[str, str]) -> AsyncGenerator[dict[str, Any] | None, None]:
        """
        Give calls as they are kept, for ever; the first time ``None``, once all that come from then on will be given.

        Raises:
            Failure: It cannot go on.
        """


@dataclass(frozen=True, slots=True)
class Asked:
    """
    Which desk is asked for.

    Args:
        url: Of a gateway; ``None`` for the one of the configuration.
        key_file: Holds the key; ``None``: the environment does.
        offline: Whether it is the store itself.
        chosen: The configuration's file.
    """

    url: str | None
    key_file: Path | None
    offline: bool
    chosen: Path | None

    def done(self, work: Callable[[Desk], Awaitable[_T]]) -> _T:
        """
        Do ``work`` at the desk.

        Raises:
            Failure: As the desk has it.
        """

        async def at_desk() -> _T:
            async with self._opened() as desk:
                return await work(desk)

        return asyncio.run(at_desk())

    def _opened(self) -> AbstractAsyncContextManager[Desk]:
        if self.offline:
            return opened(configuration(self.chosen))
        return reached(self.url, self.key_file, self.chosen)


def desk_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say which desk it is; ``command`` gets them as ``asked``."""

    @wraps(command)
    def with_asked(url: str | None, key_file: Path | None, offline: bool, chosen: Path | None, **given: Any) -> None:  # noqa: FBT001 - click's way
        command(asked=Asked(url, key_file, offline, chosen), **given)

    found: Callable[..., None] = with_asked
    for option in _OPTIONS:
        found = option(found)
    return config_option(found)


_OPTIONS = (
    click.option("--offline", is_flag=True, help="Work on the store itself, without a gateway and without a key."),
    click.option(
        "--key-file",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Holds the key to ask with. Else LLMS_API_KEY or LLMS_KEY does.",
    ),
    click.option("--url", envvar="LLMS_URL", metavar="URL", help="Ask the gateway there; also LLMS_URL."),
)


async def id_of(desk: Desk, text: str) -> str:
    """
    Give the id of a key.

    Args:
        text: It, or the key's name, or how its secret begins.

    Raises:
        Failure: There is no such key, or there are several.
    """
    if _ID.fullmatch(text):
        return text
    keys = (await desk.ask("GET", "/keys", query={"revoked": "true"}))["data"]
    named = [key for key in keys if text in (key["name"], key["prefix"])]
    found = [key for key in named if not key["revoked_at"]] or named
    if len(found) == 1:
        return str(found[0]["id"])
    if found:
        message = f"{len(found)} keys are called {text!r}; name one by its id: {', '.join(key['id'] for key in found)}"
    else:
        message = f"no key is called {text!r}; see: llms keys list"
    raise Failure(message)
