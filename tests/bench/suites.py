"""The loads that are played to each target; ``load.c`` plays them, ``measure`` looks on."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Suite:
    """
    A load.

    Args:
        chunks: Of each stream; 0 for calls that are not streamed.
        delay_ms: Between chunks, and before the first.
        requests: The most that are started.
        seconds: The longest time in which requests are started.
        pad: Bytes of text in each request.
        unit: What CPU time is divided by: ``ok`` or ``chunks``.
        held_at_s: When the memory that the open streams take is read.
    """

    connections: int
    chunks: int = 0
    delay_ms: int = 0
    requests: int = 10_000_000
    seconds: float = 0.8
    warm: int = 0
    pad: int = 0
    unit: str = "ok"
    held_at_s: float | None = None

    def command(self) -> list[str]:
        """What ``load.c`` is told after the port and the model."""
        numbers = (int(self.chunks > 0), self.connections, self.requests, self.seconds, self.warm, self.pad)
        return [f"mock-c{self.chunks}d{self.delay_ms}", *map(str, numbers)]


def _paced(streams: int, chunks: int = 40) -> Suite:
    """As models write: 25 chunks a second each."""
    return Suite(streams, chunks=chunks, delay_ms=40, requests=streams, seconds=5, unit="chunks")


PACED_MANY = "paced2000"

SUITES = {
    "idle": Suite(1000, chunks=1, delay_ms=3000, requests=1000, seconds=5, held_at_s=2.5),
    "calls": Suite(1, warm=20),
    "calls64": Suite(64, warm=64),
    "first": Suite(1, chunks=1, warm=20),
    "paced100": _paced(100),
    "paced500": _paced(500),
    PACED_MANY: _paced(2000),
    "burst": Suite(32, chunks=500, seconds=1.2, unit="chunks"),
    "body256k": Suite(8, pad=256 << 10, seconds=0.6),
    "body4m": Suite(2, pad=4 << 20, seconds=0.6),
    "workers": Suite(256, warm=256, seconds=1.5),
}
"""Idle streams come first: memory that a process has grown hides what one takes."""

QUICK = {
    "idle": Suite(100, chunks=1, delay_ms=1000, requests=100, held_at_s=0.8),
    "calls": replace(SUITES["calls"], seconds=0.2, warm=2),
    "calls64": replace(SUITES["calls64"], seconds=0.3),
    "first": replace(SUITES["first"], seconds=0.2, warm=2),
    "paced100": _paced(100, chunks=10),
    "paced500": _paced(500, chunks=5),
    PACED_MANY: _paced(1000, chunks=3),
    "burst": Suite(32, chunks=500, requests=32, unit="chunks"),
    "body256k": replace(SUITES["body256k"], seconds=0.2),
    "body4m": replace(SUITES["body4m"], seconds=0.2),
    "workers": replace(SUITES["workers"], seconds=0.4),
}

SLOW: Mapping[str, Suite] = {
    "idle": Suite(100, chunks=1, delay_ms=3500, requests=100, seconds=5, held_at_s=3.0),
    "burst": Suite(8, chunks=100, requests=16, seconds=5, unit="chunks"),
}
"""For those who would not end the others in their time."""

WARM_UP = (Suite(8, seconds=0.3), Suite(8, chunks=50, seconds=0.3))
"""Played before a target is measured, so that what it makes once is made."""


def described(suites: Mapping[str, Suite]) -> dict[str, Any]:
    """The suites, for the JSON file."""
    return {name: asdict(suite) for name, suite in suites.items()}
