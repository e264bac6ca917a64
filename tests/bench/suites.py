"""What is measured: each suite is one load, played against a target, giving one row."""

import json
import subprocess
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.bench import processes
from tests.bench.processes import BenchError

_LOAD_S = 60.0
"""The longest that a load may take; it bounds itself to its seconds and 10 more."""


@dataclass(frozen=True, slots=True)
class Suite:
    """
    A load.

    Args:
        chunks: Of each stream; 0 for calls that are not streamed.
        delay_ms: Between chunks, and before the first.
        requests: The most that are started.
        seconds: The longest time in which requests are started.
        unit: What CPU time is divided by: ``ok`` or ``chunks``.
        held_at_s: When the memory that the open streams take is read.
    """

    connections: int
    chunks: int = 0
    delay_ms: int = 0
    requests: int = 10_000_000
    seconds: float = 1.0
    warm: int = 0
    unit: str = "ok"
    held_at_s: float | None = None


SUITES = {
    "idle": Suite(200, chunks=1, delay_ms=2500, requests=200, held_at_s=2.0),
    "calls": Suite(1, warm=20),
    "calls64": Suite(64, warm=64),
    "first": Suite(1, chunks=1, warm=20),
    "paced": Suite(50, chunks=40, delay_ms=40, requests=50, unit="chunks"),
    "burst": Suite(32, chunks=500, seconds=1.5, unit="chunks"),
}

QUICK = {
    "idle": Suite(100, chunks=1, delay_ms=1200, requests=100, held_at_s=0.9),
    "calls": Suite(1, warm=10, seconds=0.4),
    "calls64": Suite(64, warm=64, seconds=0.4),
    "first": Suite(1, chunks=1, warm=10, seconds=0.4),
    "paced": Suite(50, chunks=15, delay_ms=40, requests=50, unit="chunks"),
    "burst": Suite(32, chunks=500, requests=32, unit="chunks"),
}

WARM_UP = (Suite(8, seconds=0.3), Suite(8, chunks=50, seconds=0.3))
"""Played before a target is measured, so that what it makes once is made."""


@dataclass(frozen=True, slots=True)
class Target:
    """
    What the client is connected to.

    Args:
        model: The name to ask for.
        process: Measured, with all that it starts.
        upstream: The process behind it, or itself.
    """

    name: str
    port: int
    model: str
    process: int
    upstream: int


def measure(load: Path, target: Target, suite: Suite) -> dict[str, Any]:
    """
    Play a suite once.

    Returns:
        What ``load.c`` prints, with ``cpu_us`` per unit, ``held_kib`` per stream, and ``foreign``: the share of the used
        cores' time that went to processes outside the run.
    """
    pids = processes.tree(target.process)
    everyone = {*pids, target.upstream}
    memory, cpu, all_cpu = processes.pss_kib(pids), processes.cpu_s(pids), processes.cpu_s(everyone)
    busy, began = processes.busy_s(), time.monotonic()
    client = processes.start(_command(load, target, suite), processes.LOAD_CORE, stdout=subprocess.PIPE)
    try:
        held = _held_kib(pids, suite)
        said, _ = client.communicate(timeout=_LOAD_S)
    except subprocess.TimeoutExpired:
        message = f"The load on {target.name} did not end."
        raise BenchError(message) from None
    finally:
        processes.stop(client)
    if not said:
        message = f"The load on {target.name} gave up; is it still there?"
        raise BenchError(message)
    row: dict[str, Any] = json.loads(said)
    wall, used = time.monotonic() - began, processes.cpu_s(pids) - cpu
    ours = processes.cpu_s(everyone) - all_cpu + row["cpu_s"]
    row["cpu_us"] = used * 1e6 / max(1, row[suite.unit])
    row["held_kib"] = None if held is None else (held - memory) / suite.connections
    row["foreign"] = max(0.0, processes.busy_s() - busy - ours) / wall / processes.cores_used()
    return row


def described(suites: Mapping[str, Suite]) -> dict[str, Any]:
    """The suites, for the JSON file."""
    return {name: asdict(suite) for name, suite in suites.items()}


def _held_kib(pids: list[int], suite: Suite) -> int | None:
    if suite.held_at_s is None:
        return None
    time.sleep(suite.held_at_s)
    return processes.pss_kib(pids)


def _command(load: Path, target: Target, suite: Suite) -> list[str]:
    steer = f"mock-c{suite.chunks}d{suite.delay_ms}"
    streamed = int(suite.chunks > 0)
    numbers = (streamed, suite.connections, suite.requests, suite.seconds, suite.warm)
    return [str(load), str(target.port), target.model, steer, *map(str, numbers)]
