"""The file is read again when it changes and when somebody asks, in a thread of its own."""

import os
import queue
import threading

import pytest

from llms.config import ConfigError, Source
from llms.process.reread import Rereader

PATIENCE_S = 10


@pytest.fixture
def reader(tmp_path):
    """Start one; gives it, the file, and the queue of outcomes."""
    readers = []

    def start(source=None):
        path = tmp_path / "config.json"
        told = queue.Queue()
        readers.append(Rereader(source or Source(path, {"port": 9}), {}, told.put, look_s=0.02))
        return readers[-1], path, told

    yield start
    for one in readers:
        one.close()


def test_change(reader, tmp_path):
    """A change is found; what the command line says stays above the file."""
    (tmp_path / "config.json").write_text("{}")
    _, path, told = reader()
    first = told.get(timeout=PATIENCE_S)
    path.write_text('{"server": {"port": 1, "drain_s": 7}}')

    second = told.get(timeout=PATIENCE_S)

    assert [(9, 30), (9, 7)] == [(one.server.port, one.server.drain_s) for one in (first, second)]


def test_no_change(reader, tmp_path):
    """What does not change is not read, unless somebody asks."""
    (tmp_path / "config.json").write_text("{}")
    one, _, told = reader()
    told.get(timeout=PATIENCE_S)

    with pytest.raises(queue.Empty):
        told.get(timeout=0.3)
    one.ask()
    told.get(timeout=PATIENCE_S)


def test_a_pipe(reader, tmp_path):
    """A configuration that came through a pipe is not read again, and waits for nobody."""
    os.mkfifo(tmp_path / "config.json")
    one, _, told = reader()

    with pytest.raises(queue.Empty):
        told.get(timeout=0.3)
    one.ask()
    assert "is no ordinary file" in str(told.get(timeout=PATIENCE_S))


def test_a_bug_is_told(reader, monkeypatch):
    """A reading that fails in a way nobody foresaw ends the readings, and says so."""
    monkeypatch.setattr(threading, "excepthook", lambda _: None)

    class Broken(Source):
        def read(self, environ):
            raise LookupError

    one, _, told = reader(Broken("config.json"))
    one.ask()

    found = told.get(timeout=PATIENCE_S)
    assert isinstance(found, ConfigError)
    assert "is not read again before a restart" in str(found)


def test_closed_while_it_reads(tmp_path):
    """What comes of a reading that runs when it is closed is told to nobody."""
    reading, go = threading.Event(), threading.Event()
    told = queue.Queue()

    class Slow(Source):
        def read(self, environ):
            reading.set()
            go.wait(PATIENCE_S)
            return super().read(environ)

    (tmp_path / "config.json").write_text("{}")
    one = Rereader(Slow(tmp_path / "config.json"), {}, told.put)
    assert reading.wait(PATIENCE_S)
    one.close()
    go.set()

    with pytest.raises(queue.Empty):
        told.get(timeout=0.3)
