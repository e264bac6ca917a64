"""Workers, with something simpler than a gateway for them to do."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from llms.cli.workers import Crew
from llms.config import Source, parse
from tests.support.process import ROOT


@pytest.fixture
def config():
    return parse(b'{"server": {"port": 0}}', {}, "f")


def fail(_source, _config, _line):
    sys.exit(3)


def die(_source, _config, _line):
    os.kill(os.getpid(), signal.SIGKILL)


def stop_parent_first(_source, _config, line):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.kill(os.getppid(), signal.SIGTERM)
    line.listens("here")
    time.sleep(0.2)


def test_a_worker_that_cannot_start(config, capfd):
    """The others are not even tried, and the status is its own."""
    with pytest.raises(SystemExit) as caught:
        Crew(Source(Path("f")), config, fail).run(3)

    assert (3, ("", "")) == (caught.value.code, capfd.readouterr())


def test_a_worker_that_is_killed_as_it_starts(config, capfd):
    """It could not say why, so the parent says what it knows."""
    with pytest.raises(SystemExit) as caught:
        Crew(Source(Path("f")), config, die).run(3)

    assert (1, ("", "llms: a worker ended with status -9 before it listened\n")) == (
        caught.value.code,
        capfd.readouterr(),
    )


def test_an_order_to_stop_that_comes_early(config, capfd):
    """Workers that are still to be started end as soon as they are."""
    Crew(Source(Path("f")), config, stop_parent_first).run(3)

    assert ("here\n", "") == capfd.readouterr()


def test_the_port_is_settled_before_a_worker_starts(config, capfd):
    """All listen on the one that was free."""
    Crew(Source(Path("f")), config, say_port).run(1)

    assert "0" != capfd.readouterr().out.strip()


def test_a_port_that_was_used_a_moment_ago(capfd):
    """A gateway of one process that has just ended leaves connections that the kernel still remembers."""
    with socket.create_server(("127.0.0.1", 0)) as before:
        address = before.getsockname()
        with socket.create_connection(address):
            before.accept()[0].close()
    config = parse(b'{"server": {"port": %d}}' % address[1], {}, "f")

    Crew(Source(Path("f")), config, say_port).run(1)

    assert str(address[1]) == capfd.readouterr().out.strip()


def say_port(_source, config, line):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.kill(os.getppid(), signal.SIGTERM)
    line.listens(str(config.server.port))


def one_then_none(_source, config, line):
    """The first listens; those after it cannot start, until there are three of them."""
    folder = Path(config.source)
    number = len(list(folder.iterdir()))
    (folder / str(number)).touch()
    if number in (1, 2):
        sys.exit(3)
    line.listens(f"number {number}")
    if number == 3:
        os.kill(os.getppid(), signal.SIGTERM)
    signal.pause()


def test_a_later_worker_that_cannot_start(tmp_path, capfd, caplog):
    """It ends nobody else: it is tried again."""
    config = parse(b'{"server": {"port": 0}}', {}, str(tmp_path))

    Crew(Source(Path("f")), config, one_then_none).run(2)

    assert ("number 0\n", "") == capfd.readouterr()
    assert ["0", "1", "2", "3"] == sorted(path.name for path in tmp_path.iterdir())
    assert 2 == caplog.text.count("a worker ended with status 3; another takes its place")


def test_deaths_in_a_row(config):
    """A worker that dies again and again is replaced less and less often, but always."""
    crew = Crew(Source(Path("f")), config, fail)
    crew._count = 1

    assert [0, 0, 0, 0, 1, 2, 3] == [crew._wait_s() for _ in range(7)]
    assert 30 == max(crew._wait_s() for _ in range(100))


def stopped_with_its_parent(_source, config, line):
    """Stop the parent for longer than a worker may be silent, and stay silent meanwhile."""
    line.listens("here")
    folder = Path(config.source)
    (folder / str(len(list(folder.iterdir())))).touch()
    time.sleep(0.3)
    os.kill(os.getppid(), signal.SIGSTOP)
    time.sleep(0.8)
    os.kill(os.getppid(), signal.SIGCONT)
    time.sleep(0.1)
    line.alive()
    os.kill(os.getppid(), signal.SIGTERM)
    signal.pause()


def test_a_parent_that_was_stopped(tmp_path):
    """A parent that did not run knows nothing of how long its workers were silent."""
    (tmp_path / "config.json").write_text("{}")
    code = (
        "from pathlib import Path; from llms.cli import workers; from llms.config import Source, parse\n"
        "from tests.cli.test_workers import stopped_with_its_parent as serve\n"
        "workers._SILENT_S, workers._LOOK_S = 0.5, 0.1\n"
        f'config = parse(b\'{{"server": {{"port": 0}}}}\', {{}}, {str(tmp_path / "state")!r})\n'
        "if __name__ == '__main__': workers.Crew(Source(Path('f')), config, serve).run(1)\n"
    )
    (tmp_path / "state").mkdir()
    (tmp_path / "parent.py").write_text(code)

    done = subprocess.run(  # noqa: S603 - our own
        [sys.executable, str(tmp_path / "parent.py")],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert (0, "here\n", "") == (done.returncode, done.stdout, done.stderr)
    assert 1 == len(list((tmp_path / "state").iterdir()))
