"""``llms keys``, on the store itself: what it says, and what it asks for."""

import json
import re
import time

import pytest

from llms.keys import digest

CONFIG = {"server": {"port": 1}, "providers": {}}


@pytest.fixture
def offline(llms, tmp_path):
    """Run a command on a store of the test's own."""

    def run(*arguments, **more):
        environ = {"LLMS_STORE": f"sqlite:{tmp_path}/llms.db"}
        return llms(*arguments, "--offline", config=CONFIG, environ=environ, **more)

    run("keys", "add", "boss", "--role", "admin")
    return run


def told(result):
    """What is said of a key, by name."""
    assert 0 == result.exit_code, result.stderr
    return dict(re.split(r"  +", line.strip(), maxsplit=1) for line in result.stdout.splitlines())


def test_no_keys(llms, tmp_path):
    """Where there is no key, it says how to make the first one."""
    done = llms("keys", "list", "--offline", config=CONFIG, environ={"LLMS_STORE": f"sqlite:{tmp_path}/x.db"})

    assert "No keys. Make the first one with: llms keys add NAME --role admin\n" == done.stdout


def test_first_key(llms, tmp_path):
    """The first key is an admin's, or none."""
    environ = {"LLMS_STORE": f"sqlite:{tmp_path}/x.db"}

    refused = llms("keys", "add", "x", "--offline", config=CONFIG, environ=environ)

    assert (1, "") == (refused.exit_code, refused.stdout)
    assert refused.stderr.startswith("llms: The first key must be an admin's")


def test_added(offline):
    """All that can be said of a key can be said here, in dollars; its secret is printed, this once."""
    options = ["--role", "member", "--owner", "ann@example.org", "--team", "red", "--model", "gpt-*", "--model", "o3"]
    options += ["--endpoint", "embeddings", "--rpm", "60", "--tpm", "1000", "--concurrency", "4", "--keep-bodies"]
    options += ["--budget-day", "0.25", "--budget-week", "$2", "--budget-month", "50", "--budget-total", "1000"]

    added = offline("keys", "add", "ann", *options, "--expires", "30d")
    found = json.loads(offline("keys", "show", "ann", "--json").stdout)

    said = told(added)
    assert "The secret is kept nowhere and shown this once.\n" == added.stderr
    assert said["secret"].startswith(found["prefix"])
    assert {
        "id": found["id"],
        "name": "ann",
        "role": "member",
        "owner": "ann@example.org",
        "team": "red",
        "parent": None,
        "models": ["gpt-*", "o3"],
        "endpoints": ["embeddings"],
        "limits": {
            "rpm": 60,
            "tpm": 1000,
            "concurrency": 4,
            "budgets_micros": {"total": 10**9, "day": 250_000, "week": 2_000_000, "month": 50_000_000},
        },
        "expires_at": found["expires_at"],
        "disabled": False,
        "keeps_bodies": True,
        "prefix": said["secret"][:14],
        "created_at": found["created_at"],
        "revoked_at": None,
        "changeable": True,
    } == found
    assert abs(found["expires_at"] - time.time() - 30 * 86_400) < 100
    budgets = "$0.25 a day, $2.00 a week, $50.00 a month, $1,000.00 in all"
    assert f"60 rpm, 1000 tpm, 4 at once, {budgets}" == said["limits"]
    assert said["state"].startswith("on until 2")


def test_the_table(offline):
    """A line for each key, whole and without colour into a pipe, and no name that colours it."""
    offline("keys", "add", "[red]x", "--rpm", "5")

    lines = offline("keys", "list").stdout.splitlines()

    words = [re.split(r"  +", line) for line in lines]
    assert ["name", "role", "team", "models", "limits", "state", "secret", "id"] == words[0]
    assert {"boss", "[red]x"} == {line[0] for line in words[1:]}
    assert all(
        re.fullmatch(r"sk-llms-.{6}…", line[-2]) and re.fullmatch("key_[0-9a-f]{32}", line[-1]) for line in words[1:]
    )


def test_changed(offline):
    """What is named is changed, what is not stays."""
    offline("keys", "add", "ann", "--rpm", "60", "--budget-day", "1", "--expires", "2030-01-01", "--model", "o3")

    offline(
        "keys",
        "change",
        "ann",
        "--rpm",
        "none",
        "--budget-total",
        "none",
        "--budget-week",
        "3",
        "--disable",
        "--name",
        "Ann",
    )
    found = json.loads(offline("keys", "change", "Ann", "--expires", "never", "--json").stdout)

    limits = found["limits"]
    assert (None, 1_000_000, 3_000_000) == (
        limits["rpm"],
        limits["budgets_micros"]["day"],
        limits["budgets_micros"]["week"],
    )
    assert (True, "Ann", None, ["o3"]) == (found["disabled"], found["name"], found["expires_at"], found["models"])
    every = json.loads(offline("keys", "change", "Ann", "--model", "all", "--endpoint", "all", "--json").stdout)
    assert ([], []) == (every["models"], every["endpoints"])
    assert "off" == told(offline("keys", "show", "Ann"))["state"]
    assert "on" == told(offline("keys", "change", "Ann", "--enable"))["state"]


