"""
OpenAI's chat completions: the dialect that is also the inner one, so there is next to nothing to translate.

Source: https://platform.openai.com/docs/api-reference/chat
"""

from collections.abc import Mapping
from typing import Any

from llms.apis import chat_request
from llms.apis.api import Api, error_event
from llms.errors import GatewayError
from llms.records import Block, Call, Chunk, Completion
from llms.wire import json_text, sse
from llms.wire.text_block import MixedBlock, TextBlock, text_chunk


class _Encoder:
    def __init__(self, call: Call) -> None:
        self._include_usage = call.include_usage
        self._usage: Chunk | None = None
        self._head: Mapping[str, Any] | None = None  # of the last text block
        self._name = ""
        self._start = self._between = self._end = b""  # of their events: what is not text

    def feed(self, block: Block) -> bytes:
        # Chunks are never changed here: the meter, and later a stream log, hold the same ones.
        if type(block) is TextBlock:
            return self._texts(block)
        if type(block) is MixedBlock:
            return b"".join([self.feed(part) for part in block.parts])
        if not self._include_usage:
            return sse.frames([chunk for chunk in block if chunk["choices"]])
        events: list[Chunk] = []
        for chunk in block:
            if chunk["choices"]:
                events.append({**chunk, "usage": None})
            else:
                self._usage = chunk  # of several the last counts
        return sse.frames(events)

    def _texts(self, block: TextBlock) -> bytes:
        if block.head is not self._head or block.name != self._name:
            self._head, self._name = block.head, block.name
            chunk = text_chunk(block.head, block.name, "")
            event = sse.frame({**chunk, "usage": None} if self._include_usage else chunk)
            start, name, end = event.partition(b'"%b":' % block.name.encode())
            self._start, self._end = start + name, end.removeprefix(b'""')
            self._between = self._end + self._start
        return self._start + json_text.spliced(block.texts, self._between) + self._end

    def close(self) -> bytes:
        return sse.DONE if self._usage is None else sse.frame(self._usage) + sse.DONE

    def error(self, failure: GatewayError) -> bytes:
        return error_event(failure)


def answer(call: Call, completion: Completion) -> Completion:  # noqa: ARG001 - the call is in the answer already
    """Give the whole answer, with the keys that OpenAI's document requires even where they are null."""
    if all("logprobs" in choice and choice["message"].keys() >= _REQUIRED for choice in completion["choices"]):
        return completion
    return {**completion, "choices": [_choice(choice) for choice in completion["choices"]]}


_REQUIRED = frozenset({"role", "content", "refusal"})


def _choice(choice: dict[str, Any]) -> dict[str, Any]:
    message = {"role": "assistant", "content": None, "refusal": None, **choice["message"]}
    return {"logprobs": None, **choice, "message": message}


API = Api(name="chat.completions", read=chat_request.read, encoder=_Encoder, answer=answer)
