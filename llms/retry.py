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
- A provider that has no place free is passed over. If the others do not answer, the call comes back and waits for a
  place at the best of them, once. Nothing has been sent there, so that is no retry.

A call that fails over is one call for each provider; only a second visit to the same one is a retry, and needs room in
its budget, be it with another key or for another model. So a provider that takes over from another one is never refused
its calls, and none that fails sees more than its budget says. What one key or one model was refused for is no failure
of its provider, and leads to the next key or model freely.
"""

from collections.abc import Callable, Sequence
from math import inf

from llms.errors import GatewayError, OverloadedError, Retry
from llms.records import Target
from llms.values import value

LONGEST_WAIT_S = 5.0
"""A client is better served by the refusal than by a longer silence."""

_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 1.0


@value
class Step:
    """
    One more attempt.

    Args:
        target: Whom to ask.
        wait_s: How long to wait before.
        again: Whether its provider has been asked in this call before.
        queues: Whether to wait there for a place, if none is free.
    """

    target: Target
    wait_s: float = 0.0
    again: bool = False
    queues: bool = True


class Course:
    """
    The attempts of one call.

    Args:
        targets: Best first.
        stored: Whether the request leaves something behind at the provider.
        may_retry: Takes one retry out of the budget of a target's provider, if there is one.
        random: Gives a number from 0 to 1, for the pauses.
    """

    def __init__(
        self,
        targets: Sequence[Target],
        *,
        stored: bool,
        may_retry: Callable[[Target], bool],
        random: Callable[[], float],
    ) -> None:
        self._untried = list(targets)
        self._last: Target | None = None
        self._stored = stored
        self._may_retry = may_retry
        self._random = random
        self._asked: set[str] = set()  # the names of providers
        self._failing: set[str] = set()
        self._again = 0
        self._renewed: set[int] = set()  # targets whose stale connection has been replaced
        self._full: list[Target] = []  # those that had no place free
        self._come_back: set[int] = set()  # those of them that have had, or have yet to have, their second turn
        self._may_recover: list[tuple[Target, float | None]] = []  # with what each of them asked for
        self._failures: dict[int, GatewayError] = {}  # the latest of each target, in their order

    def next(self) -> Step | None:
        """Give the next target that has not been asked; ``None`` if there is none."""
        while self.more:
            target = self._untried.pop(0)
            if target.provider not in self._failing or self._may_retry(target):
                others = [*self._untried, *self._full] if target.terms.fallback else []
                return self._step(target, queues=all(other.provider == target.provider for other in others))
        if not self._full or not self._goes_on:
            return None
        best = len(self._come_back) == len(self._full)  # none has had its second turn yet
        return self._step(self._full.pop(0), queues=best)

    def _step(self, target: Target, *, queues: bool) -> Step:
        again = target.provider in self._asked
        self._asked.add(target.provider)
        self._last = target
        return Step(target, again=again, queues=queues)

    @property
    def more(self) -> bool:
        """Whether there is a target that has not been asked and may be."""
        return bool(self._untried) and self._goes_on

    @property
    def _goes_on(self) -> bool:
        return self._last is None or self._last.terms.fallback

    def after(self, step: Step, failure: GatewayError, left_s: float) -> Step | None:
        """
        Say what follows a failure; ``None`` if nothing does.

        Args:
            step: What failed.
            failure: How.
            left_s: Seconds that the call has left.
        """
        retry, target = failure.retry, step.target
        self.failed(step, failure)
        if retry is Retry.STALE and not self._stored and id(target) not in self._renewed:
            self._renewed.add(id(target))
            return Step(target, again=True)
        if retry in (Retry.AMBIGUOUS, Retry.STALE):
            if not target.terms.retry_ambiguous or self._stored:
                return None
        elif retry is Retry.NEVER:
            return None
        return self.next() or self._once_more(left_s)

    def failed(self, step: Step, failure: GatewayError) -> None:
        """Note a failure that decides nothing by itself, since another target is asked beside it."""
        target = step.target
        self._failures.pop(id(target), None)
        self._failures[id(target)] = failure
        if isinstance(failure, OverloadedError):
            self._note_full(step)
        if failure.retry is not Retry.ELSEWHERE:
            self._failing.add(target.provider)
        if failure.retry in (Retry.SAFE, Retry.REJECT):
            self._may_recover = [entry for entry in self._may_recover if entry[0] is not target]
            self._may_recover.append((target, failure.retry_after_s))

    def passed_over(self, target: Target, failure: GatewayError) -> None:
        """
        Note that a target is not asked now.

        Args:
            failure: For the client, if no other answers.
        """
        self._failures.setdefault(id(target), failure)

    def failure(self) -> GatewayError | None:
        """Give the failure to tell: the last if it ended the attempts, else the one that is over the soonest."""
        failures = list(self._failures.values())
        if failures and failures[-1].retry not in (Retry.NEVER, Retry.AMBIGUOUS, Retry.STALE):
            passing = [failure for failure in reversed(failures) if failure.should_retry]
            return min(passing, key=_over_in_s, default=failures[-1])
        return failures[-1] if failures else None

    def _note_full(self, step: Step) -> None:
        target = step.target
        if step.queues:  # it has been waited for, and all its keys have the same places
            self._untried = [other for other in self._untried if other.provider != target.provider]
        elif id(target) not in self._come_back:
            self._come_back.add(id(target))
            self._full.append(target)

    def _once_more(self, left_s: float) -> Step | None:
        waits = sorted((max(self._pause(), asked_s or 0.0), i) for i, (_, asked_s) in enumerate(self._may_recover))
        for wait_s, index in waits:
            target = self._may_recover[index][0]
            in_time = wait_s <= LONGEST_WAIT_S and wait_s < left_s
            if not self._goes_on and target is not self._last:
                continue
            if in_time and self._again < target.terms.retries and self._may_retry(target):
                self._again += 1
                return Step(target, wait_s, again=True)
        return None

    def _pause(self) -> float:
        widest_s = min(_LONGEST_PAUSE_S, 4 * _FIRST_PAUSE_S * 2**self._again)
        return float(_FIRST_PAUSE_S + self._random() * (widest_s - _FIRST_PAUSE_S))


def _over_in_s(failure: GatewayError) -> float:
    return inf if failure.retry_after_s is None else failure.retry_after_s
