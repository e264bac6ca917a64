"""
What every provider's section of ``config.json`` may hold, and what a provider module has to offer.

A provider's options are also its factory: one module, one class of options, one name in the registry. Options hold the
*names* of environment variables, never a secret, so any of them may be logged.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from llms.exchange import Send
from llms.providers.given import TermsGiven
from llms.records import Provider
from llms.terms import Room

EnvName = Annotated[str, Field(pattern=r"^\$[A-Za-z_][A-Za-z0-9_]*$")]
"""``$NAME``: the value is the environment variable's. A secret written out is refused."""

EnvNames = EnvName | Annotated[tuple[EnvName, ...], Field(min_length=1, max_length=100)]
"""One, or several that share the load."""


def _http_url(value: str) -> str:
    parts = urlsplit(value)
    try:
        known = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # the port is no number
        known = False
    if not known:
        message = "must be a URL such as https://llm.example.com/v1"
        raise ValueError(message)
    if parts.username is not None or re.search(r"[\s?#\\]", value):
        message = "must hold no user name, query, fragment or blank; a key goes into api_key"
        raise ValueError(message)
    return value.rstrip("/")


HttpUrl = Annotated[str, AfterValidator(_http_url)]
"""An address that requests are sent to; kept without a slash at its end."""


def secret(name: str | None, environ: Mapping[str, str]) -> str | None:
    """Give the value that ``$NAME`` stands for; ``None`` if the variable is absent or empty."""
    return environ.get(name.removeprefix("$"), "").strip() or None if name else None


def first_key(keys: str | tuple[str, ...] | None) -> str | None:
    """Give the one key, by its variable; options with several are taken apart (``each_key``) before they are used."""
    return keys[0] if isinstance(keys, tuple) else keys


def is_loopback(host: str) -> bool:
    """Whether ``host``, a name or an address, is this machine's own."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Options(TermsGiven, ABC):
    """The options that every provider has."""

    enabled: bool = Field(default=True, description="Set to false to leave the provider out.")
    models: tuple[str, ...] | None = Field(
        default=None, description="The models it serves. Left out, the provider is asked."
    )
    private: bool = Field(
        default=False,
        description="Whether an `https` base_url with a public name may lead to this machine or a private network.",
    )

    concurrency: int | None = Field(
        default=None, ge=1, le=100_000, description="Calls that it is given at once; any number if left out."
    )
    queue: int = Field(
        default=100, ge=0, le=100_000, description="Calls that wait while `concurrency` run; more are refused with 503."
    )
    queue_s: float = Field(default=5, gt=0, le=300, description="Seconds that each of them waits at most.")

    @abstractmethod
    def build(self, name: str, environ: Mapping[str, str], send: Send) -> Provider:
        """
        Give the provider.

        Args:
            name: Its name in the configuration.
            environ: Where secrets are.
            send: The one way out.
        """

    @property
    def room(self) -> Room:
        """How many calls it is given at once."""
        return Room(self.concurrency, self.queue, self.queue_s)

    def each_key(self) -> dict[str | None, Self]:
        """Give the options with each of its keys alone, by the variable's name; itself, by ``None``, if it has one."""
        keys = getattr(self, "api_key", None)
        if not isinstance(keys, tuple):
            return {None: self}
        return {name.removeprefix("$"): self.model_copy(update={"api_key": name}) for name in keys}

    @property
    def variables(self) -> tuple[str, ...]:
        """The environment variables that it cannot do without, as ``$NAME``; the first holds its key."""
        return ()

    def missing(self, environ: Mapping[str, str]) -> str | None:
        """Say why the provider cannot be on, as ``OPENAI_API_KEY is not set``; ``None`` if nothing is missing."""
        for name in self.variables:
            value = secret(name, environ)
            if value is None:
                return f"{name.removeprefix('$')} is not set"
            if not re.fullmatch(r"[\x20-\x7e]+", value):
                return f"{name.removeprefix('$')} holds a character that no key has"
        return None

    @property
    def priced_as(self) -> str | None:
        """The type by which the catalogue of prices knows its models; ``None`` if nobody knows what they cost there."""
        kind: str = getattr(self, "type")  # noqa: B009 - each kind of options has one, of its own names
        return kind

    @property
    def local_url(self) -> str | None:
        """The base URL of a server that may or may not run on this machine and needs no key; asked before use."""
        return None
