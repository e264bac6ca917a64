"""What to make of callgrind's counts: instructions a run, and how they stand to those that are in git; pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

RENEW = "python -m tests.bench.instructions --write"

_TOTAL = re.compile(r"^totals: (\d+)$", re.MULTILINE)


class CountError(Exception):
    """Callgrind's counts are not what was asked for."""


class Verdict(Enum):
    """How a count stands to the one in git."""

    SAME = ""
    MORE = "more"
    LESS = "less"
    NEW = "new"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Count:
    """
    The instructions of one run of one function.

    Args:
        before: Those in git; ``None`` if it is not there.
        now: ``None`` if it is in git only.
    """

    name: str
    before: int | None
    now: int | None
    verdict: Verdict

    @property
    def change(self) -> float | None:
        """How much more there are now, as a share of those before; ``None`` where one is missing."""
        return None if self.before is None or self.now is None else self.now / self.before - 1


def total(dump: str) -> int:
    """
    Give the instructions that a dump of callgrind's counts.

    Raises:
        CountError: It says none.
    """
    found = _TOTAL.search(dump)
    if found is None:
        message = "Callgrind wrote a dump without a total."
        raise CountError(message)
    return int(found[1])


def each(names: Sequence[str], totals: Sequence[int], runs: int) -> dict[str, int]:
    """
    Give the instructions of one run of each function.

    Args:
        names: In the order in which they ran.
        totals: Three for each: up to its first mark, of ``runs`` runs, of twice as many.

    Raises:
        CountError: There are more or fewer.
    """
    if len(totals) != 3 * len(names):
        message = (
            f"Callgrind wrote {len(totals)} dumps where {3 * len(names)} marks were: it knows the mark by no name."
        )
        raise CountError(message)
    pairs = zip(totals[1::3], totals[2::3], strict=True)
    return {name: round((twice - once) / runs) for name, (once, twice) in zip(names, pairs, strict=True)}


def compared(before: Mapping[str, int], now: Mapping[str, int], tolerance: float) -> list[Count]:
    """
    Compare counts with those in git, in the order of ``now``.

    Args:
        tolerance: The share by which a count may differ and be the same: 0.03.
    """
    names = dict.fromkeys([*now, *before])
    return [_compared(name, before.get(name), now.get(name), tolerance) for name in names]


def _compared(name: str, before: int | None, now: int | None, tolerance: float) -> Count:
    if before is None:
        verdict = Verdict.NEW
    elif now is None:
        verdict = Verdict.GONE
    elif now > before * (1 + tolerance):
        verdict = Verdict.MORE
    else:
        verdict = Verdict.LESS if now < before * (1 - tolerance) else Verdict.SAME
    return Count(name, before, now, verdict)


@dataclass(frozen=True, slots=True)
class Judgement:
    """
    What is to be said of a comparison.

    Args:
        fine: Whether nothing need be done.
    """

    words: str
    fine: bool


def judged(found: Sequence[Count], others: Sequence[str] = ()) -> Judgement:
    """
    Judge a comparison.

    Args:
        others: What the counts in git were taken with instead; see ``differences``.
    """
    if others:
        return Judgement(f"Not judged: counted with {', '.join(others)}. To hold on to these: {RENEW}", fine=True)
    verdicts = {count.verdict for count in found}
    if Verdict.MORE in verdicts:
        return Judgement(f"More work than before. It has to go, or to be worth it; then: {RENEW}", fine=False)
    if not verdicts.isdisjoint((Verdict.NEW, Verdict.GONE)):
        return Judgement(f"The numbers in git are of other functions: {RENEW}", fine=False)
    if Verdict.LESS in verdicts:
        return Judgement(f"Less work than before. To hold on to that: {RENEW}", fine=True)
    return Judgement("As in git.", fine=True)


def table(found: Iterable[Count]) -> str:
    """Give the counts as lines: name, before, now, change, verdict."""
    rows = [("instructions a run", "in git", "now", "", "")]
    rows += [
        (count.name, _number(count.before), _number(count.now), _share(count.change), count.verdict.value)
        for count in found
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for name, *others, verdict in rows:
        aligned = [cell.rjust(width) for cell, width in zip(others, widths[1:-1], strict=True)]
        lines.append("  ".join([name.ljust(widths[0]), *aligned, verdict]).rstrip())
    return "\n".join(lines)


def differences(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Say what else the counts in git were taken with, where that makes other counts of the same code."""
    names = dict.fromkeys([*before, *now])
    return [
        f"{name} {now.get(name, 'none')} instead of {before.get(name, 'none')}"
        for name in names
        if before.get(name) != now.get(name)
    ]


def _number(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"


def _share(change: float | None) -> str:
    return "" if change is None else f"{change:+.1%}"
