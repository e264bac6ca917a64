"""A gateway that keeps accounts, as a test has it: what it is asked, what it has counted, how it is taken down."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from llms.books import Books
from llms.config import load
from llms.limits import Scope, Taken
from llms.records import CallRecord
from llms.store import CallFilter, CallRow, StoreError
from tests.accounting.seller import Order, Seller
from tests.support.gateway import Running, running
from tests.support.raw import RawClient, Response

CHAT = "/v1/chat/completions"
ADMIN = "sk-operator-of-the-tests"
MODELS = {"m": ["one/a", "two/b"], "other": ["two/b"], "free": ["one/u"]}
PRICES = {"one/a": ("3", "15"), "two/b": ("0.15", "0.6"), "one/e": ("0.02", "0")}
PATIENCE_S = 10.0


@dataclass(frozen=True)
class Key:
    """A key and its secret."""

    id: str
    secret: str


@dataclass
class House:
    """
    The gateway, in this loop, and the providers behind it.

    Args:
        store: Its URL.
        settings: Sections of the configuration, besides providers and models.
        workers: How many processes there are said to be.
        records: Of all calls that it has ended, whatever became of it since.
    """

    folder: Path
    seller: Seller
    store: str
    settings: dict[str, Any] = field(default_factory=dict)
    workers: int = 1
    environ: dict[str, str] = field(default_factory=dict)
    records: list[CallRecord] = field(default_factory=list)

    async def open(self) -> None:
        """Start it."""
        self._stack = AsyncExitStack()
        self.folder.mkdir(exist_ok=True)
        self.running: Running = await self._stack.enter_async_context(
            running(
                self.folder,
                providers=self._providers(),
                models=MODELS,
                server={"keys": ["$ADMIN"]},
                environ={"ADMIN": ADMIN, "LLMS_STORE": self.store, **self.environ},
                workers=self.workers,
                **self._sections(),
            )
        )

    async def close(self) -> None:
        """Stop it in good order."""
        await self._stack.aclose()
        self.records += self.running.records

    async def crash(self) -> None:
        """Take it down as SIGKILL does: what it has not written yet is never written, nothing is settled."""
        self.records += self.running.records
        ledger = self.books.ledger
        assert ledger is not None
        assert ledger._task is not None

        async def nobody(*_: Any) -> int:
            message = "the process is no more"
            raise StoreError(message)

        ledger.put = lambda _: None  # type: ignore[method-assign]
        ledger._asked = nobody  # type: ignore[method-assign]
        ledger._task.cancel()
        await self._stack.aclose()

    async def reconfigure(self, **settings: Any) -> None:
        """Put another configuration in force."""
        self.settings.update(settings)
        content = {"server": {"keys": ["$ADMIN"]}, "providers": self._providers(), "models": MODELS, **self._sections()}
        path = self.folder / "config.json"
        path.write_text(json.dumps(content))
        environ = {"ADMIN": ADMIN, "LLMS_STORE": self.store, **self.environ}
        await self.running.generations.put_in_force(load(path, environ))

    @property
    def books(self) -> Books:
        return self.running.generations._books

    @property
    def prices(self) -> Mapping[str, tuple[str, str]]:
        """In force, by ``provider/model``."""
        return self.settings.get("prices", PRICES)

    async def admin(
        self, method: str, target: str, body: dict[str, Any] | None = None, secret: str = ADMIN
    ) -> dict[str, Any]:
        """Ask the admin API; wait until what has changed is known."""
        answer = await self.ask(method, f"/admin/v1/{target}", secret, body)
        assert answer.status < 300, answer.body
        if method != "GET":
            await self.keys_known()
        return answer.json

    async def keys_known(self) -> None:
        """Wait until all keys are known as the store has them."""
        assert self.books.store is not None
        newest = max((one.revision for one in await self.books.store.keys_since(0)), default=0)
        await self.until(lambda: self.books.keys.revision >= newest)

    async def key(self, maker: str = ADMIN, **fields: Any) -> Key:
        """Make a key."""
        made = await self.admin("POST", "keys", fields, maker)
        return Key(made["id"], made["secret"])

    async def ask(self, method: str, target: str, secret: str, body: dict[str, Any] | bytes | None = None) -> Response:
        """Ask for anything, on a connection of its own."""
        headers = [("Authorization", f"Bearer {secret}"), *_JSON]
        async with RawClient("127.0.0.1", self.running.port) as client:
            await client.request(method, target, headers, body)
            return await client.read_response()

    @staticmethod
    async def send(client: RawClient, secret: str, path: str, body: bytes) -> None:
        """Send a call on a connection."""
        await client.request("POST", path, [("Authorization", f"Bearer {secret}"), *_JSON], body)

    async def call(self, secret: str, order: Order, **fields: Any) -> Response:
        """Send a call; give the whole answer."""
        path, body = self.request(order, **fields)
        return await self.ask("POST", path, secret, body)

    def request(
        self, order: Order, *, model: str = "m", max_tokens: int | None = 20, pad: int = 0, **fields: Any
    ) -> tuple[str, bytes]:
        """Give the path and the body of a call, and note it with the providers."""
        self.seller.orders[order.name] = order
        text = f"{order.name} {'x' * pad}"
        if "embed" in {act.kind for act in order.acts.values()}:
            path, body = "/v1/embeddings", {"model": "one/e", "input": text, **fields}
        else:
            path = CHAT
            body = {"model": model, "messages": [{"role": "user", "content": text}], **fields}
            if max_tokens is not None:
                body["max_tokens"] = max_tokens
        made = json.dumps(body).encode()
        order.sent = len(made)
        return path, made

    async def ended(self, count: int = 0) -> None:
        """Wait until as many calls have ended, and none runs."""
        await self.until(lambda: len(self.running.records) >= count and not self.busy())

    def busy(self) -> int:
        """Give how many calls run."""
        return sum(len(gateway._running) for gateway in self.running.generations.gateways())

    @staticmethod
    async def until(condition: Any, patience_s: float = PATIENCE_S) -> None:
        """Wait for what nothing announces."""
        async with asyncio.timeout(patience_s):
            while not condition():  # noqa: ASYNC110 - no event tells of it
                await asyncio.sleep(0.005)

    async def rows(self) -> list[CallRow]:
        """Give all rows, once all are in the store."""
        ledger, store = self.books.ledger, self.books.store
        assert ledger is not None
        assert store is not None
        await ledger.flush()
        return [row async for part in store.export(CallFilter()) for row in part]

    async def taken(self, key_id: str, model: str = "m") -> dict[str, tuple[Scope, Taken]]:
        """Give what has been counted of all that count a key's calls of a model, by subject."""
        accounts = self.running.generations._core.accounts
        scopes = accounts.scopes(self.books.keys.of_id(key_id), model)
        taken = await self.books.limiter.taken(scopes)
        return {scope.subject: (scope, one) for scope, one in zip(scopes, taken, strict=True)}

    def _providers(self) -> dict[str, Any]:
        return {"one": self.seller.section("one", ["a", "u", "e"]), "two": self.seller.section("two", ["b"])}

    def _sections(self) -> dict[str, Any]:
        prices = {name: {"input": into, "output": out} for name, (into, out) in self.prices.items()}
        store = {"store": {"redis": "$REDIS"}} if "REDIS" in self.environ else {}
        return {**store, **self.settings, "prices": {name: _numbers(price) for name, price in prices.items()}}


_JSON = [("Content-Type", "application/json")]


def _numbers(price: Mapping[str, str]) -> dict[str, float]:
    return {name: float(value) for name, value in price.items()}


@asynccontextmanager
async def opened(folder: Path, store: str, **options: Any) -> AsyncIterator[House]:
    """Give a house that is open until the block ends."""
    from_outside = options.pop("seller")
    house = House(folder, from_outside, store, **options)
    await house.open()
    try:
        yield house
    finally:
        await house.close()
