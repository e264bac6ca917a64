"""``llms usage`` and ``llms logs``, on the store itself."""

import asyncio
import json
import re

import pytest

from llms.store.open import open_store
from tests.admin.people import CALLS, IDS, call, settle_in

CONFIG = {"server": {"port": 1}, "providers": {}}


@pytest.fixture
def offline(llms, tmp_path):
    """Run a command on a store with people in it."""
    url = f"sqlite:{tmp_path}/llms.db"

    async def fill():
        store = await open_store(url)
        await settle_in(store)
        odd = call(60, "eve", model="\x1b[31m[b]x\u202e", code="boom", status="timeout", priced=0, first_byte_us=-1)
        await store.write_calls([odd._replace(counted="estimated", provider="", cost=0)])
        await store.close()

    asyncio.run(fill())
    return lambda *arguments: llms(*arguments, "--offline", config=CONFIG, environ={"LLMS_STORE": url})


def lines(result):
    assert 0 == result.exit_code, result.stderr
    return [re.split(r"  +", line.strip()) for line in result.stdout.splitlines()]


def test_by_day(offline):
    """A line for each day."""
    assert [
        ["day", "calls", "failed", "input tokens", "output tokens", "cached tokens", "cost"],
        ["2027-01-15", "12", "1", "120", "60", "0", ">$0.000077"],
    ] == lines(offline("usage", "--since", "2027-01-01"))


def test_by_key(offline):
    """Keys are named by their names; a total stands under several lines."""
    found = lines(offline("usage", "--by", "key,team", "--team", "red"))

    assert {"ann", "ann-child", "ann-grandchild", "bob", "bob-child", "red-viewer"} == {row[0] for row in found[1:-1]}
    assert ["total", "6", "0", "60", "30", "0", "$0.000042"] == found[-1]


def test_by_model(offline):
    """What clients have called models does not turn the line around."""
    found = offline("usage", "--by", "model").stdout

    assert "[b]x?" in found
    assert "\u202e" not in found


def test_of_one(offline):
    """What is summed up can be narrowed."""
    options = ["--key", "ann", "--team", "red", "--model", "gpt-4o", "--provider", "openai"]

    found = json.loads(offline("usage", "--json", *options, "--until", "2028-01-01").stdout)
    none = json.loads(offline("usage", "--json", *options, "--until", "2026-01-01").stdout)

    assert (1, 0) == (found["total"]["calls"], none["total"]["calls"])


def test_wrong_group(offline):
    """A group that there is not is refused."""
    done = offline("usage", "--by", "colour")

    assert 1 == done.exit_code
    assert done.stderr.startswith("llms: by must be some of day, key, team, model, provider")


def test_wrong_time(offline):
    """A time that is none is refused."""
    done = offline("logs", "--since", "yesterday")

    assert (2, True) == (done.exit_code, "is no time" in done.stderr)


def test_logs(offline):
    """The last calls, the newest at the end; what a client has sent does not steer the terminal."""
    found = offline("logs", "-n", "2").stdout

    last, odd = found.splitlines()
    assert (
        f"2027-01-15 08:00:00  ok  gpt-4o  openai  10 in, 5 out  $0.000007  0.00 s, first byte after 0.00 s  "
        f"{IDS['viewer']}  {CALLS['viewer'].id}" == last
    )
    assert (
        f"2027-01-15 08:00:00  timeout (boom)  ?[31m[b]x?  -  10 in, 5 out (estimated)  no price  0.00 s  "
        f"{IDS['eve']}  {call(60, 'eve').id}" == odd
    )


@pytest.mark.parametrize(
    ("options", "count"),
    [
        ([], 12),
        (["-n", "0"], 0),
        (["--key", "ann"], 1),
        (["--team", "red"], 6),
        (["--status", "timeout"], 1),
        (["--code", "boom"], 1),
        (["--failed"], 1),
        (["--model", "gpt-4o"], 11),
        (["--provider", "openai"], 11),
        (["--since", "2027-01-15T09:00"], 0),
    ],
)
def test_some_logs(offline, options, count):
    """Which calls are shown can be narrowed; as JSON, each is a line."""
    found = offline("logs", "--json", *options).stdout.splitlines()

    assert count == len(found)
    assert all(json.loads(line)["id"].startswith("req_") for line in found)
