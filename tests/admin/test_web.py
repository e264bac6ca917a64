"""The admin API over HTTP."""

import asyncio
import csv
import io
from contextlib import AsyncExitStack

import pytest

from llms.admin import calls as admin_calls
from llms.admin import shapes
from llms.keys import Limits, digest
from llms.limits import Scope, Taken
from llms.session import Sessions
from llms.store import StoreError
from tests.admin.people import CALLS, IDS, call, secret
from tests.admin.served import TOP, ask
from tests.support.raw import RawClient

both_stores = pytest.mark.parametrize("store_url", ["sqlite", "postgresql"], indirect=True)


async def test_open(served):
    """Where no key is needed, everybody is an admin."""
    running = await served(empty=True)

    me = await ask(running, "GET", "/me")
    login = await ask(running, "POST", "/session", body={})
    refused = await ask(running, "POST", "/keys", body={"name": "x"})
    made = await ask(running, "POST", "/keys", body={"name": "x", "role": "admin"})

    assert {"key": None, "role": "admin", "open": True, "taken": [], "store": "sqlite"} == me.json
    assert ({"key": None}, None) == (login.json, login.header("set-cookie"))
    assert (409, "first_key_must_be_admin") == (refused.status, refused.json["error"]["code"])
    assert (201, "x") == (made.status, made.json["name"])
    assert made.json["secret"].startswith("sk-llms-")


async def test_keys(served):
    """A key from its making to its end."""
    running = await served()

    made = (await ask(running, "POST", "/keys", key="ann", body={"name": "x"})).json
    path = f"/keys/{made['id']}"
    changed = await ask(running, "PATCH", path, key="ann", body={"name": "y"})
    rotated = await ask(running, "POST", f"{path}/rotate", key="ann", body={"grace_s": 5})
    revoked = await ask(running, "POST", f"{path}/revoke", key="ann", body={})
    listed = await ask(running, "GET", "/keys", key="ann")
    everything = await ask(running, "GET", "/keys?revoked=true", key="ann")

    assert (200, "y") == (changed.status, changed.json["name"])
    assert rotated.json["secret"] != made["secret"]
    assert revoked.json["revoked_at"]
    assert 3 == len(listed.json["data"])
    assert 4 == len(everything.json["data"])
    assert "no-store" == listed.header("cache-control")


@both_stores
async def test_calls(served):
    """Calls, newest first, page by page, and one of them."""
    running = await served()

    first = (await ask(running, "GET", "/calls?limit=2", key="ann")).json
    second = (await ask(running, "GET", f"/calls?limit=2&cursor={first['next']}", key="ann")).json
    one = (await ask(running, "GET", f"/calls/{CALLS['ann'].id}", key="ann")).json
    foreign = await ask(running, "GET", f"/calls/{CALLS['eve'].id}", key="ann")

    names = ("ann-grandchild", "ann-child", "ann")
    assert [CALLS[name].id for name in names] == [row["id"] for row in first["data"] + second["data"]]
    assert second["next"] is None
    assert {"prompt": "prompt of ann", "answer": "answer to ann"} == one["body"]
    assert (7, True, [{"target": "openai/gpt-4o-2024", "outcome": "ok", "ms": 12}]) == (
        one["cost_micros"],
        one["stream"],
        one["attempts"],
    )
    assert (404, "not_found") == (foreign.status, foreign.json["error"]["code"])


@both_stores
async def test_usage(served):
    """Sums, and their sum."""
    running = await served()

    answer = (await ask(running, "GET", "/usage?by=key,model", key="red-viewer")).json

    assert {IDS[name] for name in ("ann", "ann-child", "ann-grandchild", "bob", "bob-child", "red-viewer")} == {
        row["key"] for row in answer["data"]
    }
    assert {"gpt-4o"} == {row["model"] for row in answer["data"]}
    assert (6, 42, 60) == tuple(answer["total"][name] for name in ("calls", "cost_micros", "input_tokens"))


