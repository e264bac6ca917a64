"""The table of ``python -m tests.faults``, and the plugin that it is made from."""

import json
import os
import subprocess
import sys

import pytest

from tests.faults import table
from tests.faults.__main__ import main
from tests.faults.catalogue import CASES
from tests.support import docs

PAGE = docs.TOP / "docs" / "faults.md"


def test_a_case_passes_if_all_its_tests_do():
    """One failed test fails its case; a case without a test does not pass."""
    tests = [
        {"test": "a", "cases": ["U01", "U02"], "outcome": "passed", "came_out": ["502 x", "502 x"]},
        {"test": "b", "cases": ["U02"], "outcome": "failed", "came_out": []},
        {"test": "c", "cases": ["C01"], "outcome": "skipped", "came_out": []},
    ]

    found = table.rows(["U01", "U02", "U03", "C01"], tests)

    assert ["pass", "fail", "no test", "fail"] == [row.result for row in found]
    assert [1, 2, 0, 1] == [row.tests for row in found]
    assert ("502 x",) == found[0].came_out
    assert "U 1 of 3, C 0 of 1" == table.counted(found)
    assert table.text(found).splitlines()[2].endswith("| 502 x | pass |")


def test_a_part_of_the_page_is_renewed():
    """What was not run stays as it was; all that passed are counted."""
    page = "a\n<!-- table -->\n\n| C01 | x | y | z | pass |\n| U02 | x | y | z | fail |\n\n<!-- end -->\nb\n"
    tests = [{"cases": ["U01"], "outcome": "passed", "came_out": ["fine"]}]

    lines = table.written(page, table.rows(["U01"], tests)).splitlines()

    assert "U 1 of 2, C 1 of 1." == lines[3]
    assert ["U01", "U02", "C01"] == [line[2:5] for line in lines[7:10]]
    assert "| U02 | x | y | z | fail |" == lines[8]
    assert ("a", "b") == (lines[0], lines[-1])


def run(folder, *more):
    """Run pytest with the plugin on the file in ``folder``; the options of this run are not those of that one."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.faults.report", "--rootdir", folder, *more]
    environ = {**os.environ, "PYTEST_ADDOPTS": ""}
    options = ["--case-report", folder / "report.json", folder / "test_it.py"]
    return subprocess.run([*command, *options], cwd=docs.TOP, env=environ, capture_output=True, check=False)  # noqa: S603 - our own


@pytest.mark.parametrize("more", [(), ("-n", "2")], ids=["alone", "side by side"])
def test_report(tmp_path, more):
    """The plugin writes a row for each test of a case, in the order of the files, with what came out, and no others."""
    (tmp_path / "test_it.py").write_text(
        "import pytest\n"
        "@pytest.fixture\n"
        "def falls():\n    yield\n    assert False\n"
        "@pytest.mark.case('U01')\n"
        "def test_one(record_property):\n    record_property('came_out', 'fine')\n"
        "@pytest.mark.case('U02', 'U03')\n"
        "def test_two(falls): pass\n"
        "@pytest.mark.case('U04')\n"
        "def test_three(): pytest.skip('no')\n"
        "def test_four(): pass\n"
    )

    done = run(tmp_path, *more)

    assert 1 == done.returncode
    rows = [
        (row["cases"], row["outcome"], row["came_out"]) for row in json.loads((tmp_path / "report.json").read_bytes())
    ]
    assert [(["U01"], "passed", ["fine"]), (["U02", "U03"], "failed", []), (["U04"], "skipped", [])] == rows


def test_unknown_case(tmp_path):
    """A test of a case that the catalogue does not have is refused before anything runs."""
    (tmp_path / "test_it.py").write_text("import pytest\n@pytest.mark.case('U99')\ndef test_one(): pass\n")

    done = run(tmp_path)

    assert 4 == done.returncode
    assert b"no case U99" in done.stdout + done.stderr


def test_command_knows_its_cases(capsys):
    """The command refuses a case that does not exist."""
    assert 2 == main(["X01"])
    assert "no such case: X01" in capsys.readouterr().err


@pytest.mark.parametrize("case", CASES)
def test_page_has_every_case(case):
    """The published table has each case in the catalogue's words; ``python -m tests.faults --write`` renews it."""
    words = f"| {case} | {CASES[case].injected} | {CASES[case].expected} |"

    assert words in PAGE.read_text("utf-8")
