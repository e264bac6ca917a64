"""
What is tried next when a target has failed; pure.

- A failure that proves that the request was not processed (no connection), and a refusal (429, 5xx), lead to the next
  target at once. When all have had their turn, one that may have recovered is tried again, after what it asked for
  (``Retry-After``) or a jittered pause, as often as ``retries`` says and as its retry budget allows.
- A refusal that will be the same the next time (the key, the model, no credit) leads to another target only.
- A pooled connection that was closed under the request is replaced once, at once; not for a request with ``store``,
  which leaves something behind at the provider.
- A failure after which the provider may be working, and billing, is not followed by anything, unless the configuration
  allows another target.
- Nothing follows a request that is at fault itself, or an answer that has begun.

A call that fails over is one call for each provider; only a second visit to the same one is a retry, and needs room in
its budget. So a provider that takes over from another one is never refused its calls, and none sees more than its
budget says.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from llms.errors import GatewayError, Retry
from llms.records import Target

LONGEST_WAIT_S = 5.0
"""A client is better served by the refusal than by a longer silence."""

_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 1.0


@dataclass(frozen=True, slots=True)
class Step:
    """
    One more attempt.

    Args:
        target: Whom to ask.
        wait_s: How long to wait before.
        again: Whether it has been asked in this call before.
    """

    target: Target
    wait_s: float = 0.0
    again: bool = False


class Course:
    """
    The attempts of one call.

    Args:
        targets: Best first.
        stored: Whether the request leaves something behind at the provider.
        random: Gives a number from 0 to 1, for the pauses.
    """

    def __init__(self, targets: Sequence[Target], *, stored: bool, random: Callable[[], float]) -> None:
        self._untried = list(targets)
        self._last: Target | None = None
        self._stored = stored
        self._random = random
        self._again = 0
        self._renewed: set[int] = set()  # targets whose stale connection has been replaced
        self._may_recover: list[tuple[Target, float | None]] = []  # with what each of them asked for

    def next(self) -> Step | None:
        """Give the next target that has not been asked; ``None`` if there is none."""
        if not self.more:
            return None
        self._last = self._untried.pop(0)
        return Step(self._last)

    @property
    def more(self) -> bool:
        """Whether there is a target that has not been asked and may be."""
        return bool(self._untried) and (self._last is None or self._last.terms.fallback)

    def after(
        self, target: Target, failure: GatewayError, left_s: float, may_retry: Callable[[Target], bool]
    ) -> Step | None:
        """
        Say what follows a failure; ``None`` if nothing does.

        Args:
            target: Who failed.
            failure: How.
            left_s: Seconds that the call has left.
            may_retry: Takes one retry out of a provider's budget, if there is one.
        """
        retry = failure.retry
        if retry is Retry.STALE and not self._stored and id(target) not in self._renewed:
            self._renewed.add(id(target))
            return Step(target, again=True)
        if retry in (Retry.AMBIGUOUS, Retry.STALE):
            if not target.terms.retry_ambiguous or self._stored:
                return None
        elif retry is Retry.NEVER:
            return None
        elif retry is not Retry.ELSEWHERE:
            self._may_recover = [entry for entry in self._may_recover if entry[0] is not target]
            self._may_recover.append((target, failure.retry_after_s))
        return self.next() or self._once_more(left_s, may_retry)

    def _once_more(self, left_s: float, may_retry: Callable[[Target], bool]) -> Step | None:
        longest_s = min(LONGEST_WAIT_S, left_s)
        waits = sorted(
            (self._pause() if asked_s is None else asked_s, index)
            for index, (_, asked_s) in enumerate(self._may_recover)
        )
        for wait_s, index in waits:
            target = self._may_recover[index][0]
            if wait_s < longest_s and self._again < target.terms.retries and may_retry(target):
                self._again += 1
                return Step(target, wait_s, again=True)
        return None

    def _pause(self) -> float:
        widest_s = min(_LONGEST_PAUSE_S, 4 * _FIRST_PAUSE_S * 2**self._again)
        return float(_FIRST_PAUSE_S + self._random() * (widest_s - _FIRST_PAUSE_S))
