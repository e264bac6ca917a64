"""What the commands share: the configuration they run on, and how they fail."""

import os
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.table import Table

from llms.config import Config, ConfigError, Source, find
from llms.records import CallRecord

_WHOLE = 1000
"""Columns of what is no terminal: nothing is cut, and no line is padded to it."""

_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""Would have a terminal write the rest of a line from right to left: a client's model, say, in front of numbers."""

Command = TypeVar("Command", bound=Callable[..., Any])


class Failure(click.ClickException):
    """The end of a command, said in one line: what happened, and what to do."""

    def show(self, file: Any = None) -> None:  # noqa: ARG002 - click's signature
        for line in self.message.splitlines():
            click.echo(f"llms: {line}", err=True)


class BadConfig(Failure):
    """The configuration has mistakes: a line for each."""

    exit_code = 78  # EX_CONFIG of sysexits.h


def config_option(command: Command) -> Command:
    """Add ``--config``."""
    option = click.option(
        "-c",
        "--config",
        "chosen",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="The configuration. Else LLMS_CONFIG, ./config.json, the user's own, the packaged one.",
    )
    return option(command)


def configuration(chosen: Path | None, environ: Mapping[str, str] = os.environ) -> Config:
    """
    Give the configuration.

    Raises:
        BadConfig: It has mistakes.
    """
    return read(origin(chosen, {}, environ), environ)


def origin(chosen: Path | None, instead: Mapping[str, Any], environ: Mapping[str, str] = os.environ) -> Source:
    """
    Give where the configuration comes from.

    Args:
        instead: Options of ``server`` that the command line gives.

    Raises:
        BadConfig: The file that was chosen is not there.
    """
    try:
        return Source(find(chosen, environ), instead)
    except ConfigError as error:
        raise BadConfig(str(error)) from error


def read(source: Source, environ: Mapping[str, str] = os.environ) -> Config:
    """As ``configuration``."""
    try:
        return source.read(environ)
    except ConfigError as error:
        raise BadConfig(str(error)) from error


def show(table: Table) -> None:
    """Print a table: fitted to a terminal, whole and without colour into a pipe."""
    terminal = sys.stdout.isatty()
    console = Console(width=None if terminal else _WHOLE, no_color=None if terminal else True, highlight=False)
    with console.capture() as captured:
        console.print(table)
    click.echo("\n".join(_TURNING.sub("?", line).rstrip() for line in captured.get().splitlines()))


def forget(record: CallRecord) -> None:
    """Take a call's record and keep nothing: what a command says about its call is enough."""
