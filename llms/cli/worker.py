"""
One of several workers: what it tells its parent, and how it ends with it.

Each is in a session of its own, so that a Ctrl-C reaches the parent only and is not taken for two: the second order to
stop means "hurry".
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection

import click

from llms.config import Config, Source

_DRAIN_S = 2.0
"""What calls are given once the parent is gone: whoever killed it wants the gateway gone."""

_LAST_WORDS_S = 2.5


HELD_BACK = (signal.SIGINT, signal.SIGHUP) if hasattr(signal, "SIGHUP") else (signal.SIGINT,)
"""Signals that wait until a worker can hear them: a Ctrl-C is its parent's, and its file is looked at in any case."""


class Line:
    """
    A worker's way to its parent: that it listens, and from then on that it lives.

    Args:
        workers: How many there are.
    """

    def __init__(self, connection: Connection, workers: int) -> None:
        self.workers = workers
        self._connection = connection
        self._lock = threading.Lock()
        self._listens = False

    def listens(self, text: str) -> None:
        """Tell that it listens, and what there is to say about it."""
        self._send(text)
        self._listens = True

    def alive(self) -> None:
        """Tell that its event loop runs."""
        if self._listens:
            self._send(None)

    def _send(self, text: str | None) -> None:
        with self._lock, suppress(OSError):  # without a parent, _end_with_parent does what there is to do
            self._connection.send(text)


Serve = Callable[[Source, Config, Line], None]
"""Serves until told to stop."""


def work(source: Source, config: Config, serve: Serve, connection: Connection, workers: int) -> None:
    """Be one of so many workers: a process's whole life."""
    os.setsid()
    for number in HELD_BACK:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD_BACK)
    threading.Thread(target=_end_with_parent, args=(connection,), daemon=True).start()
    try:
        serve(source, config, Line(connection, workers))
    except click.ClickException as failure:
        failure.show()
        sys.exit(failure.exit_code)


def _end_with_parent(connection: Connection) -> None:
    with suppress(EOFError, OSError):
        connection.recv()  # it never sends
    for patience_s in (_DRAIN_S, _LAST_WORDS_S):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(patience_s)
    os._exit(1)  # its loop hangs
