"""Where ``llms chat`` has its answers from, as the bytes of an event stream: a running gateway, or one of its own."""

from collections.abc import AsyncGenerator, Mapping
from typing import Any

import aiohttp

from llms import core
from llms.apis.chat_completions import API
from llms.catalog import ProviderState
from llms.cli.local import asking, require_ok
from llms.cli.pick import chat_model
from llms.cli.setup import forget
from llms.config import Config
from llms.providers.options import secret
from llms.web.inference import call
from llms.web.respond import new_id

_CONNECT_S = 5.0


def own_key(config: Config, environ: Mapping[str, str]) -> str | None:
    """Give a key for the gateway that this configuration makes, if it needs one and the environment has it."""
    return next((secret(key, environ) for key in config.server.keys if key.startswith("$")), None)


async def from_server(url: str, key: str | None, body: dict[str, Any]) -> AsyncGenerator[bytes, None]:
    """
    Ask a running gateway.

    Args:
        url: Without ``/v1``.
        key: For it, if it needs one.
        body: A chat completion's; without ``model``, the gateway's first one is asked.

    Raises:
        Failure: It is not there, or refuses.
    """
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    timeout = aiohttp.ClientTimeout(total=None, connect=_CONNECT_S)
    with asking(url):
        async with aiohttp.ClientSession(headers=headers, timeout=timeout) as session:
            body = {"model": await _first_of(session, url), **body} if "model" not in body else body
            async with session.post(f"{url}/v1/chat/completions", json=body, allow_redirects=False) as response:
                await require_ok(response)
                async for data in response.content.iter_any():
                    yield data


async def in_process(
    config: Config, environ: Mapping[str, str], body: dict[str, Any], own_url: str | None
) -> AsyncGenerator[bytes, None]:
    """
    Ask a gateway that lives as long as the answer.

    Args:
        own_url: Of another one that runs, which is no provider.

    Raises:
        GatewayError: There is no answer, or it was cut short.
    """
    async with core.core(config, environ, sink=forget, own_url=own_url) as made:
        if "model" not in body:
            await made.catalog.refresh()
            body = {"model": _first(made.catalog.states()), **body}
        run = call(API.read(body), API, new_id())
        encoder = API.encoder(run)
        async with made.gateway.open(run) as running:
            reply = await running.reply()
            assert reply.blocks is not None, "asked for as a stream"  # noqa: S101
            async for block in reply.blocks:
                yield encoder.feed(block)
        yield encoder.close()


def _first(states: list[ProviderState]) -> str:
    for state in states:
        model = chat_model(model.id for model in state.models or ())
        if state.on and model is not None:
            return f"{state.name}/{model}"
    return "demo"


async def _first_of(session: aiohttp.ClientSession, url: str) -> str:
    async with session.get(f"{url}/v1/models", allow_redirects=False) as response:
        await require_ok(response)
        listed = (await response.json())["data"]
    owners = [model["owned_by"] for model in listed if model["owned_by"] != "llms"]  # that one owns the aliases
    return chat_model(model["id"] for model in listed if model["owned_by"] in owners[:1]) or "demo"
