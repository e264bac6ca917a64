"""``llms keys``, ``llms usage`` and ``llms logs`` at a gateway, and calls as they come."""

import asyncio
import json
import threading
from asyncio import to_thread as in_thread

import pytest
from aiohttp import web

from llms.cli import logs
from llms.store.open import open_store
from tests.admin.people import CALLS, IDS, call, secret, settle_in

CONFIG = {"server": {"port": 1}, "providers": {}}


@pytest.fixture
def url(tmp_path):
    return f"sqlite:{tmp_path}/llms.db"


@pytest.fixture
async def store(url):
    opened = await open_store(url)
    await settle_in(opened)
    yield opened
    await opened.close()


@pytest.fixture
def said(monkeypatch):
    """What is printed, as it is; told of each line by an event of a thread."""
    lines = []
    more = threading.Semaphore(0)

    def echo(text, **_):
        lines.append(text)
        more.release()

    monkeypatch.setattr(logs.click, "echo", echo)
    return lines, lambda: in_thread(more.acquire, timeout=20)


async def test_follow_a_gateway(llms, gateway, store, url, said, monkeypatch):  # noqa: PLR0913, PLR0917 - fixtures
    """The last calls, then those that come, until the gateway stops; each once, even one that comes just then."""
    running = await gateway(environ={"LLMS_STORE": url})
    lines, next_line = said
    loop, last = asyncio.get_running_loop(), logs._last

    async def just_then(*asked):
        await in_thread(asyncio.run_coroutine_threadsafe(store.write_calls([call(69, "ann")]), loop).result)
        return await last(*asked)

    monkeypatch.setattr(logs, "_last", just_then)
    environ = {"LLMS_KEY": secret("ann"), "LLMS_URL": running.url}
    following = asyncio.create_task(in_thread(llms, "logs", "-f", "--json", "-n", "2", environ=environ))

    for _ in range(2):
        assert await next_line()
    await store.write_calls([call(70, "ann"), call(71, "eve"), call(72, "ann-child")])
    for _ in range(2):
        assert await next_line()
    running.live.stopping.set()
    done = await following

    ids = [json.loads(line)["id"] for line in lines[:4]]
    assert [CALLS["ann-grandchild"].id, *(call(number, "ann").id for number in (69, 70, 72))] == ids
    assert 1 == done.exit_code
    assert "llms: The gateway is stopping." in done.stderr + "".join(lines[4:])


async def test_follow_a_key_that_ends(llms, gateway, store, url, said):
    """When its key ends, it ends, and says why."""
    running = await gateway(environ={"LLMS_STORE": url})
    lines, next_line = said
    environ = {"LLMS_API_KEY": secret("ann-child"), "LLMS_URL": f"{running.url}/v1"}
    following = asyncio.create_task(in_thread(llms, "logs", "-f", "-n", "1", environ=environ))

    assert await next_line()
    boss = {"LLMS_KEY": secret("admin"), "LLMS_URL": running.url}
    await in_thread(llms, "keys", "revoke", "ann", environ=boss)
    done = await following

    assert 1 == done.exit_code
    assert "A valid key of this gateway is needed." in done.stderr + "".join(lines)


async def test_follow_the_store(llms, store, url, said, monkeypatch):
    """Without a gateway, calls come from the store itself; an interruption ends it as any command."""
    lines, next_line = said
    stop = threading.Event()
    write = logs._say_json

    def say(one):
        write(one)
        if stop.is_set():
            raise KeyboardInterrupt

    monkeypatch.setattr(logs, "_say_json", say)
    following = asyncio.create_task(
        in_thread(llms, "logs", "-f", "--json", "-n", "1", "--offline", config=CONFIG, environ={"LLMS_STORE": url})
    )

    try:
        assert await next_line()
        await store.write_calls([call(70, "eve")])
        assert await next_line()
    finally:  # or its thread would follow for ever
        stop.set()
        await store.write_calls([call(71, "eve")])
    done = await following

    assert [CALLS["viewer"].id, call(70, "eve").id, call(71, "eve").id] == [
        json.loads(line)["id"] for line in lines[:3]
    ]
    assert 130 == done.exit_code


async def test_at_the_gateway_of_the_configuration(llms, gateway, store, url, tmp_path):
    """Without --url the gateway of the configuration is asked, with the key that it names, if no other is given."""
    running = await gateway(environ={"LLMS_STORE": url, "K": "sk-one"}, server={"keys": ["$K"]})
    config = {"server": {"port": running.port, "keys": ["$K"]}, "providers": {}}

    mine = await in_thread(llms, "keys", "list", "--json", config=config, environ={"K": "sk-one"})
    hers = await in_thread(llms, "keys", "list", "--json", config=config, environ={"K": "x", "LLMS_KEY": secret("ann")})
    sums = await in_thread(llms, "usage", "--json", config=config, environ={"K": "x", "LLMS_KEY": secret("ann")})

    assert len(IDS) + 1 == len(json.loads(mine.stdout))
    assert {"ann", "ann-child", "ann-grandchild"} == {key["name"] for key in json.loads(hers.stdout)}
    assert 3 == json.loads(sums.stdout)["total"]["calls"]


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
async def test_a_gateway_that_listens_everywhere(llms, url, host):
    """Where a gateway listens on all addresses, it is asked at this machine's own."""
    config = {"server": {"host": host, "port": 1}, "providers": {}}
    done = await in_thread(llms, "keys", "list", config=config, environ={"LLMS_STORE": url})

    own = "127.0.0.1" if host == "0.0.0.0" else "[::1]"
    assert f"llms: nothing answers at http://{own}:1; start the gateway with: llms serve\n" == done.stderr


async def test_what_is_no_gateway(llms, server):
    """What answers in another way is no gateway."""

    async def page(_request):
        return web.Response(text="<html>")

    port = await server(admin__v1__keys=page)

    done = await in_thread(llms, "keys", "list", environ={"LLMS_URL": f"http://127.0.0.1:{port}"})

    assert (1, True) == (
        done.exit_code,
        done.stderr.startswith(f"llms: no answer from a gateway at http://127.0.0.1:{port}"),
    )