@both_stores
async def test_b16_money_beyond_what_json_holds(served, store):
    """B16: a sum above 2**63 - 1 micro-dollars is told as that, and a call that asks for as many tokens breaks nothing."""
    await store.write_calls([call(100 + n, "ann", at=n * 86_400_000, cost=2**63 - 1) for n in range(3)])
    running = await served()

    usage = (await ask(running, "GET", "/usage?by=key&since=0", key="admin")).json

    assert 2**63 - 1 == usage["total"]["cost_micros"] == max(row["cost_micros"] for row in usage["data"])
    taken = Taken(1, 10**30, 1, 10**30, {"day": 10**30})
    (told,) = shapes.taken([(Scope("gateway", Limits()), taken)])
    assert [2**63 - 1] * 3 == [told["tokens"], told["reserved_micros"], told["spent_micros"]["day"]]


@both_stores
async def test_csv(served, store):
    """As CSV, with no cell that a spreadsheet would run."""
    running = await served()
    await store.write_calls([call(90, "eve", model='=cmd|"/c calc"!A1', code="@x", first_byte_us=-1)])

    usage = await ask(running, "GET", "/usage?by=model&format=csv", key="eve")
    calls = await ask(running, "GET", "/calls?format=csv", key="eve")

    rows = list(csv.DictReader(io.StringIO(calls.body.decode(), newline="")))
    assert ["gpt-4o", "gpt-4o", '\'=cmd|"/c calc"!A1'] == [row["model"] for row in rows]
    assert ("'@x", "", "7") == (rows[-1]["code"], rows[-1]["first_byte_us"], rows[-1]["cost_micros"])
    assert {b"\r\n"} == {line[-2:] for line in calls.body.splitlines(keepends=True)}
    assert "'=cmd" in usage.body.decode()
    for answer in (usage, calls):
        assert "text/csv; charset=utf-8; header=present" == answer.header("content-type")
        assert answer.header("content-disposition").startswith("attachment; ")
        assert answer.complete


@both_stores
async def test_csv_of_nothing(served):
    """A file of no calls has a head."""
    running = await served()

    answer = await ask(running, "GET", "/calls?format=csv&model=nothing", key="eve")

    assert (200, 1) == (answer.status, len(answer.body.splitlines()))


async def test_csv_of_many(served, store):
    """A file holds all calls, however many, oldest first."""
    running = await served()
    await store.write_calls([call(number, "eve") for number in range(100, 1300)])

    answer = await ask(running, "GET", "/calls?format=csv", key="eve")

    ids = [row["id"] for row in csv.DictReader(io.StringIO(answer.body.decode(), newline=""))]
    assert [CALLS["eve"].id, CALLS["eve-child"].id, *(call(number, "eve").id for number in range(100, 1300))] == ids


async def test_csv_that_breaks(served, store, monkeypatch):
    """A file that cannot be finished does not end like one that is whole; one that cannot be begun has a status."""
    running = await served()

    async def broken(self, wanted):
        yield [CALLS["ann"]]
        message = "the disk is gone"
        raise StoreError(message)

    async def never(self, wanted):
        message = "the disk is gone"
        raise StoreError(message)
        yield

    monkeypatch.setattr(type(store), "export", broken)
    half = await ask(running, "GET", "/calls?format=csv", key="admin")
    monkeypatch.setattr(type(store), "export", never)
    none = await ask(running, "GET", "/calls?format=csv", key="admin")
    usage = await ask(running, "GET", "/usage?format=csv", key="admin")

    assert not half.complete
    assert usage.complete
    assert (503, "store_unavailable") == (none.status, none.json["error"]["code"])


async def until(client, *texts):
    """Read until all of ``texts`` have come."""
    body = ""
    while not all(text in body for text in texts):
        data = await client.read_some()
        assert data, f"the end came first: {body}"
        body += data.decode()
    return body


def follow(client, key, query="", headers=()):
    carried = [("Authorization", f"Bearer {secret(key)}"), *headers]
    return client.request("GET", f"{TOP}/calls/tail{query}", carried)


