"""``llms chat``: in a process of its own, and through a gateway that runs."""

import json
from asyncio import to_thread as in_thread

import pytest
from aiohttp import web

CONFIG = {"server": {"port": 0}, "providers": {"groq": {}, "demo": {"chunk_delay_s": 0}}}


def test_without_a_gateway(llms):
    """It is its own, and takes the first model of the first provider that is on."""
    done = llms("chat", "What about tea?", config=CONFIG, environ={"GROQ_API_KEY": None})

    assert (0, True, "") == (done.exit_code, "What about tea?" in done.stdout, done.stderr)


def test_a_model_by_name(llms):
    """-m takes any name that the gateway knows."""
    config = {**CONFIG, "models": {"mine": "demo/demo"}}

    done = llms("chat", "-m", "mine", "--raw", config=config, piped="Hello")

    events = [line.removeprefix("data: ") for line in done.stdout.splitlines() if line]
    assert ("mine", "[DONE]") == (json.loads(events[0])["model"], events[-1])


def test_the_first_model(llms):
    """The first provider that is on and has one, in the configuration's order; its first that chats."""
    providers = {
        "groq": {"models": ["llama"]},
        "empty": {"type": "demo", "models": []},
        "first": {"type": "demo", "models": ["embed-1", "chat-1"]},
        "demo": {},
    }

    done = llms(
        "chat", "--raw", "Hi", config={"server": {"port": 0}, "providers": providers}, environ={"GROQ_API_KEY": None}
    )

    assert '"model":"first/chat-1"' in done.stdout.splitlines()[0]


def test_a_model_that_nobody_serves(llms):
    """One line, status 1."""
    done = llms("chat", "-m", "demmo", "Hi", config=CONFIG)

    assert (1, "", 1) == (done.exit_code, done.stdout, len(done.stderr.splitlines()))
    assert done.stderr.startswith("llms: The model 'demmo' is not served here.")


def test_no_provider_is_on(llms):
    """One line, status 1."""
    done = llms("chat", "Hi", config={"server": {"port": 0}})

    assert (1, 1) == (done.exit_code, len(done.stderr.splitlines()))


def test_no_prompt(llms):
    """Wrong usage."""
    done = llms("chat", config=CONFIG)

    assert (2, "Error: Give a PROMPT, or pipe one in.") == (done.exit_code, done.stderr.splitlines()[-1])


async def test_through_the_gateway_that_runs(llms, gateway):
    """The one on this machine is found by the configuration's port, and asked with the configuration's key."""
    running = await gateway(server={"keys": ["$LLMS_KEY"]}, environ={"LLMS_KEY": "k"})
    config = {"server": {"port": running.port, "keys": ["$LLMS_KEY"]}}

    done = await in_thread(llms, "chat", "Hi", config=config, environ={"LLMS_KEY": "k"})

    assert (0, "demo", "ok") == (done.exit_code, running.records[0].call.model, running.records[0].status)


async def test_through_a_gateway_that_is_named(llms, gateway):
    """With or without /v1; no configuration is needed."""
    running = await gateway()

    done = await in_thread(llms, "chat", "-m", "demo", "Hi", "--url", f"{running.url}/v1/", config={"zzz": 1})

    assert (0, 1) == (done.exit_code, len(running.records))


async def test_a_configuration_that_is_named_is_used(llms, gateway):
    """--config means this one and not whatever runs."""
    running = await gateway()
    config = {**CONFIG, "server": {"port": running.port}}

    done = await in_thread(llms, "chat", "Hi", "--config", "config.json", config=config)

    assert (0, []) == (done.exit_code, running.records)


async def test_the_gateway_wants_a_key(llms, gateway):
    """The line says where to put it."""
    running = await gateway(server={"keys": ["$LLMS_KEY"]}, environ={"LLMS_KEY": "k"})

    done = await in_thread(llms, "chat", "-m", "demo", "Hi", environ={"LLMS_URL": running.url})

    assert (1, True) == (done.exit_code, done.stderr.endswith(" Put one into LLMS_API_KEY.\n"))


async def test_the_gateway_gets_its_key(llms, gateway):
    """LLMS_API_KEY holds it."""
    running = await gateway(server={"keys": ["$LLMS_KEY"]}, environ={"LLMS_KEY": "k"})

    done = await in_thread(llms, "chat", "Hi", environ={"LLMS_URL": running.url, "LLMS_API_KEY": "k"})

    assert 0 == done.exit_code


