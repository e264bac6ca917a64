"""Names are looked up without one holding up the others, and go on working while the name server does not."""

import asyncio
import socket
import threading

import pytest

from llms.resolver import Resolver, Times

AGAIN = socket.gaierror(socket.EAI_AGAIN, "try again")
GONE = socket.gaierror(socket.EAI_NONAME, "no such name")


class Names:
    """A name server: gives what a test put into ``answers``, once ``open`` is set for the name."""

    def __init__(self, **answers):
        self.answers = {name.replace("_", "."): answer for name, answer in answers.items()}
        self.asked = []
        self.shut = {}
        self.all = []

    def shut_for(self, name):
        gate = self.shut[name] = threading.Event()
        self.all.append(gate)
        return gate

    def open_all(self):
        for gate in self.all:
            gate.set()

    def __call__(self, host):
        self.asked.append(host)
        if host in self.shut:
            assert self.shut[host].wait(20)
        answer = self.answers.get(host, GONE)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def names():
    made = Names(a_test=["192.0.2.1", "2001:db8::1"], b_test=["192.0.2.2"])
    yield made
    made.open_all()


async def gives(resolver, host, within_s=10):
    async with asyncio.timeout(within_s):
        return list(await resolver.addresses(host))


async def asked(names, count):
    async with asyncio.timeout(10):
        while len(names.asked) < count:  # noqa: ASYNC110 - a thread tells of it
            await asyncio.sleep(0.005)


async def test_answer_serves_for_a_while(names):
    """A name is looked up once, however many want it at a time, and its addresses keep their order."""
    resolver = Resolver(names)

    several = await asyncio.gather(*(gives(resolver, "a.test") for _ in range(20)))

    assert [["192.0.2.1", "2001:db8::1"]] * 20 == several
    assert several[0] == await gives(resolver, "a.test")
    assert ["a.test"] == names.asked


async def test_answer_grows_old(names):
    """Later the name is looked up again, and the new answer counts."""
    resolver = Resolver(names, Times(fresh_s=0))
    assert ["192.0.2.2"] == await gives(resolver, "b.test")

    names.answers["b.test"] = ["192.0.2.3"]

    assert ["192.0.2.3"] == await gives(resolver, "b.test")


@pytest.mark.case("U58")
async def test_slow_names_hold_up_no_other(names):
    """U58: with ten names that do not answer, more than asyncio has threads for, another is looked up at once."""
    resolver = Resolver(names)
    for number in range(10):
        names.shut_for(f"slow{number}.test")
    waiting = [asyncio.create_task(gives(resolver, f"slow{number}.test")) for number in range(10)]
    await asked(names, 10)

    assert ["192.0.2.2"] == await gives(resolver, "b.test", 5)

    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


@pytest.mark.case("U58")
async def test_lookups_are_bounded(names):
    """U58: no more than 64 lookups run at a time, four for one name."""
    resolver = Resolver(names, Times(fresh_s=0, again_s=0))
    known = await gives(resolver, "a.test")
    waiting = []
    for number in range(16):
        names.shut_for(f"slow{number}.test")
        waiting += [asyncio.create_task(gives(resolver, f"slow{number}.test")) for _ in range(5)]
    await asked(names, 65)

    with pytest.raises(OSError, match="too many"):
        await gives(resolver, "b.test")
    assert known == await gives(resolver, "a.test")
    assert 65 == len(names.asked)

    for number in range(16):
        names.answers[f"slow{number}.test"] = ["192.0.2.9"]
    names.open_all()
    assert [["192.0.2.9"]] * 80 == await asyncio.gather(*waiting)
    assert ["192.0.2.2"] == await gives(resolver, "b.test")


async def test_all_slots_taken_by_one_name_s_waiters(names):
    """A call to a name whose lookup runs waits for it, even if no further lookup may begin."""
    resolver = Resolver(names, Times(again_s=0))
    for number in range(16):
        names.shut_for(f"slow{number}.test")
    waiting = []
    for number in [*range(15), 15]:
        count = 3 if number == 15 else 4
        waiting += [asyncio.create_task(gives(resolver, f"slow{number}.test")) for _ in range(count)]
    await asked(names, 63)
    names.shut_for("b.test")
    waiting.append(asyncio.create_task(gives(resolver, "b.test")))
    await asked(names, 64)

    late = asyncio.create_task(gives(resolver, "slow15.test"))
    await asyncio.sleep(0.05)
    assert not late.done()

    for number in range(16):
        names.answers[f"slow{number}.test"] = ["192.0.2.9"]
    names.open_all()
    assert ["192.0.2.9"] == await late
    await asyncio.gather(*waiting)


async def test_waiting_can_be_given_up(names):
    """A call that gives up leaves the lookup to the others."""
    resolver = Resolver(names)
    gate = names.shut_for("b.test")
    one = asyncio.create_task(gives(resolver, "b.test"))
    two = asyncio.create_task(gives(resolver, "b.test"))
    await asked(names, 1)

    one.cancel()
    with pytest.raises(asyncio.CancelledError):
        await one
    gate.set()

    assert ["192.0.2.2"] == await two
    assert ["b.test"] == names.asked


