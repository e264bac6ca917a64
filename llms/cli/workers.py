"""
Several processes that share one port; the kernel spreads connections among them (``SO_REUSEPORT``).

The parent serves nothing: it holds the port, passes signals on, and replaces a worker that dies. Each worker is in a
session of its own, so that a Ctrl-C reaches the parent only and is not taken for two: the second order to stop means
"hurry".

Each worker reads the configuration again by itself. So does the parent, for the workers that are yet to come: what they
start with has to be what was good last, not what was good at the start.
"""

import logging
import multiprocessing
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

import click

from llms.cli.setup import Failure
from llms.config import Config, Server, Source
from llms.process.reload import at_address, warn_of_address
from llms.process.reread import Outcome, Rereader

_log = logging.getLogger("llms.workers")

Serve = Callable[[Source, Config, Callable[[str], object]], None]
"""Serves until told to stop; once it listens, calls its last argument with what there is to say."""


class _Worker:
    def __init__(self, process: SpawnProcess, line: Connection) -> None:
        self.process = process
        self._line = line
        self._said: str | None = None

    def said(self) -> str | None:
        """Wait until it listens, and give what it says then; ``None`` if it ends before it does."""
        if self._said is None:
            with suppress(EOFError, OSError):
                self._said = self._line.recv()
        return self._said


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
        self._stopping = False
        self._address = config.server.host, config.server.port
        self._rereader: Rereader | None = None

    def run(self, count: int) -> None:
        """
        Start ``count`` workers, and return once all have ended.

        Raises:
            OSError: Nothing can listen there.
            Failure: This system cannot do it.
            SystemExit: A worker could not start, with its status; it has said why.
        """
        if not hasattr(socket, "SO_REUSEPORT"):  # pragma: no cover - Windows
            message = "this system cannot share a port among processes; leave out --workers"
            raise Failure(message)
        server = self._config.server
        with _held(server.host, server.port) as port, self._signals():
            self._address = server.host, port
            self._config = at_address(self._config, *self._address)
            # One first, so that what keeps it from listening is said once, and what it says once it listens, too.
            if (text := self._start().said()) is not None:
                with suppress(BrokenPipeError):  # nobody reads it, which is no reason not to serve
                    click.echo(text)
                for _ in range(count - 1):
                    self._start()
            self._rereader = Rereader(self._source, os.environ, partial(self._keep, server))
            try:
                status = self._attend()
            finally:
                self._rereader.close()
        if status:
            raise SystemExit(status)

    def _keep(self, first: Server, outcome: Outcome) -> None:
        if isinstance(outcome, Config):  # the workers say what is wrong with one that is none
            warn_of_address(outcome, first.host, first.port)
            self._config = at_address(outcome, *self._address)

    def _start(self) -> _Worker:
        ours, its = self._spawn.Pipe()
        host, port = self._address
        # The address stays what it is; if the file names another one, the parent says so, once for all.
        source = replace(self._source, instead={**self._source.instead, "host": host, "port": port})
        process = self._spawn.Process(target=_work, args=(source, self._config, self._serve, its))
        # Inherited: a signal before the worker is ready for it would kill it. The file is looked at in any case.
        with _handled(signal.SIG_IGN, signal.SIGINT, signal.SIGHUP):
            process.start()
        its.close()
        worker = _Worker(process, ours)
        self._workers.append(worker)
        if self._stopping:
            process.terminate()
        return worker

    def _attend(self) -> int:
        """Replace workers that die until all are told to stop; give the status of one that could not even start."""
        failed = 0
        while self._workers:
            wait([worker.process.sentinel for worker in self._workers])
            for worker in [worker for worker in self._workers if not worker.process.is_alive()]:
                self._workers.remove(worker)
                worker.process.join()
                if self._stopping:
                    continue
                status = worker.process.exitcode or 0
                if worker.said() is not None:
                    _log.warning("a worker ended with status %d; another takes its place", status)
                    self._start()
                    continue
                if status <= 0:  # it had no time to say why
                    click.echo(f"llms: a worker ended with status {status} before it listened", err=True)
                failed = max(status, 1)
                self._stop()
        return failed

    @contextmanager
    def _signals(self) -> Iterator[None]:
        with _handled(self._stop, signal.SIGTERM, signal.SIGINT), _handled(self._hang_up, signal.SIGHUP):
            yield

    def _hang_up(self, *_: object) -> None:
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
def _handled(handler: "Callable[..., object] | signal.Handlers", *numbers: signal.Signals) -> Iterator[None]:
    before = [signal.signal(number, handler) for number in numbers]
    try:
        yield
    finally:
        for number, old in zip(numbers, before, strict=True):
            signal.signal(number, old)


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
        holder.bind(address)
        yield port


def _work(source: Source, config: Config, serve: Serve, line: Connection) -> None:
    os.setsid()
    threading.Thread(target=_end_with_parent, args=(line,), daemon=True).start()
    try:
        serve(source, config, line.send)
    except click.ClickException as failure:
        failure.show()
        sys.exit(failure.exit_code)


def _end_with_parent(line: Connection) -> None:
    try:
        line.recv()
    except (EOFError, OSError):
        os.kill(os.getpid(), signal.SIGTERM)
