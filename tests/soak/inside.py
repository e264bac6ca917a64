"""
``llms serve`` with a window into it: ``python -m tests.soak.inside serve …``.

What cannot be seen from outside is told to whoever connects to the unix socket that ``WINDOW`` names: the tasks, and by how much
a timer of 10 ms was late each time since somebody last asked: the lag of the event loop.
"""

import asyncio
import gc
import json
import os
import socket
import sys
import threading
from typing import Any

import uvloop

from llms.cli import main
from llms.cli import serve as served

TICK_S = 0.01
_MOST = 1_000_000


class Ticker:
    """Notes how late a timer is."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.late: list[float] = []
        self._arm()

    def _arm(self) -> None:
        self._due_at = self._loop.time() + TICK_S
        self._loop.call_at(self._due_at, self._tick)

    def _tick(self) -> None:
        if len(self.late) < _MOST:
            self.late.append(max(0.0, self._loop.time() - self._due_at))
        self._arm()


def window(loop: asyncio.AbstractEventLoop, path: str) -> None:
    """Answer at ``path``, from a thread."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    made: list[Ticker] = []
    loop.call_soon(lambda: made.append(Ticker(loop)))

    def collect(told: threading.Event, found: dict[str, Any]) -> None:
        found["frozen"] = gc.get_freeze_count()
        found["tasks"] = len(asyncio.all_tasks(loop))
        found["late_ms"] = [round(late * 1000, 2) for late in made[0].late]
        made[0].late = []
        told.set()

    def look() -> None:
        while True:
            peer, _ = listener.accept()
            told, found = threading.Event(), {}
            loop.call_soon_threadsafe(collect, told, found)
            told.wait(10)
            with peer:
                peer.sendall(json.dumps(found).encode())

    threading.Thread(target=look, daemon=True).start()


def new_event_loop() -> asyncio.AbstractEventLoop:
    """Give a loop as the gateway has it, with the window."""
    loop = uvloop.new_event_loop()
    window(loop, os.environ["WINDOW"])
    return loop


async def _idle() -> None:
    sys.stdout.write("idle\n")
    sys.stdout.flush()
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    if sys.argv[1:] == ["idle"]:  # does nothing: how late timers are on this machine anyway
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            runner.run(_idle())
    else:
        served.new_event_loop = new_event_loop
        main()
