"""What every store does, whatever it stands on."""

import asyncio

import orjson
import pytest

from llms.keys import Role
from llms.store import CallFilter, KeptBody, UsageRow
from llms.store.encoding import key_record
from tests.store.rows import AT, DAY, call, key

ANY = CallFilter()
DAY_MS = 86_400_000


def ids(rows):
    return [row.id for row in rows]


async def pages(store, wanted, limit):
    """All calls, page by page."""
    found, cursor = [], None
    while True:
        page = await store.calls(wanted, cursor, limit)
        found += page.rows
        if page.next is None:
            return found
        cursor = page.next


async def exported(store, wanted=ANY):
    return [row async for rows in store.export(wanted) for row in rows]


async def test_key_comes_back_as_it_was(store):
    """A key is read as it was written, with the revision that it got."""
    given = key("a", old_digest="0" * 64, old_until=5, revoked_at=7)

    kept = await store.put_key(given)

    assert kept == given._replace(revision=kept.revision)
    assert await store.keys_since(0) == [kept]


async def test_key_of_a_newer_version(url, store):
    """P34: a key that says what this version does not know is switched off, and keeps no other from being read."""
    first, other = await store.put_key(key("a")), await store.put_key(key("b"))
    newer = {**orjson.loads(key_record(first)[-1]), "role": "auditor"}
    extended = {**orjson.loads(key_record(other)[-1]), "colour": "red"}
    change = "UPDATE keys SET data = ? WHERE id = ?"
    for data, one in ((newer, first), (extended, other)):
        values = (orjson.dumps(data).decode(), one.key.id)
        if url.startswith("sqlite:"):
            await store._write(lambda connection, values=values: connection.execute(change, values))
        else:
            await store._database.fetch(change, *values)

    read = await store.keys_since(0)

    assert [(True, Role.VIEWER), (False, Role.MEMBER)] == [(one.key.disabled, one.key.role) for one in read]
    assert other == read[1]


async def test_keys_that_were_changed(store):
    """Whoever asks again gets what was changed since, in the order of the changes."""
    first = await store.put_key(key("a"))
    second = await store.put_key(key("b"))
    changed = await store.put_key(first._replace(revoked_at=9), first.revision)

    assert first.revision < second.revision < changed.revision
    assert await store.keys_since(0) == [second, changed]
    assert await store.keys_since(second.revision) == [changed]
    assert await store.keys_since(changed.revision) == []


async def test_key_that_somebody_else_changed(store):
    """A change of what is out of date changes nothing."""
    first = await store.put_key(key("a"), 0)
    second = await store.put_key(first._replace(old_until=1), first.revision)

    assert await store.put_key(first._replace(old_until=2), first.revision) is None
    assert await store.put_key(key("a"), 0) is None
    assert await store.put_key(key("b"), 3) is None
    assert await store.keys_since(0) == [second]


async def test_one_of_many_changes_wins(store):
    """Of changes at the same time exactly one goes through."""
    first = await store.put_key(key("a"))

    came = await asyncio.gather(*(store.put_key(first._replace(old_until=n), first.revision) for n in range(20)))

    assert 1 == sum(one is not None for one in came)


async def test_calls_are_kept_once(store):
    """A call that is written again, in whatever company, is counted once."""
    rows = [call(n) for n in range(150)]

    assert 100 == await store.write_calls(rows[:100])
    assert 50 == await store.write_calls(rows)
    assert 0 == await store.write_calls([rows[3], rows[3]])
    assert 1 == await store.write_calls([call(900), call(900)])
    assert 0 == await store.write_calls([])

    assert [call(900), *rows[::-1]] == await pages(store, ANY, 1000)
    assert 151 == (await store.usage(ANY, ["day"]))[0].calls


async def test_first_of_two(store):
    """Of two with one id it is the first that counts, whether they are written together or one after the other."""
    first = [call(n, cost=1) for n in range(3)]
    later = [call(n, cost=1_000) for n in range(3)]
    assert 1 == await store.write_calls(first[:1])
    assert 0 == await store.write_calls(later[:1])
    assert 2 == await store.write_calls([*first, *later])

    assert first[::-1] == await pages(store, ANY, 10)
    assert 3 == await store.spent("gateway", DAY) == (await store.usage(ANY, []))[0].cost


