"""One suite played once against one target, seen from outside: the kernel says what the target used."""

import contextlib
import json
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.bench import processes
from tests.bench.processes import BenchError
from tests.bench.suites import Suite
from tests.bench.targets import Target

_LOAD_S = 60.0
"""The longest that a load may take; it bounds itself to its seconds and 10 more."""


def play(load: Path, target: Target, suite: Suite) -> dict[str, Any]:
    """
    Play a suite once.

    Returns:
        What ``load.c`` prints, with ``cpu_us`` per unit; ``busiest_us``, the same of the process that used most, and
        ``capacity_s``, how many that one could do in a second; ``others_us``, of client and upstream; ``held_kib`` per
        stream; and ``foreign``: the share of the used cores' time that went to processes outside the run.
    """
    pids = processes.tree(target.process)
    memory, upstream = processes.pss_kib(pids), processes.cpu_s([target.upstream])
    before = [processes.cpu_s([pid]) for pid in pids]
    busy, began = processes.busy_s(), time.monotonic()
    with _client(load, target, suite) as client:
        held = _held_kib(pids, suite)
        row = _said(client, target)
    wall = time.monotonic() - began
    used = [processes.cpu_s([pid]) - earlier for pid, earlier in zip(pids, before, strict=True)]
    others = row["cpu_s"] + (processes.cpu_s([target.upstream]) - upstream if target.upstream not in pids else 0.0)
    units = max(1, row[suite.unit])
    row["cpu_us"], row["busiest_us"], row["others_us"] = (each * 1e6 / units for each in (sum(used), max(used), others))
    row["capacity_s"] = 1e6 / row["busiest_us"] if row["busiest_us"] else None
    row["held_kib"] = None if held is None else (held - memory) / suite.connections
    row["foreign"] = max(0.0, processes.busy_s() - busy - sum(used) - others) / wall / processes.cores_used()
    return row


@contextlib.contextmanager
def _client(load: Path, target: Target, suite: Suite) -> Iterator[subprocess.Popen[str]]:
    core = None if target.both_cores else processes.LOAD_CORE
    if target.both_cores:
        _let(target.upstream, processes.CORES)
    command = [str(load), str(target.port), target.model, *suite.command(), *target.headers]
    client = processes.start(command, core, stdout=subprocess.PIPE)
    try:
        yield client
    finally:
        processes.stop(client)
        if target.both_cores and processes.LOAD_CORE is not None:
            _let(target.upstream, [processes.LOAD_CORE])


def _let(pid: int, cores: Sequence[int]) -> None:
    os.sched_setaffinity(pid, set(cores))


def _said(client: subprocess.Popen[str], target: Target) -> dict[str, Any]:
    try:
        said, _ = client.communicate(timeout=_LOAD_S)
    except subprocess.TimeoutExpired:
        message = f"The load on {target.name} did not end."
        raise BenchError(message) from None
    if not said:
        message = f"The load on {target.name} gave up; is it still there?"
        raise BenchError(message)
    row: dict[str, Any] = json.loads(said)
    return row


def _held_kib(pids: list[int], suite: Suite) -> int | None:
    if suite.held_at_s is None:
        return None
    time.sleep(suite.held_at_s)
    return processes.pss_kib(pids)
