"""F11: what an idle stream takes, and what a very large number of calls leaves."""

import asyncio
import contextlib
import json
import resource
import tempfile
import time
from pathlib import Path

from tests.bench import processes
from tests.soak.client import request_bytes
from tests.soak.plan import Plan
from tests.soak.report import Figure
from tests.soak.stage import Stage, stage

_STREAMS = 9_500
_A_SECOND = 400
_HELD_S = 33.0
_KEEPALIVE_S = 15.0
_CALLS, _CALLS_S = 300_000, 200.0
_WARM_CALLS, _WARM_S = 40_000, 30.0
_WARM_STREAMS, _MANY_STREAMS = 16_000, 40_000


async def measure() -> list[Figure]:
    """Hold as many idle streams as descriptors allow; then make very many calls."""
    return [*await _streams(), *await _growth()]


class _Client(asyncio.Protocol):
    """Reads, and notes when."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self.came_at: list[float] = []
        self.lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        transport.write(self._request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self.came_at.append(time.monotonic())

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True


async def _streams() -> list[Figure]:
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    count = min(_STREAMS, limit // 2 - 200)
    clocks = {"first_byte_s": 300, "idle_s": 300, "total_s": 600}
    async with stage(server={"clocks": clocks, "keepalive_s": _KEEPALIVE_S}) as scene:
        await _opened(scene, 100, "warm", hold_s=1)
        await asyncio.sleep(7)
        before = await scene.sample()
        clients = await _opened(scene, count, "idle", hold_s=0)
        held = await scene.sample()
        await asyncio.sleep(_HELD_S)
        later, state = await scene.sample(), await scene.upstream()
        late = [
            abs(after - at - _KEEPALIVE_S)
            for client in clients
            for at, after in zip(client.came_at[-2:], client.came_at[-1:], strict=False)
        ]
        lost = sum(client.lost for client in clients)
        for client in clients:
            client.transport.abort()  # type: ignore[attr-defined]
        after = await scene.settled(before)
        again = await _opened(scene, count, "again", hold_s=0)
        second = await scene.sample()
        for client in again:
            client.transport.abort()  # type: ignore[attr-defined]
    kib = (later.rss_kib - before.rss_kib) / count
    cpu = (later.cpu_s - held.cpu_s) / (later.at - held.at)
    beats = sum(len(client.came_at) >= 3 for client in clients)
    back = after.rss_kib / before.rss_kib - 1
    left = (max(0, after.tasks - before.tasks), max(0, after.descriptors - before.descriptors))
    return [
        Figure("F11", f"memory of each of {count:,} idle streams ({state['busy']:,} open at the provider, {lost} lost)", f"{kib:.1f} KiB", "≤ 64 KiB", kib <= 64 and state["busy"] == count and not lost),
        Figure("F11", f"their keep-alives, every {_KEEPALIVE_S:.0f} s ({beats:,} streams had two): off by at most", f"{max(late):.2f} s", "± 1 s", max(late) <= 1 and beats == count),
        Figure("F11", "CPU that they take", f"{cpu:.1%} of a core", "< 10 %", cpu < 0.1),
        Figure("F11", "memory before, with them, and after", f"{before.rss_kib / 1024:.1f}, {later.rss_kib / 1024:.1f}, {after.rss_kib / 1024:.1f} MiB ({back:+.0%})", "≤ +10 %", back <= 0.1),
        Figure("F11", "… and with as many streams a second time", f"{second.rss_kib / 1024:.1f} MiB", "", None),
        Figure("F11", "tasks and descriptors left over", f"{left[0]} / {left[1]}", "0 / 0", left == (0, 0)),
    ]  # fmt: skip


async def _opened(scene: Stage, count: int, prefix: str, hold_s: float) -> list[_Client]:
    """Open streams of which the first words come at once and the rest never; close them if they are only held for a while."""
    loop = asyncio.get_running_loop()
    clients = []
    for number in range(count):
        plan = Plan(f"{prefix}-{number}", words=1000, faults={"a": "U08"}, at=2)
        request = request_bytes(plan.request("alone", stream=True))
        _, client = await loop.create_connection(lambda request=request: _Client(request), "127.0.0.1", scene.port)
        clients.append(client)
        await asyncio.sleep(1 / _A_SECOND)
    async with asyncio.timeout(60):
        while not all(client.came_at for client in clients):  # noqa: ASYNC110 - of thousands, none tells
            await asyncio.sleep(0.1)
    if hold_s:
        await asyncio.sleep(hold_s)
        for client in clients:
            client.transport.abort()  # type: ignore[attr-defined]
    return clients


async def _growth() -> list[Figure]:
    """Make calls with the client and the upstream of the benchmark, which are in C."""
    sources = [Path(processes.__file__).parent / name for name in ("upstream.c", "load.c")]
    with tempfile.TemporaryDirectory(prefix="soak-") as folder, contextlib.ExitStack() as stack:
        programs = processes.build(sources, Path(folder))
        upstream = processes.start([programs["upstream"]], None, stdout=-1)
        stack.callback(processes.stop, upstream)
        assert upstream.stdout is not None
        async with stage(ports={"bench": int(upstream.stdout.readline())}) as scene:
            whole = await _grown(programs["load"], scene, stream=False)
            streams = await _grown(programs["load"], scene, stream=True)
    return [*whole, *streams]


async def _grown(load: Path, scene: Stage, *, stream: bool) -> list[Figure]:
    warm, count = (_WARM_STREAMS, _MANY_STREAMS) if stream else (_WARM_CALLS, _CALLS)
    await _calls(load, scene, warm, _WARM_S, stream=stream)
    before = await scene.sample()
    made = await _calls(load, scene, count, _CALLS_S, stream=stream)
    after = await scene.sample()
    per_million = (after.rss_kib - before.rss_kib) / made * 1e6 / 1024
    kind = "streams of 20 events" if stream else "calls that are not streamed"
    what = f"memory before and after {made:,} {kind} (64 at a time; {warm:,} before as warm-up)"
    return [
        Figure("F11", what, f"{before.rss_kib / 1024:.2f}, {after.rss_kib / 1024:.2f} MiB", "", None),
        Figure("F11", "… which for a million is", f"{per_million:+.1f} MiB", "≤ 5 MiB", per_million <= 5),
    ]


async def _calls(load: Path, scene: Stage, count: int, seconds: float, *, stream: bool) -> int:
    numbers = (int(stream), 64, count, seconds, 0)
    process = await asyncio.create_subprocess_exec(
        load, str(scene.port), "bench/m", "mock-c20d2", *map(str, numbers), stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(seconds + 60):
        said, _ = await process.communicate()
    row = json.loads(said)
    assert row["err"] == 0, row
    return int(row["ok"])
