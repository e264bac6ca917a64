"""``llms models``."""

import json
from asyncio import to_thread as in_thread

CONFIG = {
    "server": {"port": 0},
    "providers": {"groq": {}, "demo": {"models": ["demo", "[b]odd"]}, "openai": {"enabled": False}},
    "models": {"fast": ["groq/llama", "demo/demo"], "far": "groq/llama"},
}


def test_the_table(llms):
    """A line for each model and for each provider without one, and why; no colour and no padding into a pipe."""
    expected = """\
model   provider  state  why
fast    (alias)   on     groq/llama, demo/demo
far     (alias)   off    groq/llama
-       groq      off    GROQ_API_KEY is not set
demo    demo      on     needs no key
[b]odd  demo      on     needs no key
-       openai    off    switched off in the configuration
"""

    assert expected == llms("models", config=CONFIG, environ={"GROQ_API_KEY": None}).stdout


def test_a_long_line_is_not_cut(llms):
    """What is piped on is whole, however long."""
    name = "x" * 500

    assert name in llms("models", config={"providers": {"demo": {"models": [name]}}}).stdout


def test_as_json(llms):
    """The same, for programs."""
    done = llms("models", "--json", config=CONFIG, environ={"GROQ_API_KEY": None})

    assert {
        "models": [
            {"id": "fast", "targets": ["groq/llama", "demo/demo"]},
            {"id": "far", "targets": ["groq/llama"]},
        ],
        "providers": [
            {"name": "groq", "on": False, "reason": "GROQ_API_KEY is not set", "models": None},
            {"name": "demo", "on": True, "reason": "needs no key", "models": ["demo", "[b]odd"]},
            {"name": "openai", "on": False, "reason": "switched off in the configuration", "models": None},
        ],
    } == json.loads(done.stdout)


async def test_a_gateway_that_runs_is_no_provider(llms, gateway):
    """Our default port is also that of vLLM: the gateway is not listed as somebody's server."""
    running = await gateway()
    config = {
        "server": {"port": running.port},
        "providers": {"vllm": {"base_url": f"{running.url}/v1"}},
    }

    done = await in_thread(llms, "models", config=config)

    assert "-      vllm      off    its address is this gateway's own" == done.stdout.splitlines()[1]
