"""What a client can learn of where its calls go: ``POST /v1/route/explain`` and the header ``x-llms-trail``."""

import asyncio
import json

import pytest

from tests.support.raw import RawClient
from tests.upstream import openai
from tests.upstream.server import Upstream
from tests.upstream.steps import wait

CHAT = "/v1/chat/completions"
TRAIL = ("x-llms-trail", "1")


@pytest.fixture
async def two():
    async with Upstream() as first, Upstream() as second:
        yield first, second


async def start(gateway, two, *, models=None, server=None, **options):
    providers = {
        name: {"type": "openai", "base_url": f"{upstream.url}/v1", "models": ["m"], "retries": 0, **options}
        for name, upstream in zip(("one", "two"), two, strict=True)
    }
    return await gateway(providers=providers, models=models or {}, server=server, environ={"K1": "a", "K2": "b"})


async def post(running, path, body, headers=()):
    async with RawClient("127.0.0.1", running.port) as client:
        await client.request("POST", path, headers, body)
        return await client.read_response()


def asked(model="m", **fields):
    return {"model": model, "messages": [{"role": "user", "content": "x"}], **fields}


async def test_explained(gateway, two):
    """Targets come in the order in which they would be tried; nothing is sent to any of them."""
    running = await start(gateway, two)

    answer = await post(running, "/v1/route/explain", asked())

    assert 200 == answer.status
    assert ("route", "m") == (answer.json["object"], answer.json["model"])
    assert [("one/m", 0), ("two/m", 1)] == [(entry["target"], entry["rank"]) for entry in answer.json["targets"]]
    assert [] == answer.json["skipped"]
    assert [] == two[0].requests == two[1].requests
    assert [] == running.records


@pytest.mark.parametrize(
    "body",
    [{"model": "m"}, {"model": "m", "input": "x"}, {"model": "m", "prompt": "x"}],
    ids=["name", "input", "prompt"],
)
async def test_a_name_is_enough(gateway, two, body):
    """The model's name alone will do; so will a request of any kind."""
    running = await start(gateway, two)

    answer = await post(running, "/route/explain/", body)

    assert ["one/m", "two/m"] == [entry["target"] for entry in answer.json["targets"]]


async def test_why_not(gateway, two):
    """Each target that would not be tried has its reason: what it cannot do, that it is off, that it is the fallback."""
    targets = [{"target": "one/m", "can": {"tools": False}}, "two/m", "two/x"]
    running = await start(gateway, two, models={"fast": {"targets": targets, "fallback": False}})
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]

    answer = (await post(running, "/v1/route/explain", asked("fast", tools=tools))).json

    assert ["two/m"] == [entry["target"] for entry in answer["targets"]]
    assert [
        {"target": "one/m", "reason": "cannot call tools"},
        {"target": "two/x", "reason": "two/m has fallback switched off"},
    ] == answer["skipped"]
    assert (True, False) == (answer["needs"]["tools"], answer["needs"]["vision"])


async def test_open_circuit_and_rest(gateway, two):
    """A provider that cannot be reached is said to be left alone; one that asked for a rest comes last."""
    running = await start(gateway, two)
    two[0].on("POST", CHAT, openai.error(429, "slow down", headers=[("Retry-After", "30")]))
    two[1].on("POST", CHAT, openai.completion("x"))
    await post(running, CHAT, asked())

    rested = (await post(running, "/v1/route/explain", asked())).json

    assert ["two/m", "one/m"] == [entry["target"] for entry in rested["targets"]]
    assert rested["targets"][1]["last_because"].startswith("it asked for a rest of")
    two[1]._server.close()
    await two[1]._server.wait_closed()
    for connection in two[1].connections:
        await connection.abandon()
    for _ in range(5):
        await post(running, CHAT, asked("two/m"))

    opened = (await post(running, "/v1/route/explain", asked())).json

    assert ["one/m"] == [entry["target"] for entry in opened["targets"]]
    assert opened["skipped"][0]["reason"].startswith("circuit open for")


async def test_several_keys(gateway, two):
    """Each key of a provider is a target of its own; it goes by its variable's name."""
    running = await start(gateway, two, api_key=["$K1", "$K2"])

    answer = (await post(running, "/v1/route/explain", asked("one/m"))).json

    assert {"one/m@K1", "one/m@K2"} == {entry["target"] for entry in answer["targets"]}
    assert {0.5} == {entry["weight"] for entry in answer["targets"]}


async def test_no_such_model(gateway, two):
    """A name that nobody serves is the same error as for a call."""
    running = await start(gateway, two, server={"keys": ["$K1"]})

    refused = await post(running, "/v1/route/explain", {"model": "x"})
    missing = await post(running, "/v1/route/explain", {"model": "x"}, [("Authorization", "Bearer a")])

    assert (401, 404) == (refused.status, missing.status)


@pytest.mark.parametrize("stream", [False, True])
async def test_trail_of_an_answer(gateway, two, stream):
    """A client that asks for it is told who was tried, how that went and how long it took."""
    running = await start(gateway, two)
    two[0].on("POST", CHAT, openai.error(500))
    two[1].on("POST", CHAT, openai.stream(["x"]) if stream else openai.completion("x"))

    silent = await post(running, CHAT, asked(stream=stream))
    told = await post(running, CHAT, asked(stream=stream), [TRAIL])

    assert silent.header("x-llms-trail") is None
    trail = json.loads(told.header("x-llms-trail"))
    assert [("one/m", "upstream_error"), ("two/m", "ok")] == [(e["target"], e["outcome"]) for e in trail["attempts"]]
    assert all(entry["ms"] >= 0 for entry in trail["attempts"])


async def test_trail_of_a_failure(gateway, two):
    """A failure has the trail too, and says in its own words what was tried."""
    running = await start(gateway, two)
    two[0].on("POST", CHAT, openai.error(500))
    two[1].on("POST", CHAT, openai.error(503))

    told = await post(running, CHAT, asked(), [TRAIL])

    assert 503 == told.status
    assert 2 == len(json.loads(told.header("x-llms-trail"))["attempts"])
    assert told.json["error"]["message"].endswith("Tried: one/m: upstream_error; two/m: overloaded.")


async def test_trail_after_a_keep_alive(gateway, two):
    """Where a comment has gone out already the trail is a comment at the end."""
    running = await start(gateway, two, server={"keepalive_s": 0.1})
    go = asyncio.Event()
    two[0].on("POST", CHAT, (wait(go), *openai.stream(["x"])))
    async with RawClient("127.0.0.1", running.port) as client:
        await client.request("POST", CHAT, [TRAIL], asked(stream=True))
        assert (await client.read_head()).header("x-llms-trail") is None
        seen = b""
        while b": keep-alive" not in seen:
            seen += await client.read_some()
        go.set()
        while b"[DONE]" not in seen:
            seen += await client.read_some()

    [comment] = [line for line in seen.decode().splitlines() if line.startswith(": trail ")]
    assert "ok" == json.loads(comment.removeprefix(": trail "))["attempts"][0]["outcome"]
