"""
Ollama, by its native API.

Native instead of its OpenAI layer, because that one swallows errors in mid-stream, forces temperature and top_p to 1
where none are given, and drops the limit on output tokens. Answers are always asked for as a stream: a whole one is
collected from it, so that there is one reader and a client that leaves stops the work.

Source: https://github.com/ollama/ollama/blob/main/docs/api.md
"""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field

from llms.errors import UpstreamRefusedError, UpstreamUnreachableError
from llms.exchange import Send, UpstreamRequest, UpstreamResponse
from llms.providers import options
from llms.providers.http import HttpProvider
from llms.providers.ollama_codec import Codec
from llms.records import Block, Call, Completion, Target


class Options(options.Options):
    """The section of an Ollama server."""

    type: Literal["ollama"] = "ollama"
    base_url: options.HttpUrl = Field(
        default="http://127.0.0.1:11434", description="Where the server is, without /api."
    )
    api_key: options.EnvNames | None = Field(
        default=None,
        description="For ollama.com: the variable that holds the key, or several; a server of one's own needs none.",
    )
    keep_alive: str | int | None = Field(
        default=None, description='How long a model stays in memory after a call, as "5m"; -1 for ever, 0 not at all.'
    )

    def build(self, name: str, environ: Mapping[str, str], send: Send) -> "Ollama":
        key = options.secret(options.first_key(self.api_key), environ)
        return Ollama(name, Codec(name, self.base_url, key, self.keep_alive), send)

    @property
    def variables(self) -> tuple[str, ...]:
        key = options.first_key(self.api_key)
        return (key,) if key else ()

    @property
    def local_url(self) -> str | None:
        return (
            self.base_url
            if self.api_key is None and options.is_loopback(urlsplit(self.base_url).hostname or "")
            else None
        )


class Ollama:
    """
    An Ollama server.

    A model that cannot think refuses to be told how hard to: the request is then sent once more without, since clients
    set ``reasoning_effort`` for all of their models.
    """

    def __init__(self, name: str, codec: Codec, send: Send) -> None:
        self.name = name
        self._http = HttpProvider(name, codec, _hinting(send))
        self.embed, self.models = self._http.embed, self._http.models

    async def chat(self, call: Call, target: Target) -> AsyncGenerator[Block, None]:
        try:
            async with aclosing(self._http.chat(call, target)) as blocks:
                async for block in blocks:
                    yield block
        except UpstreamRefusedError as refusal:
            again = _without_thinking(call, refusal)
        else:
            return
        async with aclosing(self._http.chat(again, target)) as blocks:
            async for block in blocks:
                yield block

    async def complete(self, call: Call, target: Target) -> Completion:
        try:
            return await self._http.complete(call, target)
        except UpstreamRefusedError as refusal:
            again = _without_thinking(call, refusal)
        return await self._http.complete(again, target)


def _without_thinking(call: Call, refusal: UpstreamRefusedError) -> Call:
    """Give the call to make instead, or raise ``refusal`` if that is about something else."""
    if refusal.param != "reasoning_effort" or call.body.get("reasoning_effort") is None:
        raise refusal
    return replace(call, body={name: value for name, value in call.body.items() if name != "reasoning_effort"})


def _hinting(send: Send) -> Send:
    """Give a ``send`` that says what to do about an Ollama that is not running, the most frequent of its failures."""

    @asynccontextmanager
    async def sent(request: UpstreamRequest, connect_s: float | None = None) -> AsyncIterator[UpstreamResponse]:
        try:
            async with send(request, connect_s) as response:
                yield response
        except UpstreamUnreachableError as error:
            message = "Ollama cannot be reached at its base_url. If it is to run there, start it with 'ollama serve'."
            raise UpstreamUnreachableError(message, retry=error.retry) from error

    return sent
