"""What follows a failure, one rule after the other."""

import pytest

from llms.errors import (
    CircuitOpenError,
    ConnectTimeoutError,
    DrainingError,
    FirstByteTimeoutError,
    InsufficientQuotaError,
    InvalidRequestError,
    ModelNotFoundError,
    OverloadedError,
    RateLimitedError,
    Retry,
    UpstreamAuthError,
    UpstreamBadResponseError,
    UpstreamDisconnectedError,
    UpstreamFailedError,
    UpstreamOverloadedError,
    UpstreamRefusedError,
    UpstreamTruncatedError,
    UpstreamUnreachableError,
)
from llms.records import Target
from llms.retry import LONGEST_WAIT_S, Course
from llms.terms import Terms

A, B = Target("a", "m"), Target("b", "m")
A1, A2 = Target("a", "m", credential="ONE"), Target("a", "m", credential="TWO")

SAFE = UpstreamUnreachableError("x")
BUSY = UpstreamOverloadedError("x")
CUT = UpstreamDisconnectedError("x")
STALE = UpstreamDisconnectedError("x", retry=Retry.STALE)
OPEN = CircuitOpenError("x", retry_after_s=3.0)
FULL = OverloadedError("x", retry_after_s=1, retry=Retry.ELSEWHERE)


def on(target, **terms):
    return Target(target.provider, target.model, credential=target.credential, terms=Terms(**terms))


def course(*targets, stored=False, budget=100, luck=0.5):
    left = [budget]

    def may_retry(_target):
        left[0] -= 1
        return left[0] >= 0

    return Course(targets, stored=stored, may_retry=may_retry, random=lambda: luck)


def whom(step):
    return None if step is None else step.target


def visits(going, failure, left_s=100.0):
    """Give the providers that are asked if each of them fails alike."""
    asked = []
    step = going.next()
    while step is not None and len(asked) < 50:
        asked.append(step.target.provider)
        step = going.after(step, failure, left_s)
    return "".join(asked)


@pytest.mark.parametrize(
    "failure",
    [SAFE, ConnectTimeoutError("x"), RateLimitedError("x"), BUSY, UpstreamFailedError("x")],
)
def test_what_may_pass_leads_to_the_next_then_back(failure):
    """What was not processed, or was refused, goes to each target once, then twice to one that may have recovered."""
    found = visits(course(A, B), failure)

    assert "ab" == found[:2]
    assert 4 == len(found)


@pytest.mark.parametrize("retries", [0, 1, 2, 5])
def test_retries(retries):
    """A call goes back to a target as often as the configuration says, in all."""
    assert "a" * (1 + retries) == visits(course(on(A, retries=retries)), BUSY)


@pytest.mark.parametrize(
    "failure",
    [UpstreamAuthError("x"), ModelNotFoundError("x"), InsufficientQuotaError("x")],
)
def test_what_stays_leads_to_others_only(failure):
    """A refusal that will be the same the next time is not asked for again."""
    assert "ab" == visits(course(A, B), failure)
    assert "aa" == visits(course(A1, A2), failure)


@pytest.mark.parametrize(
    "failure",
    [
        InvalidRequestError("x"),
        UpstreamRefusedError("x", upstream_status=400),
        UpstreamBadResponseError("x"),
        DrainingError("x"),
        OverloadedError("the gateway itself", retry_after_s=1),
    ],
)
def test_what_is_at_fault_itself_is_sent_once(failure):
    """Nothing follows a request that every target would refuse, or an answer that makes no sense."""
    assert "a" == visits(course(A, B), failure)


@pytest.mark.parametrize("failure", [CUT, FirstByteTimeoutError("x"), UpstreamTruncatedError("x")])
def test_what_may_be_billed_already_is_not_sent_again(failure):
    """By default nothing follows; with ``retry_ambiguous`` another target does, but never the same one."""
    allowed = [on(A, retry_ambiguous=True), on(B, retry_ambiguous=True)]

    assert "a" == visits(course(A, B), failure)
    assert "ab" == visits(course(*allowed), failure)
    assert "a" == visits(course(*allowed, stored=True), failure)


def test_stale_connection_is_replaced_once_at_once():
    """The same target again without a pause; what goes wrong there then may have been processed."""
    going = course(A, B)

    step = going.after(going.next(), STALE, 100)

    assert (A, 0.0, True) == (step.target, step.wait_s, step.again)
    assert None is going.after(step, STALE, 100)


