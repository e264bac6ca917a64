"""
Comparing what is counted as spent with the ledger, where several processes do both.

A call that was settled may not be in the ledger yet, and one that is in the ledger may not be counted yet; each is on
its way for a second or so. So the counter is read, then the ledger, and then the counter again, with a while in
between: whatever the first had the second must have, and whatever the second had the third. What is outside of that is
wrong, however many calls run. What cannot be told apart from a call on its way shows when it is quiet.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from llms.errors import LimiterUnavailableError
from llms.limits import Seed
from llms.limits.asks import Ask, Documents
from llms.limits.state import WINDOWS, Starts, end

_log = logging.getLogger("llms.limits")

Answer = Callable[[Ask], Awaitable[object]]
"""Does what is asked of the shared states; ``None`` if they cannot be reached."""

_ON_ITS_WAY_S = 2.0
_AT_ONCE = 200


class _Counter(NamedTuple):
    starts: Starts
    spent: tuple[int, ...]
    repairs: int


async def reconcile(subjects: Sequence[str], seed: Seed, answer: Answer) -> int:
    """
    Put right what was spent; give how many subjects it was wrong of.

    Args:
        subjects: Whose.
        seed: The ledger.
        answer: The shared states.

    Raises:
        LimiterUnavailableError: The ledger or the states cannot be read.
    """
    first = await _counters(subjects, answer)
    await asyncio.sleep(_ON_ITS_WAY_S)
    ledger = {
        subject: [await seed(subject, start, end(index, start)) for index, start in enumerate(counter.starts)]
        for subject, counter in first.items()
    }
    await asyncio.sleep(_ON_ITS_WAY_S)
    last = await _counters(list(first), answer)
    wrong = 0
    for subject, before in first.items():
        after = last.get(subject)
        differences = {} if after is None else _differences(before, ledger[subject], after)
        if differences:
            repair = _Repair(subject, before.repairs, differences)
            if await _reached(answer(Ask([subject], repair))):
                wrong += 1
                repair.tell()
    return wrong


def _differences(before: _Counter, ledger: Sequence[int], after: _Counter) -> dict[tuple[int, int], int]:
    found = {}
    for index, (spent, start) in enumerate(zip(ledger, before.starts, strict=True)):
        low, high = before.spent[index], after.spent[index]
        if after.starts[index] == start and not low <= spent <= high:
            found[index, start] = spent - (low if spent < low else high)
    return found


class _Repair:
    def __init__(self, subject: str, repairs: int, differences: Mapping[tuple[int, int], int]) -> None:
        self._subject = subject
        self._repairs = repairs
        self._differences = differences

    def __call__(self, documents: Documents, _: int) -> bool:
        return documents[self._subject].repair(self._repairs, self._differences)

    def tell(self) -> None:
        for (index, _), difference in self._differences.items():
            _log.warning(
                "what %s has spent (%s) differed from the ledger by %d micro-dollars: put right",
                self._subject, WINDOWS[index], -difference,
            )  # fmt: skip


async def _counters(subjects: Sequence[str], answer: Answer) -> dict[str, _Counter]:
    found: dict[str, _Counter] = {}
    for part in (subjects[first : first + _AT_ONCE] for first in range(0, len(subjects), _AT_ONCE)):
        found |= await _reached(answer(Ask(part, partial(_read, part))))
    return found


def _read(subjects: Sequence[str], documents: Documents, _: int) -> dict[str, _Counter]:
    states = ((subject, documents[subject]) for subject in subjects)
    return {
        subject: _Counter(one.state.starts, tuple(one.state.spent), one.repairs)
        for subject, one in states
        if one.state.known
    }


async def _reached(answer: Awaitable[Any]) -> Any:
    found = await answer
    if found is None:
        text = "The shared limits cannot be reached."
        raise LimiterUnavailableError(text)
    return found
