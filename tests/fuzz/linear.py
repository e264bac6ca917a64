"""
Time and memory grow as the input does, not faster: each shape of input is given at two sizes, and the work compared.

Work is counted in calls (of Python and of C), and memory at its peak: both are the same each time. What C does inside one
call is not seen by them, so the command compares processor time as well, over four doublings.
"""

import argparse
import json
import re
import sys
import time
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

from llms.apis import body, chat_completions, completions, embeddings
from llms.config import ConfigError, parse
from llms.errors import GatewayError
from llms.providers.http import Decoder
from llms.records import Target
from llms.web.server import canonical_path
from llms.wire import ndjson, sse
from llms.wire import scrub as scrub_module
from llms.wire.accumulate import Accumulator
from llms.wire.scrub import scrub
from llms.wire.think import ThinkParser
from tests.fuzz import rules
from tests.fuzz.streams import CANARY
from tests.fuzz.targets import ollama, openai

Run = Callable[[], object]
Shape = Callable[[int], Run]
"""Gives what is to be done for an input of so many parts; the input itself is made before."""

MOST = 3.0
"""How much more work twice the input may make; 2 is linear, 4 is quadratic."""

MOST_TIME = 3.0 * 16
"""The same of time for 16 times the input; 256 is quadratic."""


def _feed(make: Callable[[], sse.Decoder | ndjson.Decoder], reads: list[bytes]) -> Run:
    def run() -> None:
        decoder = make()
        for data in reads:
            decoder.feed(data)
        decoder.close()

    return run


def answer(make: Callable[[], Decoder], reads: list[bytes]) -> Run:
    """Give the reading of a streamed answer, collected."""

    def run() -> None:
        decoder, whole = make(), Accumulator(rules.CALL)
        with suppress(GatewayError):
            for data in reads:
                whole.feed(decoder.feed(data))
            whole.feed(decoder.close())
        whole.completion()

    return run


def _events(delta: dict[str, object], count: int, model: str = "plain") -> Run:
    event = b"data: " + json.dumps({"choices": [{"index": 0, "delta": delta}]}).encode() + b"\n\n"
    return answer(lambda: openai.CODEC.decoder(rules.CALL, Target("fuzzed", model)), [*[event] * count, sse.DONE])


def _line(message: dict[str, object], count: int) -> Run:
    line = json.dumps({"message": message}).encode() + b"\n"
    return answer(
        lambda: ollama.CODEC.decoder(rules.CALL, Target("fuzzed", "theirs")), [*[line] * count, b'{"done":true}\n']
    )


def _request(read: Callable[[dict], object], value: object) -> Run:
    data = json.dumps(value).encode()

    def run() -> None:
        with suppress(GatewayError):
            read(body.decode(data))

    return run


def _config(data: bytes) -> Run:
    def run() -> None:
        with suppress(ConfigError):
            parse(data, {}, "config.json")

    return run


def _patterns(text: str) -> Run:
    """Apply each by itself: as a whole, scrub reads the beginning only."""
    patterns = [value for value in vars(scrub_module).values() if isinstance(value, re.Pattern)]
    assert patterns

    def run() -> None:
        for pattern in patterns:
            pattern.sub("", text)

    return run


def _think(pieces: list[str]) -> Run:
    def run() -> None:
        parser = ThinkParser("opened")
        for piece in pieces:
            parser.feed(piece)
        parser.close()

    return run


_WIDE = 1 << 24
_CHOICES = {"choices": [{"index": index, "delta": {"content": "a"}} for index in range(128)]}
_TOOL = {"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f", "arguments": "a"}}]}
_TURN = [{"role": "user", "content": [{"type": "text", "text": "a"}]}]

