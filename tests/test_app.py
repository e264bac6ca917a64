"""How the parts are put together: which providers can be on, and where the gateway may listen."""

import json
from dataclasses import replace

import pytest
from aiohttp import web

from llms import app, core
from llms.config import ConfigError, parse


def config(**sections):
    return parse(json.dumps(sections).encode(), {"K": "sk-one"}, "config.json")


async def states(environ, **sections):
    async with core.core(config(**sections), environ, own_url="http://127.0.0.1:8000") as made:
        return {state.name: (state.on, state.reason) for state in made.catalog.states()}


async def test_why_providers_are_on_or_off():
    """A provider says why it is on, or why it is not."""
    found = await states(
        {"OPENAI_API_KEY": "sk-x", "GROQ_API_KEY": " "},
        providers={
            "openai": {},
            "groq": {},
            "mistral": {"enabled": False},
            "vllm": {},
            "lmstudio": {},
            "demo": {},
        },
    )

    assert (True, "OPENAI_API_KEY is set") == found["openai"]
    assert (False, "GROQ_API_KEY is not set") == found["groq"]
    assert (False, "switched off in the configuration") == found["mistral"]
    assert (False, "its address is this gateway's own") == found["vllm"]
    assert (False, "its server answers") == found["lmstudio"]  # until it has been asked
    assert found["demo"][0]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "gateway.example"])
async def test_not_open_to_the_network_without_a_key(host):
    """Any address but the loopback's needs a key, in the file and on the command line."""
    with pytest.raises(ConfigError, match=r"server\.keys"):
        config(server={"host": host})
    safe = config()
    with pytest.raises(app.UnsafeListenError, match=r"server\.keys"):
        await put_in_force(replace(safe, server=safe.server.model_copy(update={"host": host})), {})


@pytest.mark.parametrize(
    "server",
    [
        {"host": "127.0.0.1"},
        {"host": "127.0.0.9"},
        {"host": "localhost"},
        {"host": "::1"},
        {"host": "0.0.0.0", "keys": ["$K"]},
    ],
)
async def test_safe_to_listen(server):
    """The loopback needs no key; with one every address is fine."""
    await put_in_force(config(server=server), {"K": "sk-one"})


async def put_in_force(config, environ):
    built = app.build(config, environ)
    runner = web.AppRunner(built)
    try:
        await runner.setup()
    finally:
        await runner.cleanup()


async def test_key_that_no_header_can_hold():
    """A key with a line break, or a letter that is none of ASCII's, keeps its provider off, and says so."""
    for key in ("sk-a\nb", "sk-ä", "sk-\udcff"):
        found = await states({"OPENAI_API_KEY": key}, providers={"openai": {}})

        assert (False, "OPENAI_API_KEY holds a character that no key has") == found["openai"]


async def test_address_that_cannot_be_one():
    """A provider whose address cannot be one fails alone, and in our words."""
    async with core.core(config(providers={"odd": {"base_url": "http://x..y/v1"}, "demo": {}}), {}) as made:
        await made.catalog.refresh()
        found = {state.name: state for state in made.catalog.states()}

    assert found["odd"].models is None
    assert "base_url" in found["odd"].reason
    assert ["demo"] == [model.id for model in found["demo"].models]
