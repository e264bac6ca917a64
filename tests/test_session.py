"""Cookies that stand for a key."""

import pytest

from llms.keys import digest
from llms.session import MAX_AGE_S, Sessions, values

ID = "key_" + "ab" * 16
OURS = digest("sk-llms-one")
NONCE = "n" * 22
NOW = 1_800_000_000
VALUE = Sessions("secret").issue(ID, OURS, NOW, NONCE)


def check(value, *, now=NOW, signed_with="secret", digests=(OURS,)):
    return Sessions(signed_with).check(value, now, lambda key_id: digests if key_id == ID else ())


def test_whose_it_is():
    """A cookie stands for the key that it was given for, for twelve hours."""
    assert ID == check(VALUE)
    assert ID == check(VALUE, now=NOW + MAX_AGE_S - 1)
    assert check(VALUE, now=NOW + MAX_AGE_S) is None


def test_changed_secret():
    """It ends with the secret that it was given for; while an old one is accepted, so is its cookie."""
    newer = digest("sk-llms-two")

    assert ID == check(VALUE, digests=(newer, OURS))
    assert check(VALUE, digests=(newer,)) is None
    assert check(VALUE, digests=()) is None


@pytest.mark.parametrize("position", range(len(VALUE)))
def test_every_letter_counts(position):
    """No letter of it can be another."""
    other = "0" if VALUE[position] != "0" else "1"

    assert check(VALUE[:position] + other + VALUE[position + 1 :]) is None


@pytest.mark.parametrize(
    "value", ["", ".", "...", VALUE + "0", VALUE[:-1], VALUE.upper(), " " + VALUE, VALUE + "\n", "ü" * 90, VALUE * 2]
)
def test_what_is_none(value):
    """Whatever else is in a cookie stands for nobody."""
    assert check(value) is None


def test_signed_by_others():
    """A cookie that is signed with another secret is none."""
    assert check(VALUE, signed_with="other") is None


def test_in_a_header():
    """Ours are found among other cookies, under either name."""
    assert ["a.b", "c", ""] == values("x=y; llms_session=a.b;__Host-llms_session=c ; llms_session=; llms_sessions=d; e")
    assert [] == values("")
