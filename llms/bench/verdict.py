"""
What the streams of one URL come to: their figures, and whether something between holds chunks back.

A stream is judged alone, the URL by most of its streams, so that one hiccup of a network is no verdict.
"""

from collections import Counter
from dataclasses import dataclass
from enum import Enum

from llms.bench.faults import Fault
from llms.bench.reading import Stream
from llms.bench.spread import Bar, Figures, Spread, figures

_ENOUGH_CHUNKS = 8
"""Of fewer, nobody can say how they came."""

_NOTICED_S = 0.1
"""An answer that is whole by then seems to come at once; nothing is gained by streaming it."""

_END = 0.1  # of the time of the whole answer
_CHUNKS_A_READ = 4
_TOKENS_A_CHUNK = 8
_ENOUGH_TOKENS = 32


class Flow(Enum):
    """How chunks come."""

    SMOOTH = "smooth"
    CLUMPS = "clumps"
    """Several at once, with pauses between."""
    AT_END = "at_end"
    """All at once, after a wait."""
    MERGED = "merged"
    """Few of them, each with many tokens."""
    UNKNOWN = "unknown"
    """Too few, or too fast, to tell."""


def flow(stream: Stream) -> Flow:
    """Say how the chunks of a stream came."""
    if stream.last_s < _NOTICED_S:
        return Flow.UNKNOWN
    tokens = (stream.tokens or 0) - stream.hidden_tokens
    if tokens >= _ENOUGH_TOKENS and tokens >= _TOKENS_A_CHUNK * stream.chunks:
        return Flow.MERGED
    if stream.chunks < _ENOUGH_CHUNKS:
        return Flow.UNKNOWN
    later = stream.clumps.chunks + stream.clumps.others
    if later >= _ENOUGH_CHUNKS and 2 * stream.clumps.chunks >= later:
        return Flow.CLUMPS
    # A service that is merely fast sends a chunk to a read, or two.
    if stream.last_s - stream.first_s <= _END * stream.last_s and stream.chunks >= _CHUNKS_A_READ * stream.reads:
        return Flow.AT_END
    return Flow.SMOOTH


@dataclass(frozen=True, slots=True)
class Verdict:
    """
    How chunks come from one URL.

    Args:
        flow: Of most streams.
        streams: Of how many.
        clump_chunks: Chunks in a clump, on average; 0 unless there are any.
        pause_s: Before a clump, on average.
        chunk_tokens: Tokens in a chunk, on average; 0 if no usage tells.
    """

    flow: Flow
    streams: int
    clump_chunks: float
    pause_s: float
    chunk_tokens: float

    @property
    def held_back(self) -> bool:
        """Whether chunks come later than they could."""
        return self.flow in (Flow.CLUMPS, Flow.AT_END, Flow.MERGED)


@dataclass(frozen=True, slots=True)
class Failed:
    """A kind of failure, the first of its kind, and how many there were."""

    first: Fault
    count: int


@dataclass(frozen=True, slots=True)
class Summary:
    """
    All that is said about one URL.

    Args:
        whole: Streams that came whole; figures are of these only.
        unfinished: Streams that still ran when the measuring was stopped.
        chunks: Of a stream, on average; ``None`` where there is no stream, as for all that follow.
        reads: That completed chunks, of a stream, on average.
        tokens_per_s: Of a stream, from the request to its end, on average.
        counted: Whether ``tokens_per_s`` stands on chunks, since a stream held no usage.
        together_per_s: Tokens of all streams by the time that all took.
    """

    whole: int
    failed: tuple[Failed, ...]
    unfinished: int
    first: Figures | None
    text: Figures | None
    gaps: Figures | None
    total: Figures | None
    chunks: float | None
    reads: float | None
    tokens_per_s: float | None
    counted: bool
    together_per_s: float | None
    bars: tuple[Bar, ...]
    verdict: Verdict

    @property
    def failures(self) -> int:
        """How many streams failed."""
        return sum(failed.count for failed in self.failed)


class Tally:
    """Takes the streams of one URL as they end; keeps a few numbers of each."""

    def __init__(self) -> None:
        self.unfinished = 0
        self._firsts: list[float] = []
        self._texts: list[float] = []
        self._totals: list[float] = []
        self._rates: list[float] = []
        self._gaps = Spread()
        self._chunks = 0
        self._reads = 0
        self._tokens = 0
        self._counted = False
        self._flows: Counter[Flow] = Counter()
        self._clumps: Counter[str] = Counter()
        self._pauses_s = 0.0
        self._failed: dict[str, Failed] = {}

    def add(self, stream: Stream) -> None:
        """Take one that came whole."""
        tokens = stream.chunks if stream.tokens is None else stream.tokens
        self._counted = self._counted or stream.tokens is None
        self._firsts.append(stream.first_s)
        self._totals.append(stream.total_s)
        self._rates.append(tokens / stream.total_s if stream.total_s > 0 else 0.0)
        if stream.text_s is not None:
            self._texts.append(stream.text_s)
        self._gaps.merge(stream.gaps)
        self._chunks += stream.chunks
        self._reads += stream.reads
        self._tokens += tokens
        self._flows[flow(stream)] += 1
        self._clumps.update(groups=stream.clumps.groups, chunks=stream.clumps.chunks)
        self._pauses_s += stream.clumps.pauses_s

    def fail(self, fault: Fault) -> None:
        """Take one that failed."""
        so_far = self._failed.get(fault.kind, Failed(fault, 0))
        self._failed[fault.kind] = Failed(so_far.first, so_far.count + 1)

    def summary(self, wall_s: float) -> Summary:
        """
        Give what there is to say.

        Args:
            wall_s: What all streams took together.
        """
        whole = len(self._totals)
        return Summary(
            whole=whole,
            failed=tuple(sorted(self._failed.values(), key=lambda failed: -failed.count)),
            unfinished=self.unfinished,
            first=figures(self._firsts),
            text=figures(self._texts),
            gaps=self._gaps.figures(),
            total=figures(self._totals),
            chunks=self._chunks / whole if whole else None,
            reads=self._reads / whole if whole else None,
            tokens_per_s=sum(self._rates) / whole if whole else None,
            counted=self._counted,
            together_per_s=self._tokens / wall_s if whole and wall_s > 0 else None,
            bars=tuple(self._gaps.bars()),
            verdict=self._verdict(),
        )

    def _verdict(self) -> Verdict:
        told = Counter({kind: count for kind, count in self._flows.items() if kind is not Flow.UNKNOWN})
        most, count = next(iter(told.most_common(1)), (Flow.UNKNOWN, 0))
        if 2 * count < told.total():
            most = Flow.SMOOTH  # of everything something: no one thing holds chunks back
        groups = self._clumps["groups"]
        return Verdict(
            flow=most,
            streams=self._flows[most],
            clump_chunks=self._clumps["chunks"] / groups if groups else 0.0,
            pause_s=self._pauses_s / groups if groups else 0.0,
            chunk_tokens=self._tokens / self._chunks if self._chunks and not self._counted else 0.0,
        )