async def test_some_other_server_on_the_port(llms, server):
    """What is no gateway of ours is sent nothing."""
    asked = []

    async def answer(request):
        asked.append(request.path)
        return web.json_response({"status": "ok"})

    port = await server(healthz=answer, v1__chat__completions=answer)

    done = await in_thread(llms, "chat", "Hi", config={**CONFIG, "server": {"port": port}})

    assert (0, ["/healthz"]) == (done.exit_code, asked)


def test_nothing_answers_at_a_url(llms):
    """One line; the command does not become its own gateway in silence."""
    done = llms("chat", "Hi", "--url", "http://127.0.0.1:9")

    assert (1, "llms: nothing answers at http://127.0.0.1:9; start the gateway with: llms serve\n") == (
        done.exit_code,
        done.stderr,
    )


def test_a_url_that_is_none(llms):
    """One line."""
    done = llms("chat", "Hi", "--url", "nonsense")

    assert (1, 1) == (done.exit_code, len(done.stderr.splitlines()))


@pytest.mark.parametrize(
    ("models", "model"),
    [
        ([("fast", "llms"), ("whisper-1", "openai"), ("gpt-5", "openai"), ("llama", "groq")], "gpt-5"),
        ([("fast", "llms")], "demo"),
        ([], "demo"),
    ],
)
async def test_the_first_model_of_a_gateway(llms, server, models, model):
    """The first provider's first model that chats; names of the configuration's own are passed over."""
    asked = []

    async def listing(_):
        return web.json_response({"data": [{"id": name, "owned_by": owner} for name, owner in models]})

    async def answer(request):
        asked.append((await request.json())["model"])
        return web.Response(text="data: [DONE]\n\n", content_type="text/event-stream")

    port = await server(v1__models=listing, v1__chat__completions=answer)

    done = await in_thread(llms, "chat", "Hi", "--url", f"http://127.0.0.1:{port}")

    assert (0, [model]) == (done.exit_code, asked)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('{"error": {"message": "No."}}', "No."),
        ("<html>", "the gateway answered with the status 418"),
        ("[]", "the gateway answered with the status 418"),
    ],
)
async def test_a_gateway_that_refuses(llms, server, body, message):
    """Its own message, or at least its status."""

    async def refuse(_):
        return web.Response(status=418, text=body)

    port = await server(v1__chat__completions=refuse)

    done = await in_thread(llms, "chat", "-m", "x", "Hi", "--url", f"http://127.0.0.1:{port}")

    assert (1, f"llms: {message}\n") == (done.exit_code, done.stderr)


@pytest.mark.parametrize("arguments", [("-m", "x"), ()])
async def test_a_redirect(llms, server, arguments):
    """It is not followed: it would carry the prompt and the key elsewhere."""
    asked = []

    async def elsewhere(request):
        asked.append(request.path)
        return web.Response(status=307, headers={"Location": "/elsewhere"})

    port = await server(v1__models=elsewhere, v1__chat__completions=elsewhere, elsewhere=elsewhere)

    done = await in_thread(llms, "chat", *arguments, "Hi", "--url", f"http://127.0.0.1:{port}")

    assert (1, "llms: the gateway answered with the status 307\n", 1) == (done.exit_code, done.stderr, len(asked))


async def test_a_gateway_that_dies(llms, server):
    """What came is shown, and the loss is said."""

    async def die(request):
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b'data: {"choices":[{"index":0,"delta":{"content":"Hel"}}]}\n\n')
        request.transport.abort()
        return response

    port = await server(v1__chat__completions=die)

    done = await in_thread(llms, "chat", "-m", "x", "Hi", "--url", f"http://127.0.0.1:{port}")

    assert (1, "Hel\n", True) == (done.exit_code, done.stdout, done.stderr.startswith("llms: no answer from a gateway"))


async def test_a_server_that_lists_no_models(llms, server):
    """Some other service: one line."""

    async def nothing(_):
        return web.json_response({})

    port = await server(v1__models=nothing)

    done = await in_thread(llms, "chat", "Hi", "--url", f"http://127.0.0.1:{port}")

    assert (1, 1) == (done.exit_code, len(done.stderr.splitlines()))
