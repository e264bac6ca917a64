"""
Where the time of a request went, as ``Server-Timing`` and the call's line in the log tell it.

A request's time is cut into parts that do not overlap, in whole microseconds, and what is left over is the gateway's
own: so the parts add up to the total, to the last digit. Whoever does a thing marks when it was done, which costs one
look at the clock; nothing is worked out before it is told. The clock is ``time.monotonic``: the loop's own is one of
whole milliseconds under uvloop.

Who sends the requests of an attempt, several layers below who makes it, marks when they got on. What it marks goes
there in a context variable: everything between the two would have to hand it on, and has no use for it.

The names are in ``docs/timing.md``. Source: https://www.w3.org/TR/server-timing/
"""

from contextvars import ContextVar
from time import monotonic

HEADER = "Server-Timing"


class AttemptTimes:
    """
    When one attempt got on, in seconds of the clock; 0 is what it has not come to. Made as the attempt begins.

    Attributes:
        queued_at: When a place at the provider was asked for.
        began_at: When there was one.
        asked_at: When the request was to be sent.
        connected_at: When there was a connection for it; the same where one was idle.
        headed_at: When the head of its answer was there.
        whole_at: When all of a whole answer was there.
        ended_at: When the attempt had come to an answer that has begun, or to none.
        again_s: Seconds that went to a request before this one, which a provider had to send once more.
    """

    __slots__ = (
        "again_s", "asked_at", "began_at", "connected_at", "ended_at", "headed_at", "queued_at", "whole_at",
    )  # fmt: skip

    def __init__(self) -> None:
        self.queued_at = monotonic()
        self.began_at = self.asked_at = self.connected_at = self.headed_at = self.whole_at = self.ended_at = 0.0
        self.again_s = 0.0

    def asked(self) -> None:
        """Note that a request is to be sent."""
        now = monotonic()
        if self.asked_at:
            self.again_s += now - self.asked_at
            self.connected_at = self.headed_at = self.whole_at = 0.0
        self.asked_at = now

    def connected(self, *, reused: bool) -> None:
        """Note that there is a connection."""
        self.connected_at = self.asked_at if reused else monotonic()

    def headed(self) -> None:
        """Note that the head of the answer is there."""
        self.headed_at = monotonic()

    def whole(self) -> None:
        """Note that a whole answer is there."""
        self.whole_at = monotonic()

    def parts(self, now: float) -> tuple[tuple[str, float], ...]:
        """Give what it spent its time on, in seconds; what goes on ends ``now``."""
        queued = ("queue", (self.began_at or now) - self.queued_at)
        if not self.began_at:
            return (queued,)
        end = self.ended_at or now
        if not self.asked_at:  # the provider has its own way out, or none
            return queued, ("upstream", end - self.began_at)
        connect = ("connect", (self.connected_at or end) - self.asked_at)
        if not self.connected_at:
            return queued, connect
        upstream = ("upstream", (self.headed_at or end) - self.connected_at)
        if not self.headed_at:
            return queued, connect, upstream
        return queued, connect, upstream, ("answer", (self.whole_at or end) - self.headed_at)


ATTEMPT: ContextVar[AttemptTimes | None] = ContextVar("attempt", default=None)
"""The attempt that runs in this context."""


