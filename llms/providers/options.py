"""
What every provider's section of ``config.json`` may hold, and what a provider module has to offer.

A provider's options are also its factory: one module, one class of options, one name in the registry. Options hold the
*names* of environment variables, never a secret, so any of them may be logged.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from llms.records import Provider, Send

EnvName = Annotated[str, Field(pattern=r"^\$[A-Za-z_][A-Za-z0-9_]*$")]
"""``$NAME``: the value is the environment variable's. A secret written out is refused."""


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


def is_loopback(host: str) -> bool:
    """Whether ``host``, a name or an address, is this machine's own."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Options(BaseModel, ABC):
    """The options that every provider has."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: bool = Field(default=True, description="Set to false to leave the provider out.")
    models: tuple[str, ...] | None = Field(
        default=None, description="The models it serves. Left out, the provider is asked."
    )
    private: bool = Field(
        default=False,
        description="Whether an `https` base_url with a public name may lead to this machine or a private network.",
    )

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
    def local_url(self) -> str | None:
        """The base URL of a server that may or may not run on this machine and needs no key; asked before use."""
        return None