def test_stale_connection_of_each_target():
    """Every target may have had one."""
    going = course(A, B)
    step = going.after(going.next(), STALE, 100)
    step = going.after(step, BUSY, 100)

    assert (B, B) == (step.target, whom(going.after(step, STALE, 100)))


def test_stored_request_is_sent_once():
    """What leaves something behind at the provider is not sent again over a stale connection."""
    assert "a" == visits(course(A, B, stored=True), STALE)
    assert "ab" == visits(course(on(A, retries=0), on(B, retries=0), stored=True), BUSY)


def test_stale_connection_where_ambiguity_is_allowed():
    """Once replaced it counts as ambiguous."""
    going = course(on(A, retry_ambiguous=True), B)
    step = going.after(going.next(), STALE, 100)

    assert B == whom(going.after(step, STALE, 100))


@pytest.mark.parametrize("failure", [BUSY, UpstreamAuthError("x"), SAFE])
def test_no_fallback(failure):
    """Switched off for a target, none follows it; it is asked again itself if it may recover."""
    alone = on(A, fallback=False)

    assert "b" not in visits(course(alone, B), failure)
    assert "b" not in visits(course(B, alone), failure)[1:]
    going = course(alone, B)
    assert going.more
    going.next()
    assert not going.more
    assert None is going.next()


def test_no_fallback_to_where_there_was_no_place():
    """Nor is it followed by one that the call passed over before."""
    going = course(A, on(B, fallback=False, retries=0))
    step = going.after(going.next(), FULL, 100)
    assert (B.provider, True) == (step.target.provider, step.queues)

    assert None is going.after(step, BUSY, 100)


def test_pauses_grow_and_are_jittered():
    """From 100 ms to 400 ms before the first retry, to 800 ms before the second, to a second before later ones."""
    for luck, expected in ((0.0, [0.1] * 4), (1.0, [0.4, 0.8, 1.0, 1.0])):
        going = course(on(A, retries=4), luck=luck)
        step = going.next()
        waits = []
        while (step := going.after(step, BUSY, 100)) is not None:
            waits.append(step.wait_s)

        assert pytest.approx(expected) == waits


@pytest.mark.parametrize("asked_s", [2.0, LONGEST_WAIT_S])
def test_retry_after_is_honoured(asked_s):
    """What the provider asks for is waited for, up to five seconds."""
    going = course(A)

    assert asked_s == going.after(going.next(), RateLimitedError("x", retry_after_s=asked_s), 100).wait_s


def test_retry_after_of_nothing_is_no_hurry():
    """``Retry-After: 0`` does not take away the pause: all clients would be back at once."""
    going = course(A, luck=0.0)

    assert 0.1 == going.after(going.next(), RateLimitedError("x", retry_after_s=0.0), 100).wait_s


def test_longer_retry_after_is_given_back():
    """A refusal that asks for longer is the answer."""
    going = course(A)

    assert None is going.after(going.next(), RateLimitedError("x", retry_after_s=5.01), 100)


@pytest.mark.parametrize("left_s", [0.0, 0.25])
def test_total_is_not_overrun(left_s):
    """No pause ends after the call has to."""
    assert "a" == visits(course(A), BUSY, left_s)


def test_who_is_ready_sooner_comes_first():
    """Of those that may have recovered the one with the shorter wait is asked."""
    going = course(A, B)
    step = going.after(going.next(), RateLimitedError("x", retry_after_s=4), 100)

    assert (B, 1.5) == ((step := going.after(step, RateLimitedError("x", retry_after_s=1.5), 100)).target, step.wait_s)


def test_each_visit_is_asked_for_anew():
    """What a target asked for the last time is what counts."""
    going = course(A)
    step = going.after(going.next(), RateLimitedError("x", retry_after_s=1), 100)

    assert None is going.after(step, RateLimitedError("x", retry_after_s=60), 100)


def test_retries_need_room_in_the_budget():
    """Without it the refusal is the answer; another provider needs none."""
    assert "ab" == visits(course(A, B, budget=0), BUSY)
    assert "aba" == visits(course(A, B, budget=1, luck=0), BUSY)