async def test_any_number_at_once(store):
    """However many calls are written at once, new or not, each is kept and counted."""
    numbers = [1, 2, 3, 5, 6, 7, 11, 12, 13, 47, 95, 96, 97, 129, 191, 192, 255, 257, 449, 700]
    made = [call(n, model=f"model-{n % 50}", cost=n) for n in range(sum(numbers))]
    start = 0
    for number in numbers:
        assert number == await store.write_calls(made[start : start + number])
        start += number
    assert 0 == await store.write_calls(made[300:800])

    assert made[::-1] == await pages(store, ANY, 1000)
    found = await store.usage(ANY, ["model"])
    assert (50, len(made), sum(row.cost for row in made)) == (
        len(found),
        sum(row.calls for row in found),
        sum(row.cost for row in found),
    )


async def test_one_call(store):
    """A call is found by its id, with its body if that was kept."""
    await store.write_calls([call(1), call(2)], [KeptBody(call(2).id, '{"messages":[]}', "Hello")])

    assert (call(1), None) == await store.call(call(1).id)
    assert (call(2), KeptBody(call(2).id, '{"messages":[]}', "Hello")) == await store.call(call(2).id)
    assert await store.call("req_none") is None


async def test_body_of_a_call_that_was_there(store):
    """What was kept of a call does not change."""
    await store.write_calls([call(1)], [KeptBody(call(1).id, "a", "b")])
    await store.write_calls([call(1)], [KeptBody(call(1).id, "c", "d")])

    assert (call(1), KeptBody(call(1).id, "a", "b")) == await store.call(call(1).id)


@pytest.mark.parametrize("limit", [1, 3, 7, 100])
async def test_pages(store, limit):
    """Pages follow one another without a gap and without a repetition, newest first, also within a millisecond."""
    rows = [call(n, at=AT + n // 4) for n in range(40)]
    await store.write_calls(rows)

    assert rows[::-1] == await pages(store, ANY, limit)


async def test_page_after_new_calls(store):
    """A page goes on where the last one ended, whatever has come since."""
    await store.write_calls([call(n) for n in range(10)])
    first = await store.calls(ANY, None, 4)
    await store.write_calls([call(n) for n in range(10, 20)])

    assert [call(n) for n in (5, 4, 3, 2)] == (await store.calls(ANY, first.next, 4)).rows


async def test_cursor_that_is_none(store):
    """A cursor that no page gave is a wrong argument."""
    with pytest.raises(ValueError, match="cursor"):
        await store.calls(ANY, "1; DROP TABLE calls")


SORTS = [
    call(0),
    call(1, key_id="key_b", team="blue"),
    call(2, model="slow", provider="ollama"),
    call(3, status="error", code="rate_limit_exceeded", provider=""),
    call(4, key_id="", team=""),
    call(5, at=AT + DAY_MS, status="cancelled"),
    call(6, at=AT + 3 * DAY_MS, key_id="key_b"),
]


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (ANY, [0, 1, 2, 3, 4, 5, 6]),
        (CallFilter(keys=("key_b",)), [1, 6]),
        (CallFilter(keys=("key_b", "")), [1, 4, 6]),
        (CallFilter(keys=("",)), [4]),
        (CallFilter(keys=("key_none",)), []),
        (CallFilter(team="blue"), [1]),
        (CallFilter(team=""), [4]),
        (CallFilter(model="slow"), [2]),
        (CallFilter(provider="ollama"), [2]),
        (CallFilter(provider=""), [3]),
        (CallFilter(status="cancelled"), [5]),
        (CallFilter(code="rate_limit_exceeded"), [3]),
        (CallFilter(failed=True), [3, 5]),
        (CallFilter(failed=False), [0, 1, 2, 4, 6]),
        (CallFilter(failed=True, code="rate_limit_exceeded", keys=("key_a", "key_b")), [3]),
        (CallFilter(since=AT + 2), [2, 3, 4, 5, 6]),
        (CallFilter(until=AT + 2), [0, 1]),
        (CallFilter(since=AT + 1, until=AT + DAY_MS), [1, 2, 3, 4]),
        (CallFilter(since=AT + 1, until=AT + DAY_MS + 1, keys=("key_a", "key_b")), [1, 2, 3, 5]),
        (CallFilter(until=AT), []),
    ],
)
async def test_filter(store, wanted, numbers):
    """Pages, the export and whoever follows get the same calls."""
    start, _ = await store.calls_since(-1, ANY)
    await store.write_calls(SORTS)

    expected = [SORTS[n] for n in numbers]
    assert expected[::-1] == await pages(store, wanted, 2)
    assert expected == await exported(store, wanted)
    assert expected == (await store.calls_since(start, wanted))[1]


