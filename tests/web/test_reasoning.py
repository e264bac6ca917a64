"""``server.reasoning``, on a real socket."""

import pytest
from openai import AsyncOpenAI

from tests.conformance import answers
from tests.support.raw import RawClient

SETTINGS = [
    ({}, ("reasoning_content",)),
    ({"reasoning": "reasoning_content"}, ("reasoning_content",)),
    ({"reasoning": "reasoning"}, ("reasoning",)),
    ({"reasoning": "both"}, ("reasoning_content", "reasoning")),
    ({"reasoning": "none"}, ()),
]

QUESTION = {
    "model": "demo",
    "messages": [{"role": "user", "content": "count to 3"}],
    "reasoning_effort": "high",
}


async def post(running, path, body):
    async with RawClient("127.0.0.1", running.port) as client:
        await client.request("POST", path, [], body)
        return await client.read_response()


@pytest.mark.parametrize("include_usage", [False, True])
@pytest.mark.parametrize(("server", "keys"), SETTINGS)
async def test_stream(gateway, server, keys, include_usage):
    """A stream has reasoning under the keys of the setting only, and obeys every rule that streams have."""
    running = await gateway(server=server)
    options = {"stream_options": {"include_usage": True}} if include_usage else {}

    response = await post(running, "/v1/chat/completions", {**QUESTION, **options, "stream": True})

    found = answers.stream(response, include_usage=include_usage, reasoning=keys)
    assert ("1 2 3", "stop") == (found.text(), found.finish)
    said = [found.text(key) for key in keys]
    assert [True] * len(keys) == [len(text) > 10 and text == said[0] for text in said]


@pytest.mark.parametrize(("server", "keys"), SETTINGS)
async def test_whole_answer(gateway, server, keys):
    """An answer that is not streamed has it under the same keys."""
    running = await gateway(server=server)

    response = await post(running, "/v1/chat/completions", QUESTION)

    message = answers.completion(response)["choices"][0]["message"]
    assert {"role", "content", "refusal", *keys} == message.keys()
    assert "1 2 3" == message["content"]
    assert all(message[key] == message[keys[0]] for key in keys)


@pytest.mark.parametrize(("server", "keys"), SETTINGS)
async def test_the_official_client(gateway, server, keys):
    """The official client's own accumulator finds the answer, and each spelling once."""
    running = await gateway(server=server)

    async with (
        AsyncOpenAI(base_url=f"{running.url}/v1", api_key="none") as user,
        user.chat.completions.stream(**QUESTION) as stream,
    ):
        final = await stream.get_final_completion()

    message = final.choices[0].message
    assert ("assistant", "1 2 3") == (message.role, message.content)
    assert set(keys) == {key for key in ("reasoning_content", "reasoning") if getattr(message, key, None)}


@pytest.mark.parametrize("path", ["/v1/completions", "/v1/embeddings"])
async def test_other_apis(gateway, path):
    """Other APIs have no reasoning, and answer as ever."""
    running = await gateway(server={"reasoning": "none"})
    body = {"model": "demo", "prompt": "count to 3"} if path == "/v1/completions" else {"model": "demo", "input": "x"}

    assert 200 == (await post(running, path, body)).status