@pytest.mark.case("U59")
@pytest.mark.parametrize("failure", [AGAIN, GONE, OSError(5, "input/output error")])
async def test_failure_is_remembered_for_a_moment(names, failure):
    """U59: a name that fails is not looked up for every call, and recovers soon."""
    resolver = Resolver(names, Times(failed_s=0.2))
    names.answers["b.test"] = failure
    for _ in range(10):
        with pytest.raises(OSError, match=failure.strerror):
            await gives(resolver, "b.test")
    assert len(names.asked) < 10

    names.answers["b.test"] = ["192.0.2.2"]
    await asyncio.sleep(0.25)

    assert ["192.0.2.2"] == await gives(resolver, "b.test")


async def test_no_name_at_all(names):
    """What cannot be a name has no address."""
    resolver = Resolver()

    with pytest.raises(OSError, match="not a name"):
        await gives(resolver, "a" * 70 + ".test")


@pytest.mark.case("P32")
async def test_old_answer_serves_through_an_outage(names):
    """P32: while the name server fails, the last answer is used."""
    resolver = Resolver(names, Times(fresh_s=0, failed_s=0.1))
    await gives(resolver, "b.test")

    names.answers["b.test"] = AGAIN
    for _ in range(3):
        assert ["192.0.2.2"] == await gives(resolver, "b.test")
        assert ["192.0.2.2"] == await gives(resolver, "b.test")
        await asyncio.sleep(0.12)
    names.answers["b.test"] = ["192.0.2.3"]

    assert ["192.0.2.3"] == await gives(resolver, "b.test")


@pytest.mark.case("P32")
async def test_silent_name_server(names):
    """P32: while the name server says nothing, the last answer is used after a moment, and then at once."""
    resolver = Resolver(names, Times(fresh_s=0, wait_s=0.2, again_s=60))
    await gives(resolver, "b.test")
    gate = names.shut_for("b.test")
    loop = asyncio.get_running_loop()

    started = loop.time()
    assert ["192.0.2.2"] == await gives(resolver, "b.test")
    assert loop.time() - started > 0.15
    started = loop.time()
    for _ in range(100):
        assert ["192.0.2.2"] == await gives(resolver, "b.test")
    assert loop.time() - started < 5
    assert 2 == len(names.asked)

    names.answers["b.test"] = ["192.0.2.3"]
    gate.set()
    names.shut.clear()
    async with asyncio.timeout(10):
        while ["192.0.2.3"] != await gives(resolver, "b.test"):  # noqa: ASYNC110 - a thread tells of it
            await asyncio.sleep(0.01)


async def test_old_answer_is_forgotten_one_day(names):
    """An answer is not used for ever."""
    resolver = Resolver(names, Times(fresh_s=0, stale_s=0.05))
    await gives(resolver, "b.test")
    await asyncio.sleep(0.1)

    names.answers["b.test"] = AGAIN

    with pytest.raises(OSError, match="try again"):
        await gives(resolver, "b.test")


async def test_name_that_is_gone(names):
    """A name that the name server says does not exist any more is not used."""
    resolver = Resolver(names, Times(fresh_s=0))
    await gives(resolver, "b.test")

    names.answers["b.test"] = GONE

    with pytest.raises(OSError, match="no such name"):
        await gives(resolver, "b.test")


@pytest.mark.case("P32")
async def test_recovery_does_not_wait_for_a_lost_lookup(names):
    """P32: a lookup that got no answer in time gets another beside it, and whichever answers first counts."""
    resolver = Resolver(names, Times(again_s=0.1))
    gate = names.shut_for("b.test")
    lost = asyncio.create_task(gives(resolver, "b.test"))
    await asked(names, 1)
    await asyncio.sleep(0.15)

    names.shut.clear()

    assert ["192.0.2.2"] == await gives(resolver, "b.test", 5)
    assert ["192.0.2.2"] == await lost
    names.answers["b.test"] = AGAIN
    gate.set()  # the lost one fails, and is too late to count
    await asyncio.sleep(0.05)
    assert ["192.0.2.2"] == await gives(resolver, "b.test")


async def test_no_thread_left(names):
    """A system that gives no more threads is no fault of the name's."""
    resolver = Resolver(names)
    before = threading.stack_size(1 << 46)  # more than there is
    try:
        with pytest.raises(OSError, match="no thread"):
            await gives(resolver, "b.test")
    finally:
        threading.stack_size(before)

    assert ["192.0.2.2"] == await gives(resolver, "b.test")


def test_answer_after_the_end(names):
    """An answer that comes after the loop has ended is dropped."""
    gate = names.shut_for("b.test")

    async def leave():
        task = asyncio.create_task(gives(Resolver(names), "b.test"))
        await asked(names, 1)
        task.cancel()

    asyncio.run(leave())
    threads = [thread for thread in threading.enumerate() if thread.daemon and "_ask" in thread.name]
    gate.set()

    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()
    assert threads
