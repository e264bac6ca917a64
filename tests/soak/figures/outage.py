"""F18: what a provider in an outage is sent, how long until all is well after it, and what follows a cut stream."""

import asyncio
import time

from tests.soak.client import call
from tests.soak.faults import CUTS
from tests.soak.plan import Plan
from tests.soak.report import Figure
from tests.soak.stage import Stage, stage

_RATE = 60.0
_BEFORE_S, _OUTAGE_S, _AFTER_S = 3.0, 12.0, 10.0
_OUTAGES = {
    "503": "refuses with 503",
    "U05": "resets each connection",
    "refused": "has gone: connections are refused",
    "U07": "hangs",
}
_CUT_EACH = 50


async def measure() -> list[Figure]:
    """Play each kind of outage with a model that has this provider only, then cut streams of one that has another."""
    found = []
    for mode, said in _OUTAGES.items():
        async with stage() as scene:
            found += await _outage(scene, mode, said)
    async with stage() as scene:
        found.append(await _cut(scene))
    return found


async def _outage(scene: Stage, mode: str, said: str) -> list[Figure]:
    asked, ended = {}, {}
    began_at = time.monotonic()
    load = asyncio.create_task(_load(scene, began_at + _BEFORE_S + _OUTAGE_S + _AFTER_S, asked, ended))
    await asyncio.sleep(_BEFORE_S)
    await scene.upstream("set", "a", mode)
    from_at, before = time.monotonic(), (await scene.upstream())["requests"].get("a", 0)
    await asyncio.sleep(_OUTAGE_S)
    to_at, sent = time.monotonic(), (await scene.upstream())["requests"].get("a", 0) - before
    await scene.upstream("set", "a", None)
    await load
    calls = sum(from_at <= at < to_at for at in asked.values())
    wrong = [asked[name] for name, right in ended.items() if not right and asked[name] > to_at]
    recovered_s = max(wrong, default=to_at) - to_at
    ratio = sent / calls
    return [
        Figure("F18", f"a provider {said}: requests it gets for {calls:,} calls in {_OUTAGE_S:.0f} s", f"{sent:,}: {ratio:.2f}×", "≤ 1.2×", ratio <= 1.2),
        Figure("F18", "… and after it, the last call that failed began", f"{recovered_s:.1f} s after its end", "≤ 10 s", recovered_s <= 10),
    ]  # fmt: skip


async def _load(scene: Stage, until: float, asked: dict[str, float], ended: dict[str, bool]) -> None:
    running = set()
    due_at = time.monotonic()
    while time.monotonic() < until:
        name = f"call-{len(asked)}"
        asked[name] = time.monotonic()
        task = asyncio.create_task(_one(scene, name, ended))
        running.add(task)
        task.add_done_callback(running.discard)
        due_at += 1 / _RATE
        await asyncio.sleep(max(0.0, due_at - time.monotonic()))
    await asyncio.gather(*running)


async def _one(scene: Stage, name: str, ended: dict[str, bool]) -> None:
    plan = Plan(name)
    outcome = await call(scene.port, "alone", plan, stream=False)
    ended[name] = outcome.status == 200 and outcome.text == plan.text


async def _cut(scene: Stage) -> Figure:
    """Cut streams of a model that has another provider: nobody may be asked again."""
    calls = [(f"{kind}-{number}", kind) for kind in CUTS for number in range(_CUT_EACH)]
    outcomes = await asyncio.gather(
        *(call(scene.port, "shared", Plan(name, every_s=0.2, faults={"a": kind}), stream=True) for name, kind in calls)
    )
    taken = await scene.upstream("take")
    begun = [name for (name, _), outcome in zip(calls, outcomes, strict=True) if outcome.text]
    again = sum(taken["asked"][name] - 1 for name in begun)
    failed = sum(outcome.code is not None for outcome in outcomes)
    what = f"requests that followed a stream cut after its first words ({len(begun)} streams, {failed} of {len(calls)} ended in an error)"
    return Figure("F18", what, str(again), "0", again == 0 and len(begun) > len(calls) // 2)
