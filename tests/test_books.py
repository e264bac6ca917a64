import asyncio
import logging
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from llms import books as module
from llms.app import UnsafeListenError
from llms.books import Place, opened
from llms.errors import LimiterUnavailableError
from llms.keys import Limits, Role, digest
from llms.limits import Need, Scope
from llms.store import StoreError
from llms.store.open import open_store
from tests.ledger.entries import DOWN, entry
from tests.ledger.test_ledger import leave
from tests.support.gateway import running
from tests.support.kept import key, secret
from tests.support.raw import RawClient


def place(folder, url="", **fields):
    url = url or f"sqlite:{folder}/llms.db"
    given = {"asked": True, "spool": folder / "spool", "spool_rows": 100, "redis": None, "workers": 1}
    return Place(url, **{**given, **fields})


@pytest.fixture
async def open_at():
    """Open books."""
    async with AsyncExitStack() as stack:

        async def one(where, ended=None):
            return await stack.enter_async_context(opened(where, lambda ids: None if ended is None else ended(ids)))

        yield one


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    return f"sqlite:{tmp_path}/llms.db" if request.param == "sqlite" else request.getfixturevalue("postgres_url")


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(module, "_POLL_S", 0.05)


async def until(true):
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - no event tells of it
            await asyncio.sleep(0.01)


async def test_nothing_is_kept(open_at, tmp_path):
    """Without a store there are no keys, no ledger and no files; limits count all the same."""
    books = await open_at(Place(None, True, None, 100, None, 1))

    held = await books.limiter.admit([Scope("gateway", Limits(rpm=1, budget_total=10))], Need(1, 1))
    held.settle(1, 1)

    assert ("none", None, None, False) == (books.kind, books.store, books.ledger, bool(books.keys))
    assert [] == list(tmp_path.iterdir())


async def test_kinds(open_at, url, tmp_path):
    """What is kept where is known by name; the secret of sessions is the same after each start."""
    books = await open_at(place(tmp_path, url, workers=2))
    cookie = books.sessions.issue("key_" + "ab" * 16, "d", 1, "n" * 22)
    again = await open_at(place(tmp_path, url, workers=2))

    assert url.split(":")[0] == books.kind
    assert "key_" + "ab" * 16 == again.sessions.check(cookie, 2, lambda _: ["d"])


async def test_changes_are_known_soon(open_at, url, tmp_path, quick):
    """What another process does to keys is known here: a new one, a revoked one, whose calls are ended."""
    ended = []
    books = await open_at(place(tmp_path, url, workers=2), ended.append)
    other = await open_at(place(tmp_path, url, workers=2))
    kept = await other.store.put_key(key("ann"), 0)
    await until(lambda: books.keys.of_digest(digest(secret("ann"))))
    await other.store.put_key(kept._replace(revoked_at=1))
    await until(lambda: ended)

    assert [{kept.key.id}] == ended
    assert (None, True) == (books.keys.of_digest(digest(secret("ann"))), bool(books.keys))


@pytest.mark.parametrize("failure", [DOWN, RuntimeError("it is down")], ids=["foreseen", "not foreseen"])
async def test_a_store_that_fails_while_it_runs(open_at, tmp_path, quick, caplog, failure):
    """Keys stay as they are while they cannot be read, which is said once; budgets that are not known give nothing."""
    books = await open_at(place(tmp_path))
    await books.store.put_key(key("ann"), 0)
    await until(lambda: books.keys)
    read, spent = books.store.keys_since, books.store.spent

    async def down(*_given):
        raise failure

    books.store.keys_since = books.store.spent = down
    await until(lambda: "keys cannot be read, and those that are known stay as they are: it is down" in caplog.text)
    await asyncio.sleep(0.3)
    with pytest.raises(LimiterUnavailableError):
        await books.limiter.admit([Scope("gateway", Limits(budget_total=10))], Need(1, 1))
    rates = await books.limiter.admit([Scope("gateway", Limits(rpm=10))], Need(1, 1))
    known = books.keys.of_digest(digest(secret("ann")))
    books.store.keys_since, books.store.spent = read, spent
    await books.store.put_key(key("bob"), 0)
    await until(lambda: books.keys.of_digest(digest(secret("bob"))))

    assert ("ann", 1) == (known.name, caplog.text.count("keys cannot be read"))
    rates.settle(1, 1)


