"""K12, S10: a gateway of several workers, and the command line that looks after its keys, each a process of its own."""

import asyncio
import json
from importlib import import_module

import click
import pytest

from llms.cli import COMMANDS
from tests.support.process import configure, llms, serving
from tests.support.raw import RawClient

CONFIG = {"server": {"drain_s": 1}, "providers": {"demo": {"chunk_delay_s": 0.05}}}
STREAM = {"model": "demo", "stream": True, "messages": [{"role": "user", "content": "count to 2000"}]}


@pytest.fixture
def environ(tmp_path):
    configure(tmp_path, CONFIG)
    return {"LLMS_STORE": f"sqlite:{tmp_path}/llms.db", "LLMS_CONFIG": str(tmp_path / "config.json")}


async def run(folder, environ, *arguments, expected=0):
    """Run a command; give what it prints, and what it says besides."""
    process = await llms(folder, *arguments, environ=environ)
    async with asyncio.timeout(30):
        out, err = await process.communicate()
    assert expected == process.returncode, err
    return out.decode(), err.decode()


async def all_say(served, status, key, tries=12):
    """Wait until so many connections, one after the other, are answered so: that is, all workers'."""
    enough = (401, 429) if status == 401 else (status,)  # so many wrong keys are told that they are many

    async def so():
        return all([(await served.get("/v1/models", key)).status in enough for _ in range(tries)])

    return await served.until(so, 10)


@pytest.mark.parametrize("workers", ["1", "3"])
async def test_a_key_from_first_to_last(tmp_path, environ, workers):
    """A gateway without keys gets its first, makes another, has calls, and ends it, on every worker within seconds."""
    async with serving(tmp_path, "--workers", workers, environ=environ) as served:
        url = ["--url", f"http://127.0.0.1:{served.port}"]
        boss = json.loads((await run(tmp_path, environ, "keys", "add", "boss", "--role", "admin", "--json", *url))[0])
        await all_say(served, 401, None)
        _, refused = await run(tmp_path, environ, "keys", "list", *url, expected=1)
        admin = {**environ, "LLMS_KEY": boss["secret"]}
        options = ["--model", "demo", "--rpm", "100", "--budget-month", "5"]
        ann = json.loads((await run(tmp_path, admin, "keys", "add", "ann", *options, "--json", *url))[0])
        await all_say(served, 200, ann["secret"])
        answer = await served.chat(key=ann["secret"])

        tail = await llms(tmp_path, "logs", "--follow", "--json", "-n", "5", "--key", "ann", *url, environ=admin)
        first = json.loads(await asyncio.wait_for(tail.stdout.readline(), 20))
        again = await served.chat(key=ann["secret"])
        second = json.loads(await asyncio.wait_for(tail.stdout.readline(), 20))
        usage = json.loads((await run(tmp_path, admin, "usage", "--by", "key", "--json", *url))[0])
        table, _ = await run(tmp_path, admin, "usage", "--by", "key,model", *url)

        async with RawClient("127.0.0.1", served.port) as client:
            await client.request("POST", "/v1/chat/completions", [("x-api-key", ann["secret"])], STREAM)
            await client.read_some()
            await run(tmp_path, admin, "keys", "revoke", "ann", *url)
            took_s = await all_say(served, 401, ann["secret"])
            stopped = await client.eof_within(5)
        _, gone = await run(tmp_path, {**environ, "LLMS_KEY": ann["secret"]}, "usage", *url, expected=1)
        tail.terminate()
        await tail.communicate()

    assert refused.startswith("llms: A valid key of this gateway is needed.")
    assert "LLMS_API_KEY" in refused
    assert (200, 200) == (answer.status, again.status)
    assert [answer.header("x-request-id"), again.header("x-request-id")] == [first["id"], second["id"]]
    assert {ann["id"]} == {row["key"] for row in usage["data"]}
    assert (2, first["input_tokens"] + second["input_tokens"]) == (
        usage["total"]["calls"],
        usage["total"]["input_tokens"],
    )
    assert "ann" in table.splitlines()[1].split()
    assert stopped
    assert took_s < 10  # five are promised; the machine may be busy
    assert "valid key" in gone
    for secret in (boss["secret"], ann["secret"]):
        assert secret not in served.errors
        assert all(secret.encode() not in path.read_bytes() for path in tmp_path.iterdir() if path.is_file())


