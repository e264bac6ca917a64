"""A gateway in front of one scripted upstream, both on real sockets."""

import gc
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.faults.crew import NAMES, Crew
from tests.support.gateway import Running
from tests.support.invariants import PATH, PROMPT, Watch
from tests.support.raw import RawClient, Response
from tests.upstream.server import Reaction, Upstream

__all__ = ["PATH", "PATIENT", "SHORT", "Pair", "case_table"]

CLIENT_KEY = "sk-client-canary"
"""Of clients, for ``server.keys`` of ``["$CLIENT_KEY"]``."""

SHORT = {"connect_s": 0.5, "first_byte_s": 0.4, "answer_s": 0.4, "idle_s": 0.4, "total_s": 3}
"""Clocks for a test in which one runs out."""

PATIENT = {"connect_s": 10, "first_byte_s": 10, "answer_s": 10, "idle_s": 10, "total_s": 30}
"""Clocks for one in which none does, however busy the machine is."""

_LONG = {"connect_s": 5, "first_byte_s": 9, "answer_s": 9, "idle_s": 9, "total_s": 10}

SECTIONS = {
    "openai": ("/v1/chat/completions", {"type": "openai", "base_url": "{url}/v1"}),
    "ollama": ("/api/chat", {"type": "ollama", "base_url": "{url}"}),
}
"""The kinds of upstream: where a chat goes, and the provider's options."""


def case_table(table: Iterable[str]) -> list[Any]:
    """Give the names in ``table`` as parameters; one that begins with a case's id (``U04 reset``) is marked with it."""
    return [pytest.param(name, id=name, marks=_marks(name.split()[0])) for name in table]


def _marks(first: str) -> list[pytest.MarkDecorator]:
    return [pytest.mark.case(first)] if re.fullmatch(r"[UCPBAK]\d\d", first) else []


def section(kind: str, url: str) -> dict[str, Any]:
    """Give the options of a provider of a kind of ``SECTIONS``."""
    options = SECTIONS[kind][1]
    return {**options, "base_url": options["base_url"].format(url=url)}


@dataclass
class Pair:
    """The two ends."""

    gateway: Running
    upstream: Upstream
    path: str = PATH

    def plays(self, *reactions: Reaction) -> None:
        """Have the upstream do this about chats, one after the other; the last one again and again."""
        self.upstream.on("POST", self.path, *reactions)

    def body(self, **fields: Any) -> dict[str, Any]:
        return {"model": "m", "messages": [{"role": "user", "content": f"Hello, {PROMPT}"}], **fields}

    async def ask(self, **fields: Any) -> Response:
        """Send a chat completion; give the whole answer."""
        async with RawClient("127.0.0.1", self.gateway.port) as client:
            await client.request("POST", PATH, body=self.body(**fields))
            return await client.read_response()


@pytest.fixture
async def upstream() -> AsyncGenerator[Upstream, None]:
    async with Upstream() as running:
        yield running


@pytest.fixture
async def pair(
    gateway: Callable[..., Awaitable[Running]], upstream: Upstream, invariants: Watch | None
) -> AsyncGenerator[Callable[..., Awaitable[Pair]], None]:
    """
    Start a gateway whose provider ``up`` is the upstream, of a kind of ``SECTIONS``; takes what ``server`` has.

    After a fault case what must hold after every one is checked: ``tests.support.invariants``.
    """
    pairs: list[Pair] = []

    async def start(
        *, kind: str = "openai", clocks: dict[str, float] | None = None, up: dict[str, Any] | None = None, **server: Any
    ) -> Pair:
        path, options = SECTIONS[kind]
        base_url = options["base_url"].format(url=upstream.url)
        section = {**options, "base_url": base_url, "api_key": "$UP_KEY", "models": ["m"], "retries": 0, **(up or {})}
        running = await gateway(
            providers={"up": section},
            server={"clocks": {**PATIENT, **(clocks or {})}, **server},
            environ={"UP_KEY": "sk-upstream-canary", "CLIENT_KEY": CLIENT_KEY},
        )
        pairs.append(Pair(running, upstream, path))
        return pairs[-1]

    yield start
    if invariants is not None:
        for both in pairs:
            keyed = both.gateway.services.policy.keyring.required
            await invariants.check(both.gateway, upstream, CLIENT_KEY if keyed else None)


@pytest.fixture
async def crew(
    gateway: Callable[..., Awaitable[Running]], invariants: Watch | None
) -> AsyncGenerator[Callable[..., Awaitable[Crew]], None]:
    """
    Start a gateway in front of so many upstreams.

    Each is told its own options by its name (``one={…}``), and all of them by ``every``; the rest is what the server has.
    """
    started: list[tuple[Crew, dict[str, Upstream]]] = []
    async with AsyncExitStack() as stack:

        async def start(
            count: int = 2,
            *,
            every: dict[str, Any] | None = None,
            models: dict[str, Any] | None = None,
            environ: dict[str, str] | None = None,
            clocks: dict[str, float] | None = None,
            **options: dict[str, Any],
        ) -> Crew:
            upstreams = [await stack.enter_async_context(Upstream()) for _ in range(count)]
            providers = {
                name: {
                    **section(options.get(name, {}).get("type", "openai"), upstream.url),
                    "models": ["m", name],
                    **(every or {}),
                    **options.get(name, {}),
                }
                for name, upstream in zip(NAMES, upstreams, strict=False)
            }
            server = {"clocks": {**_LONG, **(clocks or {})}}
            running = await gateway(providers=providers, models=models, server=server, environ=environ)
            own = {n: one for n, one in zip(NAMES, upstreams, strict=False) if "base_url" not in options.get(n, {})}
            started.append((Crew(running, upstreams), own))
            return started[-1][0]

        yield start
        if invariants is not None:
            for one, own in started:
                await invariants.check_each(one.gateway, own)


@pytest.fixture
def growth() -> Callable[[], float]:
    """Gives how far the peak of this process's memory has risen since the test began, in MiB."""
    status = Path("/proc/self/status")

    def peak() -> float:
        return int(re.search(r"VmHWM:\s+(\d+)", status.read_text()).group(1)) / 1024

    def now() -> float:
        return int(re.search(r"VmRSS:\s+(\d+)", status.read_text()).group(1)) / 1024

    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # the peak is what is there now
    before = now()
    return lambda: peak() - before
