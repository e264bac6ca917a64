"""The SDK's provider around a stand-in for the SDK; ``tests/airefinery_sdk`` runs it around the real one."""

import asyncio
import logging
import os
import threading
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import BaseModel

from llms.errors import (
    FirstByteTimeoutError,
    GatewayError,
    IdleTimeoutError,
    UpstreamAuthError,
    UpstreamBadResponseError,
    UpstreamFailedError,
    UpstreamTruncatedError,
    UpstreamUnreachableError,
)
from llms.providers.airefinery import DIALECT
from llms.providers.airefinery_errors import Failures
from llms.providers.airefinery_load import Account, Clients, Loader, cache_folder, load
from llms.providers.airefinery_sdk import AiRefinerySdk
from llms.records import Block, Call, Model, Target
from tests.upstream import openai

FAILURES = Failures("air", "Check $KEY.")
TARGET = Target("air", "m")


class Chunk(BaseModel):
    choices: list[dict[str, Any]]
    usage: dict[str, Any] | None = None


class Embeddings(BaseModel):
    data: list[dict[str, Any]]
    usage: dict[str, Any]


HEL = Chunk.model_validate(openai.chunk({"role": "assistant", "content": "Hel"}))
LO = Chunk.model_validate(openai.chunk({"content": "lo"}))
STOP = Chunk.model_validate(openai.chunk({}, finish="stop"))
USAGE = Chunk(choices=[], usage=openai.USAGE)


class Sdk:
    """Gives what it was told to, and remembers what it was asked."""

    def __init__(self, *answers: Any, token: Callable[[], str] | None = None) -> None:
        self.answers = answers
        self.asked: list[dict[str, Any]] = []
        self.closed = 0
        here = SimpleNamespace(create=self.create, list=self.one)
        self.clients = Clients(SimpleNamespace(completions=here), SimpleNamespace(create=self.one), here, token)

    async def create(self, **body: Any) -> AsyncGenerator[Any, None]:
        self.asked.append(body)
        return self.stream()

    async def stream(self) -> AsyncGenerator[Any, None]:
        try:
            for answer in self.answers:
                if isinstance(answer, Exception):
                    raise answer
                yield answer
        finally:
            self.closed += 1

    async def one(self, **body: Any) -> Any:
        self.asked.append(body)
        if isinstance(self.answers[0], Exception):
            raise self.answers[0]
        return self.answers[0]

    def provider(self) -> AiRefinerySdk:
        return AiRefinerySdk("air", make_loader(lambda: self.clients), DIALECT)


def make_loader(work: Callable[[], Clients], limit_s: float = 5.0) -> Loader:
    return Loader(Account("http://a"), None, FAILURES, work=lambda _account, _folder: work(), limit_s=limit_s)


def make_call(**body: Any) -> Call:
    return Call("req_1", 1790000000, "chat.completions", "mine", stream=True, body={"messages": [], **body})


def text(chunks: Block) -> str:
    return "".join(choice["delta"].get("content", "") for chunk in chunks for choice in chunk["choices"])


async def collect(provider: AiRefinerySdk, into: Block, **body: Any) -> None:
    async with aclosing(provider.chat(make_call(**body), TARGET)) as blocks:
        async for block in blocks:
            assert block
            into += block


async def test_a_stream() -> None:
    """Chunks are passed on as they come; the request's fields become the SDK's, but for those that are its own."""
    sdk = Sdk(HEL, LO, STOP, USAGE)
    chunks: Block = []

    await collect(sdk.provider(), chunks, top_k=3, timeout=1, extra_headers={"a": "b"}, extra_body={}, self=1)

    assert ("Hello", openai.USAGE, 1) == (text(chunks), chunks[-1]["usage"], sdk.closed)
    options = {"stream": True, "stream_options": {"include_usage": True}}
    assert [{"model": "m", "messages": [], "top_k": 3, **options, "extra_headers": None}] == sdk.asked


