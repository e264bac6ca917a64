"""
Instructions of the pure hot functions, counted by callgrind and held against those in git: a guard without noise.

::

    python -m tests.bench.instructions             status 1 if a function takes more than git says
    python -m tests.bench.instructions --write     put today's counts into instructions.json
    python -m tests.bench.instructions --json      today's counts as JSON, held against nothing

Needs Linux and valgrind; half a minute. ``hot`` has the functions. Counts are of one build of Python on one kind of
machine; where git has none of it, or the counts there were taken with other packages, it says so and nothing is judged.
"""

import argparse
import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.bench import counts, hot
from tests.bench.counts import CountError

FILE = Path(__file__).with_suffix(".json")
TOLERANCE = 0.05
"""Counts of the same code differed by 2.7 % at most, from one checkout to another: where bytes lie in memory moves them."""

_LONGEST_S = 300


def main() -> int:
    """Count; gives the exit status."""
    asked = _arguments()
    try:
        now = _counted()
    except (CountError, OSError, subprocess.SubprocessError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if asked.json:
        sys.stdout.write(f"{json.dumps(now, indent=1)}\n")
        return 0
    kept = json.loads(FILE.read_text()) if FILE.exists() else {}
    if asked.write:
        kept[_python()] = {"with": _with(), "instructions": now}
        FILE.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")
    there = kept.get(_python())
    if there is None:
        sys.stdout.write(
            f"{counts.table(counts.compared({}, now, TOLERANCE))}\nNo numbers for {_python()}: not judged.\n"
        )
        return 0
    found = counts.compared(there["instructions"], now, TOLERANCE)
    judgement = counts.judged(found, counts.differences(there["with"], _with()))
    sys.stdout.write(f"{counts.table(found)}\n{judgement.words}\n")
    return 0 if judgement.fine else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.instructions", description=__doc__.partition("\n\n")[0]
    )
    parser.add_argument("--write", action="store_true", help=f"put the counts into {FILE.name}")
    parser.add_argument("--json", action="store_true", help="only print the counts")
    return parser.parse_args()


def _counted() -> dict[str, int]:
    """Run the functions under callgrind, in a Python that differs by nothing from the last one's."""
    python = [sys.executable, "-s", "-m", "tests.bench.hot"]
    with tempfile.TemporaryDirectory(prefix="llms-instructions-") as folder:
        out = Path(folder, "out")
        command = [_valgrind(), "--tool=callgrind", "--dump-before=getppid", f"--callgrind-out-file={out}", *python]
        _run([*_unshuffled(), *command])
        marks = len(list(out.parent.glob("out.*")))
        dumps = [Path(f"{out}.{number}").read_text(errors="replace") for number in range(1, marks + 1)]
    return counts.each([*hot.HOT], [counts.total(dump) for dump in dumps], hot.RUNS)


def _run(command: Sequence[str]) -> None:
    fixed = {"PYTHONHASHSEED": "0", "LC_ALL": "C.UTF-8", "PATH": os.defpath}
    options = {"cwd": Path(__file__).parents[2], "env": fixed, "timeout": _LONGEST_S}
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)  # noqa: S603 - ours
    if done.returncode != 0:
        message = f"The hot functions do not run:\n{done.stderr}"
        raise CountError(message)


def _valgrind() -> str:
    found = shutil.which("valgrind")
    if found is None:
        message = "There is no valgrind here; Debian's package has that name."
        raise CountError(message)
    return found


def _unshuffled() -> list[str]:
    """Give what starts a program with each thing at its usual address; nothing where the system forbids that."""
    command = ["setarch", "-R"]
    allowed = shutil.which("setarch") and subprocess.run([*command, "true"], capture_output=True, check=False)  # noqa: S603
    return command if allowed and allowed.returncode == 0 else []


def _python() -> str:
    """Give what the counts are of."""
    return f"{platform.python_implementation()} {sys.version_info[0]}.{sys.version_info[1]} on {platform.machine()}"


def _with() -> dict[str, str]:
    """Give what the counts depend on besides."""
    optimised = "--enable-optimizations" in (sysconfig.get_config_var("CONFIG_ARGS") or "")
    said = subprocess.run([_valgrind(), "--version"], capture_output=True, text=True, check=True).stdout  # noqa: S603
    return {
        "Python": f"{platform.python_version()}{' (optimised)' if optimised else ''}",
        "compiler": platform.python_compiler(),
        "libc": " ".join(platform.libc_ver()),
        "orjson": importlib.metadata.version("orjson"),
        "valgrind": said.strip().removeprefix("valgrind-"),
    }


if __name__ == "__main__":
    sys.exit(main())
