"""
S10: secrets that are nobody else's, through all that a gateway does at its most talkative; then every place is looked at.

Places that may hold one are declared: the file of the store has the prompts of keys whose prompts are kept, and nobody's
secrets; answers have what they are about.
"""

import json
import os
import sqlite3
from pathlib import Path

import pytest

from llms.store.open import open_store
from tests.support import kept
from tests.support.process import configure, serving
from tests.support.raw import RawClient
from tests.upstream import openai
from tests.upstream.server import Upstream
from tests.upstream.steps import hang

PATH = "/v1/chat/completions"
UP = "sk-up-canary-7f3a9c51"
OWN = "sk-own-canary-82b1d4e6"
WRONG = "sk-wrong-canary-19c0a7f2"
VIRTUAL = kept.secret("virtual-canary-5e8d20b3")
KEEPING = kept.secret("keeping-canary-c4410f9a")
PROMPT = "prompt-canary-d93b6e08"
KEPT = "kept-canary-0a5f7712"
URL_SECRET = "sk-url-canary-66aa31bd"

SECRETS = {
    "provider's": UP,
    "own": OWN,
    "wrong": WRONG,
    "virtual": VIRTUAL,
    "keeping": KEEPING,
    "in an URL": URL_SECRET,
}


def bearer(secret):
    return [("Authorization", f"Bearer {secret}")]


class Talk:
    """Asks, and remembers all that was answered."""

    def __init__(self, port):
        self._port = port
        self.answers = []

    async def ask(self, method, target, headers=(), body=None):
        async with RawClient("127.0.0.1", self._port) as client:
            await client.request(method, target, headers, body)
            response = await client.read_response()
        self.answers.append(response.head.raw + response.body)
        return response

    async def chat(self, secret, prompt=PROMPT, **fields):
        body = {"model": "m", "messages": [{"role": "user", "content": prompt}], **fields}
        return await self.ask("POST", PATH, bearer(secret), body)

    async def leave(self, secret, upstream):
        """Ask for a stream, and go before it ends."""
        async with RawClient("127.0.0.1", self._port) as client:
            body = {"model": "m", "stream": True, "messages": [{"role": "user", "content": PROMPT}]}
            before = len(upstream.requests)
            await client.request("POST", PATH, bearer(secret), body)
            await upstream.received(before + 1)


async def prepared(folder, upstream):
    """Have a gateway's configuration and keys in a folder; give its environment."""
    store = await open_store(f"sqlite:{folder}/llms.db")
    await store.put_key(kept.key("virtual-canary-5e8d20b3"), 0)
    await store.put_key(kept.key("keeping-canary-c4410f9a", keeps_bodies=True), 0)
    await store.close()
    up = {"base_url": f"{upstream.url}/v1", "api_key": "$UP_KEY", "models": ["m"], "retries": 0}
    configure(
        folder,
        {
            "server": {"keys": ["$OWN_KEY"], "drain_s": 1},
            "providers": {"up": up},
            "store": {"url": f"sqlite:{folder}/llms.db"},
        },
    )
    return {"UP_KEY": UP, "OWN_KEY": OWN}


async def all_of_it(talk, upstream):
    """Do what there is to do: what ends well, what fails in each way, and what is refused."""
    for secret in (VIRTUAL, KEEPING, OWN):
        prompt = KEPT if secret == KEEPING else PROMPT
        upstream.on("POST", PATH, openai.stream(["Hel", "lo"], usage=openai.USAGE))
        assert 200 == (await talk.chat(secret, prompt, stream=True)).status
        upstream.on("POST", PATH, openai.completion("Hello"))
        assert 200 == (await talk.chat(secret, prompt)).status
    upstream.on("POST", PATH, openai.stream(["Hel", b'data: {"error": {"message": "no ' + UP.encode() + b'"}}\n\n']))
    await talk.chat(VIRTUAL, stream=True)
    upstream.on("POST", PATH, (hang(),))
    await talk.leave(VIRTUAL, upstream)
    for refusal in (500, 429, 403, 401):  # after the last two its key is not tried again
        upstream.on("POST", PATH, openai.error(refusal, f"Your key {UP} is no good."))
        for secret in (VIRTUAL, KEEPING, OWN):
            await talk.chat(secret, KEPT if secret == KEEPING else PROMPT)
    await talk.chat(WRONG)
    await talk.ask("GET", f"/v1/models?key={URL_SECRET}")
    await talk.ask("POST", PATH, bearer(VIRTUAL), b'{"model": "m", "messages": "' + PROMPT.encode())
    await talk.chat(VIRTUAL, model="none")
    await talk.ask("GET", "/v1/models", [("Authorization", f"Bearer {WRONG}\x01")])
    await talk.ask("GET", "/v1/models", [*bearer(VIRTUAL), ("x-api-key", WRONG)])
    session = await talk.ask("POST", "/admin/v1/session", bearer(OWN), {})
    cookie = session.header("set-cookie").partition(";")[0]
    carried = [("Cookie", cookie), ("Sec-Fetch-Site", "same-origin")]
    for target in ("me", "keys", "usage", "calls", "openapi.json"):
        assert 200 == (await talk.ask("GET", f"/admin/v1/{target}", carried)).status
    made = await talk.ask("POST", "/admin/v1/keys", bearer(OWN), {"name": "new"})
    assert 201 == made.status
    return cookie.partition("=")[2], made.json["secret"]


