"""AI Refinery's section of the configuration, and the way to it that is OpenAI's wire."""

import json
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from llms.errors import (
    GatewayError,
    ModelNotFoundError,
    RateLimitedError,
    UpstreamAuthError,
    UpstreamFailedError,
    UpstreamTruncatedError,
)
from llms.exchange import EnoughError, UpstreamRequest
from llms.providers.airefinery import Options, sdk_missing
from llms.providers.airefinery_sdk import AiRefinerySdk
from llms.providers.openai_codec import Codec
from llms.records import Block, Call, Model, Target
from tests.upstream import openai

KEY = "sesame-secret"
ENVIRON = {"AIREFINERY_API_KEY": KEY}
TARGET = Target("airefinery", "meta-llama/Llama-3.1-70B-Instruct")
TOKEN = {"url": "https://id.example.com/token", "client_id": "$AIR_ID", "client_secret": "$AIR_SECRET"}
STREAM = b"".join(
    [
        openai.event(openai.chunk({"role": "assistant", "reasoning_content": "Hm."})),
        openai.event(openai.chunk({"content": "Hé"})),
        b": ping\n\n",
        openai.event(openai.chunk({"content": "llo"})),
        openai.event(openai.chunk({}, finish="stop")),
        openai.event({**openai.chunk({}), "choices": [], "usage": openai.USAGE}),
        openai.DONE,
    ]
)


@dataclass
class Response:
    status: int = 200
    content_type: str = "text/event-stream"
    reads: tuple[bytes, ...] = (STREAM,)
    headers: Mapping[str, str] = field(default_factory=dict)

    async def blocks(self) -> AsyncGenerator[bytes, None]:
        for data in self.reads:
            yield data

    async def into(self, take: Callable[[bytes], object]) -> None:
        with suppress(EnoughError):
            for data in self.reads:
                take(data)

    async def read(self, limit: int) -> bytes:
        return b"".join(self.reads)


class Upstream:
    """Answers every request alike."""

    def __init__(self, response: Response) -> None:
        self.response = response
        self.requests: list[UpstreamRequest] = []

    @asynccontextmanager
    async def send(self, request: UpstreamRequest, connect_s: float | None = None) -> AsyncIterator[Response]:
        self.requests.append(request)
        yield self.response


def make_call(**body: Any) -> Call:
    messages = [{"role": "user", "content": "Hello"}]
    return Call("req_1", 1790000000, "chat.completions", "mine", stream=True, body={"messages": messages, **body})


async def ask(response: Response, call: Call | None = None, **section: Any) -> tuple[Block, Upstream]:
    upstream = Upstream(response)
    provider = Options(**section).build("airefinery", ENVIRON, upstream.send)
    blocks = [block async for block in provider.chat(call or make_call(), TARGET)]
    return [chunk for block in blocks for chunk in block], upstream


def text(chunks: Block, name: str = "content") -> str:
    return "".join(choice["delta"].get(name, "") for chunk in chunks for choice in chunk["choices"])


async def test_the_wire_is_the_default() -> None:
    """Without a word about it, the gateway itself speaks OpenAI's API, with the key, and asks for usage."""
    chunks, upstream = await ask(Response())

    (request,) = upstream.requests
    assert ("POST", "https://api.airefinery.accenture.com/v1/chat/completions", f"Bearer {KEY}") == (
        request.method,
        request.url,
        request.headers["Authorization"],
    )
    assert {
        "model": TARGET.model,
        "messages": [{"role": "user", "content": "Hello"}],
        "stream": True,
        "stream_options": {"include_usage": True},
    } == json.loads(request.body or b"")
    assert ("Hm.", "Héllo", openai.USAGE) == (text(chunks, "reasoning_content"), text(chunks), chunks[-1]["usage"])


async def test_developer_becomes_system() -> None:
    """Check 30: the models behind AI Refinery need not know OpenAI's newest role."""
    _, upstream = await ask(Response(), make_call(messages=[{"role": "developer", "content": "Be brief."}]))

    assert [{"role": "system", "content": "Be brief."}] == json.loads(upstream.requests[0].body or b"")["messages"]


@pytest.mark.interpreted
@given(st.lists(st.integers(0, len(STREAM)), max_size=6))
def test_a_comment_in_the_middle_does_no_harm(cuts: list[int]) -> None:
    """Check 52: a heartbeat in mid-stream is skipped and the text is whole, however the bytes are cut."""
    decoder = codec().decoder(make_call(), TARGET)
    edges = [0, *sorted(cuts), len(STREAM)]

    chunks: Block = []
    for start, end in pairwise(edges):
        chunks += decoder.feed(STREAM[start:end])
    chunks += decoder.close()

    assert ("Hm.", "Héllo") == (text(chunks, "reasoning_content"), text(chunks))
    assert ("stop", openai.USAGE) == (chunks[-2]["choices"][0]["finish_reason"], chunks[-1]["usage"])


def codec() -> Codec:
    provider = Options().build("airefinery", ENVIRON, Upstream(Response()).send)
    found = vars(provider)["_codec"]
    assert isinstance(found, Codec)
    return found


async def test_a_stream_without_its_end_is_an_error() -> None:
    """Check 13: neither a finish_reason nor ``[DONE]`` is no short answer."""
    with pytest.raises(UpstreamTruncatedError):
        await ask(Response(reads=(STREAM[: STREAM.index(b"llo")],)))


