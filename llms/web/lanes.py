"""What the lanes of a server share: heads that were read before, and how all of them end."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Protocol

from llms.apis.api import Api
from llms.web.connection import Bounds
from llms.web.outbox import Outbox
from llms.web.plain import Plain, read
from llms.web.services import Generation, Live

_MOST_HEADS = 1024


class Open(Protocol):
    """A lane, as far as its end goes."""

    @property
    def task(self) -> asyncio.Task[None] | None:
        """The request that runs."""

    def close_when_idle(self) -> None:
        """Close, at once or once the answer is out."""

    def abort(self) -> None:
        """Close, whatever is left to be sent."""


class Lanes:
    """
    What the lanes of a server share.

    Args:
        live: Has the services that a request is handled with.
        apis: Of the inference endpoints, by their paths.
        bounds: Gives those of a new connection.
        other: Makes aiohttp's protocol for a connection that is handed over.
    """

    def __init__(
        self,
        live: Live,
        apis: Mapping[bytes, Api],
        bounds: Callable[[], Bounds],
        other: Callable[[], asyncio.Protocol],
    ) -> None:
        self.live = live
        self.bounds = bounds
        self.other = other
        self.open: set[Open] = set()
        self.outbox = Outbox(live)
        self.closing = False
        self._apis = apis
        self._heads: dict[tuple[bytes, str | None], Plain] = {}
        self._heads_of: Generation | None = None
        self._keys_of = 0

    def plain(self, head: bytes, own_address: str | None) -> Plain | None:
        """
        Read a head, which a client sends again and again: what was found once is found again.

        Only what may be answered is kept, and no longer than the configuration and the keys that allow it.
        """
        version = self.live.now.services.policy.keyring.version
        if self._heads_of is not self.live.now or self._keys_of != version:
            self._heads_of, self._keys_of = self.live.now, version
            self._heads.clear()
        found = self._heads.get((head, own_address))
        if found is None:
            services = self.live.now.services
            found = read(head, self._apis, services.policy, services.limits.max_bytes, own_address)
            if found is not None:
                if len(self._heads) >= _MOST_HEADS:
                    self._heads.clear()
                self._heads[head, own_address] = found
        return found

    def close_idle(self) -> None:
        """Close connections on which nothing runs; the others are to be closed once their answer is out."""
        self.closing = True
        for lane in tuple(self.open):
            lane.close_when_idle()

    async def close(self, patience_s: float | None) -> None:
        """Wait so long for what runs, then end it."""
        tasks = [lane.task for lane in self.open if lane.task is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=patience_s)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.outbox.flush()
        for lane in tuple(self.open):
            lane.abort()
