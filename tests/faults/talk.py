"""Says anything to a gateway and reads everything that comes, up to the end of the connection."""

import asyncio
import re
from dataclasses import dataclass

from tests.support.invariants import Watch
from tests.support.raw import RawClient

_STATUS = re.compile(rb"HTTP/\d\.\d (\d{3}) ")


@dataclass(frozen=True, slots=True)
class Talk:
    """
    What came back.

    Args:
        data: All of it.
        closed: Whether the gateway ended the connection.
    """

    data: bytes
    closed: bool

    @property
    def statuses(self) -> list[int]:
        """The status of each answer."""
        return [int(status) for status in _STATUS.findall(self.data)]


async def talk(port: int, *parts: bytes, watch: Watch | None, within_s: float = 5) -> Talk:
    """Send ``parts``, each as a read of its own, and read until the connection ends or ``within_s`` is over."""
    data = bytearray()
    closed = False
    async with RawClient("127.0.0.1", port) as client:
        reading = asyncio.create_task(_read(client, data, within_s))
        try:
            async with asyncio.timeout(within_s):
                for part in parts:
                    await client.send(part)
                    await asyncio.sleep(0.01 if len(parts) > 1 else 0)
                await reading
            closed = True
        except ConnectionError:
            await asyncio.gather(reading, return_exceptions=True)
            closed = True
        except TimeoutError:
            await asyncio.gather(reading, return_exceptions=True)
    found = Talk(bytes(data), closed)
    if watch is not None:
        said = " ".join(map(str, found.statuses)) or "no answer"
        watch.notes.append(f"{said}, {'closed' if closed else 'left open'}")
    return found


async def _read(client: RawClient, data: bytearray, within_s: float) -> None:
    while piece := await client.read_some(within_s + 1):
        data += piece


def head(method: str, target: str, *lines: str, key: str | None = None) -> bytes:
    """The head of a request; ``Host`` comes first."""
    sent = [
        f"{method} {target} HTTP/1.1",
        "Host: localhost",
        *([f"Authorization: Bearer {key}"] if key else []),
        *lines,
    ]
    return "\r\n".join([*sent, "", ""]).encode("latin-1")
