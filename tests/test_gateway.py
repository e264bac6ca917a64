"""Fallback over the targets of a model name, and what is recorded of a call."""

import asyncio

import pytest

from tests.faults.conftest import PATH
from tests.faults.streams import data_events, said
from tests.support.raw import RawClient
from tests.upstream import openai
from tests.upstream.server import Upstream
from tests.upstream.steps import fin, hang


@pytest.fixture
async def two():
    async with Upstream() as first, Upstream() as second:
        yield first, second


async def start(gateway, two, **models):
    providers = {
        name: {"type": "openai", "base_url": f"{upstream.url}/v1", "models": ["m", name], "retries": 0}
        for name, upstream in zip(("one", "two"), two, strict=True)
    }
    clocks = {"connect_s": 1, "first_byte_s": 0.5, "answer_s": 0.5}
    return await gateway(providers=providers, models=models, server={"clocks": clocks})


async def ask(running, **fields):
    body = {"model": "m", "messages": [{"role": "user", "content": "x"}], **fields}
    async with RawClient("127.0.0.1", running.port) as client:
        await client.request("POST", PATH, body=body)
        return await client.read_response()


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("script", "outcome"),
    [
        (openai.error(429, "slow down"), "rate_limit_exceeded"),
        (openai.error(500), "upstream"),
        (openai.error(503), "overloaded"),
        (openai.error(529), "overloaded"),
        (openai.error(401), "upstream_auth_error"),
        (openai.error(403), "upstream_auth_error"),
        (openai.error(404, {"error": {"message": "no such model", "code": "model_not_found"}}), "model_not_found"),
        (openai.stream([b'data: {"error": {"message": "no"}}\n\n'], role=False), "upstream_error"),
    ],
)
async def test_refusal_falls_back(gateway, two, script, outcome, stream):
    """A provider that refuses before its first chunk is passed over; the client sees who answered instead."""
    running = await start(gateway, two)
    two[0].on("POST", PATH, script)
    two[1].on("POST", PATH, openai.stream(["Hel", "lo"]) if stream else openai.completion("Hello"))

    response = await ask(running, stream=stream)

    assert (200, "two") == (response.status, response.header("x-llms-provider"))
    [record] = running.records
    assert ["one", "two"] == [attempt.target.provider for attempt in record.attempts]
    assert record.attempts[0].outcome.startswith(outcome)
    assert ("ok", "ok") == (record.attempts[1].outcome, record.status)


async def test_unreachable_falls_back(gateway, two):
    """A provider where nobody listens is passed over."""
    running = await start(gateway, two)
    two[0]._server.close()
    await two[0]._server.wait_closed()
    two[1].on("POST", PATH, openai.completion("Hello"))

    assert "two" == (await ask(running)).header("x-llms-provider")


@pytest.mark.parametrize(
    ("script", "status"),
    [
        (openai.error(400, "too long"), 400),
        (openai.error(413), 413),
        (openai.error(422), 422),
        ((fin(),), 502),
        ((hang(),), 504),
    ],
)
async def test_no_fallback(gateway, two, script, status):
    """What another provider would answer alike, or what may already be generating, is not sent twice."""
    running = await start(gateway, two)
    two[0].on("POST", PATH, script)

    response = await ask(running)

    assert status == response.status
    assert [] == two[1].requests


async def test_no_fallback_after_the_first_chunk(gateway, two):
    """Once a chunk is out a failure is told, not hidden behind another provider's answer."""
    running = await start(gateway, two)
    two[0].on("POST", PATH, openai.stream(["Hel", b'data: {"error": {"message": "no"}}\n\n']))

    events = data_events(await ask(running, stream=True))

    assert "Hel" == said(events)
    assert "error" in events[-1]
    assert [] == two[1].requests


async def test_all_fail(gateway, two):
    """Where every target fails the last one's error is the answer, and the record has them all."""
    running = await start(gateway, two)
    two[0].on("POST", PATH, openai.error(503))
    two[1].on("POST", PATH, openai.error(429, "slow down"))

    assert 429 == (await ask(running)).status
    assert ["overloaded", "rate_limit_exceeded"] == [attempt.outcome for attempt in running.records[0].attempts]


async def test_alias_with_defaults(gateway, two):
    """An alias's targets are tried in its order, and its defaults fill what the client left out."""
    running = await start(
        gateway, two, fast={"targets": ["two/small", "one/m"], "defaults": {"temperature": 0.2, "top_p": 0.5}}
    )
    two[1].on("POST", PATH, openai.completion("Hello"))

    response = await ask(running, model="fast", top_p=0.9)

    sent = two[1].requests[0].json
    assert ("small", 0.2, 0.9) == (sent["model"], sent["temperature"], sent["top_p"])
    assert ("fast", "small") == (response.json["model"], response.header("x-llms-model"))


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
async def test_token_limit_of_the_client_takes_the_place_of_the_default(gateway, two, field):
    """The two names of the token limit are one field: a default does not come beside what the client sent."""
    running = await start(gateway, two, fast={"targets": ["two/m"], "defaults": {"max_tokens": 100}})
    two[1].on("POST", PATH, openai.completion("Hello"))

    await ask(running, model="fast", **{field: 5})

    sent = two[1].requests[0].json
    assert [5] == [sent[name] for name in ("max_tokens", "max_completion_tokens") if name in sent]


async def test_prefix(gateway, two):
    """``provider/model`` reaches that provider."""
    running = await start(gateway, two)
    two[1].on("POST", PATH, openai.completion("Hello"))

    assert "two" == (await ask(running, model="two/m")).header("x-llms-provider")


async def test_record(gateway, two):
    """A call's record has its target, tokens, finish, times and chunks."""
    running = await start(gateway, two)
    two[0].on("POST", PATH, openai.stream(["Hel", "lo"], usage=openai.USAGE))

    response = await ask(running, stream=True)

    [record] = running.records
    assert response.header("x-request-id") == record.call.id
    assert (19, 2, "stop", "ok", None) == (
        record.usage.input_tokens,
        record.usage.output_tokens,
        record.finish_reason,
        record.status,
        record.code,
    )
    assert 0 < record.first_byte_s <= record.duration_s < 5
    assert record.chunks >= 3


async def test_usage_is_asked_for_but_not_volunteered(gateway, two):
    """The gateway always asks the provider for usage, and gives it to a client only if that asked too."""
    running = await start(gateway, two)
    two[0].on("POST", PATH, openai.stream(["Hel", "lo"], usage=openai.USAGE))

    events = data_events(await ask(running, stream=True))

    assert {"include_usage": True} == two[0].requests[0].json["stream_options"]
    assert not any("usage" in event for event in events if event != "[DONE]")


async def test_model_not_found(gateway, two):
    """An unknown name is refused, and recorded as such, before anything is sent."""
    running = await start(gateway, two)

    response = await ask(running, model="ome")

    assert (404, "model_not_found") == (response.status, response.json["error"]["code"])
    assert "one" in response.json["error"]["message"]
    assert [("rejected", ())] == [(record.status, record.attempts) for record in running.records]


async def test_calls_run_side_by_side(gateway, two):
    """A call that waits does not hold up another."""
    running = await start(gateway, two)
    two[0].on("POST", PATH, (hang(),))
    two[1].on("POST", PATH, openai.completion("Hello"))

    slow = asyncio.create_task(ask(running, model="one/m"))
    await two[0].received()
    assert 200 == (await ask(running, model="two/m")).status
    assert not slow.done()
    assert 504 == (await slow).status
