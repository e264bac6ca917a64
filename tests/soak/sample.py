"""What a process holds, as the kernel says, and what a series of it tells. The second half is pure."""

import asyncio
import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Sample:
    """
    What a gateway holds at one moment.

    Args:
        at: On the machine's monotonic clock.
        frozen: Objects that the garbage collector does not look at.
        late_ms: How late a timer of 10 ms was, each time since the sample before.
    """

    at: float
    rss_kib: int
    descriptors: int
    sockets: int
    threads: int
    tasks: int
    cpu_s: float
    frozen: int
    late_ms: tuple[float, ...]


async def sample(process_id: int, window: Path) -> Sample:
    """Look at a gateway with a window."""
    async with asyncio.timeout(30):
        reader, writer = await asyncio.open_unix_connection(str(window))
        inside = json.loads(await reader.read())
        writer.close()
    held = links(process_id)
    sockets = sum(link.startswith("socket:") for link in held)
    late = tuple(inside["late_ms"])
    threads, cpu_s = _threads_and_cpu_s(process_id)
    tasks, frozen = inside["tasks"], inside["frozen"]
    rss = rss_kib(process_id)
    return Sample(time.monotonic(), rss, len(held), sockets, threads, tasks, cpu_s, frozen, late)


def _threads_and_cpu_s(process_id: int) -> tuple[int, float]:
    cells = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
    return int(cells[17]), (int(cells[11]) + int(cells[12])) / os.sysconf("SC_CLK_TCK")


def rss_kib(process_id: int) -> int:
    """Give what a process has in memory."""
    return int(Path(f"/proc/{process_id}/statm").read_text().split()[1]) * PAGE // 1024


def links(process_id: int) -> list[str]:
    """Give what a process's descriptors are."""
    found = []
    for entry in Path(f"/proc/{process_id}/fd").iterdir():
        try:
            found.append(str(entry.readlink()))
        except OSError:  # closed meanwhile
            continue
    return found


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Give the slope of the line that fits best; 0 for fewer than two points."""
    if len(points) < 2:
        return 0.0
    middle_x, middle_y = (sum(values) / len(points) for values in zip(*points, strict=True))
    spread = sum((x - middle_x) ** 2 for x, _ in points)
    return sum((x - middle_x) * (y - middle_y) for x, y in points) / spread if spread else 0.0


def quantile(values: Sequence[float], share: float) -> float:
    """Give the value below which ``share`` of them lie; 0 of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
