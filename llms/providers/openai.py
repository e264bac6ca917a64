"""OpenAI, and every service with an OpenAI-compatible API: what ``config.json`` may say of them."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from llms.exchange import Send
from llms.providers import options
from llms.providers.http import HttpProvider
from llms.providers.openai_codec import Codec, Service
from llms.providers.options import EnvNames, HttpUrl, first_key, is_loopback, secret
from llms.providers.presets import PRESETS, Dialect, MaxTokensField, Preset, ReasoningField
from llms.records import Provider
from llms.wire.think import ThinkTags

__all__ = ["Codec", "Options", "Service"]


_OWN_HEADERS = frozenset(
    {
        "accept",
        "accept-encoding",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "host",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_KEY_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie", "api-key", "x-api-key", "x-goog-api-key"})


def _headers(value: dict[str, str]) -> dict[str, str]:
    for name, text in value.items():
        if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name) or re.search(r"[^\x20-\x7e]", text):
            message = f"{name!r} is no header, or its value holds control or non-ASCII characters"
            raise ValueError(message)
        if name.lower() in _KEY_HEADERS:
            message = f"{name} would hold a key; a key goes into api_key"
            raise ValueError(message)
        if name.lower() in _OWN_HEADERS:
            message = f"{name} is the gateway's to set"
            raise ValueError(message)
    return value


class Options(options.Options):
    """Options of a provider that speaks OpenAI's API. What is left out is the preset's, by ``type``."""

    type: Literal[
        "openai",
        "openrouter",
        "groq",
        "deepseek",
        "mistral",
        "xai",
        "together",
        "fireworks",
        "cerebras",
        "nvidia",
        "huggingface",
        "deepinfra",
        "moonshot",
        "lmstudio",
        "llamacpp",
        "vllm",
        "sglang",
    ] = Field(default="openai", description="The service; `openai` with a base_url for any that is not listed.")
    base_url: HttpUrl | None = Field(default=None, description="Where its API is, `/v1` included.")
    api_key: EnvNames | None = Field(
        default=None,
        description="`$NAME` of the variable that holds the key, or a list of several that share the load. A preset's"
        " own key is sent to its own base_url only.",
    )
    headers: Annotated[dict[str, str], AfterValidator(_headers)] = Field(
        default_factory=dict, description="Further headers to send; a value may be `$NAME`."
    )
    organization: str | None = Field(default=None, description="OpenAI's organization id, or `$NAME`.")
    project: str | None = Field(default=None, description="OpenAI's project id, or `$NAME`.")
    drop: tuple[str, ...] = Field(default=(), description="Fields of a request that are not passed on.")
    max_tokens_field: MaxTokensField | None = Field(
        default=None, description="The name of the token limit, if the service knows one only."
    )
    developer_role: bool | None = Field(
        default=None, description="Whether it knows the role `developer`; else it becomes `system`."
    )
    reasoning_field: ReasoningField | None = Field(
        default=None, description="Where it wants the reasoning of earlier answers; `none` leaves it out."
    )
    think_tags: dict[str, ThinkTags] = Field(
        default_factory=dict,
        description="The models that write their reasoning into the text, by name, `*` for all: `tagged` between"
        " `<think>` and `</think>`, `opened` if the opening tag does not come. It is taken out of the text.",
    )

    def build(self, name: str, environ: Mapping[str, str], send: Send) -> Provider:
        return HttpProvider(name, Codec(self.service(name, environ)), send)

    def service(self, name: str, environ: Mapping[str, str]) -> Service:
        """Give the service with its secrets looked up."""
        key_name = self._key_name
        key = secret(key_name, environ)
        given = {
            "OpenAI-Organization": self.organization,
            "OpenAI-Project": self.project,
            **self.headers,
            "Authorization": f"Bearer {key}" if key else None,
        }
        headers = {header: text for header, value in given.items() if (text := _resolved(value, environ))}
        looked_up = (_resolved(value, environ) for value in given.values() if value and value.startswith("$"))
        return Service(
            name=name,
            base_url=self._base_url,
            headers=headers,
            key_name=key_name,
            secrets=tuple(text for text in (key, *looked_up) if text),
            dialect=self._dialect,
            drop=self.drop,
            think_tags=self.think_tags,
        )

    @property
    def variables(self) -> tuple[str, ...]:
        values = (self._key_name, self.organization, self.project, *self.headers.values())
        return tuple(value for value in values if value and value.startswith("$"))

    @property
    def priced_as(self) -> str | None:
        at_home = self.local_url is not None and self._preset.api_key is None  # one of the servers that people run
        return None if self._elsewhere and not at_home else self.type

    @property
    def local_url(self) -> str | None:
        return (
            self._base_url if self._key_name is None and is_loopback(urlsplit(self._base_url).hostname or "") else None
        )

    @property
    def _preset(self) -> Preset:
        return PRESETS[self.type]

    @property
    def _elsewhere(self) -> bool:
        return self.base_url is not None and self.base_url != self._preset.base_url

    @property
    def _base_url(self) -> str:
        return self.base_url or self._preset.base_url

    @property
    def _key_name(self) -> str | None:
        return first_key(self.api_key) or (None if self._elsewhere else self._preset.api_key)

    @property
    def _dialect(self) -> Dialect:
        # "openai" at another address is a service of which nothing is known; other presets name a kind of server.
        known = Dialect() if self.type == "openai" and self._elsewhere else self._preset.dialect
        return replace(
            known,
            max_tokens_field=self.max_tokens_field or known.max_tokens_field,
            developer_role=known.developer_role if self.developer_role is None else self.developer_role,
            reasoning_field=self.reasoning_field or known.reasoning_field,
        )


def _resolved(value: str | None, environ: Mapping[str, str]) -> str | None:
    return secret(value, environ) if value and value.startswith("$") else value
