"""AI Refinery with ``"via": "sdk"``: the real package against an upstream that says what a test tells it to."""

import asyncio
import base64
import json
import subprocess
import sys
import time
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from llms.errors import (
    RateLimitedError,
    UpstreamAuthError,
    UpstreamBadResponseError,
    UpstreamDisconnectedError,
    UpstreamFailedError,
    UpstreamRefusedError,
    UpstreamTruncatedError,
    UpstreamUnreachableError,
)
from llms.providers.airefinery import Options
from llms.providers.airefinery_sdk import AiRefinerySdk
from llms.records import Block, Call, Model, Target
from llms.transport import Transport
from tests.support import openapi
from tests.upstream import airefinery, openai
from tests.upstream.framing import answer
from tests.upstream.server import Upstream
from tests.upstream.steps import Script, expect_closed, fin, hang, rst, sleep

CHAT = "/v1/chat/completions"
KEY = "sesame-secret"
TARGET = Target("air", "meta-llama/Llama-3.1-70B-Instruct")
USAGE = {"prompt_tokens": 19, "completion_tokens": 2, "total_tokens": 21}


@pytest.fixture(autouse=True, scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for the process: the SDK reads the variable once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def provider(cache):
    def make(upstream: Upstream | str, **section: Any) -> AiRefinerySdk:
        environ = {"AIREFINERY_API_KEY": KEY, "AIR_ID": "me", "AIR_SECRET": KEY, "XDG_CACHE_HOME": str(cache)}
        url = upstream if isinstance(upstream, str) else upstream.url
        options = Options(via="sdk", base_url=url, **section)
        assert options.missing(environ) is None
        built = options.build("air", environ, Transport(1).send)
        assert isinstance(built, AiRefinerySdk)
        return built

    return make


def make_call(**body: Any) -> Call:
    messages = [{"role": "user", "content": "Hello"}]
    return Call(
        "req_0123456789abcdef01234567",
        1790000000,
        "chat.completions",
        "mine",
        stream=True,
        body={"messages": messages, **body},
    )


async def collect(provider: AiRefinerySdk, call: Call | None = None, into: Block | None = None) -> Block:
    chunks = [] if into is None else into
    async with aclosing(provider.chat(call or make_call(), TARGET)) as blocks:
        async for block in blocks:
            assert block
            chunks += block
    return chunks


def text(chunks: Block) -> str:
    return "".join(choice["delta"].get("content", "") for chunk in chunks for choice in chunk["choices"])


async def test_a_stream(provider):
    """Text and usage arrive as chunks that obey the rules, under the names that the client knows."""
    async with Upstream() as upstream:
        upstream.on("POST", CHAT, airefinery.stream(["Hel", "lo"], usage=USAGE))

        chunks = await collect(provider(upstream))

    assert "Hello" == text(chunks)
    for chunk in chunks:
        openapi.validate("CreateChatCompletionStreamResponse", {"usage": None, **chunk})
        assert ("chatcmpl-0123456789abcdef01234567", "mine") == (chunk["id"], chunk["model"])
    assert [None, None, None, "stop"] == [chunk["choices"][0]["finish_reason"] for chunk in chunks[:-1]]
    assert ({"delta": {}, "index": 0, "logprobs": None, "finish_reason": "stop"}, []) == (
        chunks[-2]["choices"][0],
        chunks[-1]["choices"],
    )
    assert USAGE == chunks[-1]["usage"]


async def test_what_is_sent(provider):
    """Parameters are sent as they are, unknown ones too; developer becomes system; usage is always asked for."""
    messages = [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
    async with Upstream() as upstream:
        upstream.on("POST", CHAT, airefinery.stream(["x"]))

        await collect(provider(upstream), make_call(messages=messages, temperature=0.5, top_k=3))

    request = upstream.requests[0]
    assert f"Bearer {KEY}" == request.header("authorization")
    assert {
        "model": TARGET.model,
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}],
        "temperature": 0.5,
        "top_k": 3,
        "stream": True,
        "stream_options": {"include_usage": True},
        "extra_body": None,
    } == request.json


