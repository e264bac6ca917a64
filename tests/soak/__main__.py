"""
The soak, and the figures of docs/reliability.md. Linux only.

::

    python -m tests.soak                     a mixed load with 1 % faults, for two minutes
    python -m tests.soak --minutes 60        for an hour
    python -m tests.soak figures             all figures
    python -m tests.soak figures F6 F15      some

Real processes on this machine, loopback only; every part is bounded in count and time. The exit status is 1 if a rule of
the soak does not hold. A figure that is missed is told, and does not change it: it depends on the machine.
"""

import argparse
import datetime as dt
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import aiohttp
import uvloop

from tests.soak import report, soak
from tests.soak.figures import FIGURES
from tests.soak.report import Figure
from tests.soak.stage import machine

_PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; give the exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    options = _options().parse_args(given)

    def show(figures: list[Figure]) -> None:
        sys.stdout.write(f"\n{report.text(figures)}\n\n{_circumstances()}\n")
        sys.stdout.flush()
        if options.write:
            how = f"{options.what} {dt.datetime.now(dt.UTC):%m-%d %H:%M}, {os.getloadavg()[1]:.1f}"
            _PAGE.write_text(report.written(_PAGE.read_text("utf-8"), figures, how), "utf-8", newline="\n")

    if options.what == "soak":
        seconds = options.minutes * 60
        return uvloop.run(soak.run(seconds, options.seed, options.rate, options.faults / 100, show))
    wanted = options.names or list(FIGURES)
    if unknown := [name for name in wanted if name not in FIGURES]:
        sys.stderr.write(f"no such figure: {', '.join(unknown)}; there are {', '.join(FIGURES)}\n")
        return 2
    for measure in dict.fromkeys(FIGURES[name] for name in wanted):
        show(uvloop.run(measure()))
    return 0


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description="The soak, and the figures.")
    parser.add_argument("what", nargs="?", choices=("soak", "figures"), default="soak")
    parser.add_argument("names", nargs="*", metavar="FIGURE", help="as F6; all if none is named")
    parser.add_argument("--minutes", type=float, default=2.0, metavar="N", help="of the soak: %(default)s")
    parser.add_argument("--rate", type=float, default=25.0, metavar="N", help="calls a second: %(default)s")
    parser.add_argument("--faults", type=float, default=1.0, metavar="N", help="per cent of all calls: %(default)s")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of chance: %(default)s")
    parser.add_argument("--write", action="store_true", help="renew the table in docs/reliability.md")
    return parser


def _circumstances() -> str:
    """Say when and on what this was measured."""
    now = dt.datetime.now(dt.UTC)
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)  # noqa: S607
    versions = f"Python {platform.python_version()}, aiohttp {aiohttp.__version__}, uvloop {uvloop.__version__}"
    return f"{now:%Y-%m-%d %H:%M} UTC, commit {commit.stdout.strip()}, {versions}, {machine()}"


if __name__ == "__main__":
    sys.exit(main())
