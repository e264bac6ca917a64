"""``llms serve``: the gateway as a process, or as several that share a port."""

import asyncio
import errno
import os
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import click

from llms.app import UnsafeListenError
from llms.cli.setup import BadConfig, Failure, config_option, origin, read
from llms.cli.stderr import to_stderr
from llms.cli.welcome import welcome
from llms.cli.worker import Line
from llms.cli.workers import Crew
from llms.config import HOST, Config, Source
from llms.process.serve import Owner, Start, serve
from llms.store import StoreError

try:
    from uvloop import new_event_loop
except ImportError:  # pragma: no cover - there is none for Windows
    from asyncio import new_event_loop  # type: ignore[assignment]  # a loop all the same

_LEVELS = ("debug", "info", "warning", "error")


def _checked_host(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    if value is not None and not re.fullmatch(HOST, value):
        message = "must be an address or a name alone, as 127.0.0.1, ::1 or localhost"
        raise click.BadParameter(message)
    return value


@click.command("serve")
@click.option(
    "--host", metavar="ADDRESS", callback=_checked_host, help="The address to listen on, instead of server.host."
)
@click.option("--port", type=click.IntRange(0, 65_535), help="The port, instead of server.port; 0 for any free one.")
@config_option
@click.option(
    "--workers", type=click.IntRange(1, 256), default=1, show_default=True, help="Processes that share the port."
)
@click.option("--log-level", type=click.Choice(_LEVELS), help="Instead of server.log_level.")
def command(host: str | None, port: int | None, chosen: Path | None, workers: int, log_level: str | None) -> None:
    """Serve the gateway and the web chat."""
    given = {"host": host, "port": port, "log_level": log_level}
    source = origin(chosen, {name: value for name, value in given.items() if value is not None})
    config = read(source)
    if workers == 1:
        run(source, config, tell=click.echo)
    else:
        try:
            with to_stderr(config.server.log_level):
                Crew(source, config, run_shared).run(workers)
        except OSError as error:
            raise Failure(why_not(error, config)) from error


def run(source: Source, config: Config, *, tell: Callable[[str], object], line: Line | None = None) -> None:
    """
    Serve until told to stop.

    Args:
        source: What is read again while it runs.
        config: As read from it.
        tell: Called once it listens.
        line: To the parent of several processes that listen on the port.

    Raises:
        Failure: It cannot listen there, or its store cannot be used.
    """

    def announce(start: Start) -> None:
        with suppress(OSError):  # nobody reads it, which is no reason not to serve
            tell(welcome(start, config))

    alive = bool if line is None else line.alive
    try:
        with to_stderr(config.server.log_level) as dropped, asyncio.Runner(loop_factory=new_event_loop) as runner:
            owner = Owner(announce, alive, lambda: dropped.total, workers=1 if line is None else line.workers)
            runner.run(serve(source, config, os.environ, owner))
    except UnsafeListenError as error:
        raise BadConfig(str(error)) from error
    except StoreError as error:
        message = f"the store cannot be used: {error}"
        raise Failure(message) from error
    except OSError as error:
        raise Failure(why_not(error, config)) from error


def run_shared(source: Source, config: Config, line: Line) -> None:
    """Serve as one of several workers; as ``run``."""
    run(source, config, tell=line.listens, line=line)


def why_not(error: OSError, config: Config) -> str:
    """Say why the gateway cannot listen, and what to do."""
    server = config.server
    if error.errno == errno.EADDRINUSE:
        return f"port {server.port} on {server.host} is taken; choose another with --port"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"no permission to listen on port {server.port}; choose one above 1023 with --port"
    return f"cannot listen on {server.host}:{server.port}: {error.strerror or error}"
