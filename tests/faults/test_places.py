"""Places at a provider: a slow one holds no more than its own, none is lost, and who cannot be served is told."""

import asyncio
from dataclasses import replace

import pytest

from llms.config import load
from tests.faults.conftest import PATH
from tests.faults.crew import OK, Stopwatch
from tests.faults.streams import data_events
from tests.support.raw import RawClient
from tests.upstream import openai
from tests.upstream.steps import hang, rst, sleep, tell, wait

FEW = {"concurrency": 2, "queue": 3, "queue_s": 9}


@pytest.mark.case("U75")
async def test_brown_out(crew):
    """U75: while one provider is slow, calls to another are as fast as ever, and the slow one gets no more than its share."""
    crowd = await crew(2, one=FEW)
    held = asyncio.Event()
    crowd.plays((wait(held), *OK), OK)
    slow = [asyncio.create_task(crowd.ask("one/m")) for _ in range(30)]
    await crowd.until(lambda: sum(task.done() for task in slow) == 25)

    fast = await crowd.asks(40, at_once=4, model="two/m")

    assert {200} == {response.status for response in fast}
    assert [2, 40] == crowd.asked
    assert all(record.duration_s < 4 for record in crowd.gateway.records[-40:])
    held.set()
    answers = [response.status for response in await asyncio.gather(*slow)]
    assert ([200] * 5, [503] * 25) == (sorted(answers)[:5], sorted(answers)[5:])
    assert 0 == crowd.running("one")


@pytest.mark.case("U75", "P27")
async def test_full_queue(crew):
    """U75: 503 at once, with a time to come back."""
    crowd = await crew(1, one={"concurrency": 1, "queue": 0})
    held = asyncio.Event()
    crowd.plays((wait(held), *OK))
    first = asyncio.create_task(crowd.ask())
    await crowd.upstreams[0].received()
    watch = Stopwatch()

    response = await crowd.ask()

    assert (503, "overloaded", "1", "true") == (
        response.status,
        response.json["error"]["code"],
        response.header("retry-after"),
        response.header("x-should-retry"),
    )
    assert watch.seconds < 2
    [record] = crowd.gateway.records
    assert ("rejected", ()) == (record.status, record.attempts)
    held.set()
    assert 200 == (await first).status


@pytest.mark.case("U75", "P27")
async def test_waiting_too_long(crew):
    """U75: who waits longer than ``queue_s`` is told; a place that comes in time is used."""
    crowd = await crew(1, one={"concurrency": 1, "queue_s": 0.2})
    held = asyncio.Event()
    crowd.plays([(wait(held), *OK), OK])
    first = asyncio.create_task(crowd.ask())
    await crowd.upstreams[0].received()
    watch = Stopwatch()

    assert 503 == (await crowd.ask()).status
    assert 0.19 <= watch.seconds
    later = asyncio.create_task(crowd.ask())
    await asyncio.sleep(0.02)
    held.set()
    assert [200, 200] == [(await task).status for task in (first, later)]


@pytest.mark.case("U75")
async def test_next_target_at_once(crew):
    """U75: where another provider may answer nobody waits for the full one."""
    crowd = await crew(2, one={"concurrency": 1})
    held = asyncio.Event()
    crowd.plays((wait(held), *OK), OK)
    first = asyncio.create_task(crowd.ask())
    await crowd.upstreams[0].received()

    assert ["two"] * 5 == [response.header("x-llms-provider") for response in await crowd.asks(5)]
    assert not first.done()
    held.set()
    await first


async def test_full_one_is_waited_for_if_the_other_fails(crew):
    """A call comes back to where it was not let in; that is no retry."""
    crowd = await crew(2, every={"retries": 0}, one={"concurrency": 1})
    held = asyncio.Event()
    crowd.plays((wait(held), *OK), openai.error(503, "busy"))
    first = asyncio.create_task(crowd.ask())
    await crowd.upstreams[0].received()
    second = asyncio.create_task(crowd.ask())
    await crowd.upstreams[1].received()
    held.set()

    assert [("one", 200), ("one", 200)] == [
        ((await task).header("x-llms-provider"), task.result().status) for task in (first, second)
    ]
    assert [2, 1] == crowd.asked


async def test_keys_share_the_places(crew):
    """All keys of a provider together have its places; a call waits for one rather than be refused."""
    crowd = await crew(1, one={"concurrency": 2, "api_key": ["$A", "$B"]}, environ={"A": "sk-a", "B": "sk-b"})
    most = []

    def react(_request):
        most.append(crowd.running("one"))
        return (sleep(0.01), *OK)

    crowd.plays(react)
    responses = await crowd.asks(40)

    assert {200} == {response.status for response in responses}
    assert 2 == max(most)


@pytest.mark.parametrize("stream", [False, True])
async def test_who_leaves_holds_nothing(crew, stream):
    """Neither a place nor a seat in the queue, wherever in the call the client left."""
    crowd = await crew(1, one={"concurrency": 2, "queue": 4})
    crowd.plays(openai.stream(["Hel", hang()]) if stream else (hang(),))
    for number in range(4):
        async with (
            RawClient("127.0.0.1", crowd.gateway.port) as first,
            RawClient("127.0.0.1", crowd.gateway.port) as second,
        ):
            clients = [first, second]
            for client in clients:
                await client.request("POST", PATH, body=crowd.body(stream=stream))
            await crowd.upstreams[0].received(2 * number + 2)
            waiting = [asyncio.create_task(crowd.ask(stream=stream)) for _ in range(4)]
            await crowd.until(lambda: len(crowd.gateway.generations._core.made["one"].upstream.bulkhead._waiting) == 4)
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
            await crowd.until(lambda: not crowd.gateway.generations._core.made["one"].upstream.bulkhead._waiting)
        await crowd.until(lambda: crowd.running("one") == 0)

    assert 8 == crowd.asked[0]


