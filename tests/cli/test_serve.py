"""``llms serve`` as a process: what keeps it from listening, and several workers on one port."""

import errno
import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from llms.cli.serve import why_not
from llms.config import parse

CONFIG = {"server": {"port": 0, "drain_s": 0}, "providers": {"demo": {}}}


@contextmanager
def serving(folder, *arguments, config=CONFIG):
    """Give the process; it is gone afterwards."""
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    environ = {**os.environ, "LLMS_CONFIG": str(folder / "config.json"), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-m", "llms", "serve", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environ,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def url_of(process):
    return process.stdout.readline().split()[-1]


def workers_of(process):
    """The process ids of the workers, by the kernel."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return [int(child) for child in children if b"spawn_main" in command_line(child)]


def command_line(process_id):
    try:
        return Path(f"/proc/{process_id}/cmdline").read_bytes()
    except OSError:
        return b""


def healthy(url):
    connection = HTTPConnection(urlsplit(url).netloc, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def until(condition, timeout_s=20):
    """Wait for a condition that nothing announces."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


linux_only = pytest.mark.skipif(not Path("/proc/self").exists(), reason="the workers are looked up in /proc")


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_port_that_is_taken(tmp_path, workers):
    """One line, status 1; with several workers too, which could share it by accident."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with serving(tmp_path, "--port", str(port), "--workers", workers) as process:
            out, err = process.communicate(timeout=30)

    assert (1, "", f"llms: port {port} on 127.0.0.1 is taken; choose another with --port\n") == (
        process.returncode,
        out,
        err,
    )


@pytest.mark.parametrize("workers", ["1", "2"])
def test_an_open_door(tmp_path, workers):
    """Another address than this machine's needs a key: one line, the status of a wrong configuration."""
    with serving(tmp_path, "--host", "0.0.0.0", "--workers", workers) as process:
        out, err = process.communicate(timeout=30)

    assert (78, "", 1) == (process.returncode, out, len(err.splitlines()))


def test_why_it_cannot_listen():
    """Each reason with what to do."""
    config = parse(b'{"server": {"port": 80}}', {}, "f")

    assert [
        "port 80 on 127.0.0.1 is taken; choose another with --port",
        "no permission to listen on port 80; choose one above 1023 with --port",
        "cannot listen on 127.0.0.1:80: Cannot assign requested address",
        "cannot listen on 127.0.0.1:80: Name or service not known",
    ] == [
        why_not(error, config)
        for error in (
            OSError(errno.EADDRINUSE, "Address already in use"),
            PermissionError(errno.EACCES, "Permission denied"),
            OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address"),
            socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
        )
    ]


@linux_only
def test_workers_share_a_port(tmp_path):
    """They are announced once, answer on one port, and end with the parent's order and status 0."""
    with serving(tmp_path, "--workers", "2") as process:
        url = url_of(process)
        until(lambda: len(workers_of(process)) == 2)
        answers = [healthy(url) for _ in range(8)]
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=30)

    assert (0, [True] * 8, 0, "") == (process.returncode, answers, out.count("listens on"), err)


@linux_only
def test_a_worker_that_dies_is_replaced(tmp_path):
    """The others go on; a line says so."""
    with serving(tmp_path, "--workers", "2") as process:
        url = url_of(process)
        until(lambda: len(workers_of(process)) == 2)
        before = workers_of(process)
        os.kill(before[0], signal.SIGKILL)  # the one that listens already
        until(lambda: len(workers_of(process)) == 2 and before[0] not in workers_of(process))
        until(lambda: healthy(url))  # the second may still be starting
        process.send_signal(signal.SIGINT)
        err = process.communicate(timeout=30)[1]

    lines = [line for line in err.splitlines() if "llms.workers" in line]
    assert (0, 1) == (process.returncode, len(lines))
    assert lines[0].endswith("WARNING llms.workers a worker ended with status -9; another takes its place")


@linux_only
def test_workers_end_with_their_parent(tmp_path):
    """Nobody goes on listening after a kill -9 of the parent."""
    with serving(tmp_path, "--workers", "2") as process:
        url_of(process)
        until(lambda: len(workers_of(process)) == 2)
        workers = workers_of(process)
        process.kill()
        process.wait(timeout=10)
        until(lambda: not any(command_line(worker) for worker in workers))