async def test_a_field_does_not_become_a_parameter_of_the_sdk(provider):
    """A request cannot replace the key, set the SDK's time limit or fill ``extra_body``."""
    fields = {"extra_headers": {"Authorization": "Bearer evil"}, "timeout": 0.001, "extra_body": {"a": 1}, "self": 1}
    async with Upstream() as upstream:
        upstream.on("POST", CHAT, airefinery.stream([sleep(0.1), "x"]))

        assert "x" == text(await collect(provider(upstream), make_call(**fields)))

    assert f"Bearer {KEY}" == upstream.requests[0].header("authorization")
    assert {"extra_body": None} == {
        name: upstream.requests[0].json[name] for name in fields.keys() & upstream.requests[0].json.keys()
    }


@pytest.mark.parametrize("suffix", ["", "/", "/v1", "/v1/"])
async def test_base_url_is_tolerant(provider, suffix):
    """A slash at the end, or the ``/v1`` that the SDK adds by itself, does no harm."""
    async with Upstream() as upstream:
        upstream.on("POST", CHAT, airefinery.stream(["x"]))

        assert "x" == text(await collect(provider(upstream.url + suffix)))


async def test_tool_calls(provider):
    """Tool calls arrive in fragments, each with its name once."""
    async with Upstream() as upstream:
        calls = [("c1", "f", ['{"a"', ":1}"]), ("c2", "g", ["{}"])]
        upstream.on("POST", CHAT, airefinery.tool_stream(calls))

        completion = await provider(upstream).complete(make_call(), TARGET)

    assert [("c1", "f", '{"a":1}'), ("c2", "g", "{}")] == [
        (call["id"], call["function"]["name"], call["function"]["arguments"])
        for call in completion["choices"][0]["message"]["tool_calls"]
    ]
    assert "tool_calls" == completion["choices"][0]["finish_reason"]


async def test_a_whole_answer_is_collected_from_a_stream(provider):
    """A client that does not stream gets its answer with usage, though the upstream is asked for a stream."""
    async with Upstream() as upstream:
        upstream.on("POST", CHAT, airefinery.stream(["Hel", "lo"], usage=USAGE))
        call = Call("req_1", 1790000000, "chat.completions", "mine", stream=False, body={"messages": []})

        completion = await provider(upstream).complete(call, TARGET)

    openapi.validate("CreateChatCompletionResponse", completion)
    assert ("Hello", USAGE) == (completion["choices"][0]["message"]["content"], completion["usage"])
    assert upstream.requests[0].json["stream"] is True


@pytest.mark.parametrize(
    "cut",
    [
        {"parts": ["Hel", b": ping\n\n", "lo"]},
        {"parts": ["Hel", b"event: ping\n\n", "lo"]},
        {"parts": ["Hel"], "finish": None},
        {"parts": ["Hel"], "finish": None, "done": False},
        {"parts": ["Hel"], "finish": None, "done": False, "framing": "close"},
        {"parts": ["Hel", rst()]},
        {"parts": ["Hel", fin()]},
    ],
    ids=["comment", "event", "no finish", "eof", "closed", "reset", "cut chunk"],
)
async def test_a_stream_without_its_end_is_an_error(provider, cut):
    """Checks 13 and 52: what the SDK takes for the end of a stream is not passed off as a short answer."""
    async with Upstream() as upstream:
        upstream.on("POST", CHAT, airefinery.stream(**cut))
        seen: Block = []

        with pytest.raises(UpstreamTruncatedError):
            await collect(provider(upstream), into=seen)

        assert "Hel" == text(seen)


async def test_nothing_at_all_is_an_error(provider):
    """A stream without a chunk is no empty answer."""
    async with Upstream() as upstream:
        upstream.on("POST", CHAT, airefinery.stream([], role=False, finish=None))

        with pytest.raises(UpstreamTruncatedError):
            await collect(provider(upstream))