async def test_a_stream_that_ends_early() -> None:
    """Check 52: the SDK ends as usual after a comment; without a finish_reason that is a truncated answer."""
    chunks: Block = []

    with pytest.raises(UpstreamTruncatedError):
        await collect(Sdk(HEL).provider(), chunks)

    assert "Hel" == text(chunks)


async def test_a_stream_without_usage() -> None:
    """A stream ends with its finish where no usage was sent."""
    chunks: Block = []

    await collect(Sdk(HEL, STOP).provider(), chunks)

    assert "stop" == chunks[-1]["choices"][0]["finish_reason"]


async def test_an_error_in_the_middle() -> None:
    """The SDK's exception becomes ours, and does not hang on to it."""
    with pytest.raises(UpstreamFailedError) as caught:
        await collect(Sdk(HEL, RuntimeError("Upstream error payload: x")).provider(), [])

    assert (None, True) == (caught.value.__cause__, caught.value.__suppress_context__)


@pytest.mark.parametrize(
    ("before", "expected"), [((), FirstByteTimeoutError), ((HEL,), IdleTimeoutError)], ids=["first", "next"]
)
async def test_silence(before: tuple[Chunk, ...], expected: type[GatewayError]) -> None:
    """The SDK's own limit on silence means one thing before the first chunk and another after it."""
    with pytest.raises(expected):
        await collect(Sdk(*before, TimeoutError()).provider(), [])


async def test_leaving_a_stream_closes_it() -> None:
    """A reader that leaves closes the SDK's stream at once."""
    sdk = Sdk(HEL, LO, STOP)

    async with aclosing(sdk.provider().chat(make_call(), TARGET)) as blocks:
        await anext(blocks)

    assert 1 == sdk.closed


async def test_a_whole_answer() -> None:
    """It is collected from a stream."""
    completion = await Sdk(HEL, LO, STOP, USAGE).provider().complete(make_call(), TARGET)

    assert ("Hello", openai.USAGE) == (completion["choices"][0]["message"]["content"], completion["usage"])


@pytest.mark.parametrize(
    ("counted", "tokens"), [({"prompt_tokens": 5, "total_tokens": 5}, 5), ({"prompt_tokens": -1}, 0)]
)
async def test_embeddings(counted: dict[str, int], tokens: int) -> None:
    """Vectors are asked for as numbers and without the SDK's own time limit; a count that cannot be is none."""
    sdk = Sdk(Embeddings(data=[{"index": 0, "embedding": [0.5]}], usage=counted))
    body = {"input": "a", "encoding_format": "base64"}

    answer = await sdk.provider().embed(Call("r", 1, "embeddings", "mine", stream=False, body=body), TARGET)

    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    data = [{"index": 0, "embedding": [0.5]}]
    assert {"object": "list", "data": data, "model": "mine", "usage": usage} == answer
    assert [{"model": "m", "input": "a", "timeout": 0, "extra_headers": None}] == sdk.asked


async def test_embeddings_that_fail() -> None:
    """The SDK's exception becomes ours."""
    with pytest.raises(UpstreamBadResponseError):
        await Sdk(ValueError()).provider().embed(make_call(input="a"), TARGET)


async def test_models() -> None:
    """The list is the SDK's."""
    page = SimpleNamespace(data=[SimpleNamespace(id="a", created=3), SimpleNamespace(id="b", created=-1)])

    assert [Model("a", "air", 3), Model("b", "air", 0)] == await Sdk(page).provider().models()


async def test_models_that_fail() -> None:
    """A list that the SDK refuses is unknown, not empty."""
    with pytest.raises(UpstreamBadResponseError, match="option models"):
        await Sdk(ValueError()).provider().models()


async def test_it_is_loaded_once() -> None:
    """Calls that come at the same time wait for one import, and it does not happen on the loop."""
    threads: list[threading.Thread] = []

    def work() -> Clients:
        threads.append(threading.current_thread())
        return Sdk().clients

    loader = make_loader(work)
    found = await asyncio.gather(*(loader.clients() for _ in range(5)))

    assert (1, 1) == (len(threads), len({id(clients) for clients in found}))
    assert threads[0] is not threading.main_thread()


