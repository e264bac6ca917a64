"""
Hostile HTTP: streams of requests, one after the other on a connection, some of them changed.

Each request carries a name of its own where a model's name belongs, so that an answer tells which request it is for. The
last one is plain and asks for the connection to be closed: a server that is still in step answers it.
"""

import json
import random
import re
from dataclasses import dataclass

CANARY = "canary-5f2d9b7c41"
"""Stands for a caller's key: neither answer nor log may hold it."""


@dataclass(frozen=True, slots=True)
class Stream:
    """
    What is sent on one connection.

    Args:
        requests: How many were written into it.
    """

    data: bytes
    requests: int


def stream(seed: int, longest: int = 12) -> Stream:
    """Give the stream of a seed."""
    chance = random.Random(seed)
    count = chance.randint(1, longest)
    parts = []
    for place in range(count):
        request = _request(chance, f"m{seed}-{place}")
        if chance.random() < 0.2:
            for _ in range(chance.choice((1, 1, 2))):
                request = chance.choice(_CHANGES)(request, chance)
        parts.append(request)
    end = f"GET /v1/models/m{seed}-end HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    return Stream(b"".join(parts) + end.encode(), count + 1)


def _request(chance: random.Random, name: str) -> bytes:
    method, path, body = chance.choice(_KINDS)
    text = body.replace("NAME", name).encode()
    head = [f"{method} {path.replace('NAME', name)} HTTP/1.1", "Host: localhost"]
    if chance.random() < 0.2:
        head.append(f"Authorization: Bearer {CANARY}")
    if not text:
        return "\r\n".join([*head, "", ""]).encode()
    head.append("Content-Type: application/json")
    if chance.random() < 0.4:
        head.append("Transfer-Encoding: chunked")
        text = _chunked(text, chance)
    else:
        head.append(f"Content-Length: {len(text)}")
    return "\r\n".join([*head, "", ""]).encode() + text


_CHAT = json.dumps({"model": "NAME", "messages": [{"role": "user", "content": "\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n"}]})
_KINDS = (
    *[("GET", "/v1/models/NAME", "")] * 10,
    *[("HEAD", "/v1/models/NAME", "")] * 2,
    *[("POST", "/v1/chat/completions", _CHAT)] * 10,
    ("POST", "/v1/embeddings", '{"model":"NAME","input":"a"}'),
    ("POST", "/v1/route/explain", _CHAT),
    ("POST", "/v1/completions", '{"model":"NAME","prompt":"a"'),
    ("POST", "/nothing/NAME", '{"model":"NAME"}'),
    ("GET", "/v1/models/NAME", "{}"),
    ("OPTIONS", "/v1/models", ""),
    ("DELETE", "/v1/models", ""),
    ("GET", "/healthz", ""),
    ("POST", "/v1/chat/completions", _CHAT.replace("NAME", "demo")),
    ("POST", "/v1/chat/completions", _CHAT.replace("NAME", "demo")[:-1] + ', "max_tokens": 5, "stream": true}'),
)


def _chunked(data: bytes, chance: random.Random) -> bytes:
    cut = chance.randint(1, len(data))
    parts = [part for part in (data[:cut], data[cut:]) if part]
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def _header(request: bytes, chance: random.Random) -> bytes:
    """Add a header that two readers may disagree about."""
    head, blank, body = request.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    lines.insert(chance.randint(1, len(lines)), chance.choice(_HEADERS))
    return b"\r\n".join(lines) + blank + body


def _length(request: bytes, chance: random.Random) -> bytes:
    """Write the length, or the encoding, in another way."""
    if b"Content-Length: " in request:
        return re.sub(
            rb"(Content-Length: )(\d+)", lambda found: found[1] + chance.choice(_LENGTHS) % found[2], request, count=1
        )
    return request.replace(b"Transfer-Encoding: chunked", chance.choice(_ENCODINGS), 1)


def _chunk(request: bytes, chance: random.Random) -> bytes:
    """Write a chunk's size or end in another way."""
    head, blank, body = request.partition(b"\r\n\r\n")
    if b"chunked" not in head:
        return _header(request, chance)
    change = chance.choice(_CHUNKS)
    found = list(re.finditer(rb"(?:^|\r\n)([0-9a-f]+)\r\n", body))
    if not found:
        return request
    place = chance.choice(found)
    return head + blank + body[: place.start(1)] + change % place[1] + body[place.end(1) + 2 :]


def _line(request: bytes, chance: random.Random) -> bytes:
    """Change the request line."""
    line, end, rest = request.partition(b"\r\n")
    method, target, version = (*line.split(b" "), b"", b"")[:3]
    return chance.choice(_LINES) % {b"m": method, b"t": target, b"v": version} + end + rest


