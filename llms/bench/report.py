"""
The result in words: lines of figures, a picture of the gaps, what holds chunks back, what failed.

Plain text: what it says does not hang on colour, and the one character outside ASCII has a substitute.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from llms.bench.causes import Cause, Head, causes
from llms.bench.spread import Bar, Figures
from llms.bench.verdict import Flow, Summary, Verdict

_WIDTH = 32
_BUSY = 0.8


@dataclass(frozen=True, slots=True)
class Result:
    """
    One URL.

    Args:
        head: Of an answer; ``None`` where none came whole.
    """

    url: str
    model: str
    summary: Summary
    head: Head | None

    def causes(self) -> list[Cause]:
        """Give what may hold its chunks back."""
        return causes(self.summary.verdict, self.head) if self.head else []


@dataclass(frozen=True, slots=True)
class Line:
    """
    One figure, of each URL.

    Args:
        form: Makes text of a value.
        values: ``None`` where there is none.
    """

    label: str
    form: Callable[[float], str]
    values: list[float | None]

    def cells(self) -> list[str]:
        """Give the values, and of two their difference and ratio."""
        cells = ["-" if value is None else self.form(value) for value in self.values]
        if len(self.values) != 2:
            return cells
        one, two = self.values
        if one is None or two is None:
            return [*cells, "-", "-"]
        sign = "+" if two > one else "-" if two < one else ""
        return [*cells, sign + self.form(abs(two - one)), f"{two / one:.2f}" if one else "-"]


def seconds(value: float) -> str:
    """Give a duration as people read it."""
    if value >= 10:
        return f"{value:.1f} s"
    return f"{value:.2f} s" if value >= 1 else f"{value * 1000:.1f} ms"


def number(value: float) -> str:
    """Give a number as people read it."""
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.1f}"


def lines(results: Sequence[Result]) -> list[Line]:
    """Give the lines of the table."""
    summaries = [result.summary for result in results]

    def durations(label: str, pick: Callable[[Summary], Figures | None], shown: Sequence[str]) -> Iterator[Line]:
        figures = [pick(summary) for summary in summaries]
        for name in shown:
            values = [getattr(each, f"{name}_s") if each else None for each in figures]
            yield Line(f"{label}, {name}", seconds, values)

    marked = "~" if any(summary.counted for summary in summaries) else ""
    found = [
        *durations("first chunk", lambda summary: summary.first, ("p50", "p95", "longest")),
        *durations("first text", lambda summary: summary.text, ("p50",)),
        *durations("gap", lambda summary: summary.gaps, ("mean", "p95", "p99", "longest")),
        *durations("whole stream", lambda summary: summary.total, ("p50", "p95", "longest")),
        Line("chunks a stream", number, [summary.chunks for summary in summaries]),
        Line("reads a stream", number, [summary.reads for summary in summaries]),
        Line(f"{marked}tokens/s a stream", number, [summary.tokens_per_s for summary in summaries]),
    ]
    if len(summaries) == 1:  # two share the time, so that it says nothing about either
        found.append(Line(f"{marked}tokens/s together", number, [summaries[0].together_per_s]))
    found.append(Line("streams", number, [summary.whole for summary in summaries]))
    found.append(Line("failed", number, [summary.failures for summary in summaries]))
    if any(summary.unfinished for summary in summaries):
        found.append(Line("not finished", number, [summary.unfinished for summary in summaries]))
    return found


def picture(bars: Sequence[Bar], block: str) -> list[str]:
    """
    Draw the gaps: a line for each length, each bar as long as its share of the most.

    Args:
        block: What bars are made of.
    """
    most = max((bar.count for bar in bars), default=0)
    names = [_name(bar) for bar in bars]
    width = max(map(len, names), default=0)
    counts = max((len(number(bar.count)) for bar in bars), default=0)
    return [
        f"{name:>{width}}  {number(bar.count):>{counts}}  {block * _length(bar.count, most)}".rstrip()
        for name, bar in zip(names, bars, strict=True)
    ]


def _length(count: int, most: int) -> int:
    return max(1, round(count / most * _WIDTH)) if count else 0


def _name(bar: Bar) -> str:
    if bar.low_s is None:
        return "same read"
    if bar.high_s is None:
        return f"over {_mark(bar.low_s)}"
    return f"{_mark(bar.low_s)} - {_mark(bar.high_s)}" if bar.low_s else f"below {_mark(bar.high_s)}"


def _mark(value_s: float) -> str:
    return f"{value_s:g} s" if value_s >= 1 else f"{value_s * 1000:g} ms"


def verdict(result: Result) -> list[str]:
    """Say how chunks come, what usually causes it, and what to try."""
    found = result.summary.verdict
    said = [_said(found, result.summary)]
    if those := result.causes():
        said += [f"Usual cause: {cause.what}." for cause in those]
        said.append(f"Try: {those[0].advice}.")
    return said


def _said(found: Verdict, summary: Summary) -> str:
    of = f"{found.streams} of {summary.whole} streams"
    match found.flow:
        case Flow.SMOOTH:
            return "It streams: chunks come one by one."
        case Flow.CLUMPS:
            many = f"about {number(found.clump_chunks)} at a time, {seconds(found.pause_s)} apart"
            return f"Something buffers the stream: chunks come in clumps, {many} ({of})."
        case Flow.AT_END:
            return f"Something buffers the stream: chunks come all at the end ({of})."
        case Flow.MERGED:
            return f"Chunks are put together: each holds about {number(found.chunk_tokens)} tokens ({of})."
        case Flow.UNKNOWN:
            return "Too few chunks, or too fast, to tell how they come; raise --max-tokens or ask for more with -p."


def problems(result: Result) -> list[str]:
    """Say what failed, and what to do next."""
    return [f"{each.count} x {each.first.message}; {each.first.advice}" for each in result.summary.failed]


def notes(results: Sequence[Result], busy: float) -> list[str]:
    """Say what has to be known to read the figures."""
    said = []
    if any(result.summary.counted and result.summary.whole for result in results):
        said.append("~ counted by chunks: a stream holds no usage.")
    if busy > _BUSY:
        said.append(f"This client used {busy:.0%} of a processor, so it measures itself, too: lower -c.")
    if len(results) == 2 and all(result.summary.whole for result in results):
        one, two = (result.summary.verdict for result in results)
        if one.held_back != two.held_back:
            said.append(f"Only {'A' if one.held_back else 'B'} holds chunks back: look at what is on its way alone.")
    return said


def document(results: Sequence[Result], *, wall_s: float, busy: float, interrupted: bool) -> dict[str, Any]:
    """Give everything as JSON has it; durations in seconds."""
    return {
        "interrupted": interrupted,
        "wall_s": wall_s,
        "client_busy": busy,
        "urls": [_document(result) for result in results],
        "notes": notes(results, busy),
    }


def _document(result: Result) -> dict[str, Any]:
    summary = result.summary
    plain = asdict(summary)
    plain["verdict"]["flow"] = summary.verdict.flow.value
    plain["bars"] = [asdict(bar) for bar in summary.bars]
    plain["failed"] = [{"count": each.count, **asdict(each.first)} for each in summary.failed]
    return {
        "url": result.url,
        "model": result.model,
        **plain,
        "says": verdict(result)[0] if summary.whole else None,
        "causes": [asdict(cause) for cause in result.causes()],
    }
