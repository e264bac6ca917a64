"""Names that the gateway goes by; pure."""

from collections.abc import Collection

_LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})


def goes_by(host: str, allowed: Collection[str], own_address: str | None) -> bool:
    """
    Whether ``Host`` is one that the gateway goes by.

    A request that names the very address it was sent to cannot come from a rebound name.

    Args:
        host: The header's value.
        allowed: Names besides the loopback ones, without port.
        own_address: The address that the connection came in on, in brackets if it is of version 6.
    """
    name, port = _split_port(host)
    return port is not None and (name in _LOOPBACK_NAMES or name in allowed or name == own_address)


def _split_port(host: str) -> tuple[str, str | None]:
    """Give the name and the port's digits (empty where there is none); ``None`` for a port that is none."""
    bracket = host.rfind("]")
    colon = host.find(":", bracket + 1)
    if colon < 0:
        return host, ""
    port = host[colon + 1 :]
    valid = port.isascii() and port.isdigit() and 0 < int(port[:6]) < 65536 and len(port) <= 5
    return host[:colon], port if valid else None