class UnforeseenError(Exception):
    """Of a kind that the SDK does not raise."""


@pytest.mark.parametrize("error", [ModuleNotFoundError("air"), UnforeseenError()], ids=["foreseen", "unforeseen"])
async def test_what_cannot_be_loaded_is_remembered(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """The import is not tried again at each call; every call is told what to install, and what nobody foresaw is shown."""
    threads: list[threading.Thread] = []
    shown: list[object] = []
    monkeypatch.setattr(threading, "excepthook", lambda arguments: shown.append(arguments.exc_value))

    def work() -> Clients:
        threads.append(threading.current_thread())
        raise error

    loader = make_loader(work)
    failures: list[GatewayError] = []
    for _ in range(2):
        with pytest.raises(UpstreamUnreachableError, match="pip install airefinery-sdk") as caught:
            await loader.clients()
        failures.append(caught.value)
    threads[0].join(10)

    assert (1, [error] if isinstance(error, UnforeseenError) else []) == (len(threads), shown)
    assert failures[0] is not failures[1]


async def test_an_import_that_hangs() -> None:
    """Check 54: calls wait for so long, later ones not at all, and the loop goes on; when it is done, all is well."""
    go_on = threading.Event()

    def work() -> Clients:
        assert go_on.wait(10)
        return Sdk().clients

    loader = make_loader(work, limit_s=0.5)
    for limit_s in (5.0, 0.4):
        async with asyncio.timeout(limit_s):
            with pytest.raises(UpstreamUnreachableError, match=r"within 0\.5 s"):
                await loader.clients()
    go_on.set()
    async with asyncio.timeout(5):
        while True:
            try:
                await loader.clients()
                break
            except UpstreamUnreachableError:
                await asyncio.sleep(0.01)


async def test_a_waiter_that_leaves_does_not_stop_the_import() -> None:
    """A client that goes while the SDK is imported does not spoil it for others."""
    go_on = threading.Event()

    def work() -> Clients:
        assert go_on.wait(10)
        return Sdk().clients

    loader = make_loader(work)
    first = asyncio.create_task(loader.clients())
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    go_on.set()

    assert isinstance(await loader.clients(), Clients)


def test_a_loop_that_is_gone_is_not_told() -> None:
    """The process may stop while the SDK is imported."""
    go_on, started = threading.Event(), threading.Event()
    threads: list[threading.Thread] = []

    def work() -> Clients:
        threads.append(threading.current_thread())
        started.set()
        assert go_on.wait(10)
        return Sdk().clients

    async def start() -> None:
        task = asyncio.create_task(make_loader(work).clients())
        await asyncio.to_thread(started.wait, 10)
        task.cancel()

    asyncio.run(start())
    go_on.set()
    threads[0].join(10)

    assert not threads[0].is_alive()


async def test_tokens() -> None:
    """Calls that come at the same time share a token; later ones ask the token provider again, which keeps its own."""
    made: list[str] = []

    def token() -> str:
        time.sleep(0.01)
        made.append(f"t{len(made)}")
        return made[-1]

    sdk = Sdk(HEL, STOP, token=token)
    provider = sdk.provider()
    await asyncio.gather(*(collect(provider, []) for _ in range(5)))
    await collect(provider, [])

    assert ["t0", "t1"] == made
    assert ["Bearer t0"] * 5 + ["Bearer t1"] == [asked["extra_headers"]["Authorization"] for asked in sdk.asked]


async def test_no_token() -> None:
    """Without a token nothing is sent, and the next call tries again."""
    tries: list[int] = []

    def token() -> str:
        tries.append(1)
        raise ValueError

    sdk = Sdk(HEL, token=token)
    provider = sdk.provider()
    for _ in range(2):
        with pytest.raises(UpstreamAuthError, match="Check its token section"):
            await collect(provider, [])

    assert ([1, 1], []) == (tries, sdk.asked)


@pytest.fixture
def environ(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put back afterwards what the SDK wants to find in the process's environment."""
    monkeypatch.setenv("AIR_SILENT", "")
    monkeypatch.setenv("AIR_CACHE_DIR", "")
    monkeypatch.delenv("AIR_CACHE_DIR")
    level = logging.getLogger("air").level
    yield
    logging.getLogger("air").setLevel(level)


class Package:
    """Stands in for the SDK's modules; remembers what was in the environment when they were imported."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, str]] = []

    def __call__(self, name: str) -> Any:
        self.seen.append((name, os.environ["AIR_SILENT"], os.environ["AIR_CACHE_DIR"]))
        made = {}
        for kind in ("AsyncChatClient", "AsyncEmbeddingsClient", "AsyncModelsClient"):
            made[kind] = lambda key, base_url, kind=kind: (kind, key, base_url)
        made["TokenProvider"] = lambda **given: SimpleNamespace(token=lambda: given["client_id"])
        return SimpleNamespace(**made)


@pytest.mark.usefixtures("environ")
def test_how_it_is_loaded(tmp_path: Path) -> None:
    """The SDK finds a folder that only the user can read, keeps its banner to itself, and makes three small clients."""
    package = Package()
    folder = tmp_path / "deep" / "airefinery"

    clients = load(Account("http://a", "k"), folder, package)

    assert {("1", str(folder))} == {seen[1:] for seen in package.seen}
    assert 0o700 == folder.stat().st_mode & 0o777
    assert (
        ("AsyncChatClient", "k", "http://a"),
        ("AsyncEmbeddingsClient", "k", "http://a"),
        ("AsyncModelsClient", "k", "http://a"),
        None,
    ) == (clients.chat, clients.embeddings, clients.models, clients.token)


@pytest.mark.usefixtures("environ")
def test_it_is_loaded_with_tokens(tmp_path: Path) -> None:
    """With a token section there is a token provider."""
    clients = load(Account("http://a", token={"client_id": "me"}), tmp_path, Package())

    assert clients.token is not None
    assert "me" == clients.token()


@pytest.mark.usefixtures("environ")
def test_a_folder_of_the_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``AIR_CACHE_DIR``, where it is set, is left alone."""
    monkeypatch.setenv("AIR_CACHE_DIR", "/mine")
    package = Package()

    load(Account("http://a"), tmp_path / "never", package)

    assert {"/mine"} == {seen[2] for seen in package.seen}
    assert not (tmp_path / "never").exists()


@pytest.mark.usefixtures("environ")
def test_no_folder() -> None:
    """Without a home directory nothing is written into the working directory."""
    with pytest.raises(FileNotFoundError):
        load(Account("http://a"), None, Package())


@pytest.mark.parametrize(
    ("environ", "platform", "expected"),
    [
        ({"XDG_CACHE_HOME": "/x", "HOME": "/h"}, "linux", "/x/llms/airefinery"),
        ({"XDG_CACHE_HOME": "x", "HOME": "/h"}, "linux", "/h/.cache/llms/airefinery"),
        ({"HOME": "/h"}, "linux", "/h/.cache/llms/airefinery"),
        ({"HOME": "/h"}, "darwin", "/h/Library/Caches/llms/airefinery"),
        ({}, "linux", None),
        ({"LOCALAPPDATA": "/l", "HOME": "/h"}, "win32", "/l/llms/airefinery"),
        ({"HOME": "/h"}, "win32", None),
    ],
)
def test_where_tokens_are_kept(environ: dict[str, str], platform: str, expected: str | None) -> None:
    """In the user's folder for caches, as each system has it."""
    assert (Path(expected) if expected else None) == cache_folder(environ, platform)


@pytest.mark.usefixtures("environ")
async def test_without_the_package(tmp_path: Path) -> None:
    """A provider that is built where the SDK is missing says so at its first call."""

    def absent(name: str) -> Any:
        raise ModuleNotFoundError(name)

    loader = Loader(Account("http://a"), tmp_path, FAILURES, work=lambda *given: load(*given, absent))

    with pytest.raises(UpstreamUnreachableError, match="Provider air cannot load airefinery-sdk"):
        await AiRefinerySdk("air", loader, DIALECT).models()
