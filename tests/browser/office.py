"""A gateway that keeps keys and calls, as whoever runs it sees it."""

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from aiohttp import ClientSession

from llms.keys import Limits, Role, VirtualKey, digest, shown
from llms.store import CallRow, StoredKey
from llms.store.open import open_store
from tests.browser.watch import Watch
from tests.support.gateway import Running


def secret(name: str) -> str:
    """Give the secret of the key of that name."""
    return f"sk-llms-{digest(name)[:43]}"


def key(name: str, role: Role = Role.MEMBER, **fields: Any) -> VirtualKey:
    """Give a key that was made a minute ago."""
    made = int(time.time()) - 60
    base = VirtualKey(f"key_{digest(name)[:32]}", name, role, prefix=shown(secret(name)), created_at=made)
    return replace(base, **fields)


ANNA = key("anna", Role.ADMIN, owner="anna@example.org")
BOT = key(
    "bot",
    owner="ops",
    team="red",
    models=("gpt-*", "o9"),
    limits=Limits(rpm=60, tpm=100_000, budget_month=20_000_000),
)
VERA = key("vera", Role.VIEWER)
PEOPLE = (ANNA, BOT, VERA)


def call(number: int, **fields: Any) -> CallRow:
    """Give a call that ended well, the earlier the greater its number."""
    at = int(time.time() * 1000) - number * 60_000
    row = CallRow(
        id=f"req_{at:011x}{number:013x}",
        at=at,
        key_id=BOT.id,
        team=BOT.team,
        api="chat.completions",
        model="gpt-5",
        provider="openai",
        target="gpt-5-2026",
        stream=1,
        status="ok",
        code="",
        input_tokens=1000,
        output_tokens=200,
        cached_tokens=400,
        cache_write_tokens=0,
        reasoning_tokens=50,
        counted="exact",
        cost=3_250,
        priced=1,
        attempts=json.dumps(
            [
                {"target": "groq/gpt-5", "outcome": "rate_limit_exceeded", "ms": 80.5},
                {"target": "openai/gpt-5-2026", "outcome": "ok", "ms": 900.0},
            ]
        ),
        first_byte_us=900_000,
        duration_us=2_900_000,
        bytes_in=1200,
        bytes_out=3400,
        chunks=40,
        finish_reason="stop",
        timing="auth;dur=0.020, parse;dur=0.030, retries;dur=80.500, upstream;dur=819.000, gateway;dur=0.450, "
        "total;dur=900.000",
    )
    return row._replace(**fields)


async def settle(folder: Path, keys: Iterable[VirtualKey], calls: Iterable[CallRow]) -> str:
    """Keep keys and calls in a new store; give its URL."""
    url = f"sqlite:{folder}/llms.db"
    store = await open_store(url)
    for one in keys:
        await store.put_key(StoredKey(one, digest(secret(one.name))), 0)
    await store.write_calls(list(calls))
    await store.close()
    return url


@dataclass
class Office:
    """A page in front of a gateway."""

    gateway: Running
    context: Any
    watch: Watch
    page: Any

    async def goto(self, path: str) -> None:
        await self.page.goto(self.gateway.url + path)

    def get(self, testid: str) -> Any:
        return self.page.get_by_test_id(testid)

    async def log_in(self, name: str) -> None:
        """Give the key of that name to the dialog that asks for one."""
        await self.get("key-input").fill(secret(name))
        await self.get("key-submit").click()
        await self.get("key-dialog").wait_for(state="detached")

    async def enter(self, path: str, name: str = "anna") -> None:
        """Open a page and log in."""
        self.watch.expect("status of 401")
        await self.goto(path)
        await self.log_in(name)

    async def choose(self, row: str, item: str) -> None:
        """Choose from the menu of a key's row."""
        await self.page.get_by_role("row", name=row).get_by_test_id("key-menu").click()
        await self.get(item).click()

    async def api(self, method: str, path: str, name: str = "anna", **body: Any) -> Any:
        """Ask the gateway beside the page, by a key."""
        headers = {"Authorization": f"Bearer {secret(name)}"}
        async with (
            ClientSession(self.gateway.url, headers=headers) as session,
            session.request(method, path, json=body or ({} if method == "POST" else None)) as answer,
        ):
            assert answer.status < 300, await answer.text()
            return await answer.json()

    async def say(self, text: str = "count to 3", name: str = "anna") -> str:
        """Have the demo model answer; give the call's id."""
        body = {"model": "demo", "messages": [{"role": "user", "content": text}]}
        headers = {"Authorization": f"Bearer {secret(name)}"}
        async with (
            ClientSession(self.gateway.url, headers=headers) as session,
            session.post("/v1/chat/completions", json=body) as answer,
        ):
            assert answer.status == 200, await answer.text()
            return answer.headers["x-request-id"]
