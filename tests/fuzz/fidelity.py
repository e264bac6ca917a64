"""
Figure F17: a stream reaches the client byte for byte the same, however its bytes were cut and its lines ended.

Every two cuts of each stream × LF, CR, CRLF × with and without BOM, through the codec and the encoder.
"""

import argparse
import sys
from collections.abc import Iterator
from itertools import combinations

from llms.apis import chat_completions
from llms.records import Target
from tests.fuzz import rules
from tests.fuzz.cuts import pieces
from tests.fuzz.targets.openai import CODEC
from tests.support.decoding import decoded

ENDS = (b"\n", b"\r", b"\r\n")
MARKS = (b"", b"\xef\xbb\xbf")

STREAMS = (
    """data: {"choices":[{"delta":{"content":"é😀\u2028"}}]}

: c

event: x
id: 1
data:{"choices":
data: [{"delta":{},"finish_reason":"stop"}]}

data: [DONE]

""",
    """event: ping
data: {}


retry: 5
data: {"choices":[{"delta":{"tool_calls":[{"function":{"name":"f","arguments":"{\\r\\n}"}}]}}]}

data: [DONE]""",
    """data: {"choices":[{"delta":{"content":"a\\n\\ndata: b"}}]}

data: {"error":{"message":"näh"}}

""",
)


def cases() -> Iterator[tuple[bytes, bytes]]:
    """Give each stream as it may come, and what the client has to get."""
    for text in STREAMS:
        expected = to_client([text.encode()])
        for end in ENDS:
            for mark in MARKS:
                yield mark + text.encode().replace(b"\n", end), expected


def to_client(reads: list[bytes]) -> bytes:
    """Give the bytes that the client gets, and what the error says if there is one."""
    encoder = chat_completions.API.encoder(rules.CALL)
    block, failure = decoded(CODEC.decoder(rules.CALL, Target("fuzzed", "plain")), reads)
    return encoder.feed(block) + (encoder.close() if failure is None else encoder.error(failure))


def main(asked: argparse.Namespace) -> int:
    """Try all; the exit status is 1 if one differs."""
    tried = wrong = 0
    for data, expected in cases():
        for points in combinations(range(len(data) + 1), 2):
            tried += 1
            if to_client(pieces(data, list(points))) != expected:
                wrong += 1
                sys.stdout.write(f"differs: {data!r} cut at {points}\n")
    sys.stdout.write(f"{tried} combinations of cuts, line ends and BOM; {wrong} not byte-identical\n")
    return 1 if wrong else 0
