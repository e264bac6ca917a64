"""
Whether there is memory for more calls.

New calls are refused from 85 % of the limit on, so that those that run can end. A call that comes while no other runs
is taken all the same: memory that the allocator does not give back must not shut the gateway for good.

The limit is what the configuration says, for this process, or else what the system sets: RLIMIT_AS for the process's
addresses, the cgroup's ``memory.max`` for what all processes in it use, without the file pages that the kernel would
drop first.
"""

import asyncio
import logging
import os
from collections.abc import Callable
from pathlib import Path

from llms.web.services import Live

try:
    import resource
except ImportError:  # pragma: no cover - Windows
    resource = None  # type: ignore[assignment]  # asked for before it is used

_log = logging.getLogger("llms.memory")

_FULL = 0.85
_LOOK_S = 1.0

_ROOT = Path("/")

Usage = tuple[float, str]
"""The share of a limit that is used, and what sets the limit."""


class Memory:
    """
    Looks once a second, in the loop that it is made in, until it is closed.

    Args:
        live: Is told.
        configured: Gives ``server.max_memory_bytes``.
        root: Where ``proc`` and ``sys`` are.
    """

    def __init__(self, live: Live, configured: Callable[[], int | None], root: Path = _ROOT) -> None:
        self._live = live
        self._configured = configured
        self._root = root
        self._loop = asyncio.get_running_loop()
        self._cgroups = cgroups(root)
        self._addresses = _address_limit()
        self._timer: asyncio.TimerHandle | None = None
        self.look()

    def close(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()

    def look(self) -> None:
        """Look now, and again in a second."""
        share, limit = max(self._usages(), default=(0.0, ""))
        full = share >= _FULL
        if full != self._live.full:
            self._live.full = full
            if full:
                _log.warning("%.0f %% of %s is used: new calls are refused", 100 * share, limit)
            else:
                _log.warning("there is memory for new calls again")
        self._timer = self._loop.call_later(_LOOK_S, self.look)

    def _usages(self) -> list[Usage]:
        try:
            addresses, resident = (self._root / "proc/self/statm").read_bytes().split()[:2]
        except (OSError, ValueError):  # no Linux
            return []
        page = os.sysconf("SC_PAGE_SIZE")
        found: list[Usage] = []
        if configured := self._configured():
            found.append((int(resident) * page / configured, "server.max_memory_bytes"))
        if self._addresses:
            found.append((int(addresses) * page / self._addresses, "the limit of its addresses (ulimit -v)"))
        found += [(usage, "the cgroup's memory.max") for folder in self._cgroups if (usage := _used(folder))]
        return found


def cgroups(root: Path = _ROOT) -> list[Path]:
    """Give the folders of the cgroups (version 2) that the process is in and that set a limit."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
    own = next((line.removeprefix("0::") for line in lines if line.startswith("0::")), None)
    if own is None:
        return []
    mounted = root / "sys/fs/cgroup"
    folder = mounted / own.lstrip("/")
    folders = [folder, *folder.parents]
    return [one for one in folders if one.is_relative_to(mounted) and _limit(one)]


def _limit(folder: Path) -> int | None:
    try:
        text = (folder / "memory.max").read_text().strip()
    except OSError:
        return None
    return int(text) if text.isdigit() and int(text) else None


def _used(folder: Path) -> float | None:
    """Give the share of the cgroup's limit that is used."""
    limit = _limit(folder)  # it may be changed while this runs
    try:
        current = int((folder / "memory.current").read_text())
        lines = (folder / "memory.stat").read_text().splitlines()
    except (OSError, ValueError):
        return None
    droppable = next((int(line.split()[1]) for line in lines if line.startswith("inactive_file ")), 0)
    return (current - droppable) / limit if limit else None


def _address_limit() -> int | None:
    if resource is None:  # pragma: no cover - Windows
        return None
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return None if limit == resource.RLIM_INFINITY else limit
