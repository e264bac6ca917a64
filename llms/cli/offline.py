"""The store itself, asked in the words of the admin API."""

import asyncio
import os
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from llms.admin import Admin, shapes
from llms.admin.book import OPERATOR
from llms.cli.setup import Failure
from llms.config import Config
from llms.config.accounting import store_url
from llms.databases.open import kind
from llms.errors import GatewayError
from llms.store import StoreError
from llms.store.open import open_store

_EACH_S = 1.0


@asynccontextmanager
async def opened(config: Config) -> AsyncGenerator["Offline", None]:
    """
    Open the store that a configuration names.

    Raises:
        Failure: There is none, or it cannot be used.
    """
    url, _ = store_url(config.store, os.environ)
    if url is None:
        message = "no store is configured; set store.url, or LLMS_STORE"
        raise Failure(message)
    with _failing():
        store = await open_store(url)
    try:
        yield Offline(Admin(store, kind(url)))
    finally:
        await store.close()


@contextmanager
def _failing() -> Iterator[None]:
    try:
        yield
    except GatewayError as error:
        raise Failure(error.message) from error
    except StoreError as error:
        message = f"the store cannot be used: {error}"
        raise Failure(message) from error


class Offline:
    """
    The store itself; satisfies ``llms.cli.desk.Desk``.

    Args:
        admin: Over it.
    """

    def __init__(self, admin: Admin) -> None:
        self._admin = admin

    async def ask(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, query: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        with _failing():
            return await self._answer(method, path.split("/")[1:], body or {}, query or {})

    async def _answer(
        self, method: str, path: list[str], body: Mapping[str, Any], query: Mapping[str, str]
    ) -> dict[str, Any]:
        keys, calls = self._admin.keys, self._admin.calls
        match method, *path:
            case "GET", "keys":
                answer = keys.all(OPERATOR, revoked=query.get("revoked") == "true")
            case "POST", "keys":
                answer = keys.make(OPERATOR, body)
            case "GET", "keys", key_id:
                answer = keys.one(OPERATOR, key_id)
            case "PATCH", "keys", key_id:
                answer = keys.change(OPERATOR, key_id, body)
            case "POST", "keys", key_id, "rotate":
                answer = keys.rotate(OPERATOR, key_id, body)
            case "POST", "keys", key_id, "revoke":
                answer = keys.revoke(OPERATOR, key_id, body)
            case "GET", "usage":
                return shapes.usage(*await calls.usage(OPERATOR, query.items()))
            case _:
                answer = calls.page(OPERATOR, query.items())
        return await answer

    async def follow(self, query: Mapping[str, str]) -> AsyncGenerator[dict[str, Any] | None, None]:
        position = -1
        while True:
            with _failing():
                begun = position >= 0
                position, some = await self._admin.calls.follow(OPERATOR, query.items(), position)
            if not begun:
                yield None
            for call in some:
                yield call
            if not some:
                await asyncio.sleep(_EACH_S)
