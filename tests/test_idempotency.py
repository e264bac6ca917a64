"""Keys, digests and the memory of answers; the gateway's use of them is in tests/faults/test_client_idempotency.py."""

import gc
import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llms import idempotency, idempotency_shared
from llms.errors import (
    AnswerNotKeptError,
    IdempotencyInProgressError,
    IdempotencyMismatchError,
    InvalidRequestError,
)
from llms.idempotency import Answer, Name
from llms.idempotency_memory import Bounds, Memory
from tests.support.clock import Clock

NAME = Name("key_1", "chat.completions", "k")
SAME = b"same"


def memory(clock=None, **bounds):
    return Memory(clock or Clock(), Bounds(**bounds))


async def kept(store, name=NAME, body=b"answer", digest=SAME, status=200):
    claim = await store.claim(name, digest)
    claim.add(body)
    claim.keep(status, {"x": "y"})


def named(number):
    return Name("", "chat.completions", str(number))


@pytest.mark.parametrize("key", ["k", "x" * 255, "7f6c a!~", '"8e03978e"'])
def test_keys(key):
    """1 to 255 printable ASCII characters are a key, as it stands."""
    assert key == idempotency.checked(key)


@pytest.mark.parametrize("key", ["", "x" * 256, "é", "a\tb", "a\x00", "\x7f", "\u2028", "\udcff"])
def test_no_keys(key):
    """Anything else is refused, in words that name the header and do not repeat it."""
    with pytest.raises(InvalidRequestError, match="Idempotency-Key") as caught:
        idempotency.checked(key)

    assert not key.strip() or key not in caught.value.message


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ({"a": [{"b": 1, "c": {"d": 2, "e": 3}}]}, {"a": [{"c": {"e": 3, "d": 2}, "b": 1}]}),
        ({"a": {"\ud83d": 1, "b": 2}}, {"a": {"b": 2, "\ud83d": 1}}),
    ],
)
def test_same_body(one, other):
    """The order of fields does not matter, at any depth."""
    assert idempotency.digest(one) == idempotency.digest(other)


def test_other_bodies():
    """What differs in a value, a type, an order of parts or the place of a part has another digest."""
    bodies = [
        {},
        {"a": None},
        {"a": []},
        {"a": {}},
        {"a": ""},
        {"a": [1, 2]},
        {"a": [2, 1]},
        {"a": [[1, 2]]},
        {"a": [1], "b": [2]},
        {"a": [1, 2], "b": []},
        {"a": 1},
        {"a": 1.0},
        {"a": True},
        {"a": "1"},
        {"a": "\ud83d"},
        {"a": "\\ud83d"},
        {"a": "x\n]\n"},
        {"a": ["x"], "x": 1},
        {"ab": 1},
    ]

    assert len(bodies) == len({idempotency.digest(body) for body in bodies})


async def test_given_again():
    """What was kept is given again, piece after piece joined; with another body it is a mismatch."""
    store = memory()
    claim = await store.claim(NAME, SAME)
    for piece in (b"a", b"", b"bc"):
        claim.add(piece)
    claim.keep(200, {"x": "y"})

    assert Answer(200, {"x": "y"}, b"abc") == await store.claim(NAME, SAME)
    with pytest.raises(IdempotencyMismatchError):
        await store.claim(NAME, b"other")
    assert 3 == store.size


async def test_copied_once():
    """A kept answer is as long in memory as it is: orjson's results, which are small answers, may take ten times that."""
    store = memory()
    piece = b"a whole answer"
    await kept(store, body=piece)

    answer = await store.claim(NAME, SAME)
    assert piece == answer.body
    assert piece is not answer.body


async def test_while_it_runs():
    """While the first one runs the same body is told to wait, and another one that it will never do."""
    store = memory()
    await store.claim(NAME, SAME)

    with pytest.raises(IdempotencyInProgressError) as caught:
        await store.claim(NAME, SAME)
    with pytest.raises(IdempotencyMismatchError):
        await store.claim(NAME, b"other")
    assert (True, 1) == (caught.value.should_retry, caught.value.retry_after_s)


async def test_freed():
    """A freed key is new again, for any body, and nothing of it is counted."""
    store = memory()
    claim = await store.claim(NAME, SAME)
    claim.add(b"half")
    claim.free()

    assert (0, 0) == (len(store), store.size)
    assert not isinstance(await store.claim(NAME, b"other"), Answer)


async def test_first_word_counts():
    """What is said of a claim after its end changes nothing, neither for it nor for one that came after it."""
    store = memory()
    first = await store.claim(NAME, SAME)
    first.add(b"whole")
    first.keep(200, {})
    first.add(b"more")
    first.keep(500, {})
    first.free()
    other = await store.claim(named(2), SAME)
    other.free()
    other.keep(200, {})
    again = await store.claim(named(2), SAME)
    other.add(b"x")
    other.free()

    assert b"whole" == (await store.claim(NAME, SAME)).body
    with pytest.raises(IdempotencyInProgressError):
        await store.claim(named(2), SAME)
    again.free()
    assert 5 == store.size


@pytest.mark.parametrize("other", [NAME._replace(tenant="key_2"), NAME._replace(endpoint="x"), NAME._replace(key="K")])
async def test_apart(other):
    """Another tenant, endpoint or key is another name."""
    store = memory()
    await kept(store)

    assert not isinstance(await store.claim(other, b"other"), Answer)


