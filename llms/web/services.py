"""
What handlers need, and which of it is in force.

A request takes the generation in force once, when it starts, and holds it to its end. A reload puts another in its
place, which later requests find; what was there before is closed once the last request that holds it has ended. So
nothing changes under a call, and no call is dropped.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType

from aiohttp import web

from llms.admin import Admin, Takings
from llms.catalog import Catalog
from llms.gateway import Gateway
from llms.idempotency import Answers
from llms.session import Sessions
from llms.tally import Tally
from llms.times import Times
from llms.web.body import Limits
from llms.web.connection import Bounds
from llms.web.guesses import Guesses
from llms.web.policy import Policy


@dataclass(frozen=True, slots=True)
class Services:
    """
    What one reading of the configuration made.

    Args:
        answers: Kept for requests that are sent again.
        keepalive_s: Longest silence in a stream before a comment is sent; 0 for none.
        reasoning: The keys that chat completions have reasoning under; ``None`` for those that it has inside.
        admin: Looks after keys and calls; ``None`` where none are kept.
        sessions: Makes cookies; ``None`` where there are none.
        takings: Says what callers have taken; ``None`` where nobody counts.
        written: Has the rows of calls that have ended on the disk; ``None`` where none are written.
    """

    gateway: Gateway
    catalog: Catalog
    policy: Policy
    limits: Limits
    bounds: Bounds
    answers: Answers
    keepalive_s: float
    reasoning: tuple[str, ...] | None = None
    admin: Admin | None = None
    sessions: Sessions | None = None
    takings: Takings | None = None
    written: Callable[[], None] | None = None


class Generation:
    """Services, and how many requests hold them: a context that each request is handled in."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self._holders = Tally()

    def __enter__(self) -> Services:
        self._holders.more()
        return self.services

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self._holders.less()

    @property
    def held(self) -> int:
        """How many requests hold it."""
        return self._holders.count

    async def free(self) -> None:
        """Wait until no request holds it."""
        await self._holders.none()


class Live:
    """
    The state of the process that requests see, and the one thing here that changes.

    ``now`` is the generation in force. ``stopping`` is set once the process has been told to stop. ``degraded`` tells
    that the configuration's file could not be taken when it was read last, and ``failed_reloads`` how often that was;
    ``dropped_lines`` gives how many lines the log has lost. ``full`` tells that there is no memory for more calls.
    ``guesses`` counts wrong keys.
    """

    now: Generation

    def __init__(self) -> None:
        self.stopping = asyncio.Event()
        self.degraded = False
        self.failed_reloads = 0
        self.full = False
        self.dropped_lines: Callable[[], int] = int
        self.guesses = Guesses(time.monotonic)


LIVE = web.AppKey("live", Live)

SERVICES = web.RequestKey("services", Services)
TIMES = web.RequestKey("times", Times)
