"""
AI Refinery, Accenture's service: what ``config.json`` may say of it, and the two ways to it.

``wire``, the default, is OpenAI's API over the gateway's own connections, with the codec that all OpenAI-compatible
services share; this module depends on that codec, and on no other provider. ``sdk`` goes through the ``airefinery-sdk``
package, for those who need its token providers. Wire is the default because the SDK opens a connection for each request
and loses reasoning, the texts of errors and, after a comment, the rest of a stream.

Source: https://sdk.airefinery.accenture.com/api-reference/
"""

import sys
from collections.abc import Mapping
from importlib import metadata
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from llms.exchange import Send
from llms.providers import options
from llms.providers.airefinery_errors import Failures
from llms.providers.airefinery_load import Account, Loader, cache_folder
from llms.providers.airefinery_sdk import AiRefinerySdk
from llms.providers.http import HttpProvider
from llms.providers.openai_codec import Codec, Service
from llms.providers.options import EnvName, EnvNames, HttpUrl, first_key, secret
from llms.providers.presets import Dialect
from llms.records import Provider

BASE_URL = "https://api.airefinery.accenture.com"

DIALECT = Dialect()
"""AI Refinery's models are behind several kinds of server, so nothing is taken for granted."""

_SDK_PYTHON = (3, 12)


def _without_v1(value: str) -> str:
    return value.removesuffix("/v1").rstrip("/")


class Token(BaseModel):
    """Where and as whom the SDK's token provider gets its tokens: OAuth's client credentials."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: HttpUrl = Field(description="The identity provider's token endpoint.")
    client_id: EnvName = Field(description="`$NAME` of the variable that holds the client's id.")
    client_secret: EnvName = Field(description="`$NAME` of the variable that holds the client's secret.")
    extra_fields: dict[str, str] = Field(
        default_factory=dict, description="What else the endpoint wants to be sent, as `scope`. Holds no secret."
    )


class Options(options.Options):
    """
    The options of AI Refinery.

    The variables ``AIR_BASE_URL`` and ``USE_LEGACY_API_URL``, which the SDK reads, are not: ``base_url`` says it all.
    """

    type: Literal["airefinery"] = "airefinery"
    base_url: Annotated[HttpUrl, AfterValidator(_without_v1)] = Field(
        default=BASE_URL, description="Where the service is; `/v1` is added. The variable AIR_BASE_URL is not read."
    )
    api_key: EnvNames = Field(
        default="$AIREFINERY_API_KEY",
        description="`$NAME` of the variable that holds the key, or a list of several that share the load.",
    )
    via: Literal["wire", "sdk"] = Field(
        default="wire",
        description="`wire` speaks to the service itself; `sdk` goes through the airefinery-sdk package, which has to"
        " be installed and needs Python 3.12.",
    )
    token: Token | None = Field(default=None, description="Ask for tokens instead of using a key; with `sdk` only.")

    @model_validator(mode="after")
    def _check_token(self) -> Self:
        if self.token is not None and self.via != "sdk":
            message = 'token needs "via": "sdk", since it is the SDK that asks for tokens'
            raise ValueError(message)
        if self.token is not None and "api_key" in self.model_fields_set:
            message = "api_key and token exclude each other; leave one out"
            raise ValueError(message)
        return self

    def build(self, name: str, environ: Mapping[str, str], send: Send) -> Provider:
        if self.via == "wire":
            return HttpProvider(name, Codec(self._service(name, environ)), send)
        hint = "Check its token section." if self.token else f"Check {first_key(self.api_key)}."
        loader = Loader(self._account(environ), cache_folder(environ), Failures(name, hint))
        return AiRefinerySdk(name, loader, DIALECT)

    @property
    def variables(self) -> tuple[str, ...]:
        return (self.token.client_id, self.token.client_secret) if self.token else (first_key(self.api_key) or "",)

    def missing(self, environ: Mapping[str, str]) -> str | None:
        reason = sdk_missing(sys.version_info[:2], installed=_is_installed()) if self.via == "sdk" else None
        return reason or super().missing(environ)

    def _service(self, name: str, environ: Mapping[str, str]) -> Service:
        key_name = first_key(self.api_key)
        key = secret(key_name, environ)
        return Service(
            name=name,
            base_url=f"{self.base_url}/v1",
            headers={"Authorization": f"Bearer {key}"} if key else {},
            key_name=key_name,
            secrets=(key,) if key else (),
            dialect=DIALECT,
        )

    def _account(self, environ: Mapping[str, str]) -> Account:
        if self.token is None:
            return Account(self.base_url, key=secret(first_key(self.api_key), environ) or "")
        token = {
            "url": self.token.url,
            "client_id": secret(self.token.client_id, environ) or "",
            "client_secret": secret(self.token.client_secret, environ) or "",
            "extra_fields": dict(self.token.extra_fields),
        }
        return Account(self.base_url, token=token)


def sdk_missing(python: tuple[int, ...], *, installed: bool) -> str | None:
    """
    Say what the SDK lacks to be used; ``None`` if nothing.

    Args:
        python: The interpreter's version, as ``(3, 12)``.
        installed: Whether the package is there.
    """
    if python < _SDK_PYTHON:
        return f'"via": "sdk" needs Python 3.12 or newer; this is {python[0]}.{python[1]}'
    return None if installed else "airefinery-sdk is not installed; install it with: pip install airefinery-sdk"


def _is_installed() -> bool:
    # By its distribution: other packages, too, are imported as "air".
    return any(metadata.distributions(name="airefinery-sdk"))
