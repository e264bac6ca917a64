"""A run as text: tables in markdown, remarks, and the page that holds them. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tests.bench.compare import Change
from tests.bench.figures import GATEWAY, TWO, Line, Spread
from tests.bench.goals import Verdict, judged

NOISY = 0.1
"""Share of the cores' time spent on others above which a run says little about latencies."""

_PLACE = re.compile(r"(<!-- figures -->\n).*?(<!-- end -->)", re.DOTALL)
_UNLIKE = " †"


def text(found: Sequence[Line], machine: Mapping[str, Any], told: Iterable[str]) -> str:
    """
    A run in full.

    Args:
        machine: ``date``, ``cpu``, ``cores``, ``kernel``, ``rounds``, and ``versions`` by name.
        told: Remarks.
    """
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    where = (
        f"{machine['date']}, {machine['cores']} cores of {machine['cpu']}, Linux {machine['kernel']}; {versions}. "
        f"Median [least–most] of {machine['rounds']} rounds."
    )
    notes = "\n".join(f"- {remark}" for remark in (*told, scaling(found, TWO)) if remark)
    parts = [where, table(found), "Ratios, taken within each round:", ratios(found), goals(judged(found)), notes]
    return "\n\n".join(part for part in parts if part)


def table(found: Sequence[Line], *, short: bool = False) -> str:
    """
    Every measure of every target: median [least–most] of the rounds.

    Args:
        short: Medians alone, of the measures that are meant for it.
    """
    targets = _targets(found)
    rows = []
    for line in found:
        if short and not line.measure.short:
            continue
        digits = line.measure.digits
        cells = [
            "–" if spread is None else _number(spread.middle, digits) if short else _cell(spread, digits)
            for spread in map(line.values.get, targets)
        ]
        rows.append([line.measure.title, *_marked(cells, targets, line)])
    return _markdown(["", *targets], rows)


def ratios(found: Sequence[Line]) -> str:
    """Every measure of the gateway ÷ that of every other target."""
    targets = [target for target in _targets(found) if target != GATEWAY]
    rows = []
    for line in found:
        if line.ratios:
            cells = ["–" if spread is None else _cell(spread, 2, 3) for spread in map(line.ratios.get, targets)]
            rows.append([line.measure.title, *_marked(cells, targets, line)])
    return _markdown(["gateway ÷", *targets], rows)


def goals(verdicts: Iterable[Verdict]) -> str:
    """The goals, what was measured, and whether they are met."""
    rows = []
    for verdict in verdicts:
        limits = ["–" if limit is None else f"≤ {_short(limit)}" for limit in (verdict.goal.must, verdict.goal.aim)]
        measured = "not measured" if verdict.measured is None else _short(verdict.measured)
        rows.append([verdict.goal.title, measured, *limits, _said(verdict)])
    return _markdown(["goal", "measured", "must", "aim", "met"], rows)


def comparison(changes: Iterable[Change]) -> str:
    """What has changed since another run."""
    rows = []
    for change in changes:
        title = change.measure.title + (f", ÷ {change.against}" if change.against else "")
        share = "–" if change.share is None else f"{change.share:+.0%}"
        rows.append([title, _short(change.before), _short(change.now), share, "**worse**" if change.worse else ""])
    return _markdown(["", "before", "now", "change", ""], rows)


def remarks(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """What a reader of the tables has to know: failed requests, smaller loads, and noise."""
    out = [
        f"{row['target']}, {row['suite']}, round {row['round']}: {failed} failed ({row['trouble']})"
        for row in rows
        if (failed := row.get("err", 0) + row.get("unfinished", 0))
    ]
    if any(row.get("unlike") for row in rows):
        out.append("† had a smaller load, since it would not have ended the others' in time")
    noisy = sum(row.get("foreign", 0.0) > NOISY for row in rows)
    if noisy:
        out.append(
            f"{noisy} of {len(rows)} runs lost more than {NOISY:.0%} of the cores to other processes: "
            "trust CPU and ratios, not times"
        )
    return out


def scaling(found: Iterable[Line], two: str) -> str | None:
    """
    What two workers do, and what keeps them from more; ``None`` where they were not measured.

    Args:
        two: The target with two workers.
    """
    by_name = {line.measure.name: line for line in found}
    rate, capacity, others = (by_name.get(name) for name in ("rate256", "capacity", "others"))
    if rate is None or capacity is None or others is None or two not in rate.ratios or two not in capacity.ratios:
        return None
    one_us, other_us = 1e6 / capacity.values[GATEWAY].middle, others.values[two].middle
    ceiling = min(2.0, 2 * one_us / (one_us + other_us))
    return (
        f"Two workers answered {1 / rate.ratios[two].middle:.2f} × the calls/s of one. Client and upstream took "
        f"{other_us:.1f} µs a call of the same two cores, beside {one_us:.1f} µs of the gateway, which allows "
        f"{ceiling:.2f} × at most. By the CPU time of the busier worker, two with a core each answer "
        f"{1 / capacity.ratios[two].middle:.2f} × the calls of one."
    )


def written(page: str, text: str) -> str:
    """Give the page with ``text`` as its figures."""
    assert _PLACE.search(page), "the page has no place for figures"
    return _PLACE.sub(lambda part: f"{part[1]}\n{text}\n\n{part[2]}", page)


def _targets(found: Iterable[Line]) -> list[str]:
    names = list(dict.fromkeys(target for line in found for target in line.values))
    return sorted(names, key=lambda name: (name.startswith(GATEWAY), names.index(name) if name != GATEWAY else -1))


def _marked(cells: Iterable[str], targets: Iterable[str], line: Line) -> list[str]:
    return [
        cell + _UNLIKE if target in line.unlike and cell != "–" else cell
        for cell, target in zip(cells, targets, strict=True)
    ]


def _said(verdict: Verdict) -> str:
    if verdict.measured is None:
        return "–"
    if verdict.met is False:
        return "**no**"
    if verdict.met is None:
        return "the aim" if verdict.aimed else "not the aim"
    return "yes" if verdict.aimed is None else "yes, and the aim" if verdict.aimed else "yes, not the aim"


def _cell(spread: Spread, digits: int, small: int | None = None) -> str:
    digits = digits if small is None or spread.middle >= 0.1 else small
    middle, least, most = (_number(value, digits) for value in (spread.middle, spread.least, spread.most))
    return middle if least == most else f"{middle} [{least}–{most}]"


def _number(value: float, digits: int) -> str:
    return f"{value:,.{digits}f}"


def _short(value: float) -> str:
    return _number(value, 0 if value >= 100 or value == int(value) else 2 if value >= 0.1 else 4)


def _markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
