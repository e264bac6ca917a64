import pytest

from llms.errors import BudgetSpentError, OverLimitError, OverWholeLimitError
from llms.keys import Limits
from llms.limits import Need, Scope
from llms.limits.refusals import dollars, headers
from llms.limits.rules import admit
from llms.limits.state import DAY_MS, State, end, settlement, starts
from tests.limits.ledger import ms

NOON = ms("2026-11-28 12:00:00")


def known():
    state = State()
    state.counting, state.known = 4, True
    return state


def one(limits, subject="key:k"):
    return [Scope(subject, limits)], [known()]


def refused(scopes, states, need, at=NOON):
    with pytest.raises((OverLimitError, BudgetSpentError)) as caught:
        admit(scopes, states, need, at)
    return caught.value


def test_windows_begin_at_midnight_on_monday_and_on_the_first():
    day = ms("2026-11-28 00:00") // 86_400_000

    assert (0, day, ms("2026-11-23 00:00") // 86_400_000, ms("2026-11-01 00:00") // 86_400_000) == starts(NOON)
    assert starts(ms("2026-11-28 00:00")) == starts(ms("2026-11-28 23:59:59.999"))
    assert starts(ms("2026-11-28 23:59:59.999")) != starts(ms("2026-11-29 00:00"))


@pytest.mark.parametrize(
    ("at", "ends"),
    [
        ("2026-11-28 12:00", ["2026-11-29", "2026-11-30", "2026-12-01"]),
        ("2026-12-31 23:59", ["2027-01-01", "2027-01-04", "2027-01-01"]),
        ("2028-02-01 00:00", ["2028-02-02", "2028-02-07", "2028-03-01"]),
    ],
)
def test_a_window_ends_where_the_next_begins(at, ends):
    found = [end(index, day) for index, day in enumerate(starts(ms(at)))]

    assert [None, *(ms(f"{one} 00:00") // DAY_MS for one in ends)] == found


def test_the_first_of_january_1970_was_a_thursday():
    assert (0, 0, -3, 0) == starts(5)


@pytest.mark.parametrize(
    ("limits", "need", "left"),
    [
        (Limits(rpm=3), Need(1, 1), 3),
        (Limits(tpm=35), Need(10, 1), 3),
        (Limits(concurrency=2), Need(1, 1), 2),
        (Limits(budget_total=49), Need(1, 10), 4),
        (Limits(budget_day=40), Need(1, 10), 4),
        (Limits(budget_week=40), Need(1, 10), 4),
        (Limits(budget_month=40), Need(1, 10), 4),
        (Limits(), Need(10**30, 10**30), 50),
    ],
)
def test_as_many_are_admitted_as_fit(limits, need, left):
    scopes, states = one(limits)

    admitted = 0
    for _ in range(50):
        try:
            admit(scopes, states, need, NOON)
        except (OverLimitError, BudgetSpentError):
            break
        admitted += 1

    assert left == admitted


def test_b08_all_or_nothing():
    """What one of several limits refuses is counted by none."""
    scopes = [Scope("key:k", Limits(rpm=9)), Scope("team:t", Limits(tpm=100)), Scope("gateway", Limits(budget_day=5))]
    states = [known(), known(), known()]

    refused(scopes, states, Need(10, 6))

    assert [(0, 0, 0, 0)] * 3 == [(s.requests, s.tokens, s.running, s.reserved) for s in states]
    admit(scopes, states, Need(10, 5), NOON)
    assert [(1, 10, 1, 5)] * 3 == [(s.requests, s.tokens, s.running, s.reserved) for s in states]


@pytest.mark.parametrize(
    ("limits", "subject", "message"),
    [
        (Limits(rpm=1), "key:k", "Your key may make 1 call in a minute, and has made them. Wait for the next one."),
        (
            Limits(tpm=15),
            "team:red",
            "The team red may take 15 tokens in a minute, of which 5 are left, and this call may take 10. Wait for the next one, or ask for fewer tokens (max_tokens).",
        ),
        (
            Limits(concurrency=1),
            "model:m:7b",
            "The model m:7b may run 1 call at once, and as many run. Wait until one has ended.",
        ),
        (
            Limits(budget_total=1_900_000),
            "gateway",
            "This gateway has a budget of $1.90 in all, of which $0.90 is left, and this call may cost $1.00. Ask for a greater budget.",
        ),
        (
            Limits(budget_week=1_000_001),
            "key:k",
            "Your key has a budget of $1.000001 a week, of which $0.000001 is left, and this call may cost $1.00. It begins anew on 2026-11-30 (UTC).",
        ),
        (
            Limits(budget_day=1_000_000),
            "key:k",
            "Your key has a budget of $1.00 a day, of which $0.00 is left, and this call may cost $1.00. It begins anew on 2026-11-29 (UTC).",
        ),
        (
            Limits(budget_month=1_000_000),
            "key:k",
            "Your key has a budget of $1.00 a month, of which $0.00 is left, and this call may cost $1.00. It begins anew on 2026-12-01 (UTC).",
        ),
    ],
)
def test_a_refusal_says_what_is_left_and_what_to_do(limits, subject, message):
    scopes, states = one(limits, subject)
    need = Need(10, 1_000_000)
    admit(scopes, states, need, NOON)

    assert message == refused(scopes, states, need).message


@pytest.mark.parametrize(
    ("limits", "kind", "message"),
    [
        (
            Limits(tpm=9),
            OverWholeLimitError,
            "This call may take 10 tokens, and your key may take 9 in a minute: it can never be served. Shorten the prompt, or ask for fewer tokens (max_tokens).",
        ),
        (Limits(rpm=0), OverWholeLimitError, "Your key may make no calls at all."),
        (Limits(concurrency=0), OverWholeLimitError, "Your key may make no calls at all."),
        (
            Limits(budget_day=9),
            BudgetSpentError,
            "Your key has a budget of $0.000009 a day, and this call may cost $0.00001: it can never be served. Ask for fewer tokens (max_tokens), for a cheaper model, or for a greater budget.",
        ),
    ],
)
def test_what_can_never_be_served_is_said_to_be_so(limits, kind, message):
    error = refused(*one(limits), Need(10, 10))

    assert (kind, message, False, None) == (type(error), error.message, error.should_retry, error.retry_after_s)


def test_when_to_come_again():
    """Rates say when the minute ends, calls at once a second; a budget that waiting is in vain."""
    at = NOON + 18_500
    scopes, states = one(Limits(rpm=1))
    admit(scopes, states, Need(1, 1), at)
    rate = refused(scopes, states, Need(1, 1), at)
    scopes, states = one(Limits(concurrency=1))
    admit(scopes, states, Need(1, 1), at)
    at_once = refused(scopes, states, Need(1, 1), at)
    budget = refused(*one(Limits(budget_day=0)), Need(1, 1), at)

    assert (41.5, 1, None) == (rate.retry_after_s, at_once.retry_after_s, budget.retry_after_s)
    assert (429, "rate_limit_exceeded", True) == (rate.status, rate.code, rate.should_retry)
    assert (429, "insufficient_quota", False) == (budget.status, budget.code, budget.should_retry)


def test_a_spent_budget_is_told_before_a_rate():
    """Whoever waits for the next minute does so in vain."""
    scopes = [Scope("key:k", Limits(rpm=0)), Scope("team:t", Limits(budget_total=0))]

    assert isinstance(refused(scopes, [known(), known()], Need(1, 1)), BudgetSpentError)


def test_headers_are_those_of_the_tightest_rates():
    scopes = [
        Scope("key:k", Limits(rpm=10, tpm=1000)),
        Scope("team:t", Limits(rpm=9, tpm=10**6)),
        Scope("gateway", Limits()),
    ]
    states = [known(), known(), known()]
    at = NOON + 18_500
    admit(scopes, states, Need(100, 1), at)

    assert {
        "x-ratelimit-limit-requests": "9",
        "x-ratelimit-remaining-requests": "8",
        "x-ratelimit-reset-requests": "42s",
        "x-ratelimit-limit-tokens": "1000",
        "x-ratelimit-remaining-tokens": "900",
        "x-ratelimit-reset-tokens": "42s",
    } == headers(scopes, states, at)
    assert headers(scopes, states, at + 60_000)["x-ratelimit-remaining-tokens"] == "1000"  # another minute runs by now
    assert headers(scopes, states, NOON)["x-ratelimit-reset-tokens"] == "1m0s"
    assert {} == headers([Scope("key:k", Limits(budget_day=1))], [known()], at)


def test_a_refusal_has_the_headers_too():
    scopes, states = one(Limits(rpm=2, tpm=10))
    admit(scopes, states, Need(10, 1), NOON)

    error = refused(scopes, states, Need(1, 1))

    assert ("1", "0") == (
        error.headers["x-ratelimit-remaining-requests"],
        error.headers["x-ratelimit-remaining-tokens"],
    )


def test_b09_each_call_counts_in_exactly_one_window():
    """At the last millisecond of a day, at the first, and after the clock was set back by two hours."""
    scopes, states = one(Limits(rpm=5, budget_day=100))
    state = states[0]
    midnight = ms("2026-11-29 00:00")

    admit(scopes, states, Need(1, 10), midnight - 1)
    assert 1 == state.requests
    admit(scopes, states, Need(1, 10), midnight)
    admit(scopes, states, Need(1, 10), midnight + 1)
    assert 2 == state.requests
    state.settle(settlement(midnight - 1, Need(1, 10), 1, 7), midnight + 2)
    assert 0 == state.spent[1]  # in the ledger only: its day is over
    state.settle(settlement(midnight, Need(1, 10), 1, 7), midnight + 2)
    state.settle(settlement(midnight + 1, Need(1, 10), 1, 7), midnight + 3)
    assert 14 == state.spent[1]
    admit(scopes, states, Need(1, 10), midnight - 7_200_000)
    assert (3, 14, 0) == (state.requests, state.spent[1], state.reserved - 10)
    admit(scopes, states, Need(1, 10), midnight + 4)
    assert (4, 14) == (state.requests, state.spent[1])


@pytest.mark.parametrize(
    ("settled", "counted"),
    [((15, 12), (15, 12)), ((3, 2), (3, 2)), ((-5, -(10**18)), (0, 0)), ((10**18, 2**63), (10**18, 2**63))],
)
def test_b16_absurd_numbers_never_give_anything_back(settled, counted):
    scopes, states = one(Limits(tpm=100, budget_day=100))
    admit(scopes, states, Need(10, 10), NOON)

    states[0].settle(settlement(NOON, Need(10, 10), *settled), NOON)

    state = states[0]
    assert (*counted, 0, 0) == (state.tokens, state.spent[1], state.reserved, state.running)


def test_a_need_below_nothing_is_nothing():
    scopes, states = one(Limits(tpm=100, budget_day=100))

    admit(scopes, states, Need(-5, -5), NOON)
    states[0].settle(settlement(NOON, Need(-5, -5), 0, 0), NOON)

    assert (0, 0, 0) == (states[0].tokens, states[0].reserved, states[0].spent[1])


def test_b11_wrong_estimates_even_out():
    """In the long run as many tokens are admitted as the limit says, whatever was estimated."""
    limits = Limits(tpm=1000)
    scopes, states = one(limits)
    took = 0
    for second in range(60 * 200):
        at = NOON + second * 1000
        need = Need(90, 1)
        try:
            admit(scopes, states, need, at)
        except OverLimitError:
            continue
        actual = (17, 60, 5)[second % 3]
        took += actual
        states[0].settle(settlement(at, need, actual, 1), at + 500)

    assert took <= 200 * 1000
    assert took >= 200 * 900  # the last call that fits may need 90 of them


def test_dollars():
    assert ["$0.00", "$1.25", "$0.000001", "$1000000.10"] == [dollars(n) for n in (0, 1_250_000, 1, 1_000_000_100_000)]
