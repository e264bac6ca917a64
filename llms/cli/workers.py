"""
Several processes that share one port; the kernel spreads connections among them (``SO_REUSEPORT``).

The parent serves nothing: it holds the port, passes signals on, and replaces a worker that dies or whose event loop
hangs. A worker that dies again and again is replaced less and less often, and the others serve on.

Each worker reads the configuration again by itself. So does the parent, for the workers that are yet to come: what they
start with has to be what was good last, not what was good at the start.
"""

import logging
import multiprocessing
import os
import signal
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

import click

from llms.cli.setup import Failure
from llms.cli.worker import HELD_BACK, Serve, work
from llms.config import Config, Server, Source
from llms.process.reload import kept_as_started, warn_of_restart
from llms.process.reread import Outcome, Rereader
from llms.process.signals import Terminal

_log = logging.getLogger("llms.workers")

_SILENT_S = 15.0
"""How long a worker's event loop may hang before the worker is killed."""

_LOOK_S = 0.5

_AT_ONCE = 4
"""So many deaths of each within ``_MEMORY_S`` are made up for at once; each further one waits a second longer."""

_MEMORY_S = 60.0
_LONGEST_WAIT_S = 30.0


class _Worker:
    def __init__(self, process: SpawnProcess, line: Connection) -> None:
        self.process = process
        self.line: Connection | None = line
        self.said: str | None = None
        self.heard_at = time.monotonic()

    def hear(self) -> None:
        """Take what it has said."""
        try:
            while self.line is not None and self.line.poll():
                text: str | None = self.line.recv()
                self.said = self.said if text is None else text
                self.heard_at = time.monotonic()
        except (EOFError, OSError):
            self.line = None


