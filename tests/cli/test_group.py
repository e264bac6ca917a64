"""The command line before any command runs."""

import os
import subprocess
import sys
from importlib import import_module

import pytest

from llms import __version__
from llms.cli import COMMANDS
from tests.support.compiled import COMPILED

HEAVY = ("aiohttp", "pydantic", "rich", "uvloop", "asyncio", "orjson")

VERSION = f"{__version__}, compiled" if COMPILED else __version__


def python(*arguments, environ=None):
    return subprocess.run(  # noqa: S603 - our own code
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **(environ or {})},
        timeout=60,
    )


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], []])
def test_help_imports_nothing_heavy(arguments):
    """Help is there in a moment: what a command needs is imported when it runs."""
    code = f"""
import sys
from llms.cli import group
group({arguments}, standalone_mode=False, prog_name="llms") if {arguments} else None
sys.exit(",".join(name for name in {HEAVY} if name in sys.modules) or None)
"""

    done = python("-c", code)

    assert (0, "") == (done.returncode, done.stderr.strip())


def test_help_names_every_command(llms):
    """Each with the first line of its own help."""
    shown = llms("--help").output

    assert [] == [name for name, text in COMMANDS.items() if f"  {name}" not in shown or text not in shown]


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_says_of_itself_what_the_list_says(name):
    """The list stands apart from the commands, and has to follow them."""
    command = import_module(f"llms.cli.{name}").command

    assert (name, COMMANDS[name].rstrip(".")) == (
        command.name,
        command.help.strip().splitlines()[0].split(", or")[0].rstrip("."),
    )


def test_version(llms):
    """One line, for scripts."""
    assert f"llms {VERSION}\n" == llms("--version").output


def test_an_unknown_command(llms):
    """Status 2, as for any wrong usage."""
    done = llms("serv")

    assert (2, True) == (done.exit_code, "No such command 'serv'" in done.stderr)


def test_as_a_module():
    """``python -m llms`` is the same."""
    done = python("-m", "llms", "--version")

    assert f"llms {VERSION}\n" == done.stdout


def test_importing_the_module_runs_nothing():
    """A worker process imports it again."""
    assert "" == python("-c", "import llms.__main__").stdout


def test_the_shell_completes_commands():
    """By click's own protocol."""
    shown = python("-m", "llms", environ={"_LLMS_COMPLETE": "bash_complete", "COMP_WORDS": "llms c", "COMP_CWORD": "1"})

    assert ["plain,chat", "plain,check", "plain,config"] == shown.stdout.splitlines()


BUG = "import sys; from llms import cli; cli.group.callback = print; cli.COMMANDS['x'] = ''; cli.main(['x'])"


def test_a_bug_ends_in_one_line():
    """What nobody foresaw shows no traceback unless it is asked for."""
    done = python("-c", BUG)

    assert (1, "", "llms: ModuleNotFoundError: No module named 'llms.cli.x' (this is a bug; LLMS_DEBUG=1 shows where)\n") == (
        done.returncode,
        done.stdout,
        done.stderr,
    )  # fmt: skip


def test_a_bug_can_be_seen_whole():
    """LLMS_DEBUG shows where it is."""
    assert "Traceback" in python("-c", BUG, environ={"LLMS_DEBUG": "1"}).stderr


def test_a_reader_that_leaves():
    """``llms … | head`` ends in silence."""
    code = "import os; r, w = os.pipe(); os.close(r); os.dup2(w, 1); from llms.cli import main; main(['--help'])"

    assert "" == python("-c", code).stderr


def test_no_output_at_all():
    """A process without standard output and error still runs."""
    code = "import sys; sys.stdout = sys.stderr = None; from llms.cli import main; main(['--version'])"

    assert 0 == python("-c", code).returncode
