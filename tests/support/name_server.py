"""A scripted name server: answers over UDP, and TCP is refused."""

import asyncio
import ipaddress
import struct
from collections.abc import Sequence
from types import TracebackType
from typing import Self, cast

ADDRESS = ("127.0.0.1", 53)
RESOLV_CONF = "nameserver 127.0.0.1\n"

_A, _AAAA = 1, 28
_CODES = {"noerror": 0, "servfail": 2, "nxdomain": 3, "refused": 5}

Answer = Sequence[str] | str | None
"""Addresses; or ``servfail``, ``nxdomain``, ``refused``, ``truncated``; or ``None`` for silence."""


class NameServer(asyncio.DatagramProtocol):
    """
    The name server, for the length of an ``async with`` block; where port 53 may be had, as in a namespace.

    Attributes:
        answers: What names get; those that are not there do not exist.
        down: Say nothing at all.
        delay_s: Wait so long before each answer, for the names in ``slow``, or for all.
        asked: The names asked for, one entry for each question.
    """

    def __init__(self, **answers: Answer) -> None:
        self.answers: dict[str, Answer] = {name.replace("_", "."): answer for name, answer in answers.items()}
        self.down = False
        self.delay_s = 0.0
        self.slow: set[str] = set()
        self.asked: list[str] = []

    async def __aenter__(self) -> Self:
        await asyncio.get_running_loop().create_datagram_endpoint(lambda: self, ADDRESS)
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self._transport.close()
        await asyncio.sleep(0)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        name, kind, end = _question(data)
        self.asked.append(name)
        answer = self.answers.get(name, "nxdomain")
        if self.down or answer is None:
            return
        delay = self.delay_s if not self.slow or name in self.slow else 0
        asyncio.get_running_loop().call_later(delay, self._send, _reply(data, kind, end, answer), addr)

    def _send(self, data: bytes, addr: tuple[str, int]) -> None:
        if not self._transport.is_closing():
            self._transport.sendto(data, addr)


def _question(data: bytes) -> tuple[str, int, int]:
    """The name and the type asked for, and where the question ends."""
    labels, at = [], 12
    while length := data[at]:
        labels.append(data[at + 1 : at + 1 + length].decode("ascii").lower())
        at += length + 1
    (kind,) = struct.unpack(">H", data[at + 1 : at + 3])
    return ".".join(labels), kind, at + 5


def _reply(data: bytes, kind: int, end: int, answer: Sequence[str] | str) -> bytes:
    addresses = [] if isinstance(answer, str) else [ipaddress.ip_address(one) for one in answer]
    packed = [one.packed for one in addresses if (one.version == 6) == (kind == _AAAA) and kind in (_A, _AAAA)]
    code = _CODES.get(answer, 0) if isinstance(answer, str) else 0
    flags = 0x8180 | code | (0x0200 if answer == "truncated" else 0)
    head = data[:2] + struct.pack(">HHHHH", flags, 1, len(packed), 0, 0)
    records = [b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 0, len(address)) + address for address in packed]
    return head + data[12:end] + b"".join(records)
