"""What is told, and kept, of what was tried."""

import json

import pytest

from llms.errors import (
    DrainingError,
    FirstByteTimeoutError,
    KeyDisabledError,
    UpstreamFailedError,
    UpstreamOverloadedError,
)
from llms.records import Call, Target
from llms.trail import Trail

A, B = Target("a", "m"), Target("b", "m", credential="KEY_B")
CALL = Call("req_1", 0, "chat.completions", "m", stream=False, body={})


def tried(trail, target, failure=None):
    trail.attempted(target, "ok" if failure is None else failure.code or failure.type, duration_s=0.5)


def test_attempts():
    """How each one ended."""
    trail = Trail(CALL)
    for failure in (UpstreamOverloadedError("x"), None):
        tried(trail, A, failure)

    assert ["overloaded", "ok"] == [one.outcome for one in trail.record().attempts]
    assert all(one.duration_s == 0.5 for one in trail.record().attempts)


def test_one_target_is_not_told_of():
    """Where nothing else was tried the failure speaks for itself."""
    trail = Trail(CALL)
    tried(trail, A, UpstreamOverloadedError("x"))

    assert "No." == trail.told(UpstreamOverloadedError("No.")).message


def test_several_are_told_of():
    """Who was tried with what outcome, how often, and who was not tried and why; each once."""
    trail = Trail(CALL)
    trail.skip([(B, "circuit open for 5.0 s")])
    for failure in (UpstreamOverloadedError("x"), UpstreamOverloadedError("x"), UpstreamFailedError("x")):
        tried(trail, A, failure)
    trail.skip([(B, "circuit open for 5.0 s")])

    assert (
        "No. Tried: a/m: overloaded (2 times), upstream_error; b/m@KEY_B: not tried, circuit open for 5.0 s."
        == trail.told(UpstreamOverloadedError("No.")).message
    )


@pytest.mark.parametrize(
    ("failure", "attempted", "status"),
    [
        (DrainingError("x"), True, "draining"),
        (FirstByteTimeoutError("x"), True, "timeout"),
        (KeyDisabledError("x"), True, "rejected"),
        (UpstreamFailedError("x"), True, "upstream_error"),
        (UpstreamFailedError("x"), False, "rejected"),
    ],
)
def test_status(failure, attempted, status):
    """What kind of failure it was."""
    trail = Trail(CALL)
    if attempted:
        tried(trail, A)
    trail.failed(failure)

    assert (status, failure.code) == (trail.record().status, trail.record().code)


def test_nobody_said_how_it_ended():
    """That is a bug, and the record says so."""
    assert ("internal", "internal_error") == (Trail(CALL).record().status, Trail(CALL).record().code)


def test_first_byte():
    """The time from the call to its answer's beginning; none if there was none."""
    trail = Trail(CALL)
    assert None is trail.record().first_byte_s

    trail.began(Target("demo", "demo"))
    assert 0 <= trail.record().first_byte_s <= trail.record().duration_s


def many(name):
    trail = Trail(CALL)
    targets = [Target("a", f"{index}{name}") for index in range(100)]
    trail.planned(targets, [(target, name) for target in targets])
    for target in targets:
        tried(trail, target, UpstreamOverloadedError("x", code="c" * 60))
    return trail


@pytest.mark.parametrize("name", ["m", "m" * 500, "é" * 500, "\N{GRINNING FACE}" * 500, '"' * 500])
def test_header_is_never_too_long(name):
    """Clients and proxies refuse more than 8 KiB of headers, and a letter may take twelve in ASCII."""
    value = many(name).header()

    assert len(value) <= 6 << 10
    assert all(4 <= len(entries) <= 16 for entries in json.loads(value).values())


def test_message_tells_of_the_first():
    """Of very many; and how many there are."""
    message = many("m").told(UpstreamOverloadedError("No.")).message

    assert message.endswith("; and 184 more.")
    assert len(message) < 2000
