"""What limits count of a request: every text in it, on every endpoint (K16)."""

import json

import pytest

from llms.keys import Limits
from llms.web.routes import plain
from tests.support import kept
from tests.support.raw import RawClient
from tests.upstream import openai

CHAT = "/v1/chat/completions"
EMBEDDINGS = "/v1/embeddings"
LONG = "lorem " * 2_000
"""Some 4,000 tokens."""

MOST = 3_000
"""Tokens a minute: a usual request has a tenth of them."""

PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
SMALL = {"model": "m", "max_tokens": 10}


def says(content, **message):
    return {"messages": [{"role": "user", "content": content, **message}]}


def tool(**function):
    return {"type": "function", "function": {"name": "f", **function}}


def schema(**fields):
    return {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object", **fields}}}


CALLED = {"id": "a", "type": "function", "function": {"name": "f", "arguments": json.dumps({"x": LONG})}}
ANSWERED = [{"role": "user", "content": "Hi"}, {"role": "assistant", "tool_calls": [CALLED]}]

CHATS = {
    "content": says(LONG),
    "a part": says([{"type": "text", "text": LONG}]),
    "many parts": says([{"type": "text", "text": "lorem "}] * 2_000),
    "many messages": {"messages": [{"role": "user", "content": "lorem "}] * 2_000},
    "system": {"messages": [{"role": "system", "content": LONG}, {"role": "user", "content": "Hi"}]},
    "developer": {"messages": [{"role": "developer", "content": LONG}, {"role": "user", "content": "Hi"}]},
    "arguments of a call": {"messages": [*ANSWERED, {"role": "tool", "tool_call_id": "a", "content": "x"}]},
    "a tool's answer": {
        "messages": [
            ANSWERED[0],
            {"role": "assistant", "tool_calls": [{**CALLED, "function": {"name": "f", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "a", "content": LONG},
        ]
    },
    "a tool's description": {**says("Hi"), "tools": [tool(description=LONG)]},
    "a tool's parameters": {**says("Hi"), "tools": [tool(parameters={"type": "object", "title": LONG})]},
    "names of parameters": {
        **says("Hi"),
        "tools": [tool(parameters={"type": "object", "properties": {f"lorem{n:05}": {} for n in range(1_000)}})],
    },
    "a schema": {**says("Hi"), "response_format": schema(description=LONG)},
    "names in a schema": {
        **says("Hi"),
        "response_format": schema(properties={f"lorem{n:05}": {} for n in range(1_000)}),
    },
    "a prediction": {**says("Hi"), "prediction": {"type": "content", "content": LONG}},
}


def with_a_picture(fields):
    """The same request with a picture, beside which texts are counted one by one."""
    first, *rest = fields["messages"]
    content = first["content"]
    listed = content if isinstance(content, list) else [{"type": "text", "text": content}]
    seen = {"role": "user", "content": [*(listed if first["role"] == "user" else []), PICTURE]}
    return {**fields, "messages": [seen, *rest] if first["role"] == "user" else [first, seen, *rest]}


OTHERS = {
    "completions, prompt": ("/v1/completions", {"prompt": LONG}),
    "completions, list": ("/v1/completions", {"prompt": [LONG]}),
    "embeddings, input": (EMBEDDINGS, {"input": LONG}),
    "embeddings, list": (EMBEDDINGS, {"input": ["lorem "] * 2_000}),
    "embeddings, tokens": (EMBEDDINGS, {"input": [100_000] * 2_040}),
}

CASES = {
    **{f"chat, {name}": (CHAT, fields) for name, fields in CHATS.items()},
    **{f"picture, {name}": (CHAT, with_a_picture(fields)) for name, fields in CHATS.items() if "many m" not in name},
    **OTHERS,
}


@pytest.mark.case("K16")
@pytest.mark.parametrize("name", CASES)
async def test_every_text_counts(gateway, upstream, tmp_path, name):
    """A long text is too much for a limit of tokens wherever it stands; the same request with a short one is served."""
    path, fields = CASES[name]
    embeds = path == EMBEDDINGS
    upstream.on("POST", path if embeds else CHAT, openai.embeddings([[0.5]]) if embeds else openai.completion())
    long = {**({"model": "m"} if embeds else SMALL), **fields}
    short = json.loads(json.dumps(long).replace(LONG, "Hi"))
    keys = [kept.key(way, limits=Limits(tpm=MOST)) for way in kept.WAYS]
    async with kept.kept(gateway, upstream, tmp_path, *keys) as both:
        answers = {}
        for way, headers in kept.WAYS.items():
            for body in (long, short):
                async with RawClient("127.0.0.1", both.gateway.port) as client:
                    bearer = ("Authorization", f"Bearer {kept.secret(way)}")
                    await client.request("POST", path, [bearer, *headers], body)
                    answers[way, body is long] = await client.read_response()

    for way in kept.WAYS:
        refused, served = answers[way, True], answers[way, False]
        assert (429, "rate_limit_exceeded") == (refused.status, refused.json["error"]["code"])
        assert (200 if short != long else 429) == served.status, served.body


@pytest.mark.case("K16")
def test_every_endpoint_is_asked():
    """An endpoint that is new has to say here where its texts are."""
    assert {path.decode() for path in plain()} == {path for path, _ in CASES.values()}
