import pytest

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