class Times:
    """
    When one request got on.

    Args:
        begun_at: When its head was there; now, if left out.

    Attributes:
        begun_at: The same.
        told: The header as it was last worked out; ``None`` before that.
    """

    __slots__ = (
        "_answered",
        "_attempt",
        "_auth_s",
        "_body_s",
        "_known",
        "_limits_s",
        "_mark",
        "_parse_s",
        "_routing_at",
        "_trying_at",
        "begun_at",
        "told",
    )  # fmt: skip

    def __init__(self, begun_at: float | None = None) -> None:
        self.begun_at = self._mark = monotonic() if begun_at is None else begun_at
        self.told: str | None = None
        self._body_s: float | None = None
        self._auth_s: float | None = None
        self._parse_s: float | None = None
        self._routing_at = self._trying_at = 0.0
        self._limits_s: float | None = None
        self._attempt: AttemptTimes | None = None
        self._answered = False
        self._known: tuple[str, int] | None = None

    def resumed(self) -> None:
        """Note that the request is worked on again: what was between is in no part."""
        self._mark = monotonic()

    def arrived(self) -> None:
        """Note that the body is there, or some of it, which was waited for since the last mark."""
        now = monotonic()
        self._body_s, self._mark = (self._body_s or 0.0) + now - self._mark, now

    def known(self) -> None:
        """Note that it is known who asks, which was found out since the last mark."""
        now = monotonic()
        self._auth_s, self._mark = now - self._mark, now

    def parsed(self) -> None:
        """Note that it is known what is asked for, which was found out since the last mark."""
        now = monotonic()
        self._parse_s, self._mark = now - self._mark, now

    def routing(self) -> None:
        """Note that from now on it is found out who is to answer."""
        self._routing_at = monotonic()

    def admitted(self, asked_at: float) -> None:
        """Note that limits and budgets allow the call, or do not, which was asked at a time of the clock."""
        self._limits_s = monotonic() - asked_at

    def attempt(self) -> AttemptTimes:
        """Give the times of an attempt that begins now; they count unless another one begins, or has answered."""
        made = self._attempt = AttemptTimes()
        self._trying_at = self._trying_at or made.queued_at
        return made

    def answered(self, attempt: AttemptTimes) -> None:
        """Note whose answer it is that has begun."""
        self._attempt = attempt
        self._answered = True

    def header(self) -> str:
        """Give the header's value as it is now: with the parts, what is left over (``gateway``) and ``total``."""
        now = monotonic()
        known = self._known or self._told_parts(now)
        if self._answered:
            self._known = known
        parts, parts_us = known
        total_us = int((now - self.begun_at) * 1e6)
        self.told = f"{parts}gateway;dur={_ms(total_us - parts_us)}, total;dur={_ms(total_us)}"
        return self.told

    def _told_parts(self, now: float) -> tuple[str, int]:
        """Give the parts as the header has them, and what they come to in microseconds."""
        if self._answered and (usual := self._usual_parts()) is not None:
            return usual
        text, sum_us = "", 0
        for name, seconds in self._parts(now):
            part_us = int(seconds * 1e6)  # cut, not rounded: so all of them never make more than the total
            sum_us += part_us
            text += f"{name};dur={_ms(part_us)}, "
        return text, sum_us

    def _usual_parts(self) -> tuple[str, int] | None:
        """Give the same, in half the time, of a call that the first attempt has answered; ``None`` of others."""
        tried, auth_s, parse_s, limits_s = self._attempt, self._auth_s, self._parse_s, self._limits_s
        if tried is None or auth_s is None or parse_s is None or limits_s is None:
            return None
        if not tried.headed_at or tried.again_s or tried.queued_at != self._trying_at:
            return None
        auth = int(auth_s * 1e6)
        parse = int(parse_s * 1e6)
        limits = int(limits_s * 1e6)
        route = int((self._trying_at - self._routing_at - limits_s) * 1e6)
        queue = int((tried.began_at - tried.queued_at) * 1e6)
        connect = int((tried.connected_at - tried.asked_at) * 1e6)
        upstream = int((tried.headed_at - tried.connected_at) * 1e6)
        answer = int(((tried.whole_at or tried.ended_at) - tried.headed_at) * 1e6)
        text = (
            f"auth;dur={_ms(auth)}, parse;dur={_ms(parse)}, limits;dur={_ms(limits)}, "
            f"route;dur={_ms(route)}, queue;dur={_ms(queue)}, "
            f"connect;dur={_ms(connect)}, upstream;dur={_ms(upstream)}, answer;dur={_ms(answer)}, "
        )
        sum_us = auth + parse + limits + route + queue + connect + upstream + answer
        if self._body_s is None:
            return text, sum_us
        body = int(self._body_s * 1e6)
        return f"body;dur={_ms(body)}, {text}", sum_us + body

    def _parts(self, now: float) -> list[tuple[str, float]]:
        parts = []
        if self._body_s is not None:
            parts.append(("body", self._body_s))
        if self._auth_s is not None:
            parts.append(("auth", self._auth_s))
        if self._parse_s is not None:
            parts.append(("parse", self._parse_s))
        if self._limits_s is not None:
            parts.append(("limits", self._limits_s))
        if self._routing_at:
            parts.append(("route", (self._trying_at or now) - self._routing_at - (self._limits_s or 0.0)))
        if (attempt := self._attempt) is not None:
            if lost_s := attempt.queued_at - self._trying_at + attempt.again_s:
                parts.append(("retries", lost_s))
            parts += attempt.parts(now)
        return parts


def _ms(us: int) -> str:
    """Give microseconds as milliseconds. Most parts take few, and to look one up costs a fourth of working it out."""
    return _SHORT[us] if 0 <= us < len(_SHORT) else f"{us / 1000:.3f}"


_SHORT = [f"{us / 1000:.3f}" for us in range(1000)]
