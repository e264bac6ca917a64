"""What budgets promise, B01 to B18, through the gateway of one process; see ``test_workers`` for several."""

import asyncio
import json
import os
import random
from collections.abc import Mapping
from contextlib import AsyncExitStack
from fractions import Fraction

import pytest

from llms.limits.state import DAY_MS
from llms.web.routes import plain
from tests.accounting.crowd import Crowd
from tests.accounting.house import CHAT, MODELS, PRICES
from tests.accounting.oracle import start
from tests.accounting.seller import ABSURD, Act, Order, thirds
from tests.limits.ledger import ms
from tests.support.raw import RawClient
from tests.upstream.server import Upstream

CANCELS = int(os.environ.get("LLMS_CANCELS", "300"))
OUT = 20
"""The tokens that every call asks for at most."""

COST = 135
"""Micro-dollars of the usual answer."""


def order(name="call", first=None, second=None, prices: Mapping[str, tuple[str, str]] = PRICES):
    act = first or Act("whole", (10, 7), ("hello",))
    return Order(name, {"one": act, "two": second or act}, prices)


def need(house, **fields):
    """Give the tokens of a usual call's input, and the micro-dollars that are held for it."""
    _, body = house.request(order(), max_tokens=OUT, **fields)
    into = thirds(len(body))
    return into, into * 3 + OUT * 15


def budget(micros, **others):
    return {"budgets_micros": {"total": micros}, **others}


async def sums(house, key, subject=None):
    """Give what a key has spent: by the rows, by the counter, by the providers; and what is held for it."""
    await house.ended()
    rows = await house.rows()
    taken = (await house.taken(key.id))[subject or f"key:{key.id}"][1]
    billed = sum(one.bill() for one in house.seller.orders.values())
    return sum(row.cost for row in rows), taken.spent["total"], billed, taken.reserved + taken.running


@pytest.mark.case("B01", "B02", "K08")
@pytest.mark.parametrize("stream", [False, True], ids=["b01 whole", "b02 streamed"])
async def test_b01_b02_exactly_five_of_a_thousand(house, stream):
    """B01, B02: of 1,000 calls at once with a budget for 5, five reach the provider; others are told not to come again."""
    gateway = await house()
    into, cost = need(gateway, stream=stream)
    key = await gateway.key(limits=budget(5 * cost))
    go = asyncio.Event()
    act = Act("stream", (into, OUT), ("hello",), "held", go) if stream else Act("whole", (into, OUT), ("hello",))
    one = order(first=act)
    _, body = gateway.request(one, max_tokens=OUT, stream=stream)
    async with Crowd(gateway.running.port, 1000) as crowd:
        if not stream:
            go.set()
        rush = asyncio.create_task(crowd.rush(key.secret, body))
        await gateway.until(lambda: len(gateway.running.records) >= 995, 60)
        go.set()
        answers = await rush

    assert {200: 5, 429: 995} == answers.statuses
    assert 995 == answers.quota
    assert 5 == len(one.asked)
    rows, counted, _, held = await sums(gateway, key)
    assert (5 * cost, 5 * cost, 0) == (rows, counted, held)


@pytest.mark.case("B03")
async def test_b03_what_was_not_taken_is_given_back(house):
    """B03: what a call did not take of what was held for it can be taken by the next one at once."""
    gateway = await house()
    _, cost = need(gateway)
    key = await gateway.key(limits=budget(2 * cost - 1))

    first = await gateway.call(key.secret, order("one"), max_tokens=OUT)
    second = await gateway.call(key.secret, order("two"), max_tokens=OUT)

    assert (200, 200) == (first.status, second.status)
    rows, counted, billed, held = await sums(gateway, key)
    assert (billed, billed, 0) == (rows, counted, held)


