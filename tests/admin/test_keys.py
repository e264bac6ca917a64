"""Making and changing keys: K10, K11, K13, K14."""

import asyncio
import re

import pytest

from llms.admin import keys as admin_keys
from llms.admin.book import OPERATOR
from llms.errors import (
    BeyondRightsError,
    ConflictError,
    EndpointNotAllowedError,
    InvalidRequestError,
    NotFoundError,
    UnauthenticatedError,
)
from llms.keys import Role, digest
from tests.admin.people import BASE, IDS, NOW, PEOPLE, stored_in, town

both_stores = pytest.mark.parametrize("store_url", ["sqlite", "postgresql"], indirect=True)

LIMITS = {
    "rpm": 60,
    "tpm": 1000,
    "concurrency": 4,
    "budgets_micros": {"total": 90, "day": 10, "week": 20, "month": 50},
}


@both_stores
async def test_a_key_as_it_is_made(store):
    """The answer has all that is known of a key, and its secret, this once."""
    admin = await town(store)
    body = {
        "name": "for Ann",
        "role": "member",
        "owner": "ann@example.org",
        "team": "red",
        "models": ["gpt-*"],
        "endpoints": ["embeddings"],
        "limits": {"rpm": 5, "budgets_micros": {"month": 1_000_000}},
        "expires_at": NOW + 60,
        "keeps_bodies": True,
    }

    made = await admin.keys.make(PEOPLE["admin"], body)

    secret = made.pop("secret")
    assert secret.startswith(made["prefix"])
    assert made == await admin.keys.one(PEOPLE["admin"], made["id"])
    assert {
        **body,
        "id": made["id"],
        "limits": {
            "rpm": 5,
            "tpm": None,
            "concurrency": None,
            "budgets_micros": {"total": None, "day": None, "week": None, "month": 1_000_000},
        },
        "parent": None,
        "disabled": False,
        "prefix": secret[:14],
        "created_at": NOW,
        "revoked_at": None,
        "changeable": True,
    } == made
    kept = await stored_in(store)
    assert digest(secret) == kept[made["id"]].digest
    assert secret not in repr(store)


async def test_a_member_gives_what_it_has(store):
    """What a member leaves out of a new key is as its own has it."""
    admin = await town(store)

    made = await admin.keys.make(PEOPLE["ann"], {"name": "x"})

    assert (IDS["ann"], "red", "member") == (made["parent"], made["team"], made["role"])
    assert (list(BASE["models"]), list(BASE["endpoints"])) == (made["models"], made["endpoints"])
    assert (LIMITS, BASE["expires_at"]) == (made["limits"], made["expires_at"])


@pytest.mark.case("K11")
@pytest.mark.parametrize(
    ("field", "body"),
    [
        ("role", {"role": "admin"}),
        ("role", {"role": "viewer"}),
        ("team", {"team": "blue"}),
        ("team", {"team": ""}),
        ("models", {"models": []}),
        ("models", {"models": ["*"]}),
        ("models", {"models": ["gpt-4o", "gpt*"]}),
        ("endpoints", {"endpoints": []}),
        ("endpoints", {"endpoints": ["completions"]}),
        ("limits", {"limits": {"rpm": 61}}),
        ("limits", {"limits": {"rpm": None}}),
        ("limits", {"limits": {"concurrency": None}}),
        ("limits", {"limits": {"tpm": 1001}}),
        ("limits", {"limits": {"budgets_micros": {"total": 91}}}),
        ("limits", {"limits": {"budgets_micros": {"day": None}}}),
        ("expires_at", {"expires_at": None}),
        ("expires_at", {"expires_at": NOW + 86_401}),
        ("keeps_bodies", {"keeps_bodies": True}),
    ],
)
async def test_no_more_than_its_own(store, field, body):
    """A member gives no key anything that it has not itself, be it a new one or one that came from its own (K11)."""
    admin = await town(store)

    for trying in (
        admin.keys.make(PEOPLE["ann"], body),
        admin.keys.change(PEOPLE["ann"], IDS["ann-child"], body),
        admin.keys.change(PEOPLE["ann"], IDS["ann-grandchild"], body),
    ):
        with pytest.raises(BeyondRightsError) as caught:
            await trying
        assert field == caught.value.param


@pytest.mark.parametrize(
    "body",
    [
        {"models": ["gpt-4o"]},
        {"models": ["gpt-4*", "o3"]},
        {"endpoints": ["embeddings"]},
        {"limits": {"rpm": 0, "budgets_micros": {"day": 0}}},
        {"expires_at": NOW + 5},
        {"team": "red", "role": "member"},
        {"disabled": True},
    ],
)
async def test_less_than_its_own(store, body):
    """It may give less."""
    admin = await town(store)

    assert await admin.keys.make(PEOPLE["ann"], body)
    assert await admin.keys.change(PEOPLE["ann"], IDS["ann-grandchild"], body)


