"""
Measures what it costs to admit and settle a call, of each kind of limiter: ``python -m tests.limits.measure``.

Of one process, in microseconds: processor time of the process for one call, while a hundred are under way, and how long
one takes by itself until it is admitted.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from llms.keys import Limits
from llms.limits import Limiter, Need, Scope
from llms.limits.clock import Clock, SharedClock
from llms.limits.memory import MemoryLimiter
from llms.limits.shared import SharedLimiter
from tests.limits.ledger import Ledger, place
from tests.support import databases

_MANY = 10**15
_NEED = Need(1000, 50)
_FREE = [Scope("key:k", Limits())]
_FULL = [
    Scope("key:k", Limits(rpm=_MANY, tpm=_MANY, budget_month=_MANY)),
    Scope("team:t", Limits(rpm=_MANY, budget_day=_MANY)),
]


async def _one_by_one(limiter: Limiter, scopes: list[Scope], count: int) -> tuple[float, float]:
    """Give seconds of a call's processor time, and until it is admitted."""
    (await limiter.admit(scopes, _NEED)).settle(900, 40)
    best = waited = float("inf")
    for _ in range(5):
        began, worked = time.perf_counter(), time.process_time()
        for _ in range(count):
            held = await limiter.admit(scopes, _NEED)
            held.settle(900, 40)
        best = min(best, (time.process_time() - worked) / count)
        waited = min(waited, (time.perf_counter() - began) / count)
    return best, waited


async def _many(limiter: Limiter, scopes: list[Scope], count: int) -> float:
    """Give seconds of a call's processor time, a hundred calls being under way."""

    async def caller() -> None:
        for _ in range(count // 100):
            held = await limiter.admit(scopes, _NEED)
            held.settle(900, 40)

    worked = time.process_time()
    await asyncio.gather(*(caller() for _ in range(100)))
    return (time.process_time() - worked) / count


@contextmanager
def _urls() -> Iterator[dict[str, str]]:
    with ExitStack() as stack:
        folder = stack.enter_context(databases.folder())
        redis = databases.Redis(stack.enter_context(databases.folder()))
        redis.start()
        stack.callback(redis.kill)
        postgres = databases.Postgres(stack.enter_context(databases.folder()), databases.initialized(folder))
        postgres.start()
        stack.callback(postgres.crash)
        file = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "llms.db"
        yield {"sqlite": f"sqlite:{file}", "postgresql": postgres.url(), "redis": redis.url()}


async def _measure(urls: dict[str, str]) -> None:
    memory = MemoryLimiter(Ledger(), Clock())
    for name, scopes in (("no limits", _FREE), ("rpm, tpm, budget, team", _FULL)):
        worked, _ = await _one_by_one(memory, scopes, 50_000)
        sys.stdout.write(f"memory, {name}: {worked * 1e6:.2f} µs\n")
    for name, url in urls.items():
        limiter = SharedLimiter(place(url), Ledger(), 1, SharedClock())
        limiter.start()
        await asyncio.sleep(2)
        _, waited = await _one_by_one(limiter, _FULL, 300)
        worked = await _many(limiter, _FULL, 20_000)
        sys.stdout.write(f"{name}, rpm, tpm, budget, team: {worked * 1e6:.0f} µs; alone {waited * 1e6:.0f} µs\n")
        await limiter.close()


def main() -> None:
    """Start the servers, measure, print."""
    with _urls() as urls:
        asyncio.run(_measure(urls))


if __name__ == "__main__":
    main()
