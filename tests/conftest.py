"""What every test gets: a loop, and the certainty that nothing is left over at its end."""

import asyncio
import gc
import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.faults.report import case_ids
from tests.support import leaks, outcome
from tests.support.gateway import Running, running
from tests.support.raw import RawClient

_LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {"asyncio": asyncio.SelectorEventLoop}
if find_spec("uvloop"):  # Windows has none
    _LOOPS["uvloop"] = import_module("uvloop").new_event_loop


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--loop", choices=_LOOPS, default="asyncio", help="event loop that the tests run in")


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run a test in the loop of ``--loop``, or in those that ``@pytest.mark.asyncio(loop_factories=[…])`` names."""
    marker = item.get_closest_marker("asyncio")
    if marker is not None and "loop_factories" in marker.kwargs:
        return _LOOPS
    chosen = config.getoption("--loop")
    return {chosen: _LOOPS[chosen]}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse a fault case that the catalogue does not have."""
    for item in items:
        case_ids(item)


def pytest_collection_finish() -> None:
    """Take what was imported out of the collector's sight, so that collecting after each test takes a moment only."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def nothing_left_over(request: pytest.FixtureRequest) -> None:
    """Watch over every asynchronous test; being autouse, it is set up before other fixtures and asked after them."""
    if inspect.iscoroutinefunction(getattr(request, "function", None)):
        request.getfixturevalue("_nothing_left_over")


@pytest.fixture
async def _nothing_left_over() -> AsyncGenerator[None, None]:
    watch = leaks.Watch()
    watch.start()
    yield
    if left := await watch.stop():
        pytest.fail("left over:\n" + "\n".join(left), pytrace=False)


@pytest.fixture(autouse=True)
def _what_came_out(request: pytest.FixtureRequest) -> Iterator[None]:
    """Note what clients read in a test of a fault case, for the table of ``python -m tests.faults``."""
    if request.node.get_closest_marker("case") is None:
        yield
        return
    notes = request.node.user_properties

    def note(response: Any) -> None:
        notes.append(("came_out", outcome.of_response(response)))

    RawClient.listeners.append(note)
    yield
    RawClient.listeners.remove(note)


@pytest.fixture
async def gateway(
    tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncGenerator[Callable[..., Awaitable[Running]], None]:
    """Start gateways; see ``tests.support.gateway.running`` for what they can be told."""
    started: list[Running] = []
    async with AsyncExitStack() as stack:

        async def start(**options: Any) -> Running:
            started.append(await stack.enter_async_context(running(tmp_path, **options)))
            return started[-1]

        yield start
        notes = request.node.user_properties
        if request.node.get_closest_marker("case") and not any(name == "came_out" for name, _ in notes):
            notes.append(("came_out", outcome.of_records(record for one in started for record in one.records)))
