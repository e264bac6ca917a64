import pytest

from llms.auth import Keyring
from llms.errors import InvalidRequestError, UnauthenticatedError
from llms.keys import digest

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
