"""From what became of the tests to the table of the cases. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.faults.catalogue import CASES

_PART = re.compile(r"(<!-- table -->\n).*?(<!-- end -->)", re.DOTALL)
_MOST_OUTCOMES = 4


@dataclass(frozen=True, slots=True)
class Row:
    """
    One case.

    Args:
        tests: How many tests it has.
        came_out: In the tests' own words, each once.
        result: ``pass``, ``fail``, or ``no test``.
    """

    case: str
    tests: int
    came_out: tuple[str, ...]
    result: str

    @property
    def passed(self) -> bool:
        """Whether it has a test, and all of them passed."""
        return self.result == "pass"


def rows(wanted: Iterable[str], tests: Iterable[Mapping[str, Any]]) -> list[Row]:
    """Give a row for each wanted case from the plugin's rows for the tests."""
    by_case: dict[str, list[Mapping[str, Any]]] = {}
    for test in tests:
        for name in set(test["cases"]):
            by_case.setdefault(name, []).append(test)
    return [_row(name, by_case.get(name, [])) for name in wanted]


def counted(found: Sequence[Row]) -> str:
    """Say how many passed: ``U 75 of 75, C 53 of 53, P 19 of 19``."""
    return _counted({row.case: row.passed for row in found})


def text(found: Iterable[Row]) -> str:
    """Give the table as Markdown."""
    return "\n".join([*_HEAD, *map(_line, found)])


def written(page: str, found: Sequence[Row]) -> str:
    """Give a page with these rows in its table; those of other cases stay as they are."""
    lines = {line[2:5]: line for line in page.splitlines() if line[2:5] in CASES}
    lines |= {row.case: _line(row) for row in found}
    lines = {case: lines[case] for case in CASES if case in lines}
    counts = _counted({case: line.endswith("| pass |") for case, line in lines.items()})
    table = "\n".join([f"{counts}.", "", *_HEAD, *lines.values()])
    return _PART.sub(lambda part: f"{part[1]}\n{table}\n\n{part[2]}", page)


_HEAD = ("| case | injected | must come out | came out | result |", "|---|---|---|---|---|")


def _line(row: Row) -> str:
    case = CASES[row.case]
    return f"| {row.case} | {case.injected} | {case.expected} | {_came_out(row)} | {row.result} |"


def _counted(passed: Mapping[str, bool]) -> str:
    parts = []
    for letter in dict.fromkeys(case[0] for case in passed):
        mine = [good for case, good in passed.items() if case[0] == letter]
        parts.append(f"{letter} {sum(mine)} of {len(mine)}")
    return ", ".join(parts)


def _row(name: str, tests: list[Mapping[str, Any]]) -> Row:
    came_out = tuple(dict.fromkeys(text for test in tests for text in test["came_out"]))
    if not tests:
        return Row(name, 0, (), "no test")
    return Row(name, len(tests), came_out, "pass" if all(test["outcome"] == "passed" for test in tests) else "fail")


def _came_out(row: Row) -> str:
    shown = [re.sub(r"[|\s]+", " ", text) for text in row.came_out[:_MOST_OUTCOMES]]
    return "; ".join([*shown, *(["…"] if len(row.came_out) > _MOST_OUTCOMES else [])])
