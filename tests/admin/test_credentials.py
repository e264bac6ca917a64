"""A04, K12, K13, W08: keys and cookies, accepted and not."""

import asyncio
import re
import time

import pytest

from llms import books, renewal
from llms.keys import digest
from llms.session import COOKIE, Sessions
from llms.store import StoredKey
from llms.web.guesses import Guesses
from tests.admin.people import IDS, PEOPLE, key, secret, stored_in
from tests.admin.served import TOP, ask
from tests.ledger.entries import DOWN
from tests.support.raw import RawClient

CHAT = {"model": "demo", "messages": [{"role": "user", "content": "count to 2"}]}


def masked(response):
    """An answer's bytes, without what tells one request from another."""
    raw = response.head.raw + response.body
    return re.sub(rb"req_[0-9a-f]{24}|Date: [^\r]*|dur=[0-9.]+", b"", raw)


async def request(running, method, path, headers, body=None):
    async with RawClient("127.0.0.1", running.port) as client:
        await client.request(method, path, headers, body)
        return await client.read_response()


async def with_the_dead(store):
    """Keep keys that are not accepted any more, each in its own way."""
    dead = {
        "revoked": StoredKey(key("revoked"), digest(secret("revoked")), revoked_at=5),
        "expired": StoredKey(key("expired", expires_at=5), digest(secret("expired"))),
        "disabled": StoredKey(key("disabled", disabled=True), digest(secret("disabled"))),
        "orphan": StoredKey(key("orphan", parent="revoked"), digest(secret("orphan"))),
        "rotated": StoredKey(key("rotated"), digest("new"), digest(secret("rotated")), 5),
    }
    for stored in dead.values():
        await store.put_key(stored, 0)
    return [*dead, "unknown"]


@pytest.mark.case("A04")
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v1/chat/completions", CHAT),
        ("POST", "/v1/embeddings", {"model": "demo", "input": "x"}),
        ("GET", "/v1/models", None),
        ("GET", f"{TOP}/me", None),
        ("GET", f"{TOP}/keys/{IDS['ann']}", None),
        ("POST", f"{TOP}/keys", {"name": "x"}),
        ("POST", f"{TOP}/session", {}),
    ],
)
async def test_all_refusals_are_one(served, store, method, path, body):
    """A key that never was, and one that is revoked, over, off, changed or without its maker, are told the same (A04)."""
    names = await with_the_dead(store)
    running = await served()
    sessions = Sessions(await store.token("session", ""))

    refusals = set()
    for name in names:
        cookie = sessions.issue(IDS.get(name, key(name).id), digest(secret(name)), time.time(), "n" * 22)
        for headers in ([("Authorization", f"Bearer {secret(name)}")], [("Cookie", f"{COOKIE}={cookie}")]):
            answer = await request(running, method, path, headers, body)
            assert 401 == answer.status, name
            assert secret(name).encode() not in answer.head.raw + answer.body
            refusals.add(masked(answer))

    assert 1 == len(refusals)


@pytest.fixture
def unread(monkeypatch):
    """Let nobody read the keys who was not asked to."""
    monkeypatch.setattr(books, "_POLL_S", 3600)


@pytest.mark.usefixtures("unread")
@pytest.mark.parametrize("store_url", ["sqlite", "postgresql"], indirect=True)
async def test_made_a_moment_ago(served, store):
    """A key that another process has just made, given another secret or switched on is accepted at once; so is its cookie."""
    running = await served()
    sessions = Sessions(await store.token("session", ""))
    stored = await store.put_key(StoredKey(key("new"), digest(secret("new"))), 0)
    made = await ask(running, "POST", "/session", key="new", body={})
    stored = await store.put_key(stored._replace(digest=digest(secret("newer"))), stored.revision)
    rotated = await ask(running, "GET", "/me", key="newer")
    replaced = await ask(running, "GET", "/me", key="new")
    stored = await store.put_key(stored._replace(digest=digest(secret("newest"))), stored.revision)
    cookie = sessions.issue(stored.key.id, digest(secret("newest")), time.time(), "n" * 22)
    entered = await request(running, "GET", f"{TOP}/me", [("Cookie", f"{COOKIE}={cookie}")])

    assert [200, 200, 401, 200] == [one.status for one in (made, rotated, replaced, entered)]


