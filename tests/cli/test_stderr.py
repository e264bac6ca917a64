import errno
import logging
import os
import threading

from llms.cli import stderr


def test_lines_are_dropped_and_counted(monkeypatch):
    """Where standard error takes nothing, lines wait up to a number and are then dropped; how many is said afterwards."""
    reading, writing = os.pipe()
    monkeypatch.setattr(stderr, "_STDERR", writing)
    monkeypatch.setattr(stderr, "_MOST_WAITING", 5)
    monkeypatch.setattr(stderr, "_TOGETHER", 2)
    go = threading.Event()
    write = os.write
    monkeypatch.setattr(stderr.os, "write", lambda number, data: go.wait(10) and write(number, data))
    log = logging.getLogger("llms.test")

    with stderr.to_stderr("info"):
        for number in range(100):
            log.info("line %d", number)
        go.set()
        seen = b""
        while seen.count(b"line") < 5:  # then there is room again
            seen += os.read(reading, 65536)
        log.info("after")
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        rest = pipe.read()

    assert b"lines were dropped: standard error did not take them" in seen + rest
    assert b"after" in rest


def test_writes_that_fail(monkeypatch):
    """A line that cannot be written counts as dropped, one that was begun is ended first; one that has to wait, waits."""
    reading, writing = os.pipe()
    monkeypatch.setattr(stderr, "_STDERR", writing)
    write = os.write
    full = OSError(errno.ENOSPC, "full")
    monkeypatch.setattr(stderr, "_TOGETHER", 1)
    script = [full, full, BlockingIOError(), 5, full, 1]

    def failing(number, data):
        step = script.pop(0) if script else len(data)
        if isinstance(step, OSError):
            raise step
        return write(number, data[:step])

    monkeypatch.setattr(stderr.os, "write", failing)
    log = logging.getLogger("llms.test")
    with stderr.to_stderr("info") as dropped:
        for number in range(3):  # the first is lost, then a note and the second, then a note goes in part
            log.info("line %d", number)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        lines = pipe.read().decode().splitlines()

    assert [] == script
    assert dropped.total == sum(int(line.split()[4]) for line in lines if line.endswith("did not take them"))
    assert 5 == len(lines[0])
    assert all(line.startswith("20") for line in lines)


def test_lines_that_go_together(monkeypatch):
    """Of lines that are written together those count as dropped that did not go whole; the next begins anew."""
    reading, writing = os.pipe()
    monkeypatch.setattr(stderr, "_STDERR", writing)
    write, begun, go, script = os.write, threading.Event(), threading.Event(), []

    def failing(number, data):
        begun.set()
        go.wait(10)
        if len(data) > 1 and len(script) < 3:
            script.append(len(data))
            if len(script) == 2:  # nine lines together: two of them go, and a part of the third
                return write(number, data[: len(data) * 5 // 18])
            if len(script) == 3:
                raise OSError(errno.ENOSPC, "full")
        return write(number, data)

    monkeypatch.setattr(stderr.os, "write", failing)
    log = logging.getLogger("llms.test")
    with stderr.to_stderr("info") as dropped:
        log.info("line 0")
        assert begun.wait(10)
        for number in range(1, 10):
            log.info("line %d", number)
        go.set()
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        lines = pipe.read().decode().splitlines()

    assert 7 == dropped.total
    assert ["line 0", "line 1", "line 2"] == [line[-6:] for line in lines[:3]]
    assert "7 lines were dropped" in lines[4]


def test_a_line_that_cannot_be_formatted(capfd):
    """It counts as dropped; nothing is written about it behind the queue's back."""
    dropped = stderr.Dropped()

    stderr._Queue(dropped).handle(logging.LogRecord("llms", logging.INFO, "", 0, "%d", ("no number",), None))

    assert (1, "") == (dropped.total, capfd.readouterr().err)
