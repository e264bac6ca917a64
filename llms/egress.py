"""
Which addresses the gateway connects to. A decision, made after a name is resolved and before a connection is.

- Link-local addresses, and those where clouds answer with an instance's credentials, are refused always: no model is
  served there, and a name that leads there is an attack (or a router that catches all names).
- Where the configuration says ``https`` and a public name, as ``https://api.openai.com``, an address of this machine or
  of a private network is refused: the name leads somewhere it should not. ``"private": true`` allows it, for services
  of one's own that have a public name.
- An address written out, a name without a dot (a host of the local network, a container), one under ``.local``,
  ``.internal`` and the like, and everything over plain ``http`` are the operator's own words, and go where they lead.
  Over ``http`` there is nothing to hold a name to: who can forge the name's address can forge the answer.

An address inside another (v4-mapped, 6to4, NAT64, Teredo) counts as the inner one. Of several addresses those that are
refused are left out; if none is left, nothing is sent, no other address is tried, and the log has a warning.
100.64.0.0/10 and 198.18.0.0/15 do not count as private: VPN clients and proxies answer with them for every name.
A provider that goes through a vendor's SDK has connections of its own, which this does not see.
"""

import ipaddress
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_network

_NEVER = [
    ip_network(text)
    for text in (
        "169.254.0.0/16",  # link-local; the metadata service of most clouds
        "fe80::/10",
        "fd00:ec2::/32",  # Amazon
        "fd20:ce::/32",  # Google
        "100.100.100.200/32",  # Alibaba
        "168.63.129.16/32",  # Azure
        "192.0.0.192/32",  # Oracle
    )
]

_PRIVATE = [
    ip_network(text)
    for text in (
        "0.0.0.0/8",  # this machine, as Linux has it
        "10.0.0.0/8",
        "127.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "::/127",  # unspecified and loopback
        "fc00::/7",
        "fec0::/10",
    )
]

_WRAPPERS = [ip_network(text) for text in ("::/96", "64:ff9b::/96", "64:ff9b:1::/48")]
"""Networks whose addresses end in the IPv4 address that they stand for: IPv4-compatible, NAT64 (RFC 6052, RFC 8215)."""

_PRIVATE_ENDS = (".localhost", ".local", ".internal", ".lan", ".home", ".home.arpa", ".intranet", ".private", ".corp")
"""No such names are in the public DNS: RFC 6761, RFC 6762, RFC 8375, and ICANN's reserved ones."""


@lru_cache(1024)  # asked for each request, about few hosts
def refused(address: str) -> bool:
    """Whether nothing is ever sent to ``address``."""
    return _within(address, _NEVER)


def private(address: str) -> bool:
    """Whether ``address`` is of this machine or of a private network."""
    return _within(address, _PRIVATE)


@lru_cache(1024)
def public_name(host: str) -> bool:
    """Whether ``host`` is a name that the whole world knows, and no address."""
    name = host.rstrip(".").lower()
    return "." in name and not name.endswith(_PRIVATE_ENDS) and not is_address(host)


def allowed(addresses: Iterable[str], *, public_only: bool) -> list[str]:
    """Give those of ``addresses`` that may be connected to."""
    return [address for address in addresses if not refused(address) and not (public_only and private(address))]


def is_address(host: str) -> bool:
    """Whether ``host`` is an address, and no name."""
    return _parsed(host) is not None


def _parsed(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None


def _within(address: str, networks: Iterable[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    parsed = _parsed(address)
    return parsed is not None and any(inner in network for inner in _inner(parsed) for network in networks)


def _inner(address: IPv4Address | IPv6Address) -> list[IPv4Address | IPv6Address]:
    """The address, and those that it stands for."""
    if isinstance(address, IPv4Address):
        return [address]
    inner: list[IPv4Address | IPv6Address | None] = [address, address.ipv4_mapped, address.sixtofour]
    inner += address.teredo or ()
    if any(address in network for network in _WRAPPERS):
        inner.append(IPv4Address(address.packed[-4:]))
    return [one for one in inner if one is not None]
