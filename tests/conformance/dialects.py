"""The providers under test: how each is configured, and how its upstream puts the same answer."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from tests.upstream import airefinery, ollama, openai
from tests.upstream.framing import Headers
from tests.upstream.request import Request
from tests.upstream.server import Reaction
from tests.upstream.steps import Script, Step

KEY = "sk-upstream-0123456789"
"""The provider's key; the client must never see it."""

ENVIRON = {"UP_KEY": KEY}
UPSTREAM_MODEL = "upstream-model"
INPUT_TOKENS, OUTPUT_TOKENS = 19, 7

Piece = str | bytes | Step


@dataclass(frozen=True, slots=True)
class Tool:
    """A call of a tool, its arguments in the pieces in which they are streamed where the wire knows pieces."""

    id: str
    name: str
    arguments: tuple[str, ...]

    @property
    def text(self) -> str:
        return "".join(self.arguments)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """
    What a model says, whatever the wire.

    Args:
        pieces: Of the content; bytes are sent as they stand, and a step is played there.
        finish: OpenAI's word for it.
    """

    pieces: tuple[Piece, ...] = ("1 ", "2 ", "3")
    reasoning: tuple[str, ...] = ()
    tools: tuple[Tool, ...] = ()
    finish: str = "stop"

    @property
    def text(self) -> str:
        return "".join(piece for piece in self.pieces if isinstance(piece, str))


COUNTED = Answer()
"""What the demo model answers to ``QUESTION``, too."""

QUESTION = "Count to 3"


class Wire(Protocol):
    """How one kind of upstream speaks."""

    chat: str
    embeddings: str
    models: str

    def says(self, answer: Answer, **framing: Any) -> Reaction:
        """Give ``answer``, streamed or whole as asked; ``framing`` as ``tests.upstream.framing.Wire`` has it."""

    def stops(self, *pieces: Piece, begun: bool = True, **framing: Any) -> Script:
        """Send ``pieces``, after the role where the wire has one and ``begun`` says so, and end the body there."""

    def finishes(self) -> bytes:
        """The end of an answer, without ``[DONE]`` and the like."""

    def fails(self, message: str) -> bytes:
        """Report a failure in mid-stream."""

    def refuses(self, status: int, message: str, headers: Headers = ()) -> Script:
        """Refuse the request."""

    def embeds(self, vectors: Sequence[Sequence[float]]) -> Script:
        """Give embeddings."""

    def lists(self, names: Sequence[str]) -> Script:
        """Give the list of models."""


class OpenAIWire:
    """OpenAI's API; ``lists`` may be that of another service."""

    chat = "/v1/chat/completions"
    embeddings = "/v1/embeddings"
    models = "/v1/models"

    def __init__(self, lists: Any = openai.models) -> None:
        self.lists = lists

    def says(self, answer: Answer, **framing: Any) -> Reaction:
        usage = {"prompt_tokens": INPUT_TOKENS, "completion_tokens": OUTPUT_TOKENS, "total_tokens": 26}

        def react(request: Request) -> Script:
            if not request.json.get("stream"):
                steps = tuple(piece for piece in answer.pieces if callable(piece))
                return steps + openai.completion(
                    None if answer.tools else answer.text, finish=answer.finish, usage=usage, message=_message(answer)
                )
            return openai.stream(_deltas(answer), finish=answer.finish, usage=usage, **framing)

        return react

    def stops(self, *pieces: Piece, begun: bool = True, **framing: Any) -> Script:
        return openai.stream(pieces, finish=None, done=False, role=begun, **framing)

    def finishes(self) -> bytes:
        return openai.event(openai.chunk({}, finish="stop"))

    def fails(self, message: str) -> bytes:
        return openai.event({"error": {"message": message, "type": "server_error", "param": None, "code": "boom"}})

    def refuses(self, status: int, message: str, headers: Headers = ()) -> Script:
        return openai.error(status, message, headers)

    def embeds(self, vectors: Sequence[Sequence[float]]) -> Script:
        return openai.embeddings(vectors)