@pytest.mark.parametrize(
    ("bad", "expected"),
    [
        (openai.event({"error": {"message": f"boom {KEY}", "code": None}}), UpstreamFailedError),
        (b'event: error\ndata: {"message": "boom"}\n\n', UpstreamFailedError),
        (b"data: {no json\n\n", UpstreamBadResponseError),
        (b"data: 3\n\n", UpstreamBadResponseError),
        (openai.event(openai.chunk({}, finish="eos")), UpstreamBadResponseError),
        (openai.event({"choices": None}), UpstreamBadResponseError),
    ],
    ids=["error object", "error event", "no json", "number", "finish_reason", "no chunk"],
)
async def test_an_error_in_the_middle(provider, bad, expected):
    """Check 12: an error after the first chunk ends the answer as an error; nothing of its text is passed on."""
    async with Upstream() as upstream:
        upstream.on("POST", CHAT, airefinery.stream(["Hel", bad, "lo"]))
        seen: Block = []

        with pytest.raises(expected) as caught:
            await collect(provider(upstream), into=seen)

        assert "Hel" == text(seen)
        assert KEY not in caught.value.message
        assert "boom" not in caught.value.message


@pytest.mark.parametrize(
    ("status", "expected", "shown", "retry_after_s"),
    [
        (400, UpstreamRefusedError, 400, None),
        (401, UpstreamAuthError, 502, None),
        (403, UpstreamAuthError, 502, None),
        (404, UpstreamRefusedError, 404, None),
        (429, RateLimitedError, 429, 7.0),
        (500, UpstreamFailedError, 502, 7.0),
        (503, UpstreamFailedError, 503, 7.0),
    ],
)
async def test_a_refusal(provider, status, expected, shown, retry_after_s):
    """Check 53: status and retry-after are kept; the text is the gateway's, since the SDK reads none."""
    async with Upstream() as upstream:
        upstream.on("POST", CHAT, airefinery.error(status, f"model secret-name of {KEY}", [("Retry-After", "7")]))

        with pytest.raises(expected) as caught:
            await collect(provider(upstream))

    failure = caught.value
    assert (shown, retry_after_s) == (failure.http_status(), failure.retry_after_s)
    said = repr(failure) + failure.message
    assert [] == [word for word in (KEY, "secret-name", "Bearer", "127.0.0.1") if word in said]
    assert failure.__cause__ is None


async def test_the_refused_key_is_named_by_its_variable(provider):
    """A refused key leads to the variable that it came from."""
    async with Upstream() as upstream:
        upstream.on("POST", CHAT, airefinery.error(401))

        with pytest.raises(UpstreamAuthError, match=r"Check \$AIREFINERY_API_KEY\."):
            await collect(provider(upstream))


async def test_nobody_listens(provider):
    """A refused connection says so, and may be tried elsewhere."""
    async with Upstream() as upstream:
        url = upstream.url

    with pytest.raises(UpstreamUnreachableError):
        await collect(provider(url))


@pytest.mark.parametrize("script", [(rst(),), (fin(),)], ids=["reset", "closed"])
async def test_no_answer(provider, script):
    """A connection that is closed under the request is told as that."""
    async with Upstream() as upstream:
        upstream.on("POST", CHAT, script)

        with pytest.raises(UpstreamDisconnectedError):
            await collect(provider(upstream))


async def test_an_answer_that_is_no_http(provider):
    """Garbage is the provider's fault, and none of it is passed on."""
    async with Upstream() as upstream:
        upstream.on("POST", CHAT, garbage(b"garbage\r\n\r\n"))

        with pytest.raises(UpstreamBadResponseError) as caught:
            await collect(provider(upstream))

    assert "garbage" not in caught.value.message


def garbage(data: bytes) -> Script:
    async def step(peer) -> None:
        await peer.write(data)

    return (step, fin())


async def test_a_cancelled_stream_closes_the_upstream(provider):
    """Check 18: cancelling the task that reads closes the connection within 100 ms."""
    async with Upstream() as upstream:
        upstream.on("POST", CHAT, airefinery.stream(["Hel", hang()]))
        reading = asyncio.Event()

        async def read() -> None:
            async with aclosing(provider(upstream).chat(make_call(), TARGET)) as blocks:
                async for block in blocks:
                    if "Hel" in text(block):
                        reading.set()

        task = asyncio.create_task(read())
        await reading.wait()
        task.cancel()

        assert await upstream.connections[0].closed_within(0.5)
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_a_stream_left_early_closes_the_upstream(provider):
    """A reader that has had enough closes the connection within 100 ms."""
    async with Upstream() as upstream:
        upstream.on("POST", CHAT, airefinery.stream(["Hel", expect_closed(5)]))

        async with aclosing(provider(upstream).chat(make_call(), TARGET)) as blocks:
            async for block in blocks:
                if "Hel" in text(block):
                    break

        assert await upstream.connections[0].closed_within(0.5)


