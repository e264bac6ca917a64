"""What every test gets: a loop, and the certainty that nothing is left over at its end."""

import asyncio
import gc
import inspect
import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.faults.report import case_ids
from tests.support import leaks
from tests.support.compiled import COMPILED
from tests.support.gateway import Running, running
from tests.support.invariants import Watch

os.environ["LLMS_STORE"] = "none"  # or each gateway would write into the user's own data folder
pytest_plugins = ["tests.support.database_fixtures"]

_LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {"asyncio": asyncio.SelectorEventLoop}
if find_spec("uvloop"):  # Windows has none
    _LOOPS["uvloop"] = import_module("uvloop").new_event_loop


class _AtOnce:
    """Shows a failure when it happens: a run that is cut off later has no summary."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._config.get_terminal_writer().write(
                f"\n{report.nodeid}, {report.when}, {report.duration:.1f} s\n{report.longreprtext}\n"
            )


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # what a worker of xdist reports is shown by the one that started it
        config.pluginmanager.register(_AtOnce(config))


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
    """Refuse a fault case that the catalogue does not have; leave out what a compiled gateway cannot be asked."""
    for item in items:
        case_ids(item)
        if COMPILED and item.get_closest_marker("interpreted"):
            item.add_marker(pytest.mark.skip("the gateway is compiled"))


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
def invariants(request: pytest.FixtureRequest) -> Iterator[Watch | None]:
    """
    Look on in a test of a fault case: what holds after every fault, and what came out, for ``python -m tests.faults``.

    The fixtures ``gateway`` and ``pair`` ask it at the end.
    """
    markers = list(request.node.iter_markers("case"))
    if not markers:
        yield None
        return
    without = {name: why for marker in markers for name, why in marker.kwargs.get("without", {}).items()}
    with Watch(without) as watch:
        yield watch
    if not any(name == "came_out" for name, _ in request.node.user_properties):  # the test has not said it itself
        request.node.user_properties += [("came_out", text) for text in watch.came_out()]


@pytest.fixture
async def gateway(tmp_path: Path, invariants: Watch | None) -> AsyncGenerator[Callable[..., Awaitable[Running]], None]:
    """Start gateways; see ``tests.support.gateway.running`` for what they can be told."""
    async with AsyncExitStack() as stack:
        started: list[Running] = []

        async def start(**options: Any) -> Running:
            started.append(await stack.enter_async_context(running(tmp_path, **options)))
            if invariants is not None:
                invariants.secret(*(options.get("environ") or {}).values())
            return started[-1]

        yield start
        if invariants is not None:
            for one in started:
                await invariants.check(one)
