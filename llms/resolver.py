"""
Host names to addresses: each lookup in a thread of its own, so that a slow name server holds up no other name.

``getaddrinfo`` cannot be cancelled and may take half a minute. In asyncio's own executor, six threads on two cores, a
few slow names would hold up all; and an executor's threads are waited for when the process ends, which these, being
daemons, are not. All calls to one name share its lookups.

An answer serves for 30 seconds. Past that it serves only while the name server does not answer (RFC 8767): connections
to known names go on through an outage. A name server that says that there is no such name is believed at once. A
failure is remembered for a second, so that a broken name costs one lookup a second and recovers in one. A lookup that
has not answered in two seconds gets another beside it, so that recovery does not wait for the resolver's retry.
"""

import asyncio
import errno
import socket
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from math import inf

Lookup = Callable[[str], Sequence[str]]
"""Gives a name's addresses, best first. Blocks; raises OSError."""

_LOOKUPS_PER_NAME = 4
_LOOKUPS = 64

_GONE = frozenset({socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)})
"""The name server's word that there is no such name, or no address; any other failure may pass."""


_FLAGS = socket.AI_ADDRCONFIG & getattr(socket, "AI_MASK", -1)  # macOS refuses flags outside the mask


def getaddrinfo(host: str) -> Sequence[str]:
    """Ask the system, for the kinds of address that this machine has itself."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=_FLAGS)
    return [str(address[0]) for _, _, _, _, address in found]


@dataclass(frozen=True, slots=True)
class Times:
    """
    How long things last, in seconds.

    Args:
        fresh_s: An answer.
        stale_s: An answer, while there is no newer one to be had. RFC 8767 names one to three days.
        failed_s: A failure.
        wait_s: The wait for a newer answer where there is an old one.
        again_s: The wait before another lookup is begun beside one that does not answer.
    """

    fresh_s: float = 30.0
    stale_s: float = 86_400.0
    failed_s: float = 1.0
    wait_s: float = 0.5
    again_s: float = 2.0


@dataclass(slots=True)
class _Name:
    """What is known of a name. There are no more of them than the configuration names."""

    addresses: Sequence[str] = ()
    known_at: float = -inf
    failure: OSError | None = None
    failed_at: float = -inf
    running: list[float] = field(default_factory=list)  # when each lookup began
    news: asyncio.Event = field(default_factory=asyncio.Event)


class Resolver:
    """
    Knows names.

    Args:
        lookup: Asks the system, or whoever a test puts in its place.
        times: How long things last.
    """

    def __init__(self, lookup: Lookup = getaddrinfo, times: Times | None = None) -> None:
        self._lookup = lookup
        self._times = times or Times()
        self._loop = asyncio.get_running_loop()
        self._names: dict[str, _Name] = {}
        self._running = 0

    async def addresses(self, host: str) -> Sequence[str]:
        """
        Give the addresses of ``host``, best first; takes as long as the lookup does.

        Raises:
            OSError: It has none.
        """
        name = self._names.setdefault(host, _Name())
        asked_at = time.monotonic()
        while True:
            if name.known_at >= asked_at - self._times.fresh_s:
                return name.addresses
            old = name.addresses if name.known_at >= asked_at - self._times.stale_s else ()
            if name.failure is not None and name.failed_at >= asked_at - self._times.failed_s and not name.running:
                if old:
                    return old
                raise socket.gaierror(*name.failure.args)
            now = time.monotonic()
            try:
                self._look_up(host, name, now)
            except OSError:
                if old:
                    return old
                raise
            left = name.running[0] + self._times.wait_s - now if old else None
            if left is not None and left <= 0:
                return old
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await name.news.wait()

    def _look_up(self, host: str, name: _Name, now: float) -> None:
        """Begin a lookup, unless one is under way that may still answer."""
        if name.running and (now - name.running[-1] < self._times.again_s or len(name.running) >= _LOOKUPS_PER_NAME):
            return
        if self._running >= _LOOKUPS:
            if name.running:
                return
            raise socket.gaierror(socket.EAI_AGAIN, "too many lookups")
        thread = threading.Thread(target=self._ask, args=(host, name, now), daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the system gives no more threads
            raise OSError(errno.EAGAIN, "no thread") from None
        name.running.append(now)
        self._running += 1

    def _ask(self, host: str, name: _Name, began: float) -> None:
        """Look up, in a thread."""
        found: Sequence[str] | OSError
        try:
            found = self._lookup(host)
        except OSError as error:
            found = error
        except ValueError:  # no name at all, as with a label of 64 characters
            found = socket.gaierror(socket.EAI_NONAME, "not a name")
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._arrived, name, began, found)

    def _arrived(self, name: _Name, began: float, found: Sequence[str] | OSError) -> None:
        name.running.remove(began)
        self._running -= 1
        now = time.monotonic()
        if not isinstance(found, OSError):
            name.addresses, name.known_at, name.failure = found, now, None
        elif began >= name.known_at:  # else a later lookup knew better
            name.failure, name.failed_at = found, now
            if found.errno in _GONE:
                name.addresses, name.known_at = (), -inf
        name.news.set()
        name.news = asyncio.Event()
