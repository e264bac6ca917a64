import ast
import gc
import inspect
import os
import random
import statistics
import sys
import time
from contextlib import suppress
from itertools import chain

import pytest

from llms import auth, session
from llms.auth import Keyring, StoredKeys
from llms.errors import InvalidRequestError, UnauthenticatedError
from llms.keys import Role, VirtualKey, digest
from llms.session import Sessions
from llms.store import StoredKey

RING = Keyring([digest("sk-one"), digest("sk-two")])


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": ["Bearer sk-one"]},
        {"authorization": ["bearer   sk-one "]},
        {"x-api-key": ["sk-one"]},
        {"api-key": ["sk-one"]},
        {"x-goog-api-key": ["sk-one"]},
        {"authorization": ["Bearer sk-one"], "x-api-key": ["sk-one"]},
        {"authorization": ["Basic abc"], "x-api-key": ["sk-one"]},
    ],
)
def test_every_carrier(headers):
    """A key is accepted in every header that clients use for one."""
    key = RING.authenticate(headers)

    assert key is not None
    assert f"key_{digest('sk-one')[:8]}" == key.id
    assert "sk-one" not in repr(key)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": ["Bearer sk-on"]},
        {"authorization": ["Bearer sk-one2"]},
        {"authorization": ["sk-one"]},
        {"authorization": ["Basic sk-one"]},
        {"authorization": ["Bearer"]},
        {"authorization": ["Bearer ｓｋ-one"]},
        {"authorization": ["Bearer \ud800"]},
        {"x-api-key": [""]},
        {"authorization": [f"Bearer {digest('sk-one')}"]},
    ],
)
def test_everything_else_is_refused_alike(headers):
    """No key, a wrong one and the digest of a right one get the same answer."""
    with pytest.raises(UnauthenticatedError) as caught:
        RING.authenticate(headers)

    assert "invalid_api_key" == caught.value.code
    assert "A valid key of this gateway is needed. Send it as 'Authorization: Bearer <key>'." == caught.value.message


def test_two_different_keys():
    """Two credentials that differ are refused: a proxy before the gateway might have looked at the other one."""
    with pytest.raises(InvalidRequestError, match="two different keys"):
        RING.authenticate({"authorization": ["Bearer sk-one"], "x-api-key": ["sk-two"]})


def test_header_twice():
    """A credential header that is there twice is refused, key or no key."""
    with pytest.raises(InvalidRequestError, match="twice"):
        Keyring([]).authenticate({"authorization": ["Bearer a", "Bearer a"]})


@pytest.mark.parametrize("value", ["Bearer null", "Bearer dummy", "Bearer ", ""])
def test_no_keys_configured(value):
    """Where no key is needed, whatever a client sends as one is ignored."""
    assert Keyring([]).authenticate({"authorization": [value]}) is None
    assert not Keyring([]).required
    assert RING.required


NOW = 1_800_000_000


class Clock:
    """A time that tests turn."""

    def __init__(self):
        self.at = NOW

    def __call__(self):
        return self.at


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def stored(clock):
    return StoredKeys(clock)


def kept(name, revision=1, *, parent=None, revoked_at=0, **fields):
    """A key as the store gives it."""
    own = {"parent": parent and ids(parent), "role": Role.MEMBER, **fields}
    return StoredKey(VirtualKey(ids(name), name, **own), digest(name), revoked_at=revoked_at, revision=revision)


def ids(name):
    return f"key_{digest(name)[:32]}"


def accepted(stored, *names):
    """Those of the secrets that are accepted."""
    return [name for name in names if stored.of_digest(digest(name))]


def test_stored_key(stored):
    """A key is known by its secret and by its id, once the store has given it."""
    before = stored.version, bool(stored)
    dead = stored.take([kept("ann", 7)])

    assert ((0, False), (1, True), 7, set()) == (before, (stored.version, bool(stored)), stored.revision, dead)
    assert kept("ann").key == stored.of_digest(digest("ann")) == stored.of_id(ids("ann"))
    assert [digest("ann")] == list(stored.digests(ids("ann")))


def test_nothing_new(stored):
    """What has not changed leaves everything as it is, so that what was read before is still good."""
    stored.take([kept("ann", 7)])
    version = stored.version

    assert (set(), version, 7) == (stored.take([]), stored.version, stored.revision)


