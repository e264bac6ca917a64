"""
A network, and a view of the file system, of a test's own: routes, addresses and a name server that the machine has not.

Linux gives both to a single thread, so the test's loop runs in a thread of its own, on the same sockets and descriptors
as the rest of the process. It needs root.
"""

import asyncio
import ctypes
import os
import shlex
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.support import leaks

_T = TypeVar("_T")

_NEW_NETWORK = 0x40000000  # CLONE_NEWNET
_NEW_MOUNTS = 0x00020000  # CLONE_NEWNS
_PATIENCE_S = 60.0

needs_root = pytest.mark.skipif(
    not sys.platform.startswith("linux") or os.geteuid() != 0, reason="a network namespace needs root on Linux"
)


def inside(
    main: Callable[[], Coroutine[Any, Any, _T]], commands: Sequence[str] = (), *, files: dict[str, str] | None = None
) -> _T:
    """
    Run ``main`` in a loop in a new namespace, where only ``lo`` is up; give what it gives.

    Args:
        commands: Run there before, as ``ip route add unreachable 192.0.2.0/24``.
        files: The text of files in ``/etc`` as they are there: ``resolv.conf``, ``hosts``.
    """
    result: list[_T] = []
    failure: list[BaseException] = []

    def run() -> None:
        try:
            with tempfile.TemporaryDirectory() as folder:
                _enter(commands, files or {}, Path(folder))
                result.append(asyncio.run(_watched(main)))
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(_PATIENCE_S)
    assert not thread.is_alive(), "the test in the namespace has not ended"
    if failure:
        raise failure[0]
    return result[0]


def _enter(commands: Sequence[str], files: dict[str, str], folder: Path) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_NEW_NETWORK | _NEW_MOUNTS):
        pytest.skip(f"no namespaces here: {os.strerror(ctypes.get_errno())}")
    mounts = ["mount --make-rprivate /"]
    for name, text in files.items():
        (folder / name).write_text(text)
        mounts.append(f"mount --bind {folder / name} /etc/{name}")
    for command in [*mounts, "ip link set lo up", *commands]:
        subprocess.run(shlex.split(command), check=True, timeout=10)  # noqa: S603 - the test's own words


async def _watched(main: Callable[[], Coroutine[Any, Any, _T]]) -> _T:
    watch = leaks.Watch()
    watch.start()
    try:
        return await asyncio.wait_for(main(), _PATIENCE_S - 10)
    finally:
        left = await watch.stop()
        assert not left, "left over:\n" + "\n".join(left)
