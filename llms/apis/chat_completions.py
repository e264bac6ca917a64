"""
OpenAI's chat completions: the dialect that is also the inner one, so there is next to nothing to translate.

Source: https://platform.openai.com/docs/api-reference/chat
"""

from typing import Any

from llms.apis import chat_request
from llms.apis.api import Api, error_event
from llms.errors import GatewayError
from llms.records import Block, Call, Chunk, Completion
from llms.wire import sse


class _Encoder:
    def __init__(self, call: Call) -> None:
        self._include_usage = call.include_usage
        self._usage: Chunk | None = None

    def feed(self, block: Block) -> bytes:
        # Chunks are never changed here: the meter, and later a stream log, hold the same ones.
        if not self._include_usage:
            return b"".join([sse.frame(chunk) for chunk in block if chunk["choices"]])
        frames: list[bytes] = []
        for chunk in block:
            if chunk["choices"]:
                frames.append(sse.frame({**chunk, "usage": None}))
            else:
                self._usage = chunk  # of several the last counts
        return b"".join(frames)

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