class OllamaWire:
    """Ollama's native API."""

    chat = "/api/chat"
    embeddings = "/api/embed"
    models = "/api/tags"

    def says(self, answer: Answer, **framing: Any) -> Reaction:
        parts: list[ollama.Part] = [{"thinking": text} for text in answer.reasoning]
        parts += [] if answer.tools else answer.pieces
        parts += [{"tool_calls": [_ollama_call(tool)]} for tool in answer.tools]
        reason = "length" if answer.finish == "length" else "stop"
        counters = {"prompt_eval_count": INPUT_TOKENS, "eval_count": OUTPUT_TOKENS}
        return ollama.chat_lines(parts, done_reason=reason, counters=counters, **framing)

    def stops(self, *pieces: Piece, begun: bool = True, **framing: Any) -> Script:
        return ollama.chat_lines(pieces, done=False, **framing)

    def finishes(self) -> bytes:
        return ollama.line(ollama.last())

    def fails(self, message: str) -> bytes:
        return ollama.error_line(message)

    def refuses(self, status: int, message: str, headers: Headers = ()) -> Script:
        return ollama.error(status, message, headers)

    def embeds(self, vectors: Sequence[Sequence[float]]) -> Script:
        return ollama.embed(vectors)

    def lists(self, names: Sequence[str]) -> Script:
        return ollama.tags(names)


@dataclass(frozen=True, slots=True)
class Dialect:
    """
    A provider under test.

    Args:
        section: Its options in ``config.json``, without ``base_url`` and ``models``.
        path: What ``base_url`` has behind the host.
        wire: ``None`` for the demo, which has no upstream.
        model: Its name for the model.
    """

    section: Mapping[str, Any]
    path: str = ""
    wire: Wire | None = None
    model: str = UPSTREAM_MODEL


DIALECTS: dict[str, Dialect] = {
    # What OpenAI's preset sets, at an address of our own.
    "openai": Dialect(
        {
            "type": "openai",
            "api_key": "$UP_KEY",
            "developer_role": True,
            "max_tokens_field": "max_completion_tokens",
            "reasoning_field": "none",
        },
        "/v1",
        OpenAIWire(),
    ),
    "compatible": Dialect({"type": "vllm", "api_key": "$UP_KEY"}, "/v1", OpenAIWire()),
    "airefinery": Dialect({"type": "airefinery", "api_key": "$UP_KEY"}, "", OpenAIWire(airefinery.models)),
    "ollama": Dialect({"type": "ollama", "api_key": "$UP_KEY"}, "", OllamaWire()),
    "demo": Dialect({"type": "demo", "chunk_delay_s": 0}, model="demo"),
}

EVERYONE = tuple(DIALECTS)
UPSTREAMS = tuple(name for name, dialect in DIALECTS.items() if dialect.wire)
OPENAI_WIRES = tuple(name for name in UPSTREAMS if name != "ollama")


def _deltas(answer: Answer) -> list[openai.Part]:
    deltas: list[openai.Part] = [{"reasoning_content": text} for text in answer.reasoning]
    deltas += [] if answer.tools else answer.pieces
    for index, tool in enumerate(answer.tools):
        function = {"name": tool.name, "arguments": ""}
        deltas.append({"tool_calls": [{"index": index, "id": tool.id, "type": "function", "function": function}]})
        deltas += [{"tool_calls": [{"index": index, "function": {"arguments": text}}]} for text in tool.arguments]
    return deltas


def _message(answer: Answer) -> dict[str, Any]:
    message: dict[str, Any] = {}
    if answer.reasoning:
        message["reasoning_content"] = "".join(answer.reasoning)
    if answer.tools:
        message["tool_calls"] = [
            {"id": tool.id, "type": "function", "function": {"name": tool.name, "arguments": tool.text}}
            for tool in answer.tools
        ]
    return message


def _ollama_call(tool: Tool) -> dict[str, Any]:
    return {"id": tool.id, "function": {"name": tool.name, "arguments": json.loads(tool.text)}}
