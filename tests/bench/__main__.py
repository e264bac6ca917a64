"""
The benchmark: one load, direct, through the gateway and through its peers, in one run. Linux only; needs a C compiler.

::

    python -m tests.bench                                  beside nginx where it is installed; about three minutes
    python -m tests.bench --quick --peers                  at most 20 seconds, no peers: does it work, not how fast
    python -m tests.bench --install --compiled --work FOLDER --peers nginx vllm-router litellm portkey
    python -m tests.bench --compare OLD.json               status 1 if CPU time as a ratio has grown

What the client talks to has the first core, client and upstream the second; see ``rounds`` and ``targets``.
"""

import argparse
import datetime as dt
import importlib.metadata
import json
import os
import platform
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.bench import compare, figures, footprint, peers, report, rounds, suites
from tests.bench.peers import AbsentError
from tests.bench.processes import BenchError

_PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"
_WORSE = 0.15
"""The share by which a ratio of CPU times may have grown since the run that is compared with."""


def main() -> int:
    """Run the benchmark; gives the exit status."""
    asked = _arguments()
    if sys.platform != "linux":
        sys.stderr.write("The benchmark asks the Linux kernel for CPU time and memory; there is no other version.\n")
        return 1
    try:
        before = json.loads(asked.compare.read_text()) if asked.compare else None
        return _measured(asked, before)
    except (BenchError, OSError, json.JSONDecodeError) as error:
        sys.stderr.write(f"{error}\n")
        return 1


def _measured(asked: argparse.Namespace, before: dict[str, Any] | None) -> int:
    began = time.monotonic()
    if asked.install:
        _install(asked)
    serve = footprint.serve(asked.work) if asked.compiled else asked.serve
    chosen = suites.QUICK if asked.quick else suites.SUITES
    described = suites.described(chosen)
    if before and before["suites"] != described:
        message = f"{asked.compare} is of other loads."
        raise BenchError(message)
    with tempfile.TemporaryDirectory(prefix="llms-bench-") as folder:
        found = rounds.run(
            rounds.Plan(asked.rounds, chosen, asked.peers, asked.work, serve, asked.compiled), Path(folder)
        )
    rows = [*found.rows, *footprint.rows(asked.work, asked.peers)]
    machine = _machine([name for name in asked.peers if name not in found.absent], asked.work)
    machine["rounds"] = asked.rounds
    asked.json.write_text(json.dumps({"machine": machine, "suites": described, "rows": rows}, indent=1))
    lines = figures.lines(rows)
    remarks = [*report.remarks(rows), *(f"{name}: {why}" for name, why in found.absent.items())]
    if asked.quick:
        remarks.append("--quick: loads are smaller than their titles say; whether a goal is met is not known")
    text = report.text(lines, machine, remarks)
    changes = compare.changes(figures.lines(before["rows"]), lines, _WORSE) if before else []
    sys.stdout.write(f"{text}\n")
    if changes:
        sys.stdout.write(f"\n{report.comparison(changes)}\n")
    sys.stdout.write(f"\n{time.monotonic() - began:.0f} s; all rows: {asked.json}\n")
    if asked.write:
        _PAGE.write_text(report.written(_PAGE.read_text(), text))
    return int(any(change.worse for change in changes))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__.partition("\n\n")[0])
    temporary = Path(tempfile.gettempdir())
    parser.add_argument("--quick", action="store_true", help="one short round: does it work, not how fast")
    parser.add_argument("--rounds", type=int, help="default 3; 1 with --quick")
    parser.add_argument("--peers", nargs="*", choices=[*peers.PEERS], default=["nginx"], help="default nginx")
    parser.add_argument("--work", type=Path, default=temporary / "llms-bench-peers", help="%(default)s: has peers")
    parser.add_argument("--install", action="store_true", help="put what is asked for into --work first")
    parser.add_argument("--json", type=Path, default=temporary / "llms-bench.json", help="%(default)s")
    parser.add_argument("--compare", type=Path, metavar="OLD", help="the JSON file of an earlier run")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/benchmarks.md")
    parser.add_argument("--serve", default=rounds.SERVE, metavar="COMMAND", help="what to measure: %(default)s")
    parser.add_argument("--compiled", action="store_true", help="measure what is in --work, compiled by --install")
    asked = parser.parse_args()
    if asked.write and asked.quick:
        parser.error("--write wants figures, which --quick does not give")
    asked.rounds = asked.rounds or (1 if asked.quick else 3)
    return asked


def _install(asked: argparse.Namespace) -> None:
    asked.work.mkdir(parents=True, exist_ok=True)
    footprint.install(asked.work, compiled=asked.compiled)
    for name in asked.peers:
        try:
            peers.install(name, asked.work)
        except AbsentError as error:  # its installer is not here; the run says what that leaves out
            sys.stderr.write(f"{name}: {error}\n")


def _machine(names: list[str], work: Path) -> dict[str, Any]:
    models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    ours = {name: importlib.metadata.version(name) for name in ("llms", "aiohttp", "uvloop")}
    return {
        "date": dt.datetime.now(tz=dt.UTC).date().isoformat(),
        "cpu": models[0].partition(":")[2].strip() if models else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "kernel": platform.release(),
        "versions": {
            "Python": platform.python_version(),
            **ours,
            **{name: peers.PEERS[name].version(work) for name in names},
        },
    }


if __name__ == "__main__":
    sys.exit(main())
