"""
Fuzzes what reads bytes from outside.

::

    python -m tests.fuzz --seconds 60                all targets, a minute in all
    python -m tests.fuzz --runs 1000000 sse ndjson   so many inputs each
    python -m tests.fuzz fidelity                    every two cuts of a stream, every line end, with and without BOM
    python -m tests.fuzz linear                      work and memory against the size of the input
    python -m tests.fuzz http --requests 100000 --seconds 120    hostile HTTP against a running gateway

With atheris installed (the dependency group ``fuzz``) the search is guided by coverage, else it is by chance. An input
that breaks an invariant is kept, with its traceback; mend the fault and put the input into ``tests/fuzz/corpus``.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

from tests.fuzz import engine, fidelity, http, linear
from tests.fuzz.engine import Row
from tests.fuzz.targets import TARGETS

SPECIAL = {"fidelity": fidelity.main, "http": http.main, "linear": linear.main}
"""What is no target of the fuzzer, but a search of its own."""


def main() -> int:
    """Run what was asked for; the exit status is 1 if an invariant broke."""
    asked = _arguments()
    os.nice(10)
    special = [name for name in asked.targets if name in SPECIAL]
    if special:
        return max(SPECIAL[name](asked) for name in special)
    names = asked.targets or list(TARGETS)
    guided = engine.guided_here() and not asked.by_chance
    sys.stdout.write(f"{'guided by coverage (atheris)' if guided else 'by chance'}, seed {asked.seed}\n")
    sys.stdout.write(f"{'target':<16}{'runs':>10}{'crashes':>9}{'new coverage inputs':>21}{'seconds':>9}\n")
    limits = engine.Limits(asked.seconds / len(names), asked.runs, asked.seed, asked.found, asked.fresh)
    rows = []
    for name in names:
        rows.append(engine.run(TARGETS[name], limits, guided=guided))
        sys.stdout.write(_line(rows[-1]))
        sys.stdout.flush()
    kept = [path for row in rows for path in row.crashes]
    for path in kept:
        sys.stdout.write(f"broken: {path}\n")
    return 1 if kept else 0


def _line(row: Row) -> str:
    fresh = "-" if row.fresh is None else str(row.fresh)
    return f"{row.target:<16}{row.runs:>10}{len(row.crashes):>9}{fresh:>21}{row.seconds:>9.1f}\n"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m tests.fuzz", description=__doc__, formatter_class=_Plain)
    parser.add_argument(
        "targets", nargs="*", help=f"of {', '.join([*TARGETS, *SPECIAL])}; all but the last three if none"
    )
    parser.add_argument("--seconds", type=float, default=60.0, help="in all, shared by the targets (60)")
    parser.add_argument("--runs", type=int, default=0, help="inputs for each target at most")
    parser.add_argument("--requests", type=int, default=20_000, help="for http: how many (20000)")
    parser.add_argument("--seed", type=int, default=1, help="of the chance (1)")
    parser.add_argument("--by-chance", action="store_true", help="do not use atheris")
    parser.add_argument("--found", type=Path, default=Path(tempfile.gettempdir(), "llms-fuzz"), help="for crash inputs")
    parser.add_argument("--fresh", type=Path, help="a folder for inputs that reach new code")
    asked = parser.parse_args()
    if unknown := [name for name in asked.targets if name not in TARGETS and name not in SPECIAL]:
        parser.error(f"no such target: {', '.join(unknown)}")
    return asked


class _Plain(argparse.RawDescriptionHelpFormatter):
    """Keeps the lines of the description."""


if __name__ == "__main__":
    sys.exit(main())
