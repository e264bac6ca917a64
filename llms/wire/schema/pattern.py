"""
The ``pattern`` of a JSON schema: matched, and turned into text that it matches.

Not the standard library's ``re``: the patterns come from clients, and one of theirs (``(a+)+$``) would hold the event
loop for minutes. Here a match follows all ways at once, and pays for each step from a budget.

Source: https://json-schema.org/understanding-json-schema/reference/regular_expressions
"""

from collections.abc import Callable
from dataclasses import dataclass

Spend = Callable[[int], None]
"""Takes the steps that some work costs; raises when there are none left."""


class UnsupportedPatternError(ValueError):
    """The pattern holds what is not read here, or is no pattern."""


@dataclass(frozen=True, slots=True)
class Characters:
    """One character out of these ranges, both ends included."""

    ranges: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Edge:
    """The start of the text, or its end."""

    start: bool


@dataclass(frozen=True, slots=True)
class Sequence:
    """One after the other."""

    nodes: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Alternatives:
    """Any one of these."""

    nodes: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """``low`` to ``high`` times the same; any number of times from ``low`` on if ``high`` is ``None``."""

    node: "Node"
    low: int
    high: int | None


Node = Characters | Edge | Sequence | Alternatives | Repeat


def matches(node: Node, text: str, spend: Spend) -> bool:
    """Say whether the pattern matches anywhere in ``text``."""
    spend(len(text) // 16)
    return bool(_ends(node, text, frozenset(range(len(text) + 1)), spend))


def sample(node: Node, more: int, limit: int) -> str:
    """
    Give text that the pattern was made for.

    Args:
        more: How often to repeat beyond what the pattern asks for, where it leaves that open.
        limit: The longest text.

    Raises:
        UnsupportedPatternError: It would be longer than that.
    """
    match node:
        case Characters():
            return _character(node)
        case Edge():
            return ""
        case Sequence():
            return _within("".join(sample(part, more, limit) for part in node.nodes), 1, limit)
        case Alternatives():
            return sample(node.nodes[0], more, limit)
        case _:
            count = node.low + more if node.high is None else min(node.high, node.low + more)
            return _within(sample(node.node, more, limit), count, limit)


def _within(text: str, count: int, limit: int) -> str:
    if len(text) * count > limit:
        message = f"longer than {limit} characters"
        raise UnsupportedPatternError(message)
    return text * count


def _ends(node: Node, text: str, starts: frozenset[int], spend: Spend) -> frozenset[int]:
    """Where a match can end that begins at one of ``starts``."""
    spend(1 + len(starts) // 16)
    match node:
        case Characters():
            return frozenset(at + 1 for at in starts if at < len(text) and _holds(node, text[at]))
        case Edge():
            return starts & {0 if node.start else len(text)}
        case Sequence():
            for part in node.nodes:
                starts = _ends(part, text, starts, spend)
            return starts
        case Alternatives():
            return frozenset().union(*(_ends(part, text, starts, spend) for part in node.nodes))
        case _:
            return _repeated(node, text, starts, spend)


def _repeated(node: Repeat, text: str, starts: frozenset[int], spend: Spend) -> frozenset[int]:
    ends = starts
    # After as many rounds as there are positions, only matches of nothing go round: the set changes no more.
    for _ in range(min(node.low, len(text) + 2)):
        ends = _ends(node.node, text, ends, spend)
    found, new, left = ends, ends, node.high
    while new and (left is None or left > node.low):
        new = _ends(node.node, text, new, spend) - found
        found |= new
        left = None if left is None else left - 1
    return found


def _holds(node: Characters, character: str) -> bool:
    return any(low <= ord(character) <= high for low, high in node.ranges)


def _character(node: Characters) -> str:
    for character in "a1-_A ./":
        if _holds(node, character):
            return character
    if not node.ranges:
        message = "a class without characters"
        raise UnsupportedPatternError(message)
    return chr(node.ranges[0][0])
