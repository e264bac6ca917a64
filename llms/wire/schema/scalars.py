"""Strings and numbers to try for a schema, the likeliest first; whether they are valid is the validator's business."""

import math
from collections.abc import Iterator
from fractions import Fraction

from llms.wire.schema import pattern
from llms.wire.schema.keywords import Schema, bounds, count, number

MAX_TEXT = 20_000
"""The longest string; a schema that asks for more is no demonstration."""

_FORMATS = {
    "date": "2026-01-0{n}",
    "time": "12:00:0{n}Z",
    "date-time": "2026-01-0{n}T12:00:00Z",
    "duration": "P{n}D",
    "email": "ada{n}@example.com",
    "idn-email": "ada{n}@example.com",
    "hostname": "host{n}.example.com",
    "idn-hostname": "host{n}.example.com",
    "ipv4": "192.0.2.{n}",
    "ipv6": "2001:db8::{n}",
    "uri": "https://example.com/{n}",
    "uri-reference": "/{n}",
    "iri": "https://example.com/{n}",
    "iri-reference": "/{n}",
    "uri-template": "https://example.com/{n}",
    "url": "https://example.com/{n}",
    "uuid": "00000000-0000-4000-8000-00000000000{n}",
    "json-pointer": "/{n}",
    "relative-json-pointer": "{n}",
    "regex": "a{n}",
}


def strings(schema: Schema, name: str, turn: int, node: pattern.Node | None) -> Iterator[str]:
    """
    Give strings to try.

    Args:
        name: What the string is for; the text says so.
        turn: 0 for the first of several, so that each differs.
        node: The schema's pattern, if it has one that can be read.
    """
    low, high = count(schema, "minLength") or 0, count(schema, "maxLength")
    if low > MAX_TEXT:
        return
    if isinstance(schema.get("format"), str) and schema["format"] in _FORMATS:
        yield _FORMATS[schema["format"]].format(n=1 + turn % 9)
    if node is not None:
        yield from _matching(node, low, turn)
    text = f"example {name}" if turn == 0 else f"example {name} {turn + 1}"
    if len(text) < low:
        text = (text + " ") * (low // len(text) + 1)
        text = text[:low]
    if high is not None and high < len(text):
        # The end of a number, since that is what differs; of no characters, "[-0:]" would give all.
        text = text[:high] if turn == 0 or high == 0 else str(turn + 1).rjust(low, "0")[-high:]
    yield text


def _matching(node: pattern.Node, low: int, turn: int) -> Iterator[str]:
    try:
        for more in range(turn, turn + min(low, 64) + 1):
            text = pattern.sample(node, more, MAX_TEXT)
            yield text
            yield text.ljust(low, "a")
    except pattern.UnsupportedPatternError:
        return


def numbers(schema: Schema, turn: int, *, whole: bool) -> Iterator[int | float]:
    """Give numbers to try; ``turn`` as for ``strings``."""
    step = number(schema.get("multipleOf"))
    low, _, high, _ = bounds(schema)
    fractions = [] if whole or step else _fractions(low, high, turn)
    if turn and low is not None and high is not None:
        yield from fractions
    unit = abs(step or Fraction(1))
    if whole:
        unit = Fraction(unit.numerator)  # the least whole number among its multiples
    for times in _times(schema, unit, turn):
        yield _written(unit * times, whole=whole)
    yield from fractions


def _fractions(low: Fraction | None, high: Fraction | None, turn: int) -> list[int | float]:
    """Give numbers between the bounds, and the bounds; not those that are open, but the validator knows."""
    left = low if low is not None else (Fraction(0) if high is None else high - 1)
    right = left + 1 if high is None else high
    parts = (Fraction(turn + 1, turn + 2), Fraction(turn + 3, turn + 4), Fraction(0), Fraction(1))
    return [_written(left + (right - left) * part, whole=False) for part in parts]


def _times(schema: Schema, unit: Fraction, turn: int) -> Iterator[int]:
    """Give multiples of ``unit`` within the bounds, the one nearest to 1 first, and round and round after the last."""
    low, open_low, high, open_high = bounds(schema)
    least = None if low is None else math.ceil(low / unit) + (open_low and low % unit == 0)
    most = None if high is None else math.floor(high / unit) - (open_high and high % unit == 0)
    for nth in range(turn, turn + 3):
        if least is None:
            yield 1 + nth if most is None else min(1, most) - nth
        elif most is None:
            yield max(1, least) + nth
        elif least <= most:
            first = 1 if least <= 1 <= most else least
            yield least + (first - least + nth) % (most - least + 1)


def _written(value: Fraction, *, whole: bool) -> int | float:
    """Give the number as JSON is to show it: without a fraction if there is none, and if that is not too long."""
    if value.denominator == 1 and (whole or abs(value) < _LONG):
        return int(value)
    try:
        return float(value)
    except OverflowError:
        return 0  # as good as any: the validator refuses it where it is none


_LONG = 1 << 53