async def at_once(served, secret):
    """Give the statuses of twenty requests of two kinds, over connections that are opened together."""
    asked = [ask for _ in range(10) for ask in (served.get("/v1/models", secret), served.chat(key=secret))]
    return [one.status for one in await asyncio.gather(*asked)]


async def asked(served, path, key, **body):
    """Ask the admin API; give what it answers."""
    async with RawClient("127.0.0.1", served.port) as client:
        await client.request("POST", f"/admin/v1/{path}", [("x-api-key", key)], body)
        return (await client.read_response()).json


async def test_a_key_is_accepted_by_every_worker_at_once(tmp_path, environ):
    """A secret that was just made, by whichever worker or the command line, is accepted by all of them."""
    async with serving(tmp_path, "--workers", "2", environ=environ) as served:
        url = ["--url", f"http://127.0.0.1:{served.port}"]
        boss = json.loads((await run(tmp_path, environ, "keys", "add", "boss", "--role", "admin", "--json", *url))[0])
        await all_say(served, 401, None)
        statuses = []
        for number in range(5):
            made = await asked(served, "keys", boss["secret"], name=f"ann {number}")
            statuses += await at_once(served, made["secret"])
            rotated = await asked(served, f"keys/{made['id']}/rotate", boss["secret"])
            statuses += await at_once(served, rotated["secret"])

    assert [200] * 200 == statuses


async def test_a_key_is_accepted_by_every_machine_at_once(tmp_path, environ, postgres_url):
    """So it is where two gateways are on one PostgreSQL."""
    environ["LLMS_STORE"] = postgres_url
    async with serving(tmp_path, environ=environ) as one, serving(tmp_path, environ=environ) as other:
        url = ["--url", f"http://127.0.0.1:{one.port}"]
        boss = json.loads((await run(tmp_path, environ, "keys", "add", "boss", "--role", "admin", "--json", *url))[0])
        await all_say(other, 401, None, 1)
        statuses = []
        for number in range(5):
            made = await asked(one, "keys", boss["secret"], name=f"ann {number}")
            statuses += await at_once(other, made["secret"])

    assert [200] * 100 == statuses


async def test_a_lost_key(tmp_path, environ):
    """Who has lost every admin's key makes another one in the store itself; the gateway that runs takes it."""
    async with serving(tmp_path, environ=environ) as served:
        url = ["--url", f"http://127.0.0.1:{served.port}"]
        await run(tmp_path, environ, "keys", "add", "lost", "--role", "admin", *url)
        made = await run(tmp_path, environ, "keys", "add", "found", "--role", "admin", "--offline", "--json")
        secret = json.loads(made[0])["secret"]
        await all_say(served, 200, secret, 1)
        (tmp_path / "key").write_text(secret + "\n")
        listed, _ = await run(tmp_path, environ, "keys", "list", "--key-file", "key", *url)
        await run(tmp_path, environ, "keys", "revoke", "lost", "--key-file", "key", *url)
        _, last = await run(tmp_path, environ, "keys", "revoke", "found", "--key-file", "key", *url, expected=1)

    assert {"lost", "found"} == {line.split()[0] for line in listed.splitlines()[1:]}
    assert last.startswith("llms: This is the last admin's key that works.")


def every_parameter(command):
    for parameter in command.params:
        yield command.name, parameter
    for inner in command.commands.values() if isinstance(command, click.Group) else ():
        yield from every_parameter(inner)


def test_no_secret_is_an_argument():
    """No command takes a secret as an argument, which every process of the machine could read."""
    taking = ("secret", "password", "api_key", "api-key")
    found = [
        (name, parameter.name)
        for module in COMMANDS
        for name, parameter in every_parameter(import_module(f"llms.cli.{module}").command)
        if any(word in option for option in parameter.opts for word in taking)
    ]

    assert [] == found
