"""Runs the streams: so many at a time, the URLs in turn."""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import aiohttp

from llms.bench import client
from llms.bench.causes import Head
from llms.bench.client import Target
from llms.bench.faults import BenchError
from llms.bench.verdict import Tally


@dataclass(slots=True)
class Measured:
    """What one URL gave so far; ``head`` is that of its first whole stream."""

    tally: Tally = field(default_factory=Tally)
    head: Head | None = None


@dataclass(slots=True)
class Run:
    """
    The streams of all URLs, as far as they have come; can be read at any time, after an interruption too.

    Args:
        targets: What is measured, one or several.
        streams: Of each.
        concurrency: All URLs together: that they share it lets them meet the same conditions.
        timeout_s: For each stream.
        tick: Called after each stream.
    """

    targets: Sequence[Target]
    streams: int
    concurrency: int
    timeout_s: float
    tick: Callable[[], object]
    measured: list[Measured] = field(init=False)
    _started_at: float | None = None
    _ended_at: float | None = None
    _started_cpu_s: float = 0.0

    def __post_init__(self) -> None:
        self.measured = [Measured() for _ in self.targets]

    @property
    def wall_s(self) -> float:
        """How long the streams took together, until now or until the last one's end."""
        if self._started_at is None:
            return 0.0
        return (self._ended_at or time.monotonic()) - self._started_at

    @property
    def busy(self) -> float:
        """The share of that time in which this process used a processor; near 1, it measures itself."""
        return (time.process_time() - self._started_cpu_s) / self.wall_s if self.wall_s else 0.0

    async def measure(self, session: aiohttp.ClientSession) -> None:
        """Run them all."""
        self._started_at = time.monotonic()
        self._started_cpu_s = time.process_time()
        todo = self._in_turn()
        workers = min(self.concurrency, self.streams * len(self.targets))
        async with asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(self._work(session, todo))
        self._ended_at = time.monotonic()

    def _in_turn(self) -> Iterator[int]:
        return (number for _ in range(self.streams) for number in range(len(self.targets)))

    async def _work(self, session: aiohttp.ClientSession, todo: Iterator[int]) -> None:
        for number in todo:
            measured = self.measured[number]
            try:
                stream, head = await client.stream(session, self.targets[number], self.timeout_s)
            except BenchError as error:
                measured.tally.fail(error.fault)
            except asyncio.CancelledError:
                measured.tally.unfinished += 1
                raise
            else:
                measured.tally.add(stream)
                measured.head = measured.head or head
            self.tick()
