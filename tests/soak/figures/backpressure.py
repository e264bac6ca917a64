"""F15: what the gateway takes from a provider for a client that does not read."""

import asyncio
import socket
from pathlib import Path

from tests.soak.client import request_bytes
from tests.soak.plan import Plan
from tests.soak.report import Figure
from tests.soak.stage import Stage, stage

_PAD = 4000
_WORDS = 100_000  # 400 MB, of which next to nothing is read
_READERS = 10
_KIB_A_SECOND = 1
_SECONDS = 10
_MOST_KIB = 1024
_CAP_KIB = 512


async def measure() -> list[Figure]:
    """Read ten endless streams at a kilobyte a second, for ten seconds."""
    async with stage() as scene:
        warm = await _reader(scene, "warm")
        await asyncio.sleep(1)
        warm.close()
        await asyncio.sleep(2)
        before = await scene.sample()
        readers = [await _reader(scene, f"slow-{number}") for number in range(_READERS)]
        read = [0] * _READERS
        for _ in range(_SECONDS):
            await asyncio.sleep(1)
            for number, reader in enumerate(readers):
                read[number] += len(await asyncio.get_running_loop().sock_recv(reader, _KIB_A_SECOND << 10))
        after, sent = await scene.sample(), await scene.upstream("sent")
        queues = _queues()
        held, waiting, kernel = _held(scene, sent, readers, read, queues)
        for reader in readers:
            reader.close()
    grown = (after.rss_kib - before.rss_kib) / _READERS
    return [
        Figure("F15", f"memory of the gateway for each of {_READERS} clients that read a fast stream at 1 kB/s", f"{grown:+.0f} KiB", "≤ 1 MiB", grown <= _MOST_KIB),
        Figure("F15", "taken from the provider − handed to the kernel for the client, at most", f"{held:.0f} KiB", "≤ 1 MiB", held <= _MOST_KIB),
        Figure("F15", "in the kernel for the client: sent and not read, at most", f"{waiting:.0f} KiB", "≤ 512 KiB", waiting <= _CAP_KIB),
        Figure("F15", "in the kernel from the provider: received and not read, at most", f"{kernel:.0f} KiB", "≤ 512 KiB", kernel <= _CAP_KIB),
    ]  # fmt: skip


async def _reader(scene: Stage, name: str) -> socket.socket:
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(client, ("127.0.0.1", scene.port))
    await loop.sock_sendall(client, request_bytes(Plan(name, words=_WORDS, pad=_PAD).request("alone", stream=True)))
    return client


Queues = dict[tuple[int, int], tuple[int, int]]


def _queues() -> Queues:
    """Give what waits in the kernel, to be sent and to be read, by local and remote port."""
    found = {}
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        cells = line.split()
        here, there = (int(cell.split(":")[1], 16) for cell in cells[1:3])
        out, come = (int(cell, 16) for cell in cells[4].split(":"))
        found[here, there] = (out, come)
    return found


def _held(
    scene: Stage, sent: list[dict[str, int]], readers: list[socket.socket], read: list[int], queues: Queues
) -> tuple[float, float, float]:
    """Give the most that one stream holds in the gateway, in the kernel for the client, in the kernel from the provider; KiB."""
    by_name = {str(entry["id"]): entry for entry in sent}
    most = [0.0, 0.0, 0.0]
    for number, reader in enumerate(readers):
        entry = by_name[f"slow-{number}"]
        theirs, incoming = queues[entry["here"], entry["there"]][0], queues[entry["there"], entry["here"]][1]
        port = reader.getsockname()[1]
        outgoing = queues[scene.port, port][0] + queues[port, scene.port][1]
        held = entry["bytes"] - theirs - incoming - outgoing - read[number]
        most = [max(pair) for pair in zip(most, (held / 1024, outgoing / 1024, incoming / 1024), strict=True)]
    return most[0], most[1], most[2]