@pytest.mark.parametrize("change", [{"revoked_at": NOW}, {"disabled": True}, {"expires_at": NOW}])
def test_no_longer_accepted(stored, change):
    """A key that is revoked, switched off or has run out is accepted in no way, and neither is what came from it."""
    stored.take([kept("ann"), kept("child", parent="ann"), kept("grandchild", parent="child"), kept("bob")])
    dead = stored.take([kept("ann", 2, **change)])

    assert {ids("ann"), ids("child"), ids("grandchild")} == dead
    assert ["bob"] == accepted(stored, "ann", "child", "grandchild", "bob")
    assert stored.of_id(ids("ann")) is None
    assert [] == list(stored.digests(ids("ann")))
    assert (True, 2, 2) == (bool(stored), stored.version, stored.revision)


def test_switched_on_again(stored):
    """A key that was switched off comes back with what came from it."""
    stored.take([kept("ann", disabled=True), kept("child", parent="ann")])
    before = accepted(stored, "ann", "child")
    stored.take([kept("ann", 2)])

    assert ([], ["ann", "child"]) == (before, accepted(stored, "ann", "child"))


def test_runs_out(stored, clock):
    """A key is not accepted from its very second on, even before anybody has looked; then its calls are ended."""
    stored.take([kept("ann", expires_at=NOW + 10), kept("child", parent="ann"), kept("bob", expires_at=NOW + 20)])
    clock.at = NOW + 9.99
    assert ["ann", "child", "bob"] == accepted(stored, "ann", "child", "bob")
    clock.at = NOW + 10
    assert ["bob"] == accepted(stored, "ann", "child", "bob")
    version = stored.version

    assert {ids("ann"), ids("child")} == stored.take([])
    assert (version + 1, set(), version + 1) == (stored.version, stored.take([]), stored.version)
    clock.at = NOW + 20
    assert {ids("bob")} == stored.take([])


def test_a_change_is_no_excuse(stored, clock):
    """A key that runs out while another one is changed is noticed all the same."""
    stored.take([kept("ann", expires_at=NOW + 10)])
    clock.at = NOW + 10

    assert {ids("ann")} == stored.take([kept("bob", 2)])


def test_another_secret(stored, clock):
    """A secret that was changed is accepted for as long as was said, and not a second longer."""
    stored.take([kept("ann")])
    changed = kept("ann", 2)._replace(digest=digest("new"), old_digest=digest("ann"), old_until=NOW + 60)
    assert set() == stored.take([changed])
    assert ["ann", "new"] == accepted(stored, "ann", "new")
    assert [digest("new"), digest("ann")] == list(stored.digests(ids("ann")))
    version = stored.version
    clock.at = NOW + 60

    assert ["new"] == accepted(stored, "ann", "new")
    assert [digest("new")] == list(stored.digests(ids("ann")))
    assert (set(), version + 1) == (stored.take([]), stored.version)


def test_another_secret_at_once(stored):
    """Without grace the old secret ends with the change; so do those before it."""
    stored.take([kept("ann")])
    stored.take([kept("ann", 2)._replace(digest=digest("new"), old_digest=digest("ann"), old_until=NOW + 60)])
    stored.take([kept("ann", 3)._replace(digest=digest("newest"))])

    assert ["newest"] == accepted(stored, "ann", "new", "newest")


def test_a_child_is_worth_no_more(stored):
    """A key is accepted with no right that the one that made it does not have now."""
    stored.take([kept("ann", models=("gpt-*",), team="red"), kept("child", parent="ann", models=("gpt-4", "o3"))])
    before = stored.of_id(ids("child"))
    stored.take([kept("ann", 2, models=("o3",), team="blue")])
    after = stored.of_id(ids("child"))

    assert [(("gpt-4",), "red"), (("o3",), "blue")] == [(key.models, key.team) for key in (before, after)]
    assert [kept("ann", 2, models=("o3",), team="blue").key] == stored.above(after)
    assert [] == stored.above(stored.of_id(ids("ann")))
    assert {ids("ann"), ids("child")} == stored.family([ids("ann")])


def test_a_child_comes_first(stored):
    """A key whose parent is not known yet is not accepted; once it is known, it is."""
    stored.take([kept("child", 2, parent="ann")])
    before = accepted(stored, "child")
    stored.take([kept("ann", 3)])

    assert ([], ["child"]) == (before, accepted(stored, "child"))


def test_a_circle(stored):
    """Keys that come from each other, as a broken store may say, hang nothing, and are not accepted."""
    stored.take([kept("a", 1, parent="b"), kept("b", 2, parent="a"), kept("c", 3, parent="c")])

    assert [] == accepted(stored, "a", "b", "c")


@pytest.fixture
def ring(stored, clock):
    return Keyring([digest("sk-own")], stored, Sessions("secret"), clock)


def cookie(key_id, secret):
    return f"theme=dark; llms_session={Sessions('secret').issue(key_id, digest(secret), NOW, 'n' * 22)}"


