"""
Reasoning that a model writes into its text between ``<think>`` and ``</think>``, taken out of it.

Only for models of which the operator says so, and only at the start of the text: a model that is asked about the tags
may write them too.
"""

from enum import Enum, auto
from typing import Literal

ThinkTags = Literal["tagged", "opened"]
"""How a model writes its reasoning; ``opened`` if its template has the opening tag, so that only the other is sent."""

MAX_BLANKS = 64
"""How many blanks may stand before the opening tag: templates leave a few, and nobody waits for more."""

_OPEN, _CLOSE = "<think>", "</think>"


class _Place(Enum):
    START = auto()
    INSIDE = auto()
    CLOSED = auto()
    OUTSIDE = auto()


class ThinkParser:
    """
    Separates the reasoning of one choice's text from its content; every cut of the text gives the same.

    Args:
        tags: How the model writes it. An opening tag that is there all the same is no part of ``opened`` reasoning.
    """

    def __init__(self, tags: ThinkTags) -> None:
        self._untagged = _Place.INSIDE if tags == "opened" else _Place.OUTSIDE
        self._place = _Place.START
        self._held = ""  # may be the beginning of a tag

    @property
    def over(self) -> bool:
        """Whether all further text is content, and none is held back."""
        return self._place is _Place.OUTSIDE

    def feed(self, text: str) -> tuple[str, str]:
        """Take a piece of text; give the reasoning and the content in it, in this order."""
        thought, rest = "", self._held + text
        self._held = ""
        if self._place is _Place.START:
            rest = self._begin(rest)
        if self._place is _Place.INSIDE:
            thought, rest = self._think(rest)
        if self._place is _Place.CLOSED and rest:
            self._place = _Place.OUTSIDE
            rest = rest.removeprefix("\n")
        return thought, rest

    def close(self) -> tuple[str, str]:
        """Give what is held back, since no tag will come of it; more text may follow."""
        held, self._held = self._held, ""
        if self._place is _Place.START:
            self._place = self._untagged
        return (held, "") if self._place is _Place.INSIDE else ("", held)

    def _begin(self, text: str) -> str:
        bare = text.lstrip()
        if len(text) - len(bare) > MAX_BLANKS:
            self._place = self._untagged
        elif bare.startswith(_OPEN):
            self._place = _Place.INSIDE
            return bare.removeprefix(_OPEN)
        elif _OPEN.startswith(bare):
            self._held = text
            return ""
        else:
            self._place = self._untagged
        return text

    def _think(self, text: str) -> tuple[str, str]:
        thought, tag, rest = text.partition(_CLOSE)
        if tag:
            self._place = _Place.CLOSED
            return thought, rest
        self._held = next(_CLOSE[:size] for size in range(len(_CLOSE) - 1, -1, -1) if text.endswith(_CLOSE[:size]))
        return text.removesuffix(self._held), ""
