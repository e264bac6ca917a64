"""From the rows of a run to a table: every measure direct, through the gateway, their difference and their ratio. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

NOISY = 0.1
"""Share of the cores' time spent on others above which a run says little about latencies."""


@dataclass(frozen=True, slots=True)
class Measure:
    """
    A line of the table.

    Args:
        field: Of a row; a dot leads into an inner object.
        digits: After the decimal point.
    """

    title: str
    suite: str
    field: str
    digits: int = 0


MEASURES = (
    Measure("CPU per call, one at a time, µs", "calls", "cpu_us", 1),
    Measure("CPU per call, 64 at once, µs", "calls64", "cpu_us", 1),
    Measure("CPU per chunk, 50 streams at 25 chunks/s, µs", "paced", "cpu_us", 1),
    Measure("CPU per chunk, burst of 32 streams × 500 chunks, µs", "burst", "cpu_us", 2),
    Measure("time per call, one at a time, median, µs", "calls", "latency_us.p50"),
    Measure("time to first token, median, µs", "first", "ttft_us.p50"),
    Measure("time in transit per chunk, paced, median, µs", "paced", "transit_us.p50"),
    Measure("calls/s, 64 at once", "calls64", "calls_s"),
    Measure("chunks/s, burst of 32 streams × 500 chunks", "burst", "chunks_s"),
    Measure("memory per idle stream, KiB", "idle", "held_kib", 1),
)


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of the rounds, and their extremes."""

    middle: float
    least: float
    most: float


@dataclass(frozen=True, slots=True)
class Line:
    """One measure over all rounds; difference and ratio are taken in each round, then summed up."""

    measure: Measure
    direct: Spread
    gateway: Spread
    difference: Spread
    ratio: Spread | None


def lines(rows: Sequence[Mapping[str, Any]], measures: Iterable[Measure] = MEASURES) -> list[Line]:
    """
    Sum up a run.

    Args:
        rows: With ``round``, ``target`` (``direct`` or ``gateway``), ``suite``, and the fields of ``suites.measure``.

    Returns:
        A line for each measure of which some round has both sides.
    """
    found = []
    for measure in measures:
        values = {
            (row["round"], row["target"]): value
            for row in rows
            if row["suite"] == measure.suite and (value := _value(row, measure.field)) is not None
        }
        both = sorted({number for number, _ in values if {(number, "direct"), (number, "gateway")} <= values.keys()})
        pairs = [(values[number, "direct"], values[number, "gateway"]) for number in both]
        if pairs:
            found.append(_line(measure, pairs))
    return found


def table(found: Iterable[Line]) -> str:
    """A markdown table."""
    out = ["| | direct | gateway | gateway − direct | gateway ÷ direct |", "|---|---:|---:|---:|---:|"]
    for line in found:
        digits = line.measure.digits
        cells = [_cell(spread, digits) for spread in (line.direct, line.gateway, line.difference)]
        ratio = "–" if line.ratio is None else _cell(line.ratio, 2)
        out.append(f"| {' | '.join([line.measure.title, *cells, ratio])} |")
    return "\n".join(out)


def remarks(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """What a reader of the table has to know: failed requests, and noise."""
    out = [
        f"{row['target']}, {row['suite']}, round {row['round']}: {failed} failed ({row['trouble']})"
        for row in rows
        if (failed := row["err"] + row["unfinished"])
    ]
    noisy = sum(row["foreign"] > NOISY for row in rows)
    if noisy:
        out.append(
            f"{noisy} of {len(rows)} runs lost more than {NOISY:.0%} of the cores to other processes: "
            "trust CPU and ratios, not times"
        )
    return out


def _line(measure: Measure, pairs: Sequence[tuple[float, float]]) -> Line:
    ratios = [gateway / direct for direct, gateway in pairs if direct > 0]
    return Line(
        measure,
        direct=_spread([direct for direct, _ in pairs]),
        gateway=_spread([gateway for _, gateway in pairs]),
        difference=_spread([gateway - direct for direct, gateway in pairs]),
        ratio=_spread(ratios) if ratios else None,
    )


def _spread(values: Sequence[float]) -> Spread:
    return Spread(median(values), min(values), max(values))


def _cell(spread: Spread, digits: int) -> str:
    middle, least, most = (f"{value:,.{digits}f}" for value in (spread.middle, spread.least, spread.most))
    return middle if least == most else f"{middle} [{least}–{most}]"


def _value(row: Mapping[str, Any], field: str) -> float | None:
    value: Any = row
    for name in field.split("."):
        value = value[name]
    return None if value is None else float(value)
