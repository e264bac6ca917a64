import asyncio
import json
import logging
import os

import pytest

from llms.errors import LedgerUnavailableError
from llms.ledger import Ledger, Spool, left_behind
from llms.ledger import ledger as module
from llms.store import KeptBody, StoreError, StoreUnfitError
from tests.ledger.entries import DOWN, Store, entry


@pytest.fixture
def store():
    return Store()


@pytest.fixture
def parent(tmp_path):
    return tmp_path / "spool"


@pytest.fixture
async def ledger(store, parent):
    """A ledger that refuses calls that it could not write down, of which 3 may wait."""
    made = Ledger(store, Spool(parent), 3, strict=True)
    await made.start(parent)
    yield made
    store.down = None
    await made.close()


def files(parent):
    return sorted(parent.glob("*/*.rows"))


async def until(true):
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - no event tells of it
            await asyncio.sleep(0.01)


async def test_rows_reach_the_store_together(ledger, store, parent):
    """Rows that come within a moment share a commit; after it nothing is left in the spool."""
    for number in range(5):
        ledger.put(entry(number, KeptBody(entry(number).row.id, "p", "a") if number == 3 else None))
    ledger.written()
    written = len(files(parent))
    await until(lambda: not ledger.waiting)
    await until(lambda: not files(parent))

    assert (1, [5], 5) == (written, store.batches, len(store.rows))
    assert [entry(3).row.id] == [body.call_id for body in store.bodies]


async def test_a_row_is_on_disk_once_that_is_asked_for(ledger, parent):
    """Nothing is awaited between a call's end and its row's being in the file."""
    ledger.put(entry(1))
    ledger.put(entry(2))
    assert not files(parent)
    ledger.written()

    assert [entry(1).row.id, entry(2).row.id] == [
        json.loads(line)[0] for line in files(parent)[0].read_bytes().splitlines()
    ]


async def test_a_row_that_nobody_asks_for_is_on_disk_at_the_end_of_the_turn(ledger, parent):
    ledger.put(entry(1))
    await asyncio.sleep(0)

    assert entry(1).row.id.encode() in files(parent)[0].read_bytes()


async def test_spent_counts_what_came_before_and_nothing_after(ledger, store):
    """What has been spent is by exactly the rows put before it is asked, though the store has none of them yet."""
    answers = []
    for number in range(4):
        ledger.put(entry(2 * number))
        ledger.put(entry(2 * number + 1, key_id="key_b"))
        answers.append(asyncio.create_task(ledger.spent(["key:key_a", "key:key_b"], 0)))
        await asyncio.sleep(0)  # it is asked now; what is put later does not count

    assert [2, 4, 6, 8] == await asyncio.gather(*answers)


async def test_spent_while_rows_are_being_written(ledger, store):
    """A row put while the store works on those before does not get into an answer that was asked for earlier."""
    begun, go = asyncio.Event(), asyncio.Event()
    write = store.write_calls

    async def slow(*given):
        begun.set()
        await go.wait()
        return await write(*given)

    store.write_calls = slow
    ledger.put(entry(1))
    asked = asyncio.create_task(ledger.spent(["gateway"], 0))
    await begun.wait()
    ledger.put(entry(2))
    later = asyncio.create_task(ledger.spent(["gateway"], 0))
    await asyncio.sleep(0)
    go.set()

    assert [1, 2] == await asyncio.gather(asked, later)


async def test_a_store_that_fails_for_a_while(ledger, store, parent, caplog):
    """Rows wait in memory and in the spool, and all are written, once and in order, when the store takes them again."""
    store.down = DOWN
    ledger.put(entry(1))
    with pytest.raises(StoreError):
        await ledger.flush()
    ledger.put(entry(2))
    ledger.written()
    waiting = (ledger.waiting, len(files(parent)))
    store.down = None
    await until(lambda: not ledger.waiting)
    await until(lambda: not files(parent))

    assert (2, 2) == waiting
    assert [entry(1).row.id, entry(2).row.id] == list(store.rows)
    assert "the store does not take calls: it is down (1 wait, 0 lost)" in caplog.text
    assert caplog.records[0].levelno == logging.ERROR


async def test_nobody_waits_for_a_store_that_fails(ledger, store):
    """Questions are answered with the failure at once, those behind rows that wait too."""
    store.down = DOWN
    ledger.put(entry(1))
    asked = [asyncio.create_task(ledger.spent(["gateway"], 0)) for _ in range(3)]
    async with asyncio.timeout(2):
        answers = await asyncio.gather(*asked, return_exceptions=True)

    assert [StoreError] * 3 == [type(answer) for answer in answers]
    store.down = None
    assert 1 == await ledger.spent(["gateway"], 0)


async def test_whoever_asked_has_left(ledger, store):
    """A question whose asker is gone is not put; those behind it are."""
    first = asyncio.create_task(ledger.spent(["gateway"], 0))
    await asyncio.sleep(0)
    first.cancel()

    assert 0 == await ledger.spent(["gateway"], 0)


