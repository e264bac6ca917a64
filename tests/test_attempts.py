"""What of a request a target gets."""

import pytest

from llms.attempts import adapted
from llms.records import Call, Target


def sent(body, **target):
    call = Call("req_1", 0, "chat.completions", "m", stream=False, body=body)
    return dict(adapted(call, Target("a", "m", **target)).body)


def test_untouched():
    """Where nothing is configured the very call goes on."""
    call = Call("req_1", 0, "chat.completions", "m", stream=False, body={"top_p": 1})

    assert adapted(call, Target("a", "m")) is call


@pytest.mark.parametrize(
    ("body", "target", "expected"),
    [
        ({"top_p": 1}, {"defaults": {"top_p": 0.5, "seed": 1}}, {"top_p": 1, "seed": 1}),
        ({"top_p": 1}, {"overrides": {"top_p": 0.5, "seed": 1}}, {"top_p": 0.5, "seed": 1}),
        ({"top_p": 1, "seed": 1}, {"drop": ("top_p", "user")}, {"seed": 1}),
        ({"top_p": 1}, {"drop": ("top_p",), "defaults": {"top_p": 0.5}}, {"top_p": 0.5}),
        ({}, {"defaults": {"seed": 1}, "overrides": {"seed": 2}}, {"seed": 2}),
        ({"max_tokens": 5}, {"defaults": {"max_completion_tokens": 9}}, {"max_tokens": 5}),
        ({"max_tokens": 5}, {"overrides": {"max_completion_tokens": 9}}, {"max_completion_tokens": 9}),
        ({"max_completion_tokens": 5}, {"overrides": {"max_tokens": 9}}, {"max_tokens": 9}),
        ({"max_completion_tokens": 5}, {"drop": ("max_tokens",)}, {"max_completion_tokens": 5}),
        ({}, {"defaults": {"max_tokens": 9}, "overrides": {"max_completion_tokens": 5}}, {"max_completion_tokens": 5}),
    ],
)
def test_adapted(body, target, expected):
    """Less what is dropped, defaults where nothing is, overrides in any case; the two token limits are one field."""
    before = dict(body)

    assert expected == sent(body, **target)
    assert before == body