def _ends(request: bytes, chance: random.Random) -> bytes:
    """End a line in another way."""
    places = [found.start() for found in re.finditer(b"\r\n", request)]
    place = chance.choice(places)
    return request[:place] + chance.choice(_ENDS) + request[place + 2 :]


def _bytes(request: bytes, chance: random.Random) -> bytes:
    """Change any byte."""
    place = chance.randrange(len(request))
    return request[:place] + chance.choice(_PIECES) + request[place + chance.randint(0, 1) :]


def _before(request: bytes, chance: random.Random) -> bytes:
    """Put something in front."""
    return chance.choice(_FRONT) + request


def _long(request: bytes, chance: random.Random) -> bytes:
    """Make a part of the head long."""
    filler = b"x" * chance.choice((2000, 8000, 9000, 20_000))
    line, end, rest = request.partition(b"\r\n")
    if chance.random() < 0.3:
        return line.replace(b" HTTP", b"?" + filler + b" HTTP") + end + rest
    if chance.random() < 0.3:
        return line + end + b"".join(b"X-%d: %d\r\n" % (at, at) for at in range(chance.choice((50, 150)))) + rest
    return line + end + b"X-Long: " + filler + b"\r\n" + rest


_CHANGES = (_header, _header, _header, _length, _length, _chunk, _chunk, _line, _ends, _bytes, _before, _long)