async def test_too_long():
    """An answer over the limit is not kept: its bytes are let go at once, and the key says so from then on."""
    store = memory(answer_bytes=1000)
    claim = await store.claim(NAME, SAME)
    claim.add(b"x" * 900)
    claim.add(b"x" * 100)
    assert 0 == store.size
    claim.add(b"x")
    claim.keep(200, {})

    with pytest.raises(AnswerNotKeptError, match="new key"):
        await store.claim(NAME, SAME)
    with pytest.raises(IdempotencyMismatchError):
        await store.claim(NAME, b"other")
    assert (1, 0) == (len(store), store.size)


async def test_no_memory_for_it():
    """An answer for which there is no memory in the end is too long, and its key is not stuck."""

    class Scarce:
        def __iter__(self):
            raise MemoryError

    store = memory()
    claim = await store.claim(NAME, SAME)
    claim.add(b"x")
    claim._pieces = Scarce()
    claim.keep(200, {})

    with pytest.raises(AnswerNotKeptError):
        await store.claim(NAME, SAME)
    assert (1, 0) == (len(store), store.size)


async def test_least_recently_used_goes():
    """Of more keys than there is room for, those that were not asked for longest are forgotten."""
    store = memory(entries=3)
    for number in range(3):
        await kept(store, named(number))
    await store.claim(named(0), SAME)
    await kept(store, named(3))

    assert (3, 18) == (len(store), store.size)
    assert [named(2), named(0), named(3)] == list(store._kept)


async def test_running_is_not_forgotten():
    """A call that runs keeps its key, however many come."""
    store = memory(entries=3)
    await store.claim(NAME, SAME)
    for number in range(10):
        await kept(store, named(number))
    running = [await store.claim(named(100 + number), SAME) for number in range(5)]

    assert 6 == len(store)
    with pytest.raises(IdempotencyInProgressError):
        await store.claim(NAME, SAME)
    for claim in running:
        claim.free()


async def test_bytes_are_bounded():
    """Answers that are kept make room for one that is written; where only such are left, it is too long."""
    store = memory(total_bytes=1000)
    for number in range(4):
        await kept(store, named(number), b"x" * 200)
    one = await store.claim(named(10), SAME)
    other = await store.claim(named(11), SAME)
    one.add(b"x" * 500)
    assert store.size <= 1000
    other.add(b"x" * 400)
    assert 564 == store.size
    other.add(b"x")
    one.keep(200, {})
    other.keep(200, {})

    assert b"x" * 500 == (await store.claim(named(10), SAME)).body
    with pytest.raises(AnswerNotKeptError):
        await store.claim(named(11), SAME)
    assert (2, 500) == (len(store), store.size)


async def test_age():
    """After a day a key is new again, used meanwhile or not; nothing older is left once a key comes."""
    clock = Clock()
    store = memory(clock)
    await kept(store)
    await kept(store, named(1))
    clock.now += 24 * 3600 - 1
    assert isinstance(await store.claim(NAME, SAME), Answer)
    clock.now += 2

    assert not isinstance(await store.claim(named(2), SAME), Answer)
    assert 1 == len(store)
    assert not isinstance(await store.claim(NAME, b"other"), Answer)


async def test_age_behind_a_younger_one():
    """An old answer that stands behind a younger one, as it was used later, is not given either."""
    clock = Clock()
    store = memory(clock, age_s=100)
    await kept(store)
    clock.now += 50
    await kept(store, named(1))
    assert isinstance(await store.claim(NAME, SAME), Answer)
    clock.now += 51

    assert not isinstance(await store.claim(NAME, SAME), Answer)
    assert 2 == len(store)


async def test_ten_thousand_keys():
    """30,000 keys with answers of a kilobyte take what the bounds say, and not much besides."""
    store = memory(total_bytes=4 << 20)
    gc.collect()
    tracemalloc.start()
    try:
        for number in range(30_000):
            await kept(store, Name("key_12345678", "chat.completions", f"{number:0255}"), number.to_bytes(4) * 256)
        gc.collect()
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert store.size <= 4 << 20
    assert 3900 < len(store) <= 4096
    assert taken < 12 << 20


parts = st.text('ab\n:,[]{}"1', max_size=3)
values = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from([0.0, 1.0]) | parts,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(parts, inner, max_size=2),
    max_leaves=4,
)
bodies = st.dictionaries(parts, values, max_size=3)
cuts = st.tuples(st.integers(0, 5), st.integers(0, 5)).map(sorted)


@pytest.mark.case("K07")
@given(bodies, bodies)
def test_only_equal_bodies_are_one(one, other):
    """Two bodies have one digest if their JSON is the same, whatever the order of fields, and only then."""
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)

    assert same is (idempotency.digest(one) == idempotency.digest(other))
    assert idempotency.digest(one) == idempotency.digest(json.loads(json.dumps(dict(reversed(one.items())))))


@pytest.mark.case("K07")
@given(st.text("ab.1", min_size=5, max_size=5), cuts, cuts)
def test_only_equal_names_are_one(text, one, other):
    """No tenant, endpoint and key are what another three are that read the same in a row, on a shared shelf either."""
    first, second = (Name(text[:cut], text[cut:end], text[end:]) for cut, end in (one, other))

    assert (first == second) is (idempotency_shared._key(first) == idempotency_shared._key(second))
