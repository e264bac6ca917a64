"""What the client is connected to: the fake upstream itself, peers, and the gateway; each started, and timed doing so."""

import asyncio
import contextlib
import http.client
import json
import os
import shlex
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from llms.keys import Limits, VirtualKey, digest, new_id
from llms.store import StoredKey
from llms.store.open import open_store
from tests.bench import peers, processes
from tests.bench.figures import BARE, DIRECT, GATEWAY, INTERPRETED, TWO
from tests.bench.peers import KEY, PEERS
from tests.bench.processes import BenchError
from tests.bench.suites import PACED_MANY, SLOW, SUITES, Suite

TOP = Path(__file__).parents[2]

FEATURES: Mapping[str, Any] = {
    "server": {"log_level": "info"},
    "limits": {"gateway": {"rpm": 10**9}},
    "prices": {"mock/bench": {"input": 0.15, "output": 0.6, "cache_read": 0.075}},
}
"""
What is on in ``gateway``, as it stands in a configuration, besides a ledger, and a key with limits and a budget: all
that a gateway in earnest has.
"""

_OPEN: Mapping[str, Any] = {"server": {"log_level": "info"}}
_LIMITS = Limits(rpm=10**9, tpm=10**12, concurrency=10**6, budget_month=10**15)
_READY_S = 90.0  # LiteLLM takes six seconds, on a busy machine many
_NOT_BARE = frozenset({"idle", "paced500", PACED_MANY, "body256k", "body4m", "workers"})


@dataclass(frozen=True, slots=True)
class Target:
    """
    What is measured.

    Args:
        model: The name to ask for.
        process: Measured, with all that it starts.
        upstream: The process behind it, or itself.
        headers: Lines that each request needs.
        left_out: Suites that are not played to it.
        unlike: Suites that are another, smaller load for it.
        both_cores: Whether it has the cores of the client and the upstream as well.
        ready_s: From its start to its first answer.
    """

    name: str
    port: int
    model: str
    process: int
    upstream: int
    headers: tuple[str, ...] = ()
    left_out: frozenset[str] = frozenset()
    unlike: Mapping[str, Suite] = field(default_factory=dict)
    both_cores: bool = False
    ready_s: float | None = None


@contextlib.contextmanager
def upstream(program: Path, core: int | None) -> Iterator[Target]:
    """The fake upstream; as a target it is ``direct``."""
    process = processes.start([program], core, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        left_out = frozenset({"idle", PACED_MANY, "workers"})
        yield Target(DIRECT, port, "bench", process.pid, process.pid, left_out=left_out)
    finally:
        processes.stop(process)


@contextlib.contextmanager
def gateway(name: str, serve: str, folder: Path, behind: Target) -> Iterator[Target]:
    """
    The gateway, with features (``GATEWAY``, ``INTERPRETED``), without (``BARE``), or with two workers (``TWO``).

    Keys and calls are kept in an SQLite file.

    Args:
        serve: The command, with ``{config}`` and ``{port}`` in it.
    """
    port, config = _free_port(), folder / f"{name}.json"
    provider = {"type": "openai", "base_url": f"http://127.0.0.1:{behind.port}/v1"}
    config.write_text(json.dumps({"providers": {"mock": provider}, **(_OPEN if name == BARE else FEATURES)}))
    command = shlex.split(serve.format(config=shlex.quote(str(config)), port=port))
    if name == TWO:
        command += ["--workers", "2"]
    store = "none" if name == BARE else f"sqlite:{tempfile.mkdtemp(dir=folder)}/llms.db"  # each round begins with none
    if name != BARE:
        asyncio.run(_with_key(store))
    program = peers.Program(command, {"LLMS_STORE": store}, model="mock/bench")
    with _started(name, program, port, folder, behind) as target:
        if name == TWO:
            _spread(target)
        yield target


async def _with_key(url: str) -> None:
    """Have a store know the key that the client sends."""
    store = await open_store(url)
    try:
        await store.put_key(StoredKey(VirtualKey(new_id(), "benchmark", limits=_LIMITS), digest(KEY)), 0)
    finally:
        await store.close()


@contextlib.contextmanager
def peer(name: str, work: Path, folder: Path, behind: Target) -> Iterator[Target]:
    """
    One of ``peers.PEERS``.

    Raises:
        AbsentError: It is not installed.
    """
    port = _free_port()
    program = PEERS[name].program(work, folder, port, behind.port)
    with _started(name, program, port, folder, behind) as target:
        yield target


@contextlib.contextmanager
def _started(name: str, program: peers.Program, port: int, folder: Path, behind: Target) -> Iterator[Target]:
    log = folder / f"{name}.log"
    environment = {**os.environ, **program.environment}
    with log.open("w") as output:
        began = time.monotonic()
        process = processes.start(
            program.command, processes.TARGET_CORE, stdout=output, stderr=output, cwd=TOP, env=environment
        )
        try:
            _wait_until_ready(process, port, program, log)
            ready_s = time.monotonic() - began
            left_out, unlike = _loads(name, slow=program.slow)
            yield Target(
                name,
                port,
                program.model,
                process.pid,
                behind.process,
                program.headers,
                left_out,
                unlike,
                both_cores=name == TWO,
                ready_s=ready_s,
            )
        finally:
            processes.stop(process)


def _loads(name: str, *, slow: bool) -> tuple[frozenset[str], Mapping[str, Suite]]:
    if slow:
        return frozenset({"paced500", PACED_MANY, "workers"}), SLOW
    if name in (BARE, INTERPRETED):
        return _NOT_BARE, {}
    if name == TWO:
        return frozenset(SUITES) - {"workers"}, {}
    return frozenset() if name == GATEWAY else frozenset({"workers"}), {}


def _spread(target: Target) -> None:
    """Give each worker a core of its own."""
    until = time.monotonic() + _READY_S
    while len(workers := processes.tree(target.process)[1:]) < 2 and time.monotonic() < until:
        time.sleep(0.05)
    for worker, core in zip(sorted(workers), (processes.TARGET_CORE, processes.LOAD_CORE), strict=False):
        if core is not None:
            os.sched_setaffinity(worker, {core})


def _wait_until_ready(process: subprocess.Popen[str], port: int, program: peers.Program, log: Path) -> None:
    body = json.dumps({"model": program.model, "messages": [{"role": "user", "content": "hi"}]})
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {KEY}"}
    headers |= dict(line.split(": ", 1) for line in program.headers)
    until, last = time.monotonic() + _READY_S, "no answer"
    while time.monotonic() < until and process.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("POST", "/v1/chat/completions", body, headers)
            answer = connection.getresponse()
            last = f"{answer.status} {answer.read()[:200]!r}"
            if answer.status == 200:
                return
        except (OSError, http.client.HTTPException) as error:
            last = str(error)
        finally:
            connection.close()
        time.sleep(0.005)
    message = f"{log.stem} did not come up ({last}). It said:\n{log.read_text()[-2000:]}"
    raise BenchError(message)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
