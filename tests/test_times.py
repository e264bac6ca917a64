"""Where a request's time went: how it is cut, and that nothing is lost or told twice."""

import time

import pytest

from llms.exchange import UpstreamRequest
from llms.resolver import Resolver
from llms.times import ATTEMPT, AttemptTimes, Times
from llms.transport import Transport
from tests.support import timing
from tests.upstream.framing import answer
from tests.upstream.server import Upstream


def attempt(times, *, stops_at=99, begins_at=1.0):
    """Give an attempt whose stages take 1, 2, 3 … milliseconds; those after ``stops_at`` are not come to."""
    made = times.attempt()
    made.queued_at = begins_at
    at = begins_at
    for index, name in enumerate(("began_at", "asked_at", "connected_at", "headed_at", "whole_at", "ended_at")):
        at += (index + 1) / 1000
        if index < stops_at:
            setattr(made, name, at)
    return made


def request(*, body=True):
    times = Times(0.0)
    if body:
        times.arrived()
    times.known()
    times.resumed()
    times.parsed()
    times.routing()
    times.admitted(time.monotonic())
    return times


@pytest.mark.parametrize("body", [True, False])
def test_usual_way(body):
    """What is told in the usual way is what the long way tells."""
    long, usual = Times(0.0), request(body=body)
    for name in ("_auth_s", "_body_s", "_parse_s", "_limits_s", "_routing_at"):
        setattr(long, name, getattr(usual, name))
    for times in (long, usual):
        made = attempt(times)
        times._trying_at = made.queued_at
    usual.answered(usual._attempt)

    assert long._told_parts(2.0) == usual._told_parts(2.0)
    assert usual._usual_parts() is not None


def test_call_that_came_by_no_request():
    """Of a call that was made in another way it is not told how its request was read."""
    times = Times()
    times.routing()
    made = attempt(times)
    times._trying_at = made.queued_at
    times.answered(made)

    assert times.header().startswith("route;dur=")


def test_nothing_tried():
    """A call that nobody was found for has the time in which that was found."""
    parts = timing.microseconds(request().header())

    assert {"body", "auth", "parse", "limits", "route", "gateway", "total"} == parts.keys()


@pytest.mark.parametrize(
    ("stops_at", "expected"),
    [
        (0, {"queue": 1000}),
        (1, {"queue": 1, "upstream": 999}),
        (2, {"queue": 1, "connect": 997}),
        (3, {"queue": 1, "connect": 3, "upstream": 994}),
        (4, {"queue": 1, "connect": 3, "upstream": 4, "answer": 990}),
        (5, {"queue": 1, "connect": 3, "upstream": 4, "answer": 5}),
        (6, {"queue": 1, "connect": 3, "upstream": 4, "answer": 5}),
    ],
)
def test_attempt_that_goes_on(stops_at, expected):
    """The stage that an attempt is in lasts until now, and those it has not come to are not told."""
    made = attempt(Times(), stops_at=stops_at)

    assert expected == {name: round(seconds * 1000) for name, seconds in made.parts(2.0)}


def test_attempt_that_ended_early():
    """The stage in which an attempt ended lasts until then."""
    made = attempt(Times(), stops_at=2)
    made.ended_at = 1.5

    assert {"queue": 1, "connect": 497} == {name: round(seconds * 1000) for name, seconds in made.parts(2.0)}


def test_told_again():
    """A call that has been answered keeps its parts; only what the gateway does with the answer goes on."""
    times = request()
    made = times.attempt()
    made.began_at = made.queued_at
    made.asked()
    made.connected(reused=True)
    made.headed()
    made.whole()
    times.answered(made)

    first = times.header()
    second = times.header()

    assert first.partition("gateway")[0] == second.partition("gateway")[0]
    assert timing.microseconds(first)["total"] <= timing.microseconds(second)["total"]
    assert second == times.told


async def test_slow_connection():
    """The time until there is a connection, its name's included, is ``connect``; one that is idle takes none."""

    def lookup(_host):
        time.sleep(0.2)
        return ["127.0.0.1"]

    times = AttemptTimes()
    again = AttemptTimes()
    async with Upstream() as upstream, Transport(5, names=lambda: Resolver(lookup)) as transport:
        upstream.on("GET", "/", answer(b"{}"))
        for each in (times, again):
            each.began_at = each.queued_at
            ATTEMPT.set(each)
            url = f"http://localhost:{upstream.port}/"
            async with transport.send(UpstreamRequest("GET", url, {}), private=True) as response:
                await response.read(1000)

    first = dict(times.parts(time.monotonic()))
    assert 0.2 <= first["connect"]
    assert first["upstream"] + first["answer"] < 0.2
    assert times.headed_at <= times.whole_at
    assert 0 == dict(again.parts(0.0))["connect"]
