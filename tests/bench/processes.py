"""Programs of the benchmark: compiled, started on a core of their own, measured through the kernel, stopped."""

import contextlib
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

_CPUCLOCK_SCHED = (
    2  # Linux: the clock (~pid << 3 | 2) is the CPU time of a whole process, in ns; see clock_getcpuclockid(3)
)
_STOP_S = 10.0

_ALLOWED = sorted(os.sched_getaffinity(0)) if sys.platform == "linux" else [0]
TARGET_CORE = _ALLOWED[0] if len(_ALLOWED) > 1 else None
"""Runs what is measured."""
LOAD_CORE = _ALLOWED[1] if len(_ALLOWED) > 1 else None
"""Runs the client and the upstream behind the gateway."""
CORES = _ALLOWED[:2]


class BenchError(Exception):
    """The benchmark cannot go on; the message says why."""


def build(sources: Iterable[Path], folder: Path) -> dict[str, Path]:
    """Compile C programs into ``folder``; give them by their names."""
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None:
        message = "The benchmark's client and upstream are in C: install a compiler (cc), or name one in CC."
        raise BenchError(message)
    programs = {}
    for source in sources:
        programs[source.stem] = folder / source.stem
        command = [compiler, "-O2", "-Wall", "-o", str(programs[source.stem]), str(source)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)  # noqa: S603 - ours
        if done.returncode:
            message = f"{source.name} does not compile:\n{done.stderr}"
            raise BenchError(message)
    return programs


def start(command: Sequence[str | Path], core: int | None, **options: object) -> subprocess.Popen[str]:
    """Start a program on ``core``; it leads a group of its own, and may open as many files as it can be allowed."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # inherited
    process = subprocess.Popen(command, text=True, start_new_session=True, **options)  # type: ignore[call-overload]  # noqa: S603 - ours
    if core is not None:
        os.sched_setaffinity(process.pid, {core})
    return process  # type: ignore[no-any-return]


def stop(process: subprocess.Popen[str]) -> None:
    """End a program and all that it started."""
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_STOP_S)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # only its own group
    process.wait(_STOP_S)
    if process.stdout:
        process.stdout.close()


def tree(pid: int) -> list[int]:
    """The process and its descendants."""
    found, todo = [], [pid]
    while todo:
        found.append(todo.pop())
        for children in Path(f"/proc/{found[-1]}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                todo += map(int, children.read_text().split())
    return found


def cpu_s(pids: Iterable[int]) -> float:
    """CPU seconds of these processes so far, the kernel's work for them and ended threads included."""
    total = 0.0
    for pid in pids:
        with contextlib.suppress(OSError):
            total += time.clock_gettime(~pid << 3 | _CPUCLOCK_SCHED)
    return total


def pss_kib(pids: Iterable[int]) -> int:
    """Memory of these processes; what several share is divided among them."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total


def busy_s() -> float:
    """Seconds that the used cores have spent on anything."""
    cores = {f"cpu{core}" for core in CORES}
    ticks = 0
    for line in Path("/proc/stat").read_text().splitlines():
        name, *counts = line.split()
        if name in cores:
            user, nice, system, _idle, _iowait, *rest = map(int, counts[:8])
            ticks += user + nice + system + sum(rest)
    return ticks / os.sysconf("SC_CLK_TCK")


def cores_used() -> int:
    """How many cores the benchmark uses."""
    return len(CORES)
