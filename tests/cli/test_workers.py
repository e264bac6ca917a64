"""Workers, with something simpler than a gateway for them to do."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from llms.cli.workers import Crew
from llms.config import Source, parse


@pytest.fixture
def config():
    return parse(b'{"server": {"port": 0}}', {}, "f")


def fail(_source, _config, _tell):
    sys.exit(3)


def die(_source, _config, _tell):
    os.kill(os.getpid(), signal.SIGKILL)


def stop_parent_first(_source, _config, tell):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.kill(os.getppid(), signal.SIGTERM)
    tell("here")
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


def say_port(_source, config, tell):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.kill(os.getppid(), signal.SIGTERM)
    tell(str(config.server.port))
