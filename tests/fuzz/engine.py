"""Runs a target for a while: under atheris where it is installed, else by chance alone."""

import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from tests.fuzz import crashes
from tests.fuzz.mutate import mutate
from tests.fuzz.target import HERE, Target

ONE_INPUT_S = 20
"""What no input may take: a hang."""

MEMORY_MB = 1024


@dataclass(frozen=True, slots=True)
class Row:
    """
    What a run found.

    Args:
        fresh: How many inputs reached code that no seed reaches; ``None`` where nobody looked.
    """

    target: str
    runs: int
    crashes: list[Path]
    fresh: int | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Limits:
    """
    How much to do.

    Args:
        seconds: For each target.
        runs: For each target; 0 is no limit but time.
        found: The folder for crash inputs.
        fresh: The folder for inputs that reach new code, one folder in it for each target; ``None`` forgets them.
    """

    seconds: float
    runs: int
    seed: int
    found: Path
    fresh: Path | None = None


def guided_here() -> bool:
    """Say whether atheris is installed."""
    return find_spec("atheris") is not None


def run(target: Target, limits: Limits, *, guided: bool) -> Row:
    """Fuzz one target."""
    shutil.rmtree(limits.found / target.name, ignore_errors=True)
    return _guided(target, limits) if guided else _by_chance(target, limits)


def _by_chance(target: Target, limits: Limits) -> Row:
    chance = random.Random(limits.seed)
    seeds = [path.read_bytes() for path in target.seeds()]
    kept = crashes.Crashes(target, limits.found)
    began = time.monotonic()
    runs = 0
    while time.monotonic() - began < limits.seconds and (not limits.runs or runs < limits.runs):
        kept.run(mutate(chance.choice(seeds), chance, target.form, chance.choice(seeds)))
        runs += 1
    return Row(target.name, runs, crashes.found(target, limits.found), None, time.monotonic() - began)


def _guided(target: Target, limits: Limits) -> Row:
    with tempfile.TemporaryDirectory(prefix="llms-fuzz-") as work:
        corpus = Path(work, "corpus")
        corpus.mkdir()
        for place, seed in enumerate(target.seeds()):
            shutil.copy(seed, corpus / f"{place:04}-seed")
        began = time.monotonic()
        said = _libfuzzer(target, limits, corpus, Path(work))
        seconds = time.monotonic() - began
        done = re.search(r"Done (\d+) runs", said)
        kept = crashes.found(target, limits.found)
        if done is None:  # libFuzzer itself stopped: a hang, or memory
            kept += _stopped(target, limits, Path(work), said)
        fresh = [path for path in corpus.iterdir() if not path.name.endswith("-seed")]
        if limits.fresh is not None:
            folder = limits.fresh / target.name
            folder.mkdir(parents=True, exist_ok=True)
            for path in fresh:
                shutil.copy(path, folder)
        return Row(target.name, int(done[1]) if done else _last_count(said), kept, len(fresh), seconds)


def _libfuzzer(target: Target, limits: Limits, corpus: Path, work: Path) -> str:
    arguments = [
        *(f"-max_total_time={max(1, round(limits.seconds))}", f"-seed={limits.seed or 1}", f"-timeout={ONE_INPUT_S}"),
        *(f"-rss_limit_mb={MEMORY_MB}", f"-artifact_prefix={work}/stopped-", "-print_final_stats=0"),
    ]
    if limits.runs:
        arguments.append(f"-runs={limits.runs}")
    process = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", "tests.fuzz.guided", target.name, str(limits.found), *arguments, str(corpus)],
        cwd=HERE.parents[1],
        check=False,
        text=True,
        errors="replace",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        timeout=limits.seconds + 4 * ONE_INPUT_S,
    )
    return process.stderr


def _stopped(target: Target, limits: Limits, work: Path, said: str) -> list[Path]:
    folder = limits.found / target.name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "stopped.txt").write_text(said[-20_000:], "utf-8")
    return [Path(shutil.copy(path, folder)) for path in work.glob("stopped-*")] or [folder / "stopped.txt"]


def _last_count(said: str) -> int:
    counts = re.findall(r"^#(\d+)", said, re.MULTILINE)
    return int(counts[-1]) if counts else 0