def test_other_key_of_a_failing_provider_is_a_retry():
    """It sees no more requests because it has several keys or models; the next provider gets the call."""
    going = course(A1, A2, B, budget=0)
    step = going.next()
    assert not step.again

    assert B == whom(going.after(step, BUSY, 100))


def test_other_key_after_a_refused_one_is_free():
    """It is the key that was refused, not the call."""
    going = course(A1, A2, budget=0)
    step = going.after(going.next(), UpstreamAuthError("x", key_refused=True), 100)

    assert (A2, True) == (step.target, step.again)


def test_full_provider_is_passed_over():
    """Without waiting where there is another provider; at the last the call waits."""
    going = course(A, B)
    step = going.next()
    assert not step.queues

    step = going.after(step, FULL, 100)
    assert (B, False) == (step.target, step.queues)  # the best is waited for, not the last


def test_full_providers_are_waited_for_once():
    """If all are full, the call waits at the best; the others are looked at once more, and that is all."""
    going = course(A, B, budget=0)
    step = going.after(going.next(), FULL, 100)
    step = going.after(step, FULL, 100)
    assert (A, True) == (step.target, step.queues)

    step = going.after(step, FULL, 100)
    assert (B, False) == (step.target, step.queues)
    assert None is going.after(step, FULL, 100)


def test_full_provider_when_the_others_fail():
    """The call comes back to where nothing was sent, which is no retry."""
    going = course(on(A, retries=0), on(B, retries=0), budget=0)
    step = going.after(going.next(), FULL, 100)
    step = going.after(step, BUSY, 100)

    assert ("a", True) == (step.target.provider, step.queues)


@pytest.mark.parametrize("targets", [(A,), (A1, A2)])
def test_only_provider_is_waited_for(targets):
    """All keys share a provider's places: there is nothing to pass it over for."""
    going = course(*targets)
    step = going.next()

    assert step.queues
    assert None is going.after(step, FULL, 100)


def test_without_fallback_the_first_is_waited_for():
    """Switched off, no other target is a reason not to wait."""
    assert course(on(A, fallback=False), B).next().queues


@pytest.mark.parametrize(
    ("failures", "told"),
    [
        ([UpstreamFailedError("x"), SAFE], 1),
        ([BUSY, SAFE], 0),
        ([BUSY, RateLimitedError("x")], 1),
        ([RateLimitedError("x", retry_after_s=9), BUSY], 0),
        ([RateLimitedError("x", retry_after_s=9), RateLimitedError("x", retry_after_s=30)], 0),
        ([RateLimitedError("x", retry_after_s=30), RateLimitedError("x", retry_after_s=0.0)], 1),
        ([BUSY, UpstreamRefusedError("x", upstream_status=400)], 1),
        ([RateLimitedError("x", retry_after_s=9), CUT], 1),
        ([BUSY, UpstreamAuthError("x")], 0),
    ],
)
def test_failure_that_is_told(failures, told):
    """The one that passes the soonest; but the last, where it is the reason why nothing was tried after it."""
    going = course(A, B)
    step = going.next()
    for failure in failures:
        step = going.after(step, failure, 0.0)

    assert failures[told] is going.failure()


def test_failure_of_a_target_that_was_asked_twice():
    """Its latest counts."""
    going = course(A)
    step = going.after(going.next(), RateLimitedError("x", retry_after_s=1), 100)
    last = RateLimitedError("x", retry_after_s=60)
    going.after(step, last, 100)

    assert last is going.failure()


def test_failure_where_nobody_was_asked():
    """Why none was, if there was a target at all."""
    assert None is course().failure()

    going = course(A, B)
    going.passed_over(A, UpstreamAuthError("x"))
    going.passed_over(B, OPEN)
    assert OPEN is going.failure()


def test_failure_beside_another_attempt():
    """The second of a hedge may be come back to, and its failure may be the one to tell."""
    going = course(A, B)
    first, second = going.next(), going.next()
    going.failed(second, RateLimitedError("x", retry_after_s=2))

    step = going.after(first, UpstreamAuthError("x"), 100)
    assert (B, 2.0) == (step.target, step.wait_s)
    assert 2.0 == going.failure().retry_after_s


def test_more():
    """Whether a second target can be asked beside the first."""
    going = course(A, B)
    going.next()
    assert going.more

    going.next()
    assert not going.more
