"""What is remembered of targets, by a clock of the test's own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llms import health
from llms.errors import (
    CircuitOpenError,
    FirstByteTimeoutError,
    InvalidRequestError,
    ModelNotFoundError,
    OverloadedError,
    RateLimitedError,
    UpstreamAddressError,
    UpstreamAuthError,
    UpstreamDisconnectedError,
    UpstreamFailedError,
    UpstreamRefusedError,
    UpstreamUnreachableError,
)
from llms.health import FAILURES_TO_OPEN, OPEN_S, SET_ASIDE_S, Health
from llms.records import Target
from llms.terms import Clocks, Terms
from tests.support.clock import Clock

A, B = Target("a", "m"), Target("b", "m")
ONE, TWO = Target("a", "m", credential="ONE"), Target("a", "m", credential="TWO")
SAFE = UpstreamUnreachableError("x")
REFUSED = UpstreamAuthError("The key is wrong.", key_refused=True)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def known(clock):
    return Health(clock)


def fail(known, target, times=FAILURES_TO_OPEN, failure=SAFE):
    for _ in range(times):
        probe = known.asked(target)
        known.failed(target, failure, probe=probe)


def test_five_failures_in_a_row_open(known):
    """The fifth failure to connect opens the breaker; the failure says for how long."""
    fail(known, A, FAILURES_TO_OPEN - 1)
    assert None is known.unfit(A)

    fail(known, A, 1)

    unfit = known.unfit(A)
    assert isinstance(unfit.failure, CircuitOpenError)
    assert OPEN_S == unfit.failure.retry_after_s
    assert "circuit open for 5.0 s" == unfit.reason
    assert None is known.unfit(B)


@pytest.mark.parametrize(
    "failure",
    [
        UpstreamFailedError("x"),
        RateLimitedError("x"),
        UpstreamRefusedError("x", upstream_status=400),
        ModelNotFoundError("x"),
        UpstreamAuthError("x"),
        UpstreamDisconnectedError("x"),
        FirstByteTimeoutError("x"),
    ],
)
def test_any_answer_says_that_it_is_there(known, failure):
    """A refusal does not open the breaker; it begins the count anew."""
    fail(known, A, FAILURES_TO_OPEN - 1)
    fail(known, A, 20, failure)
    fail(known, A, FAILURES_TO_OPEN - 1)

    assert None is known.unfit(A)


def test_answer_begins_the_count_anew(known):
    """Failures in a row are meant."""
    fail(known, A, FAILURES_TO_OPEN - 1)
    known.asked(A)
    known.answered(A)
    fail(known, A, FAILURES_TO_OPEN - 1)

    assert None is known.unfit(A)


@pytest.mark.parametrize("failure", [InvalidRequestError("x"), OverloadedError("no ports"), UpstreamAddressError("x")])
def test_own_refusal_says_nothing_of_the_provider(known, clock, failure):
    """A request that the gateway does not send closes no breaker; if it was the probe, the next call is."""
    fail(known, A)
    clock.now += OPEN_S

    fail(known, A, 1, failure)
    assert None is known.unfit(A)
    assert known.asked(A)
    assert None is not known.unfit(A)

    known.failed(A, failure)  # of a call that is no probe
    assert None is not known.unfit(A)


def test_one_probe_at_a_time(known, clock):
    """After five seconds one call goes; until its outcome is known no other does."""
    fail(known, A)
    clock.now += OPEN_S - 0.01
    assert None is not known.unfit(A)
    clock.now += 0.01
    assert None is known.unfit(A)

    assert known.asked(A)

    assert None is not known.unfit(A)
    clock.now += A.terms.clocks.connect_s + OPEN_S - 0.01
    assert None is not known.unfit(A)
    clock.now += 0.01
    assert None is known.unfit(A)  # it is never stuck: a probe that hangs is followed by another


def test_probe_that_answers_closes(known, clock):
    """All calls go again."""
    fail(known, A)
    clock.now += OPEN_S
    known.asked(A)
    known.answered(A)

    assert None is known.unfit(A)
    assert not known.asked(A)
    fail(known, A, FAILURES_TO_OPEN - 1)
    assert None is known.unfit(A)


def test_probe_that_fails_opens_for_as_long_again(known, clock):
    """One failure is enough."""
    fail(known, A)
    clock.now += OPEN_S
    known.failed(A, SAFE, probe=known.asked(A))

    clock.now += OPEN_S - 0.01
    assert None is not known.unfit(A)
    clock.now += 0.01
    assert None is known.unfit(A)


def test_probe_whose_client_left(known, clock):
    """The next call probes in its place."""
    fail(known, A)
    clock.now += OPEN_S
    known.asked(A)
    known.let_probe(A)

    assert None is known.unfit(A)
    assert known.asked(A)


def test_let_probe_where_there_is_nothing_to_probe(known):
    """A breaker that has closed meanwhile stays so."""
    known.let_probe(A)

    assert not known.asked(A)


def test_breaker_switched_off(known, clock):
    """Neither an open breaker nor a refused key stops such a call, and it is no probe for the others."""
    off = Target("a", "m", terms=Terms(breaker=False))
    fail(known, A)

    assert None is known.unfit(off)
    clock.now += OPEN_S
    assert not known.asked(off)
    assert None is known.unfit(A)
    known.failed(off, REFUSED)
    assert None is known.unfit(off)
    assert None is not known.unfit(A)


def test_probe_waits_for_the_connection_that_it_may_wait_for(known, clock):
    """A long ``connect_s`` makes no second probe."""
    slow = Target("a", "m", terms=Terms(clocks=Clocks(connect_s=60)))
    fail(known, slow)
    clock.now += OPEN_S
    known.asked(slow)

    clock.now += 64
    assert None is not known.unfit(slow)


def test_refused_key_is_set_aside(known, clock):
    """For a minute; the provider's other key is not. Calls with it get the provider's refusal."""
    known.asked(ONE)
    known.failed(ONE, REFUSED)

    unfit = known.unfit(ONE)
    assert ("The key is wrong.", UpstreamAuthError) == (unfit.failure.message, type(unfit.failure))
    assert "set aside for 60 s" in unfit.reason
    assert None is known.unfit(TWO)
    clock.now += SET_ASIDE_S
    assert None is known.unfit(ONE)


def test_forbidden_is_not_refused(known):
    """A key that may not do one thing (403) may do others."""
    known.failed(ONE, UpstreamAuthError("x"))

    assert None is known.unfit(ONE)


def test_refused_key_is_tried_by_one_call(known, clock):
    """Until that has its outcome; a second refusal sets it aside for another minute."""
    known.failed(ONE, REFUSED)
    clock.now += SET_ASIDE_S
    assert known.asked(ONE)
    assert None is not known.unfit(ONE)

    known.let_probe(ONE)
    assert None is known.unfit(ONE)

    known.failed(ONE, REFUSED, probe=known.asked(ONE))
    clock.now += SET_ASIDE_S - 0.1
    assert None is not known.unfit(ONE)


@pytest.mark.parametrize(
    "failure",
    [
        None,
        UpstreamRefusedError("x", upstream_status=400),
        ModelNotFoundError("x"),
        RateLimitedError("x"),
        UpstreamFailedError("x"),
    ],
)
def test_key_that_is_known_again(known, clock, failure):
    """Whatever the provider answers to a key that it knows lifts the refusal."""
    known.failed(ONE, REFUSED)
    clock.now += SET_ASIDE_S
    known.asked(ONE)
    if failure is None:
        known.answered(ONE)
    else:
        known.failed(ONE, failure, probe=True)

    assert None is known.unfit(ONE)


def test_silence_does_not_lift_the_refusal(known, clock):
    """A connection that is lost says nothing of the key."""
    known.failed(ONE, REFUSED)
    clock.now += SET_ASIDE_S
    known.failed(ONE, UpstreamDisconnectedError("x"), probe=known.asked(ONE))

    assert None is not known.unfit(ONE)


def test_rest(known, clock):
    """A target that asked for it is tried last until the time has passed; its other models are not."""
    other = Target("a", "n")
    known.failed(A, RateLimitedError("x", retry_after_s=7))

    assert (7, 0, 0) == (known.rest_s(A), known.rest_s(other), known.rest_s(B))
    assert (other, B, A) == known.rested([A, other, B])
    clock.now += 7
    assert (A, other, B) == known.rested([A, other, B])
    assert 0 == known.rest_s(A)


def test_rest_where_fallback_is_off(known):
    """No other target takes the place of one that none is to follow."""
    alone = Target("a", "m", terms=Terms(fallback=False))
    known.failed(alone, RateLimitedError("x", retry_after_s=7))

    assert (alone, B) == known.rested([alone, B])


def test_late_failure_leaves_a_probe_its_time(known, clock):
    """A call that was sent before the breaker opened may fail while one probes: nobody joins that."""
    slow = Target("a", "m", terms=Terms(clocks=Clocks(connect_s=60)))
    fail(known, slow)
    clock.now += OPEN_S
    known.asked(slow)
    known.failed(slow, SAFE)

    clock.now += OPEN_S + 1
    assert None is not known.unfit(slow)


def test_rest_is_a_minute_at_most(known):
    """Longer wishes are not granted, or one answer could take a target away for a day."""
    known.failed(A, RateLimitedError("x", retry_after_s=600))

    assert 60 == known.rest_s(A)


@pytest.mark.parametrize("failure", [RateLimitedError("x"), RateLimitedError("x", retry_after_s=0.0), SAFE])
def test_no_rest_unless_asked_for(known, failure):
    """Without ``Retry-After`` the order stays."""
    known.failed(A, failure)

    assert (0, (A, B)) == (known.rest_s(A), known.rested([A, B]))


def test_names_that_clients_choose_do_not_pile_up(known, clock):
    """No more than a thousand targets rest; when their time has passed there is room again."""
    for number in range(3000):
        known.failed(Target("a", f"{number}"), RateLimitedError("x", retry_after_s=60))
    assert 1000 == len(known._resting)
    assert 0 == known.rest_s(Target("a", "2999"))

    clock.now += 60
    known.failed(A, RateLimitedError("x", retry_after_s=60))
    assert (60, 1) == (known.rest_s(A), len(known._resting))


def test_forget(known):
    """A provider whose configuration has changed begins anew; others do not."""
    fail(known, A)
    fail(known, B)
    for target in (ONE, B):
        known.failed(target, REFUSED)
        known.failed(target, RateLimitedError("x", retry_after_s=60))
        known.failed(target, REFUSED)
    fail(known, B)

    known.forget("a")

    assert (None, 0) == (known.unfit(ONE), known.rest_s(ONE))
    assert None is known.unfit(A)
    assert None is not known.unfit(B)
    assert 60 == known.rest_s(B)


def test_budget_of_an_idle_provider(known, clock):
    """Ten retries, and ten more each second."""
    assert 10 == sum(known.may_retry(A) for _ in range(50))
    clock.now += 0.5
    assert 5 == sum(known.may_retry(A) for _ in range(50))
    clock.now += 1000
    assert 10 == sum(known.may_retry(A) for _ in range(50))


def test_calls_earn_retries(known):
    """Five calls earn one; retries earn none; what is saved has a limit; each provider has its own."""
    for _ in range(25):
        known.asked(A)
        known.asked(A, again=True)
    assert 10 == sum(known.may_retry(A) for _ in range(100))
    assert 10 == sum(known.may_retry(B) for _ in range(100))

    for _ in range(10_000):
        known.asked(A)
    assert 10 == sum(known.may_retry(A) for _ in range(1000))


@pytest.mark.parametrize(("rate", "most"), [(1, 220), (20, 220), (50, 220), (200, 820)])
def test_of_both_parts_of_the_budget_the_larger_one_counts(known, clock, rate, most):
    """In an outage of 20 s: ten a second, or a fifth of the calls where that is more; and those of the beginning."""
    retries = 0
    for _ in range(20 * rate):
        clock.now += 1 / rate
        known.asked(A)
        for _ in range(20):
            if known.may_retry(A):
                known.asked(A, again=True)  # which earns nothing
                retries += 1

    assert most - 20 <= retries <= most


@given(st.lists(st.tuples(st.floats(0, 0.5), st.integers(0, 5), st.integers(0, 5)), max_size=100))
def test_budget_holds_whatever_happens(rounds):
    """Retries are at most a fifth of the calls, ten a second, and the ten of the beginning."""
    clock = Clock()
    known = Health(clock)
    calls = retries = 0
    for passed_s, asked, wanted in rounds:
        clock.now += passed_s
        for _ in range(asked):
            known.asked(A)
        calls += asked
        for _ in range(wanted):
            if known.may_retry(A):
                known.asked(A, again=True)
                retries += 1

        assert retries <= calls * 0.2 + (clock.now - 1000) * 10 + 10 + 1e-6


@given(st.lists(st.sampled_from(["wait", "call", "fails", "answers", "leaves"]), max_size=60))
def test_breaker_is_never_stuck(events):
    """Whatever happened, a call may go as soon as a connection's time and five seconds have passed."""
    clock = Clock()
    known = Health(clock)
    for event in events:
        if event == "wait":
            clock.now += 2.0
        elif known.unfit(A) is None:
            probe = known.asked(A)
            if event == "fails":
                known.failed(A, SAFE, probe=probe)
            elif event == "answers":
                known.answered(A)
            elif event == "leaves" and probe:
                known.let_probe(A)

    clock.now += A.terms.clocks.connect_s + OPEN_S
    assert None is known.unfit(A)


def test_figures():
    """As the documentation has them."""
    assert (5, 5.0, 60.0) == (health.FAILURES_TO_OPEN, health.OPEN_S, health.SET_ASIDE_S)