@both_stores
async def test_tail(served, store):
    """Calls as they come, each to those who may see it."""
    running = await served()
    async with RawClient("127.0.0.1", running.port) as client:
        await follow(client, "ann")
        begun = await until(client, "from here on")
        await store.write_calls([call(50, "eve"), call(51, "ann"), call(52, "ann-child")])
        body = await until(client, call(51, "ann").id, call(52, "ann-child").id)

    assert "text/event-stream" in begun
    assert f"id: {len(CALLS)}\n" in begun
    assert IDS["eve"] not in body
    assert f"id: {len(CALLS) + 3}\ndata: {{" in body


@both_stores
async def test_tail_from_where_it_was(served):
    """A reader that comes back has what it missed."""
    running = await served()
    async with RawClient("127.0.0.1", running.port) as client:
        await follow(client, "ann", "?model=gpt-4o", [("Last-Event-ID", "3")])
        body = await until(client, CALLS["ann-child"].id, CALLS["ann-grandchild"].id)

    assert CALLS["ann"].id not in body


@pytest.mark.parametrize("position", ["x", "-1", "1" * 19, "1.0", "\xb2"])
async def test_tail_from_nowhere(served, position):
    """A position that never was given is refused."""
    running = await served()

    answer = await ask(running, "GET", "/calls/tail", key="ann", headers=[("Last-Event-ID", position)])

    assert 400 == answer.status


async def test_tail_of_a_key_that_ends(served, store):
    """A reader whose key is revoked is told so, and reads no more."""
    running = await served()
    async with RawClient("127.0.0.1", running.port) as client:
        await follow(client, "ann-child")
        await until(client, "from here on")
        await ask(running, "POST", f"/keys/{IDS['ann']}/revoke", key="admin", body={})
        body = await until(client, "invalid_api_key")

    assert body.endswith("0\r\n\r\n")


async def test_tail_of_a_store_that_fails(served, store, monkeypatch):
    """A store that does not answer ends the reading with an error, or refuses to begin it."""
    running = await served()

    async def broken(self, position, wanted, limit=100):
        message = "gone"
        raise StoreError(message)

    async with RawClient("127.0.0.1", running.port) as client:
        await follow(client, "admin")
        await until(client, "from here on")
        monkeypatch.setattr(type(store), "calls_since", broken)
        await until(client, "store_unavailable")
    refused = await ask(running, "GET", "/calls/tail", key="admin")

    assert 503 == refused.status


async def test_tail_of_a_gateway_that_stops(served):
    """A gateway that stops ends the stream."""
    running = await served()
    async with RawClient("127.0.0.1", running.port) as client:
        await follow(client, "admin")
        await until(client, "from here on")
        running.live.stopping.set()

        assert (await until(client, "0\r\n\r\n")).endswith("0\r\n\r\n")
    refused = await ask(running, "GET", "/calls/tail", key="admin")

    assert (503, "draining") == (refused.status, refused.json["error"]["code"])


async def test_too_many_sums(served, monkeypatch):
    """Sums of more lines than an answer may have are refused, and it is said what to ask for instead."""
    running = await served()
    monkeypatch.setattr(admin_calls, "MAX_SUMS", 3)

    refused = await ask(running, "GET", "/usage?by=key", key="admin")

    assert (400, "by") == (refused.status, refused.json["error"]["param"])


async def test_so_many_read_at_once(served):
    """One key's readers are so many at most; each that goes makes room."""
    running = await served()
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(RawClient("127.0.0.1", running.port)) for _ in range(4)]
        for client in clients:
            await follow(client, "ann")
            await until(client, "from here on")
        refused = await ask(running, "GET", "/calls/tail", key="ann")
        other = await ask(running, "HEAD", "/calls/tail", key="eve")
    for _ in range(100):
        again = await ask(running, "HEAD", "/calls/tail", key="ann")
        if again.status == 200:
            break
        await asyncio.sleep(0.01)

    assert (503, "too_many_readers") == (refused.status, refused.json["error"]["code"])
    assert (200, 200) == (other.status, again.status)


