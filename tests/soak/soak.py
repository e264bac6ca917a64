"""The soak: a mixed load with faults, watched, then silence, in which everything has to return to what it was."""

import asyncio
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.soak.client import get_json
from tests.soak.load import GRACE_S, Load, Tally
from tests.soak.report import Figure
from tests.soak.sample import Sample, quantile, slope
from tests.soak.stage import Stage, stage

_SAMPLE_S = 5.0
_SHORT_SAMPLE_S = 1.0
_SILENCE_S = 60.0  # at most: it ends once all is back
_MOST_GROWTH_KIB = 32 << 10
_LATE_S = 1.0  # what breaks the rule; the figure counts from GRACE_S


@dataclass
class Watched:
    """
    What the soak saw.

    Args:
        before: After a few calls, before the load.
        series: During the load, the warm-up apart.
        after: In the silence after it.
        idle_late_ms: How late timers were in a process that did nothing.
        answers_ms: How long ``/healthz`` took.
        gone_ms: From a client's leaving to the end of the provider's connection.
    """

    seconds: float
    tally: Tally
    before: Sample
    series: list[Sample] = field(default_factory=list)
    after: Sample | None = None
    idle_late_ms: list[float] = field(default_factory=list)
    answers_ms: list[float] = field(default_factory=list)
    gone_ms: list[float] = field(default_factory=list)
    never_gone: int = 0
    upstream_busy: int = 0
    upstream_open: int = 0
    complaints: list[str] = field(default_factory=list)

    @property
    def late_ms(self) -> list[float]:
        return [late for sample in self.series for late in sample.late_ms]

    @property
    def slope_kib_per_minute(self) -> float:
        return slope([(sample.at / 60, sample.rss_kib) for sample in self.series])


async def soak(seconds: float, seed: int, rate: float, fault_share: float) -> Watched:
    """Run the load for so long."""
    async with stage() as scene:
        warm = Load(scene.port, seed + 1, 0.0)
        await warm.run(rate, 3.0)
        before = await scene.settled(await scene.sample(), 1.0)
        load = Load(scene.port, seed, fault_share)
        watched = Watched(seconds, load.tally, before)
        watching = asyncio.create_task(_watch(scene, watched, time.monotonic() + seconds / 5))
        await load.run(rate, seconds)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        await _after(scene, watched)
        return watched


async def _watch(scene: Stage, watched: Watched, warm_until: float) -> None:
    every_s = _SAMPLE_S if watched.seconds > 60 else _SHORT_SAMPLE_S
    while True:
        await asyncio.sleep(every_s)
        began_at = time.monotonic()
        await get_json(scene.port, "/healthz")
        took_ms = (time.monotonic() - began_at) * 1000
        now, idle = await scene.sample(), await scene.idle_late_ms()
        if now.at < warm_until:
            continue
        watched.series.append(now)
        watched.idle_late_ms += idle
        watched.answers_ms.append(took_ms)


async def _after(scene: Stage, watched: Watched) -> None:
    await asyncio.sleep(6)  # pooled connections to providers are let go after 4
    watched.after = await scene.settled(watched.before, _SILENCE_S if watched.seconds > 60 else 10)
    state, taken = await scene.upstream(), await scene.upstream("take")
    watched.upstream_busy, watched.upstream_open = state["busy"], state["open"]
    for name, left_at in watched.tally.left.items():
        if name in taken["gone"]:
            watched.gone_ms.append((taken["gone"][name] - left_at) * 1000)
        elif name in taken["asked"]:
            watched.never_gone += 1  # it had been answered in full when its client left
    watched.complaints = scene.complaints()


