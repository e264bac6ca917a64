"""What a provider says that a call has taken, as far as it can be true: K09, U-h; and what is billed once: B15."""

from contextlib import AsyncExitStack

import pytest

from tests.support.kept import kept, key
from tests.upstream import openai
from tests.upstream.server import Upstream


@pytest.fixture
async def both(gateway, tmp_path):
    """The two ends, with a key that has a budget."""
    async with AsyncExitStack() as stack:
        upstream = await stack.enter_async_context(Upstream())
        yield await stack.enter_async_context(kept(gateway, upstream, tmp_path, key("ann")))


def usage(into, out, total=None, **more):
    return {"prompt_tokens": into, "completion_tokens": out, "total_tokens": total or 0, **more}


def answer(form, counted):
    return (
        openai.stream(["Hel", "lo"], usage=counted) if "stream" in form else openai.completion("Hello", usage=counted)
    )


@pytest.mark.case("K09")
@pytest.mark.parametrize(
    "form",
    [
        "chat",
        "chat stream",
        "completions",
        pytest.param(
            "completions stream",
            marks=pytest.mark.case("K09", without={"I10": "the chunks of this endpoint have another form"}),
        ),
    ],
)
@pytest.mark.parametrize(
    "counted",
    [
        usage(-5, -5),
        usage(1e18, 1),
        usage(10**18, 10**18),
        usage("19", "2"),
        usage(1.5, 2),
        usage(None, None),
        usage(True, True),
        usage(19, -(10**9)),
        usage([19], {"n": 2}),
        None,
    ],
    ids=str,
)
async def test_no_counts(both, form, counted):
    """What is no count is none: the call is estimated, marked, and costs more than nothing."""
    both.plays(answer(form, counted))

    response = await both.ask(form, "ann")

    row = await both.row()
    assert (200, "ok", "estimated") == (response.status, row.status, row.counted)
    assert (2, row.input_tokens + 2 * 2) == (row.output_tokens, row.cost)
    assert 0 < row.input_tokens < 100


@pytest.mark.parametrize("form", ["chat", "chat stream"])
@pytest.mark.parametrize(
    ("counted", "believed"),
    [
        (usage(1 << 39, 2), (None, 2)),
        (usage(19, 1 << 39), (19, None)),
        (usage(19, 2, 1 << 39), (19, None)),
        (usage(1 << 39, 1 << 39, prompt_tokens_details={"cached_tokens": 1 << 39}), (None, None)),
    ],
    ids=str,
)
async def test_more_than_can_be(both, form, counted, believed):
    """More than was asked or can be answered is not believed: that count is estimated, and the row says so."""
    both.plays(answer(form, counted))

    await both.ask(form, "ann", max_tokens=10)

    row = await both.row()
    into, out = believed
    assert "estimated" == row.counted
    assert (into or row.input_tokens) == row.input_tokens < 100
    assert (out or 2) == row.output_tokens
    assert row.input_tokens + 2 * row.output_tokens == row.cost
    assert row.cached_tokens <= row.input_tokens


async def test_what_the_cache_had_to_do_with_it(both):
    """Tokens read from the provider's cache, or written to it, are in the row, whatever the provider calls them."""
    counted = {
        **usage(19, 2, 21),
        "prompt_tokens_details": {"cached_tokens": 7, "cache_creation_tokens": 5},
        "cache_creation_input_tokens": 5,
    }
    both.plays(answer("chat", counted), answer("chat stream", counted))

    for form in ("chat", "chat stream"):
        await both.ask(form, "ann")

    assert [("exact", 19, 7, 5)] * 2 == [
        (row.counted, row.input_tokens, row.cached_tokens, row.cache_write_tokens) for row in await both.rows()
    ]


@pytest.mark.parametrize("form", ["chat", "chat stream"])
async def test_a_replay_is_not_billed(both, form):
    """B15: a request that is sent again under its Idempotency-Key is one call, billed once."""
    both.plays(answer(form, openai.USAGE))

    responses = [await both.ask(form, "ann", [("Idempotency-Key", "k")]) for _ in range(3)]

    row = await both.row()
    assert [200] * 3 == [response.status for response in responses]
    assert [None, "true", "true"] == [response.header("x-idempotent-replay") for response in responses]
    assert ("exact", 23) == (row.counted, row.cost)
