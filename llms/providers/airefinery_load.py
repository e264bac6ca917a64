"""
AI Refinery's SDK as a thing to be loaded: when it is imported, what is made of it, and how tokens are got.

Importing takes most of a second and getting a token is a blocking request, so both are done in threads. These are not
the loop's executor, which also resolves names: a token endpoint that hangs would hold up all providers.
"""

import asyncio
import contextlib
import logging
import os
import sys
import threading
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

from llms import folders
from llms.errors import GatewayError
from llms.providers.airefinery_errors import FOREIGN, Failures

LOAD_S = 30.0
"""How long a call waits for the import at most: some fifty times what it takes on a machine with the package cached."""

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Account:
    """
    Where the SDK connects, and as whom.

    Args:
        base_url: Without ``/v1``.
        key: Empty where there is a ``token``.
        token: What ``air.auth.token_provider.TokenProvider`` is given.
    """

    base_url: str
    key: str = field(default="", repr=False)
    token: Mapping[str, Any] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Clients:
    """
    The SDK's clients for one account. They hold strings only, so calls share them.

    Args:
        chat: ``air.chat.AsyncChatClient``, never ``air.AsyncAIRefinery``: that one makes two blocking requests, without
            a time limit, when it is made.
        embeddings: ``air.embeddings.AsyncEmbeddingsClient``.
        models: ``air.models.AsyncModelsClient``.
        token: Gives a token, and blocks meanwhile; ``None`` where there is a key.
    """

    chat: Any
    embeddings: Any
    models: Any
    token: Callable[[], str] | None = None


def cache_folder(environ: Mapping[str, str], platform: str = sys.platform) -> Path | None:
    """Give the folder where the SDK keeps tokens, which by default would be the working directory."""
    folder = folders.own(folders.Kind.CACHE, environ, platform)
    return None if folder is None else folder / "airefinery"


def load(account: Account, folder: Path | None, importer: Callable[[str], Any] = import_module) -> Clients:
    """
    Import the SDK and make its clients; blocks.

    Args:
        folder: Where it may keep tokens; the variable ``AIR_CACHE_DIR``, if set, wins.

    Raises:
        ImportError: It is not there.
        OSError: There is no folder that can be written to.
    """
    # The SDK reads these when it is imported, from the process's own environment and nowhere else.
    os.environ["AIR_SILENT"] = "1"
    if "AIR_CACHE_DIR" not in os.environ:
        if folder is None:
            message = "no home directory"
            raise FileNotFoundError(message)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # tokens are written with the usual umask
        os.environ["AIR_CACHE_DIR"] = str(folder)
    logging.getLogger("air").setLevel(logging.CRITICAL)  # its texts hold URLs; what matters is raised as well
    chat, embeddings, models = (importer(f"air.{name}") for name in ("chat", "embeddings", "models"))
    where = {"base_url": account.base_url}
    return Clients(
        chat.AsyncChatClient(account.key, **where),
        embeddings.AsyncEmbeddingsClient(account.key, **where),
        models.AsyncModelsClient(account.key, **where),
        importer("air.auth.token_provider").TokenProvider(**account.token).token if account.token else None,
    )


class Loader:
    """
    Imports the SDK at its first use, once, and gets tokens.

    Args:
        account: Whose clients to make.
        folder: Where tokens may be kept.
        failures: Says what went wrong.
        work: What loads; blocks.
        limit_s: How long to wait for it.
    """

    def __init__(
        self,
        account: Account,
        folder: Path | None,
        failures: Failures,
        *,
        work: Callable[[Account, Path | None], Clients] = load,
        limit_s: float = LOAD_S,
    ) -> None:
        self.failures = failures
        self._load = lambda: work(account, folder)
        self._limit_s = limit_s
        self._loading: asyncio.Future[Clients | GatewayError] | None = None
        self._until = 0.0
        self._token: asyncio.Future[str | GatewayError] | None = None

    async def clients(self) -> Clients:
        """
        Give the clients; waits if they are not loaded yet.

        Raises:
            UpstreamUnreachableError: They cannot be loaded, now or at an earlier try; or it takes too long.
        """
        loop = asyncio.get_running_loop()
        if self._loading is None:
            self._loading = _in_thread(self._load, self.failures.loading)
            self._until = loop.time() + self._limit_s
        if not self._loading.done():
            await asyncio.wait({self._loading}, timeout=max(0.0, self._until - loop.time()))
        if not self._loading.done():
            raise self.failures.slow(self._limit_s)
        return _given(self._loading.result())

    async def headers(self, clients: Clients) -> dict[str, str] | None:
        """
        Give the headers that override the client's own: a token's, where there are tokens.

        All who wait at one time wait for one token. The SDK's own way has each of them hold a thread of the executor.

        Raises:
            GatewayError: There is no token.
        """
        if clients.token is None:
            return None
        token = self._token
        if token is None or token.done():
            token = self._token = _in_thread(clients.token, self.failures.token)
        await asyncio.wait({token})
        return {"Authorization": f"Bearer {_given(token.result())}"}


def _in_thread(
    work: Callable[[], _Result], failed: Callable[[Exception | None], GatewayError]
) -> asyncio.Future[_Result | GatewayError]:
    """
    Run ``work`` in a thread that nobody waits for at exit.

    The future never fails, so that nobody need retrieve it, and is not cancelled with those who wait for it.

    Args:
        failed: Says what an exception means; called with ``None`` for one that nobody foresaw.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[_Result | GatewayError] = loop.create_future()

    def run() -> None:
        outcome: _Result | GatewayError = failed(None)
        try:
            outcome = work()
        except FOREIGN as error:
            # The exception itself is not kept: its traceback holds the token endpoint's connection open.
            outcome = failed(error)
        finally:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(future.set_result, outcome)

    threading.Thread(target=run, name="airefinery-sdk", daemon=True).start()
    return future


def _given(outcome: _Result | GatewayError) -> _Result:
    if isinstance(outcome, GatewayError):
        raise copy(outcome)  # each caller's own, or it would gather the tracebacks, and so the requests, of all
    return outcome