@pytest.mark.case("B04", "B13")
@pytest.mark.parametrize("stream", [False, True], ids=["b04 whole", "b13 streamed"])
async def test_b04_b13_a_call_that_takes_more_is_the_last(house, stream):
    """B04, B13: a call that takes more than was held for it goes on to its end, all of it is counted, and no other follows."""
    gateway = await house()
    into, cost = need(gateway, stream=stream)
    key = await gateway.key(limits=budget(2 * cost))
    texts = tuple(f"word{number} " for number in range(200))
    over = Act("stream" if stream else "whole", (into, 9 * OUT), texts)

    answer = await gateway.call(key.secret, order("over", over), max_tokens=OUT, stream=stream)
    refused = await gateway.call(key.secret, order("next"), max_tokens=OUT)

    assert 200 == answer.status
    assert b"word199" in answer.body
    assert (429, "insufficient_quota") == (refused.status, refused.json["error"]["code"])
    assert "false" == refused.header("x-should-retry")
    rows, counted, billed, held = await sums(gateway, key)
    assert (billed, billed, 0) == (rows, counted, held)
    assert 2 * cost < billed < 2 * cost + 9 * OUT * 15


@pytest.mark.case("B05")
async def test_b05_cancelled_at_any_moment(house):
    """B05: however many calls are left at whatever moment, nothing stays held, and each is paid for as far as it came."""
    gateway = await house()
    key = await gateway.key(limits=budget(10**12, concurrency=10**6))
    texts = ("one", "and two", "and three")
    acts = [
        Act("hang"),
        Act("stream", (30, 9), texts, "held"),
        Act("stream", (30, 9), texts),
        Act("whole", (30, 9), texts),
        Act("refuse"),
    ]
    chance = random.Random(5)  # noqa: S311 - it is to be the same each time
    gate = asyncio.Semaphore(40)

    async def one(number):
        act = chance.choice(acts)
        path, body = gateway.request(order(f"call{number}", act), max_tokens=OUT, stream=act.kind != "whole")
        async with gate, RawClient("127.0.0.1", gateway.running.port) as client:
            await gateway.send(client, key.secret, path, body)
            await asyncio.sleep(chance.random() * 0.1)
            client.rst()

    await asyncio.gather(*(one(number) for number in range(CANCELS)))
    await gateway.ended()

    rows = await gateway.rows()
    for row in rows:
        assert row.cost in possible(row, texts), row
    assert len(rows) == len(gateway.running.records)
    assert len({row.id for row in rows}) == len(rows)
    _, counted, _, held = await sums(gateway, key)
    assert (sum(row.cost for row in rows), 0) == (counted, held)
    assert 0 < counted


def possible(row, texts):
    """Give what a call may have cost, wherever it was left."""
    into, price = thirds(row.bytes_in), PRICES["one/a"] if row.provider == "one" else PRICES["two/b"]
    seen = [0]
    for text in texts:
        seen.append(seen[-1] + len(text))
    found = {(into, thirds(count)) for count in seen} | {(30, 9)}
    return {0, *(int(a * Fraction(price[0]) + b * Fraction(price[1]) + Fraction(1, 2)) for a, b in found)}


@pytest.mark.case("B06")
async def test_b06_killed_with_calls_on_their_way(house):
    """B06: what was held for calls of a process that was killed is no loss to the budget."""
    gateway = await house()
    _, cost = need(gateway)
    key = await gateway.key(limits=budget(3 * cost + 300))
    await gateway.call(key.secret, order("done"), max_tokens=OUT)
    async with RawClient("127.0.0.1", gateway.running.port) as client:
        one = order("lost", Act("hang"))
        await gateway.send(client, key.secret, *gateway.request(one, max_tokens=OUT))
        await gateway.until(lambda: one.asked)
        assert cost == (await gateway.taken(key.id))[f"key:{key.id}"][1].reserved
        await gateway.crash()

    await gateway.open()

    async with asyncio.timeout(10):  # its lease, where others could still wait for it
        while (await gateway.taken(key.id))[f"key:{key.id}"][1].reserved:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.02)
    taken = (await gateway.taken(key.id))[f"key:{key.id}"][1]
    assert (0, 0, COST) == (taken.reserved, taken.running, taken.spent["total"])
    assert [COST] == [row.cost for row in await gateway.rows()]