@pytest.mark.parametrize(
    ("status", "expected", "message"),
    [
        (401, UpstreamAuthError, "Provider airefinery refused the gateway's key. Check $AIREFINERY_API_KEY."),
        (404, ModelNotFoundError, "The model 'mine' does not exist at its provider, or is not open to this gateway."),
        (429, RateLimitedError, "The model says no."),
        (500, UpstreamFailedError, "The model says no."),
    ],
)
async def test_a_refusal_keeps_its_text(status: int, expected: type[GatewayError], message: str) -> None:
    """Check 53: by wire, what the service says is passed on, and when to try again."""
    body = b'{"error":{"message":"The model says no.","type":"t","code":null,"param":null}}'

    with pytest.raises(expected) as caught:
        await ask(Response(status, "application/json", (body,), {"retry-after": "7"}))

    assert message == caught.value.message
    assert (7.0 if status in (429, 500) else None) == caught.value.retry_after_s


async def test_the_list_of_models() -> None:
    """By wire, a list as OpenAI's will do."""
    upstream = Upstream(Response(content_type="application/json", reads=(b'{"data":[{"id":"a/b","created":3}]}',)))

    listed = await Options().build("airefinery", ENVIRON, upstream.send).models()

    assert ([Model("a/b", "airefinery", 3)], "https://api.airefinery.accenture.com/v1/models") == (
        listed,
        upstream.requests[0].url,
    )


@pytest.mark.parametrize("end", ["", "/", "/v1", "/v1/", "//"])
async def test_base_url_is_tolerant(end: str) -> None:
    """``/v1`` is added once, whatever the address ends in."""
    _, upstream = await ask(Response(), base_url=f"http://127.0.0.1:9/air{end}")

    assert "http://127.0.0.1:9/air/v1/chat/completions" == upstream.requests[0].url


async def test_the_variables_of_the_sdk_are_not_read() -> None:
    """The configuration alone says where the prompts go."""
    upstream = Upstream(Response())
    provider = Options().build("air", {**ENVIRON, "AIR_BASE_URL": "https://evil.example.com"}, upstream.send)

    async for _ in provider.chat(make_call(), TARGET):
        pass

    assert upstream.requests[0].url.startswith("https://api.airefinery.accenture.com/")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.airefinery.accenture.com",
        "ftp://a",
        "https://",
        "https://u:p@a",
        "https://a?k=1",
        "https://a#b",
        "http://a:b",
    ],
)
def test_an_address_that_is_none(url: str) -> None:
    """A wrong address, or one that holds a secret, is found when the configuration is read."""
    with pytest.raises(ValidationError, match="base_url"):
        Options(base_url=url)


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({"token": TOKEN}, '"via": "sdk"'),
        ({"via": "sdk", "token": TOKEN, "api_key": "$KEY"}, "leave one out"),
        ({"via": "sdk", "token": {**TOKEN, "client_secret": "plain"}}, "client_secret"),
        ({"via": "sdk", "token": {**TOKEN, "url": "id.example.com"}}, "must be a URL"),
        ({"via": "sdk", "token": {**TOKEN, "scope": "x"}}, "scope"),
        ({"via": "http"}, "'wire' or 'sdk'"),
        ({"api_key": "plain"}, "api_key"),
    ],
)
def test_a_wrong_section(section: dict[str, Any], said: str) -> None:
    """What does not go together is said as such, and no secret stands in the file."""
    with pytest.raises(ValidationError, match=re.escape(said)):
        Options(**section)


def test_what_is_missing() -> None:
    """The provider is off without its key, and says which variable holds it."""
    assert "AIREFINERY_API_KEY is not set" == Options().missing({})
    assert "MINE is not set" == Options(api_key="$MINE").missing(ENVIRON)
    assert Options().missing(ENVIRON) is None
    assert ("$AIR_ID", "$AIR_SECRET") == Options(via="sdk", token=TOKEN).variables


def test_what_the_sdk_lacks() -> None:
    """``via: sdk`` is off where Python is too old or the package is not there, and says what to do."""
    assert '"via": "sdk" needs Python 3.12 or newer; this is 3.11' == sdk_missing((3, 11), installed=True)
    assert "pip install airefinery-sdk" in (sdk_missing((3, 12), installed=False) or "")
    assert sdk_missing((3, 12), installed=True) is None


def test_the_sdk_is_looked_for() -> None:
    """Whether the SDK can be used is known at start, without importing it."""
    reason = Options(via="sdk").missing(ENVIRON)

    assert reason is None or "3.12" in reason or "pip install" in reason


def test_the_sdk_with_a_token_needs_no_key() -> None:
    """A section with tokens is built from its own variables."""
    options = Options(via="sdk", token=TOKEN, base_url="http://127.0.0.1:9/v1")
    environ = {"AIR_ID": "me", "AIR_SECRET": KEY, "HOME": "/home/me"}

    provider = options.build("air", environ, Upstream(Response()).send)

    assert isinstance(provider, AiRefinerySdk)
    assert KEY not in repr(options) + repr(vars(provider))


def test_the_sdk_with_a_key() -> None:
    """A section without tokens is built from its key."""
    assert isinstance(Options(via="sdk").build("air", ENVIRON, Upstream(Response()).send), AiRefinerySdk)
