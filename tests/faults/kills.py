"""
P06: kills a gateway again and again in the middle of its calls, and looks for answers that it has not written down.

::

    python -m tests.faults.kills [--kills 1000] [--in-flight 200] [--limit-s 600]

Each answer that came whole, to its last byte, is remembered by its ``x-request-id``; then the process is killed, started
anew, and asked for nothing: every answer must have its row, once, and a key's budget must be what its rows come to.
"""

import argparse
import asyncio
import random
import re
import sqlite3
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from llms.keys import Limits
from llms.store.open import open_store
from tests.support.kept import key, secret
from tests.support.process import Served, configure, serving

_ID = re.compile(rb"x-request-id: (req_[0-9a-f]{24})\r\n", re.IGNORECASE)
_LENGTH = re.compile(rb"content-length: ([0-9]+)\r\n", re.IGNORECASE)

_BODIES = [
    b'{"model":"demo","messages":[{"role":"user","content":"count to 3"}],"max_tokens":100%s}' % stream
    for stream in (b"", b',"stream":true')
]


@dataclass
class Found:
    """
    What came of it.

    Args:
        kills: How often the process was killed.
        in_flight: Requests that were on their way as it was, in all.
        answers: How many came whole.
        missing: Those that have no row.
        rows: How many there are.
        summed: How many the sums of the days have.
        drift: Micro-dollars that the budget's counter and its rows differ by, at its worst.
        held: Micro-dollars that were still held after a start, at their worst.
        integrity: What SQLite says of its file.
        took_s: In all.
    """

    kills: int = 0
    in_flight: int = 0
    answers: int = 0
    missing: list[str] = field(default_factory=list)
    rows: int = 0
    summed: int = 0
    drift: int = 0
    held: int = 0
    integrity: str = ""
    took_s: float = 0.0

    @property
    def good(self) -> bool:
        """Whether all is as it must be."""
        return not self.missing and (self.rows, self.drift, self.held, self.integrity) == (self.summed, 0, 0, "ok")


class Crowd:
    """Clients that ask one question after the other, until the process that they ask is gone."""

    def __init__(self, port: int, size: int) -> None:
        self.done: list[str] = []
        self.waiting = 0
        self._port = port
        self._tasks = [asyncio.create_task(self._client(number)) for number in range(size)]

    async def gone(self) -> None:
        """Wait until the last one has seen the end."""
        await asyncio.gather(*self._tasks)

    async def _client(self, number: int) -> None:
        body = _BODIES[number % 2]
        asked = (
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %s\r\n"
            b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
        ) % (secret("ann").encode(), len(body), body)
        writer = None
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            while True:
                writer.write(asked)
                self.waiting += 1
                head = await reader.readuntil(b"\r\n\r\n")
                length = _LENGTH.search(head)
                if length is not None:
                    await reader.readexactly(int(length[1]))
                else:
                    await reader.readuntil(b"\r\n0\r\n\r\n")
                self.waiting -= 1
                assert head.startswith(b"HTTP/1.1 200 "), head
                self.done.append(_ID.search(head)[1].decode())
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            if writer is not None:
                writer.transport.abort()


async def kills(folder: Path, most: int, in_flight: int, limit_s: float) -> Found:
    """Kill a gateway so often, or for so long, and say what came of it."""
    chance, found, started_at = random.Random(6), Found(), time.monotonic()  # noqa: S311 - when to kill
    file = folder / "llms.db"
    configure(
        folder,
        {
            "providers": {"demo": {"chunk_delay_s": 0.02}},
            "prices": {"demo/demo": {"input": 1, "output": 2}},
            "store": {"url": f"sqlite:{file}"},
        },
    )
    store = await open_store(f"sqlite:{file}")
    await store.put_key(key("ann", limits=Limits(budget_total=10**12)), 0)
    await store.close()
    done: list[str] = []
    for number in count():
        async with serving(folder) as served:
            await _account(served, file, found)
            found.missing += _without_row(file, done)
            found.answers += len(done)
            if number == most or time.monotonic() - started_at > limit_s:
                break
            crowd = Crowd(served.port, in_flight)
            await asyncio.sleep(chance.uniform(0.1, 0.7))
            served.process.kill()
            found.in_flight += crowd.waiting
            found.kills += 1
            await served.process.wait()
            await crowd.gone()
            done = crowd.done
    with sqlite3.connect(file) as opened:
        found.integrity = opened.execute("PRAGMA integrity_check").fetchone()[0]
        found.rows = opened.execute("SELECT COUNT(*) FROM calls").fetchone()[0]
        found.summed = opened.execute("SELECT SUM(calls) FROM usage_daily").fetchone()[0]
    opened.close()
    found.took_s = time.monotonic() - started_at
    return found


async def _account(served: Served, file: Path, found: Found) -> None:
    """Compare what the gateway says that its key has spent, and what it holds, with the rows."""
    me = (await served.get("/admin/v1/me", secret("ann"))).json
    [taken] = [one for one in me["taken"] if one["subject"].startswith("key:")]
    opened = sqlite3.connect(file)
    total = opened.execute("SELECT COALESCE(SUM(cost), 0) FROM calls WHERE key_id = ?", (key("ann").key.id,)).fetchone()
    opened.close()
    found.drift = max(found.drift, abs(taken["spent_micros"]["total"] - total[0]))
    found.held = max(found.held, taken["reserved_micros"], taken["running"])


def _without_row(file: Path, ids: Sequence[str]) -> list[str]:
    opened = sqlite3.connect(file)
    try:
        return [one for one in ids if not opened.execute("SELECT 1 FROM calls WHERE id = ?", (one,)).fetchone()]
    finally:
        opened.close()


def main() -> int:
    """Run the command; give the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.kills", description="Kill a gateway, many times.")
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--in-flight", type=int, default=200)
    parser.add_argument("--limit-s", type=float, default=600)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(kills(Path(folder), options.kills, options.in_flight, options.limit_s))
    sys.stdout.write(
        f"{found.kills} kills in {found.took_s:.0f} s, {found.in_flight / max(found.kills, 1):.0f} calls on their way at "
        f"each, {found.answers} whole answers: {len(found.missing)} without a row, {found.rows - found.summed} rows too "
        f"many or too few in the sums of {found.rows}, drift {found.drift}, held {found.held}, {found.integrity}\n"
    )
    return 0 if found.good else 1


if __name__ == "__main__":
    sys.exit(main())
