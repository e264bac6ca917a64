"""A second target beside one that keeps silent for unusually long."""

import asyncio

import pytest

from tests.faults.conftest import PATH
from tests.faults.crew import OK
from tests.faults.streams import data_events, said
from tests.support.raw import RawClient
from tests.upstream import openai
from tests.upstream.steps import hang, sleep, wait

STREAM = openai.stream(["Hello"])
SLOW = (hang(),)


async def hedging(crew, count=2, percent=100, **options):
    """Give a crew that knows what is usual at its first upstream."""
    targets = [f"{name}/m" for name in ("one", "two", "three")[:count]]
    crowd = await crew(count, models={"fast": {"targets": targets, "hedge_percent": percent}}, **options)
    crowd.plays(*[STREAM] * count)
    for _ in range(20):  # the fewest after which anything is unusual
        assert "one" == (await crowd.ask("fast", stream=True)).header("x-llms-provider")
    assert [20] + [0] * (count - 1) == crowd.asked
    return crowd


@pytest.mark.parametrize("stream", [True, False])
async def test_second_answers(crew, stream):
    """It is asked once the first is later than usual; the first one's connection is closed at once, its place free."""
    crowd = await hedging(crew, every={"concurrency": 5})
    if not stream:
        crowd.plays(OK, OK)
        for _ in range(20):
            await crowd.ask("fast")
    crowd.plays(SLOW, STREAM if stream else OK)

    response = await crowd.ask("fast", stream=stream)

    assert (200, "two") == (response.status, response.header("x-llms-provider"))
    loser = crowd.upstreams[0].connections[-1]
    assert await loser.closed_within(1)
    assert (0, 0) == (crowd.running("one"), crowd.running("two"))
    assert [("one", "cancelled"), ("two", "ok")] == sorted(crowd.outcomes())
    assert crowd.asked[1] == 1


async def test_first_answers_after_all(crew):
    """The second is cut off, and is never billed for more than it has done."""
    crowd = await hedging(crew)
    held = asyncio.Event()
    crowd.plays((wait(held), *openai.stream(["late"])), SLOW)
    asking = asyncio.create_task(crowd.ask("fast", stream=True))
    await crowd.upstreams[1].received()
    held.set()

    response = await asking

    assert ("one", "late") == (response.header("x-llms-provider"), said(data_events(response)))
    assert await crowd.upstreams[1].connections[-1].closed_within(1)
    assert [21, 1] == crowd.asked


async def test_winner_streams_to_its_end(crew):
    """An answer that began in an attempt of its own is read on for as long as it takes."""
    crowd = await hedging(crew)
    crowd.plays(SLOW, openai.stream(["Hel", sleep(0.2), "lo", sleep(0.2), "!"]))

    assert "Hello!" == said(data_events(await crowd.ask("fast", stream=True)))


async def test_winner_has_its_own_clocks(crew):
    """What is silent in the middle is judged by the limits of whoever answers."""
    crowd = await hedging(crew, two={"clocks": {"idle_s": 0.2}}, one={"clocks": {"idle_s": 8}})
    crowd.plays(SLOW, openai.stream(["Hel", hang()]))

    async with asyncio.timeout(6):
        events = data_events(await crowd.ask("fast", stream=True))

    assert "upstream_idle_timeout" == events[-1]["error"]["code"]


@pytest.mark.parametrize(("percent", "expected"), [(10, (1, 8)), (0, (0, 0))])
async def test_share(crew, percent, expected):
    """No more calls than the configuration says have a second target."""
    crowd = await hedging(crew, percent=percent)
    crowd.plays((sleep(0.3), *STREAM), STREAM)

    await crowd.asks(30, model="fast", stream=True)

    least, most = expected
    assert least <= crowd.asked[1] <= most


async def test_both_fail(crew):
    """The next target follows, and of the failures the usual one is told."""
    crowd = await hedging(crew, count=3, every={"retries": 0})
    crowd.plays((sleep(0.3), *openai.error(503, "busy")), openai.error(503, "busy"), STREAM)

    assert "three" == (await crowd.ask("fast", stream=True)).header("x-llms-provider")
    assert [21, 1, 1] == crowd.asked


async def test_second_fails(crew):
    """The first is waited for."""
    crowd = await hedging(crew)
    crowd.plays((sleep(0.4), *STREAM), openai.error(500, "no"))

    assert "one" == (await crowd.ask("fast", stream=True)).header("x-llms-provider")


@pytest.mark.parametrize("reason", ["store", "only one", "full", "open"])
async def test_no_second(crew, reason):
    """Not for what would be stored twice, nor where nobody else can be asked now."""
    crowd = await hedging(crew, two={"concurrency": 1, "queue": 5} if reason == "full" else {})
    crowd.plays((sleep(0.4), *STREAM), (sleep(1), *STREAM))
    fields = {"store": True} if reason == "store" else {}
    expected = 0
    if reason == "open":
        [_, target] = (await crowd.gateway.services.gateway._catalog.route("fast")).targets
        crowd.health._of(target).probe_at = float("inf")
    if reason == "full":
        other = asyncio.create_task(crowd.ask("two/m", stream=True))
        await crowd.upstreams[1].received()
        expected = 1
    model = "one/m" if reason == "only one" else "fast"

    assert "one" == (await crowd.ask(model, stream=True, **fields)).header("x-llms-provider")
    assert expected == crowd.asked[1]
    if reason == "full":
        assert 200 == (await other).status


async def test_client_leaves(crew):
    """Both are cut off, and both places are free."""
    crowd = await hedging(crew, every={"concurrency": 1})
    crowd.plays(SLOW, SLOW)
    async with RawClient("127.0.0.1", crowd.gateway.port) as client:
        await client.request("POST", PATH, body=crowd.body("fast", stream=True))
        await crowd.upstreams[1].received()
    await crowd.idle()

    for upstream in crowd.upstreams:
        assert await upstream.connections[-1].closed_within(1)
    assert (0, 0) == (crowd.running("one"), crowd.running("two"))
    assert "client_closed" == crowd.gateway.records[-1].status


async def test_total_ends_both(crew):
    """The call's time is that of both together."""
    crowd = await hedging(crew, every={"clocks": {"total_s": 1.0}})
    crowd.plays(SLOW, SLOW)

    response = await crowd.ask("fast", stream=True)

    assert "upstream_total_timeout" == response.json["error"]["code"]
    for upstream in crowd.upstreams:
        assert await upstream.connections[-1].closed_within(1)


async def test_what_was_cut_off_counts_as_slow(crew):
    """A target that has become slow is given the time that it takes by now; calls are not hedged for ever."""
    crowd = await hedging(crew)
    crowd.plays((sleep(0.15), *STREAM), (sleep(0.05), *STREAM))
    hedging_memory = crowd.gateway.generations._core.learnt.hedging
    [target, _] = (await crowd.gateway.services.gateway._catalog.route("fast")).targets
    before = hedging_memory.patience_s(target, stream=True)

    for _ in range(12):
        await crowd.ask("fast", stream=True)

    assert hedging_memory.patience_s(target, stream=True) > before