async def test_limits_are_merged(store):
    """A limit that is not named stays; null takes one away."""
    admin = await town(store)

    changed = await admin.keys.change(
        PEOPLE["admin"], IDS["ann"], {"limits": {"rpm": None, "budgets_micros": {"day": 3}}}
    )

    budgets = {"total": 90, "day": 3, "week": 20, "month": 50}
    assert {"rpm": None, "tpm": 1000, "concurrency": 4, "budgets_micros": budgets} == changed["limits"]


@pytest.mark.case("K10")
@pytest.mark.parametrize("caller", ["ann", "red-viewer", "viewer"])
async def test_nobody_but_an_admin_changes_its_own_key(store, caller):
    """Whatever a member or viewer would change of its own key is refused, sensible or not (K10)."""
    admin = await town(store)

    for body in ({"name": "x"}, {"limits": {"rpm": 1}}, {"expires_at": None}, {"disabled": False}, {"role": "admin"}):
        with pytest.raises(EndpointNotAllowedError):
            await admin.keys.change(PEOPLE[caller], IDS[caller], body)
    with pytest.raises(EndpointNotAllowedError):
        await admin.keys.rotate(PEOPLE[caller], IDS[caller], {})
    with pytest.raises(EndpointNotAllowedError):
        await admin.keys.revoke(PEOPLE[caller], IDS[caller], {})


SEEN = {
    "admin": set(PEOPLE),
    "ann": {"ann", "ann-child", "ann-grandchild"},
    "ann-child": {"ann-child", "ann-grandchild"},
    "eve": {"eve", "eve-child"},
    "red-viewer": {"ann", "ann-child", "ann-grandchild", "bob", "bob-child", "red-viewer"},
    "viewer": set(PEOPLE),
}


@pytest.mark.case("K14")
@both_stores
@pytest.mark.parametrize("caller", SEEN)
async def test_who_sees_whom(store, caller):
    """Only those keys are listed, and found, that the caller may see; others are as if they were not (K14)."""
    admin = await town(store)

    listed = {one["name"] for one in (await admin.keys.all(PEOPLE[caller]))["data"]}

    assert SEEN[caller] == listed
    for name, one in PEOPLE.items():
        if name in listed:
            assert one.id == (await admin.keys.one(PEOPLE[caller], one.id))["id"]
            continue
        refused = []
        for key_id in (one.id, "key_" + "0" * 32, "x"):
            with pytest.raises(NotFoundError) as caught:
                await admin.keys.one(PEOPLE[caller], key_id)
            refused.append(caught.value.body())
        assert refused[0] == refused[1] == refused[2]


@pytest.mark.case("K14")
async def test_ids_are_chance(store):
    """An id is 128 bits of chance: who has one has no way to another."""
    admin = await town(store)

    ids = {(await admin.keys.make(PEOPLE["ann"], {}))["id"] for _ in range(10)}

    assert 10 == len(ids)
    assert all(re.fullmatch("key_[0-9a-f]{32}", one) for one in ids)


@pytest.mark.parametrize("caller", ["red-viewer", "viewer"])
async def test_a_viewer_makes_nothing(store, caller):
    """A viewer makes no key."""
    admin = await town(store)

    with pytest.raises(EndpointNotAllowedError):
        await admin.keys.make(PEOPLE[caller], {})


@both_stores
async def test_rotated(store):
    """A new secret takes the place of the old one, which is accepted for as long as was said."""
    admin = await town(store)
    before = (await stored_in(store))[IDS["ann-child"]]

    at_once = await admin.keys.rotate(PEOPLE["ann"], IDS["ann-child"], {})
    now = (await stored_in(store))[IDS["ann-child"]]
    graceful = await admin.keys.rotate(PEOPLE["ann"], IDS["ann-child"], {"grace_s": 60})
    after = (await stored_in(store))[IDS["ann-child"]]

    assert (digest(at_once["secret"]), "", 0) == (now.digest, now.old_digest, now.old_until)
    assert (digest(graceful["secret"]), now.digest, NOW + 60) == (after.digest, after.old_digest, after.old_until)
    assert graceful["secret"].startswith(after.key.prefix)
    assert before.key.id == after.key.id


