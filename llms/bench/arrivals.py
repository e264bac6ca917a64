"""
How the chunks of one stream arrived, in constant memory: read by read, and in which groups.

A group is what one flush somewhere on the way lets through: reads less than 5 ms apart, since a large flush comes as
several packets. It is a clump if it holds several chunks, comes after a pause that a reader sees, and is over in a
moment: what a buffer does. A fast service gives large groups, too, but no pauses; a stall is one pause, and what comes
after it goes on at the old pace.
"""

from dataclasses import dataclass, field

from llms.bench.spread import Spread

_APART_S = 0.005

_PAUSE_S = 0.05
"""Twenty updates a second look like one motion; below, nobody sees that chunks came together."""

_CLUMP_CHUNKS = 4
"""Speculative decoding gives up to three tokens at once, and is no buffer."""

_MOMENT = 0.1  # of the pause


@dataclass(frozen=True, slots=True)
class Clumps:
    """
    The groups of one stream after its first, which has no pause before it.

    Args:
        groups: How many were clumps.
        chunks: In these.
        pauses_s: Before these, together.
        others: Chunks in groups that were none.
    """

    groups: int = 0
    chunks: int = 0
    pauses_s: float = 0.0
    others: int = 0


@dataclass(slots=True)
class _Group:
    pause_s: float
    started_at: float
    ended_at: float
    chunks: int


@dataclass(slots=True)
class Arrivals:
    """
    Notes the reads of one stream.

    Attributes:
        chunks: So far.
        reads: That completed at least one chunk.
        first_at: When the first chunk came, by the clock that ``feed`` is given; ``None`` before.
        last_at: When the last one came.
        gaps: Between chunks; 0 between two of one read.
    """

    chunks: int = 0
    reads: int = 0
    first_at: float | None = None
    last_at: float = 0.0
    gaps: Spread = field(default_factory=Spread)
    _group: _Group | None = None
    _clumps: Clumps = field(default_factory=Clumps)

    def feed(self, at: float, chunks: int) -> None:
        """Take a read that was made ``at`` (seconds) and completed ``chunks`` chunks, at least one."""
        if self._group is None:
            self.first_at = at
            self._group = _Group(0.0, at, at, chunks)
        else:
            gap_s = at - self.last_at
            self.gaps.add(gap_s)
            if gap_s < _APART_S:
                self._group.ended_at = at
                self._group.chunks += chunks
            else:
                self._clumps = self.clumps()
                self._group = _Group(gap_s, at, at, chunks)
        self.gaps.add(0.0, chunks - 1)
        self.chunks += chunks
        self.reads += 1
        self.last_at = at

    def clumps(self) -> Clumps:
        """Give the clumps so far."""
        group, so_far = self._group, self._clumps
        if group is None or not group.pause_s:
            return so_far
        if (
            group.chunks >= _CLUMP_CHUNKS
            and group.pause_s >= _PAUSE_S
            and group.ended_at - group.started_at <= _MOMENT * group.pause_s
        ):
            pauses_s = so_far.pauses_s + group.pause_s
            return Clumps(so_far.groups + 1, so_far.chunks + group.chunks, pauses_s, so_far.others)
        return Clumps(so_far.groups, so_far.chunks, so_far.pauses_s, so_far.others + group.chunks)
