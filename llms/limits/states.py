"""Where the states of subjects are kept for several processes, and what all the places have in common."""

import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol


class Loaded(NamedTuple):
    """
    States as they were at one moment.

    Args:
        now: That moment, in Unix milliseconds, by the clock that all the processes share.
        incarnation: Another one whenever what had been kept may have been lost, in part or altogether.
        kept: By subject, a version and the state. What is missing has not been kept, or not any more.
    """

    now: int
    incarnation: str
    kept: Mapping[str, tuple[int, bytes]]


class Change(NamedTuple):
    """
    A state that is to follow another.

    Args:
        version: Of the one that it was made from; 0 if there was none.
    """

    subject: str
    version: int
    state: bytes


def following(version: int) -> int:
    """Give the version that comes after another; after 0, one that no state of that subject has had before."""
    return version + 1 if version else time.time_ns() // 1000


class States(Protocol):
    """
    Keeps states. One method at a time is called, from one task.

    A method raises ``llms.databases.StoreError`` if they cannot be reached, or what is there makes no sense; whether a
    swap was done is not known then. One that does, or is cancelled, leaves behind no connection on which an answer is
    due still: it would be taken for the next one's.
    """

    forgets: bool
    """Whether states may vanish while processes live that know of them."""

    async def load(self, subjects: Sequence[str]) -> Loaded:
        """Give the states of subjects."""

    async def swap(self, changes: Sequence[Change]) -> bool:
        """Put all changes in place, or none, if one of the states is not of that version any more."""

    async def close(self) -> None:
        """Let go of everything."""
