"""The pytest plugin that writes down what became of the cases: ``-p tests.faults.report --case-report FILE``."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.faults.catalogue import CASES


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--cases", type=lambda text: frozenset(text.split(",")), help="run only tests of these fault cases"
    )
    parser.addoption("--case-report", type=Path, help="write what became of each test of a fault case to this file")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--case-report") and not hasattr(
        config, "workerinput"
    ):  # pytest-xdist's: its reports come here
        config.pluginmanager.register(_Report(config.getoption("--case-report")))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    wanted = config.getoption("--cases")
    if wanted:
        items[:] = [item for item in items if wanted.intersection(case_ids(item))]
    for item in items:
        item.user_properties.append(("cases", case_ids(item)))


def case_ids(item: pytest.Item) -> list[str]:
    """
    Give the cases that a test is of.

    Raises:
        pytest.UsageError: There is no such case.
    """
    ids = [name for marker in item.iter_markers("case") for name in marker.args]
    if unknown := [name for name in ids if name not in CASES]:
        message = f"{item.nodeid}: tests/faults/catalogue.py has no case {', '.join(unknown)}"
        raise pytest.UsageError(message)
    return ids


class _Report:
    """Collects one row for each test of a case: its id, its cases, whether it passed, what came out."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._order: Sequence[str] = ()
        self._rows: dict[str, dict[str, Any]] = {}

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._order = [item.nodeid for item in session.items]

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: Sequence[str]) -> None:
        self._order = ids

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        cases = next((value for name, value in report.user_properties if name == "cases"), None)
        if not cases:
            return
        new = {"test": report.nodeid, "cases": cases, "outcome": "not run", "came_out": []}
        row = self._rows.setdefault(report.nodeid, new)
        if not report.passed:
            row["outcome"] = report.outcome
        elif report.when == "call" and row["outcome"] == "not run":
            row["outcome"] = "passed"
        if report.when == "teardown":
            row["came_out"] = _texts(report.user_properties)

    def pytest_sessionfinish(self) -> None:
        rows = [self._rows[name] for name in self._order if name in self._rows]
        self._path.write_text(json.dumps(rows), "utf-8")


def _texts(properties: Iterable[tuple[str, object]]) -> list[str]:
    return [str(value) for name, value in properties if name == "came_out"]
