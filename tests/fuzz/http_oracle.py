"""What a strict reader, h11, makes of a stream of requests, and whether the gateway's answers fit that."""

import re
from dataclasses import dataclass

import h11

from tests.fuzz.http_streams import CANARY

_MOST = 1 << 20
_BLANKS = re.compile(rb"\A([A-Z]+) +([!-~]+) +(HTTP/1\.1)(?=\r\n)")
_NAME = re.compile(rb"m\d+-(?:\d+|end)")


@dataclass(frozen=True, slots=True)
class Read:
    """
    What h11 reads.

    Args:
        requests: Method and name (empty where it has none) of each whole request, up to the end that it sees.
        end: ``close`` (a request asked for it), ``error`` (the next is no HTTP) or ``more`` (the next is not whole).
        why: What h11 says of the error.
        method: Of that next request, if it got so far.
    """

    requests: list[tuple[bytes, bytes]]
    end: str
    why: str = ""
    method: bytes = b""

    @property
    def methods(self) -> list[bytes]:
        """Of all requests that may be answered."""
        return [*(method for method, _ in self.requests), self.method]


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of the gateway."""

    status: int
    closes: bool
    body: bytes


def read(data: bytes) -> Read:
    """
    Read a stream as a strict server would that answers everything with 404, a CONNECT too.

    Where RFC 9112 lets a server be lenient in what cannot be misunderstood, it is so: empty lines in front of a request
    are skipped (2.2), several blanks in its first line count as one (3), and HTTP/1.0 may ask for the connection to be
    kept (9.3).
    """
    found: list[tuple[bytes, bytes]] = []
    while data := data.lstrip(b"\r\n"):
        server = h11.Connection(h11.SERVER, max_incomplete_event_size=_MOST)
        server.receive_data(_BLANKS.sub(rb"\1 \2 \3", data, count=1))
        method, name, body = b"", b"", b""
        kept = False
        event: object = None
        while not isinstance(event, h11.EndOfMessage):
            try:
                event = server.next_event()
            except h11.RemoteProtocolError as error:
                return Read(found, "error", str(error), method)
            if isinstance(event, h11.Request):
                method, name = event.method, _name(event.target)
                kept = event.http_version == b"1.0" and (b"connection", b"keep-alive") in event.headers
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif not isinstance(event, h11.EndOfMessage):
                return Read(found, "more", method=method)
        found.append((method, name or _name(body)))
        server.send(h11.Response(status_code=404, headers=[("Content-Length", "0")]))
        server.send(h11.EndOfMessage())
        lasts = server.our_state is h11.DONE and server.their_state is h11.DONE
        if not lasts and not kept:
            return Read(found, "close")
        data = server.trailing_data[0]
    return Read(found, "more")


def _name(data: bytes) -> bytes:
    found = _NAME.search(data)
    return found[0] if found else b""


class BadAnswerError(Exception):
    """The gateway wrote what is no HTTP."""


def answers(data: bytes, methods: list[bytes]) -> tuple[list[Answer], bytes]:
    """
    Read what the gateway sent: its answers, interim ones left out, and what is left over.

    Args:
        methods: Of the requests, in order: an answer to ``HEAD`` has no body.

    Raises:
        BadAnswerError: It is no HTTP.
    """
    found: list[Answer] = []
    while data:
        method = methods[len(found)] if len(found) < len(methods) else b""
        try:
            answer, data = _answer(data, method)
        except _NotWholeError:
            break
        if answer.status >= 200:
            found.append(answer)
    return found, data


class _NotWholeError(Exception):
    pass


def _answer(data: bytes, method: bytes) -> tuple[Answer, bytes]:
    head, blank, rest = data.partition(b"\r\n\r\n")
    if not blank:
        raise _NotWholeError
    line, *lines = head.split(b"\r\n")
    if not (status := re.fullmatch(rb"HTTP/1\.[01] (\d{3}) [\x20-\x7e]*", line)):
        raise BadAnswerError(line)
    headers: dict[bytes, bytes] = {}
    for entry in lines:
        if not (field := re.fullmatch(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+): ([\x20-\x7e]*)", entry)):
            raise BadAnswerError(entry)
        name = field[1].lower()
        if name in headers and name in (b"content-length", b"transfer-encoding"):
            raise BadAnswerError(entry)
        headers[name] = field[2]
    code = int(status[1])
    closes = headers.get(b"connection", b"").lower() == b"close" or line.startswith(b"HTTP/1.0")
    # What is no HTTP is refused with a body or, if it got as far as HEAD, without; and requests before it in the same
    # read go under.
    refused = code == 400 and closes and method in (b"HEAD", b"")
    bodiless = code < 200 or code == 204 or (not rest if refused else method == b"HEAD")
    body, rest = (b"", rest) if bodiless else _body(headers, rest)
    return Answer(code, closes, body), rest


def _body(headers: dict[bytes, bytes], data: bytes) -> tuple[bytes, bytes]:
    if b"transfer-encoding" in headers:
        body = b""
        while True:
            line, end, data = data.partition(b"\r\n")
            if not end:
                raise _NotWholeError
            size = int(line, 16)
            if len(data) < size + 2:
                raise _NotWholeError
            body, data = body + data[:size], data[size + 2 :]
            if not size:
                return body, data
    size = int(headers.get(b"content-length", b"0"))
    if len(data) < size:
        raise _NotWholeError
    return data[:size], data[size:]


def disagreement(expected: Read, found: list[Answer], rest: bytes, *, closed: bool) -> str | None:
    """
    Say in what the gateway's answers do not fit what h11 read; ``None`` if they do.

    It may answer less if it closes the connection; it may refuse what is no HTTP, and answer before a body is whole.
    """
    problems = [
        *(f"status {answer.status}" for answer in found if answer.status >= 500),
        *("the caller's key is in an answer" for answer in found if CANARY.encode() in answer.body),
        "half an answer" if rest else None,
        None if closed else "neither answered nor closed",
        _too_many(expected, found),
        *(_misplaced(answer, *request) for answer, request in zip(found, expected.requests, strict=False)),
    ]
    return next((problem for problem in problems if problem), None)


def _too_many(expected: Read, found: list[Answer]) -> str | None:
    extra = found[len(expected.requests) :]
    allowed = {"close": 0, "more": 1, "error": 1}[expected.end]
    if len(extra) <= allowed and (expected.end == "more" or all(answer.status >= 400 for answer in extra)):
        return None
    return f"{len(found)} answers to {len(expected.requests)} requests, then {expected.end} {expected.why}"


def _misplaced(answer: Answer, method: bytes, name: bytes) -> str | None:
    named = _name(answer.body) if method != b"HEAD" else b""
    return f"the answer to {name.decode()} is about {named.decode()}" if named and name and named != name else None