def test_ended(offline):
    """A key that has run out is said to have."""
    offline("keys", "add", "ann")

    assert "ended 2020-01-02" == told(offline("keys", "change", "ann", "--expires", "2020-01-02"))["state"]


def test_rotated(offline):
    """A key gets another secret; the one before is accepted for as long as is said."""
    first = told(offline("keys", "add", "ann"))

    second = json.loads(offline("keys", "rotate", "ann", "--grace", "60", "--json").stdout)

    assert first["id"] == second["id"]
    assert first["secret"] != second["secret"]
    assert digest(first["secret"]) != digest(second["secret"])


def test_revoked(offline):
    """A revoked key is not in the list, unless that is asked for; its name can be another's."""
    offline("keys", "add", "ann")

    revoked = told(offline("keys", "revoke", "ann"))
    again = told(offline("keys", "revoke", "ann"))
    offline("keys", "add", "ann")

    assert revoked["state"].startswith("revoked 2")
    assert revoked == again
    assert 2 == len(json.loads(offline("keys", "list", "--json").stdout))
    assert 3 == len(json.loads(offline("keys", "list", "--revoked", "--json").stdout))
    assert "on" == told(offline("keys", "show", "ann"))["state"]


def test_named_by(offline):
    """A key is named by its id, its name or how its secret begins; where that is not one key, it says so."""
    one = told(offline("keys", "add", "ann"))

    for name in ("ann", one["id"], one["secret"][:14]):
        assert one["id"] == told(offline("keys", "show", name))["id"]
    none = offline("keys", "show", "nobody")
    gone = offline("keys", "show", "key_" + "0" * 32)
    offline("keys", "add", "ann")
    two = offline("keys", "show", "ann")

    assert (1, "llms: no key is called 'nobody'; see: llms keys list\n") == (none.exit_code, none.stderr)
    assert (1, "llms: There is no such key. GET /admin/v1/keys lists those that there are.\n") == (
        gone.exit_code,
        gone.stderr,
    )
    assert two.stderr.startswith("llms: 2 keys are called 'ann'; name one by its id: key_")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--budget-day", "x"], "must be dollars"),
        (["--budget-day", "-1"], "must be dollars"),
        (["--budget-day", "0.0000001"], "must be dollars"),
        (["--budget-day", "nan"], "must be dollars"),
        (["--budget-day", "1e99999999"], "must be dollars"),
        (["--rpm", "1.5"], "must be a whole number"),
        (["--rpm", "-1"], "must be a whole number"),
        (["--expires", "soon"], "is no time"),
        (["--role", "root"], "is not one of"),
    ],
)
def test_wrong_options(offline, options, words):
    """A mistake ends with what would be right, and the status of wrong usage."""
    done = offline("keys", "add", "x", *options)

    assert (2, True) == (done.exit_code, words in done.stderr)


def test_nothing_to_change(offline):
    """A change of nothing is a mistake."""
    done = offline("keys", "change", "boss")

    assert (2, True) == (done.exit_code, "Say what to change" in done.stderr)


def test_refused(offline):
    """What the gateway would refuse is refused here, in the same words."""
    done = offline("keys", "add", "x" * 201)

    assert (1, "llms: name must have at most 200 characters.\n") == (done.exit_code, done.stderr)


def test_no_store(llms):
    """Without a store there is nothing to work on."""
    done = llms("keys", "list", "--offline", config=CONFIG, environ={"LLMS_STORE": "none"})

    assert (1, "llms: no store is configured; set store.url, or LLMS_STORE\n") == (done.exit_code, done.stderr)


def test_a_store_that_is_none(llms, tmp_path):
    """A file that is no store of ours is left alone."""
    (tmp_path / "x.db").write_text("x" * 5000)

    done = llms("keys", "list", "--offline", config=CONFIG, environ={"LLMS_STORE": f"sqlite:{tmp_path}/x.db"})

    assert (1, True) == (done.exit_code, done.stderr.startswith("llms: the store cannot be used: "))


def test_no_gateway(llms):
    """Where no gateway runs, it says how to start one."""
    done = llms("keys", "list", config=CONFIG)

    assert (1, "llms: nothing answers at http://127.0.0.1:1; start the gateway with: llms serve\n") == (
        done.exit_code,
        done.stderr,
    )


def test_no_key_file(llms, tmp_path):
    """A file for the key that cannot be read is named."""
    done = llms("keys", "list", "--key-file", "nothing", config=CONFIG)

    assert (1, "llms: nothing cannot be read: No such file or directory\n") == (done.exit_code, done.stderr)
