import json
import re
from pathlib import Path

import pytest

from llms.keys import Role
from llms.store.open import open_store
from tests.support.kept import key, secret
from tests.support.raw import RawClient
from tests.upstream import openai
from tests.upstream.server import Upstream

PAGE = Path(__file__).parents[2] / "docs" / "models.md"


async def ask(gateway, target="/v1/providers", headers=(), method="GET"):
    async with RawClient("127.0.0.1", gateway.port) as client:
        await client.request(method, target, headers)
        return await client.read_response()


async def known(gateway):
    """What is listed once every provider has been asked."""
    await gateway.services.catalog.refresh()
    return (await ask(gateway)).json["data"]


async def test_listing(gateway):
    """Each provider is listed in the configuration's order: on or off, why, and how many models it serves."""
    async with Upstream() as upstream:
        upstream.on("GET", "/v1/models", openai.models(["a", "b"]))
        running = await gateway(
            providers={
                "openai": {},
                "up": {"base_url": f"{upstream.url}/v1", "api_key": "$UP"},
                "groq": {"enabled": False},
                "demo": {},
                "ollama": {"base_url": "http://127.0.0.1:9"},
            },
            environ={"UP": "sk-up"},
        )
        data = await known(running)

    assert [
        ("openai", False, "OPENAI_API_KEY is not set", None),
        ("up", True, "UP is set", 2),
        ("groq", False, "switched off in the configuration", None),
        ("demo", True, "needs no key", 1),
        ("ollama", False, "no server answers", None),
    ] == [(item["id"], item["on"], item["reason"], item["models"]) for item in data]
    assert {"provider"} == {item["object"] for item in data}


async def test_as_documented(gateway):
    """The answer is of the form that the page shows."""
    [example] = [json.loads(text) for text in re.findall(r'```json\n(\{"object": "list".*?)```', PAGE.read_text("utf-8"), re.DOTALL)]  # fmt: skip

    response = await ask(await gateway(providers={"openai": {}, "demo": {}}))

    assert (200, "application/json", "no-store") == (
        response.status,
        response.header("content-type"),
        response.header("cache-control"),
    )
    assert example == response.json


async def test_secrets_stay(gateway):
    """A provider that throws the gateway's key back at it does not get it into the reason."""
    async with Upstream() as upstream:
        upstream.on("GET", "/v1/models", openai.error(500, "the key sk-very-secret is odd"))
        running = await gateway(
            providers={"up": {"base_url": f"{upstream.url}/v1", "api_key": "$UP"}}, environ={"UP": "sk-very-secret"}
        )
        [provider] = await known(running)

    assert (True, None) == (provider["on"], provider["models"])
    assert "is odd" in provider["reason"]
    assert "sk-very-secret" not in provider["reason"]
    assert upstream.url not in provider["reason"]


async def test_asked_anew(gateway):
    """Who looks at the list makes the gateway ask the providers that it has not asked yet."""
    async with Upstream() as upstream:
        upstream.on("GET", "/v1/models", openai.models(["a"]))
        running = await gateway(providers={"up": {"base_url": f"{upstream.url}/v1"}})

        first = (await ask(running)).json["data"]
        await upstream.received()
        second = await known(running)

    assert ([None], [1]) == ([item["models"] for item in first], [item["models"] for item in second])
    assert 1 == len(upstream.requests)


@pytest.mark.parametrize(
    "target", ["/providers", "/v1/providers", "/v1/providers/", "//v1/providers", "/api/v1/providers", "/v1/providers?x=1"]
)  # fmt: skip
async def test_get_and_head(gateway, target):
    """The list is where clients look for it, for GET and for HEAD."""
    running = await gateway()

    whole = await ask(running, target)
    head = await ask(running, target, method="HEAD")

    assert ["demo"] == [item["id"] for item in whole.json["data"]]
    assert (200, b"") == (head.status, head.body)
    assert whole.header("content-length") == head.header("content-length")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_wrong_method(gateway, method):
    """The list can only be read."""
    response = await ask(await gateway(), method=method)

    assert (405, "method_not_allowed") == (response.status, response.json["error"]["code"])
    assert "GET, HEAD" == response.header("allow")


async def test_key(gateway):
    """The list needs a key like the rest of the API."""
    running = await gateway(server={"keys": ["$K"]}, environ={"K": "sk-one"})

    refused = await ask(running)
    served = await ask(running, headers=[("Authorization", "Bearer sk-one")])

    assert (401, "invalid_api_key") == (refused.status, refused.json["error"]["code"])
    assert 200 == served.status


@pytest.mark.parametrize(
    ("models", "expected", "listed"),
    [
        ((), [("up", 3), ("other", 2), ("off", None), ("demo", 1)], ["smart", "c", "dark", "a", "b1", "b2", "demo"]),
        (("a",), [("up", 1), ("other", 1)], ["a"]),
        (("b*",), [("up", 2)], ["b1", "b2"]),
        (("other/*",), [("other", 2)], ["other/a", "other/c"]),
        (("smart",), [("other", 1)], ["smart"]),
        (("c",), [("demo", 1)], ["c"]),
        (("gone", "dark"), [("off", None)], ["dark"]),
        (("nobody's",), [], []),
    ],
)
async def test_key_that_may_call_some(gateway, tmp_path, models, expected, listed):
    """A key is shown who serves what it may call, by its own name, the provider's, or an alias; and how many of them."""
    url = f"sqlite:{tmp_path}/llms.db"
    store = await open_store(url)
    await store.put_key(key("ann", models=models, role=Role.MEMBER), 0)
    await store.close()
    async with Upstream() as up, Upstream() as other:
        up.on("GET", "/v1/models", openai.models(["a", "b1", "b2"]))
        other.on("GET", "/v1/models", openai.models(["a", "c"]))
        running = await gateway(
            providers={
                "up": {"base_url": f"{up.url}/v1"},
                "other": {"base_url": f"{other.url}/v1"},
                "off": {"type": "openai", "api_key": "$NOT_SET"},
                "demo": {},
            },
            models={"smart": "other/a", "c": "demo/demo", "dark": "off/x"},
            environ={"LLMS_STORE": url},
        )
        await running.services.catalog.refresh()
        headers = [("Authorization", f"Bearer {secret('ann')}")]
        answer = await ask(running, headers=headers)
        models = (await ask(running, "/v1/models", headers=headers)).json["data"]
        found = {(await ask(running, f"/v1/models/{name}", headers=headers)).status for name in listed}

    assert expected == [(item["id"], item["models"]) for item in answer.json["data"]]
    assert listed == [item["id"] for item in models]
    assert {200} >= found