SHAPES: dict[str, Shape] = {
    "sse: a line in single bytes": lambda n: _feed(lambda: sse.Decoder(_WIDE), [b"data: ", *[b"x"] * n, b"\n\n"]),
    "sse: CR in single bytes": lambda n: _feed(lambda: sse.Decoder(_WIDE), [b"\r"] * n),
    "sse: an event of many lines": lambda n: _feed(lambda: sse.Decoder(_WIDE), [b"data: x\n" * n + b"\n"]),
    "sse: lines in single bytes": lambda n: _feed(lambda: sse.Decoder(_WIDE), [b"d", b"ata\r", b"\n"] * n),
    "sse: events in one read": lambda n: _feed(lambda: sse.Decoder(_WIDE), [b"data: x\r\n\r\n" * n]),
    "sse: a comment in pieces": lambda n: _feed(lambda: sse.Decoder(_WIDE), [b":", *[b"xx"] * n]),
    "ndjson: a line in single bytes": lambda n: _feed(lambda: ndjson.Decoder(_WIDE), [*[b"x"] * n, b"\n"]),
    "ndjson: lines in one read": lambda n: _feed(lambda: ndjson.Decoder(_WIDE), [b"{}\n" * n]),
    "openai: text": lambda n: _events({"content": "a"}, n),
    "openai: text that may be a tag": lambda n: _events({"content": "</thin"}, n, "o"),
    "openai: blanks before a tag": lambda n: _events({"content": " "}, n, "t"),
    "openai: reasoning": lambda n: _events({"reasoning_details": [{"text": "a"}]}, n),
    "openai: arguments": lambda n: _events(_TOOL, n),
    "openai: annotations": lambda n: _events({"annotations": [{"type": "x"}]}, n),
    "openai: audio": lambda n: _events({"audio": {"id": "a", "data": "AAAA"}}, n),
    "openai: choices": lambda n: answer(
        lambda: openai.CODEC.decoder(rules.CALL, Target("fuzzed", "plain")),
        [b"data: " + json.dumps(_CHOICES).encode() + b"\n\n"] * (n // 64),
    ),
    "openai: an event in single bytes": lambda n: answer(
        lambda: openai.CODEC.decoder(rules.CALL, Target("fuzzed", "plain")),
        [bytes([byte]) for byte in b'data: {"choices":[{"delta":{"content":"' + b"a" * n + b'"}}]}\n\n'],
    ),
    "ollama: text": lambda n: _line({"content": "a"}, n),
    "ollama: reasoning": lambda n: _line({"thinking": "a"}, n),
    "ollama: tool calls": lambda n: _line({"tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}]}, n),
    "think: a tag in pieces": lambda n: _think(["<", "/thin"] * n),
    "think: one text": lambda n: _think(["</think" * n]),
    "scrub: dots": lambda n: lambda: scrub("1." * n, (CANARY,)),
    "scrub: keys": lambda n: lambda: scrub("key-" * n + CANARY * n, (CANARY,)),
    "scrub: blanks": lambda n: lambda: scrub("bearer " * n + " " * n, (CANARY,)),
    "scrub: its patterns, dots": lambda n: _patterns("1." * n),
    "scrub: its patterns, keys": lambda n: _patterns("key-" * n),
    "scrub: its patterns, words": lambda n: _patterns("a_-b:" * n),
    "path: slashes": lambda n: lambda: canonical_path("/" * n + "v1/" * n),
    "path: prefixes": lambda n: lambda: canonical_path("/openai" + "/v1" * n + "/x"),
    "body: braces": lambda n: _request(lambda value: value, {"a": "{" * n, "b": [[]] * n}),
    "body: backslashes": lambda n: _request(lambda value: value, {"a": '\\"' * n, "b": "\ud83d" * n}),
    "body: keys": lambda n: _request(lambda value: value, {str(at): {"a": at} for at in range(n)}),
    "chat: messages": lambda n: _request(chat_completions.API.read, {"model": "m", "messages": _TURN * n}),
    "chat: parts": lambda n: _request(
        chat_completions.API.read, {"model": "m", "messages": [{"role": "user", "content": [*_TURN[0]["content"]] * n}]}
    ),
    "chat: tools": lambda n: _request(
        chat_completions.API.read,
        {
            "model": "m",
            "messages": _TURN,
            "tools": [{"type": "function", "function": {"name": f"f{at}"}} for at in range(n)],
        },
    ),
    "completions: prompt": lambda n: _request(
        completions.API.read, {"model": "m", "prompt": "a" * n, "stop": ["a"] * n}
    ),
    "embeddings: tokens": lambda n: _request(embeddings.API.read, {"model": "m", "input": [[1] * n, [2] * n]}),
    "config: providers": lambda n: _config(
        json.dumps({"providers": {f"p{at}": {"bas_url": "x"} for at in range(n)}}).encode()
    ),
    "config: keys twice": lambda n: _config(b'{"providers":{' + b'"a":{},' * n + b'"b":{}}}'),
    "config: aliases": lambda n: _config(
        json.dumps({"providers": {"demo": {}}, "models": {f"m{at}": f"m{at + 1}" for at in range(n)}}).encode()
    ),
}


def calls(run: Run) -> int:
    """Count the calls that are made."""
    count = 0

    def look(_frame: FrameType, event: str, _arg: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(look)
    try:
        run()
    finally:
        sys.setprofile(before)
    return count


def peak(run: Run) -> int:
    """Give the bytes that are held at most."""
    tracemalloc.start()
    try:
        run()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def growth(shape: Shape, size: int) -> tuple[float, float]:
    """Give how many times more calls and memory twice the input takes."""
    small, large = shape(size), shape(2 * size)
    for run in (small, large):
        run()  # caches are filled, modules imported
    return calls(large) / calls(small), (peak(large) + _LITTLE) / (peak(small) + _LITTLE)


_LITTLE = 20_000
"""Bytes that nobody counts."""


def slowdown(shape: Shape, size: int) -> float:
    """Give how many times more processor time 16 times the input takes: the best of three."""
    return _seconds(shape(16 * size)) / _seconds(shape(size))


def _seconds(run: Run) -> float:
    best = 1e9
    for _ in range(3):
        began = time.thread_time()
        run()
        best = min(best, time.thread_time() - began)
    return best + 1e-4  # below a tenth of a millisecond nothing is measured


def main(asked: argparse.Namespace) -> int:
    """Try every shape; the exit status is 1 if one grows too fast."""
    wrong = 0
    sys.stdout.write(f"{'shape':<36}{'calls x2':>10}{'memory x2':>11}{'time x16':>10}\n")
    for name, shape in SHAPES.items():
        more, held = growth(shape, 512)
        slower = slowdown(shape, 1024)
        bad = more > MOST or held > MOST or slower > MOST_TIME
        wrong += bad
        sys.stdout.write(f"{name:<36}{more:>10.2f}{held:>11.2f}{slower:>10.1f}{'  too fast' if bad else ''}\n")
    return 1 if wrong else 0
