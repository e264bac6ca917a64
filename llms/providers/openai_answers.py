"""What an OpenAI-compatible service answers, read into the gateway's own values; pure."""

from typing import Any

from llms.errors import GatewayError, UpstreamBadResponseError
from llms.providers.model_facts import facts
from llms.records import Block, Call, Chunk, Completion, Model
from llms.terms import Bounds
from llms.wire import chunks, json_text, normalise, sse
from llms.wire.failures import Clean, error_in, failure
from llms.wire.text_block import TextBlock, joined
from llms.wire.think import ThinkTags
from llms.wire.usual_events import Run, UsualEvents

_BOUNDS = Bounds()


class StreamDecoder:
    """
    Reads one streamed answer.

    Args:
        call: The call that it answers.
        clean: Applied to the text of an upstream's error.
        tags: How the model writes reasoning into its text, if it does.
        bounds: Of the stream's events.
    """

    def __init__(self, call: Call, clean: Clean, tags: ThinkTags | None = None, bounds: Bounds = _BOUNDS) -> None:
        self._clean = clean
        self._events = sse.Decoder(bounds.max_event_bytes, bounds.max_events)
        self._usual = UsualEvents()
        self._stream = normalise.Normaliser(call, clean, tags)
        self._failure: GatewayError | None = None
        self._ended = False  # by [DONE]

    @property
    def done(self) -> bool:
        """Whether nothing more need be read: all has been said, or the answer has failed."""
        return self._ended or self._failure is not None

    def feed(self, data: bytes) -> Block:
        """Take what one read found; give its chunks. An error after chunks waits for the next call: they come first."""
        if self.done:
            return []
        run = self._usual.find(data)
        if run is not None:
            start, stop, name, texts = run
            if stop - start == len(data) and self._events.pass_over(len(texts), stop):
                return self._stream.texts(name, texts)
        parts: list[Block] = []
        try:
            self._read(data, run, parts)
        except GatewayError as error:
            if not parts:
                raise
            self._failure = error
        return joined(parts)

    def close(self) -> list[Chunk]:
        """Take the end of the stream."""
        if self._failure is not None:
            raise self._failure
        if not self._ended:
            self._ended = bool(self._events.close())
        return self._stream.close(done=self._ended)

    def _read(self, data: bytes, run: Run | None, parts: list[Block]) -> None:
        """Read usual events by the short way, what is before and behind them by the long one."""
        if run is None and (lesson := self._usual.lesson(data)):
            self._decode(data[:lesson], parts)
            data = data[lesson:]
            run = self._usual.find(data)
        if run is not None:
            start, stop, name, texts = run
            self._decode(data[:start], parts)
            if not self._ended and self._events.pass_over(len(texts), stop - start):
                parts.append(self._stream.texts(name, texts))
                start = stop
            data = data[start:]
        self._decode(data, parts)

    def _decode(self, data: bytes, parts: list[Block]) -> None:
        if self._ended or not data:
            return
        for name, payload in self._events.feed(data):
            if block := self._take(name, payload):
                parts.append(block)
            if self._ended:
                break

    def _take(self, name: bytes, payload: bytes) -> Block:
        payload = payload.strip()
        if payload.startswith(b"[DONE]"):
            self._ended = True
            return []
        if not payload or name == b"ping":
            return []
        if name == b"error":
            raise failure(_reported(payload), clean=self._clean)
        block = self._stream.feed(_decoded(payload))
        if type(block) is TextBlock:
            self._usual.learn(payload, block.name, block.texts[0])
        return block


def completion(call: Call, body: bytes, clean: Clean, tags: ThinkTags | None = None) -> Completion:
    """Read a whole answer; the arguments are those of ``StreamDecoder``."""
    return normalise.completion(call, _decoded(body), clean, tags)


def embeddings(call: Call, body: bytes, clean: Clean) -> dict[str, Any]:
    """
    Read embeddings into OpenAI's list object, in the order of the inputs.

    Raises:
        UpstreamBadResponseError: Not embeddings, or not one for each input.
    """
    raw = _decoded(body)
    if error := error_in(raw):
        raise failure(error, clean=clean)
    data = raw.get("data") if isinstance(raw, dict) else None
    if not isinstance(raw, dict) or not isinstance(data, list) or not all(_is_embedding(entry) for entry in data):
        raise UpstreamBadResponseError(_NO_EMBEDDINGS)
    if len(data) != _inputs(call.body.get("input")):
        raise UpstreamBadResponseError(_NO_EMBEDDINGS)
    places = [entry.get("index") for entry in data]
    if all(isinstance(place, int) for place in places) and sorted(places) == list(range(len(data))):
        data = sorted(data, key=_place)
    usage = chunks.usage(raw.get("usage"))
    tokens = usage["prompt_tokens"] if usage else 0
    return {
        "object": "list",
        "data": [
            {"object": "embedding", "index": index, "embedding": entry["embedding"]} for index, entry in enumerate(data)
        ],
        "model": call.model,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


def models(name: str, body: bytes) -> list[Model]:
    """
    Read the list of models; entries that are none are left out.

    Args:
        name: The provider's.
    """
    raw = _decoded(body)
    entries = raw if isinstance(raw, list) else raw.get("data") if isinstance(raw, dict) else None  # Together: a list
    if not isinstance(entries, list):
        message = f"Provider {name} did not answer with a list of models."
        raise UpstreamBadResponseError(message)
    found: dict[str, Model] = {}
    for entry in entries:
        if isinstance(entry, dict) and isinstance(entry.get("id"), str) and entry["id"]:
            found.setdefault(entry["id"], _model(name, entry))
    return list(found.values())


def _model(name: str, entry: dict[str, Any]) -> Model:
    created = entry.get("created")
    return Model(
        id=entry["id"],
        owned_by=name,
        created=created if isinstance(created, int) and _is_count(created) else 0,
        extra=facts(entry),
    )


def _decoded(body: bytes) -> Any:
    try:
        return json_text.loads(body)
    except ValueError as error:
        message = "The provider sent something that is not JSON."
        raise UpstreamBadResponseError(message) from error


def _reported(payload: bytes) -> object:
    try:
        value = json_text.loads(payload)
    except ValueError:
        return payload.decode("utf-8", "replace")
    return error_in(value) or value


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_embedding(entry: object) -> bool:
    vector = entry.get("embedding") if isinstance(entry, dict) else None
    if isinstance(vector, list):
        return bool(vector) and set(map(type, vector)) <= {int, float}
    return isinstance(vector, str) and bool(vector)


def _inputs(given: object) -> int:
    """How many texts an ``input`` holds: a string or a list of tokens is one."""
    return len(given) if isinstance(given, list) and given and not isinstance(given[0], int) else 1


def _place(entry: dict[str, Any]) -> int:
    return int(entry["index"])


_NO_EMBEDDINGS = "The provider's answer does not hold one embedding for each input."
