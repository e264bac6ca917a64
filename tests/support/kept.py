"""A gateway that keeps books, in front of a scripted upstream; what tests ask it, and what it has written down."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from llms.keys import VirtualKey, digest
from llms.store import CallFilter, CallRow, Page, Store, StoredKey
from llms.store.open import open_store
from tests.support.gateway import Running
from tests.support.raw import RawClient, Response
from tests.upstream.server import Reaction, Upstream

PRICES = {"up/m": {"input": 1, "output": 2}}
"""Of ``openai.USAGE``, 19 in and 2 out, that makes 23 micro-dollars."""

MESSAGES = [{"role": "user", "content": "Hello"}]

FORMS: dict[str, tuple[str, dict[str, Any]]] = {
    "chat": ("/v1/chat/completions", {"messages": MESSAGES}),
    "chat stream": ("/v1/chat/completions", {"messages": MESSAGES, "stream": True}),
    "completions": ("/v1/completions", {"prompt": "Hello"}),
    "completions stream": ("/v1/completions", {"prompt": "Hello", "stream": True}),
    "embeddings": ("/v1/embeddings", {"input": "Hello"}),
}
"""What can be asked for: where, and with which fields besides the model."""

WAYS: dict[str, list[tuple[str, str]]] = {"lane": [], "aiohttp": [("Keep-Alive", "5")]}
"""The two kinds of connection, and what a request says to get there."""


def secret(name: str) -> str:
    """Give the secret of a key that is called so."""
    return f"sk-llms-of-{name}"


def key(name: str, **fields: Any) -> StoredKey:
    """Give a key that is called so, and may do everything."""
    return StoredKey(VirtualKey(f"key_{digest(name)[:32]}", name, **fields), digest(secret(name)))


@dataclass
class Kept:
    """The gateway and its upstream."""

    gateway: Running
    upstream: Upstream
    store: Store
    open: list[RawClient] = field(default_factory=list)

    def plays(self, *reactions: Reaction) -> None:
        """Have the upstream do this about whatever it is asked."""
        for path in ("/v1/chat/completions", "/v1/embeddings"):
            self.upstream.on("POST", path, *reactions)

    async def ask(
        self, form: str = "chat", name: str | None = None, headers: Iterable[tuple[str, str]] = (), **fields: Any
    ) -> Response:
        """Ask, as the key of that name; give the whole answer."""
        async with RawClient("127.0.0.1", self.gateway.port) as client:
            await self.send(client, form, name, headers, **fields)
            return await client.read_response()

    @staticmethod
    async def send(
        client: RawClient,
        form: str = "chat",
        name: str | None = None,
        headers: Iterable[tuple[str, str]] = (),
        **fields: Any,
    ) -> None:
        """Ask, and do not wait."""
        path, body = FORMS[form]
        shown = [("Authorization", f"Bearer {secret(name)}")] if name else []
        await client.request("POST", path, [*shown, *headers], {"model": "m", **body, **fields})

    async def rows(self) -> list[CallRow]:
        """Give what is written down, oldest first, once nothing runs any more."""
        async with asyncio.timeout(10):
            await self.gateway.services.gateway.idle()
            ledger = self.gateway.books.ledger
            assert ledger is not None
            await ledger.flush()
            page: Page = await self.store.calls(CallFilter(), limit=1000)
        return sorted(page.rows, key=lambda row: row.id)

    async def row(self) -> CallRow:
        """Give the only one."""
        [only] = await self.rows()
        return only


@asynccontextmanager
async def kept(
    gateway: Any, upstream: Upstream, folder: Path, *keys: StoredKey, url: str | None = None, **options: Any
) -> AsyncIterator[Kept]:
    """Start a gateway whose provider ``up`` has the models ``m`` and ``free``, the second without a price."""
    url = url or f"sqlite:{folder}/llms.db"
    store = await open_store(url)
    try:
        for one in keys:
            await store.put_key(one, 0)
        up = {"base_url": f"{upstream.url}/v1", "api_key": "$UP_KEY", "models": ["m", "free"], "retries": 0}
        running = await gateway(
            providers={"up": {**up, **options.pop("up", {})}},
            environ={"LLMS_STORE": url, "UP_KEY": "sk-up", **options.pop("environ", {})},
            prices=PRICES,
            **options,
        )
        yield Kept(running, upstream, store)
    finally:
        await store.close()
