"""
AI Refinery through the ``airefinery-sdk`` package.

Chat is always streamed and a whole answer is collected from the stream, since the SDK refuses whole answers over
trifles. What is lost on this way is lost in the SDK: reasoning, the texts of errors, everything after a comment (told
as a truncated answer), the gateway's connection pool and its refusal of redirects. The SDK gives up after 65 s of
silence, whatever ``idle_s`` says.

Source: https://sdk.airefinery.accenture.com/api-reference/
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from llms.providers import openai_request
from llms.providers.airefinery_errors import FOREIGN
from llms.providers.airefinery_load import Loader
from llms.providers.presets import Dialect
from llms.records import Block, Call, Chunk, Completion, Model, Target
from llms.wire import chunks
from llms.wire.accumulate import Accumulator
from llms.wire.normalise import Normaliser

_OWN_WORDS = ("self", "timeout", "extra_headers", "extra_body")
"""Parameters of the SDK's functions, in whose names a request's fields would reach past the request."""


class AiRefinerySdk:
    """
    AI Refinery, by its SDK.

    Args:
        name: The provider's name in the configuration.
        loader: Loads the SDK when it is first needed.
        dialect: How the service departs from OpenAI's API.
    """

    def __init__(self, name: str, loader: Loader, dialect: Dialect) -> None:
        self.name = name
        self._loader = loader
        self._failures = loader.failures
        self._dialect = dialect

    async def chat(self, call: Call, target: Target) -> AsyncGenerator[Block, None]:
        stream = Normaliser(call)
        async with aclosing(self._chunks(call, target)) as raws:
            async for raw in raws:
                if block := stream.feed(raw):
                    yield block
        # The SDK ends alike after [DONE], a comment and a lost connection: only a finish_reason shows the end.
        if block := stream.close(done=False):
            yield block

    async def complete(self, call: Call, target: Target) -> Completion:
        whole = Accumulator(call)
        async with aclosing(self.chat(call, target)) as blocks:
            async for block in blocks:
                whole.feed(block)
        return whole.completion()

    async def embed(self, call: Call, target: Target) -> dict[str, Any]:
        # The SDK reads vectors of numbers only; the client gets base64 from the API if it wants it.
        body = openai_request.embed(call, target, (*_OWN_WORDS, "encoding_format"))
        clients = await self._loader.clients()
        headers = await self._loader.headers(clients)
        try:
            # 0 is no limit to aiohttp; left out, the SDK gives up after 60 s, whatever answer_s says.
            answer = await clients.embeddings.create(**body, timeout=0, extra_headers=headers)
        except FOREIGN as error:
            raise self._failures.answer(error) from None
        raw = answer.model_dump()
        counted = chunks.usage(raw["usage"])
        tokens = counted["prompt_tokens"] if counted else 0
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return {"object": "list", "data": raw["data"], "model": call.model, "usage": usage}

    async def models(self) -> list[Model]:
        clients = await self._loader.clients()
        headers = await self._loader.headers(clients)
        try:
            page = await clients.models.list(extra_headers=headers)
        except FOREIGN as error:
            raise self._failures.models(error) from None
        return [Model(model.id, self.name, max(0, model.created)) for model in page.data]

    async def _chunks(self, call: Call, target: Target) -> AsyncGenerator[Chunk, None]:
        body = openai_request.chat(replace(call, stream=True), target, self._dialect, _OWN_WORDS)
        clients = await self._loader.clients()
        headers = await self._loader.headers(clients)
        begun = False
        try:
            # Nothing is sent before the first chunk is asked for. No timeout: it would be the whole stream's.
            async with aclosing(await clients.chat.completions.create(**body, extra_headers=headers)) as stream:
                async for chunk in stream:
                    begun = True
                    yield chunk.model_dump(exclude_none=True)
        except FOREIGN as error:
            raise self._failures.answer(error, begun=begun) from None