@pytest.mark.parametrize("target", ["/keys", "/usage", "/calls", "/calls?format=csv", "/calls/tail", "/me"])
async def test_head(served, target):
    """HEAD has no body, and ends."""
    running = await served()

    answer = await ask(running, "HEAD", target, key="admin")

    assert (200, b"", True) == (answer.status, answer.body, answer.complete)


def cookie_of(answer):
    return answer.header("set-cookie").partition(";")[0]


async def test_session(served, store):
    """A key is shown once for a cookie that no page reads, and no other site sends."""
    running = await served()

    answer = await ask(running, "POST", "/session", key="ann", body={})
    plain = answer.header("set-cookie")
    safe = await ask(
        running, "POST", "/session", key="ann", body={}, headers=[("Origin", f"https://127.0.0.1:{running.port}")]
    )
    gone = await ask(running, "DELETE", "/session", key="ann")

    assert (200, IDS["ann"]) == (answer.status, answer.json["key"]["id"])
    assert plain.startswith(f"llms_session={IDS['ann']}.")
    assert {"HttpOnly", "Max-Age=43200", "Path=/", "SameSite=Strict"} == set(plain.split("; ")[1:])
    assert safe.header("set-cookie").startswith("__Host-llms_session=")
    assert "Secure" in safe.header("set-cookie").split("; ")
    assert (204, b"") == (gone.status, gone.body)
    assert "Max-Age=0" in gone.header("set-cookie")
    value = plain.partition(";")[0].partition("=")[2]
    sessions = Sessions(await store.token("session", ""))
    assert IDS["ann"] == sessions.check(value, 0, lambda _: [digest(secret("ann"))])
    assert sessions.check(value, 0, lambda _: [digest(secret("bob"))]) is None


async def test_session_wants_no_key_in_its_body(served):
    """A key in the body would be in somebody's log."""
    running = await served()

    answer = await ask(running, "POST", "/session", key="ann", body={"key": "sk-secret"})

    assert (400, "unknown_parameter") == (answer.status, answer.json["error"]["code"])
    assert b"sk-secret" not in answer.body


async def test_store_that_fails(served, store, monkeypatch):
    """A store that does not answer is told of, without its words."""
    running = await served()

    async def broken(self, revision):
        message = "postgresql://secret@host is gone"
        raise StoreError(message)

    monkeypatch.setattr(type(store), "keys_since", broken)
    for method, target, body in (
        ("GET", "/me", None),
        ("POST", "/session", {}),
        ("GET", "/keys", None),
        ("GET", "/calls", None),
    ):
        answer = await ask(running, method, target, key="ann", body=body)
        assert (503, "store_unavailable") == (answer.status, answer.json["error"]["code"])
        assert b"secret" not in answer.body


@pytest.mark.parametrize(
    ("target", "param"),
    [
        ("/keys?revoked=maybe", "revoked"),
        ("/keys?x=1", "x"),
        ("/usage?by=status", "by"),
        ("/usage?by=day,day", "by"),
        ("/usage?by=day,,key", "by"),
        ("/usage?since=-1", "since"),
        ("/usage?since=1e3", "since"),
        ("/usage?since=999999999999999", "since"),
        ("/usage?since=2&until=1", "until"),
        ("/usage?status=ok", "status"),
        ("/calls?limit=0", "limit"),
        ("/calls?limit=1001", "limit"),
        ("/calls?limit=1&limit=1", "limit"),
        ("/calls?cursor=%27", "cursor"),
        ("/calls?cursor=req_1", "cursor"),
        ("/calls?cursor=1-", "cursor"),
        ("/calls?cursor=" + "1" * 16 + "-1", "cursor"),
        ("/calls?format=xml", "format"),
        ("/calls?model=%00", "model"),
        ("/calls?model=" + "x" * 201, "model"),
        ("/calls?failed=1", "failed"),
        ("/calls/tail?limit=1", "limit"),
    ],
)
async def test_queries(served, target, param):
    """Every name is known, given once, and of its form."""
    running = await served()

    answer = await ask(running, "GET", target, key="admin")

    assert (400, param) == (answer.status, answer.json["error"]["param"])
