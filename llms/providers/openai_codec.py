"""
The pure half of OpenAI and of every service with an OpenAI-compatible API.

One codec for all: what sets a service apart is data (``presets``), what it sends is put right by ``wire.normalise``.
Our own codec instead of the ``openai`` package: that one decodes each chunk into objects and hides the bytes.

Source: https://platform.openai.com/docs/api-reference/chat
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from llms import __version__
from llms.errors import GatewayError, ModelNotFoundError, UpstreamAuthError, UpstreamRefusedError
from llms.exchange import UpstreamRequest
from llms.providers import openai_answers, openai_request
from llms.providers.presets import Dialect
from llms.records import Call, Completion, Model, Target
from llms.wire import json_text
from llms.wire.failures import Clean, error_of, failure, retry_after_s
from llms.wire.scrub import scrub
from llms.wire.think import ThinkTags


@dataclass(frozen=True, slots=True)
class Service:
    """
    One service, as the codec needs it.

    Args:
        name: The provider's name in the configuration.
        base_url: Without a trailing slash.
        headers: Sent with every request, the key among them.
        key_name: ``$NAME`` of the variable that holds the key, to be named when it is refused.
        secrets: What no text may hold that leaves the gateway.
        drop: Fields of the request to leave out, beside the dialect's.
        think_tags: How models write reasoning into their text, by their names here; ``*`` is every other model.
    """

    name: str
    base_url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    key_name: str | None = None
    secrets: tuple[str, ...] = field(default=(), repr=False)
    dialect: Dialect = field(default_factory=Dialect)
    drop: tuple[str, ...] = ()
    think_tags: Mapping[str, ThinkTags] = field(default_factory=dict)


class Codec:
    """
    The pure half of a provider that speaks OpenAI's API.

    Args:
        service: Whom it speaks to.
    """

    stream_types = ("text/event-stream",)

    def __init__(self, service: Service) -> None:
        self._service = service
        # Made once: what is the same object for every call, the transport need not write out anew.
        self._getting = _headers(service, "application/json")
        self._asking = {**self._getting, "Content-Type": "application/json"}
        self._streaming = {**_headers(service, "text/event-stream"), "Content-Type": "application/json"}

    def chat(self, call: Call, target: Target) -> UpstreamRequest:
        body = openai_request.chat(call, target, self._service.dialect, self._service.drop)
        return self._post("/chat/completions", body, self._streaming if call.stream else self._asking)

    def decoder(self, call: Call, target: Target) -> openai_answers.StreamDecoder:
        return openai_answers.StreamDecoder(call, self._clean(call, target), self._tags(target), target.terms.bounds)

    def completion(self, call: Call, target: Target, body: bytes) -> Completion:
        return openai_answers.completion(call, body, self._clean(call, target), self._tags(target))

    def embed(self, call: Call, target: Target) -> UpstreamRequest:
        body = openai_request.embed(call, target, self._service.drop)
        return self._post("/embeddings", body, self._asking)

    def embeddings(self, call: Call, target: Target, body: bytes) -> dict[str, Any]:
        return openai_answers.embeddings(call, body, self._clean(call, target))

    def clean(self, text: str) -> str:
        return scrub(text, self._service.secrets)

    def list_models(self) -> UpstreamRequest:
        return UpstreamRequest("GET", self._service.base_url + "/models", self._getting)

    def models(self, body: bytes) -> list[Model]:
        return openai_answers.models(self._service.name, body)

    def failure(
        self, status: int, headers: Mapping[str, str], body: bytes, call: Call | None, target: Target | None
    ) -> GatewayError:
        error = failure(error_of(body), status, retry_after_s(headers), self._clean(call, target))
        if isinstance(error, UpstreamAuthError):
            return UpstreamAuthError(self._key_refused(), key_refused=error.key_refused)
        missing = isinstance(error, ModelNotFoundError) or (status == 404 and "model" in error.message.lower())
        if missing and call is not None:
            message = f"The model '{call.model}' does not exist at its provider, or is not open to this gateway."
            return ModelNotFoundError(message, param="model")
        if status == 404 and error_of(body) is None:
            message = f"Provider {self._service.name} has no such endpoint. Check its base_url."
            return UpstreamRefusedError(message, upstream_status=status, code="not_found")
        return error

    def _key_refused(self) -> str:
        name = self._service.key_name
        hint = f"Check {name}." if name else "Set its api_key."
        return f"Provider {self._service.name} refused the gateway's key. {hint}"

    def _post(self, path: str, body: dict[str, Any], headers: Mapping[str, str]) -> UpstreamRequest:
        return UpstreamRequest("POST", self._service.base_url + path, headers, json_text.dumps(body))

    def _tags(self, target: Target) -> ThinkTags | None:
        return self._service.think_tags.get(target.model) or self._service.think_tags.get("*")

    def _clean(self, call: Call | None, target: Target | None) -> Clean:
        """A client is told of the model by the name that it used."""

        def clean(text: str) -> str:
            if call is not None and target is not None and call.model != target.model:
                text = re.sub(rf"(?<!\w){re.escape(target.model)}(?!\w)", lambda _: call.model, text)
            return self.clean(text)

        return clean


def _headers(service: Service, accept: str) -> dict[str, str]:
    # identity: a compressed stream waits in the compressor until a block is full.
    own = {"Accept": accept, "Accept-Encoding": "identity", "User-Agent": f"llms/{__version__}"}
    return {**own, **service.headers}