def figures(watched: Watched) -> list[Figure]:
    """Give what is measured."""
    tally, minutes = watched.tally, watched.seconds / 60
    late, idle = watched.late_ms, watched.idle_late_ms
    first, last = watched.series[0].rss_kib, watched.series[-1].rss_kib
    per_minute = watched.slope_kib_per_minute
    calls_per_minute = tally.calls / minutes
    in_time = sum(late_s <= GRACE_S for late_s in tally.late)
    faulted = tally.faulted.total()
    after = watched.after or watched.before
    tasks, descriptors = (max(0, now - then) for now, then in _pairs(after, watched.before))
    cpu = (watched.series[-1].cpu_s - watched.series[0].cpu_s) / (watched.series[-1].at - watched.series[0].at or 1)
    soaked = f"in {minutes:.1f} min"
    return [
        Figure("F27", f"calls {soaked}, faulted among them", f"{tally.calls:,}, {faulted:,}", "", None),
        Figure("F27", "calls without a fault that were exactly right", f"{tally.availability:.4%} ({tally.wrong.total()} wrong)", "≥ 99.99 %", tally.availability >= 0.9999),
        Figure("F27", "faulted calls that ended in what is documented", f"{faulted - tally.misled.total()} of {faulted}", "all", not tally.misled),
        Figure("F27", "… within their deadline + 100 ms", f"{in_time} of {faulted}; latest {max(tally.late, default=0) * 1000:.0f} ms after it", "all", in_time == faulted),
        Figure("F11", f"memory of the gateway {soaked}, the first fifth apart", f"{first / 1024:.1f} → {last / 1024:.1f} MiB ({last / first - 1:+.1%})", "≤ 1 % from minute 10 to 60", last / first - 1 <= 0.01 if minutes >= 10 else None),
        Figure("F11", "slope of the line that fits it best", f"{per_minute:+.0f} KiB a minute; at {calls_per_minute:,.0f} calls a minute {per_minute / calls_per_minute * 1e6 / 1024:+,.0f} MiB per 1 M calls", "", None),
        Figure("F11", "memory before the load, and in the silence after", f"{watched.before.rss_kib / 1024:.1f}, {after.rss_kib / 1024:.1f} MiB", "", None),
        Figure("F6", "left over after the soak: connections to providers in use, tasks, descriptors", f"{watched.upstream_busy} / {tasks} / {descriptors}", "0 / 0 / 0", not (watched.upstream_busy or tasks or descriptors)),
        Figure("F7", f"client gone → end of the provider's connection ({len(watched.gone_ms)} calls of the soak), p50, p99", f"{quantile(watched.gone_ms, 0.5):.1f}, {quantile(watched.gone_ms, 0.99):.1f} ms", "≤ 5, ≤ 100 ms", quantile(watched.gone_ms, 0.5) <= 5 and quantile(watched.gone_ms, 0.99) <= 100),
        Figure("F13", f"lag of the event loop under the soak's load ({cpu:.0%} of a core), p99, max", f"{quantile(late, 0.99):.1f}, {max(late, default=0):.1f} ms (of a process that does nothing: {quantile(idle, 0.99):.1f}, {max(idle, default=0):.1f})", "", None),
    ]  # fmt: skip


def broken(watched: Watched) -> list[str]:
    """Give the rules that do not hold."""
    tally, after = watched.tally, watched.after or watched.before
    tasks, descriptors = (max(0, now - then) for now, then in _pairs(after, watched.before))
    grown = watched.series[-1].rss_kib - watched.series[0].rss_kib
    rules: list[tuple[bool, str]] = [
        (not tally.wrong, f"calls without a fault that were not right: {dict(tally.wrong)}"),
        (not tally.misled, f"faulted calls that did not end as documented: {dict(tally.misled)}"),
        (
            max(tally.late, default=0) <= _LATE_S,
            f"a faulted call ended {max(tally.late, default=0):.1f} s after its deadline",
        ),
        (tasks == 0, f"{tasks} tasks are left over"),
        (descriptors == 0, f"{descriptors} descriptors are left over"),
        (watched.upstream_busy == 0, f"{watched.upstream_busy} connections to providers are still in use"),
        (grown <= _MOST_GROWTH_KIB, f"memory grew by {grown} KiB"),
        (not watched.complaints, f"the log has {watched.complaints[:5]}"),
    ]
    return [said for holds, said in rules if not holds]


def _pairs(now: Sample, then: Sample) -> tuple[tuple[int, int], tuple[int, int]]:
    return (now.tasks, then.tasks), (now.descriptors, then.descriptors)


async def run(seconds: float, seed: int, rate: float, fault_share: float, show: Callable[[list[Figure]], None]) -> int:
    """Soak and tell; give the exit status."""
    watched = await soak(seconds, seed, rate, fault_share)
    show(figures(watched))
    for line in watched.tally.told:
        sys.stdout.write(f"- {line}\n")
    rules = broken(watched)
    for rule in rules:
        sys.stdout.write(f"broken: {rule}\n")
    return 1 if rules else 0