@both_stores
async def test_revoked_with_all_that_came_from_it(store):
    """A key is revoked with what it has made; once more changes nothing; nothing else is done to it again."""
    admin = await town(store)

    first = await admin.keys.revoke(PEOPLE["admin"], IDS["ann"], {})
    again = await admin.keys.revoke(PEOPLE["admin"], IDS["ann"], {})

    assert (NOW, False) == (first["revoked_at"], first["changeable"])
    assert first == again
    revoked = {one.key.name for one in (await stored_in(store)).values() if one.revoked_at}
    assert {"ann", "ann-child", "ann-grandchild"} == revoked
    names = {one["name"] for one in (await admin.keys.all(PEOPLE["admin"]))["data"]}
    assert set(PEOPLE) - revoked == names
    every = {one["name"] for one in (await admin.keys.all(PEOPLE["admin"], revoked=True))["data"]}
    assert set(PEOPLE) == every
    for trying in (
        admin.keys.change(PEOPLE["admin"], IDS["ann"], {"disabled": False}),
        admin.keys.rotate(PEOPLE["admin"], IDS["ann"], {}),
    ):
        with pytest.raises(ConflictError, match="revoked") as caught:
            await trying
        assert "key_revoked" == caught.value.code


@pytest.mark.parametrize("change", ["revoke", "disable", "expire"])
async def test_a_caller_that_has_ended(store, change):
    """A request that came in with a key that has ended since does nothing, nor does one of a key that came from it."""
    admin = await town(store)

    if change == "revoke":
        await admin.keys.revoke(PEOPLE["admin"], IDS["ann"], {})
    else:
        body = {"disabled": True} if change == "disable" else {"expires_at": NOW}
        await admin.keys.change(PEOPLE["admin"], IDS["ann"], body)

    for caller in ("ann", "ann-child"):
        with pytest.raises(UnauthenticatedError):
            await admin.keys.make(PEOPLE[caller], {})


async def test_what_is_taken_from_a_key(store):
    """What a key has lost, what came from it has lost as well, and gives to nobody."""
    admin = await town(store)

    await admin.keys.change(PEOPLE["admin"], IDS["ann"], {"models": ["o3"]})

    with pytest.raises(BeyondRightsError):
        await admin.keys.make(PEOPLE["ann-child"], {"models": ["gpt-4o"]})
    assert ["o3"] == (await admin.keys.make(PEOPLE["ann-child"], {}))["models"]


async def test_switched_off_by_others(store):
    """A member switches off, only an admin on again: it may have been somebody above who switched off."""
    admin = await town(store)

    await admin.keys.change(PEOPLE["ann"], IDS["ann-child"], {"disabled": True})

    with pytest.raises(BeyondRightsError) as caught:
        await admin.keys.change(PEOPLE["ann"], IDS["ann-child"], {"disabled": False})
    assert "disabled" == caught.value.param
    assert await admin.keys.change(PEOPLE["ann"], IDS["ann-child"], {"disabled": True, "name": "x"})
    assert not (await admin.keys.change(PEOPLE["admin"], IDS["ann-child"], {"disabled": False}))["disabled"]


async def test_another_role_takes_a_key_from_its_maker(store):
    """A key that an admin gives another role is not its maker's any more: who may rotate an admin's key has one."""
    admin = await town(store)

    changed = await admin.keys.change(PEOPLE["admin"], IDS["ann-child"], {"role": "admin"})

    assert changed["parent"] is None
    with pytest.raises(NotFoundError):
        await admin.keys.rotate(PEOPLE["ann"], IDS["ann-child"], {})


@both_stores
async def test_first_key(store):
    """Where nobody needs a key yet, the first one must be an admin's, and switched on."""
    admin = await town(store, empty=True)

    for body in ({}, {"role": "member"}, {"role": "viewer"}, {"role": "admin", "disabled": True}):
        with pytest.raises(ConflictError) as caught:
            await admin.keys.make(None, body)
        assert "first_key_must_be_admin" == caught.value.code
    assert {"object": "list", "data": []} == await admin.keys.all(None)
    made = await admin.keys.make(None, {"role": "admin"})
    assert "admin" == made["role"]
    with pytest.raises(UnauthenticatedError):
        await admin.keys.make(None, {"role": "admin"})


@pytest.mark.parametrize(
    "body", [{"role": "member"}, {"role": "viewer"}, {"disabled": True}, {"expires_at": NOW}, "revoke"]
)
async def test_the_last_admin(store, body):
    """The last admin's key that works stays one: nobody could give another."""
    admin = await town(store, empty=True)
    made = await admin.keys.make(OPERATOR, {"role": "admin"})
    await admin.keys.make(OPERATOR, {"role": "viewer"})

    def end():
        if body == "revoke":
            return admin.keys.revoke(OPERATOR, made["id"], {})
        return admin.keys.change(OPERATOR, made["id"], body)

    with pytest.raises(ConflictError) as caught:
        await end()
    assert "last_admin_key" == caught.value.code
    await admin.keys.make(OPERATOR, {"role": "admin"})
    assert await end()


