"""
Answers kept in this process's memory, for requests that are sent again; ``llms.idempotency`` has the rules.

A call that runs is never forgotten, so there may be more entries than allowed, one for each such call. Of the others
the least recently used go first; one memory serves all tenants. What is older than allowed is never given; it goes when
the next key comes, without a timer.
"""

import contextlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from llms.errors import AnswerNotKeptError, IdempotencyInProgressError, IdempotencyMismatchError
from llms.idempotency import Answer, Name

_PIECE = 64
"""Bytes that each piece of an answer takes besides what it holds."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """
    What may be kept.

    Args:
        entries: Keys.
        total_bytes: Of all answers, those that are being written too.
        answer_bytes: Of one.
        age_s: Seconds for which an answer is given again; Stripe's 24 hours.
    """

    entries: int = 10_000
    total_bytes: int = 128 << 20
    answer_bytes: int = 8 << 20
    age_s: float = 24 * 3600


@dataclass(frozen=True, slots=True)
class _Kept:
    """``answer`` is ``None`` where it was too long."""

    digest: bytes
    answer: Answer | None
    size: int
    until: float


class Memory:
    """
    Keeps answers in this process's memory.

    Args:
        clock: Gives seconds that only go forward.
        bounds: Of what is kept.
    """

    def __init__(self, clock: Callable[[], float], bounds: Bounds | None = None) -> None:
        self._clock = clock
        self._bounds = bounds or Bounds()
        self._running: dict[Name, Running] = {}
        self._kept: OrderedDict[Name, _Kept] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._running) + len(self._kept)

    @property
    def size(self) -> int:
        """The bytes of all answers, those that are being written too."""
        return self._bytes

    async def claim(self, name: Name, digest: bytes) -> "Running | Answer":
        """As ``Answers`` has it. Does not wait, so that of many at once one is first."""
        self._drop_old()
        if (running := self._running.get(name)) is not None:
            require_same(running.digest, digest)
            raise in_progress()
        kept = self._kept.get(name)
        if kept is not None and kept.until > self._clock():
            require_same(kept.digest, digest)
            if kept.answer is None:
                raise not_kept()
            self._kept.move_to_end(name)
            return kept.answer
        if kept is not None:
            self._drop(name)
        self._running[name] = claim = Running(self, name, digest)
        while self._kept and len(self) > self._bounds.entries:
            self._drop(next(iter(self._kept)))
        return claim

    def take(self, claim: "Running", more: int) -> bool:
        """Count ``more`` bytes of a claim that runs, for which older answers make room; say whether there is any."""
        if claim.size + more > self._bounds.answer_bytes:
            return False
        while self._kept and self._bytes + more > self._bounds.total_bytes:
            self._drop(next(iter(self._kept)))
        if self._bytes + more > self._bounds.total_bytes:
            return False
        self._bytes += more
        claim.size += more
        return True

    def give_back(self, claim: "Running") -> None:
        """Count no byte of a claim any more."""
        self._bytes -= claim.size
        claim.size = 0

    def end(self, claim: "Running") -> None:
        """Forget a claim."""
        self.give_back(claim)
        del self._running[claim.name]

    def keep(self, claim: "Running", answer: Answer | None) -> None:
        """Keep what became of a claim; ``None`` where that was too long."""
        self.end(claim)
        size = 0 if answer is None else len(answer.body)
        self._bytes += size
        self._kept[claim.name] = _Kept(claim.digest, answer, size, self._clock() + self._bounds.age_s)

    async def close(self) -> None:
        """As ``Answers`` has it: there is nothing."""

    def _drop_old(self) -> None:
        now = self._clock()
        while self._kept and next(iter(self._kept.values())).until <= now:
            self._drop(next(iter(self._kept)))

    def _drop(self, name: Name) -> None:
        self._bytes -= self._kept.pop(name).size


class Home(Protocol):
    """Where claims come from, and what they bring their answers to."""

    def take(self, claim: "Running", more: int) -> bool:
        """Count ``more`` bytes of a claim that runs; say whether there is room for them."""

    def give_back(self, claim: "Running") -> None:
        """Count no byte of a claim any more."""

    def end(self, claim: "Running") -> None:
        """Forget a claim."""

    def keep(self, claim: "Running", answer: Answer | None) -> None:
        """Keep what became of a claim; ``None`` where that was too long."""


class Running:
    """
    A claim on a name, which its home makes.

    Attributes:
        name: What is claimed.
        digest: Of the request's body.
        size: Bytes that the answer takes so far.
    """

    def __init__(self, home: Home, name: Name, digest: bytes) -> None:
        self.name = name
        self.digest = digest
        self.size = 0
        self._home = home
        self._pieces: list[bytes] | None = []  # None: too long
        self._ended = False

    def add(self, data: bytes) -> None:
        """As ``Claim`` has it."""
        if self._ended or self._pieces is None or not data:
            return
        if self._home.take(self, len(data) + _PIECE):
            self._pieces.append(data)
        else:
            self._pieces = None
            self._home.give_back(self)

    def keep(self, status: int, headers: Mapping[str, str]) -> None:
        """As ``Claim`` has it."""
        if self._ended:
            return
        answer = None
        if self._pieces is not None:
            with contextlib.suppress(MemoryError):  # then it is too long
                answer = Answer(status, dict(headers), _joined(self._pieces))
        self._ended = True
        self._pieces = None
        self._home.keep(self, answer)

    def free(self) -> None:
        """As ``Claim`` has it."""
        if not self._ended:
            self._ended = True
            self._pieces = None
            self._home.end(self)


def _joined(pieces: list[bytes]) -> bytes:
    """Give the pieces as one. A single one is copied too: orjson's results may hold memory many times their length."""
    return b"".join((*pieces, b""))


def require_same(first: bytes, now: bytes) -> None:
    """
    See that a request is the one that came first under its key.

    Raises:
        IdempotencyMismatchError: It has another body.
    """
    if first != now:
        raise IdempotencyMismatchError(_MISMATCH)


def in_progress() -> IdempotencyInProgressError:
    """Give what the first request's successors get while it runs."""
    return IdempotencyInProgressError(_IN_PROGRESS, retry_after_s=1)


def not_kept() -> AnswerNotKeptError:
    """Give what they get if its answer was too long."""
    return AnswerNotKeptError(_NOT_KEPT)


_IN_PROGRESS = "The first request with this Idempotency-Key still runs. Send it again a little later to get its answer."
_MISMATCH = "This Idempotency-Key was used for a request with another body. Send each request under a key of its own."
_NOT_KEPT = (
    "The answer to the first request with this Idempotency-Key was given once and was too long to be kept. "
    "To ask again, send the request under a new key."
)
