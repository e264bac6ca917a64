"""The pytest plugin that writes down what became of the cases: ``-p tests.faults.report --case-report FILE``."""

import json
from collections.abc import Iterable
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
    if config.getoption("--case-report"):
        config.pluginmanager.register(_Report(config.getoption("--case-report")))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    wanted = config.getoption("--cases")
    if wanted:
        items[:] = [item for item in items if wanted.intersection(case_ids(item))]


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
        self._rows: dict[str, dict[str, Any]] = {}

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for item in session.items:
            if ids := case_ids(item):
                self._rows[item.nodeid] = {"test": item.nodeid, "cases": ids, "outcome": "not run", "came_out": []}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        row = self._rows.get(report.nodeid)
        if row is None:
            return
        if not report.passed:
            row["outcome"] = report.outcome
        elif report.when == "call" and row["outcome"] == "not run":
            row["outcome"] = "passed"
        if report.when == "teardown":
            row["came_out"] = _texts(report.user_properties)

    def pytest_sessionfinish(self) -> None:
        self._path.write_text(json.dumps(list(self._rows.values())), "utf-8")


def _texts(properties: Iterable[tuple[str, object]]) -> list[str]:
    return [str(value) for name, value in properties if name == "came_out"]
