"""Checks 23 to 25 and 48: paths, methods, keys and bodies, before any provider is asked."""

import gzip
import json

import openai as official
import pytest

from tests.conformance import answers
from tests.conformance.users import MODEL

ASKED = {"model": MODEL, "messages": [{"role": "user", "content": "Count to 3"}]}
BODY = json.dumps(ASKED).encode()
JSON = ("Content-Type", "application/json")
ORIGIN = ("Origin", "https://chat.example")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/nope", 404, "not_found"),
        ("POST", "/v1/chat/nope", 404, "not_found"),
        ("GET", "/nope/", 404, "not_found"),
        ("POST", "/chat", 404, "not_found"),
        ("GET", "/v1/chat/completions", 405, "method_not_allowed"),
        ("PUT", "/v1/chat/completions", 405, "method_not_allowed"),
        ("DELETE", "/v1/models", 405, "method_not_allowed"),
        ("POST", "/v1/models", 405, "method_not_allowed"),
        ("PATCH", "/v1/embeddings", 405, "method_not_allowed"),
    ],
)
async def test_check_23_unknown_paths_and_wrong_methods(house, method, path, status, code):
    """What does not exist is a 404 or 405 in OpenAI's envelope, and never a redirect."""
    running = await house("demo")

    response = await running.send(method, path, [JSON], b"{}")

    found, error = answers.refusal(response)
    assert (status, code, "invalid_request_error") == (found, error["code"], error["type"])
    assert None is response.header("location")
    assert "false" == response.header("x-should-retry")


async def test_check_23_to_the_official_client(house, kind):
    """A wrong base URL is a NotFoundError with a sentence in it."""
    running = await house("demo")

    async with running.user(kind, "/v2") as user:
        with pytest.raises(official.NotFoundError) as caught:
            await user.call("models.list")

    assert "not_found" == caught.value.code
    assert "/v1" in caught.value.message


@pytest.mark.parametrize(
    "path", ["/chat/completions", "/v1/chat/completions/", "//v1//chat/completions", "/v1/v1/chat/completions"]
)
async def test_check_23_other_spellings_of_a_path(house, path):
    """A path without /v1, with a slash behind or with too many is the same, at once and without a redirect."""
    running = await house("demo")

    response = await running.send("POST", path, body=ASKED)

    assert "1 2 3" == answers.completion(response)["choices"][0]["message"]["content"]


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("Authorization", "Bearer wrong")],
        [("Authorization", "Bearer ")],
        [("Authorization", "Basic aG91c2U6a2V5")],
    ],
    ids=["none", "wrong", "empty", "basic"],
)
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/embeddings", "/v1/completions", "/v1/nope"])
async def test_check_24_no_key(house, path, headers):
    """Without the key there is a 401 in OpenAI's envelope, the same whatever is wrong."""
    running = await house("demo", server={"keys": ["$HOUSE_KEY"]}, environ={"HOUSE_KEY": "house-key"})

    status, error = answers.refusal(await running.send("POST", path, headers, ASKED))

    assert (401, "invalid_api_key", "invalid_request_error") == (status, error["code"], error["type"])
    assert [] == running.gateway.records


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Authorization", "Bearer house-key"),
        ("authorization", "bearer  house-key "),
        ("x-api-key", "house-key"),
        ("api-key", "house-key"),
        ("X-Goog-Api-Key", "house-key"),
    ],
)
async def test_check_24_every_form_of_the_key(house, name, value):
    """The key is taken from each header that some client sends it in."""
    running = await house("demo", server={"keys": ["$HOUSE_KEY"]}, environ={"HOUSE_KEY": "house-key"})

    answers.completion(await running.send("POST", "/v1/chat/completions", [(name, value)], ASKED))
    status, _ = answers.refusal(await running.send("POST", "/v1/chat/completions", [(name, value + "s")], ASKED))

    assert 401 == status


