"""
How many gaps there were of each length: a histogram whose size does not grow with what it counts.

Bins are steps of at most 1 % (as in HDR histograms), so a quantile is off by at most that; ten thousand streams would
otherwise keep millions of numbers. Sum, shortest and longest are exact.
"""

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate, pairwise

_STEP = math.log(1.01)

_SHARES = (0.5, 0.95, 0.99)

_SHORTEST_S = 1e-6
_LONGEST_S = 7200.0

MARKS_S = tuple(float(f"{digit}e{power}") for power in range(-4, 2) for digit in (1, 2, 5))
"""Where the bars of the picture begin: 1, 2, 5 of each decade, from 0.1 ms to 50 s."""


def _between(low_s: float, high_s: float) -> Iterator[float]:
    parts = math.ceil(math.log(high_s / low_s) / _STEP)
    return (low_s * (high_s / low_s) ** (part / parts) for part in range(parts))


_EDGES = [edge for low, high in pairwise((_SHORTEST_S, *MARKS_S, _LONGEST_S)) for edge in _between(low, high)]
_BINS_OF_BARS = [0, *(bisect_right(_EDGES, mark) for mark in MARKS_S), len(_EDGES) + 1]


@dataclass(frozen=True, slots=True)
class Bar:
    """
    One bar of the picture.

    Args:
        low_s: The shortest gap in it; ``None`` with ``high_s`` 0 for chunks that came in the same read.
        high_s: What the gaps in it are below; ``None`` for no limit.
    """

    low_s: float | None
    high_s: float | None
    count: int


@dataclass(frozen=True, slots=True)
class Figures:
    """Of many durations, in seconds."""

    mean_s: float
    p50_s: float
    p95_s: float
    p99_s: float
    longest_s: float


@dataclass(slots=True)
class Spread:
    """
    Counts durations.

    Attributes:
        zeros: How many were 0.
        bins: How many others there are in each bin.
        sum_s: Of all.
        shortest_s: Of those that are not 0.
        longest_s: Of all.
    """

    zeros: int = 0
    bins: Counter[int] = field(default_factory=Counter)
    sum_s: float = 0.0
    shortest_s: float = math.inf
    longest_s: float = 0.0

    def add(self, duration_s: float, times: int = 1) -> None:
        """Count a duration of 0 or more seconds."""
        if duration_s <= 0:
            self.zeros += times
            return
        self.bins[bisect_right(_EDGES, duration_s)] += times
        self.sum_s += duration_s * times
        self.shortest_s = min(self.shortest_s, duration_s)
        self.longest_s = max(self.longest_s, duration_s)

    def merge(self, other: "Spread") -> None:
        """Count all that ``other`` has."""
        self.zeros += other.zeros
        self.bins.update(other.bins)
        self.sum_s += other.sum_s
        self.shortest_s = min(self.shortest_s, other.shortest_s)
        self.longest_s = max(self.longest_s, other.longest_s)

    def figures(self) -> Figures | None:
        """Give what there is to say of them; ``None`` of none."""
        count = self.zeros + self.bins.total()
        if not count:
            return None
        p50_s, p95_s, p99_s = (self._quantile(count, share) for share in _SHARES)
        return Figures(self.sum_s / count, p50_s, p95_s, p99_s, self.longest_s)

    def bars(self) -> list[Bar]:
        """Give the picture: what came in the same read, then from the shortest gap to the longest, empty bars too."""
        found = Counter({0: 0})
        for number, count in self.bins.items():
            found[bisect_right(_BINS_OF_BARS, number) - 1] += count
        shown = [number for number, count in found.items() if count]
        bars = [Bar(None, 0.0, self.zeros)] if self.zeros else []
        for number in range(min(shown), max(shown) + 1) if shown else ():
            low_s = MARKS_S[number - 1] if number else 0.0
            high_s = MARKS_S[number] if number < len(MARKS_S) else None
            bars.append(Bar(low_s, high_s, found[number]))
        return bars

    def _quantile(self, count: int, share: float) -> float:
        """Give the value at this rank: the middle of its bin."""
        left = math.ceil(count * share) - self.zeros
        if left <= 0:
            return 0.0
        numbers = sorted(self.bins)
        sums = accumulate(self.bins[number] for number in numbers)
        number = next(number for number, below in zip(numbers, sums, strict=True) if below >= left)
        low_s = _EDGES[number - 1] if number else 0.0
        high_s = _EDGES[number] if number < len(_EDGES) else _LONGEST_S
        return min(max(math.sqrt(low_s * high_s), self.shortest_s), self.longest_s)


def figures(durations_s: list[float]) -> Figures | None:
    """Give what there is to say of these durations, exactly; ``None`` of none."""
    if not durations_s:
        return None
    ordered = sorted(durations_s)
    p50_s, p95_s, p99_s = (ordered[math.ceil(len(ordered) * share) - 1] for share in _SHARES)
    return Figures(sum(ordered) / len(ordered), p50_s, p95_s, p99_s, ordered[-1])