class Crew:
    """
    Runs workers until told to stop.

    Args:
        source: Where the configuration comes from.
        config: As read from it.
        serve: What a worker does; importable by its name.
    """

    def __init__(self, source: Source, config: Config, serve: Serve) -> None:
        self._source = source
        self._config = config
        self._serve = serve
        self._spawn = multiprocessing.get_context("spawn")
        self._workers: list[_Worker] = []
        self._count = 0
        self._listens = False
        self._stopping = False
        self._failed = 0
        self._deaths: list[float] = []
        self._due: list[float] = []
        self._address = config.server.host, config.server.port
        self._rereader: Rereader | None = None
        self._terminal = Terminal()

    def run(self, count: int) -> None:
        """
        Start ``count`` workers, and return once all have ended.

        Raises:
            OSError: Nothing can listen there.
            Failure: This system cannot do it.
            SystemExit: No worker could start; with the status of the first, which has said why.
        """
        if not hasattr(socket, "SO_REUSEPORT"):  # pragma: no cover - Windows
            message = "this system cannot share a port among processes; leave out --workers"
            raise Failure(message)
        self._count = count
        server = self._config.server
        with _held(server.host, server.port) as port, self._signals():
            self._address = server.host, port
            self._config = kept_as_started(self._config, *self._address, self._config.store)
            self._rereader = Rereader(self._source, os.environ, partial(self._keep, server))
            try:
                # One first, so that what keeps it from listening is said once, and what it says once it listens, too.
                self._start()
                self._attend()
            finally:
                self._rereader.close()
        if self._failed:
            raise SystemExit(self._failed)

    def _keep(self, first: Server, outcome: Outcome) -> None:
        if isinstance(outcome, Config):  # the workers say what is wrong with one that is none
            warn_of_restart(outcome, first.host, first.port, self._config.store)
            self._config = kept_as_started(outcome, *self._address, self._config.store)

    def _start(self) -> None:
        ours, its = self._spawn.Pipe()
        host, port = self._address
        # The address stays what it is; if the file names another one, the parent says so, once for all.
        source = replace(self._source, instead={**self._source.instead, "host": host, "port": port})
        process = self._spawn.Process(target=work, args=(source, self._config, self._serve, its, self._count))
        resource_tracker.ensure_running()  # which unblocks signals once it has started
        with _held_back(HELD_BACK):  # inherited: before the worker is ready for them they would kill it
            process.start()
        its.close()
        self._workers.append(_Worker(process, ours))
        if self._stopping:
            process.terminate()

    def _attend(self) -> None:
        """Look after the workers until all have ended."""
        looked_at = time.monotonic()
        while self._workers or (self._due and not self._stopping):
            lines = [worker.line for worker in self._workers if worker.line is not None]
            wait([*lines, *(worker.process.sentinel for worker in self._workers)], _LOOK_S)
            now = time.monotonic()
            for worker in self._workers:
                worker.hear()
                if now - looked_at > _SILENT_S / 2:  # this process itself did not run: it knows nothing of the others
                    worker.heard_at = now
            looked_at = now
            self._greet()
            self._bury()
            self._end_silent(now)
            self._start_due(time.monotonic())

    def _greet(self) -> None:
        text = next((worker.said for worker in self._workers if worker.said is not None), None)
        if text is not None and not self._listens:
            self._listens = True
            with suppress(OSError):  # nobody reads it, which is no reason not to serve
                click.echo(text)
            for _ in range(self._count - 1):
                self._start()

    def _bury(self) -> None:
        for worker in [worker for worker in self._workers if not worker.process.is_alive()]:
            self._workers.remove(worker)
            worker.process.join()
            status = worker.process.exitcode or 0
            if self._stopping:
                continue
            if not self._listens:
                if status <= 0:  # it had no time to say why
                    click.echo(f"llms: a worker ended with status {status} before it listened", err=True)
                self._failed = max(status, 1)
                self._stop()
                continue
            wait_s = self._wait_s()
            after = f" in {wait_s:.0f} s" if wait_s else ""
            _log.warning("a worker ended with status %d; another takes its place%s", status, after)
            self._due.append(time.monotonic() + wait_s)

    def _wait_s(self) -> float:
        """Give how long a dead worker's place stays empty."""
        now = time.monotonic()
        self._deaths = [at for at in self._deaths if now - at < _MEMORY_S] + [now]
        return float(min(max(0, len(self._deaths) - _AT_ONCE * self._count), _LONGEST_WAIT_S))

    def _end_silent(self, now: float) -> None:
        for worker in self._workers:
            if worker.said is not None and now - worker.heard_at > _SILENT_S:
                _log.error("a worker's event loop has hung for %.0f s; it is killed", now - worker.heard_at)
                worker.process.kill()
                worker.heard_at = now

    def _start_due(self, now: float) -> None:
        due = [at for at in self._due if at <= now]
        self._due = [at for at in self._due if at > now]
        for _ in due:
            self._start()

    @contextmanager
    def _signals(self) -> Iterator[None]:
        with _handled(self._stop, signal.SIGTERM, signal.SIGINT), _handled(self._hang_up, signal.SIGHUP):
            yield

    def _hang_up(self, *_: object) -> None:
        if self._terminal.gone():
            if not self._stopping:
                self._stop()
            return
        if self._rereader is not None:
            self._rereader.ask()
        for worker in self._workers:
            if worker.process.pid is not None and worker.process.is_alive():
                os.kill(worker.process.pid, signal.SIGHUP)

    def _stop(self, *_: object) -> None:
        self._stopping = True
        for worker in self._workers:
            worker.process.terminate()


@contextmanager
def _handled(handler: Callable[..., object], *numbers: signal.Signals) -> Iterator[None]:
    before = [signal.signal(number, handler) for number in numbers]
    try:
        yield
    finally:
        for number, old in zip(numbers, before, strict=True):
            signal.signal(number, old)


@contextmanager
def _held_back(numbers: Iterable[signal.Signals]) -> Iterator[None]:
    """Let signals wait for the end of the block."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _held(host: str, port: int) -> Iterator[int]:
    """Hold the port, without listening, for as long as workers come and go; give its number."""
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # Without SO_REUSEPORT, or a gateway that runs already would share its port with this one.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)
        port = int(probe.getsockname()[1])
        address = (address[0], port, *address[2:])
    with socket.socket(family, socket.SOCK_STREAM) as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        # As the probe: else ended connections of a gateway without SO_REUSEPORT keep the port for a minute.
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(address)
        yield port