@pytest.mark.case("K18")
async def test_canaries(tmp_path):
    """S10: no secret is in the log, in an answer that did not make it, in any file or in the process's command line."""
    async with Upstream() as upstream:
        environ = await prepared(tmp_path, upstream)
        async with serving(tmp_path, "--log-level", "debug", environ=environ) as served:
            talk = Talk(served.port)
            session, made = await all_of_it(talk, upstream)
            await served.until(lambda: not list(tmp_path.glob("llms.db.spool/*/*.rows")))
            command = command_line(served.process.pid)
            running = files(tmp_path)
            served.process.kill()
            await served.process.wait()
        log = (served.said + served.errors).encode()
    prompts = bodies(tmp_path)

    secrets = {**SECRETS, "session": session, "made": made}
    places = {"log": log, "command line": command, **running, **files(tmp_path)}
    assert [] == [
        (name, place) for place, data in places.items() for name, one in secrets.items() if one.encode() in data
    ]
    assert [made.encode() in answer for answer in talk.answers].count(True) == 1
    assert [session.encode() in answer for answer in talk.answers].count(True) == 1
    assert [] == [
        (name, answer[:300]) for answer in talk.answers for name, one in SECRETS.items() if one.encode() in answer
    ]
    assert [] == [place for place, data in places.items() if PROMPT.encode() in data]
    assert {"llms.db"} >= {place.removesuffix("-wal") for place, data in places.items() if KEPT.encode() in data}
    assert (6, True) == (len(prompts), all(KEPT in prompt for prompt in prompts))
    assert [] == [answer[:300] for answer in talk.answers if PROMPT.encode() in answer or KEPT.encode() in answer]


def command_line(process_id):
    """What everybody on the machine can see of a process."""
    return Path(f"/proc/{process_id}/cmdline").read_bytes()


def files(folder):
    """All there are, but the upstream's."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def bodies(folder):
    """The prompts that are kept."""
    opened = sqlite3.connect(folder / "llms.db")
    try:
        return [prompt for (prompt,) in opened.execute("SELECT prompt FROM bodies")]
    finally:
        opened.close()


@pytest.mark.parametrize("kept_too", [True, False])
async def test_the_spool(tmp_path, kept_too):
    """S10: what waits for the store holds the prompts of keys that keep them, which only its user may read; no secrets."""
    name = "keeping-canary-c4410f9a" if kept_too else "virtual-canary-5e8d20b3"
    store = await open_store(f"sqlite:{tmp_path}/llms.db")
    await store.put_key(kept.key(name, keeps_bodies=kept_too), 0)
    await store.close()
    configure(tmp_path, {"providers": {"demo": {}}, "store": {"url": f"sqlite:{tmp_path}/llms.db"}})
    hooks = [{"at": "llms.store.sqlite:_write_calls", "block_s": 60}]
    async with serving(tmp_path, hooks=hooks) as served:
        await Talk(served.port).chat(kept.secret(name), KEPT, model="demo")
        served.process.kill()
    spools = list(tmp_path.glob("llms.db.spool/*/*.rows"))
    data = b"".join(path.read_bytes() for path in spools)

    assert (1, 0o600) == (len(spools), spools[0].stat().st_mode & 0o777)
    assert 0o700 == spools[0].parent.stat().st_mode & 0o777
    assert (kept_too, False) == (KEPT.encode() in data, kept.secret(name).encode() in data)
    assert json.loads(data)[0].startswith("req_")
    assert os.stat(tmp_path / "llms.db").st_mode & 0o777 == 0o600  # noqa: PTH116 - as the system has it