async def test_a_cancelled_whole_answer_closes_the_upstream(provider):
    """A client that leaves while its whole answer is made closes the connection within 100 ms."""
    async with Upstream() as upstream:
        upstream.on("POST", CHAT, airefinery.stream(["Hel", hang()]))

        task = asyncio.create_task(provider(upstream).complete(make_call(), TARGET))
        await upstream.received()
        task.cancel()

        assert await upstream.connections[0].closed_within(0.5)
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_embeddings(provider):
    """Vectors come as numbers, whatever format the client asked for; the API turns them."""
    async with Upstream() as upstream:
        upstream.on("POST", "/v1/embeddings", airefinery.embeddings([[0.5, 1.0], [2.0, 3.0]]))
        body = {"input": ["a", "b"], "encoding_format": "base64", "input_type": "query", "timeout": 0.001}
        call = Call("req_1", 1790000000, "embeddings", "mine", stream=False, body=body)

        answered = await provider(upstream).embed(call, TARGET)

    assert {
        "object": "list",
        "data": [
            {"object": "embedding", "embedding": [0.5, 1.0], "index": 0},
            {"object": "embedding", "embedding": [2.0, 3.0], "index": 1},
        ],
        "model": "mine",
        "usage": {"prompt_tokens": 5, "total_tokens": 5},
    } == answered
    assert {"model": TARGET.model, "input": ["a", "b"], "input_type": "query", "extra_body": None} == upstream.requests[
        0
    ].json


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (airefinery.error(429, headers=[("Retry-After", "7")]), RateLimitedError),
        (airefinery.embeddings([[0.5]], as_base64=True), UpstreamBadResponseError),
        (answer(b"[]"), UpstreamBadResponseError),
        (answer(b"<html>", content_type="text/html"), UpstreamBadResponseError),
    ],
    ids=["refused", "base64", "list", "web page"],
)
async def test_embeddings_that_are_none(provider, script, expected):
    """An answer that the SDK refuses is an error of the upstream."""
    async with Upstream() as upstream:
        upstream.on("POST", "/v1/embeddings", script)
        call = Call("req_1", 1790000000, "embeddings", "mine", stream=False, body={"input": "a"})

        with pytest.raises(expected):
            await provider(upstream).embed(call, TARGET)


async def test_models(provider):
    """The list of models is the service's."""
    async with Upstream() as upstream:
        upstream.on("GET", "/v1/models", airefinery.models(["a/b", "c"]))

        listed = await provider(upstream).models()

    assert [Model("a/b", "air", openai.CREATED), Model("c", "air", openai.CREATED)] == listed


async def test_a_list_of_models_that_the_sdk_refuses(provider):
    """A list as OpenAI's is not known, rather than empty, and the message names the way out."""
    async with Upstream() as upstream:
        upstream.on("GET", "/v1/models", openai.models(["a"]))

        with pytest.raises(UpstreamBadResponseError, match="Name them in its option models"):
            await provider(upstream).models()


def jwt(expires_at: float) -> str:
    parts = ({"alg": "none"}, {"exp": int(expires_at)})
    return ".".join(
        [*(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts), "sig"]
    )


def token_section(upstream: Upstream) -> dict[str, Any]:
    return {
        "url": f"{upstream.url}/token",
        "client_id": "$AIR_ID",
        "client_secret": "$AIR_SECRET",
        "extra_fields": {"scope": "x"},
    }


