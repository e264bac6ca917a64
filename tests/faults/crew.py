"""A gateway in front of several scripted upstreams, ``one``, ``two`` and ``three``, each of which lists the model ``m``."""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from llms.health import Health
from tests.support.gateway import Running
from tests.support.invariants import PATH
from tests.support.raw import RawClient, Response
from tests.upstream import openai
from tests.upstream.server import Reaction, Upstream

NAMES = ("one", "two", "three")
PATIENCE_S = 10.0


@dataclass
class Crew:
    """The gateway and its upstreams."""

    gateway: Running
    upstreams: list[Upstream]

    def plays(self, *reactions: Reaction | list[Reaction]) -> None:
        """Have each upstream do one thing, again and again; a list is what it does one after the other."""
        for upstream, reaction in zip(self.upstreams, reactions, strict=True):
            upstream.on("POST", PATH, *(reaction if isinstance(reaction, list) else [reaction]))

    async def ask(self, model: str = "m", headers: Iterable[tuple[str, str]] = (), **fields: Any) -> Response:
        """Send a chat completion; give the whole answer."""
        async with RawClient("127.0.0.1", self.gateway.port) as client:
            await client.request("POST", PATH, list(headers), body=self.body(model, **fields))
            return await client.read_response()

    @staticmethod
    def body(model: str = "m", text: str = "x", **fields: Any) -> dict[str, Any]:
        return {"model": model, "messages": [{"role": "user", "content": text}], **fields}

    async def asks(self, count: int, *, at_once: int = 20, **fields: Any) -> list[Response]:
        """Ask so many times, some at once."""
        gate = asyncio.Semaphore(at_once)

        async def one() -> Response:
            async with gate:
                return await self.ask(**fields)

        return list(await asyncio.gather(*(one() for _ in range(count))))

    @property
    def asked(self) -> list[int]:
        """How many requests each upstream has had."""
        return [len(upstream.requests) for upstream in self.upstreams]

    @property
    def health(self) -> Health:
        return self.gateway.generations._core.learnt.health

    def pass_time(self, seconds: float) -> None:
        """Have the memory of targets believe that so much more time has passed."""
        before = self.health._now
        self.health._now = lambda: before() + seconds

    def outcomes(self, index: int = -1) -> list[tuple[str, str]]:
        """What was tried in the last call that ended."""
        return [(attempt.target.provider, attempt.outcome) for attempt in self.gateway.records[index].attempts]

    async def idle(self) -> None:
        """Wait until no call runs."""
        async with asyncio.timeout(PATIENCE_S):
            await self.gateway.services.gateway.idle()

    async def until(self, true: Any) -> None:
        """Wait until something is so."""
        async with asyncio.timeout(PATIENCE_S):
            while not true():  # noqa: ASYNC110 - no event tells of it
                await asyncio.sleep(0.005)

    def running(self, name: str) -> int:
        """How many places of a provider are taken."""
        return self.gateway.generations._core.made[name].upstream.bulkhead.running


class Stopwatch:
    """Loop time since it was made."""

    def __init__(self) -> None:
        self._started_at = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._started_at


OK = openai.completion("Hello")
"""An answer."""
