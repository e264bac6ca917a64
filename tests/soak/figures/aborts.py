"""F6 and F7: clients that leave, a third before the first byte, a third in mid-stream, a third not streamed."""

import asyncio
import random

from tests.soak.client import Manner, call
from tests.soak.plan import Plan
from tests.soak.report import Figure
from tests.soak.sample import quantile
from tests.soak.stage import stage

CALLS = 10_000
_AT_ONCE = 30
_LEAST_S, _MOST_S = 0.1, 0.3
_SETTLE_S = 1.0
_POOL_S = 6.0  # connections to providers that nobody uses are let go after four seconds
_TIME_BOX_S = 300.0


async def measure() -> list[Figure]:
    """Have 10,000 clients leave."""
    async with stage() as scene:
        await _leave(scene.port, 60, "warm")
        await asyncio.sleep(_POOL_S)
        before = await scene.sample()
        await scene.upstream("take")
        async with asyncio.timeout(_TIME_BOX_S):
            left = await _leave(scene.port, CALLS, "call")
        await asyncio.sleep(_SETTLE_S)
        after, state = await scene.sample(), await scene.upstream()
        taken = await scene.upstream("take")
        await asyncio.sleep(_POOL_S)
        silent = await scene.sample()
        complaints = scene.complaints()
    seen = [(taken["gone"][name] - at) * 1000 for name, at in left.items() if name in taken["gone"]]
    reached = sum(name in taken["asked"] for name in left)
    tasks = max(0, after.tasks - before.tasks)
    descriptors = max(0, silent.descriptors - before.descriptors)
    p50, p99 = quantile(seen, 0.5), quantile(seen, 0.99)
    clean = not (state["busy"] or tasks or descriptors or complaints)
    return [
        Figure("F6", f"left over after {len(left):,} aborted calls: provider's connections in use and tasks after 1 s, descriptors once the pool is let go", f"{state['busy']} / {tasks} / {descriptors}", "0 / 0 / 0", clean),
        Figure("F6", "memory before, after", f"{before.rss_kib / 1024:.1f}, {silent.rss_kib / 1024:.1f} MiB", "", None),
        Figure("F7", f"provider saw the end, of the {reached:,} calls that had reached it", f"{len(seen):,}", "100 %", len(seen) == reached),
        Figure("F7", "client gone → provider's connection ended, p50, p99, max", f"{p50:.1f}, {p99:.1f}, {max(seen):.1f} ms", "p50 ≤ 5, p99 ≤ 100 ms", p50 <= 5 and p99 <= 100),
    ]  # fmt: skip


async def _leave(port: int, count: int, prefix: str) -> dict[str, float]:
    """Make so many calls; give when each client left."""
    chance, left = random.Random(6), {}
    numbers = iter(range(count))

    async def clients() -> None:
        for number in numbers:
            name, kind = f"{prefix}-{number}", number % 3
            manner = Manner(leaves_after_s=chance.uniform(_LEAST_S, _MOST_S), leaves_with_reset=number % 2 == 0)
            faults = {"a": "U07"} if kind != 1 else {}
            plan = Plan(name, words=1000, every_s=0.01, faults=faults)
            outcome = await call(port, "alone", plan, stream=kind != 2, manner=manner)
            if outcome.left_at is not None:
                left[name] = outcome.left_at

    await asyncio.gather(*(clients() for _ in range(_AT_ONCE)))
    return left
