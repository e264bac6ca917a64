"""Checks 45 to 47: embeddings and the list of models."""

import base64
import struct

import openai as official
import pytest

from tests.conformance import answers
from tests.conformance.dialects import DIALECTS, EVERYONE, UPSTREAMS
from tests.conformance.users import MODEL
from tests.support.openapi import validate
from tests.upstream import openai

VECTORS = [[0.1, -2.5, 3.0], [1e-7, 0.25, -1.0]]


def nearly(vectors):
    """What is left of the numbers in 32 bits."""
    return [list(struct.unpack(f"<{len(vector)}f", struct.pack(f"<{len(vector)}f", *vector))) for vector in vectors]


@pytest.mark.starred
@pytest.mark.parametrize("provider", EVERYONE)
async def test_check_45_embeddings(house, provider, kind):
    """The vectors are the same whether asked for as the client does by default or as floats, in the inputs' order."""
    running = await house(provider)
    if DIALECTS[provider].wire:
        running.upstream.on("POST", running.wire.embeddings, running.wire.embeds(VECTORS))

    async with running.user(kind) as user:
        default = await user.call("embeddings.create", model=MODEL, input=["a", "b"])
        floats = await user.call("embeddings.create", model=MODEL, input=["a", "b"], encoding_format="float")

    found = [item.embedding for item in default.data]
    assert nearly([item.embedding for item in floats.data]) == nearly(found)
    assert ([0, 1], MODEL) == ([item.index for item in default.data], default.model)
    assert default.usage.prompt_tokens == default.usage.total_tokens > 0
    if DIALECTS[provider].wire:
        assert nearly(VECTORS) == nearly(found)


@pytest.mark.starred
@pytest.mark.parametrize("provider", EVERYONE)
async def test_check_45_embeddings_of_one_text(house, provider, kind):
    """One text gives one vector; ``dimensions`` reaches the model."""
    running = await house(provider)
    if DIALECTS[provider].wire:
        running.upstream.on("POST", running.wire.embeddings, running.wire.embeds(VECTORS[:1]))

    async with running.user(kind) as user:
        answer = await user.call("embeddings.create", model=MODEL, input="a", dimensions=3)

    assert [3] == [len(item.embedding) for item in answer.data]
    if DIALECTS[provider].wire:
        [request] = running.upstream.requests
        assert ("a", 3) == (request.json["input"], request.json["dimensions"])


@pytest.mark.parametrize("as_base64", [True, False])
@pytest.mark.parametrize("asked", ["base64", "float", None])
async def test_check_45_embeddings_on_the_wire(house, asked, as_base64):
    """Base64 or numbers, as the client asks, whichever the provider sends, in whatever order."""
    running = await house("openai")
    running.upstream.on("POST", "/v1/embeddings", openai.embeddings(VECTORS, as_base64=as_base64))
    body = {"model": MODEL, "input": ["a", "b"], **({"encoding_format": asked} if asked else {})}

    response = await running.send("POST", "/v1/embeddings", body=body)

    vectors = [item["embedding"] for item in response.json["data"]]
    if asked == "base64":
        data = [base64.b64decode(vector, validate=True) for vector in vectors]
        vectors = [list(struct.unpack(f"<{len(entry) // 4}f", entry)) for entry in data]
    else:
        validate("CreateEmbeddingResponse", response.json)
    assert nearly(VECTORS) == nearly(vectors)


@pytest.mark.parametrize("given", [[], "", [""], None])
@pytest.mark.parametrize("provider", EVERYONE)
async def test_check_45_no_input(house, provider, given):
    """An empty input is a 400, not an answer without vectors, which the client cannot read."""
    running = await house(provider)

    status, error = answers.refusal(await running.send("POST", "/v1/embeddings", body={"model": MODEL, "input": given}))

    assert (400, "input") == (status, error["param"].partition("[")[0])


@pytest.mark.parametrize("given", [[1, 2], [[1, 2], [3]]])
async def test_check_46_tokens_for_ollama(house, given):
    """Ollama embeds no tokens: a 400 that says so, and what to set in LangChain."""
    running = await house("ollama")

    status, error = answers.refusal(await running.send("POST", "/v1/embeddings", body={"model": MODEL, "input": given}))

    assert (400, "input", "unsupported_value") == (status, error["param"], error["code"])
    assert "text, not tokens" in error["message"]


@pytest.mark.starred
@pytest.mark.parametrize("provider", UPSTREAMS)
async def test_check_47_models(house, provider, kind):
    """What the provider lists is listed with OpenAI's four fields and can be asked for one by one, slashes and all."""
    running = await house(provider, section={"models": None})
    running.upstream.on("GET", running.wire.models, running.wire.lists(["plain", "org/with-slash"]))
    await running.gateway.services.catalog.refresh()

    async with running.user(kind) as user:
        page = await user.call("models.list")
        one = await user.call("models.retrieve", model="org/with-slash")
        with pytest.raises(official.NotFoundError) as caught:
            await user.call("models.retrieve", model="nobody/has-it")

    assert [MODEL, "plain", "org/with-slash"] == [model.id for model in page.data]
    assert {("model", int, str)} == {(model.object, type(model.created), type(model.owned_by)) for model in page.data}
    assert ("org/with-slash", "model", "up") == (one.id, one.object, one.owned_by)
    assert ("model_not_found", "model") == (caught.value.code, caught.value.param)
    validate("ListModelsResponse", (await running.send("GET", "/v1/models")).json)
    for spelling in ("org/with-slash", "org%2Fwith-slash"):  # of versions 1 and 2 of the client
        validate("Model", (await running.send("GET", f"/v1/models/{spelling}")).json)


@pytest.mark.starred
async def test_check_47_models_of_the_demo(house, kind):
    """The demo model lists itself."""
    running = await house("demo")

    async with running.user(kind) as user:
        page = await user.call("models.list")
        one = await user.call("models.retrieve", model="demo")

    assert [MODEL, "demo"] == [model.id for model in page.data]
    assert "demo" == one.id


@pytest.mark.parametrize("provider", EVERYONE)
async def test_check_47_a_chat_with_an_unknown_model(house, provider):
    """A model that nobody serves is a 404 before any provider is asked."""
    running = await house(provider)

    status, error = answers.refusal(await running.ask(model="nobody/has-it"))

    assert (404, "model_not_found", "model") == (status, error["code"], error["param"])
    assert [] == running.upstream.requests