@pytest.mark.case("B07")
async def test_b07_prices_that_are_missing_nothing_or_new(house):
    """B07: no price is marked, or refused; 0 is a price; a call costs what was in force when it began."""
    gateway = await house(settings={"prices": {**PRICES, "two/b": ("0", "0")}})
    key = await gateway.key(limits=budget(10_000))
    go = asyncio.Event()
    held = order("held", Act("stream", (100, 9), ("hello",), "held", go))

    assert 200 == (await gateway.call(key.secret, order("free"), model="free")).status
    assert 200 == (await gateway.call(key.secret, order("nought", prices={"two/b": ("0", "0")}), model="other")).status
    async with RawClient("127.0.0.1", gateway.running.port) as client:
        await gateway.send(client, key.secret, *gateway.request(held, max_tokens=OUT, stream=True))
        await client.read_some()
        await gateway.reconfigure(prices={"one/a": ("1000", "1000")}, limits={"require_price": True})
        go.set()
        while b"[DONE]" not in await client.read_some():
            pass
    refused = await gateway.call(key.secret, order("refused"), model="free")
    unsent = gateway.seller.orders["refused"].asked

    assert (400, "model_not_priced", []) == (refused.status, refused.json["error"]["code"], unsent)
    await gateway.ended()
    rows = {row.target: row for row in await gateway.rows() if row.status == "ok"}
    assert {"u": (0, 0), "b": (0, 1), "a": (435, 1)} == {name: (row.cost, row.priced) for name, row in rows.items()}
    assert 435 == (await gateway.taken(key.id))[f"key:{key.id}"][1].spent["total"]


FULL = [{"rpm": 0}, {"concurrency": 0}, {"tpm": 1}, {"budgets": {"total": 0.0001}}, {"budgets": {"month": 0}}]


@pytest.mark.case("B08")
@pytest.mark.parametrize("full", FULL, ids=lambda full: next(iter(full)))
@pytest.mark.parametrize("kind", ["key", "team", "model", "gateway"])
async def test_b08_by_all_or_by_none(house, kind, full):
    """B08: a call that one of key, team, model and gateway refuses takes nothing from the others."""
    plenty = {"rpm": 100, "tpm": 10**6, "concurrency": 100, "budgets": {"total": 100}}
    limits = {
        "gateway": full if kind == "gateway" else plenty,
        "teams": {"red": full if kind == "team" else plenty},
        "models": {"m": full if kind == "model" else plenty},
    }
    gateway = await house(settings={"limits": limits})
    own = full if kind == "key" else plenty
    budgets = {name: round(most * 1e6) for name, most in own.get("budgets", {}).items()}
    own = {name: most for name, most in own.items() if name != "budgets"}
    key = await gateway.key(team="red", limits={**own, "budgets_micros": budgets})

    refused = await gateway.call(key.secret, order(), max_tokens=OUT)

    assert 429 == refused.status
    assert [] == gateway.seller.orders["call"].asked
    taken = await gateway.taken(key.id)
    assert {f"key:{key.id}", "team:red", "model:m", "gateway"} == set(taken)
    assert {(0, 0, 0, 0)} == {(one.requests, one.tokens, one.running, one.reserved) for _, one in taken.values()}
    assert {0} == {spent for _, one in taken.values() for spent in one.spent.values()}


