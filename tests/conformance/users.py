"""
The official client as its two kinds of users have it, behind one face; what differs between its versions is here only.

The synchronous one runs in a thread, so that gateway and upstream can go on in the test's loop.
"""

import asyncio
import ssl
from collections.abc import Callable
from operator import attrgetter
from types import TracebackType
from typing import Any, Protocol, Self

from openai import AsyncOpenAI, DefaultAsyncHttpxClient, DefaultHttpxClient, OpenAI

MODEL = "house-model"
"""What clients of the gateway call the model."""


_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Spares each client the 40 ms in which it reads the certificates of the world."""


class User(Protocol):
    """
    One client of the gateway, for the length of an ``async with`` block.

    Attributes:
        attempts: ``x-stainless-retry-count`` of every request that was sent.
    """

    attempts: list[str]

    async def call(self, method: str, **arguments: Any) -> Any:
        """Call ``client.<method>(**arguments)``."""

    async def read(self, into: list[Any], enough: int | None = None, **arguments: Any) -> None:
        """Stream a chat completion, each chunk into ``into`` as it comes; leave when there are ``enough``."""

    async def follow(self, **arguments: Any) -> tuple[list[Any], Any]:
        """Use ``.stream()``; give its events and the final completion."""


_OPTIONS: dict[str, Any] = {"api_key": "none", "max_retries": 0}


class _AsyncClient(AsyncOpenAI):
    async def _prepare_request(self, request: Any) -> None:
        _attempts(self).append(request.headers["x-stainless-retry-count"])


class _SyncClient(OpenAI):
    def _prepare_request(self, request: Any) -> None:
        _attempts(self).append(request.headers["x-stainless-retry-count"])


def _attempts(client: Any) -> list[str]:
    attempts: list[str] = client.__dict__.setdefault("seen_attempts", [])
    return attempts


class AsyncUser:
    """``AsyncOpenAI``."""

    def __init__(self, base_url: str, **options: Any) -> None:
        http = DefaultAsyncHttpxClient(verify=_NO_TLS)
        self._client = _AsyncClient(base_url=base_url, http_client=http, **{**_OPTIONS, **options})
        self.attempts = _attempts(self._client)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        await self._client.close()

    async def call(self, method: str, **arguments: Any) -> Any:
        return await attrgetter(method)(self._client)(**arguments)

    async def read(self, into: list[Any], enough: int | None = None, **arguments: Any) -> None:
        stream = await self._client.chat.completions.create(**_chat(arguments), stream=True)
        async with stream:
            async for chunk in stream:
                into.append(chunk)
                if len(into) == enough:
                    break

    async def follow(self, **arguments: Any) -> tuple[list[Any], Any]:
        async with self._client.chat.completions.stream(**_chat(arguments)) as stream:
            events = [event async for event in stream]
            return events, await stream.get_final_completion()


class SyncUser:
    """``OpenAI``, in a thread."""

    def __init__(self, base_url: str, **options: Any) -> None:
        http = DefaultHttpxClient(verify=_NO_TLS)
        self._client = _SyncClient(base_url=base_url, http_client=http, **{**_OPTIONS, **options})
        self.attempts = _attempts(self._client)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self._client.close()

    async def call(self, method: str, **arguments: Any) -> Any:
        return await asyncio.to_thread(attrgetter(method)(self._client), **arguments)

    async def read(self, into: list[Any], enough: int | None = None, **arguments: Any) -> None:
        def read() -> None:
            with self._client.chat.completions.create(**_chat(arguments), stream=True) as stream:
                for chunk in stream:
                    into.append(chunk)
                    if len(into) == enough:
                        break

        await asyncio.to_thread(read)

    async def follow(self, **arguments: Any) -> tuple[list[Any], Any]:
        def follow() -> tuple[list[Any], Any]:
            with self._client.chat.completions.stream(**_chat(arguments)) as stream:
                return list(stream), stream.get_final_completion()

        return await asyncio.to_thread(follow)


USERS: dict[str, Callable[..., Any]] = {"async": AsyncUser, "sync": SyncUser}


def _chat(arguments: dict[str, Any]) -> dict[str, Any]:
    return {"model": MODEL, "messages": [{"role": "user", "content": "Count to 3"}], **arguments}