async def test_what_was_spent_is_not_forgotten(open_at, url, tmp_path):
    """A budget goes on where it was at the last start, with what a key's children spent, and what was left behind."""
    books = await open_at(place(tmp_path, url, workers=2))
    for name, parent in (("ann", None), ("child", "ann")):
        parent = parent and key(parent).key.id  # noqa: PLW2901 - a name stands for its key
        await books.store.put_key(key(name, parent=parent, role=Role.MEMBER), 0)
        books.ledger.put(entry(len(name), key_id=key(name).key.id, cost=20))
    await books.ledger.flush()
    leave(tmp_path / "left", 50)
    again = await open_at(place(tmp_path, url, spool=tmp_path / "left", workers=2))
    scopes = [Scope(f"key:{key('ann').key.id}", Limits(budget_total=100)), Scope("gateway", Limits(budget_total=100))]

    assert [{"total": 40}, {"total": 41}] == [one.spent for one in await again.limiter.taken(scopes)]


@pytest.mark.interpreted
async def test_a_comparison_that_fails_as_nobody_foresaw(open_at, tmp_path, monkeypatch, caplog):
    """The log has it, and there is another one."""
    monkeypatch.setattr(module, "_UNSURE_S", 0.05)
    books = await open_at(place(tmp_path))
    came = []

    async def reconcile():
        came.append(1)
        text = "what was that"
        raise RuntimeError(text)

    monkeypatch.setattr(books.limiter, "reconcile", reconcile)
    for count in (1, 2):
        books.ledger.recovered()
        await until(lambda count=count: len(came) == count)

    assert "RuntimeError: what was that" in caplog.text


async def test_a_budget_that_is_given_again(open_at, tmp_path, quick, monkeypatch):
    """What a key has spent while it had no budget is counted soon after it has one again."""
    monkeypatch.setattr(module, "_UNSURE_S", 0.05)
    books = await open_at(place(tmp_path))
    kept = await books.store.put_key(key("ann"), 0)
    scopes = [Scope(f"key:{kept.key.id}", Limits(budget_total=100))]
    held = await books.limiter.admit(scopes, Need(1, 1))
    held.settle(1, 1)
    books.ledger.put(entry(1, key_id=kept.key.id, cost=1))
    books.ledger.put(entry(2, key_id=kept.key.id, cost=20))
    before = (await books.limiter.taken(scopes))[0].spent["total"]
    await books.store.put_key(kept._replace(key=replace(kept.key, limits=Limits(budget_total=100))), kept.revision)
    async with asyncio.timeout(10):
        while (await books.limiter.taken(scopes))[0].spent["total"] != 21:  # noqa: ASYNC110 - no event tells of it
            await asyncio.sleep(0.01)

    assert 1 == before


async def test_minted(open_at, url, tmp_path):
    """The first key may do everything, is known at once, and is kept by its digest alone."""
    books = await open_at(place(tmp_path, url))
    made = await books.mint()

    [stored] = await books.store.keys_since(0)
    assert (Role.ADMIN, digest(made), made[:14]) == (stored.key.role, stored.digest, stored.key.prefix)
    assert stored.key == books.keys.of_digest(digest(made))
    assert made not in repr(stored)


async def test_minted_at_once(open_at, url, tmp_path):
    """Of two machines that start on an empty store one makes the first key, and both know it."""
    both = [await open_at(place(tmp_path, url, workers=2)) for _ in range(2)]

    made = await asyncio.gather(*(books.mint() for books in both))

    [secret_] = filter(None, made)
    [stored] = await both[0].store.keys_since(0)
    assert [stored.key] * 2 == [books.keys.of_digest(digest(secret_)) for books in both]


def unusable(tmp_path):
    """A place where no file can be made."""
    (tmp_path / "file").write_text("no folder")
    return f"sqlite:{tmp_path}/file/llms.db"