@pytest.mark.case("B09", "P30")
@pytest.mark.parametrize("backend", ["memory"], indirect=True)  # others go by the servers' clocks
async def test_b09_p30_each_call_in_one_window(now, house):
    """B09, P30: at the edges of windows, and over a clock that is set back, a call counts once in one of each."""
    gateway = await house()
    key = await gateway.key(limits={"budgets_micros": dict.fromkeys(("total", "day", "week", "month"), 10**9)})
    midnight = ms("2026-12-01 00:00:00")
    cost = COST

    async def spent():
        return (await gateway.taken(key.id))[f"key:{key.id}"][1].spent

    seen = []
    for number, at in enumerate((midnight - 1, midnight, midnight + 1)):
        now.passes(at - now.wall_ms)
        assert 200 == (await gateway.call(key.secret, order(f"call{number}"), max_tokens=OUT)).status
        seen.append(await spent())
    now.wall_ms -= 2 * 3_600_000
    assert 200 == (await gateway.call(key.secret, order("back"), max_tokens=OUT)).status
    seen.append(await spent())
    now.passes(86_400_000 + 2 * 3_600_000)
    assert 200 == (await gateway.call(key.secret, order("day"), max_tokens=OUT)).status
    seen.append(await spent())

    calls = [{name: micros // cost for name, micros in one.items()} for one in seen]
    assert [1, 1, 2, 3, 1] == [one["day"] for one in calls]
    assert [1, 1, 2, 3, 4] == [one["month"] for one in calls]
    assert [1, 2, 3, 4, 5] == [one["week"] for one in calls] == [one["total"] for one in calls]
    rows = await gateway.rows()
    for window, micros in seen[-1].items():
        assert micros == sum(row.cost for row in rows if row.at >= start(window, gateway.books.clock()))


@pytest.mark.case("B09", "P30")
@pytest.mark.parametrize("backend", ["memory"], indirect=True)  # others go by the servers' clocks
async def test_b09_p30_a_start_with_a_clock_that_was_set_back(now, house):
    """B09, P30: what was spent in a day that comes again after a start is not forgotten, and counts in that day alone."""
    gateway = await house()
    key = await gateway.key(limits={"budgets_micros": dict.fromkeys(("total", "day", "week", "month"), 10**9)})
    midnight = ms("2026-12-01 00:00:00")
    seen = []

    async def one(at):
        now.passes(at - now.wall_ms)
        assert 200 == (await gateway.call(key.secret, order(f"call{at}"), max_tokens=OUT)).status
        taken = (await gateway.taken(key.id))[f"key:{key.id}"][1].spent
        seen.append([taken[window] // COST for window in ("total", "week", "day", "month")])

    await one(midnight - 1000)
    await one(midnight + 1000)
    await gateway.close()
    now.wall_ms -= 2 * 3_600_000
    await gateway.open()
    await one(now.wall_ms)
    await one(midnight + 500)
    await one(midnight + DAY_MS)

    assert [[1, 1, 1, 1], [2, 2, 1, 1], [3, 3, 2, 2], [4, 4, 2, 2], [5, 5, 1, 3]] == seen
    assert 0 == await gateway.books.limiter.reconcile()


@pytest.mark.case("B10")
@pytest.mark.parametrize("backend", ["memory"], indirect=True)  # others go by the servers' clocks
async def test_b10_so_many_calls_a_minute(now, house):
    """B10: at ten times the rate, exactly as many are admitted in each minute as may be."""
    gateway = await house()
    key = await gateway.key(limits={"rpm": 7})

    admitted = []
    for minute in range(3):
        one = order(f"minute{minute}")
        _, body = gateway.request(one, max_tokens=OUT)
        async with Crowd(gateway.running.port, 70) as crowd:
            answers = await crowd.rush(key.secret, body)
        admitted.append((answers.statuses[200], answers.statuses[429], len(one.asked)))
        now.passes(60_000)

    assert [(7, 63, 7)] * 3 == admitted


@pytest.mark.case("B11")
@pytest.mark.parametrize("backend", ["memory"], indirect=True)  # others go by the servers' clocks
async def test_b11_tokens_as_they_were(now, house):
    """B11: in the long run, as many tokens are admitted as there were, however wrong the estimates: within 1 %."""
    gateway = await house()
    into, _ = need(gateway)
    most = 100 * (into + OUT)
    key = await gateway.key(limits={"tpm": most})
    chance = random.Random(11)  # noqa: S311
    taken = 0

    for minute in range(6):
        for number in range(1000):
            usage = (into + chance.randrange(-20, 21), chance.randrange(2 * OUT))
            one = order(f"call{minute}-{number}", Act("whole", usage, ("x",)))
            answer = await gateway.call(key.secret, one, max_tokens=OUT)
            if answer.status == 429:
                break
            taken += sum(usage)
        counted = (await gateway.taken(key.id))[f"key:{key.id}"][1].tokens
        assert most - 2 * (into + OUT) < counted <= most + OUT + 20
        now.passes(60_000)

    assert abs(taken - 6 * most) < 0.01 * 6 * most


SLOTS = {
    "disconnect": Act("hang"),
    "left mid-stream": Act("stream", None, ("hello",), "held"),
    "reset": Act("reset"),
    "refused": Act("refuse"),
    "cut": Act("stream", None, ("hello",), "cut"),
    "reset mid-stream": Act("stream", None, ("hello",), "reset"),
    "timeout": Act("hang"),
}


@pytest.mark.case("B12")
@pytest.mark.parametrize(
    ("name", "stream"),
    [(name, stream) for name, act in SLOTS.items() for stream in (False, True) if stream or act.kind != "stream"],
)
async def test_b12_slots_are_always_freed(house, name, stream):
    """B12: a call's place is free again after any end, and only then."""
    act = SLOTS[name]
    gateway = await house()
    key = await gateway.key(limits={"concurrency": 1})
    if name == "timeout":
        sections = gateway._providers()
        for section in sections.values():
            section["clocks"] = {"first_byte_s": 0.2, "answer_s": 0.2}
        gateway._providers = lambda: sections
        await gateway.reconfigure()
    one = order("one", act)
    path, body = gateway.request(one, max_tokens=OUT, stream=stream)
    async with RawClient("127.0.0.1", gateway.running.port) as client:
        await gateway.send(client, key.secret, path, body)
        if name in ("disconnect", "left mid-stream"):
            await gateway.until(lambda: one.asked)
            second = await gateway.call(key.secret, order("beside"), max_tokens=OUT)
            assert (429, "rate_limit_exceeded") == (second.status, second.json["error"]["code"])
            client.rst()
        else:
            await client.read_response()

    await gateway.ended()
    assert 200 == (await gateway.call(key.secret, order("after"), max_tokens=OUT)).status


@pytest.mark.case("B12")
async def test_b12_a_provider_that_nobody_listens_for(house, tmp_path):
    """B12: nor does one stay taken where no connection can be made."""
    gateway = await house()
    key = await gateway.key(limits={"concurrency": 1})
    async with Upstream() as gone:
        url = gone.url
    sections = gateway._providers()
    for section in sections.values():
        section["base_url"] = f"{url}/v1"
    gateway._providers = lambda: sections
    await gateway.reconfigure()

    answers = [await gateway.call(key.secret, order(f"call{number}"), max_tokens=OUT) for number in range(3)]

    assert [502] * 3 == [answer.status for answer in answers]


@pytest.mark.case("B14")
async def test_b14_revoked_mid_stream(house):
    """B14: the streams of a key that is revoked, and of those that came from it, end with an error; others go on."""
    gateway = await house()
    parent, other = await gateway.key(limits=budget(10**6)), await gateway.key(limits=budget(10**6))
    child = await gateway.key(parent.secret, limits=budget(10**5))
    go = asyncio.Event()
    clients = [RawClient("127.0.0.1", gateway.running.port) for _ in range(3)]
    stack = AsyncExitStack()
    for number, (client, key) in enumerate(zip(clients, (parent, child, other), strict=True)):
        await stack.enter_async_context(client)
        one = order(f"call{number}", Act("stream", (10, 2), ("hello",), "held", go))
        await gateway.send(client, key.secret, *gateway.request(one, max_tokens=OUT, stream=True))
        while b"hello" not in await client.read_some():
            pass

    await gateway.admin("POST", f"keys/{parent.id}/revoke", {})

    for client in clients[:2]:
        async with asyncio.timeout(5):
            said = await client.read_some()
        assert "key_disabled" == json.loads(said.split(b"data: ")[1].split(b"\n")[0])["error"]["code"]
        assert b"[DONE]" not in said
    go.set()
    rest = b""
    while b"[DONE]" not in rest:
        rest += await clients[2].read_some()
    assert 401 == (await gateway.call(child.secret, order("late"), max_tokens=OUT)).status
    await stack.aclose()
    await gateway.ended()
    assert ["key_disabled", "key_disabled", ""] == [row.code for row in await gateway.rows()]


@pytest.mark.case("B15", "B18", "K08")
async def test_b15_b18_one_meter(house):
    """B15, B18: every endpoint, alias, fallback and replay is charged once, for what served it; attempts are in its row."""
    gateway = await house()
    key = await gateway.key(limits=budget(10**9))
    again = [
        ("Idempotency-Key", "abc"),
        ("Authorization", f"Bearer {key.secret}"),
        ("Content-Type", "application/json"),
    ]
    stream, fail = Act("stream", (10, 7), ("hello", "you")), Act("refuse")
    for number, act in enumerate((Act("whole", (9, 8), ("x",)), stream)):
        for model in (*MODELS, "one/a"):
            one = order(f"{model}{number}", act)
            assert 200 == (await gateway.call(key.secret, one, model=model, stream=act is stream)).status
    assert 200 == (await gateway.call(key.secret, order("fell", fail, stream), stream=True)).status
    assert 200 == (await gateway.call(key.secret, order("e", Act("embed", (40, 0))))).status
    old = order("old", Act("whole", (5, 6), ("x",)))
    _, body = gateway.request(old)
    legacy = {"model": "m", "prompt": json.loads(body)["messages"][0]["content"], "max_tokens": OUT}
    assert 200 == (await gateway.ask("POST", "/v1/completions", key.secret, legacy)).status
    replayed = order("replayed")
    _, body = gateway.request(replayed)
    for _ in range(3):
        async with RawClient("127.0.0.1", gateway.running.port) as client:
            await client.request("POST", CHAT, again, body)
            assert 200 == (await client.read_response()).status

    assert {CHAT, "/v1/completions", "/v1/embeddings"} == {path.decode() for path in plain()}, "one is missing here"
    assert 1 == len(replayed.asked)
    rows, counted, billed, held = await sums(gateway, key)
    assert (billed, billed, 0) == (rows, counted, held)
    found = await gateway.rows()
    assert len(gateway.seller.orders) == len(found)
    fell = [row for row in found if len(json.loads(row.attempts)) > 1]
    assert [("two", [("one/a", "upstream_error"), ("two/b", "ok")])] == [
        (row.provider, [(one["target"], one["outcome"]) for one in json.loads(row.attempts)]) for row in fell
    ]
    usage = await gateway.admin("GET", "usage?by=key")
    assert (len(found), billed) == (usage["total"]["calls"], usage["total"]["cost_micros"])


@pytest.mark.case("B16")
async def test_b16_numbers_that_no_float_holds(house):
    """B16: sums above 2**53 are exact to the micro-dollar everywhere, and so are prices with six digits."""
    prices = {**PRICES, "one/a": ("0.000001", "999999.999999")}
    gateway = await house(settings={"prices": prices})
    key = await gateway.key(limits={"rpm": 1000})
    one = order("dear", Act("whole", (5, 9_000_001), ("x",)), prices=prices)
    assert 200 == (await gateway.call(key.secret, one, max_tokens=10**7)).status
    (row,) = await gateway.rows()
    copies = [  # of a day each, as no day of anybody's comes to so much
        row._replace(id=f"req_{number:024x}", at=row.at - number * DAY_MS, cost=row.cost - number)
        for number in range(1, 1100)
    ]
    await gateway.books.store.write_calls(copies)
    await gateway.admin("PATCH", f"keys/{key.id}", {"limits": budget(10**15)})

    assert one.bill() == row.cost == 9_000_000_999_991
    expected = sum(one.cost for one in (row, *copies))
    assert expected > 2**53
    assert expected == (await gateway.admin("GET", "usage?since=0"))["total"]["cost_micros"]
    assert expected == await gateway.books.store.spent(f"key:{key.id}", 0)
    assert expected == (await gateway.taken(key.id))[f"key:{key.id}"][1].spent["total"]


@pytest.mark.case("B16")
async def test_b16_limits_that_come_while_a_call_runs(house):
    """B16: a call that nobody counted as it began is counted by all who have limits when it ends, at once."""
    gateway = await house()
    parent = await gateway.key(limits={"budgets_micros": {}})
    key = await gateway.key(parent.secret, limits={})
    gone = await gateway.key(team="red")
    go = asyncio.Event()
    one = order("held", Act("stream", (10, 7), ("x",), "held", go))
    path, body = gateway.request(one, max_tokens=OUT, stream=True)
    async with (
        RawClient("127.0.0.1", gateway.running.port) as client,
        RawClient("127.0.0.1", gateway.running.port) as two,
    ):
        for connection, secret in ((client, key.secret), (two, gone.secret)):
            await gateway.send(connection, secret, path, body)
            await connection.read_head()
        for holder in (parent, key):
            await gateway.admin("PATCH", f"keys/{holder.id}", {"limits": budget(10**9)})
            assert (await gateway.taken(holder.id))[f"key:{holder.id}"][1].spent == {"total": 0}
        await gateway.admin("POST", f"keys/{gone.id}/revoke", {})
        limits = {"budgets": {"total": 9}}
        await gateway.reconfigure(limits={"gateway": limits, "models": {"m": limits}, "teams": {"red": limits}})
        (cut,) = await gateway.rows()
        assert {"total": cut.cost} == (await gateway.taken(key.id))["gateway"][1].spent
        go.set()
        await gateway.ended()

    taken = await gateway.taken(key.id)
    whole, both = one.bill(), one.bill() + cut.cost
    assert {f"key:{key.id}": whole, f"key:{parent.id}": whole, "model:m": both, "gateway": both} == {
        subject: counted.spent["total"] for subject, (_, counted) in taken.items()
    }
    assert both == sum(row.cost for row in await gateway.rows())


@pytest.mark.case("B16", "K09")
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_b16_counts_that_cannot_be(house, stream):
    """B16: of a provider that counts what cannot be, the answer is counted as it was seen: neither for ever nor for nothing."""
    gateway = await house()
    key = await gateway.key(limits=budget(10**9))
    one = order("absurd", Act("stream" if stream else "whole", (5, ABSURD), ("a text of some length",)))

    assert 200 == (await gateway.call(key.secret, one, max_tokens=OUT, stream=stream)).status

    await gateway.ended()
    assert [(5, 7, "estimated")] == [(row.input_tokens, row.output_tokens, row.counted) for row in await gateway.rows()]


@pytest.mark.case("B17")
async def test_b17_what_was_counted_wrongly_is_put_right(house, caplog):
    """B17: a counter that differs from the ledger is put right, for every scope, and the log says so; else nothing is said."""
    limits = {
        "gateway": {"budgets": {"total": 1}},
        "teams": {"red": {"budgets": {"day": 1}}},
        "models": {"m": {"budgets": {"month": 1}}},
    }
    gateway = await house(settings={"limits": limits})
    key = await gateway.key(team="red", limits=budget(10**6))
    await gateway.call(key.secret, order(), max_tokens=OUT)
    await gateway.ended()

    (row,) = await gateway.rows()
    assert 0 == await gateway.books.limiter.reconcile()
    assert "put right" not in caplog.text
    await gateway.books.store.write_calls([row._replace(id=f"req_{1:024x}", cost=1000)])  # as if it was not counted
    assert 4 == await gateway.books.limiter.reconcile()

    taken = await gateway.taken(key.id)
    assert [COST + 1000] * 4 == [spent for _, one in taken.values() for spent in one.spent.values()]
    for subject in taken:
        assert f"what {subject} has spent" in caplog.text
    assert 0 == await gateway.books.limiter.reconcile()


@pytest.mark.case("B17")
async def test_b17_limits_that_were_gone_for_a_while(house):
    """B17: what a key spent while it had no limits counts as soon as it has some again."""
    gateway = await house()
    key = await gateway.key(limits=budget(1000))
    await gateway.call(key.secret, order("one"), max_tokens=OUT)
    await gateway.admin("PATCH", f"keys/{key.id}", {"limits": budget(None)})
    await gateway.call(key.secret, order("two", Act("whole", (1000, 1000), ("x",))), max_tokens=OUT)
    await gateway.admin("PATCH", f"keys/{key.id}", {"limits": budget(1000)})

    assert 0 == await gateway.books.limiter.reconcile()
    refused = await gateway.call(key.secret, order("three"), max_tokens=OUT)

    assert (429, "insufficient_quota") == (refused.status, refused.json["error"]["code"])


@pytest.mark.case("K22")
async def test_k22_one_key_at_ten_times_its_places(house):
    """K22: a key that sends ten times as many calls as it may run at once takes none of another's."""
    gateway = await house()
    greedy, other = await gateway.key(limits={"concurrency": 4}), await gateway.key(limits={"concurrency": 4})
    go = asyncio.Event()
    held = order("greedy", Act("stream", (1, 1), ("x",), "held", go))
    _, body = gateway.request(held, max_tokens=OUT, stream=True)
    async with Crowd(gateway.running.port, 40) as crowd:
        rush = asyncio.create_task(crowd.rush(greedy.secret, body))
        await gateway.until(lambda: len(gateway.running.records) >= 36)
        answers = [await gateway.call(other.secret, order(f"call{number}"), max_tokens=OUT) for number in range(20)]
        go.set()
        rushed = await rush

    assert [200] * 20 == [answer.status for answer in answers]
    assert {200: 4, 429: 36} == rushed.statuses
    assert 4 == len(held.asked)
