"""
A process that takes part in shared limits, as a worker does, and does what it is told: a line of JSON for a line.

``python -m tests.limits.process URL LEDGER LEASE_MS``, where LEDGER is a file that all of them write their rows to.
"""

import asyncio
import json
import os
import sys
from collections import Counter
from contextlib import asynccontextmanager
from pathlib import Path

from llms.errors import GatewayError
from llms.keys import Limits
from llms.limits import Need, Scope, books
from llms.limits.clock import SharedClock
from llms.limits.shared import SharedLimiter
from llms.limits.state import DAY_MS
from tests.limits.ledger import place


class FileLedger:
    """A ledger that several processes write to: a line for each row, appended in one step."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    async def __call__(self, subject: str, since_day: int, _: int | None) -> int:
        return self.sum(subject, since_day)

    def sum(self, subject: str, since_day: int = 0) -> int:
        rows = (line.split() for line in self.path.read_text().splitlines())
        return sum(int(cost) for name, at, cost in rows if name == subject and int(at) >= since_day * DAY_MS)

    def settle(self, reservation, scopes, tokens: int, cost: int) -> None:
        """Put a call's row and settle it, in one step."""
        os.write(self._file, "".join(f"{scope.subject} {reservation.at} {cost}\n" for scope in scopes).encode())
        reservation.settle(tokens, cost)

    def close(self) -> None:
        os.close(self._file)


def scopes_of(raw) -> list[Scope]:
    return [Scope(subject, Limits(**limits)) for subject, limits in raw]


class _Worker:
    def __init__(self, limiter, ledger) -> None:
        self.limiter = limiter
        self.ledger = ledger
        self.held = []

    async def admit(self, *, scopes, need, count=1):
        asked = scopes_of(scopes)
        calls = (self.limiter.admit(asked, Need(*need)) for _ in range(count))
        results = await asyncio.gather(*calls, return_exceptions=True)
        refused = Counter(type(one).__name__ for one in results if isinstance(one, GatewayError))
        assert not [one for one in results if isinstance(one, BaseException) and not isinstance(one, GatewayError)]
        self.held += [(one, asked) for one in results if not isinstance(one, BaseException)]
        return {"admitted": len(results) - refused.total(), "refused": refused}

    async def settle(self, *, tokens, cost, count=10**9):
        done, self.held = self.held[:count], self.held[count:]
        for held, scopes in done:
            self.ledger.settle(held, scopes, tokens, cost)
        return {"settled": len(done)}

    async def churn(self, *, scopes, need, cost, seconds):
        """Make one call after the other for a while, in ten tasks; give how many were admitted."""
        asked = scopes_of(scopes)
        until = asyncio.get_running_loop().time() + seconds
        count = 0

        async def go():
            nonlocal count
            while asyncio.get_running_loop().time() < until:
                try:
                    held = await self.limiter.admit(asked, Need(*need))
                except GatewayError:
                    await asyncio.sleep(0.01)
                    continue
                count += 1
                self.ledger.settle(held, asked, need[0], cost)

        await asyncio.gather(*(go() for _ in range(10)))
        return {"admitted": count}


async def _serve(url: str, path: str) -> None:
    ledger = FileLedger(Path(path))
    limiter = SharedLimiter(place(url), ledger, 1, SharedClock())
    limiter.start()
    worker = _Worker(limiter, ledger)
    try:
        while line := await asyncio.to_thread(sys.stdin.readline):
            what = json.loads(line)
            answer = await getattr(worker, what.pop("do"))(**what)
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()
    finally:
        await limiter.close()


class Child:
    """Such a process, seen from outside."""

    def __init__(self, process) -> None:
        self._process = process
        self.pid = process.pid

    async def tell(self, do: str, **what):
        """Tell it something; give its answer."""
        self._process.stdin.write(json.dumps({"do": do, **what}).encode() + b"\n")
        return json.loads(await asyncio.wait_for(self._process.stdout.readline(), 60))

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    async def kill(self) -> None:
        """End it as ``kill -9`` does."""
        self._process.kill()
        await self._process.wait()

    async def end(self) -> None:
        """End it in good order."""
        if self._process.returncode is None:
            self._process.stdin.close()
            await asyncio.wait_for(self._process.wait(), 30)


@asynccontextmanager
async def child(url: str, ledger: Path, lease_ms: int = 20_000):
    """Start one."""
    words = (sys.executable, "-m", "tests.limits.process", url, str(ledger), str(lease_ms))
    pipe = asyncio.subprocess.PIPE
    one = Child(await asyncio.create_subprocess_exec(*words, stdin=pipe, stdout=pipe))
    try:
        yield one
        await one.end()
    finally:
        if one._process.returncode is None:
            await one.kill()


if __name__ == "__main__":
    books._LEASE_MS = int(sys.argv[3])
    books._GRACE_MS = 100
    asyncio.run(_serve(*sys.argv[1:3]))
