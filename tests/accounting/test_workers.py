"""
What budgets promise when several processes share them.

``LLMS_BUDGET_ROUNDS`` says how often 1,000 calls rush for a budget of 5, ``LLMS_RATE_S`` for how many seconds a rate is
asked for ten times over, after a rush.
"""

import asyncio
import json
import os
import signal
from collections import Counter
from contextlib import AsyncExitStack

import pytest

from tests.accounting.crowd import Crowd
from tests.accounting.house import CHAT, PRICES
from tests.accounting.seller import Act, Order, thirds
from tests.accounting.town import BACKENDS, town
from tests.limits.ledger import came_out
from tests.support.raw import RawClient

ROUNDS = int(os.environ.get("LLMS_BUDGET_ROUNDS", "1"))
RATE_S = float(os.environ.get("LLMS_RATE_S", "0"))
OUT = 20


@pytest.fixture(params=BACKENDS)
def shared(request, tmp_path):
    """Give the environment of a gateway whose limits are in one of the places that there are for them."""
    request.node.user_properties.append(came_out(request.param))
    if request.param == "postgresql":
        return {"LLMS_STORE": request.getfixturevalue("postgres_url")}
    store = {"LLMS_STORE": f"sqlite:{tmp_path / 'llms.db'}"}
    return {**store, "REDIS": request.getfixturevalue("redis_url")} if request.param == "redis" else store


def order(name, act=None):
    act = act or Act("whole", (10, 7), ("hello",))
    return Order(name, {"one": act, "two": act}, PRICES)


def full(one, body, kind="whole"):
    """Have a call take exactly what is held for it; give that."""
    into = thirds(len(body))
    act = Act(kind, (into, OUT), ("hello",))
    one.acts = {"one": act, "two": act}
    return into * 3 + OUT * 15


@pytest.mark.case("B01", "B02")
@pytest.mark.parametrize("workers", [1, 4])
async def test_b01_b02_exactly_five_of_a_thousand(tmp_path, seller, shared, workers, record_property):
    """B01, B02: of 1,000 calls at once with a budget for 5, five reach the provider, however many processes take them."""
    async with town(tmp_path, seller, shared, workers=workers) as here:
        rounds = []
        for number in range(2 * ROUNDS):
            one = order(f"round{number:04}")
            stream = number % 2 == 1  # whose usage comes at its end
            body = here.request(one, max_tokens=OUT, stream=stream)
            cost = full(one, body, "stream" if stream else "whole")
            rounds.append((await here.key(limits={"budgets_micros": {"total": 5 * cost}}), one, body, cost))
        await here.known(rounds[-1][0].secret)
        async with Crowd(here.port, 1000) as crowd:
            for key, one, body, _ in rounds:
                answers = await crowd.rush(key.secret, body)
                assert {200: 5, 429: 995} == answers.statuses, one.name
                assert (995, 5) == (answers.quota, len(one.asked)), one.name

        async def written():
            usage = await here.usage()
            return {key.id: (1000, 5 * cost) for key, _, _, cost in rounds}.items() <= {
                key_id: (row["calls"], row["cost_micros"]) for key_id, row in usage.items()
            }.items()

        await here.served.until(written)
    record_property("rounds", ROUNDS)


@pytest.mark.case("B06")
async def test_b06_a_worker_is_killed(tmp_path, seller, shared):
    """B06: what was held for calls of a worker that was killed is given back when its lease is over."""
    hooks = [{"at": "llms.limits.books:_LEASE_MS", "set": 2000}]
    async with town(tmp_path, seller, shared, workers=4, hooks=hooks) as here, AsyncExitStack() as stack:
        key = await here.key(limits={"budgets_micros": {"total": 10**6}})
        await here.known(key.secret)
        one = order("held", Act("stream", (1, 1), ("x",), "held"))
        body = here.request(one, max_tokens=OUT, stream=True)
        for _ in range(12):
            client = await stack.enter_async_context(RawClient("127.0.0.1", here.port))
            await client.request("POST", CHAT, [("Authorization", f"Bearer {key.secret}")], json.loads(body))
            await client.read_head()
        assert 12 == (await here.taken(key.secret))["key"]["running"]
        for worker in here.served.workers():
            os.kill(worker, signal.SIGKILL)

        async def given_back():
            try:
                taken = (await here.taken(key.secret))["key"]
            except (ConnectionError, asyncio.IncompleteReadError):  # nobody listens just now
                return False
            return (taken["running"], taken["reserved_micros"]) == (0, 0)

        await here.served.until(given_back)
        assert 200 == (await here.call(key.secret, order("after"))).status


@pytest.mark.case("B10")
async def test_b10_so_many_calls_a_minute(tmp_path, seller, shared):
    """B10: four workers together admit no more calls in a minute than one may, at ten times the rate."""
    async with town(tmp_path, seller, shared, workers=4) as here:
        key = await here.key(limits={"rpm": 30})
        await here.known(key.secret)
        one = order("call")
        body = here.request(one)
        async with Crowd(here.port, 300) as crowd:
            statuses = (await crowd.rush(key.secret, body)).statuses
        until = asyncio.get_running_loop().time() + RATE_S
        while asyncio.get_running_loop().time() < until:
            statuses[(await here.ask("POST", CHAT, key.secret, body)).status] += 1
            await asyncio.sleep(0.2)

        async def written():
            return (await here.usage()).get(key.id, {"calls": 0})["calls"] == statuses.total()

        await here.served.until(written)
        rows = (await here.admin("GET", f"calls?key_id={key.id}&status=ok&limit=300"))["data"]
    assert statuses[200] == len(rows) == len(one.asked)
    minutes = Counter(row["at"] // 60_000 for row in rows)
    assert {30} == {minutes[minute] for minute in sorted(minutes)[:-1]} | {max(minutes.values())}
    assert {200, 429} == set(statuses)


@pytest.mark.case("B14", "K12")
async def test_b14_k12_revoked_everywhere(tmp_path, seller, shared):
    """B14, K12: a key that is revoked is refused by every worker within 5 s, and its streams end as soon, in an error."""
    async with town(tmp_path, seller, shared, workers=4) as here, AsyncExitStack() as stack:
        key = await here.key(limits={"budgets_micros": {"total": 10**6}})
        await here.known(key.secret)
        body = json.loads(here.request(order("held", Act("stream", (1, 1), ("x",), "held")), stream=True))
        clients = []
        for _ in range(16):
            clients.append(await stack.enter_async_context(RawClient("127.0.0.1", here.port)))
            await clients[-1].request("POST", CHAT, [("Authorization", f"Bearer {key.secret}")], body)
            await clients[-1].read_head()

        await here.admin("POST", f"keys/{key.id}/revoke", {})

        async def ended(client):
            seen = b""
            while b'"key_disabled"' not in seen:
                seen += await client.read_some()
            return seen

        async with asyncio.timeout(10):  # five are promised; the machine may be busy
            seen = await asyncio.gather(*(ended(client) for client in clients))
        assert not any(b"[DONE]" in one for one in seen)
        async with asyncio.timeout(10):
            await here.known(key.secret, works=False)

        async def written():
            return (await here.usage())[key.id]["calls"] == 16

        await here.served.until(written)