@pytest.mark.usefixtures("unread")
async def test_guesses_are_no_load(served, store, monkeypatch):
    """Those who guess at the same time cause few looks into the store, and an address that has guessed enough none."""
    running = await served()
    monkeypatch.setattr(renewal, "_APART_S", 0.2)
    running.live.guesses = Guesses(lambda: 0.0)
    read, looks = running.books.store.keys_since, []

    async def counted(revision):
        looks.append(revision)
        return await read(revision)

    running.books.store.keys_since = counted
    first = await asyncio.gather(*(ask(running, "GET", "/me", key=f"guess {number}") for number in range(20)))
    few = len(looks)
    await store.put_key(StoredKey(key("new"), digest(secret("new"))), 0)
    later = await asyncio.gather(*(ask(running, "GET", "/me", key=name) for name in ("guess", "new")))
    after = len(looks)
    known = await ask(running, "GET", "/me", key="ann")

    assert [401] * 20 == [one.status for one in first]
    assert [429, 429, 200] == [one.status for one in (*later, known)]
    assert 1 <= few <= 5  # connections are not taken up all at once
    assert few == after


@pytest.mark.usefixtures("unread")
async def test_a_store_that_is_away(served):
    """While it cannot be asked, a key that is not known is told what it always is."""
    running = await served()

    async def down(_revision):
        raise DOWN

    running.books.store.keys_since = down
    answers = await asyncio.gather(*(ask(running, "GET", "/me", key="unknown") for _ in range(5)))

    assert {401} == {one.status for one in answers}


@pytest.mark.case("K13")
async def test_the_digest_is_no_key(served, store):
    """What the store has of a secret lets nobody in, and no secret is in it (K13)."""
    running = await served()
    made = (await ask(running, "POST", "/keys", key="admin", body={"name": "x"})).json
    shown = [made, *(await ask(running, "GET", "/keys", key="admin")).json["data"]]
    shown.append((await ask(running, "GET", f"/keys/{made['id']}", key="admin")).json)

    for one in (await stored_in(store)).values():
        for text in (one.digest, one.key.prefix, one.key.id):
            answer = await request(running, "GET", f"{TOP}/me", [("Authorization", f"Bearer {text}")])
            assert 401 == answer.status
    assert 200 == (await request(running, "GET", f"{TOP}/me", [("x-api-key", made["secret"])])).status
    assert made.pop("secret") not in repr(shown) + repr(await stored_in(store))
    assert not {"digest", "old_digest", "secret"} & {name for one in shown for name in one}


async def cookie_for(running, name):
    answer = await ask(running, "POST", "/session", key=name, body={})
    return ("Cookie", answer.header("set-cookie").partition(";")[0])


async def test_a_cookie_is_a_credential(served):
    """A cookie stands for the key on every endpoint: who has it may do what the key may."""
    running = await served()
    cookie = await cookie_for(running, "ann")

    me = await request(running, "GET", f"{TOP}/me", [cookie])
    made = await request(running, "POST", f"{TOP}/keys", [cookie], {"name": "x"})
    models = await request(running, "GET", "/v1/models", [cookie])
    again = await request(running, "POST", f"{TOP}/session", [cookie], {})

    assert (IDS["ann"], IDS["ann"]) == (me.json["key"]["id"], made.json["parent"])
    assert (200, 201, 200) == (me.status, made.status, models.status)
    assert (200, None) == (again.status, again.header("set-cookie"))


async def test_a_key_counts_more_than_a_cookie(served):
    """Who sends a key is whose key it is, whatever cookie the browser adds."""
    running = await served()
    cookie = await cookie_for(running, "ann")

    me = await ask(running, "GET", "/me", key="bob", headers=[cookie])
    wrong = await request(running, "GET", f"{TOP}/me", [cookie, ("x-api-key", "sk-llms-wrong")])

    assert IDS["bob"] == me.json["key"]["id"]
    assert 401 == wrong.status


@pytest.mark.case("K12")
@pytest.mark.parametrize("end", ["revoke", "disable", "rotate", "parent"])
async def test_a_cookie_ends_with_its_key(served, end):
    """A cookie is worth nothing once its key, its secret, or the key above is gone (K12)."""
    running = await served()
    cookie = await cookie_for(running, "ann-child")
    target = IDS["ann" if end == "parent" else "ann-child"]

    if end == "disable":
        done = await ask(running, "PATCH", f"/keys/{target}", key="admin", body={"disabled": True})
    else:
        action = "rotate" if end == "rotate" else "revoke"
        done = await ask(running, "POST", f"/keys/{target}/{action}", key="admin", body={})
    after = await request(running, "GET", f"{TOP}/me", [cookie])

    assert (200, 401) == (done.status, after.status)