def test_required(stored, clock):
    """Once there has been a key one is needed, even if that was the last and is revoked."""
    ring = Keyring([], stored, None, clock)
    before = ring.required, ring.authenticate({})
    stored.take([kept("ann", revoked_at=NOW)])

    assert ((False, None), True) == (before, ring.required)
    with pytest.raises(UnauthenticatedError):
        ring.authenticate({})


def test_all_refusals_are_alike(ring, stored):
    """Whether a key is unknown, revoked, switched off or has run out is told to nobody."""
    stored.take([kept("a", revoked_at=1), kept("b", disabled=True), kept("c", expires_at=NOW), kept("d", parent="x")])
    said = set()
    for name in ("a", "b", "c", "d", "unknown"):
        with pytest.raises(UnauthenticatedError) as caught:
            ring.authenticate({"authorization": [f"Bearer {name}"]})
        said.add((caught.value.message, caught.value.code, caught.value.http_status()))

    assert 1 == len(said)


@pytest.mark.parametrize(("name", "secret"), [("ann", "ann"), ("sk-own", "sk-own")])
def test_session(ring, stored, clock, name, secret):
    """A cookie stands for the key that it was given for: one of the store, or one of the operator's own."""
    stored.take([kept("ann")])
    key_id = ids(name) if name == "ann" else f"key_{digest(secret)[:8]}"

    found = ring.authenticate({"cookie": [cookie(key_id, secret)]})

    assert key_id == found.id
    clock.at = NOW + 12 * 3600
    with pytest.raises(UnauthenticatedError):
        ring.authenticate({"cookie": [cookie(key_id, secret)]})


def test_session_ends_with_its_key(ring, stored):
    """A cookie of a key that is revoked, or whose secret was changed, is worth nothing."""
    stored.take([kept("ann"), kept("bob")])
    stored.take([kept("ann", 2, revoked_at=NOW), kept("bob", 3)._replace(digest=digest("new"))])

    for name in ("ann", "bob"):
        with pytest.raises(UnauthenticatedError):
            ring.authenticate({"cookie": [cookie(ids(name), name)]})


def test_a_header_goes_before_a_cookie(ring, stored):
    """A browser sends its cookie with whatever a page sends: a key that is shown counts alone, even a wrong one."""
    stored.take([kept("ann"), kept("bob")])
    both = {"x-api-key": ["bob"], "cookie": [cookie(ids("ann"), "ann")]}

    assert "bob" == ring.authenticate(both).name
    with pytest.raises(UnauthenticatedError):
        ring.authenticate({**both, "x-api-key": ["wrong"]})


def test_several_cookies(ring, stored):
    """Of several cookies the one that is right counts, whatever else a browser has."""
    stored.take([kept("ann")])
    headers = {"cookie": ["llms_session=old; a=b", f"llms_session=x; {cookie(ids('ann'), 'ann')}"]}

    assert "ann" == ring.authenticate(headers).name
    assert Keyring([], stored, None).required
    with pytest.raises(UnauthenticatedError):
        Keyring([], stored, None).authenticate(headers)


def test_versions(ring, stored):
    """What was read before counts no longer than until anything may have changed."""
    before = ring.version
    stored.take([kept("ann")])

    assert before != ring.version
    assert ["server.keys"] == [key.name for key in ring.own]


SECRET = "sk-llms-" + "Qm7xV2" * 7
SAMPLES = int(os.environ.get("LLMS_KEY_SAMPLES", "0"))
"""Times that are taken of guesses, besides what is counted: 200,000 tell a difference of some nanoseconds."""


def guesses(secret):
    """Give guesses of one length, each of which has one more character of the secret."""
    other = "0" if "0" not in secret else "~"
    return [secret[:shared] + other * (len(secret) - shared) for shared in range(len(secret))]


def asks(ring, headers):
    with suppress(UnauthenticatedError):
        ring.authenticate(headers)


def steps(work):
    """Give how many of the interpreter's instructions a piece of work takes, and which functions of C's it calls."""
    count, called = 0, []

    def trace(frame, event, _argument):
        nonlocal count
        frame.f_trace_opcodes = True
        count += event == "opcode"
        return trace

    def profile(_frame, event, argument):
        if event == "c_call":
            called.append(argument.__name__)

    before = sys.gettrace(), sys.getprofile()
    gc.disable()  # or what other tests have left might be finalized here, and counted
    sys.settrace(trace)
    sys.setprofile(profile)
    try:
        work()
    finally:
        sys.settrace(before[0])
        sys.setprofile(before[1])
        gc.enable()
    return count, tuple(called)


