"""
Ollama's codec, pure: which request goes where, and what comes back.

Source: https://github.com/ollama/ollama/blob/main/docs/api.md
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from llms.errors import GatewayError, InvalidRequestError, UpstreamBadResponseError, UpstreamTruncatedError
from llms.exchange import UpstreamRequest
from llms.providers import ollama_request
from llms.providers.model_facts import facts
from llms.providers.ollama_errors import Failures
from llms.providers.ollama_stream import Decoder
from llms.records import Call, Completion, Model, Target
from llms.wire import accumulate, chunks, json_text
from llms.wire.scrub import scrub


@dataclass(frozen=True, slots=True)
class Codec:
    """
    Translates to and from Ollama's API.

    Args:
        name: The provider's name in the configuration.
        base_url: Without a slash at its end.
        key: For ollama.com.
        keep_alive: How long a model stays in memory, where the client does not say.
    """

    name: str
    base_url: str
    key: str | None = field(default=None, repr=False)
    keep_alive: str | int | None = None

    @property
    def stream_types(self) -> tuple[str, ...]:
        # Some proxies do not know Ollama's own, the first. A stream is all that is asked for, so any of these is one.
        return ("application/x-ndjson", "application/ndjson", "text/plain", "application/octet-stream", "")

    def chat(self, call: Call, target: Target) -> UpstreamRequest:
        return self._post("/api/chat", ollama_request.chat(call, target, self.keep_alive), "application/x-ndjson")

    def decoder(self, call: Call, target: Target) -> Decoder:
        return Decoder(call, self._failures(call, target), target.terms.bounds)

    def completion(self, call: Call, target: Target, body: bytes) -> Completion:
        decoder = self.decoder(call, target)
        block = decoder.take(_object(body))
        if not decoder.done:
            message = "The provider's answer is not complete."
            raise UpstreamTruncatedError(message)
        whole = accumulate.Accumulator(call)
        whole.feed(block)
        return whole.completion()

    def embed(self, call: Call, target: Target) -> UpstreamRequest:
        return self._post("/api/embed", ollama_request.embed(call, target, self.keep_alive), "application/json")

    def embeddings(self, call: Call, target: Target, body: bytes) -> dict[str, Any]:
        answer = _object(body)
        if answer.get("error"):
            raise self._failures(call, target).line(answer["error"])
        vectors = answer.get("embeddings")
        given = call.body["input"]
        expected = len(given) if isinstance(given, list) else 1
        if not isinstance(vectors, list) or len(vectors) != expected or not all(map(_is_vector, vectors)):
            message = "The provider's answer does not hold one vector for each input."
            raise UpstreamBadResponseError(message)
        counted = chunks.usage({"prompt_tokens": answer.get("prompt_eval_count")})
        tokens = counted["prompt_tokens"] if counted else 0
        return {
            "object": "list",
            "data": [
                {"object": "embedding", "index": index, "embedding": vector} for index, vector in enumerate(vectors)
            ],
            "model": call.model,
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        }

    def clean(self, text: str) -> str:
        return scrub(text, (self.key,) if self.key else ())

    def list_models(self) -> UpstreamRequest:
        return UpstreamRequest("GET", f"{self.base_url}/api/tags", self._headers("application/json"))

    def models(self, body: bytes) -> list[Model]:
        listed = _object(body).get("models")
        if not isinstance(listed, list):
            message = "The provider's answer holds no list of models. Check its base_url."
            raise UpstreamBadResponseError(message)
        return [
            _model(item, self.name) for item in listed if isinstance(item, dict) and isinstance(item.get("name"), str)
        ]

    def failure(
        self, status: int, headers: Mapping[str, str], body: bytes, call: Call | None, target: Target | None
    ) -> GatewayError:
        return self._failures(call, target).answer(status, headers, body)

    def _failures(self, call: Call | None, target: Target | None) -> Failures:
        return Failures(call, target, (self.key,) if self.key else ())

    def _post(self, path: str, body: dict[str, Any], accept: str) -> UpstreamRequest:
        headers = {**self._headers(accept), "content-type": "application/json"}
        return UpstreamRequest("POST", self.base_url + path, headers, _encoded(body))

    def _headers(self, accept: str) -> dict[str, str]:
        # Compressed, a stream would arrive late.
        headers = {"accept": accept, "accept-encoding": "identity"}
        return {**headers, "authorization": f"Bearer {self.key}"} if self.key else headers


def _encoded(body: dict[str, Any]) -> bytes:
    try:
        return json_text.dumps(body)
    except RecursionError:
        message = "The request is nested too deeply; look at the arguments of its tool calls."
        raise InvalidRequestError(message, code="json_too_deep") from None


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = json_text.loads(body)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        message = "The provider's answer is not a JSON object."
        raise UpstreamBadResponseError(message)
    return value


def _is_vector(raw: object) -> bool:
    return isinstance(raw, list) and bool(raw) and all(type(number) in (float, int) for number in raw)


def _model(raw: dict[str, Any], provider: str) -> Model:
    details = raw["details"] if isinstance(raw.get("details"), dict) else {}
    # Nobody writes ":latest", and Ollama implies it.
    name = raw["name"].removesuffix(":latest")
    return Model(name, provider, _unix(raw.get("modified_at")), facts({**raw, **details}))


def _unix(written: object) -> int:
    """Give Unix seconds; 0 for what is no time, or none since 1970, as the zero time of models in the cloud."""
    try:
        return max(int(datetime.fromisoformat(written).timestamp()), 0) if isinstance(written, str) else 0
    except (ValueError, OverflowError):
        return 0
