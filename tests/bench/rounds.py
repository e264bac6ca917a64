"""All suites to all targets, interleaved: in each round every target is started anew, and has each suite in turn."""

import contextlib
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.bench import measure, processes, targets
from tests.bench.figures import BARE, GATEWAY, INTERPRETED, TWO
from tests.bench.peers import AbsentError
from tests.bench.suites import WARM_UP, Suite
from tests.bench.targets import Target

_HERE = Path(__file__).parent

SERVE = f"{shlex.quote(sys.executable)} -m llms serve --config {{config}} --port {{port}}"


@dataclass(frozen=True, slots=True)
class Plan:
    """
    What is to be measured.

    Args:
        peers: Names of ``peers.PEERS``.
        work: Where they are installed.
        serve: The gateway's command, with ``{config}`` and ``{port}`` in it.
        compiled: Whether that is a compiled one, so that this checkout is measured beside it.
    """

    rounds: int
    suites: Mapping[str, Suite]
    peers: Sequence[str]
    work: Path
    serve: str = SERVE
    compiled: bool = False


@dataclass(slots=True)
class Run:
    """
    What was measured.

    Args:
        rows: For ``figures.lines``.
        absent: Peers that could not be measured, and what would bring them.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    absent: dict[str, str] = field(default_factory=dict)


def run(plan: Plan, folder: Path) -> Run:
    """
    Play the plan.

    Args:
        folder: For files that nobody needs afterwards.

    Raises:
        BenchError: Something does not compile, start or end.
    """
    programs = processes.build((_HERE / "upstream.c", _HERE / "load.c"), folder)
    found = Run()
    for number in range(plan.rounds):
        with _scene(plan, folder, programs["upstream"], found) as scene:
            for target in scene:
                if target.ready_s is not None and target.name != TWO:
                    memory = processes.pss_kib(processes.tree(target.process)) / 1024
                    found.rows.append(_row(number, target, "start", ready_s=target.ready_s, memory_mib=memory))
                for suite in WARM_UP:
                    measure.play(programs["load"], target, suite)
            turned = number % len(scene)
            for name, suite in plan.suites.items():
                for target in scene[turned:] + scene[:turned]:
                    if name in target.left_out:
                        continue
                    _tell(f"round {number + 1} of {plan.rounds}: {name}, {target.name}")
                    played = measure.play(programs["load"], target, target.unlike.get(name, suite))
                    found.rows.append(_row(number, target, name, unlike=name in target.unlike, **played))
    _tell("")
    return found


@contextlib.contextmanager
def _scene(plan: Plan, folder: Path, upstream: Path, found: Run) -> Iterator[list[Target]]:
    with contextlib.ExitStack() as stack:
        _tell("starting")
        direct = stack.enter_context(targets.upstream(upstream, processes.TARGET_CORE))
        behind = stack.enter_context(targets.upstream(upstream, processes.LOAD_CORE))
        scene = [direct]
        for name in plan.peers:
            try:
                scene.append(stack.enter_context(targets.peer(name, plan.work, folder, behind)))
            except AbsentError as error:
                found.absent[name] = str(error)
        scene += [
            stack.enter_context(targets.gateway(name, plan.serve, folder, behind)) for name in (GATEWAY, BARE, TWO)
        ]
        if plan.compiled:
            scene.append(stack.enter_context(targets.gateway(INTERPRETED, SERVE, folder, behind)))
        yield scene


def _row(number: int, target: Target, suite: str, **values: Any) -> dict[str, Any]:
    return {"round": number, "target": target.name, "suite": suite, **values}


def _tell(progress: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{progress:60}\r")
