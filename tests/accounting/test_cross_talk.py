"""
P24: an answer of a provider goes to whoever asked for it, however many leave meanwhile.

``LLMS_POISON_CALLS`` says how many calls there are.
"""

import asyncio
import os
import random
from collections import Counter

import pytest

from tests.accounting.house import PRICES
from tests.accounting.seller import Act, Order
from tests.support.raw import RawClient

CALLS = int(os.environ.get("LLMS_POISON_CALLS", "1000"))
AT_ONCE = 16


@pytest.mark.case("P24")
@pytest.mark.parametrize("backend", ["memory"], indirect=True)
async def test_p24_answers_go_to_who_asked(house, record_property):
    """P24: of calls that are left at any moment none leaves its answer on a connection for the next one."""
    gateway = await house()
    key = await gateway.key(limits={"budgets_micros": {"total": 10**12}})
    chance = random.Random(24)  # noqa: S311 - it is to be the same each time
    loop = asyncio.get_running_loop()
    came = Counter()

    async def client(first):
        for number in range(first, CALLS, AT_ONCE):
            go, stream = asyncio.Event(), chance.random() < 0.5
            loop.call_later(chance.random() * 0.02, go.set)
            text = f"the answer of {number}."
            end = "held" if stream else "done"
            act = Act(
                "stream" if stream else "whole", (10, 7), (text,), end, go, late=chance.random() < 0.5 or not stream
            )
            path, body = gateway.request(Order(f"call{number}", {"one": act, "two": act}, PRICES), stream=stream)
            async with RawClient("127.0.0.1", gateway.running.port) as client:
                await gateway.send(client, key.secret, path, body)
                if chance.random() < 0.5:
                    await asyncio.sleep(chance.random() * 0.02)
                    client.rst()
                    came["left"] += 1
                    continue
                said = (await client.read_response()).body.decode()
            came["right" if text in said and said.count("the answer of") == 1 else "wrong"] += 1

    await asyncio.gather(*map(client, range(AT_ONCE)))
    await gateway.ended()

    assert 0 == came["wrong"]
    assert min(came["right"], came["left"]) > CALLS / 3
    record_property("came_out", f"providers: {came['right']} answered, {came['left']} left, {came['wrong']} wrong")
