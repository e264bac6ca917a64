"""
What is remembered of targets from call to call: who cannot be reached, whose key is refused, who wants a rest.

- **Breaker**, for each provider: five failures to connect in a row open it; nothing is sent there for five seconds,
  then one call probes. While it does, for as long as a connection may take and five seconds more, nobody else is sent
  there; if its client leaves, the next call probes in its place. A provider that answers, with whatever status, is
  there: a refusal does not open it, or one client's bad requests would close a model for all. What the gateway itself
  refuses to send says nothing of the provider.
- **Keys**: one that the provider refused (401) is set aside for a minute, then tried by one call. Any other answer says
  that it is good again. Where the breaker is switched off, keys are not set aside either.
- **Rest**: a target that asked for it (``Retry-After``) is tried last until the time has passed.
- **Retry budget**, for each provider: ten retries a second, or a fifth of its calls where that is more. In an outage
  it sees no more than that beyond what it would see anyway. A stale connection that is replaced is no retry: it says
  nothing of an outage, and a new connection is never stale.

All of it is one process's own knowledge. It needs no agreement with others: each finds out for itself in five calls.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from llms.errors import (
    CircuitOpenError,
    GatewayError,
    ModelNotFoundError,
    RateLimitedError,
    Retry,
    UpstreamAddressError,
    UpstreamAuthError,
    UpstreamError,
    UpstreamFailedError,
    UpstreamRefusedError,
    UpstreamTimeoutError,
)
from llms.records import Target

FAILURES_TO_OPEN = 5
OPEN_S = 5.0
SET_ASIDE_S = 60.0

_LONGEST_REST_S = 60.0
_MOST_RESTING = 1000
"""Names of models come from clients: what is kept by them has to end somewhere."""

_RETRIES_PER_S = 10.0
_CALLS_PER_RETRY = 5
_MOST_SAVED = 50
"""Calls whose part of a retry is kept: as many retries as the reserve has. More would all be spent in an outage."""

_ANSWERS = (UpstreamFailedError, UpstreamRefusedError, RateLimitedError, ModelNotFoundError)
"""What a provider says to a key that it knows."""

Key = tuple[str, str | None]


@dataclass(slots=True)
class _Provider:
    failures: int = 0
    probe_at: float | None = None  # set while the breaker is open: from when on a call may probe
    reserve: float = _RETRIES_PER_S
    reserve_at: float = 0.0
    saved: int = 0  # calls, as far as no retry has been made of them


@dataclass(frozen=True, slots=True)
class Unfit:
    """
    Why a target is not asked now.

    Args:
        reason: For people.
        failure: For a client, if no other target can be asked either.
    """

    reason: str
    failure: GatewayError


class Health:
    """
    Remembers.

    Args:
        now: A monotonic clock, in seconds.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._providers: dict[str, _Provider] = {}
        self._set_aside: dict[Key, tuple[float, str]] = {}  # until when, and what the provider's refusal said
        self._resting: dict[tuple[str, str, str | None], float] = {}

    def forget(self, provider: str) -> None:
        """Start anew with a provider, whose configuration has changed."""
        self._providers.pop(provider, None)
        self._set_aside = {key: kept for key, kept in self._set_aside.items() if key[0] != provider}
        self._resting = {key: until for key, until in self._resting.items() if key[0] != provider}

    def unfit(self, target: Target) -> Unfit | None:
        """Say why ``target`` is not to be asked now; ``None`` if it may be."""
        if not target.terms.breaker or (not self._set_aside and target.provider not in self._providers):
            return None
        now = self._now()
        until, message = self._set_aside.get((target.provider, target.credential), (now, ""))
        if until > now:
            return Unfit(f"its key was refused; set aside for {until - now:.0f} s", UpstreamAuthError(message))
        provider = self._providers.get(target.provider)
        if provider is None or provider.probe_at is None or provider.probe_at <= now:
            return None
        left_s = provider.probe_at - now
        message = f"Provider {target.provider} could not be reached {FAILURES_TO_OPEN} times in a row. Try again later."
        return Unfit(f"circuit open for {left_s:.1f} s", CircuitOpenError(message, retry_after_s=left_s))

    def rest_s(self, target: Target) -> float:
        """Give the seconds for which ``target`` asked not to be called; 0 for none."""
        if not self._resting:
            return 0.0
        return max(0.0, self._resting.get((target.provider, target.model, target.credential), 0.0) - self._now())

    def rested(self, targets: Sequence[Target]) -> tuple[Target, ...]:
        """Give the targets with those that asked for a rest last; one that none is to follow stays where it is."""
        if not self._resting:
            return tuple(targets)
        return tuple(sorted(targets, key=lambda target: target.terms.fallback and self.rest_s(target) > 0))

    def asked(self, target: Target, *, again: bool = False) -> bool:
        """
        Note that ``target`` is asked; say whether that is a probe. If so, others do not probe meanwhile.

        Args:
            again: Whether its provider has been asked in this call before: a retry earns no retries.
        """
        provider = self._of(target)
        if not again:
            provider.saved = min(_MOST_SAVED, provider.saved + 1)
        if not target.terms.breaker:
            return False
        probes = False
        if provider.probe_at is not None:
            provider.probe_at = self._now() + target.terms.clocks.connect_s + OPEN_S
            probes = True
        if aside := self._set_aside.get((target.provider, target.credential)):
            self._set_aside[target.provider, target.credential] = (self._now() + SET_ASIDE_S, aside[1])
            probes = True
        return probes

    def let_probe(self, target: Target) -> None:
        """Note that a probe ended without an outcome, as when its client left: the next call probes."""
        provider, key = self._of(target), (target.provider, target.credential)
        if provider.probe_at is not None:
            provider.probe_at = self._now()
        if aside := self._set_aside.get(key):
            self._set_aside[key] = (self._now(), aside[1])

    def answered(self, target: Target) -> None:
        """Note that an answer has begun."""
        self._reached(target)
        self._accepted(target)

    def failed(self, target: Target, failure: GatewayError, *, probe: bool = False) -> None:
        """
        Note a failure.

        Args:
            probe: What ``asked`` said.
        """
        if failure.retry is Retry.SAFE:
            provider = self._of(target)
            provider.failures += 1
            if provider.failures >= FAILURES_TO_OPEN:
                until = self._now() + OPEN_S
                # One that was sent before does not cut short the time that a probe has.
                provider.probe_at = until if probe else max(until, provider.probe_at or until)
            return
        if not _from_there(failure):
            if probe:
                self.let_probe(target)
            return
        self._reached(target)
        if isinstance(failure, _ANSWERS):
            self._accepted(target)
        if isinstance(failure, UpstreamAuthError) and failure.key_refused:
            self._set_aside[target.provider, target.credential] = (self._now() + SET_ASIDE_S, failure.message)
        elif failure.retry is Retry.REJECT and failure.retry_after_s:
            self._let_rest(target, min(failure.retry_after_s, _LONGEST_REST_S))

    def may_retry(self, target: Target) -> bool:
        """Take one retry out of the budget of the provider of ``target``; say whether there was one."""
        provider, now = self._of(target), self._now()
        earned = (now - provider.reserve_at) * _RETRIES_PER_S
        provider.reserve, provider.reserve_at = min(_RETRIES_PER_S, provider.reserve + earned), now
        if provider.saved >= _CALLS_PER_RETRY:
            provider.saved -= _CALLS_PER_RETRY
        elif provider.reserve < 1:
            return False
        # Down for both, so that the larger of them counts, and not their sum.
        provider.reserve = max(-_RETRIES_PER_S, provider.reserve - 1)
        return True

    def _of(self, target: Target) -> _Provider:
        found = self._providers.get(target.provider)
        if found is None:
            found = self._providers[target.provider] = _Provider(reserve_at=self._now())
        return found

    def _reached(self, target: Target) -> None:
        provider = self._of(target)
        provider.failures = 0
        provider.probe_at = None

    def _accepted(self, target: Target) -> None:
        if self._set_aside:
            self._set_aside.pop((target.provider, target.credential), None)

    def _let_rest(self, target: Target, rest_s: float) -> None:
        now = self._now()
        if len(self._resting) >= _MOST_RESTING:
            self._resting = {key: until for key, until in self._resting.items() if until > now}
        if len(self._resting) < _MOST_RESTING:
            self._resting[target.provider, target.model, target.credential] = now + rest_s


def _from_there(failure: GatewayError) -> bool:
    """Whether a failure proves that the provider was reached; others are the gateway's own, as a want of ports."""
    kinds = (UpstreamError, UpstreamTimeoutError, RateLimitedError, ModelNotFoundError)
    return isinstance(failure, kinds) and not isinstance(failure, UpstreamAddressError)