_HEADERS = (
    *(b"Content-Length: 0", b"Content-Length: 5", b"Content-Length: 5, 5", b"Content-Length: -1", b"Content-Length: "),
    *(b"content-length : 3", b" Content-Length: 3", b"Content-Length:\x0b3", b"Content-Length: 18446744073709551617"),
    *(
        b"Content-Length: 1" + b"0" * 30,
        b"Content-Length: 5000000",
        b"X: a\r\nContent-Length: 0",
        b"X: a\nContent-Length: 3",
    ),
    *(b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity", b"Transfer-Encoding: gzip, chunked"),
    *(
        b"Transfer-Encoding: chunked, identity",
        b"Transfer-Encoding : chunked",
        b"Transfer-Encoding:\tchunked",
        b"TE: trailers",
    ),
    *(
        b"Transfer-Encoding: xchunked",
        b"Transfer-Encoding: chunked\r\n x",
        b"Transfer_Encoding: chunked",
        b"Transfer-Encoding:",
    ),
    *(
        b"Upgrade: websocket\r\nConnection: Upgrade",
        b"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABk",
    ),
    *(
        b"Connection: close",
        b"Connection: keep-alive",
        b"Connection: content-length",
        b"Connection: transfer-encoding, close",
    ),
    *(b"Expect: 100-continue", b"Expect: x", b"Host: localhost", b"Host: evil", b"host: 127.0.0.1:99999", b"Host:"),
    *(
        b"Authorization: Bearer " + CANARY.encode() + b"\x01",
        b"Authorization: " + CANARY.encode(),
        b": a",
        b"a",
        b"X: \x00",
        b"X:\xff",
    ),
    *(
        b"X-Folded: a\r\n b",
        b"\tX: a",
        b"X\x0b: a",
        b"X:" + b" " * 100,
        b"Content-Encoding: gzip",
        b"Content-Encoding: br",
        b"Cookie: a=b",
    ),
    *(
        b"Trailer: Content-Length",
        b"X-Forwarded-Host: evil",
        b"Sec-WebSocket-Key: a",
        b"Content-Type: text/plain",
        b"Range: bytes=0-1",
    ),
    *(
        b"Origin: null",
        b"Origin: http://localhost",
        b"Keep-Alive: timeout=0",
        b"Date: x",
        b"Transfer-Encoding: chunked\r\nContent-Length: 3",
    ),
)
_LENGTHS = (
    *(
        b"+%b",
        b"-%b",
        b"0%b",
        b"%b ",
        b"%b, 1",
        b"0x%b",
        b"%b.0",
        b"%be0",
        b"1%b",
        b"\t%b",
        b"\xd9\xa3%b",
        b"_%b",
        b"%b;a",
    ),
    *(b'"%b"', b"%b\r\nContent-Length: 1", b"0000000%b", b"%b\x00", b"%b\r\n 1"),
)
_ENCODINGS = (
    *(
        b"Transfer-Encoding: Chunked",
        b"Transfer-Encoding: chunked ",
        b"Transfer-Encoding: ,chunked",
        b"Transfer-Encoding: chunked,",
    ),
    *(
        b"Transfer-Encoding: chunked, chunked",
        b"Transfer-Encoding: identity, chunked",
        b"Transfer-Encoding: chunked;q=1",
    ),
    *(
        b"Transfer-Encoding:chunked",
        b"transfer-encoding: CHUNKED",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    ),
    *(
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        b"Transfer-Encoding: \x0bchunked",
        b'Transfer-Encoding: "chunked"',
    ),
    *(
        b"Transfer-Encoding: chunked\x00",
        b"Transfer-Encoding: chunk",
        b"Transfer-Encoding: chunked\r\nContent-Length: 7",
    ),
)
_CHUNKS = (
    *(
        b"%b;a=b\r\n",
        b"%b ;a\r\n",
        b'%b;a="\n"\r\n',
        b"%b;" + b"x" * 100 + b"\r\n",
        b"%b;" + b"x" * 10_000 + b"\r\n",
        b"0%b\r\n",
    ),
    *(
        b"+%b\r\n",
        b"-%b\r\n",
        b"0x%b\r\n",
        b" %b\r\n",
        b"%b \r\n",
        b"%b\n",
        b"%b\r",
        b"%b\t\r\n",
        b"f%b\r\n",
        b"fffffffffffffff%b\r\n",
    ),
    *(
        b"%bg\r\n",
        b"_%b\r\n",
        b"0\r\n\r\n%b\r\n",
        b"0\r\nX: a\r\n\r\n%b\r\n",
        b"0\r\nContent-Length: 9\r\n\r\n%b\r\n",
        b"\r\n%b\r\n",
    ),
    *(b"0000000000000%b\r\n", b"%b;\r\n", b"%b;a\x00\r\n", b"%b\r\n\r\n"),
)
_LINES = (
    *(
        b"%(m)b  %(t)b %(v)b",
        b"%(m)b\t%(t)b\t%(v)b",
        b" %(m)b %(t)b %(v)b",
        b"%(m)b %(t)b %(v)b ",
        b"%(m)b %(t)b",
        b"%(m)b %(t)b HTTP/1.0",
    ),
    *(
        b"%(m)b %(t)b HTTP/0.9",
        b"%(m)b %(t)b HTTP/1.2",
        b"%(m)b %(t)b HTTP/2.0",
        b"%(m)b %(t)b HTTP/1.01",
        b"%(m)b %(t)b http/1.1",
    ),
    *(
        b"%(m)b %(t)b HTTP/1.1 HTTP/1.1",
        b"%(m)b http://localhost%(t)b %(v)b",
        b"%(m)b http://evil%(t)b %(v)b",
        b"%(m)b //evil%(t)b %(v)b",
    ),
    *(
        b"%(m)b * %(v)b",
        b"CONNECT localhost:80 %(v)b",
        b"CONNECT %(t)b %(v)b",
        b"TRACE %(t)b %(v)b",
        b"get %(t)b %(v)b",
        b"G\x00T %(t)b %(v)b",
    ),
    *(
        b"A" * 300 + b" %(t)b %(v)b",
        b"%(m)b %(t)b#x %(v)b",
        b"%(m)b %(t)b?%%ff=%%zz&key=a %(v)b",
        b"%(m)b %(t)b\xc3\xa9 %(v)b",
        b"%(m)b",
    ),
    *(
        b"%(m)b %(t)b/../%%2e%%2e/%%00 %(v)b",
        b"%(m)b %(t)b%%zz%%f %(v)b",
        b"PRI * HTTP/2.0",
        b"%(m)b [::1 %(v)b",
        b"%(m)b http://[::1/ %(v)b",
    ),
    *(
        b"%(m)b /%(t)b//// %(v)b",
        b"%(m)b %(t)b HTTP/1.1\r\nX",
        b"HEAD %(t)b %(v)b",
        b"%(m)b ?a %(v)b",
        b"%(m)b http:///x %(v)b",
    ),
)
_ENDS = (b"\n", b"\r", b"\r\r\n", b"\n\r\n", b"\r\n\r\n", b"", b"\r\n ", b"\x00\r\n", b"\r\n\t")
_PIECES = (b"\x00", b"\r", b"\n", b"\r\n", b" ", b":", b"\xff", b"\x7f", b"\t", b"", b"0", b"%", b"\r\n\r\n")
_FRONT = (
    b"\r\n",
    b"\n",
    b"\r\n\r\n",
    b"\r",
    b" ",
    b"\x00",
    b"\xef\xbb\xbf",
    b"\x16\x03\x01\x02\x00\x01\x00",
    b"0\r\n\r\n",
    b"X: a\r\n",
    b"a" * 100,
)
