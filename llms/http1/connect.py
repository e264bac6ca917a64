"""
Opens connections: from a name to a connection over which a request can go at once.

Of several addresses the next one is tried a quarter of a second after the last, the families in turn (RFC 8305), by
aiohappyeyeballs, which aiohttp needs as well. An address where the TLS handshake fails is left for the next one.
"""

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable, Sequence

from aiohappyeyeballs import AddrInfoType, start_connection

from llms import egress
from llms.http1.connection import Connection
from llms.http1.request import Place
from llms.resolver import Resolver
from llms.transport_failures import address_refused, connect_timeout, not_connected, not_named, not_sendable

_log = logging.getLogger("llms.transport")

_NEXT_ADDRESS_S = 0.25

_RECEIVE_BUFFER_BYTES = 256 << 10
"""
What the kernel takes in advance for a client that does not read; it doubles it, to count its own overhead. Left alone,
Linux lets it grow to 6 MiB, or 32 where it was tuned, for every such stream. At 100 ms from a provider it still lets
2 MB/s through, tens of thousands of tokens a second.
"""


async def connect(
    place: Place, names: Resolver, tls: ssl.SSLContext | None, within_s: float, new: Callable[[], Connection]
) -> Connection:
    """
    Open a connection to ``place``.

    Args:
        tls: Verifies the certificate; ``None`` for a connection in plain text.
        within_s: The longest that name, connection and handshake may take together.
        new: Gives a connection that is not yet open.

    Raises:
        GatewayError: There is none; of the upstream branch, or ``OverloadedError``.
    """
    try:
        async with asyncio.timeout(within_s):
            addresses = await _addresses(place, names)
            return await _first(place, addresses, tls, new)
    except TimeoutError:
        raise connect_timeout() from None


async def _addresses(place: Place, names: Resolver) -> list[AddrInfoType]:
    if egress.is_address(place.host):
        allowed = [place.host]
    else:
        try:
            found = await names.addresses(place.host)
        except OSError as error:
            raise not_named(error) from None
        allowed = egress.allowed(found, public_only=place.strict)
        if not allowed:
            private = not all(egress.refused(address) for address in found)
            option = ', unless "private" is set for the provider' if private else ""
            _log.warning("%s leads to %s: not connected to%s", place.host, ", ".join(found), option)
            raise address_refused(private=private)
    return [_info(address, place.port) for address in allowed]


def _info(address: str, port: int) -> AddrInfoType:
    if ":" in address:
        return socket.AF_INET6, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, port, 0, 0)
    return socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, port)


async def _first(
    place: Place, addresses: Sequence[AddrInfoType], tls: ssl.SSLContext | None, new: Callable[[], Connection]
) -> Connection:
    """Give a connection to the first of the addresses to which there is one."""
    left = list(addresses)
    while True:
        peer = None
        try:
            opened = await start_connection(
                left, happy_eyeballs_delay=_NEXT_ADDRESS_S, interleave=1, socket_factory=_socket
            )
            peer = opened.getpeername()[0]
            return await _talking(place, opened, tls, new())
        except OSError as error:
            left = [info for info in left if peer is not None and info[4][0] != peer]
            if not left:
                raise not_connected(error, tls=place.tls) from None
        except ValueError:  # a name that TLS does not know as one
            raise not_sendable() from None


async def _talking(
    place: Place, opened: socket.socket, tls: ssl.SSLContext | None, connection: Connection
) -> Connection:
    """Make a connection of a socket, with a handshake if one is due."""
    name = None if tls is None else place.host.rstrip(".")
    made = False
    try:
        await asyncio.get_running_loop().create_connection(
            lambda: connection, sock=opened, ssl=tls, server_hostname=name
        )
        made = True
    finally:
        if not made:
            connection.abort()
            opened.close()
    return connection


def _socket(address: AddrInfoType) -> socket.socket:
    family, kind, protocol, *_ = address
    made = socket.socket(family, kind, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made