async def test_a_store_that_somebody_asked_for(open_at, tmp_path):
    """There are no books without it."""
    with pytest.raises(StoreError, match=f"{tmp_path}/file"):
        await open_at(place(tmp_path, unusable(tmp_path)))


async def test_a_store_that_nobody_asked_for(open_at, tmp_path, caplog):
    """Where none can be made the gateway serves without, and says so."""
    books = await open_at(place(tmp_path, unusable(tmp_path), asked=False))

    assert ("none", logging.WARNING) == (books.kind, caplog.records[0].levelno)
    assert caplog.messages[0].startswith("calls are not written down: ")


async def test_a_store_that_is_there_and_damaged(open_at, tmp_path):
    """One that is there is never passed over: its keys would be, and the gateway open to everybody."""
    (tmp_path / "llms.db").write_bytes(b"x" * 5000)

    with pytest.raises(StoreError, match=r"llms\.db"):
        await open_at(place(tmp_path, asked=False))


async def test_another_gateway_has_it(open_at, tmp_path, caplog):
    """A second gateway goes without the store that nobody asked for, unless there are keys in it."""
    first = await open_at(place(tmp_path, asked=False))
    second = await open_at(place(tmp_path, asked=False))
    with pytest.raises(StoreError, match="another gateway"):
        await open_at(place(tmp_path))
    await first.store.put_key(key("ann"), 0)
    with pytest.raises(StoreError, match="another gateway"):
        await open_at(place(tmp_path, asked=False))

    assert ("sqlite", "none") == (first.kind, second.kind)
    assert "is in use by another gateway" in caplog.text


async def test_an_empty_file_is_none(open_at, tmp_path, caplog):
    """What a start that failed has left holds no key."""
    (tmp_path / "llms.db").touch(0o400)
    (tmp_path / "llms.db").chmod(0o400)
    books = await open_at(place(tmp_path, asked=False))

    assert books.kind in ("none", "sqlite")


async def test_no_disk_for_a_spool(open_at, tmp_path, caplog):
    """Without a place for a spool rows wait in memory, and the log says so."""
    (tmp_path / "spool").write_text("no folder")
    books = await open_at(place(tmp_path))
    books.ledger.put(entry(1))
    await books.ledger.flush()

    assert (await books.store.call(entry(1).row.id))[0] == entry(1).row
    assert "calls that the store does not have yet are kept in memory only" in caplog.text


async def test_beyond_this_machine(tmp_path):
    """A gateway that others can reach makes itself a key, once; without a store it does not start."""
    server = {"host": "0.0.0.0", "port": 0}  # of which it is asked on 127.0.0.1
    here = {"server": server, "environ": {"LLMS_STORE": f"sqlite:{tmp_path}/llms.db"}}
    async with running(tmp_path, **here) as first:
        minted = first.generations.minted
    answers = []
    async with running(tmp_path, **here) as again:
        for shown in ([], [("Authorization", f"Bearer {minted}")]):
            async with RawClient("127.0.0.1", again.port) as client:
                await client.request("GET", "/v1/models", shown)
                answers.append((await client.read_response()).status)
        files = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]

    assert (True, None, [401, 200]) == (bool(minted), again.generations.minted, answers)
    assert not any(minted.encode() in data for data in files)
    with pytest.raises(UnsafeListenError, match="can be reached from other machines"):
        async with running(tmp_path, server=server, environ={"XDG_DATA_HOME": unusable(tmp_path).partition(":")[2]}):
            pass


async def test_the_last_key_is_revoked(gateway, tmp_path):
    """Revoking all keys does not open the gateway to everybody."""
    url = f"sqlite:{tmp_path}/llms.db"
    store = await open_store(url)
    await store.put_key(key("ann")._replace(revoked_at=1), 0)
    served = await gateway(environ={"LLMS_STORE": url})
    async with RawClient("127.0.0.1", served.port) as client:
        await client.request("GET", "/v1/models")
        answer = await client.read_response()
    await store.close()

    assert 401 == answer.status
