"""
The ``pattern`` of a JSON schema, read.

Look-around, back references, word boundaries and Unicode properties are not.

Source: https://json-schema.org/understanding-json-schema/reference/regular_expressions
"""

import re
import string
from typing import NoReturn

from llms.wire.schema.pattern import (
    Alternatives,
    Characters,
    Edge,
    Node,
    Repeat,
    Sequence,
    UnsupportedPatternError,
)

MAX_PATTERN = 500
MAX_GROUPS = 30
"""How deep groups may nest; far from the interpreter's limit of recursion."""

_LAST = 0x10FFFF


def parse(pattern: str) -> Node:
    """
    Read a pattern.

    Raises:
        UnsupportedPatternError: It is beyond what is read here.
    """
    if len(pattern) > MAX_PATTERN:
        message = f"longer than {MAX_PATTERN} characters"
        raise UnsupportedPatternError(message)
    return _Parser(pattern).whole()


def _single(character: str) -> Characters:
    return Characters(((ord(character), ord(character)),))


def _others(ranges: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
    result = []
    start = 0
    for low, high in sorted(ranges):
        if low > start:
            result.append((start, low - 1))
        start = max(start, high + 1)
    return (*result, (start, _LAST)) if start <= _LAST else tuple(result)


_DIGITS = ((0x30, 0x39),)
_WORD = ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A))
_SPACE = ((0x09, 0x0D), (0x20, 0x20))
_CLASSES = {
    "d": _DIGITS,
    "w": _WORD,
    "s": _SPACE,
    "D": _others(_DIGITS),
    "W": _others(_WORD),
    "S": _others(_SPACE),
}
_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "v": "\v", "0": "\0"}
_COUNT = re.compile(r"\{([0-9]{1,9})(,([0-9]{1,9})?)?\}")
_GROUP = re.compile(r"\((\?:|\?P?<[A-Za-z_][A-Za-z0-9_]*>)?(?!\?)")
_HEX = re.compile(r"x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})")


class _Parser:
    """Reads one pattern from left to right."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0
        self._groups = 0

    def whole(self) -> Node:
        node = self._alternatives()
        if self._at < len(self._pattern):
            self._refuse()
        return node

    def _alternatives(self) -> Node:
        nodes = [self._sequence()]
        while self._take("|"):
            nodes.append(self._sequence())
        return nodes[0] if len(nodes) == 1 else Alternatives(tuple(nodes))

    def _sequence(self) -> Node:
        nodes: list[Node] = []
        while self._peek() not in ("", "|", ")"):
            nodes.append(self._counted(self._atom()))
        return Sequence(tuple(nodes))

    def _counted(self, node: Node) -> Node:
        bounds = {"*": (0, None), "+": (1, None), "?": (0, 1)}.get(self._peek())
        if bounds is not None:
            self._at += 1
        elif found := _COUNT.match(self._pattern, self._at):
            self._at = found.end()
            low = int(found[1])
            bounds = (low, (int(found[3]) if found[3] else None) if found[2] else low)
        if bounds is None:
            return node
        self._take("?")  # lazy: the same texts, found in another order
        if self._peek() in ("*", "+", "?"):
            self._refuse()
        return Repeat(node, *bounds)

    def _atom(self) -> Node:
        if self._peek() == "(":
            return self._group()
        character = self._next()
        if character in "^$":
            return Edge(start=character == "^")
        if character == ".":
            return Characters(_others(((0x0A, 0x0A),)))
        if character == "[":
            return self._class()
        if character == "\\":
            return self._escape()
        if character in "*+?":
            self._refuse()
        return _single(character)

    def _group(self) -> Node:
        found = _GROUP.match(self._pattern, self._at)
        self._groups += 1
        if found is None or self._groups > MAX_GROUPS:
            self._refuse()
        else:
            self._at = found.end()
        node = self._alternatives()
        if not self._take(")"):
            self._refuse()
        self._groups -= 1
        return node

    def _class(self) -> Characters:
        negated = self._take("^")
        ranges: list[tuple[int, int]] = []
        while not self._take("]"):
            low = self._member()
            if (
                len(low.ranges) == 1
                and low.ranges[0][0] == low.ranges[0][1]
                and self._peek() == "-"
                and self._pattern[self._at + 1 : self._at + 2] != "]"
            ):
                self._at += 1
                ranges.append((low.ranges[0][0], self._member().ranges[-1][1]))
            else:
                ranges += low.ranges
        return Characters(_others(tuple(ranges)) if negated else tuple(ranges))

    def _member(self) -> Characters:
        character = self._next()
        return self._escape() if character == "\\" else _single(character)

    def _escape(self) -> Characters:
        if found := _HEX.match(self._pattern, self._at):
            self._at = found.end()
            return _single(chr(int(found[1] or found[2], 16)))
        character = self._next()
        if character in _CLASSES:
            return Characters(_CLASSES[character])
        if character not in _ESCAPES and character in string.ascii_letters + string.digits:
            self._refuse()
        return _single(_ESCAPES.get(character, character))

    def _peek(self) -> str:
        return self._pattern[self._at : self._at + 1]

    def _next(self) -> str:
        if self._at >= len(self._pattern):
            self._refuse()
        self._at += 1
        return self._pattern[self._at - 1]

    def _take(self, character: str) -> bool:
        found = self._peek() == character
        self._at += found
        return found

    def _refuse(self) -> NoReturn:
        message = f"not read here, at character {self._at}"
        raise UnsupportedPatternError(message)
