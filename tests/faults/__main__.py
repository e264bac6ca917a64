"""
Runs the fault catalogue and prints what came out of each case.

::

    python -m tests.faults [CASE ...] [--write] [--repeat N] [--jobs N]

The tests of cases, all over tests/, run side by side in several processes. A case passes if it has a test and all of its
tests pass. The exit status is 1 if one does not.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.faults.catalogue import CASES
from tests.faults.table import Row, counted, rows, text, written

_TOP = Path(__file__).parents[2]
_PAGE = _TOP / "docs" / "faults.md"
_MARK = re.compile(r"mark\.case\((?!')|\bcase_table\(")
_LIMIT_S = 1800
"""The longest that they may take."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; give the exit status."""
    options = _options().parse_args(arguments)
    wanted = options.cases or list(CASES)
    if unknown := [name for name in wanted if name not in CASES]:
        sys.stderr.write(f"no such case: {', '.join(unknown)}\n")
        return 2
    history: list[list[Row]] = []
    for number in range(options.repeat):
        started = time.monotonic()
        found = rows(wanted, _run(wanted, options.jobs))
        history.append(found)
        if number == 0:
            sys.stdout.write(text(found) + "\n\n")
        bad = " ".join(row.case for row in found if not row.passed)
        took = f"{time.monotonic() - started:.0f} s"
        sys.stdout.write(f"{counted(found)} ({took}){f' not passed: {bad}' if bad else ''}\n")
        sys.stdout.flush()
    if options.repeat > 1:
        sys.stdout.write(_flakes(history) + "\n")
    if options.write:
        _PAGE.write_text(written(_PAGE.read_text("utf-8"), history[0]), "utf-8", newline="\n")
    return 0 if all(row.passed for found in history for row in found) else 1


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description="Run the fault catalogue.")
    parser.add_argument("cases", nargs="*", metavar="CASE", help="as C05; all if none is named")
    parser.add_argument("--write", action="store_true", help="renew the table in docs/faults.md")
    parser.add_argument("--repeat", type=int, default=1, metavar="N", help="run it N times and count what is not alike")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="processes at a time")
    return parser


def _files() -> list[Path]:
    """Give the files that have tests of cases; first those that take longest, with processes or many tests."""
    found = [(path.read_text("utf-8"), path) for path in (_TOP / "tests").rglob("test_*.py")]
    found.sort(key=lambda entry: ("process" not in entry[1].name, -len(entry[0])))
    return [path for content, path in found if _MARK.search(content)]


def _run(wanted: list[str], jobs: int) -> list[dict[str, Any]]:
    """Run the tests; give the plugin's rows. What failed is printed as pytest tells it."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "cases.json"
        command = [sys.executable, "-m", "pytest", "-q", "-m", "case", "-p", "no:cacheprovider"]
        command += ["-n", str(jobs), "--dist", "worksteal", "-p", "tests.faults.report"]
        command += ["--cases", ",".join(wanted), "--case-report", str(report), *map(str, _files())]
        try:
            done = subprocess.run(command, cwd=_TOP, capture_output=True, text=True, timeout=_LIMIT_S, check=False)  # noqa: S603 - our own command
        except subprocess.TimeoutExpired:
            sys.stdout.write(f"-- it took more than {_LIMIT_S} s\n")
            return []
        if done.returncode not in (0, 5):  # 5: there was nothing to run
            sys.stdout.write(done.stdout + done.stderr)
        return json.loads(report.read_text("utf-8")) if report.exists() else []


def _flakes(history: list[list[Row]]) -> str:
    failures = {name: sum(not row.passed for found in history for row in found if row.case == name) for name in CASES}
    lines = [f"{name}: failed {failures[name]} of {len(history)}" for name in CASES if failures[name]]
    flaky = sum(0 < count < len(history) for count in failures.values())
    return "\n".join([*lines, f"{len(history)} runs, {flaky} flaky cases"])


if __name__ == "__main__":
    sys.exit(main())
