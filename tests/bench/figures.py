"""From the rows of a run to its figures: each measure of every target, and its ratio to the gateway's. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

DIRECT, GATEWAY, BARE, TWO = "direct", "gateway", "gateway, open", "gateway ×2"
INTERPRETED = "gateway, interpreted"


@dataclass(frozen=True, slots=True)
class Measure:
    """
    A line of the tables.

    Args:
        name: By which goals know it.
        field: Of a row; a dot leads into an inner object.
        digits: After the decimal point.
        added: Whether what the client sees without any gateway is taken off, round by round.
        over: Another suite by whose value it is divided, round by round.
        short: Whether it is in the short table.
    """

    name: str
    title: str
    suite: str
    field: str
    digits: int = 0
    added: bool = False
    over: str | None = None
    short: bool = False


MEASURES = (
    Measure("cpu1", "CPU per call, one at a time, µs", "calls", "cpu_us", 1),
    Measure("cpu64", "CPU per call, 64 at once, µs", "calls64", "cpu_us", 1, short=True),
    Measure("rate64", "calls/s, 64 at once", "calls64", "calls_s", short=True),
    Measure("p99_64", "time per call, 64 at once, p99, µs", "calls64", "latency_us.p99"),
    Measure("added1", "time added to a call, one at a time, p50, µs", "calls", "latency_us.p50", added=True),
    Measure("added1_p99", "… p99, µs", "calls", "latency_us.p99", added=True),
    Measure("ttft", "time added to the first token, p50, µs", "first", "ttft_us.p50", added=True, short=True),
    Measure("ttft_p99", "… p99, µs", "first", "ttft_us.p99", added=True),
    Measure("cpu_burst", "CPU per chunk, burst of 32 streams × 500 chunks, µs", "burst", "cpu_us", 2, short=True),
    Measure("burst", "chunks/s, burst", "burst", "chunks_s"),
    Measure("cpu_p100", "CPU per chunk, 100 streams at 25/s, µs", "paced100", "cpu_us", 1, short=True),
    Measure("cpu_p500", "CPU per chunk, 500 streams at 25/s, µs", "paced500", "cpu_us", 1),
    Measure("cpu_p2000", "CPU per chunk, 2,000 streams at 25/s, µs", "paced2000", "cpu_us", 1),
    Measure("flat", "CPU per chunk, 2,000 streams ÷ 100 streams", "paced2000", "cpu_us", 2, over="paced100"),
    Measure("transit100", "transit of a chunk, 100 streams, p50, µs", "paced100", "transit_us.p50"),
    Measure("transit100_p99", "… p99, µs", "paced100", "transit_us.p99"),
    Measure("jitter100", "jitter of a chunk, 100 streams, p50, µs", "paced100", "jitter_us.p50"),
    Measure("jitter100_p99", "… p99, µs", "paced100", "jitter_us.p99"),
    Measure("transit500", "transit of a chunk, 500 streams, p50, µs", "paced500", "transit_us.p50"),
    Measure("transit500_p99", "… p99, µs", "paced500", "transit_us.p99", short=True),
    Measure("jitter500", "jitter of a chunk, 500 streams, p50, µs", "paced500", "jitter_us.p50"),
    Measure("jitter500_p99", "… p99, µs", "paced500", "jitter_us.p99"),
    Measure("transit2000", "transit of a chunk, 2,000 streams, p50, µs", "paced2000", "transit_us.p50"),
    Measure("transit2000_p99", "… p99, µs", "paced2000", "transit_us.p99"),
    Measure("jitter2000", "jitter of a chunk, 2,000 streams, p50, µs", "paced2000", "jitter_us.p50"),
    Measure("jitter2000_p99", "… p99, µs", "paced2000", "jitter_us.p99"),
    Measure("cpu_256k", "CPU per call of 256 KiB, µs", "body256k", "cpu_us"),
    Measure("cpu_4m", "CPU per call of 4 MiB, µs", "body4m", "cpu_us"),
    Measure("idle", "memory per idle stream, KiB", "idle", "held_kib", 1, short=True),
    Measure("memory", "memory after the start, MiB", "start", "memory_mib", 1),
    Measure("ready", "start to the first answer, s", "start", "ready_s", 2, short=True),
    Measure("install", "installed, MB", "install", "megabytes", 1, short=True),
    Measure("modules", "modules imported", "imports", "modules"),
    Measure("imports", "importing them, ms", "imports", "milliseconds"),
    Measure("rate256", "calls/s, 256 at once", "workers", "calls_s"),
    Measure("capacity", "calls/s with a core for each worker, by the busiest one's CPU time", "workers", "capacity_s"),
    Measure("others", "CPU per call of client and upstream, µs", "workers", "others_us", 1),
)


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of the rounds, and their extremes."""

    middle: float
    least: float
    most: float


@dataclass(frozen=True, slots=True)
class Line:
    """
    One measure over all rounds.

    Args:
        values: By target.
        ratios: The gateway's value ÷ the target's, taken in each round and then summed up.
        unlike: Targets that had another load.
    """

    measure: Measure
    values: Mapping[str, Spread]
    ratios: Mapping[str, Spread]
    unlike: frozenset[str] = frozenset()


_Values = Mapping[tuple[int, str], float]


def lines(rows: Sequence[Mapping[str, Any]], measures: Iterable[Measure] = MEASURES) -> list[Line]:
    """
    Sum up a run.

    Args:
        rows: With ``round``, ``target``, ``suite``, and the fields of ``measure.play``.

    Returns:
        A line for each measure that some target has.
    """
    found = []
    for measure in measures:
        values = _values(rows, measure.suite, measure.field)
        if measure.over is not None:
            values = _with(values, _values(rows, measure.over, measure.field), lambda key: key, _ratio)
        elif measure.added:
            values = _with(values, values, lambda key: (key[0], DIRECT), lambda value, base: value - base)
            values = {key: value for key, value in values.items() if key[1] != DIRECT}
        if values:
            unlike = {row["target"] for row in rows if row["suite"] == measure.suite and row.get("unlike")}
            found.append(_line(measure, values, frozenset(unlike)))
    return found


def _line(measure: Measure, values: _Values, unlike: frozenset[str]) -> Line:
    targets = dict.fromkeys(target for _, target in values)
    ours = {number: value for (number, target), value in values.items() if target == GATEWAY}
    ratios: dict[str, Spread] = {}
    for target in targets:
        pairs = [(ours[number], value) for (number, name), value in values.items() if name == target and number in ours]
        if target != GATEWAY and (found := [mine / theirs for mine, theirs in pairs if theirs > 0 and mine >= 0]):
            ratios[target] = _spread(found)
    spreads = {target: _spread([value for (_, name), value in values.items() if name == target]) for target in targets}
    return Line(measure, spreads, ratios, unlike)


def _values(rows: Iterable[Mapping[str, Any]], suite: str, field: str) -> _Values:
    return {
        (row["round"], row["target"]): value
        for row in rows
        if row["suite"] == suite and (value := _value(row, field)) is not None
    }


def _with(
    values: _Values,
    others: _Values,
    partner: Callable[[tuple[int, str]], tuple[int, str]],
    join: Callable[[float, float], float],
) -> _Values:
    return {key: join(value, others[partner(key)]) for key, value in values.items() if partner(key) in others}


def _ratio(value: float, base: float) -> float:
    return value / base if base else float("nan")


def _spread(values: Sequence[float]) -> Spread:
    return Spread(median(values), min(values), max(values))


def _value(row: Mapping[str, Any], field: str) -> float | None:
    value: Any = row
    for name in field.split("."):
        value = None if value is None else value[name]
    return None if value is None else float(value)
