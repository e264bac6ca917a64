"""A running gateway, asked for its admin API."""

import asyncio
import json
import os
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from llms.cli.answers import own_key
from llms.cli.local import asking, require_ok
from llms.cli.setup import Failure, configuration
from llms.config import Config

_CONNECT_S = 5.0
_ANSWER_S = 60.0
_SILENCE_S = 60.0
"""A tail has a comment each 15 seconds."""

_PAUSE_S = 0.5

_LONGEST_LINE = 1 << 20

_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where a gateway may listen
"""Where a gateway is asked that listens on all addresses."""


@asynccontextmanager
async def reached(url: str | None, key_file: Path | None, chosen: Path | None) -> AsyncGenerator["Remote", None]:
    """
    Be ready to ask a gateway.

    Args:
        url: Its own; ``None`` for the one of the configuration.
        key_file: Holds the key; ``None``: the environment does.
        chosen: The configuration's file.

    Raises:
        Failure: The key cannot be read.
    """
    key = _key(key_file)
    if url is not None:
        url = url.rstrip("/").removesuffix("/v1")
    else:
        config = configuration(chosen)
        url = _own_url(config)
        key = key or own_key(config, os.environ)  # for no other gateway than its own
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    timeout = aiohttp.ClientTimeout(total=_ANSWER_S, connect=_CONNECT_S)
    async with aiohttp.ClientSession(headers=headers, timeout=timeout, read_bufsize=_LONGEST_LINE) as session:
        yield Remote(session, url)


def _own_url(config: Config) -> str:
    host = _ANYWHERE.get(config.server.host, config.server.host)
    return f"http://{f'[{host}]' if ':' in host else host}:{config.server.port}"


def _key(file: Path | None) -> str | None:
    if file is None:
        return os.environ.get("LLMS_API_KEY") or os.environ.get("LLMS_KEY")
    try:
        return file.read_text("utf-8").strip()
    except (OSError, ValueError) as error:
        message = f"{file} cannot be read: {getattr(error, 'strerror', None) or 'it is no text'}"
        raise Failure(message) from error


class Remote:
    """
    A running gateway; satisfies ``llms.cli.desk.Desk``.

    Args:
        session: Sends the key.
        url: The gateway's.
    """

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url

    async def ask(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, query: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        request = self._session.request(
            method, f"{self._url}/admin/v1{path}", json=body, params=query, allow_redirects=False
        )
        with asking(self._url):
            async with request as response:
                await require_ok(response)
                answer: dict[str, Any] = json.loads(await response.read())
                return answer

    async def follow(self, query: Mapping[str, str]) -> AsyncGenerator[dict[str, Any] | None, None]:
        last = ""
        timeout = aiohttp.ClientTimeout(total=None, connect=_CONNECT_S, sock_read=_SILENCE_S)
        while True:  # the gateway ends a tail now and then
            request = self._session.get(
                f"{self._url}/admin/v1/calls/tail",
                params=query,
                headers={"Last-Event-ID": last} if last else {},
                timeout=timeout,
                allow_redirects=False,
            )
            with asking(self._url):
                async with request as response:
                    await require_ok(response)
                    async for line in response.content:
                        name, _, value = line.decode().strip().partition(": ")
                        if name == "id":
                            if not last:
                                yield None
                            last = value
                        elif name == "data":
                            yield _call(value)
            await asyncio.sleep(_PAUSE_S)


def _call(text: str) -> dict[str, Any]:
    call: dict[str, Any] = json.loads(text)
    if "error" in call:
        raise Failure(call["error"]["message"])
    return call