async def test_tokens(provider, cache):
    """With a token section, the SDK asks for a token once, keeps it away from others, and sends it."""
    token = jwt(time.time() + 3600)
    async with Upstream() as upstream:
        upstream.on("POST", "/token", answer(json.dumps({"access_token": token}).encode()))
        upstream.on("POST", CHAT, airefinery.stream(["x"]))
        built = provider(upstream, token=token_section(upstream))

        await asyncio.gather(*(collect(built) for _ in range(5)))
        await collect(built)

    asked = [request for request in upstream.requests if request.path == "/token"]
    chats = [request for request in upstream.requests if request.path == CHAT]
    assert ([b"client_id=me&client_secret=sesame-secret&grant_type=client_credentials&scope=x"], 6) == (
        [request.body for request in asked],
        len(chats),
    )
    assert {f"Bearer {token}"} == {request.header("authorization") for request in chats}
    folder = cache / "llms" / "airefinery"
    assert 0o700 == folder.stat().st_mode & 0o777
    assert [token] == [json.loads(path.read_text())["token"] for path in (folder / "tokens").glob("*.json")]


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (answer(b'{"error": "invalid_client"}', status=401), UpstreamAuthError),
        (answer(b"{}"), UpstreamAuthError),
        (answer(b"no json"), UpstreamAuthError),
        (answer(b'{"access_token": "no-jwt"}'), UpstreamAuthError),
        ((fin(),), UpstreamUnreachableError),
    ],
    ids=["refused", "none", "no json", "no jwt", "closed"],
)
async def test_no_token(provider, script, expected, capfd, caplog):
    """Without a token nothing is sent to the service; neither message nor log holds the secret or the URL."""
    async with Upstream() as upstream:
        upstream.on("POST", "/token", script)

        with pytest.raises(expected, match="Check its token section") as caught:
            await collect(provider(upstream, token=token_section(upstream)))

    assert {"/token"} == {request.path for request in upstream.requests}
    said = repr(caught.value) + caplog.text + "".join(capfd.readouterr())
    assert [] == [word for word in (KEY, "127.0.0.1") if word in said]


async def test_a_token_endpoint_that_hangs_holds_up_nobody_else(provider):
    """While tokens are waited for, the loop's executor, which resolves names, is free."""
    async with Upstream() as upstream:
        upstream.on("POST", "/token", (hang(),))
        built = provider(upstream, token=token_section(upstream))
        tasks = [asyncio.create_task(collect(built)) for _ in range(50)]
        await upstream.received()

        async with asyncio.timeout(1):
            assert 1 == await asyncio.to_thread(lambda: 1)

        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert 1 == len(upstream.requests)


STARTUP = """
import asyncio, sys, time
from llms.providers.airefinery import Options
from llms.records import Call, Target

async def main(url, home):
    lags = []

    async def beat():
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.002)
            lags.append(time.perf_counter() - before - 0.002)

    beating = asyncio.create_task(beat())
    provider = Options(via="sdk", base_url=url).build("air", {"AIREFINERY_API_KEY": "k", "HOME": home}, None)
    assert "air" not in sys.modules
    call = Call("req_1", 1, "chat.completions", "mine", stream=True, body={"messages": []})
    started = time.perf_counter()
    text = ""
    async for block in provider.chat(call, Target("air", "m")):
        text += "".join(choice["delta"].get("content", "") for chunk in block for choice in chunk["choices"])
    took = time.perf_counter() - started
    beating.cancel()
    print(text, "air" in sys.modules, max(lags) < took / 4 or (lags, took))

asyncio.run(main(*sys.argv[1:]))
"""


async def test_start_up(tmp_path):
    """Check 54: the import is off the loop and leaves no trace; a hanging ``/authentication/validate`` is not asked."""
    work = tmp_path / "work"
    work.mkdir()
    async with Upstream() as upstream:
        upstream.on("POST", "/authentication/validate", (hang(),))
        upstream.on("POST", CHAT, airefinery.stream(["Hello"]))
        process = await asyncio.create_subprocess_exec(
            *[sys.executable, "-c", STARTUP, upstream.url, str(tmp_path)],
            cwd=work,
            env={"PYTHONPATH": str(Path(__file__).parents[2])},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        out, err = await asyncio.wait_for(process.communicate(), 60)

    # On the loop, the import would be one lag that lasts nearly all of the time.
    assert ("Hello True True\n", "") == (out.decode(), err.decode())
    assert [CHAT] == [request.path for request in upstream.requests]
    assert [] == list(work.iterdir())
    assert (tmp_path / ".cache" / "llms" / "airefinery" / "tokens").is_dir()