async def test_a_question_that_cannot_be_answered(ledger, store, caplog):
    """A failure that nobody foresaw comes to whoever asked as one of the store, the log has it, and the ledger goes on."""

    async def broken(*_given):
        text = "what was that"
        raise RuntimeError(text)

    store.spent, spent = broken, store.spent
    with pytest.raises(StoreError, match="in a way that nobody foresaw"):
        await ledger.spent(["gateway"], 0)
    assert "what was that" in caplog.text
    store.spent = spent
    ledger.put(entry(1))

    assert 1 == await ledger.spent(["gateway"], 0)


async def test_a_failing_store_is_left_alone_between_tries(ledger, store, monkeypatch):
    """However many calls end during an outage, the store is tried less and less often, never more."""
    monkeypatch.setattr(module, "_GATHER_S", 0.02)
    monkeypatch.setattr(module, "_LONGEST_WAIT_S", 0.2)
    store.down = DOWN
    tries = []
    for _ in range(3):
        before, began = store.tries, asyncio.get_running_loop().time()
        for _ in range(50):
            ledger.put(entry())
            await asyncio.sleep(0.01)
        took_s = asyncio.get_running_loop().time() - began  # half a second, or longer on a busy machine
        tries.append((store.tries - before) / (took_s / 0.1 + 1))

    assert max(tries) <= 2, "there is room for a try each tenth of a second"
    assert tries[2] <= 1


async def test_room(ledger, store):
    """New calls are refused while the store fails and as many rows wait as may; before and after they are not."""
    ledger.require_room()
    store.down = DOWN
    for number in range(2):
        ledger.put(entry(number))
    with pytest.raises(StoreError):
        await ledger.flush()
    ledger.require_room()
    ledger.put(entry(2))
    with pytest.raises(LedgerUnavailableError) as caught:
        ledger.require_room()
    store.down = None
    await ledger.flush()
    ledger.require_room()

    assert (503, "ledger_unavailable", 5) == (
        caught.value.http_status(), caught.value.code, caught.value.retry_after_s,
    )  # fmt: skip


async def test_a_store_that_is_gone(ledger, store):
    """P17: a store that must not be used any more keeps new calls out at once; rows that wait are written when it is back."""
    store.down = StoreUnfitError("it is gone")
    ledger.put(entry(1))
    with pytest.raises(StoreError):
        await ledger.flush()
    with pytest.raises(LedgerUnavailableError):
        ledger.require_room()
    store.down = DOWN  # it is back, and slow
    with pytest.raises(StoreError):
        await ledger.flush()
    ledger.require_room()
    store.down = None
    await ledger.flush()

    assert [entry(1).row] == list(store.rows.values())


async def test_many_at_once_are_no_failure(ledger):
    """A crowd of rows that the store takes in a moment keeps nobody out."""
    for number in range(10):
        ledger.put(entry(number))

    ledger.require_room()


async def test_no_disk_and_no_store(ledger, store, parent):
    """With no place for a row no call is taken; rows of those that run are kept in memory and written later."""
    store.down = DOWN
    ledger.put(entry(1))
    with pytest.raises(StoreError):
        await ledger.flush()
    ledger._spool.folder.rename(parent / "elsewhere.new")  # as a disk that is gone
    ledger.put(entry(2))
    ledger.written()
    with pytest.raises(LedgerUnavailableError):
        ledger.require_room()
    (parent / "elsewhere.new").rename(ledger._spool.folder)
    store.down = None
    await ledger.flush()
    ledger.require_room()

    assert {entry(1).row.id, entry(2).row.id} == set(store.rows)


async def test_no_disk_is_said_once(ledger, store, parent, caplog):
    """A spool that fails is in the log once, not with each call; rows reach the store all the same."""
    ledger._spool.folder.rename(parent / "elsewhere.new")
    for number in range(4):
        ledger.put(entry(number))
    await ledger.flush()
    (parent / "elsewhere.new").rename(ledger._spool.folder)

    assert 4 == len(store.rows)
    assert 1 == caplog.text.count("calls cannot be written to the disk")


@pytest.mark.parametrize("spooled", [True, False])
async def test_nobody_asked_for_books(store, parent, caplog, spooled):
    """Books that nobody asked for keep nobody out; what waits is bounded, in memory and on disk, and what is lost told."""
    made = Ledger(store, Spool(parent) if spooled else None, 3, strict=False)
    await made.start(None)
    store.down = DOWN
    made.put(entry(0))
    with pytest.raises(StoreError):
        await made.flush()
    for number in range(1, 10):
        made.put(entry(number))
        made.require_room()
    lost, waiting = made.lost, made.waiting
    await made.close()
    left = [one for leftover in left_behind(parent) for one in leftover.entries()]

    assert (4, 6) == (lost, waiting)
    assert [entry(number) for number in range(6 if spooled else 0)] == left
    assert f"6 calls wait for the next start, {4 if spooled else 10} are lost" in caplog.text


