"""F19: a gateway that is told to stop while a thousand streams run."""

import asyncio
import signal
import time

from tests.soak import judge
from tests.soak.client import Outcome, call
from tests.soak.plan import Plan
from tests.soak.report import Figure
from tests.soak.stage import Stage, stage

_STREAMS = 1000
_OPEN_S = 6.0
_DRAIN_S = 30.0
_SHORT_DRAIN_S = 3.0


async def measure() -> list[Figure]:
    """Stop it with streams that fit the deadline, then with streams that do not."""
    async with stage(server={"drain_s": _DRAIN_S}) as scene:
        plans, outcomes, took_s, rows = await _stopped(scene, words=20, every_s=0.75)
        broken = [judge.of_right(plan, outcome, stream=True) for plan, outcome in zip(plans, outcomes, strict=True)]
        wrong = sum(map(bool, broken))
        status = scene.process.returncode
    fit = [
        Figure("F19", f"{_STREAMS:,} streams that fit the deadline of {_DRAIN_S:.0f} s: broken ones", str(wrong), "0", wrong == 0),
        Figure("F19", "exit after SIGTERM", f"{took_s:.1f} s, status {status}", f"≤ {_DRAIN_S + 1:.0f} s, 0", took_s <= _DRAIN_S + 1 and status == 0),
        Figure("F19", "lines of calls in the log", f"{rows:,}", f"{_STREAMS:,}", rows == _STREAMS),
    ]  # fmt: skip
    async with stage(server={"drain_s": _SHORT_DRAIN_S}) as scene:
        _, outcomes, took_s, rows = await _stopped(scene, words=100, every_s=0.75)
        told = sum(outcome.code == "draining" and outcome.complete for outcome in outcomes)
        status = scene.process.returncode
    return [
        *fit,
        Figure("F19", f"{_STREAMS:,} streams longer than a deadline of {_SHORT_DRAIN_S:.0f} s: ended in the error `draining`", f"{told:,}", f"{_STREAMS:,}", told == _STREAMS),
        Figure("F19", "exit after SIGTERM", f"{took_s:.1f} s, status {status}", f"≤ {_SHORT_DRAIN_S + 1:.0f} s, 0", took_s <= _SHORT_DRAIN_S + 1 and status == 0),
        Figure("F19", "lines of calls in the log", f"{rows:,}", f"{_STREAMS:,}", rows == _STREAMS),
    ]  # fmt: skip


async def _stopped(scene: Stage, words: int, every_s: float) -> tuple[list[Plan], list[Outcome], float, int]:
    plans = [Plan(f"drained-{number}", words, every_s) for number in range(_STREAMS)]
    running = []
    for plan in plans:
        running.append(asyncio.create_task(call(scene.port, "alone", plan, stream=True)))
        await asyncio.sleep(_OPEN_S / _STREAMS)
    while (await scene.upstream())["busy"] < _STREAMS:  # noqa: ASYNC110 - another process knows
        await asyncio.sleep(0.1)
    began_at = time.monotonic()
    scene.process.send_signal(signal.SIGTERM)
    outcomes = await asyncio.gather(*running)
    async with asyncio.timeout(_DRAIN_S + 30):
        await scene.process.wait()
    took_s = time.monotonic() - began_at
    return plans, list(outcomes), took_s, sum(" llms.calls " in line for line in scene.log.splitlines())