async def test_a_cookie_outlives_a_change_with_grace(served):
    """While the old secret is accepted, so is its cookie."""
    running = await served()
    cookie = await cookie_for(running, "ann-child")

    await ask(running, "POST", f"/keys/{IDS['ann-child']}/rotate", key="admin", body={"grace_s": 60})

    assert 200 == (await request(running, "GET", f"{TOP}/me", [cookie])).status


ALLOWED = "https://chat.example"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([], 201),
        ([("Sec-Fetch-Site", "same-origin")], 201),
        ([("Sec-Fetch-Site", "none")], 201),
        ([("Origin", "own")], 201),
        ([("Origin", ALLOWED)], 403),
        ([("Origin", ALLOWED), ("Sec-Fetch-Site", "same-origin")], 403),
        ([("Origin", "null")], 403),
        ([("Origin", "https://evil.example")], 403),
        ([("Origin", "http://127.0.0.1:1")], 403),
        ([("Sec-Fetch-Site", "cross-site")], 403),
        ([("Sec-Fetch-Site", "same-site")], 403),
        ([("Content-Type", "text/plain")], 415),
        ([("Content-Type", "application/x-www-form-urlencoded")], 415),
        ([("Content-Type", "multipart/form-data; boundary=x")], 415),
    ],
)
async def test_pages_of_others(served, store, headers, expected):
    """No page but the gateway's own makes use of its cookie, not even one that may use it with a key (W08)."""
    running = await served(server={"allowed_origins": [ALLOWED]})
    cookie = await cookie_for(running, "ann")
    own = f"http://127.0.0.1:{running.port}"
    headers = [(name, own if value == "own" else value) for name, value in headers]

    answer = await request(running, "POST", f"{TOP}/keys", [cookie, *headers], {"name": "by a page"})

    assert expected == answer.status
    made = [one for one in (await stored_in(store)).values() if one.key.name == "by a page"]
    assert (expected == 201) == bool(made)


@pytest.mark.parametrize("method", ["PATCH", "POST", "DELETE"])
async def test_no_method_of_pages_of_others(served, method):
    """That is so for every method that changes something."""
    running = await served(server={"allowed_origins": [ALLOWED]})
    cookie = await cookie_for(running, "ann")
    path = {"PATCH": f"keys/{IDS['ann-child']}", "POST": f"keys/{IDS['ann-child']}/revoke", "DELETE": "session"}[method]

    body = None if method == "DELETE" else {}
    spent = await request(running, "POST", "/v1/chat/completions", [cookie, ("Origin", ALLOWED)], CHAT)
    answer = await request(running, method, f"{TOP}/{path}", [cookie, ("Origin", ALLOWED)], body)

    assert (403, "origin_not_allowed") == (answer.status, answer.json["error"]["code"])
    assert 403 == spent.status


async def test_a_page_that_may_use_a_key(served):
    """An allowed origin's page may do with a key what the key may."""
    running = await served(server={"allowed_origins": [ALLOWED]})

    answer = await ask(running, "POST", "/keys", key="ann", body={"name": "x"}, headers=[("Origin", ALLOWED)])

    assert (201, ALLOWED) == (answer.status, answer.header("Access-Control-Allow-Origin"))
    assert answer.header("Access-Control-Allow-Credentials") is None


async def test_roles_and_models(served):
    """A viewer calls nothing; a member what its key is for (what else may be called is the gateway's)."""
    running = await served()
    carried = {name: [("x-api-key", secret(name))] for name in PEOPLE}

    viewer = await request(running, "POST", "/v1/chat/completions", carried["viewer"], CHAT)
    member = await request(running, "POST", "/v1/chat/completions", carried["ann"], CHAT)
    admin = await request(running, "POST", "/v1/chat/completions", carried["admin"], CHAT)

    assert [(403, "endpoint_not_allowed"), (404, "model_not_found")] == [
        (answer.status, answer.json["error"]["code"]) for answer in (viewer, member)
    ]
    assert 200 == admin.status
