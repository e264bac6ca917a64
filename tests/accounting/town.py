"""``llms serve`` with one worker or several, on a store and a place for limits that they share."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.accounting.house import ADMIN, CHAT, MODELS, PRICES, Key
from tests.accounting.seller import Order, Seller
from tests.support.process import Served, configure, serving
from tests.support.raw import RawClient, Response

BACKENDS = ("sqlite", "postgresql", "redis")
_IN_A_ROW = 40
"""Answers on new connections, after which every worker has given one, as good as certainly."""

_REFUSED = (401, 429)
"""The second is for whoever has sent many wrong keys."""


@dataclass
class Town:
    """The gateway's processes, and the providers behind them."""

    served: Served
    seller: Seller

    @property
    def port(self) -> int:
        return self.served.port

    async def ask(
        self, method: str, target: str, secret: str = ADMIN, body: dict[str, Any] | bytes | None = None
    ) -> Response:
        """Ask for anything, on a connection of its own."""
        headers = [("Authorization", f"Bearer {secret}"), ("Content-Type", "application/json")]
        async with RawClient("127.0.0.1", self.port) as client:
            await client.request(method, target, headers, body)
            return await client.read_response()

    async def admin(self, method: str, target: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Ask the admin API; again while it cannot read what is kept, as a busy machine may not do in time."""
        answer = await self.ask(method, f"/admin/v1/{target}", body=body)
        async with asyncio.timeout(30):
            while method == "GET" and answer.status == 503:
                await asyncio.sleep(0.2)
                answer = await self.ask(method, f"/admin/v1/{target}", body=body)
        assert answer.status < 300, answer.body
        return answer.json

    async def key(self, **fields: Any) -> Key:
        """Make a key. It is not known to every worker yet; see ``known``."""
        made = await self.admin("POST", "keys", fields)
        return Key(made["id"], made["secret"])

    async def known(self, secret: str, *, works: bool = True) -> float:
        """Wait until every worker accepts a key, or none does; give the seconds that it took."""
        in_a_row = 0

        async def asked() -> bool:
            nonlocal in_a_row
            answer = await self.ask("GET", "/v1/models", secret)
            wanted = answer.status == 200 if works else answer.status in _REFUSED
            in_a_row = in_a_row + 1 if wanted else 0
            return in_a_row >= _IN_A_ROW

        return await self.served.until(asked)

    def request(self, order: Order, *, max_tokens: int = 20, **fields: Any) -> bytes:
        """Give the body of a chat, and note it with the providers."""
        self.seller.orders[order.name] = order
        body = {"model": "m", "messages": [{"role": "user", "content": order.name}], "max_tokens": max_tokens, **fields}
        made = json.dumps(body).encode()
        order.sent = len(made)
        return made

    async def call(self, secret: str, order: Order, **fields: Any) -> Response:
        """Send a chat; give the whole answer."""
        return await self.ask("POST", CHAT, secret, self.request(order, **fields))

    async def usage(self) -> Mapping[str, dict[str, Any]]:
        """Give what the ledger has, by key."""
        return {row["key"]: row for row in (await self.admin("GET", "usage?by=key"))["data"]}

    async def taken(self, secret: str) -> Mapping[str, Any]:
        """Give what has been counted of a key, as its holder is told."""
        answer = await self.ask("GET", "/admin/v1/me", secret)
        assert 200 == answer.status, answer.body
        return {one["subject"].partition(":")[0]: one for one in answer.json["taken"]}


@asynccontextmanager
async def town(
    folder: Path, seller: Seller, environ: Mapping[str, str], *, workers: int = 1, hooks: Any = (), **server: Any
) -> AsyncIterator[Town]:
    """
    Run it until the block ends.

    Args:
        environ: Has ``LLMS_STORE``, and ``REDIS`` where limits are there.
        server: Options of the configuration's section of that name.
    """
    prices = {name: {"input": float(into), "output": float(out)} for name, (into, out) in PRICES.items()}
    config = {
        "server": {"keys": ["$ADMIN"], "drain_s": 1, **server},
        "providers": {"one": seller.section("one", ["a", "u", "e"]), "two": seller.section("two", ["b"])},
        "models": MODELS,
        "prices": prices,
        "store": {"redis": "$REDIS"} if "REDIS" in environ else {},
    }
    configure(folder, config)
    told = {"ADMIN": ADMIN, "XDG_DATA_HOME": str(folder), **environ}
    arguments = ["--workers", str(workers)] if workers > 1 else []
    async with serving(folder, *arguments, environ=told, hooks=hooks) as served:
        yield Town(served, seller)


@dataclass
class Load:
    """Clients that send one call after the other until they are told to stop."""

    town: Town
    answers: Counter[tuple[str, int, str]]
    slowest_s: float = 0.0
    stopped: bool = False

    async def client(self, name: str, secret: str, order: Order) -> None:
        """Be one of them."""
        loop = asyncio.get_running_loop()
        body = self.town.request(order)
        while not self.stopped:
            began_at = loop.time()
            answer = await self.town.ask("POST", CHAT, secret, body)
            self.slowest_s = max(self.slowest_s, loop.time() - began_at)
            code = "" if answer.status == 200 else answer.json["error"]["code"]
            self.answers[name, answer.status, code] += 1
            await asyncio.sleep(0.02)
