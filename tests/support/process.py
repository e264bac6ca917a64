"""``llms serve`` as a real process."""

import asyncio
import inspect
import json
import os
import re
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.compiled import is_compiled
from tests.support.raw import RawClient, Response

ROOT = Path(__file__).parents[2]

PATIENCE_S = 30.0
_SHOWN_CHARACTERS = 6000


@dataclass
class Served:
    """
    A process that listens.

    Args:
        said: Its standard output up to its URL.
        lines: What it has written to standard error so far.
    """

    process: asyncio.subprocess.Process
    said: str
    port: int
    lines: list[str]
    reader: asyncio.Task[None]

    @property
    def errors(self) -> str:
        """Standard error, as far as it has come."""
        return "".join(self.lines)

    def send_signal(self, number: int) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def workers(self) -> list[int]:
        """Give the process ids of its workers, by the kernel."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [int(child) for child in children if b"spawn_main" in _command_line(int(child))]

    async def get(self, target: str, key: str | None = None) -> Response:
        """Ask, on a new connection."""
        headers = [("Authorization", f"Bearer {key}")] if key else []
        async with RawClient("127.0.0.1", self.port) as client:
            await client.request("GET", target, headers)
            return await client.read_response()

    async def chat(self, text: str = "count to 2", key: str | None = None, **fields: Any) -> Response:
        """Send a chat completion, on a new connection."""
        headers = [("Authorization", f"Bearer {key}")] if key else []
        body = {"model": "demo", "messages": [{"role": "user", "content": text}], **fields}
        async with RawClient("127.0.0.1", self.port) as client:
            await client.request("POST", "/v1/chat/completions", headers, body)
            return await client.read_response()

    async def until(self, condition: Callable[[], Any], patience_s: float = PATIENCE_S) -> float:
        """Wait for what nothing announces: a line in the log, a state; give the seconds that it took."""
        loop = asyncio.get_running_loop()
        started_at = loop.time()
        while True:
            found = condition()
            if await found if inspect.isawaitable(found) else found:
                return loop.time() - started_at
            assert loop.time() - started_at < patience_s, f"waited too long; the log:\n{self.errors[-3000:]}"
            await asyncio.sleep(0.02)

    async def ended(self) -> tuple[int, str]:
        """Wait for the end; give the exit status and standard error."""
        async with asyncio.timeout(PATIENCE_S):
            await _ended(self.process, self.reader)
        assert self.process.returncode is not None
        return self.process.returncode, self.errors


def configure(folder: Path, config: Mapping[str, Any] | bytes) -> None:
    """Write ``config.json`` in one step, so that nobody sees half of it."""
    data = config if isinstance(config, bytes) else json.dumps(config).encode()
    (folder / "config.new").write_bytes(data)
    (folder / "config.new").replace(folder / "config.json")


def _command_line(process_id: int) -> bytes:
    try:
        return Path(f"/proc/{process_id}/cmdline").read_bytes()
    except OSError:  # it has ended
        return b""


async def _collect(stream: asyncio.StreamReader | None, lines: list[str]) -> None:
    while stream is not None and (line := await stream.readline()):
        lines.append(line.decode())


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Give this process's environment without anybody's keys and settings."""
    own = {name: value for name, value in os.environ.items() if not re.search("_KEY|TOKEN|^LLMS_|^XDG_", name)}
    return {**own, "PYTHONPATH": str(ROOT), "LLMS_STORE": "none", **(extra or {})}


async def llms(  # noqa: PLR0913 - all have a default
    folder: Path,
    *arguments: str,
    environ: Mapping[str, str] | None = None,
    hooks: Iterable[Mapping[str, Any]] = (),
    within: Iterable[str] = (),
    stdin: int | None = asyncio.subprocess.DEVNULL,
    stdout: int | None = asyncio.subprocess.PIPE,
    stderr: int | None = asyncio.subprocess.PIPE,
) -> asyncio.subprocess.Process:
    """
    Start ``llms`` in ``folder``.

    Args:
        hooks: Faults, as ``tests.support.hook`` has them.
        within: A command that runs it, as ``("prlimit", "--nofile=64")``.
        stdin: As ``subprocess`` has it.
        stdout: Also.
        stderr: Also.
    """
    faults = list(hooks)
    if any(is_compiled(fault["at"].partition(":")[0]) for fault in faults if "at" in fault):
        pytest.skip("the gateway is compiled")
    module = "tests.support.hook" if faults else "llms"
    extra = {"HOOKS": json.dumps(faults)} if faults else {}
    return await asyncio.create_subprocess_exec(
        *within,
        sys.executable,
        "-m",
        module,
        *arguments,
        cwd=folder,
        env=environment({**extra, **(environ or {})}),
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
    )


@asynccontextmanager
async def serving(folder: Path, *arguments: str, **options: Any) -> AsyncIterator[Served]:
    """Run ``llms serve`` on a free port until the block ends; takes what ``llms`` takes."""
    piped = options.get("stdout", asyncio.subprocess.PIPE) == asyncio.subprocess.PIPE
    port = 0 if piped else free_port()
    process = await llms(folder, "serve", "--port", str(port), *arguments, **options)
    lines: list[str] = []
    reader = asyncio.create_task(_collect(process.stderr, lines))
    try:
        async with asyncio.timeout(PATIENCE_S):
            said = await _welcomed(process) if piped else await _answering(port)
        assert said, f"it did not start: {await reader} {''.join(lines)}"
        yield Served(process, said, int(said.split("//127.0.0.1:")[1].split("/")[0].split()[0]), lines, reader)
    finally:
        if process.returncode is None:
            process.kill()
        await _ended(process, reader)
        # Seen only if the test fails.
        print("".join(line for line in lines if " INFO " not in line)[-_SHOWN_CHARACTERS:])  # noqa: T201


def free_port() -> int:
    """Give a port that is free now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


async def _welcomed(process: asyncio.subprocess.Process) -> str:
    """Give what it says once it listens, up to the command to try; nothing if it ends before."""
    said = ""
    while "curl" not in said:
        line = await process.stdout.readline()
        if not line:
            return ""
        said += line.decode()
    return said


async def _answering(port: int) -> str:
    """Wait until it answers; give its URL."""
    while True:
        try:
            async with RawClient("127.0.0.1", port) as client:
                await client.request("GET", "/healthz")
                await client.read_response()
                return f"http://127.0.0.1:{port}"
        except (ConnectionError, asyncio.IncompleteReadError):
            await asyncio.sleep(0.1)


async def _ended(process: asyncio.subprocess.Process, reader: asyncio.Task[None]) -> None:
    await asyncio.gather(process.wait(), reader, *([process.stdout.read()] if process.stdout else []))
