"""What calls cost, to the micro-dollar."""

from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llms.prices import Price, cost, most
from llms.records import Usage

COUNTS = st.integers(0, 1 << 40)
RATES = st.integers(0, 10**12)

LONG = Price(2, 10, long=Price(4, 15), above=200_000)


@pytest.mark.parametrize(
    ("price", "usage", "micros"),
    [
        (Price(2_500_000, 10_000_000), Usage(1000, 100), 3500),
        (Price(2_500_000, 10_000_000, 1_250_000), Usage(1000, 0, cached_tokens=400), 2000),
        (Price(1_000_000, 0, 100_000, 1_250_000), Usage(1000, 0, 500, 0, 400), 50 + 500 + 100),
        (Price(1_000_000, 0), Usage(1000, 0, 500, 0, 400), 1000),
        (Price(37_500, 0), Usage(13, 0), 0),
        (Price(37_500, 0), Usage(14, 0), 1),
        (Price(1, 1), Usage(250_000, 250_000), 1),
        (Price(1, 1), Usage(250_000, 249_999), 0),
        (Price(0, 0), Usage(10**12, 10**12), 0),
        (Price(1 << 60, 1 << 60), Usage(1 << 40, 1 << 40), ((1 << 101) + 500_000) // 1_000_000),
    ],
)
def test_cost(price, usage, micros):
    """Each token costs what its kind does; the sum is rounded once, half up, and never overflows (B16)."""
    assert micros == cost(price, usage)


@pytest.mark.parametrize(
    "usage",
    [Usage(10, 5, 11), Usage(10, 5, 1 << 60, 0, 1 << 60), Usage(-10, -5), Usage(10, 5, -20, 0, -20), Usage(-1, 5, 3)],
)
def test_no_credit(usage):
    """Counts that cannot be make no call cheaper than its tokens read from the cache, and none less than nothing (K09)."""
    price = Price(1_000_000, 2_000_000, 100_000, 1_250_000)

    assert cost(price, usage) >= max(usage.input_tokens, 0) // 10 + max(usage.output_tokens, 0) * 2


@given(st.tuples(RATES, RATES), st.tuples(COUNTS, COUNTS, COUNTS, COUNTS))
def test_exact(rates, counts):
    """The cost is that of decimal arithmetic, and never above the most that was reserved."""
    into, out = rates
    tokens, answer, read, written = counts
    price = Price(into, out, into // 10, into * 2)
    read = min(read, tokens)
    written = min(written, tokens - read)
    micros = cost(price, Usage(tokens, answer, read, 0, written))

    fresh = tokens - read - written
    exact = Decimal(fresh * into + read * (into // 10) + written * into * 2 + answer * out) / 1_000_000
    assert micros == int(exact.quantize(Decimal(1), ROUND_HALF_UP))
    assert micros <= most(price, tokens, answer)


@pytest.mark.parametrize(("tokens", "micros"), [(200_000, 0), (200_001, 1)])
def test_long(tokens, micros):
    """Above a model's threshold all of a call's tokens cost more."""
    assert micros == cost(Price(0, 0, long=Price(4, 15), above=200_000), Usage(tokens, 0))


def test_most_of_a_long_call():
    """A call that may turn out to be long is reserved for as one: its tokens are estimated."""
    assert 10 * 1_000_000 * 4 // 1_000_000 == most(LONG, 10_000_000, 0)
    assert 1 == most(LONG, 100_000, 0)
    assert most(LONG, 133_334, 0) == -(-133_334 * 4 // 1_000_000)
    assert most(LONG, 150_000, 10) == -(-(150_000 * 4 + 150) // 1_000_000)


def test_tiers():
    """A service tier has its price, one that is not known has none of its own."""
    fast = Price(5, 6)
    price = Price(1, 2, tiers=(("flex", Price(0, 1)), ("priority", fast)))

    assert fast == price.at("priority")
    assert [price] * 5 == [price.at(tier) for tier in (None, "default", "auto", 7, ["priority"])]
    assert fast is fast.at("priority")