async def test_check_24_to_the_official_client(house, kind):
    """The official client raises AuthenticationError with a wrong key, and works with the right one."""
    running = await house("demo", server={"keys": ["$HOUSE_KEY"]}, environ={"HOUSE_KEY": "house-key"})

    async with running.user(kind, api_key="wrong") as user:
        with pytest.raises(official.AuthenticationError) as caught:
            await user.call("chat.completions.create", **ASKED)
    async with running.user(kind, api_key="house-key") as user:
        answer = await user.call("chat.completions.create", **ASKED)

    assert "invalid_api_key" == caught.value.code
    assert "1 2 3" == answer.choices[0].message.content


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (BODY[:-1], [], 400),
        (b"[" + BODY + b"]", [], 400),
        (b"", [], 400),
        (b'"text"', [], 400),
        (b'{"model":"' + b"m" * 4096 + b'"}', [], 413),
        (gzip.compress(b'{"model":"' + b"m" * 4096 + b'"}'), [("Content-Encoding", "gzip")], 413),
        (b"not gzip", [("Content-Encoding", "gzip")], 400),
        (b"\x28\xb5\x2f\xfd" + BODY, [("Content-Encoding", "zstd")], 415),
    ],
    ids=["half", "array", "empty", "string", "too long", "too long, gzip", "no gzip", "zstd"],
)
async def test_check_25_bodies_that_are_refused(house, body, headers, status):
    """A body that is no JSON object, is too long or is in a foreign encoding is refused in OpenAI's envelope."""
    running = await house("demo", server={"max_body_bytes": 2048})

    found, error = answers.refusal(await running.send("POST", "/v1/chat/completions", [JSON, *headers], body))

    assert (status, "invalid_request_error") == (found, error["type"])


async def test_check_25_gzip(house):
    """A body in gzip is read."""
    running = await house("demo")

    response = await running.send(
        "POST", "/v1/chat/completions", [JSON, ("Content-Encoding", "gzip")], gzip.compress(BODY)
    )

    assert "1 2 3" == answers.completion(response)["choices"][0]["message"]["content"]


@pytest.mark.parametrize("path", ["/models", "/v1/models", "/v1/models/", "//v1/models", "/v1/models?limit=5"])
async def test_check_48_the_list_of_models(house, path):
    """The list of models is where clients look for it, for GET and for HEAD."""
    running = await house("demo")

    whole = await running.send("GET", path)
    head = await running.send("HEAD", path)

    assert [MODEL, "demo"] == [model["id"] for model in whole.json["data"]]
    assert (200, b"") == (head.status, head.body)
    assert whole.header("content-length") == head.header("content-length")


async def test_check_48_preflight(house):
    """A browser's preflight gets the headers back that it asks for, without a key; a 401 may be read by the page, too."""
    settings = {"keys": ["$HOUSE_KEY"], "allowed_origins": [ORIGIN[1]]}
    running = await house("demo", server=settings, environ={"HOUSE_KEY": "house-key"})
    asked = "authorization,content-type,x-stainless-arch,x-stainless-retry-count"

    preflight = await running.send(
        "OPTIONS",
        "/v1/chat/completions",
        [ORIGIN, ("Access-Control-Request-Method", "POST"), ("Access-Control-Request-Headers", asked)],
    )
    refused = await running.send("POST", "/v1/chat/completions", [ORIGIN], ASKED)
    streamed = await running.send(
        "POST", "/v1/chat/completions", [ORIGIN, ("Authorization", "Bearer house-key")], {**ASKED, "stream": True}
    )

    assert (204, b"", asked) == (preflight.status, preflight.body, preflight.header("access-control-allow-headers"))
    assert "POST" in preflight.header("access-control-allow-methods")
    assert (401, 200) == (refused.status, streamed.status)
    for response in (preflight, refused, streamed):
        assert ORIGIN[1] == response.header("access-control-allow-origin")
    assert "x-request-id" in streamed.header("access-control-expose-headers")
