"""
The built-in model: answers without a key or a network, so that a newcomer sees a stream before anything is set up.

What it says is in ``demo_answers``; here is when.
"""

import asyncio
import hashlib
import itertools
import math
import struct
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping
from typing import Any, Literal

from pydantic import Field

from llms.errors import InvalidRequestError
from llms.exchange import Send
from llms.providers import demo_answers, demo_text, options
from llms.providers.demo_answers import Answer, Tool
from llms.records import Block, Call, Chunk, Completion, Model, Target
from llms.wire.accumulate import Accumulator
from llms.wire.chunks import ChunkBuilder

MAX_CHOICES = 8
MAX_DIMENSIONS = 4096
DEFAULT_DIMENSIONS = 256

_TURN_BLOCKS = 64
"""After so many blocks without a pause others get their turn: some 0.3 ms of work."""


class Options(options.Options):
    """The options of the built-in model."""

    type: Literal["demo"] = "demo"
    models: tuple[str, ...] | None = Field(default=("demo",), description="The names it answers to.")
    chunk_delay_s: float = Field(
        default=0.02, ge=0, le=60, description="The pause before each word; 0 for as fast as it goes."
    )

    def build(self, name: str, environ: Mapping[str, str], send: Send) -> "Demo":  # noqa: ARG002 - it needs neither
        return Demo(name, self.models or ("demo",), self.chunk_delay_s)


class Demo:
    """
    Answers by itself.

    Args:
        name: The provider's name in the configuration.
        models: The names it answers to.
        chunk_delay_s: The pause between chunks; 0 for none.
    """

    def __init__(self, name: str, models: tuple[str, ...], chunk_delay_s: float) -> None:
        self.name = name
        self._models = models
        self._chunk_delay_s = chunk_delay_s

    async def chat(self, call: Call, target: Target) -> AsyncGenerator[Block, None]:
        for index, block in enumerate(_blocks(call, {**target.defaults, **call.body})):
            if self._chunk_delay_s and index:
                await asyncio.sleep(self._chunk_delay_s)
            elif index % _TURN_BLOCKS == 0:
                await asyncio.sleep(0)
            yield block

    async def complete(self, call: Call, target: Target) -> Completion:
        whole = Accumulator(call)
        for index, block in enumerate(_blocks(call, {**target.defaults, **call.body})):
            if index % _TURN_BLOCKS == 0:
                await asyncio.sleep(0)
            whole.feed(block)
        return whole.completion()

    async def embed(self, call: Call, target: Target) -> dict[str, Any]:
        body = {**target.defaults, **call.body}
        dimensions = body.get("dimensions", DEFAULT_DIMENSIONS)
        if not 1 <= dimensions <= MAX_DIMENSIONS:
            message = f"dimensions must be a whole number from 1 to {MAX_DIMENSIONS}."
            raise InvalidRequestError(message, param="dimensions")
        inputs = _inputs(body["input"])
        data = []
        for index, item in enumerate(inputs):
            data.append({"object": "embedding", "index": index, "embedding": vector(item, dimensions)})
            await asyncio.sleep(0)
        count = sum(max(1, demo_text.tokens(item)) if isinstance(item, str) else len(item) for item in inputs)
        usage = {"prompt_tokens": count, "total_tokens": count}
        return {"object": "list", "data": data, "model": call.model, "usage": usage}

    async def models(self) -> list[Model]:
        return [Model(name, self.name) for name in self._models]


def vector(item: str | list[int], dimensions: int) -> list[float]:
    """Give a direction that depends on ``item`` only: a vector of length 1, made of a hash."""
    data = item.encode("utf-8", "surrogatepass") if isinstance(item, str) else repr(item).encode()
    digest = hashlib.shake_256(data).digest(4 * dimensions)
    values = [value + 0.5 for value in struct.unpack(f"<{dimensions}i", digest)]  # none is 0
    length = math.hypot(*values)
    return [value / length for value in values]


def _inputs(value: Any) -> list[Any]:
    """Give the texts and token arrays; one alone may stand for a list of one."""
    return [value] if isinstance(value, str) or isinstance(value[0], int) else value


def _blocks(call: Call, body: Mapping[str, Any]) -> Iterator[Block]:
    """Give the whole answer, one chunk to a block; the choices are equal and come one after the other."""
    choices = body.get("n", 1)
    if choices > MAX_CHOICES:
        message = f"The demo model gives at most {MAX_CHOICES} choices. Lower n."
        raise InvalidRequestError(message, param="n", code="unsupported_value")
    answer = demo_answers.answer(body, call.model)
    for index in range(choices):
        for chunk in _chunks(call, answer, index, logprobs=bool(body.get("logprobs"))):
            yield [chunk]
    yield ChunkBuilder(call).usage(demo_answers.usage(body, answer, choices))


def _chunks(call: Call, answer: Answer, index: int, *, logprobs: bool) -> Iterator[Chunk]:
    """Give one choice."""
    builder = ChunkBuilder(call)
    for piece in demo_text.words(answer.reasoning):
        yield _placed(builder.reasoning(piece), index)
    if answer.tool is None:
        for piece in answer.pieces():
            yield _placed(builder.content(piece, _certain(piece) if logprobs else None), index)
    else:
        # The call's id makes it unique in a conversation, where the same tool may be called again.
        call_id = f"call_{call.id.removeprefix('req_')}{index or ''}"
        for chunk in _tool_chunks(builder, answer.tool, call_id, answer.pieces()):
            yield _placed(chunk, index)
    for chunk in builder.finish(answer.finish_reason):
        yield _placed(chunk, index)


def _tool_chunks(builder: ChunkBuilder, tool: Tool, call_id: str, pieces: Iterable[str]) -> Iterator[Chunk]:
    chunks = itertools.chain(builder.tool_call(call_id, tool.name), map(builder.tool_arguments, pieces))
    return map(_as_custom, chunks) if tool.kind == "custom" else chunks


def _as_custom(chunk: Chunk) -> Chunk:
    """Give a function's chunk as a custom tool's, which the builder does not know."""
    [choice] = chunk["choices"]
    [entry] = choice["delta"]["tool_calls"]
    function = entry["function"]
    custom = {"name": function["name"]} if "name" in function else {}
    kept = {name: value for name, value in entry.items() if name != "function"}
    if "type" in kept:
        kept["type"] = "custom"
    entry = {**kept, "custom": {**custom, "input": function["arguments"]}}
    return {**chunk, "choices": [{**choice, "delta": {**choice["delta"], "tool_calls": [entry]}}]}


def _placed(chunk: Chunk, index: int) -> Chunk:
    """Give the chunk as one of choice ``index``; the builder knows the first only."""
    return {**chunk, "choices": [{**chunk["choices"][0], "index": index}]} if index else chunk


def _certain(piece: str) -> dict[str, Any]:
    """Give the piece as a token that could have been no other: a probability of 1, whose logarithm is 0."""
    token = {"token": piece, "logprob": 0.0, "bytes": list(piece.encode()), "top_logprobs": []}
    return {"content": [token], "refusal": None}
