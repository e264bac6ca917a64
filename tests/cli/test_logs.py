import logging
import os
import threading

from llms.cli import logs


def test_lines_are_dropped_and_counted(monkeypatch):
    """Where standard error takes nothing, lines wait up to a number and are then dropped; how many is said afterwards."""
    reading, writing = os.pipe()
    monkeypatch.setattr(logs, "_STDERR", writing)
    monkeypatch.setattr(logs, "_MOST_WAITING", 5)
    go = threading.Event()
    write = os.write
    monkeypatch.setattr(logs.os, "write", lambda number, data: go.wait(10) and write(number, data))
    log = logging.getLogger("llms.test")

    with logs.to_stderr("info"):
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

    assert b"lines were dropped: standard error did not take them" in rest
    assert b"after" in rest
