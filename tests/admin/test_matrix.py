"""K10, K11, K14, K06 and F24: the admin API, cell by cell."""

import time

import pytest

from llms.keys import digest
from llms.session import COOKIE, Sessions
from tests.admin.cells import BELOW, CALLERS, CARRIERS, SEEN, TARGETS, changes, looks
from tests.admin.people import BASE, IDS, PEOPLE, secret, stored_in
from tests.admin.served import TOP
from tests.support.raw import RawClient

NEAR = ("ann-grandchild",)
"""Whom the cells of the other carriers are about."""


def cells_of(caller, carrier):
    return [*changes(caller, TARGETS if carrier == CARRIERS[0] else NEAR), *looks(caller)]


def carried(caller, carrier, token=""):
    """
    Give the headers of a request.

    Args:
        token: What cookies are signed with.
    """
    if caller == "nobody":
        return []
    shown = "sk-llms-" + "x" * 43 if caller == "stranger" else secret(caller)
    if carrier == "authorization":
        return [("Authorization", f"Bearer {shown}")]
    if carrier == "cookie":
        key_id = IDS.get(caller, "key_" + "0" * 32)
        return [("Cookie", f"a=b; {COOKIE}={Sessions(token).issue(key_id, digest(shown), time.time(), 'n' * 22)}")]
    return [(carrier, shown)]


def test_how_many():
    """So many cells are asked."""
    found = sum(len(cells_of(caller, carrier)) for caller in CALLERS for carrier in CARRIERS)

    assert found > 20_000


@pytest.mark.case("K06", "K10", "K11", "K14")
@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize("caller", CALLERS)
async def test_cells(served, store, caller, carrier):
    """Each cell succeeds if it may and only then, fails as a client's fault does, and changes nothing if it fails."""
    running = await served()
    before = await stored_in(store)
    revision = max(one.revision for one in before.values())
    token = await store.token("session", "")
    headers = [*carried(caller, carrier, token), ("Content-Type", "application/json")]
    wrong = []
    async with RawClient("127.0.0.1", running.port) as client:
        for cell in cells_of(caller, carrier):
            if not client.in_step:
                await client.__aexit__(None, None, None)
                await client.__aenter__()
            await client.request(cell.method, TOP + cell.path, headers, cell.body)
            answer = await client.read_response()
            changed = await store.keys_since(revision)
            succeeded = answer.status in (200, 201)
            if succeeded is not cell.may or answer.status >= 500 or (changed and not cell.may):
                wrong.append(f"{cell}: {answer.status} {answer.body[:200]!r}")
            if caller in ("nobody", "stranger") and answer.status not in (401, 404, 405):
                wrong.append(f"{cell}: {answer.status}, without a key")
            for one in changed:
                within_ann(caller, one)
                if one.key.id in before:  # as it was, for the cells that follow
                    await store.put_key(before[one.key.id])
            revision = max([revision, *(one.revision for one in await store.keys_since(revision))])

    assert [] == wrong


def within_ann(caller, stored):
    """A key that a member has made or changed is no more than hers."""
    key = stored.key
    if caller not in BELOW:
        return
    ann, limits = PEOPLE["ann"], BASE["limits"]
    assert (key.role, key.team) == (ann.role, "red")
    assert {model for model in key.models if not model.startswith("gpt-")} <= {"o3"}
    assert key.models
    assert set() < set(key.endpoints) <= set(BASE["endpoints"])
    assert not key.keeps_bodies
    assert key.expires_at is not None
    assert key.expires_at <= BASE["expires_at"]
    for name in ("rpm", "tpm", "concurrency", "budget_total", "budget_day", "budget_week", "budget_month"):
        assert getattr(key.limits, name) is not None
        assert getattr(key.limits, name) <= getattr(limits, name)


@pytest.mark.case("K06", "K14")
@pytest.mark.parametrize("caller", SEEN)
async def test_lists_hold_own_objects_only(served, caller):
    """Lists, sums and files hold what the caller may see, whatever it asks for; what is not its own is as if it were not."""
    running = await served()
    seen = {IDS[name] for name in SEEN[caller]}
    headers = carried(caller, "authorization")

    async with RawClient("127.0.0.1", running.port) as client:

        async def ask(target):
            await client.request("GET", TOP + target, headers)
            return await client.read_response()

        everything = {row["key_id"] for row in (await ask("/calls")).json["data"]}
        assert seen == everything
        assert seen == {row["key"] for row in (await ask("/usage?by=key")).json["data"]}
        for name, key_id in IDS.items():
            mine = key_id in seen
            calls = (await ask(f"/calls?key_id={key_id}")).json["data"]
            usage = (await ask(f"/usage?by=key&key_id={key_id}")).json
            text = (await ask(f"/calls?key_id={key_id}&format=csv")).body
            assert [key_id] * mine == [row["key_id"] for row in calls], name
            assert [key_id] * mine == [row["key"] for row in usage["data"]], name
            assert mine == usage["total"]["calls"], name
            assert mine is (key_id.encode() in text), name
        for team in ("red", "blue", "green"):
            rows = (await ask(f"/calls?team={team}")).json["data"]
            assert {PEOPLE[name].id for name in SEEN[caller] if PEOPLE[name].team == team} == {
                row["key_id"] for row in rows
            }
