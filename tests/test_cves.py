"""docs/cves.md: each line names tests that exist."""

import ast
import re

import pytest

from tests.support import docs

PAGE = (docs.TOP / "docs" / "cves.md").read_text("utf-8")
LINES = [line.split(" | ") for line in PAGE.splitlines() if re.match(r"\| [A-Z]+[A-Za-z/]*[-#]", line)]
TESTED = [line for line in LINES if len(line) == 3]
_ID = re.compile(r"(?:CVE|GHSA|GO|MAL|PYSEC)-[0-9a-z-]+|BerriAI/litellm#\d+")


@pytest.mark.parametrize("line", TESTED, ids=[line[0].strip("| ") for line in TESTED])
def test_each_line_has_its_tests(line):
    """A fault that others had is one that a test here is about."""
    named = re.findall(r"`([\w/]+\.py)::(test_\w+)`", line[2])

    assert named
    for file, test in named:
        tree = ast.parse((docs.TOP / "tests" / file).read_text("utf-8"))
        names = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
        assert test in names, f"{file} has no {test}"


def test_each_is_there_once():
    """No number stands in two lines, and there are as many as are promised."""
    found = _ID.findall(PAGE)

    assert len(found) == len(set(found))
    assert sum(len(_ID.findall(line[0])) for line in TESTED) >= 80
    assert len(TESTED) >= 35