@pytest.mark.parametrize(
    "script", [openai.error(400, "no"), openai.stream(["Hel", rst()]), (rst(),), (hang(),), openai.stream(["Hello"])]
)
async def test_places_come_back(crew, script):
    """However a call ends."""
    crowd = await crew(1, every={"concurrency": 1, "queue": 0, "retries": 0}, clocks={"first_byte_s": 0.4})
    crowd.plays(script)

    for _ in range(3):
        await crowd.ask(stream=True)
        await crowd.idle()
        assert 0 == crowd.running("one")
    assert [3] == crowd.asked


async def test_place_is_held_to_the_end_of_a_stream(crew):
    """A call that still streams is a call."""
    crowd = await crew(1, every={"concurrency": 1, "queue": 0})
    begun, held = asyncio.Event(), asyncio.Event()
    crowd.plays([openai.stream(["Hel", tell(begun), wait(held), "lo"]), OK])
    asking = asyncio.create_task(crowd.ask(stream=True))
    await begun.wait()
    await asyncio.sleep(0.05)

    assert 503 == (await crowd.ask()).status
    held.set()
    assert "[DONE]" == data_events(await asking)[-1]
    await crowd.idle()
    assert 200 == (await crowd.ask()).status


async def test_gateway_stops_while_calls_wait(crew):
    """Those that wait for a place are told at once."""
    crowd = await crew(1, every={"concurrency": 1})
    crowd.plays((hang(),))
    asking = [asyncio.create_task(crowd.ask()) for _ in range(3)]
    await crowd.upstreams[0].received()
    await crowd.until(lambda: len(crowd.gateway.generations._core.made["one"].upstream.bulkhead._waiting) == 2)
    for gateway in crowd.gateway.generations.gateways():
        gateway.end_all()

    assert {"draining"} == {(await task).json["error"]["code"] for task in asking}
    assert (1, 0) == (crowd.asked[0], crowd.running("one"))


async def test_total_counts_the_queue(crew):
    """Time spent waiting for a place is part of the call's."""
    crowd = await crew(1, every={"concurrency": 1, "queue_s": 5}, clocks={"total_s": 0.5, "answer_s": 5})
    crowd.plays((hang(),))
    first = asyncio.create_task(crowd.ask())
    await crowd.upstreams[0].received()

    assert "upstream_total_timeout" == (await crowd.ask()).json["error"]["code"]
    await first


async def test_reload_while_calls_wait(crew, tmp_path):
    """A provider that has not changed keeps its places over a reload."""
    crowd = await crew(1, every={"concurrency": 1})
    held = asyncio.Event()
    crowd.plays([(wait(held), *OK), OK])
    asking = [asyncio.create_task(crowd.ask()) for _ in range(2)]
    await crowd.upstreams[0].received()
    await crowd.gateway.generations.put_in_force(load(tmp_path / "config.json", {}))
    asking.append(asyncio.create_task(crowd.ask()))
    await asyncio.sleep(0.05)

    assert [1] == crowd.asked
    held.set()
    assert {200} == {(await task).status for task in asking}


async def put_in_force(crowd, **changes):
    """Change the options of the provider ``one`` while the gateway runs; without any, take it away."""
    config = crowd.gateway.config
    providers = {"two": config.providers["two"]}
    if changes:
        providers["one"] = config.providers["one"].model_copy(update=changes)
    await crowd.gateway.generations.put_in_force(replace(config, providers=providers))


@pytest.mark.case("U75")
async def test_places_are_the_same_after_a_change(crew):
    """U75: a provider is given no more at once because its configuration changed, or because it was away for a while."""
    crowd = await crew(2, one={"concurrency": 2, "queue_s": 20})
    held = asyncio.Event()
    crowd.plays((wait(held), *OK), OK)
    asking = [asyncio.create_task(crowd.ask("one/m")) for _ in range(2)]
    await crowd.upstreams[0].received(2)

    await put_in_force(crowd)
    await put_in_force(crowd, concurrency=1, queue=0)

    for _ in range(3):
        assert 503 == (await crowd.ask("one/m")).status
    await put_in_force(crowd, concurrency=3)
    asking.append(asyncio.create_task(crowd.ask("one/m")))
    await crowd.upstreams[0].received(3)
    assert 3 == crowd.running("one")
    held.set()
    assert [200] * 3 == [response.status for response in await asyncio.gather(*asking)]
    await crowd.idle()
    assert (3, 0) == (crowd.asked[0], crowd.running("one"))


async def test_more_places_while_calls_wait(crew):
    """Those that wait under the old configuration get them, as they get what comes free under the new one."""
    crowd = await crew(2, one={"concurrency": 1, "queue_s": 20})
    held = asyncio.Event()
    crowd.plays((wait(held), *OK), OK)
    asking = [asyncio.create_task(crowd.ask("one/m")) for _ in range(3)]
    await crowd.upstreams[0].received()

    await put_in_force(crowd, concurrency=2, queue_s=20)

    await crowd.upstreams[0].received(2)
    held.set()
    assert [200] * 3 == [response.status for response in await asyncio.gather(*asking)]