@both_stores
@pytest.mark.parametrize("gateways", [1, 2])
async def test_admins_that_revoke_each_other(store, gateways):
    """At the same time, in one process or in two: one of them is left."""
    admins = [await town(store, empty=True) for _ in range(gateways)]
    first, other = [(await admins[0].keys.make(OPERATOR, {"role": "admin"}))["id"] for _ in range(2)]

    outcomes = await asyncio.gather(
        admins[0].keys.revoke(OPERATOR, first, {}),
        admins[-1].keys.revoke(OPERATOR, other, {}),
        return_exceptions=True,
    )

    assert sum(not one.revoked_at for one in (await stored_in(store)).values()) >= 1
    refused = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert {"last_admin_key", "key_changed"} >= {error.code for error in refused}


async def test_keys_of_the_configuration(store):
    """They are listed, and nobody changes them here; with one of them, the store's last admin may go."""
    fixed = PEOPLE["other-admin"]
    admin = await town(store, empty=True, fixed=[fixed])
    made = await admin.keys.make(fixed, {"role": "admin"})

    assert {fixed.id: False, made["id"]: True} == {
        one["id"]: one["changeable"] for one in (await admin.keys.all(fixed))["data"]
    }
    for trying in (
        admin.keys.change(fixed, fixed.id, {"name": "x"}),
        admin.keys.rotate(fixed, fixed.id, {}),
        admin.keys.revoke(fixed, fixed.id, {}),
    ):
        with pytest.raises(ConflictError) as caught:
            await trying
        assert "key_in_configuration" == caught.value.code
    assert await admin.keys.revoke(fixed, made["id"], {})


async def test_so_many_may_come_from_one(store, monkeypatch):
    """A member cannot fill the store, not even by revoking what it has made."""
    monkeypatch.setattr(admin_keys, "MOST_MADE", 4)
    admin = await town(store)
    for _ in range(2):
        made = await admin.keys.make(PEOPLE["ann"], {})
        await admin.keys.revoke(PEOPLE["ann"], made["id"], {})

    with pytest.raises(ConflictError) as caught:
        await admin.keys.make(PEOPLE["ann"], {})

    assert "too_many_keys" == caught.value.code
    assert await admin.keys.make(PEOPLE["admin"], {})


@both_stores
async def test_changed_at_once(store):
    """Changes of one key at the same time are all made, one after the other."""
    admin = await town(store)

    await asyncio.gather(
        admin.keys.change(PEOPLE["admin"], IDS["eve"], {"name": "Eve"}),
        admin.keys.change(PEOPLE["admin"], IDS["eve"], {"owner": "eve@example.org"}),
        admin.keys.change(PEOPLE["admin"], IDS["eve"], {"limits": {"rpm": 1}}),
    )

    key = (await stored_in(store))[IDS["eve"]].key
    assert ("Eve", "eve@example.org", 1) == (key.name, key.owner, key.limits.rpm)


async def test_changed_by_others_all_the_time(store, monkeypatch):
    """A change that never comes through ends."""
    admin = await town(store)
    put = store.put_key

    async def busy(stored, expected_revision=None):
        await put((await stored_in(store))[stored.key.id])
        return await put(stored, expected_revision)

    monkeypatch.setattr(store, "put_key", busy)
    with pytest.raises(ConflictError) as caught:
        await admin.keys.change(PEOPLE["admin"], IDS["eve"], {"name": "Eve"})

    assert "key_changed" == caught.value.code


@pytest.mark.parametrize("field", ["name", "owner", "team"])
@pytest.mark.parametrize("text", ["a\nb", "a\x9b31mb", "a\u2028b", "a\u202eb", "a\u2066b"])
async def test_texts_that_steer(store, field, text):
    """No text of a key forges a line, or turns one around, where keys are listed."""
    admin = await town(store)

    with pytest.raises(InvalidRequestError) as caught:
        await admin.keys.make(PEOPLE["admin"], {field: text})

    assert field == caught.value.param


async def test_born_dead(store):
    """A key that has run out before it is made is a mistake, of milliseconds for seconds perhaps."""
    admin = await town(store)

    for at in (0, NOW, NOW * 1000):
        with pytest.raises(InvalidRequestError) as caught:
            await admin.keys.make(PEOPLE["admin"], {"expires_at": at})
        assert "expires_at" == caught.value.param


async def test_own_key(store):
    """Who asks is told of its own key, as it is now."""
    admin = await town(store)

    await admin.keys.change(PEOPLE["admin"], IDS["ann"], {"name": "Ann"})

    own = await admin.keys.own(PEOPLE["ann"])
    assert ("Ann", False, Role.MEMBER) == (own["name"], own["changeable"], own["role"])
