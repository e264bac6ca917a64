"""
The command line. This module answers ``llms --help`` and imports nothing heavy; a command is imported when it is used.

Exit statuses: 0 done, 1 failed, 2 wrong usage, 78 (``EX_CONFIG`` of sysexits.h) a mistake in the configuration.
"""

import importlib
import io
import os
import sys
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType

import click

from llms import __version__

_STDERR = 2

COMMANDS = {
    "serve": "Serve the gateway and the web chat.",
    "models": "List the models, and which providers are on and why.",
    "chat": "Ask a model and stream its answer to the terminal.",
    "route": "Say which targets a model leads to, and why not to others.",
    "check": "Send one tiny call to each provider that is on.",
    "keys": "Make, list, change and revoke keys.",
    "usage": "Sum up calls, tokens and dollars by whole days in UTC.",
    "logs": "Show the last calls, and those that come.",
    "bench": "Measure how streams arrive from an OpenAI-compatible URL.",
    "db": "Check, copy and update what keeps keys and calls.",
    "config": "Show which configuration is used, check it, give its schema.",
}
"""Each a module of this package with a ``command``; the help text stands here so that help need not import it."""


class Lazy(click.Group):
    """A group that imports a command when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"llms.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _say_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:  # noqa: FBT001 - click's signature
    if not wanted:
        return
    found = find_spec("llms.gateway")
    interpreted = found is None or found.origin is None or found.origin.endswith(".py")
    click.echo(f"llms {__version__}" if interpreted else f"llms {__version__}, compiled")
    ctx.exit()


@click.command(
    cls=Lazy,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Start with: llms serve",
)
@click.option(
    "-V",
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_say_version,
    help="Show the version and exit.",
)
def group() -> None:
    """One OpenAI-compatible URL for OpenAI, AI Refinery, Ollama and every other provider."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; ends the process."""
    _open_what_is_closed()
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character shows a question mark instead of ending the answer.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    if not os.environ.get("LLMS_DEBUG"):
        sys.excepthook = _in_one_line
    group(arguments, prog_name="llms")


def _open_what_is_closed() -> None:
    # Started with 0, 1 or 2 closed, the next files to be opened would take their places, and uvloop ends in an abort.
    while (number := os.open(os.devnull, os.O_RDWR)) <= _STDERR:
        pass
    os.close(number)
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            null = Path(os.devnull).open("r" if name == "stdin" else "w", encoding="utf-8")  # noqa: SIM115 - kept open
            setattr(sys, name, null)


def _in_one_line(_kind: type[BaseException], error: BaseException, _traceback: TracebackType | None) -> None:
    words = " ".join(f"{type(error).__name__}: {error}".split())
    click.echo(f"llms: {words} (this is a bug; LLMS_DEBUG=1 shows where)", err=True)
