"""Event streams and lines: the same for every cut, and the same as the standard says."""

import re

from llms.wire import ndjson, sse
from tests.fuzz.cuts import ways
from tests.fuzz.target import Target
from tests.support.decoding import framed

LIMITS = (1 << 20, 64, 8)


def check_sse(data: bytes, *, thorough: bool) -> None:
    """The events of the standard, whatever the cut; none over the limit."""
    for limit in LIMITS if thorough else (LIMITS[0], LIMITS[1 + len(data) % 2]):
        whole = framed(sse.Decoder(limit), [data])
        for reads in ways(data, thorough=thorough):
            assert framed(sse.Decoder(limit), reads) == whole
        events, too_large = whole
        assert all(len(payload) <= limit + payload.count(b"\n") for _, payload in events)
        if not too_large:
            assert events == standard(data)


def check_ndjson(data: bytes, *, thorough: bool) -> None:
    """The lines that are not blank, whatever the cut; none over the limit."""
    for limit in LIMITS if thorough else (LIMITS[0], LIMITS[1 + len(data) % 2]):
        whole = framed(ndjson.Decoder(limit), [data])
        for reads in ways(data, thorough=thorough):
            assert framed(ndjson.Decoder(limit), reads) == whole
        lines, too_large = whole
        assert all(len(line) <= limit for line in lines)
        if not too_large:
            assert lines == [line for line in data.split(b"\n") if line.strip()]


def standard(data: bytes) -> list[sse.Event]:
    """Read events as the standard describes it, all at once; an unfinished ``[DONE]`` counts, as the gateway has it."""
    *lines, rest = re.split(rb"\r\n|\n|\r", data.removeprefix(b"\xef\xbb\xbf"))
    if not lines:  # the mark is taken off with the first line's end
        rest = data
    events: list[sse.Event] = []
    name, held = b"", []
    for line in lines:
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if not line:
            if held:
                events.append((name, b"\n".join(held)))
            name, held = b"", []
        elif field == b"data":
            held.append(value)
        elif field == b"event":
            name = value
    end = rest[5:].strip() if rest.startswith(b"data:") else b"\n".join(held).strip()
    return [*events, (b"", end)] if end == b"[DONE]" else events


TARGETS = (
    Target("sse", check_sse, "sse", "openai/stream/*.in.sse"),
    Target("ndjson", check_ndjson, "ndjson", "ollama/stream/*.in.ndjson"),
)
