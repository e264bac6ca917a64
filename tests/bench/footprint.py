"""What the gateway takes before it has done anything: megabytes installed, modules imported, time for that."""

import os
import shlex
import statistics
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.bench import peers
from tests.bench.figures import GATEWAY
from tests.bench.processes import BenchError
from tests.bench.targets import TOP

_OURS = "llms"
_TIMES = 5
_IMPORTS = """\
import sys, time
before, began = set(sys.modules), time.perf_counter()
import llms.cli.serve
print((time.perf_counter() - began) * 1e3, len(set(sys.modules) - before))
"""


def install(work: Path, *, compiled: bool = False) -> None:
    """Put the gateway's wheel, without extras, into a fresh environment below ``work``."""
    home = work / _OURS
    environment = {**os.environ, **({"HATCH_BUILD_HOOK_ENABLE_CUSTOM": "1"} if compiled else {})}
    for command in (
        [sys.executable, "-m", "venv", "--clear", home],
        [home / "bin" / "pip", "install", "--quiet", TOP],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900, env=environment)  # noqa: S603
        if done.returncode:
            raise BenchError(done.stderr[-2000:])


def serve(work: Path) -> str:
    """
    Give the command that starts what is installed.

    Raises:
        BenchError: Nothing is.
    """
    program = work / _OURS / "bin" / "llms"
    if not program.exists():
        message = "There is nothing in --work; --install puts it there."
        raise BenchError(message)
    return f"{shlex.quote(str(program))} serve --config {{config}} --port {{port}}"


def rows(work: Path, names: Iterable[str]) -> list[dict[str, Any]]:
    """
    What has been installed below ``work``, and what importing the gateway takes.

    Args:
        names: Of peers.
    """
    found = [_row(GATEWAY, "imports", **_imports())]
    for target, folder in ((GATEWAY, _OURS), *((name, name) for name in names)):
        megabytes = peers.installed_mb(work / folder)
        if megabytes is not None:
            found.append(_row(target, "install", megabytes=megabytes))
    return found


def _imports() -> dict[str, float]:
    command = [sys.executable, "-c", _IMPORTS]
    said = [
        subprocess.run(command, capture_output=True, text=True, check=True, timeout=60, cwd=TOP).stdout.split()  # noqa: S603
        for _ in range(_TIMES)
    ]
    return {"milliseconds": statistics.median(float(took) for took, _ in said), "modules": int(said[0][1])}


def _row(target: str, suite: str, **values: float) -> dict[str, Any]:
    return {"round": 0, "target": target, "suite": suite, **values}
