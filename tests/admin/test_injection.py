"""K21: no text that a client sends becomes part of a statement."""

from urllib.parse import quote

import pytest

from llms.store import CallFilter
from tests.admin.injections import INJECTIONS
from tests.admin.people import CALLS, IDS, PEOPLE, secret, stored_in
from tests.admin.served import TOP
from tests.support.raw import RawClient

pytestmark = [
    pytest.mark.case("K21"),
    pytest.mark.parametrize("store_url", ["sqlite", "postgresql"], indirect=True),
]

EVERYTHING = "/calls?limit=1000"

_ALL = CallFilter()

assert len(INJECTIONS) > 500


class Asking:
    """An admin's requests, on one connection for as long as it lasts."""

    def __init__(self, client):
        self._client = client

    async def ask(self, method, target, body=None, headers=()):
        if not self._client.in_step:
            await self._client.__aexit__(None, None, None)
            await self._client.__aenter__()
        key = [] if any(name == "x-api-key" for name, _ in headers) else [("x-api-key", secret("admin"))]
        await self._client.request(method, TOP + target, [*key, *headers], body)
        return await self._client.read_response()


@pytest.fixture
async def asking(served):
    running = await served()
    async with RawClient("127.0.0.1", running.port) as client:
        yield Asking(client)


async def kept_in(store):
    """Give all that is kept: keys, calls, and the secret of sessions."""
    page = [row async for rows in store.export(_ALL) for row in rows]
    return await stored_in(store), page, await store.token("session", "new")


@pytest.mark.parametrize("field", ["name", "owner", "team", "models"])
async def test_in_bodies(asking, store, field):
    """A text in a body is kept as it was sent, letter by letter, and nothing else is changed."""
    await store.token("session", "first")
    keys, calls, token = await kept_in(store)
    eve = IDS["eve"]

    for text in INJECTIONS:
        listed = field == "models"
        answer = await asking.ask("PATCH", f"/keys/{eve}", {field: [text] if listed else text})
        if listed and "*" in text[:-1]:
            assert 400 == answer.status
            continue
        assert (200, [text] if listed else text) == (answer.status, answer.json[field]), text
    after, calls_after, token_after = await kept_in(store)

    assert (calls, token) == (calls_after, token_after)
    assert {**keys, eve: None} == {**after, eve: None}
    assert (keys[eve].digest, keys[eve].key.role) == (after[eve].digest, after[eve].key.role)


URLS = (
    *(f"/calls?{name}=" for name in ("team", "model", "provider", "status", "code", "key_id")),
    *(f"/usage?by=key&{name}=" for name in ("team", "model", "provider", "key_id")),
    *("/calls?cursor=", "/calls?limit=", "/usage?by=", "/calls?until=", "/calls?x=", "/calls/", "/keys/"),
    "/calls?format=csv&model=",
)


async def test_in_urls(asking, store):
    """A text in a URL finds nothing, or is refused, and nothing is changed."""
    before = await kept_in(store)

    for target in URLS:
        for text in INJECTIONS:
            answer = await asking.ask("GET", target + quote(text, safe=""))
            assert answer.status in (200, 400, 404), (target, text, answer.body)
            if answer.status == 200 and "format=csv" in target:
                assert answer.body.count(b"\r\n") == 1, (target, text)
            elif answer.status == 200:
                assert [] == answer.json["data"], (target, text)

    assert before == await kept_in(store)


async def test_in_bodies_of_new_keys(asking, store):
    """The same where a key is made."""
    for text in INJECTIONS[::5]:
        answer = await asking.ask("POST", "/keys", {"name": text, "owner": text, "team": text})
        assert (201, text, text) == (answer.status, answer.json["name"], answer.json["team"])

    after = await stored_in(store)
    assert len(PEOPLE) + len(INJECTIONS[::5]) == len(after)


async def test_in_credentials(asking, store):
    """A text for a key, or for a cookie, lets nobody in."""
    before = await kept_in(store)

    for text in (text for text in INJECTIONS if text.isascii()):
        for headers in ([("x-api-key", text)], [("x-api-key", ""), ("Cookie", f"llms_session={text}")]):
            answer = await asking.ask("GET", "/me", headers=headers)
            assert 401 == answer.status, text

    assert before == await kept_in(store)


async def test_in_positions(asking, store):
    """A text for a position in the log is refused."""
    for text in (text for text in INJECTIONS if text.isascii() and not text.isdigit()):
        answer = await asking.ask("GET", "/calls/tail", headers=[("Last-Event-ID", text)])
        assert 400 == answer.status, text

    assert len(CALLS) == len((await asking.ask("GET", EVERYTHING)).json["data"])
