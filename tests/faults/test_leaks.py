"""Nothing is left behind: a burst of streams, and ten thousand that their clients abandon."""

import asyncio

from tests.faults.conftest import PATH
from tests.faults.streams import FIRST, data_events
from tests.support.raw import RawClient
from tests.upstream import openai
from tests.upstream.steps import hang

ABORTED = 10_000
AT_ONCE = 50


async def test_burst(pair):
    """32 streams of 500 chunks at once are whole, and leave no task, connection or descriptor behind."""
    both = await pair(clocks={"connect_s": 10, "first_byte_s": 10, "idle_s": 10, "total_s": 60})
    both.upstream.on("POST", PATH, openai.stream(["x"] * 500, usage=openai.USAGE, joined=True))

    answers = await asyncio.gather(*(both.ask(stream=True) for _ in range(32)))

    for answer in answers:
        events = data_events(answer)
        assert 500 == sum(c["delta"].get("content") == "x" for e in events[:-1] for c in e["choices"])
        assert "[DONE]" == events[-1]
    assert 32 == len(both.gateway.records)
    assert {"ok"} == {record.status for record in both.gateway.records}


async def test_ten_thousand_aborted_streams(pair):
    """10,000 abandoned calls (before the first byte, in mid-stream, not streamed) leave nothing: F6."""
    both = await pair(clocks={"connect_s": 30, "first_byte_s": 30, "answer_s": 30, "idle_s": 30, "total_s": 60})
    arrived = {}

    def react(request):
        number = int(request.json["messages"][0]["content"])
        arrived.pop(number).set()
        return (*FIRST, hang()) if number % 3 == 0 else (hang(),)

    both.upstream.on("POST", PATH, react)
    numbers = iter(range(ABORTED))

    async def abandon():
        for number in numbers:
            arrival = arrived[number] = asyncio.Event()
            messages = [{"role": "user", "content": str(number)}]
            async with RawClient("127.0.0.1", both.gateway.port) as client:
                await client.request("POST", PATH, body=both.body(stream=number % 3 < 2, messages=messages))
                await arrival.wait()
                if number % 3 == 0:
                    await client.read_head()
                client.rst()

    async with asyncio.timeout(180):
        await asyncio.gather(*(abandon() for _ in range(AT_ONCE)))

    async with asyncio.timeout(5):
        await both.gateway.services.gateway.idle()
    assert await both.upstream.quiet(2)
    assert ABORTED == len(both.upstream.requests)
    assert ABORTED == len(both.gateway.records)
    assert {"client_closed"} == {record.status for record in both.gateway.records}