async def test_following(store):
    """Whoever follows gets each call once, in the order of keeping, and none of before."""
    await store.write_calls([call(1)])
    position, rows = await store.calls_since(-1, ANY)
    await store.write_calls([call(5), call(3)])
    await store.write_calls([call(4)])

    position_2, rows_2 = await store.calls_since(position, ANY, 2)
    position_3, rows_3 = await store.calls_since(position_2, ANY, 2)

    assert ([], [call(5), call(3)], [call(4)]) == (rows, rows_2, rows_3)
    assert (await store.calls_since(position_3, ANY)) == (position_3, [])


async def test_export_of_many(store):
    """An export comes in pieces, oldest first."""
    rows = [call(n) for n in range(2500)]
    await store.write_calls(rows)

    assert rows == await exported(store)
    assert rows[7:1999] == await exported(store, CallFilter(since=AT + 7, until=AT + 1999))


@pytest.mark.parametrize("keys", [(), ("key_1",), ("key_0", "key_2")])
async def test_much_is_looked_at(store, keys):
    """Where a filter finds few among thousands, all that is to be found is found, once, in its order."""
    rare = {*range(0, 5000, 97), *range(990, 1010), *range(3990, 4010)}  # at the ends of steps, too
    rows = [call(n, at=AT + n // 3, key_id=f"key_{n % 3}", model="rare" if n in rare else "fast") for n in range(5000)]
    await store.write_calls(rows)

    wanted = CallFilter(keys=keys, model="rare")
    expected = [row for row in rows if row.model == "rare" and (not keys or row.key_id in keys)]
    assert expected[::-1] == await pages(store, wanted, 7) == await pages(store, wanted, 100)
    assert expected == await exported(store, wanted)


async def test_export_of_few(store):
    """Whoever waits for an export learns that it has begun, also where nothing is found for long."""
    rows = [call(n, model="rare" if n == 17 else "fast") for n in range(20)]
    await store.write_calls(rows)
    store.looked_at = 5

    assert [[], [], [], [rows[17]]] == [piece async for piece in store.export(CallFilter(model="rare"))][:4]


@pytest.mark.parametrize("looked_at", [1, 3, 10])
@pytest.mark.parametrize(
    "keys",
    [(), ("key_a",), ("key_a", "key_b", "key_c"), ("key_a", "key_b", "key_c", *(f"key_{n}" for n in range(30)))],
    ids=len,
)
async def test_little_is_looked_at_at_once(store, looked_at, keys):
    """Where a filter finds few, pages may be empty; all that is to be found is found, once, in its order."""
    rows = [
        call(
            n,
            at=AT + n // 3 + DAY_MS * (n // 20),
            key_id=f"key_{'abcd'[n % 4]}",
            model="rare" if n % 13 == 0 else "fast",
        )
        for n in range(80)
    ]
    await store.write_calls(rows)
    store.looked_at = looked_at

    for wanted in (CallFilter(keys=keys, model="rare"), CallFilter(keys=keys, failed=False), CallFilter(keys=keys)):
        expected = [row for row in rows if (not keys or row.key_id in keys) and wanted.model in (None, row.model)]
        assert expected[::-1] == await pages(store, wanted, 4)
        assert expected == await exported(store, wanted)
        position, found = 0, []
        while position < 80:
            position, more = await store.calls_since(position, wanted, 4)
            found += more
        assert expected == found


async def test_usage(store):
    """Calls are summed up by what is asked for, in its order."""
    await store.write_calls([*SORTS, call(7, counted="estimated", priced=0, cost=0)])

    day_1 = UsageRow(("2025-11-28", "key_a"), 4, 1, 400, 80, 200, 20, 40, 3000, 1, 1)
    assert day_1 in await store.usage(ANY, ["day", "key"])
    assert [("2025-11-28",), ("2025-11-29",), ("2025-12-01",)] == [row.group for row in await store.usage(ANY, ["day"])]
    assert [("2025-11-28",), ("2025-11-29",)] == [row.group for row in await store.usage(ANY, ["day"], 2)]
    assert [UsageRow((), 8, 2, 800, 160, 400, 40, 80, 7000, 1, 1)] == await store.usage(ANY, [])
    assert [] == await store.usage(CallFilter(keys=("key_none",)), [])
    one_day = CallFilter(since=AT + DAY_MS + 5, until=AT + DAY_MS + 6)
    assert [("key_a", "fast", "openai", "red")] == [
        row.group for row in await store.usage(one_day, ["key", "model", "provider", "team"])
    ]


async def test_spent(store):
    """A subject's money is found from a day on."""
    await store.write_calls(SORTS)

    subjects = ("key:key_b", "team:blue", "model:slow", "gateway", "key:none")
    assert [2000, 1000, 1000, 7000, 0] == [await store.spent(subject, 0) for subject in subjects]
    assert [1000, 0, 0, 2000, 0] == [await store.spent(subject, DAY + 1) for subject in subjects]
    assert [1000, 1000, 1000, 5000, 0] == [await store.spent(subject, 0, DAY + 1) for subject in subjects]
    with pytest.raises(ValueError, match="subject"):
        await store.spent("planet:earth", 0)


async def test_token(store):
    """The first secret under a name stays."""
    came = await asyncio.gather(*(store.token("session", f"secret {n}") for n in range(8)))

    assert 1 == len(set(came))
    assert came[0] == await store.token("session", "other")
    assert "x" == await store.token("other", "x")


async def test_what_a_provider_should_not_say(store):
    """A number beyond all measure, or a text that is none, costs no call, and none of its neighbours."""
    odd = call(2, output_tokens=10**30, duration_us=2**70, model="a\0b\ud800", cost=10**30)

    assert 3 == await store.write_calls([call(1), odd, call(3)], [KeptBody(odd.id, "\ud800", "\0")])

    row, _ = await store.call(odd.id)
    assert (odd.at, 10**13, 10**13) == (row.at, row.output_tokens, row.duration_us)
    assert (2**63 - 1, "a\ufffdb?") == (row.cost, row.model)
    assert 2**63 - 1 + 2000 == await store.spent("gateway", 0)
    assert [odd.id] == ids((await store.calls(CallFilter(model=row.model))).rows)
    assert [] == (await store.calls(CallFilter(model="\0\ud800"))).rows


async def test_b16_money_beyond_all_measure(store):
    """B16: sums of money are exact far beyond 2**53; a day's calls of one kind come to 2**63 - 1 at most."""
    odd = [2**53 + 1, 9 * 10**18 + 7, 10**13 + 1, 1]
    await store.write_calls([call(n, at=DAY_MS * n, cost=cost) for n, cost in enumerate(odd)])
    await store.write_calls([call(10 + n, at=DAY_MS * n, cost=3) for n in range(4)])
    total = sum(odd) + 12

    assert total == await store.spent("gateway", 0) == await store.spent("key:key_a", 0)
    assert 9 * 10**18 + 10 == await store.spent("gateway", 1, 2)
    for by in ([], ["key"], ["team"], ["key", "model"]):
        assert [total] == [one.cost for one in await store.usage(CallFilter(), by)]

    await store.write_calls([call(20, at=DAY_MS, cost=2**62)])
    await store.write_calls([call(30 + n, at=4 * DAY_MS, cost=2**62, key_id=key) for n, key in enumerate("aabb")])
    assert 2**63 - 1 == await store.spent("gateway", 1, 2) == await store.spent("gateway", 4)
    assert [2**62 * 2 - 1] * 2 == [await store.spent(f"key:{key}", 4) for key in "ab"]


async def test_several_at_once(url, opened):
    """Stores on one place see each other's calls and keys; a call that two of them write is kept once."""
    stores = await asyncio.gather(*(opened(url) for _ in range(4)))
    rows = [call(n) for n in range(300)]

    counts = await asyncio.gather(*(store.write_calls(rows[50 * n : 50 * n + 150]) for n, store in enumerate(stores)))

    assert 300 == sum(counts)
    assert [300] * 4 == [(await store.usage(ANY, []))[0].calls for store in stores]
    assert rows[::-1] == await pages(stores[0], ANY, 64)


async def test_kept_for_good(url, opened):
    """What was kept is there when the store is opened again."""
    store = await opened(url)
    kept = await store.put_key(key("a"))
    await store.write_calls([call(1)])
    await store.close()

    again = await opened(url)

    assert ([kept], [call(1)]) == (await again.keys_since(0), (await again.calls(ANY)).rows)