@pytest.fixture
def locked(stored, clock):
    """A keyring with a key of the operator's, one of the store's and one that it had before, all with the same secret's form."""
    older = kept("old")._replace(old_digest=digest(SECRET[:-1] + "b"), old_until=NOW + 60)
    stored.take([kept("ann")._replace(digest=digest(SECRET)), older])
    return Keyring([digest(SECRET[:-1] + "a")], stored, Sessions("secret"), clock)


@pytest.mark.interpreted
@pytest.mark.case("A03")
@pytest.mark.parametrize("last", ["", "a", "b"], ids=["stored", "own", "older"])
def test_a_guess_tells_nothing(locked, last, record_property):
    """However much of a right key a guess has, it takes the very same instructions: nothing is compared but digests."""
    secret = SECRET[: len(SECRET) - len(last)] + last
    made = {steps(lambda guess=guess: asks(locked, {"x-api-key": [guess]})) for guess in guesses(secret)}

    [(count, called)] = made
    assert "compare_digest" in " ".join(called)
    assert count > 50
    record_property("came_out", f"{count} instructions for each of {len(secret)} guesses")
    if SAMPLES:
        t = welch(locked, secret)
        record_property("came_out", f"{SAMPLES} times: t = {t:.1f}")
        assert abs(t) < 4.5


def welch(ring, secret):
    """Give Welch's t of the times of guesses that have all of a key but its end, against those that have none of it."""
    chance = random.Random(0)  # noqa: S311 - of a test
    times = ([], [])
    for _ in range(SAMPLES):
        guess = "".join(
            chance.choices("abcdefgh", k=len(secret))
        )  # another one each time: each digest has its own place
        far = chance.random() < 0.5
        headers = {"x-api-key": [(guess if far else secret)[:-6] + guess[-6:]]}
        before = time.perf_counter_ns()
        asks(ring, headers)
        times[far].append(time.perf_counter_ns() - before)
    limit = sorted(chain(*times))[int(SAMPLES * 0.9)]  # what is above it was somebody else's
    one, other = ([took for took in taken if took <= limit] for taken in times)
    spread = statistics.variance(one) / len(one) + statistics.variance(other) / len(other)
    return (statistics.fmean(one) - statistics.fmean(other)) / spread**0.5


@pytest.mark.case("A03")
def test_a_guess_of_a_cookie_tells_nothing(ring, stored, record_property):
    """The same for cookies: of a signature all of it is compared, always."""
    stored.take([kept("ann")])
    head, _, signature = cookie(ids("ann"), "ann").rpartition(".")
    forged = [signature[:shared] + ("0" if signature[shared] != "0" else "1") * (64 - shared) for shared in range(64)]

    made = {steps(lambda one=one: asks(ring, {"cookie": [f"{head}.{one}"]})) for one in forged}

    [(count, called)] = made
    assert "compare_digest" in " ".join(called)
    record_property("came_out", f"{count} instructions for each of 64 guesses of a cookie")


@pytest.mark.interpreted
@pytest.mark.case("A03")
def test_no_secret_is_compared():
    """Nothing of a secret, a digest or a signature is compared with ==, which ends at the first difference."""
    compared = [
        ast.unparse(node)
        for module in (auth, session)
        for node in ast.walk(ast.parse(inspect.getsource(module)))
        if isinstance(node, ast.Compare) and any(isinstance(one, ast.Eq | ast.NotEq) for one in node.ops)
    ]

    assert ["name == 'authorization'", "scheme.lower() != 'bearer'"] == compared


@pytest.mark.case("K15")
@pytest.mark.parametrize("place", [0, 31, 63])
def test_the_whole_digest_counts(stored, place):
    """A key whose digest differs in one digit, wherever, is another key."""
    known = digest("ann")
    near = known[:place] + ("0" if known[place] != "0" else "1") + known[place + 1 :]
    stored.take([kept("ann")._replace(digest=near)])

    assert (None, True) == (stored.of_digest(known), stored.of_digest(near) is not None)
    assert Keyring([near]).own
    with pytest.raises(UnauthenticatedError):
        Keyring([near]).authenticate({"x-api-key": ["ann"]})


@pytest.mark.interpreted
@pytest.mark.case("K15")
def test_nothing_is_kept_of_a_wrong_key(ring, stored):
    """However many wrong keys come, no more is known than before; one that is made afterwards is accepted at once."""
    stored.take([kept("ann")])

    def held():
        parts = (*vars(ring).values(), *vars(stored).values())
        return [len(part) for part in parts if isinstance(part, dict | set | list)]

    before = held()
    for number in range(2_000):
        asks(ring, {"x-api-key": [f"wrong {number}"]})
    after = held()
    stored.take([kept("wrong 7", 2)])

    assert before == after
    assert "wrong 7" == ring.authenticate({"x-api-key": ["wrong 7"]}).name
