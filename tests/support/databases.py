"""
PostgreSQL and Redis as real servers, each on a free loopback port, with its files in a folder of its own.

They come from the system's packages (``.ci/programs`` installs them). Where they are missing the tests that ask for
them are left out, or fail if ``LLMS_DATABASES_REQUIRED`` is set.
"""

import os
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

PATIENCE_S = 30.0

_USER = "postgres"
_PASSWORD = "made-up-for-tests"
_TOP = Path("/usr/lib/postgresql")

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",  # no test turns the machine off
    "shared_buffers": "32MB",
    "logging_collector": "off",
}


def postgres_programs() -> Path | None:
    """Give the folder of PostgreSQL's programs, of the newest version there is."""
    found = sorted(_TOP.glob("*/bin/initdb"), key=lambda path: int(re.sub(r"\D", "", path.parts[-3]) or 0))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


def missing(what: str) -> None:
    """Leave a test out that needs ``what``, or fail where nothing may be left out."""
    if os.environ.get("LLMS_DATABASES_REQUIRED"):
        pytest.fail(f"there is no {what}; .ci/programs installs it", pytrace=False)
    pytest.skip(f"there is no {what}; .ci/programs installs it")


@contextmanager
def folder() -> Iterator[Path]:
    """Give a folder that goes with the block; PostgreSQL's user can reach it, whoever runs the tests."""
    path = Path(tempfile.mkdtemp(prefix="llms-databases-"))
    try:
        if _user():
            shutil.chown(path, *_user())
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _free_port() -> int:
    """Give a port that is free, and that the kernel gives to nobody as his own end of a connection meanwhile."""
    while True:
        with socket.socket() as free, suppress(OSError):
            free.bind(("127.0.0.1", random.randrange(15_000, 32_000)))
            port: int = free.getsockname()[1]
            return port


def initialized(path: Path) -> Path:
    """Make a cluster's files in ``path``, to be copied for each server."""
    words = path / "password"
    words.write_text(_PASSWORD)
    words.chmod(0o644)
    data = path / "data"
    arguments = [_program("initdb"), "--no-sync", "-D", str(data), "-U", _USER, "--auth=scram-sha-256"]
    arguments += [f"--pwfile={words}", "--encoding=UTF8", "--locale=C"]
    subprocess.run(_as_user(arguments), check=True, stdout=subprocess.DEVNULL, cwd=path, timeout=PATIENCE_S * 4)
    return data


class _Server:
    """A process that is started, stopped and started again on its port."""

    within: Sequence[str] = ()
    """A command that runs it, as ``("unshare", "--mount", …)``."""

    def __init__(self, path: Path) -> None:
        self.folder = path
        self.port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; give when it answers."""
        assert self._process is None
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*self.within, *self._command()], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder
            )
        until = time.monotonic() + PATIENCE_S
        while not self._answers():
            assert self._process.poll() is None, self.log
            assert time.monotonic() < until, self.log
            time.sleep(0.02)

    def kill(self, number: int = signal.SIGKILL) -> None:
        """End it by a signal, and wait until it has ended."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(PATIENCE_S)
            self._process = None

    def pause(self) -> None:
        """Stop it and its children as SIGSTOP does: connections stay open, nothing answers."""
        self._signal_all(signal.SIGSTOP)

    def resume(self) -> None:
        """Let all go on that ``pause`` stopped."""
        self._signal_all(signal.SIGCONT)

    @property
    def log(self) -> str:
        """What it has written so far."""
        return (self.folder / "log").read_text("utf-8", "replace")

    def _signal_all(self, number: int) -> None:
        if self._process is None:
            return
        top = self._process.pid
        children = Path(f"/proc/{top}/task/{top}/children").read_text().split()
        for one in (top, *map(int, children)):
            with suppress(ProcessLookupError):
                os.kill(one, number)

    def _command(self) -> Sequence[str]:
        raise NotImplementedError

    def _answers(self) -> bool:
        raise NotImplementedError


class Postgres(_Server):
    """
    A PostgreSQL server.

    Args:
        path: Its folder; see ``folder``.
        template: What ``initialized`` made.
    """

    def __init__(self, path: Path, template: Path) -> None:
        super().__init__(path)
        self.data = path / "data"
        subprocess.run(["cp", "-a", str(template), str(self.data)], check=True, timeout=PATIENCE_S)
        self.password = _PASSWORD
        self.settings = dict(_SETTINGS)

    def url(self, database: str = "postgres") -> str:
        """Give the URL of a database, with the user's password."""
        return f"postgresql://{_USER}:{self.password}@127.0.0.1:{self.port}/{database}"

    def stop(self) -> None:
        """End it in good order, and its connections with it."""
        self.kill(signal.SIGINT)

    def crash(self) -> None:
        """End it as ``pg_ctl stop -m immediate`` does, also while it is paused."""
        self.resume()
        self.kill(signal.SIGQUIT)

    def sql(self, statement: str, database: str = "postgres") -> str:
        """Run a statement as the superuser; give what comes back, as ``psql -At`` has it."""
        arguments = [_program("psql"), "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-d", self.url(database)]
        done = subprocess.run(
            [*arguments, "-c", statement], check=False, capture_output=True, text=True, timeout=PATIENCE_S
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def _command(self) -> Sequence[str]:
        settings = [part for name, value in self.settings.items() for part in ("-c", f"{name}={value}")]
        return _as_user([_program("postgres"), "-D", str(self.data), "-p", str(self.port), *settings])

    def _answers(self) -> bool:
        arguments = [_program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(arguments, check=False, timeout=PATIENCE_S).returncode == 0


class Redis(_Server):
    """A Redis server, which keeps nothing on the disk."""

    def url(self, database: int = 0) -> str:
        """Give the URL of a database."""
        return f"redis://127.0.0.1:{self.port}/{database}"

    def command(self, *words: str) -> str:
        """Send a command on a connection of its own; give the first line of the answer, as it comes."""
        parts = [f"*{len(words)}\r\n", *(f"${len(word.encode())}\r\n{word}\r\n" for word in words)]
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S) as connection:
            connection.sendall("".join(parts).encode())
            with connection.makefile("rb") as answers:
                return answers.readline().decode().strip()

    def empty(self) -> None:
        """Take out all that is in it, scripts too."""
        self.command("FLUSHALL")
        self.command("SCRIPT", "FLUSH")

    def _command(self) -> Sequence[str]:
        settings = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        return _with_us([_REDIS, *settings, "--dir", str(self.folder), "--daemonize", "no"])

    def _answers(self) -> bool:
        try:
            return self.command("PING") == "+PONG"
        except OSError:
            return False


_REDIS = "redis-server"


def redis_program() -> str | None:
    """Give the path of Redis's program."""
    return shutil.which(_REDIS)


def _program(name: str) -> str:
    programs = postgres_programs()
    assert programs is not None
    return str(programs / name)


def _user() -> tuple[str, str] | None:
    """Whom PostgreSQL runs as where we are root, whom it refuses."""
    if os.geteuid() != 0:
        return None
    return (_USER, _USER) if f"\n{_USER}:" in f"\n{Path('/etc/passwd').read_text()}" else ("nobody", "nogroup")


def _as_user(arguments: list[str]) -> list[str]:
    user = _user()
    return _with_us(arguments, *(["--reuid", user[0], "--regid", user[1], "--clear-groups"] if user else []))


def _with_us(arguments: list[str], *more: str) -> list[str]:
    # It ends when the tests do, also when those are killed. SIGINT is PostgreSQL's fast end, and Redis's.
    return ["setpriv", "--pdeathsig", "INT", *more, *arguments]