async def test_one_that_the_store_stumbles_over(ledger, store, parent, caplog):
    """A row that makes the store fail in a way that nobody foresaw is given up and told; all others are written."""
    store.poison = {entry(3).row.id}
    for number in range(6):
        ledger.put(entry(number))
    await ledger.flush()
    ledger.put(entry(7))
    await ledger.flush()

    assert {entry(number).row.id for number in (0, 1, 2, 4, 5, 7)} == set(store.rows)
    assert (1, 0) == (ledger.lost, ledger.waiting)
    assert f"the call {entry(3).row.id} cannot be written down" in caplog.text


async def test_a_store_that_fails_as_nobody_foresaw(ledger, store):
    """If it is the store and no row of it, no row is given up."""
    store.down = RuntimeError("what was that")
    ledger.put(entry(1))
    ledger.put(entry(2))
    with pytest.raises(StoreError, match="nobody foresaw"):
        await ledger.flush()
    lost, waiting = ledger.lost, ledger.waiting
    store.down = None
    await ledger.flush()

    assert (0, 2, 2) == (lost, waiting, len(store.rows))


async def test_a_store_that_fails_once_as_nobody_foresaw(ledger, store):
    """A row is tried again before it is given up."""
    write = store.write_calls

    async def once(*_given):
        store.write_calls = write
        raise RuntimeError

    store.write_calls = once
    ledger.put(entry(1))
    await ledger.flush()

    assert (0, 1) == (ledger.lost, len(store.rows))


async def test_large_batches_are_cut(ledger, store, monkeypatch):
    """So many rows to a commit, and no more."""
    monkeypatch.setattr(module, "_MOST_AT_ONCE", 4)
    for number in range(10):
        ledger.put(entry(number))
    await ledger.flush()

    assert [4, 4, 2] == store.batches


async def test_half_of_a_batch(ledger, store, monkeypatch, parent):
    """A store that fails in the middle of a batch is given the rest of it later, and no row twice."""
    monkeypatch.setattr(module, "_MOST_AT_ONCE", 4)
    write = store.write_calls

    async def once(*given):
        count = await write(*given)
        store.write_calls, store.down = write, DOWN
        return count

    store.write_calls = once
    for number in range(10):
        ledger.put(entry(number))
    with pytest.raises(StoreError):
        await ledger.flush()
    waiting = ledger.waiting
    store.down = None
    await ledger.flush()

    assert (6, [4, 4, 2], []) == (waiting, store.batches, files(parent))


async def test_close_writes_what_waits(store, parent):
    """At the end the store gets all, at once, and nothing is left over."""
    made = Ledger(store, Spool(parent), 3, strict=True)
    await made.start(parent)
    made.put(entry(1))
    await made.close()

    assert ([entry(1).row.id], []) == (list(store.rows), list(parent.iterdir()))


async def test_close_while_the_store_hangs(store, parent, monkeypatch, caplog):
    """The end does not wait for a store that does not answer; the next process takes the rows up, once."""
    monkeypatch.setattr(module, "_LAST_TRY_S", 0.1)

    async def hang(*_given):
        await asyncio.sleep(3600)

    store.write_calls, write = hang, store.write_calls
    made = Ledger(store, Spool(parent), 3, strict=True)
    await made.start(parent)
    made.put(entry(1))
    asked = asyncio.create_task(made.spent(["gateway"], 0))
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await made.close()
    with pytest.raises(StoreError):
        await asked
    assert "1 calls wait for the next start, 0 are lost" in caplog.text

    store.write_calls = write
    other = Ledger(store, Spool(parent), 3, strict=True)
    await other.start(parent)

    assert [entry(1).row.id] == list(store.rows)
    await other.close()
    assert [] == list(parent.iterdir())


def leave(parent, *numbers):
    """Leave rows behind as a process that was killed does."""
    spool = Spool(parent)
    for number in numbers:
        spool.add(entry(number))
        spool.write()
    os.close(spool._file)
    spool._lock.close()


async def test_what_was_left_behind(store, parent):
    """A start takes up what others left behind, also rows that the store has already, each of them once."""
    leave(parent, 1, 2)
    leave(parent, 2, 3)
    store.rows[entry(1).row.id] = entry(1).row
    made = Ledger(store, Spool(parent), 3, strict=True)
    await made.start(parent)
    await made.close()

    assert {entry(number).row.id for number in (1, 2, 3)} == set(store.rows)
    assert [] == list(parent.iterdir())


async def test_a_store_that_fails_at_the_start(store, parent, caplog):
    """What was left behind stays for later: of books that were asked for that is the end, of others a warning."""
    leave(parent, 1)
    store.down = DOWN
    with pytest.raises(StoreError):
        await Ledger(store, None, 3, strict=True).start(parent)
    made = Ledger(store, None, 3, strict=False)
    await made.start(parent)
    await made.close()
    store.down = None
    other = Ledger(store, None, 3, strict=True)
    await other.start(parent)
    await other.close()

    assert "wait for the next start: it is down" in caplog.text
    assert [entry(1).row.id] == list(store.rows)
