"""A real browser in front of a real gateway in front of a scripted upstream."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.browser import chromium
from tests.browser.chat import Chat
from tests.browser.office import PEOPLE, Office, settle
from tests.browser.watch import Watch
from tests.support.gateway import Running, running
from tests.upstream.server import Upstream

_HERE = Path(__file__).parent


_LEFT_OUT = pytest.StashKey[str]()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run these tests in one loop, as starting a browser for each takes longer than the test; or leave them all out."""
    mine = [item for item in items if _HERE in item.path.parents]
    for item in mine:
        item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
    missing = chromium.missing()
    if mine and missing and not chromium.REQUIRED:
        items[:] = [item for item in items if item not in mine]
        config.stash[_LEFT_OUT] = f"{len(mine)} left out, as {missing}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say in one line that the tests did not run, and why."""
    if left_out := config.stash.get(_LEFT_OUT, None):
        terminalreporter.write_line(f"browser tests: {left_out}", yellow=True)


@pytest.fixture(autouse=True)
def nothing_left_over() -> None:
    """Nothing is watched here: the browser's own tasks live on; the gateway is watched by its own tests."""


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncGenerator[Any, None]:
    """Start Chromium, once."""
    if missing := chromium.missing():
        pytest.fail(missing, pytrace=False)
    api = import_module("playwright.async_api")
    async with api.async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=chromium.executable(), args=chromium.ARGUMENTS)
        yield started
        await started.close()


@pytest_asyncio.fixture(loop_scope="session")
async def upstream(browser: Any) -> AsyncGenerator[Upstream, None]:
    async with Upstream() as scripted:
        yield scripted


@pytest_asyncio.fixture(loop_scope="session")
async def gateway(browser: Any, tmp_path: Path) -> AsyncGenerator[Callable[..., Awaitable[Running]], None]:
    """Start gateways; see ``tests.support.gateway.running`` for what they can be told."""
    async with AsyncExitStack() as stack:

        async def start(**options: Any) -> Running:
            return await stack.enter_async_context(running(tmp_path, **options))

        yield start


@pytest_asyncio.fixture(loop_scope="session")
async def watched(browser: Any) -> AsyncGenerator[Callable[..., Awaitable[tuple[Any, Watch]]], None]:
    """Make browser contexts that are watched; the test fails at its end if one did what no page may."""
    contexts: list[Any] = []
    watches: list[Watch] = []

    async def make(origin: str, **options: Any) -> tuple[Any, Watch]:
        context = await browser.new_context(**{"locale": "en-US", "timezone_id": "UTC", **options})
        context.set_default_timeout(10_000)
        contexts.append(context)
        watch = Watch(origin)
        watches.append(watch)
        await watch.follow(context)
        return context, watch

    yield make

    for context in contexts:
        await context.close()
    if found := [line for watch in watches for line in watch.unexpected()]:
        pytest.fail("the page did what no page may:\n" + "\n".join(found), pytrace=False)


@pytest_asyncio.fixture(loop_scope="session")
async def chat(
    gateway: Callable[..., Awaitable[Running]], upstream: Upstream, watched: Callable[..., Awaitable[tuple[Any, Watch]]]
) -> Callable[..., Awaitable[Chat]]:
    """
    Start a gateway whose provider ``up`` is the upstream and open the chat in front of it.

    Takes the gateway's ``server`` options, and for the browser's context: ``context``.
    """

    async def start(*, context: dict[str, Any] | None = None, path: str = "/", **server: Any) -> Chat:
        models = ["gpt-up", "gpt-other"]
        section = {
            "type": "openai",
            "base_url": f"{upstream.url}/v1",
            "api_key": "$UP_KEY",
            "models": models,
            "retries": 0,
        }
        started = await gateway(
            providers={"up": section}, server=server, environ={"UP_KEY": "sk-up-canary", "K": "sk-own"}
        )
        made, watch = await watched(started.url, **(context or {}))
        opened = Chat(started, upstream, made, watch, await made.new_page())
        await opened.goto(path)
        return opened

    return start


@pytest_asyncio.fixture(loop_scope="session")
async def office(
    gateway: Callable[..., Awaitable[Running]],
    watched: Callable[..., Awaitable[tuple[Any, Watch]]],
    tmp_path: Path,
) -> Callable[..., Awaitable[Office]]:
    """
    Start a gateway with the demo model that keeps ``keys`` and ``calls``, and make a page in front of it.

    Takes the gateway's ``server`` options, and for the browser's context: ``context``.
    """

    async def start(
        *, keys: Any = PEOPLE, calls: Any = (), context: dict[str, Any] | None = None, **server: Any
    ) -> Office:
        url = await settle(tmp_path, keys, calls)
        started = await gateway(environ={"LLMS_STORE": url}, server=server)
        made, watch = await watched(started.url, **(context or {}))
        return Office(started, made, watch, await made.new_page())

    return start
