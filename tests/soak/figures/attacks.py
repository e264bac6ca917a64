"""F13 and F14: what clients that mean harm do to one that does not."""

import asyncio
import time
from dataclasses import dataclass, field

from tests.soak import judge
from tests.soak.client import call
from tests.soak.plan import Plan
from tests.soak.report import Figure
from tests.soak.sample import quantile
from tests.soak.stage import Stage, aside, stage

_RATE = 10.0
_SECONDS = 30.0
_HEAD_START_S = 12.0  # until the buffers of those that read slowly are full
_ATTACK = {"json": 2, "events": 1, "bomb": 1, "head": 100, "body": 100, "reader": 100}
_SLOW = {"head": 500, "body": 500, "reader": 500}


@dataclass
class Seen:
    """What the well-behaved client saw, and how late the loop was meanwhile, and that of an idle process."""

    took_ms: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    late_ms: tuple[float, ...] = ()
    idle_late_ms: tuple[float, ...] = ()
    cut: dict[str, int] = field(default_factory=dict)

    @property
    def p99_ms(self) -> float:
        return quantile(self.took_ms, 0.99)


async def measure() -> list[Figure]:
    """Play all attacks at once."""
    async with stage() as scene:
        solo, attacked = await _both(scene, _ATTACK)
        complaints = scene.complaints()
    lag, worst = quantile(attacked.late_ms, 0.99), max(attacked.late_ms)
    idle = f"{quantile(attacked.idle_late_ms, 0.99):.1f}, {max(attacked.idle_late_ms):.1f}"
    ratio = attacked.p99_ms / solo.p99_ms
    mix = ", ".join(f"{count} {kind}" for kind, count in _ATTACK.items())
    return [
        Figure("F13", f"lag of the event loop under attack ({mix}), p99, max", f"{lag:.1f}, {worst:.1f} ms (of a process that does nothing: {idle})", "p99 ≤ 20, max ≤ 100 ms", lag <= 20 and worst <= 100),
        Figure("F13", "p99 of a client that behaves, alone → under attack", f"{solo.p99_ms:.1f} → {attacked.p99_ms:.1f} ms ({ratio:.1f}×)", "≤ 1.5×", ratio <= 1.5),
        Figure("F13", "… its calls that failed", f"{len(attacked.wrong)} of {len(attacked.took_ms)}", "0", not attacked.wrong and not complaints),
        Figure("F13", "attacks made meanwhile", ", ".join(f"{count} {kind}" for kind, count in attacked.cut.items()), "", None),
    ]  # fmt: skip


async def measure_slow() -> list[Figure]:
    """Play 500 of each slow client."""
    async with stage() as scene:
        solo, attacked = await _both(scene, _SLOW)
    more = attacked.p99_ms / solo.p99_ms - 1
    return [
        Figure("F14", "500 slow heads, 500 slow bodies and 500 slow readers: calls of others that failed", f"{len(attacked.wrong)} of {len(attacked.took_ms)}", "0", not attacked.wrong),
        Figure("F14", "p99 of the others, alone → beside them", f"{solo.p99_ms:.1f} → {attacked.p99_ms:.1f} ms ({more:+.0%})", "≤ +20 %", more <= 0.2),
        Figure("F14", "lag of the event loop, p99, max", f"{quantile(attacked.late_ms, 0.99):.1f}, {max(attacked.late_ms):.1f} ms", "", None),
    ]  # fmt: skip


async def _both(scene: Stage, counts: dict[str, int]) -> tuple[Seen, Seen]:
    await _behave(scene, 3)
    solo = await _behave(scene, _SECONDS)
    arguments = [f"{kind}={count}" for kind, count in counts.items()]
    seconds = str(_HEAD_START_S + _SECONDS + 1)
    attacking = asyncio.create_task(aside(scene, "tests.soak.attackers", str(scene.port), seconds, *arguments))
    await asyncio.sleep(_HEAD_START_S)
    attacked = await _behave(scene, _SECONDS)
    attacked.cut = await attacking
    return solo, attacked


async def _behave(scene: Stage, seconds: float) -> Seen:
    """Make whole calls at an even pace."""
    await scene.sample()
    await scene.idle_late_ms()
    seen = Seen()
    running = []
    for number in range(int(seconds * _RATE)):
        running.append(asyncio.create_task(_one(scene, f"good-{number}", seen)))
        await asyncio.sleep(1 / _RATE)
    await asyncio.gather(*running)
    seen.late_ms, seen.idle_late_ms = (await scene.sample()).late_ms, await scene.idle_late_ms()
    return seen


async def _one(scene: Stage, name: str, seen: Seen) -> None:
    plan = Plan(name)
    began_at = time.monotonic()
    outcome = await call(scene.port, "shared", plan, stream=False)
    seen.took_ms.append((time.monotonic() - began_at) * 1000)
    if complaint := judge.of_right(plan, outcome, stream=False):
        seen.wrong.append(complaint)
