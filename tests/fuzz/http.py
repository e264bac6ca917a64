"""
Figure F5: hostile HTTP, raw, against a real ``llms serve``.

For each connection the answers must fit what h11, a strict reader, makes of the same bytes; there is no 5xx, no traceback
and no key in the log, and the same process answers to the end.
"""

import argparse
import asyncio
import contextlib
import json
import random
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.fuzz import http_oracle, http_streams
from tests.fuzz.http_streams import CANARY, Stream
from tests.support.process import environment

CONNECTIONS = 32
_START_S = 30.0
_ANSWER_S = 20.0
_SILENCE_S = 0.05
"""How long to wait for an answer where none is due."""

_CONFIG = {
    "server": {"port": 0, "body_s": 3, "max_body_bytes": 1 << 20},
    "providers": {"demo": {"chunk_delay_s": 0}},
    "models": {},
}
_BAD_LOG = re.compile(rb"Traceback|Unhandled|never retrieved|never awaited|Exception in|" + CANARY.encode())


@dataclass
class Tally:
    """What was sent and what came of it; ``kept`` holds the streams that disagree, by what is wrong with them."""

    connections: int = 0
    sent: int = 0
    read: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    kept: dict[str, bytes] = field(default_factory=dict)

    def keep(self, what: str, data: bytes) -> None:
        """Count a disagreement, and keep the shortest stream that shows it."""
        kind = re.sub(r"\d+", "N", what)
        self.wrong[kind] += 1
        if len(data) < len(self.kept.get(kind, data + b" ")):
            self.kept[kind] = data


class Gateway:
    """
    A running gateway, and what is bad in its log.

    Args:
        bad: The lines.
    """

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.process = process
        self.port = port
        self.bad: list[bytes] = []

    async def watch(self) -> None:
        """Read the log to its end; only what is bad is kept."""
        assert self.process.stderr
        while line := await self.process.stderr.readline():
            if _BAD_LOG.search(line):
                self.bad.append(line)

    def memory_kb(self) -> int:
        """Its resident memory."""
        status = Path(f"/proc/{self.process.pid}/status").read_text("ascii")
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1])


@contextlib.asynccontextmanager
async def serving() -> AsyncIterator[Gateway]:
    """Run a gateway with nothing but the demo behind it until the block ends."""
    with tempfile.TemporaryDirectory(prefix="llms-fuzz-") as folder:
        config = _written(folder)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "llms", "serve", "--config", config),
            cwd=folder,
            env=environment(),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            said = b""
            async with asyncio.timeout(_START_S):
                while not (found := re.search(rb"http://127\.0\.0\.1:(\d+)", said)):
                    line = await process.stdout.readline()
                    assert line, said
                    said += line
            gateway = Gateway(process, int(found[1]))
            watching = asyncio.create_task(gateway.watch())
            yield gateway
            assert process.returncode is None, f"the gateway has ended: {process.returncode}"
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        await watching


def _written(folder: str) -> str:
    path = Path(folder, "config.json")
    path.write_text(json.dumps(_CONFIG), "utf-8")
    return str(path)


async def send(port: int, stream: Stream, chance: random.Random, tally: Tally) -> None:
    """Send one stream on a connection of its own, and judge what comes back."""
    expected = http_oracle.read(stream.data)
    raw, closed = await _exchange(port, stream.data, chance, waits=expected.end == "more")
    tally.connections += 1
    tally.sent += stream.requests
    tally.read += len(expected.requests)
    tally.ends[expected.end] += 1
    try:
        found, rest = http_oracle.answers(raw, expected.methods)
    except (http_oracle.BadAnswerError, ValueError):
        tally.keep(f"no HTTP behind {len(expected.requests)} requests, then {expected.end} {expected.why}", stream.data)
        return
    tally.statuses.update(answer.status for answer in found)
    if what := http_oracle.disagreement(expected, found, rest, closed=closed):
        tally.keep(what, stream.data)


async def _exchange(port: int, data: bytes, chance: random.Random, *, waits: bool) -> tuple[bytes, bool]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    received = b""
    try:
        cut = chance.choice((0, 0, chance.randint(0, len(data))))
        if cut:
            writer.write(data[:cut])
            await asyncio.sleep(0)
        writer.write(data[cut:])
        async with asyncio.timeout(_ANSWER_S):
            if waits:
                with contextlib.suppress(TimeoutError):
                    while piece := await asyncio.wait_for(reader.read(1 << 16), _SILENCE_S):
                        received += piece
                writer.write_eof()
            while piece := await reader.read(1 << 16):
                received += piece
    except TimeoutError:
        return received, False
    except OSError:  # closed with bytes of ours unread, which takes away what we have not read
        return received.rpartition(b"HTTP/1.1 ")[0] if not received.endswith(b"}") else received, True
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
    return received, True


async def run(requests: int, seconds: float, seed: int) -> Tally:
    """Send streams until so many requests have been written, or the time is over."""
    tally = Tally()
    async with serving() as gateway:
        before = gateway.memory_kb()
        began = time.monotonic()
        seeds = _seeds(seed, tally, requests, began + seconds)
        async with asyncio.TaskGroup() as group:
            for _ in range(CONNECTIONS):
                group.create_task(_work(gateway.port, seeds, tally))
        took = time.monotonic() - began
        await send(gateway.port, http_streams.Stream(_PLAIN, 1), random.Random(0), tally)
        after = gateway.memory_kb()
    for line in gateway.bad:
        tally.keep(f"log: {line.decode(errors='replace').strip()[:200]}", b"")
    sys.stdout.write(f"{took:.0f} s, {tally.sent / took:.0f} requests a second; RSS {before} kB, then {after} kB\n")
    return tally


_PLAIN = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def _seeds(seed: int, tally: Tally, requests: int, until: float) -> Iterator[int]:
    while tally.sent < requests and time.monotonic() < until:
        yield seed
        seed += 1


async def _work(port: int, seeds: Iterator[int], tally: Tally) -> None:
    for seed in seeds:
        await send(port, http_streams.stream(seed), random.Random(seed), tally)


def main(asked: argparse.Namespace) -> int:
    """Run, and say what came of it; the exit status is 1 if anything disagrees."""
    tally = asyncio.run(run(asked.requests, asked.seconds, asked.seed))
    answered = sum(tally.statuses.values())
    sys.stdout.write(f"{tally.sent} requests on {tally.connections} connections, {tally.read} of them HTTP to h11\n")
    sys.stdout.write(f"{answered} answers: {dict(sorted(tally.statuses.items()))}\n")
    sys.stdout.write(f"streams by their end, as h11 sees it: {dict(tally.ends)}\n")
    folder = asked.found / "http"
    for place, (kind, data) in enumerate(tally.kept.items()):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / str(place)).write_bytes(data)
        sys.stdout.write(f"{tally.wrong[kind]} × {kind}: {folder / str(place)}\n")
    sys.stdout.write(f"{sum(tally.wrong.values())} disagreements\n")
    return 1 if tally.wrong else 0
