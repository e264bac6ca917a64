"""What is learnt of a call on its way: who was tried, how it went, who was skipped and why. Becomes its record."""

import json
import time
from collections.abc import Iterable, Sequence

from llms.errors import DrainingError, GatewayError, KeyDisabledError, UpstreamTimeoutError
from llms.estimate import Estimate
from llms.kept import KeepingMeter
from llms.limits import Reservation, Scope
from llms.records import Attempt, Bill, Call, CallRecord, Target
from llms.times import Times
from llms.wire.meter import Meter

_MOST = 16
_LONGEST = 100
_LONGEST_HEADER = 6 << 10
"""Of entries, of a text and of all of a header: clients and proxies take 8 KiB of all headers together."""


class Trail:
    """
    The trail of one call.

    Args:
        call: Whose.
        times: Of its request; as of now, if left out.
        held_back: Whether the end of its answer is sent by an ``Outbox``, which sees to it that its row is on the disk.

    Attributes:
        served: Whose answer has begun.
        estimate: Of what it may take, by whoever has admitted it.
        scopes: Who counts it.
        version: Which keys and limits these were found by; as ``StoredKeys.version``.
        held: What is held for it by whoever has admitted it.
        bytes_out: Of the answer's body, so far.
    """

    def __init__(self, call: Call, times: Times | None = None, *, held_back: bool = False) -> None:
        self.call = call
        self.times = times or Times()
        keeps = call.key is not None and call.key.keeps_bodies
        self.meter = KeepingMeter(call) if keeps else Meter()
        self.served: Target | None = None
        self.estimate: Estimate | None = None
        self.scopes: Sequence[Scope] = ()
        self.version = -1
        self.held: Reservation | None = None
        self.bytes_out = 0
        self.held_back = held_back
        self.candidates: tuple[Target, ...] = ()
        self.attempts: list[Attempt] = []
        self.skipped: list[tuple[Target, str]] = []
        self._first: float | None = None
        self._status = "internal"  # what it stays if something fails that nobody foresaw
        self._code: str | None = "internal_error"

    def began(self, target: Target) -> None:
        """Note that the answer has begun, and whose it is."""
        self.served = target
        self._first = time.monotonic() - self.times.begun_at

    def planned(self, candidates: Sequence[Target], skipped: Iterable[tuple[Target, str]]) -> None:
        """Note who is to be tried, and who is not, with the reason."""
        self.candidates = tuple(candidates)
        self.skip(skipped)

    def skip(self, skipped: Iterable[tuple[Target, str]]) -> None:
        """Note targets that are not tried, each with the reason."""
        self.skipped += skipped

    def ended(self, status: str, code: str | None = None) -> None:
        """Note how the call ended."""
        self._status, self._code = status, code

    def failed(self, failure: GatewayError) -> None:
        """Note that the call failed."""
        if isinstance(failure, DrainingError):
            status = "draining"
        elif isinstance(failure, UpstreamTimeoutError):
            status = "timeout"
        elif self.attempts and not isinstance(failure, KeyDisabledError):  # of which no provider can help it
            status = "upstream_error"
        else:
            status = "rejected"
        self.ended(status, failure.code)

    def attempted(self, target: Target, outcome: str, duration_s: float) -> None:
        """Note an attempt that has ended: with its first block (``ok``), or as ``outcome`` says."""
        self.attempts.append(Attempt(target, outcome, duration_s))

    def told(self, failure: GatewayError) -> GatewayError:
        """Give ``failure`` with what was tried in its words, if that was more than one target."""
        outcomes: dict[str, dict[str, int]] = {}
        for attempt in self.attempts:
            of_target = outcomes.setdefault(attempt.target.label, {})
            of_target[attempt.outcome] = of_target.get(attempt.outcome, 0) + 1
        tried = [
            f"{name}: {', '.join(word if count == 1 else f'{word} ({count} times)' for word, count in words.items())}"
            for name, words in outcomes.items()
        ]
        skipped = list(dict.fromkeys(f"{target.label}: not tried, {reason}" for target, reason in self.skipped))
        told = [*tried, *skipped]
        if len(told) > 1:
            more = [f"and {len(told) - _MOST} more"] if len(told) > _MOST else []
            failure.message = f"{failure.message} Tried: {'; '.join([*told[:_MOST], *more])}."
        return failure

    def header(self) -> str:
        """
        Give attempts and skipped targets as JSON in ASCII, fit for a header; of very many the first.

        ``{"candidates": [target …], "attempts": [{"target": …, "outcome": …, "ms": …}], "skipped": [{"target": …,
        "reason": …}]}``
        """
        most = _MOST
        while len(value := self._of_each(most)) > _LONGEST_HEADER:
            most //= 2
        return value

    def _of_each(self, most: int) -> str:
        attempts = [
            {
                "target": _short(entry.target.label),
                "outcome": _short(entry.outcome),
                "ms": round(entry.duration_s * 1000, 1),
            }
            for entry in self.attempts[:most]
        ]
        skipped = [{"target": _short(target.label), "reason": _short(reason)} for target, reason in self.skipped[:most]]
        candidates = [_short(target.label) for target in self.candidates[:most]]
        return json.dumps({"candidates": candidates, "attempts": attempts, "skipped": skipped}, separators=(",", ":"))

    def record(self, bill: Bill | None = None, at: int = 0) -> CallRecord:
        """
        Give the record of the call, which has ended.

        Args:
            bill: What it came to.
            at: When it was admitted; Unix milliseconds.
        """
        return CallRecord(
            call=self.call,
            status=self._status,
            code=self._code,
            candidates=self.candidates,
            attempts=tuple(self.attempts),
            skipped=tuple(self.skipped),
            usage=self.meter.usage,
            finish_reason=self.meter.finish_reason,
            chunks=self.meter.chunks,
            first_byte_s=self._first,
            timing=self._timing(),
            duration_s=time.monotonic() - self.times.begun_at,
            bill=bill,
            at=at,
            bytes_out=self.bytes_out,
        )

    def _timing(self) -> str:
        """Give what the header of a stream said; where there was none, or one that came too early, what there is."""
        if self.call.stream and self._first is not None and self.times.told is not None:
            return self.times.told
        return self.times.header()


def _short(text: str) -> str:
    """Cut ``text`` to what takes ``_LONGEST`` characters as JSON in ASCII, where a letter may take twelve."""
    left = _LONGEST
    for index, letter in enumerate(text):
        left -= len(json.dumps(letter)) - 2
        if left < 0:
            return text[:index]
    return text
