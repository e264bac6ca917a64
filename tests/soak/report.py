"""Figures, and the page that shows them. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_TABLE = re.compile(r"(<!-- figures -->\n).*?(<!-- end -->)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Figure:
    """
    One measured value.

    Args:
        name: As ``F6``; one name may have several values.
        what: Is measured.
        measured: With its unit.
        target: Also.
        met: ``None`` where there is no target, only something that helps to read the others.
    """

    name: str
    what: str
    measured: str
    target: str
    met: bool | None


def text(figures: Iterable[Figure]) -> str:
    """Give a markdown table."""
    lines = ["| figure | what | measured | target | met |", "|---|---|---|---|---|", *map(_row, figures)]
    return "\n".join(lines)


def written(page: str, figures: Iterable[Figure], how: str) -> str:
    """
    Give the page with these figures.

    Args:
        how: They were measured; its first word is the command. Rows of the same names by the same command go.
    """
    new = list(figures)
    found = _TABLE.search(page)
    assert found, "the page has no place for figures"
    gone = {(figure.name, how.split(maxsplit=1)[0]) for figure in new}
    kept = [row for row in found[0].splitlines() if row.startswith("| F") and _key(row) not in gone]
    rows = sorted([*kept, *(f"{_row(figure)} {how} |" for figure in new)], key=lambda row: int(_key(row)[0][1:]))
    header = "| figure | what | measured | target | met | by, UTC, load |\n|---|---|---|---|---|---|"
    return _TABLE.sub(lambda part: f"{part[1]}\n{header}\n" + "\n".join(rows) + f"\n\n{part[2]}", page)


def _row(figure: Figure) -> str:
    met = {True: "yes", False: "**no**", None: "–"}[figure.met]
    return f"| {figure.name} | {figure.what} | {figure.measured} | {figure.target or '–'} | {met} |"


def _key(row: str) -> tuple[str, str]:
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    return cells[0], cells[-1].split()[0]
