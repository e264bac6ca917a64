"""Sums are what plain Python makes of the rows."""

from collections import defaultdict
from itertools import combinations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llms.store import DAY_MS, CallFilter, UsageRow
from llms.store.encoding import day_text
from tests.store.rows import AT, DAY, call

GROUPS = ("day", "key", "team", "model", "provider")
BY = [by for size in range(len(GROUPS) + 1) for by in combinations(GROUPS, size)]

names = st.sampled_from(["a", "b", "", "Ünï'"])
numbers = st.integers(0, 10**9)
calls = st.lists(
    st.builds(
        call,
        st.integers(0, 60),
        at=st.integers(0, 4 * DAY_MS).map(lambda offset: AT + offset),
        key_id=names,
        team=names,
        model=names,
        provider=names,
        status=st.sampled_from(["ok", "error", "cancelled"]),
        input_tokens=numbers,
        output_tokens=numbers,
        cached_tokens=numbers,
        cache_write_tokens=numbers,
        reasoning_tokens=numbers,
        counted=st.sampled_from(["exact", "estimated", "none"]),
        cost=numbers,
        priced=st.integers(0, 1),
    ),
    max_size=30,
)
times = st.none() | st.integers(-DAY_MS, 5 * DAY_MS).map(lambda offset: AT + offset)
filters = st.builds(
    CallFilter,
    since=times,
    until=times,
    keys=st.lists(names, max_size=2, unique=True).map(tuple),
    team=st.none() | names,
    model=st.none() | names,
    provider=st.none() | names,
)


def group(row, by):
    values = {"day": day_text(row.at // DAY_MS), "key": row.key_id}
    return tuple(values[name] if name in values else getattr(row, name) for name in by)


def expected(rows, wanted, by):
    found = defaultdict(lambda: [0] * 10)
    for row in rows:
        day = row.at // DAY_MS
        if (
            (wanted.since is None or day >= wanted.since // DAY_MS)
            and (wanted.until is None or day < -(-wanted.until // DAY_MS))
            and (not wanted.keys or row.key_id in wanted.keys)
            and all(getattr(wanted, name) in (None, getattr(row, name)) for name in ("team", "model", "provider"))
        ):
            tokens = (
                row.input_tokens,
                row.output_tokens,
                row.cached_tokens,
                row.cache_write_tokens,
                row.reasoning_tokens,
            )
            more = (1, int(row.status != "ok"), *tokens, row.cost, int(row.counted == "estimated"), 1 - row.priced)
            sums = found[group(row, by)]
            sums[:] = [old + new for old, new in zip(sums, more, strict=True)]
    return [UsageRow(one, *found[one]) for one in sorted(found, key=lambda names: [name.encode() for name in names])]


@pytest.fixture
def written():
    """The calls that the store has, by id; it keeps them from one example to the next."""
    return {}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(calls, max_size=3), asked=st.tuples(filters, st.sampled_from(BY), st.integers(-1, 5)))
async def test_sums(store, written, batches, asked):
    """Whatever is written, in whatever company and how often, usage and money spent are the sums over the rows."""
    wanted, by, since = asked
    for rows in batches:
        new = {}
        for row in rows:
            if row.id not in written:
                new.setdefault(row.id, row)
        assert len(new) == await store.write_calls(rows)
        written |= new

    assert expected(written.values(), wanted, by) == await store.usage(wanted, by)
    later = [row for row in written.values() if row.at // DAY_MS >= DAY + since]
    for kind, field in (("key", "key_id"), ("team", "team"), ("model", "model")):
        cost = sum(row.cost for row in later if getattr(row, field) == "a")
        assert cost == await store.spent(f"{kind}:a", DAY + since)
    assert sum(row.cost for row in later) == await store.spent("gateway", DAY + since)
