"""
What OpenAI-compatible services send, made to obey the rules that ``chunks`` lists.

A stream and a whole answer take the same way: a whole answer is fed as one chunk and collected again, so that there is
one reading of every quirk; only the answer without any (``usual_answer``) is spared that. What has the wrong shape is
left out; what would make the answer a lie (an error, a broken tool call, a missing end) is raised.
"""

from typing import Any

from llms.errors import UpstreamBadResponseError, UpstreamTruncatedError
from llms.records import Block, Call, Chunk, Completion
from llms.wire import chunks
from llms.wire.about import about
from llms.wire.accumulate import Accumulator
from llms.wire.choice_deltas import ChoiceDeltas
from llms.wire.failures import Clean, error_in, failure
from llms.wire.scrub import scrub
from llms.wire.text_block import TextBlock
from llms.wire.think import ThinkTags
from llms.wire.usual_answer import usual_answer
from llms.wire.usual_events import usual_text

MAX_CHOICES = 128
"""The most that OpenAI's ``n`` allows."""


class Normaliser:
    """
    Puts one stream right, chunk by chunk.

    Args:
        call: Gives ``id``, ``created`` and ``model``.
        clean: Applied to the text of an upstream's error.
        tags: How the model writes reasoning into its text, if it does.
    """

    def __init__(self, call: Call, clean: Clean = scrub, tags: ThinkTags | None = None) -> None:
        self._clean = clean
        self._tags = tags
        self._prefix = f"call_{call.id.removeprefix('req_')}_"
        self._head: Chunk = {
            "id": chunks.completion_id(call),
            "object": "chat.completion.chunk",
            "created": call.started_at,
            "model": call.model,
        }
        self._choices: list[ChoiceDeltas] = []
        self._usage: dict[str, Any] | None = None
        self._told: dict[str, Any] | None = None  # of the usage, so far
        self._plain = False  # whether choice 0 is such that a bare piece of text can take the short way

    def feed(self, raw: object) -> Block:
        """
        Take one decoded chunk, whatever it is; give what to send on.

        Raises:
            GatewayError: The chunk holds an error, or what cannot be made a chunk without lying.
        """
        if not isinstance(raw, dict) or raw.get("error") or raw.get("object") == "error":
            self._refuse(raw)
            return []
        self._count(raw)
        choices = raw.get("choices")
        if not isinstance(choices, list):
            self._refuse(raw)
            return []
        if self._plain and (usual := usual_text(raw)):
            name, text = usual
            return TextBlock(self._head, name, [text])
        if not self._choices:
            self._head |= about(raw)
        block: list[Chunk] = []
        for position, choice in enumerate(choices[:MAX_CHOICES]):
            if isinstance(choice, dict):
                self._refuse(choice)
                self._count(choice)  # Moonshot keeps usage there
                block += self._feed(choice, position)
        self._plain = bool(self._choices and self._choices[0].plain)
        if self._usage is not self._told and all(choice.finished for choice in self._choices):
            block += self._tell_usage()  # now: the client may leave before the end, and it is to be recorded
        return block

    def texts(self, name: str, texts: list[str]) -> TextBlock:
        """Give the chunks of usual events, in a stream of which at least one has been fed; see ``TextBlock``."""
        return TextBlock(self._head, name, texts)

    def close(self, *, done: bool) -> list[Chunk]:
        """
        Take the end of the stream; give what is owed.

        Args:
            done: Whether ``[DONE]`` was seen. Some services say nothing else at the end.

        Raises:
            UpstreamTruncatedError: The answer is not complete.
            UpstreamBadResponseError: It is complete, and empty.
        """
        if not done and not all(choice.finished for choice in self._choices if choice.seen):
            raise UpstreamTruncatedError(_TRUNCATED)
        if not self._choices:
            raise UpstreamBadResponseError(_EMPTY) if done else UpstreamTruncatedError(_TRUNCATED)
        block = [self._chunk(part) for choice in self._choices for part in choice.end()]
        if self._usage is not self._told:
            block += self._tell_usage()
        return block

    def _tell_usage(self) -> list[Chunk]:
        self._told = self._usage
        return [{**self._head, "choices": [], "usage": self._usage}]

    def _feed(self, choice: dict[str, Any], position: int) -> list[Chunk]:
        index = _index(choice.get("index"), position)
        while len(self._choices) <= index:
            self._choices.append(ChoiceDeltas(len(self._choices), f"{self._prefix}{len(self._choices)}_", self._tags))
        parts = self._choices[index].feed(choice)
        if not parts:
            return []
        # Clients expect choices to appear in order: one that was skipped, or has said nothing yet, begins before.
        begun = [earlier.delta({"content": ""}) for earlier in self._choices[:index] if not earlier.started]
        return [self._chunk(part) for part in (*begun, *parts)]

    def _refuse(self, raw: object) -> None:
        if error := error_in(raw):
            raise failure(error, clean=self._clean)

    def _count(self, raw: dict[str, Any]) -> None:
        given = raw.get("usage")
        if not given and isinstance(groq := raw.get("x_groq"), dict):
            given = groq.get("usage")
        if given:
            self._usage = chunks.usage(given) or self._usage

    def _chunk(self, part: dict[str, Any]) -> Chunk:
        return {**self._head, "choices": [part]}


def completion(call: Call, raw: object, clean: Clean = scrub, tags: ThinkTags | None = None) -> Completion:
    """
    Put a whole answer right; the arguments are those of ``Normaliser``.

    Raises:
        GatewayError: It holds an error, or is no answer.
    """
    if error := error_in(raw):
        raise failure(error, clean=clean)
    choices = raw.get("choices") if isinstance(raw, dict) else None
    if not isinstance(raw, dict) or not isinstance(choices, list) or not 0 < len(choices) <= MAX_CHOICES:
        raise UpstreamBadResponseError(_NO_ANSWER)
    if tags is None and (answer := usual_answer(call, raw)):
        return answer
    if not all(isinstance(choice, dict) and isinstance(choice.get("message"), dict) for choice in choices):
        raise UpstreamBadResponseError(_NO_ANSWER)
    return _collected(call, {**raw, "choices": _ordered(choices)}, clean, tags)


def _collected(call: Call, raw: dict[str, Any], clean: Clean, tags: ThinkTags | None) -> Completion:
    stream, whole = Normaliser(call, clean, tags), Accumulator(call)
    whole.feed(stream.feed(raw))
    whole.feed(stream.close(done=True))
    return whole.completion()


def _ordered(choices: list[dict[str, Any]]) -> list[dict[str, Any]]:
    positions = [_index(choice.get("index"), position) for position, choice in enumerate(choices)]
    if sorted(positions) != list(range(len(choices))):
        positions = list(range(len(choices)))
    return [_placed(choice, index) for index, choice in sorted(zip(positions, choices, strict=True), key=_first)]


def _index(value: object, position: int) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value[:4])
    believable = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MAX_CHOICES
    return value if isinstance(value, int) and believable else position


def _placed(choice: dict[str, Any], index: int) -> dict[str, Any]:
    message = choice["message"]
    if isinstance(calls := message.get("tool_calls"), list):  # each is a call of its own, whatever its id
        placed = [{**entry, "index": place} for place, entry in enumerate(calls) if isinstance(entry, dict)]
        message = {**message, "tool_calls": placed}
    return {**choice, "index": index, "message": message, "delta": None}


def _first(pair: tuple[int, Any]) -> int:
    return pair[0]


_TRUNCATED = "The provider's stream ended before the answer was complete."
_EMPTY = "The provider's answer is empty."
_NO_ANSWER = "The provider's answer is not a chat completion."
