"""
Which requests are plain: those that one look at the bytes of their head settles; pure.

A plain request asks an inference endpoint, in HTTP/1.1, with a JSON body whose length its head says. Nothing in it asks
for anything more: no other framing, no coding, no origin to judge, no key for repeating it. It is framed by fewer rules
than HTTP has, all of them stricter, so that nobody in front can read it in another way. What is not plain is not wrong:
it is aiohttp's to read, and the guard's to judge.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from llms.apis.api import Api
from llms.auth import CARRIERS
from llms.errors import GatewayError
from llms.keys import VirtualKey
from llms.web.hosts import goes_by
from llms.web.policy import Policy

MAX_HEAD = 8 << 10
"""Bytes; what is longer is left to aiohttp, whose limit it is as well."""

MAX_FIELDS = 100
"""More are left to aiohttp, which has a limit of its own."""

MAX_BODY = 1 << 20
"""Bytes; a longer body is better read as it arrives."""

_HEAD = re.compile(
    rb"POST (/v1/[a-z/]{1,40}) HTTP/1\.1\r\n((?:[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}:[\x20-\x7e]*\r\n)+)\r\n"
)

_LENGTH = re.compile(rb"[0-9]{1,7}")

_JSON = (b"application/json", b"application/json; charset=utf-8", b"application/json;charset=utf-8")

_TELLING = frozenset(
    {
        b"connection",
        b"content-encoding",
        b"cookie",
        b"expect",
        b"http2-settings",
        b"idempotency-key",
        b"keep-alive",
        b"origin",
        b"proxy-connection",
        b"sec-fetch-site",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"x-llms-trail",
    }
)
"""Headers that ask for more, or may. ``Connection: keep-alive`` asks for what there is."""


@dataclass(frozen=True, slots=True)
class Plain:
    """
    A plain request's head, read.

    Args:
        api: Of its endpoint.
        key: Whose it is; ``None`` where none is needed.
        length: Bytes of its body.
    """

    api: Api
    key: VirtualKey | None
    length: int


def read(
    head: bytes, apis: Mapping[bytes, Api], policy: Policy, max_bytes: int, own_address: str | None
) -> Plain | None:
    """
    Read a head; ``None`` if it is not a plain request's, or the request is to be refused.

    Args:
        head: From the first byte to the empty line, that included.
        apis: By their paths.
        max_bytes: The longest body that is taken.
        own_address: The address that the connection came in on, as ``Host`` would name it.
    """
    found = _HEAD.fullmatch(head)
    if found is None or (api := apis.get(found[1])) is None:
        return None
    lines = [line.partition(b":") for line in found[2].split(b"\r\n")[:-1]]
    fields = {name.lower(): value.strip(b" ") for name, _, value in lines}
    if len(fields) < len(lines) or len(fields) > MAX_FIELDS or not _framed_plainly(fields, min(max_bytes, MAX_BODY)):
        return None
    if b"host" not in fields or not goes_by(fields[b"host"].decode("ascii"), policy.hosts, own_address):
        return None
    carried = {name: [value.decode("ascii")] for name in CARRIERS if (value := fields.get(name.encode())) is not None}
    try:
        key = policy.keyring.authenticate(carried)
    except GatewayError:
        return None
    return Plain(api, key, int(fields[b"content-length"]))


def _framed_plainly(fields: Mapping[bytes, bytes], max_bytes: int) -> bool:
    """Whether it is one JSON body, whose length is told, and nothing else is asked for."""
    told = fields.keys() - {b"connection"} if fields.get(b"connection", b"").lower() == b"keep-alive" else fields.keys()
    length = fields.get(b"content-length", b"")
    if not _TELLING.isdisjoint(told) or not _LENGTH.fullmatch(length) or int(length) > max_bytes:
        return False
    return fields.get(b"content-type", b"").lower() in _JSON
