"""
The benchmark: one load, direct and through the gateway, in one run. Linux only; needs a C compiler.

::

    python -m tests.bench            about 90 seconds
    python -m tests.bench --quick    about 15: does it work, not how fast

Direct, the client talks to a fake upstream in C; through the gateway, to ``llms serve`` with such an upstream behind it.
What the client talks to has the first core, the rest the second. Both are played in turn, suite by suite, in each round.
"""

import argparse
import contextlib
import json
import os
import platform
import shlex
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.bench import processes, report, suites
from tests.bench.processes import BenchError
from tests.bench.suites import Target

_HERE = Path(__file__).parent
_SERVE = f"{shlex.quote(sys.executable)} -m llms serve --config {{config}} --port {{port}}"
_READY_S = 30.0


def main() -> int:
    """Run the benchmark; gives the exit status."""
    asked = _arguments()
    began = time.monotonic()
    chosen = suites.QUICK if asked.quick else suites.SUITES
    try:
        with tempfile.TemporaryDirectory(prefix="llms-bench-") as folder:
            rows = _run(asked, Path(folder), chosen)
    except BenchError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    found = report.lines(rows)
    asked.json.write_text(
        json.dumps(
            {
                "machine": _machine(),
                "quick": asked.quick,
                "suites": suites.described(chosen),
                "lines": [asdict(line) for line in found],
                "rows": rows,
            },
            indent=1,
        )
    )
    remarks = "".join(f"- {remark}\n" for remark in report.remarks(rows))
    took = f"{asked.rounds} rounds, {time.monotonic() - began:.0f} s, median [least–most] of the rounds; rows: {asked.json}"
    sys.stdout.write(f"\n{report.table(found)}\n\n{took}\n{remarks}")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__.partition("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="about 15 seconds: does it work, not how fast")
    parser.add_argument("--rounds", type=int, help="default 4; 1 with --quick")
    parser.add_argument("--json", type=Path, default=Path(tempfile.gettempdir(), "llms-bench.json"), help="%(default)s")
    parser.add_argument("--serve", default=_SERVE, metavar="COMMAND", help="what to measure instead: %(default)s")
    asked = parser.parse_args()
    asked.rounds = asked.rounds or (1 if asked.quick else 4)
    return asked


def _run(asked: argparse.Namespace, folder: Path, chosen: dict[str, suites.Suite]) -> list[dict[str, Any]]:
    if sys.platform != "linux":
        message = "The benchmark asks the Linux kernel for CPU time and memory; there is no other version."
        raise BenchError(message)
    programs = processes.build((_HERE / "upstream.c", _HERE / "load.c"), folder)
    rows: list[dict[str, Any]] = []
    for number in range(asked.rounds):
        with contextlib.ExitStack() as stack:
            direct = stack.enter_context(_upstream(programs["upstream"], processes.TARGET_CORE, "direct"))
            behind = stack.enter_context(_upstream(programs["upstream"], processes.LOAD_CORE, "behind"))
            gateway = stack.enter_context(_gateway(asked.serve, folder, behind))
            targets = (direct, gateway) if number % 2 == 0 else (gateway, direct)
            for target in targets:
                for suite in suites.WARM_UP:
                    suites.measure(programs["load"], target, suite)
            for name, suite in chosen.items():
                for target in targets:
                    row = suites.measure(programs["load"], target, suite)
                    rows.append({"round": number, "target": target.name, "suite": name, **row})
                    _tell(f"round {number + 1} of {asked.rounds}: {name}, {target.name}")
    _tell("")
    return rows


def _tell(progress: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{progress:60}\r")


@contextlib.contextmanager
def _upstream(program: Path, core: int | None, name: str) -> Iterator[Target]:
    process = processes.start([program], core, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        yield Target(name, int(process.stdout.readline()), "bench", process.pid, process.pid)
    finally:
        processes.stop(process)


@contextlib.contextmanager
def _gateway(serve: str, folder: Path, behind: Target) -> Iterator[Target]:
    config, port = folder / "config.json", _free_port()
    provider = {"type": "openai", "base_url": f"http://127.0.0.1:{behind.port}/v1"}
    config.write_text(json.dumps({"providers": {"mock": provider}}))
    command = shlex.split(serve.format(config=shlex.quote(str(config)), port=port))
    log = folder / "gateway.log"
    with log.open("w") as output:
        process = processes.start(command, processes.TARGET_CORE, stdout=output, stderr=output, cwd=_HERE.parent.parent)
        try:
            _wait_until_ready(process, port, log)
            yield Target("gateway", port, "mock/bench", process.pid, behind.process)
        finally:
            processes.stop(process)


def _wait_until_ready(process: subprocess.Popen[str], port: int, log: Path) -> None:
    body = json.dumps({"model": "mock/bench", "messages": [{"role": "user", "content": "hi"}]}).encode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/v1/chat/completions", body, {"Content-Type": "application/json"}
    )
    until, last = time.monotonic() + _READY_S, "no answer"
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(request, timeout=5):  # noqa: S310 - our own address
                return
        except OSError as error:
            last = str(error)
        time.sleep(0.05)
    message = f"The gateway did not come up ({last}). It said:\n{log.read_text()[-2000:]}"
    raise BenchError(message)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _machine() -> dict[str, Any]:
    names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return {
        "cpu": names[0].partition(":")[2].strip() if names else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "kernel": platform.release(),
        "python": platform.python_version(),
    }


if __name__ == "__main__":
    sys.exit(main())
