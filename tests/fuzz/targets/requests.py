"""What clients send: the body, its reading by each API, and what becomes of it at each kind of provider."""

import copy
import json
import math
from typing import Any, NoReturn

from llms import capabilities, ranking
from llms.apis import body, chat_completions, completions, embeddings
from llms.apis.api import Api
from llms.attempts import adapted
from llms.errors import GatewayError, InvalidRequestError
from llms.providers.openai_codec import Codec, Service
from llms.providers.presets import PRESETS
from llms.records import Call, Target
from llms.wire import json_text
from tests.fuzz import rules, streams, target
from tests.fuzz.targets import ollama

_CODECS = [Codec(Service(name, "http://127.0.0.1", dialect=preset.dialect)) for name, preset in PRESETS.items()]

_TARGETS = (
    Target("fuzzed", "theirs", {"temperature": 0.5}),
    Target("fuzzed", "theirs", overrides={"max_tokens": 7, "tools": []}, drop=("stop", "tool_choice")),
)
_PATHS = ("/chat/completions", "/embeddings", "/api/chat", "/api/embed")


def check_body(data: bytes, *, thorough: bool) -> None:
    """A body is what the standard library's decoder makes of it, or refused as the client's mistake."""
    try:
        found = body.decode(data)
    except InvalidRequestError as refusal:
        streams.check_failure(refusal)
        assert refusal.http_status() == 400
        assert refusal.code in _TOO_MUCH or not _is_object(data)
        return
    assert found == _reference(data)
    assert body.decode(json_text.dumps(found)) == found


_TOO_MUCH = ("json_too_deep", "json_too_complex")


def _is_object(data: bytes) -> bool:
    try:
        return isinstance(_reference(data), dict)
    except (ValueError, RecursionError):
        return False


def _reference(data: bytes) -> Any:
    text = data.removeprefix(b"\xef\xbb\xbf").decode()
    if text.startswith("\ufeff"):
        _refuse(text)
    return json.loads(text, object_pairs_hook=_once, parse_constant=_refuse, parse_float=_finite, parse_int=_whole)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        _refuse("twice")
    return dict(pairs)


def _finite(text: str) -> float:
    return float(text) if math.isfinite(float(text)) else _refuse(text)


def _whole(text: str) -> float:
    whole = int(text) if len(text) < 400 else 1 << 2000
    return whole if -(1 << 63) <= whole < 1 << 64 else _finite(text)


def _refuse(text: str) -> NoReturn:
    raise ValueError(text)


def check_chat(data: bytes, *, thorough: bool) -> None:
    """A chat request is read to one form, which is read to itself, and each provider can be asked with it or refuses."""
    _check_api(data, chat_completions.API)


def check_completions(data: bytes, *, thorough: bool) -> None:
    """The same of the legacy API."""
    _check_api(data, completions.API)


def check_embeddings(data: bytes, *, thorough: bool) -> None:
    """The same of embeddings; a service's answer of floats and of base64 is written as it was asked for."""
    _check_api(data, embeddings.API)


def _check_api(data: bytes, api: Api) -> None:
    try:
        given = body.decode(data)
    except InvalidRequestError:
        return
    before = copy.deepcopy(given)
    try:
        asked = api.read(given)
    except InvalidRequestError as refusal:
        assert given == before
        streams.check_failure(refusal)
        assert refusal.http_status() == 400
        return
    assert given == before
    assert asked.model
    assert not {"model", "stream", "stream_options"} & set(asked.body)
    assert None not in asked.body.values()
    inner = embeddings.API if api.name == "embeddings" else chat_completions.API
    again = inner.read({"model": asked.model, "stream": asked.stream, **asked.body})
    assert again.body == asked.body
    call = Call(rules.CALL.id, rules.CALL.started_at, api.name, asked.model, stream=asked.stream, body=asked.body)
    assert 0 <= capabilities.needs(call.body).context
    assert ranking.conversation(call.body) == ranking.conversation(again.body)
    for codec in (*_CODECS, ollama.CODEC):
        for at in _TARGETS:
            _check_asked(codec, adapted(call, at), at)
    assert given == before


def _check_asked(codec: Codec | ollama.Codec, call: Call, at: Target) -> None:
    try:
        request = codec.embed(call, at) if call.api == "embeddings" else codec.chat(call, at)
        sent = rules.parsed(request.body or b"")
        assert sent["model"] == "theirs"
        assert request.url.removeprefix("http://127.0.0.1") in _PATHS
        if call.api != "embeddings":
            codec.decoder(call, at)
    except GatewayError as refusal:
        streams.check_failure(refusal)


def check_vectors(data: bytes, *, thorough: bool) -> None:
    """Embeddings are written as they were asked for, as the same numbers, whatever the upstream sent."""
    try:
        sent = json_text.loads(data)
    except ValueError:
        return
    floats, base64 = (
        Call("req_1", 1, "embeddings", "mine", stream=False, body={"input": ["a", "b"], "encoding_format": form})
        for form in ("float", "base64")
    )
    for call in (floats, base64):
        try:
            answer = embeddings.API.answer(call, sent)
        except GatewayError as failure:
            streams.check_failure(failure)
            continue
        rules.parsed(json_text.dumps(answer))
        kinds = {type(item["embedding"]) for item in answer["data"]}
        assert kinds == {list if call is floats else str}
        if call is base64:
            _check_same(answer, floats, base64)


def _check_same(answer: dict[str, Any], floats: Call, base64: Call) -> None:
    """What has gone through 32 bits once loses nothing more on the way to numbers and back."""
    try:
        numbers = embeddings.API.answer(floats, answer)
    except GatewayError:
        return  # an infinity, which no number of JSON is
    assert embeddings.API.answer(floats, embeddings.API.answer(base64, numbers)) == numbers


TARGETS = (
    target.Target("request_body", check_body, "json", "openai/request/*.in.json"),
    target.Target("chat_request", check_chat, "json", "*/request/*.in.json"),
    target.Target("completions_request", check_completions, "json"),
    target.Target("embeddings_request", check_embeddings, "json"),
    target.Target("vectors", check_vectors, "json"),
)
