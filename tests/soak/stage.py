"""A gateway with a window and its scripted providers, each in a process of its own."""

import asyncio
import json
import os
import re
import sys
import tempfile
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.soak import faults
from tests.soak.sample import Sample, sample
from tests.support.process import ROOT, configure, environment, free_port

# One more, ``evil``, has a process of its own, so that others do not feel what it does, except through the gateway.
PROVIDERS = ("a", "b", "drip", "locked")
_PATIENCE_S = 60.0
_COMPLAINT = re.compile(r"never retrieved|never awaited|Unclosed|Traceback|MemoryError|internal_error|status=internal")


@dataclass
class Stage:
    """
    What a measurement plays on.

    Args:
        config: As the gateway has it.
        ports: Of the providers, by name.
        idle_window: Into a process that does nothing.
    """

    folder: Path
    port: int
    process: asyncio.subprocess.Process
    config: dict[str, Any]
    ports: Mapping[str, int]
    idle_window: Path
    _control: tuple[asyncio.StreamReader, asyncio.StreamWriter] = field(repr=False)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def upstream(self, command: str = "state", *arguments: Any) -> Any:
        """Ask the providers' process for ``state``, ``take`` or ``sent``, or ``set`` a mode."""
        reader, writer = self._control
        async with self._lock, asyncio.timeout(_PATIENCE_S):
            writer.write(json.dumps([command, *arguments]).encode() + b"\n")
            return json.loads(await reader.readline())

    async def sample(self) -> Sample:
        """Look at the gateway."""
        return await sample(self.process.pid, self.folder / "window")

    async def idle_late_ms(self) -> tuple[float, ...]:
        """Give how late timers were in a process that does nothing, since it was last asked."""
        reader, writer = await asyncio.open_unix_connection(str(self.idle_window))
        late = json.loads(await reader.read())["late_ms"]
        writer.close()
        return tuple(late)

    @property
    def log(self) -> str:
        """What the gateway has logged."""
        return (self.folder / "log").read_text("utf-8", "replace")

    def complaints(self) -> list[str]:
        """Give the lines of the log that must not be there."""
        return [line[:300] for line in self.log.splitlines() if _COMPLAINT.search(line)]

    async def settled(self, before: Sample, within_s: float = 15.0) -> Sample:
        """Wait until tasks and descriptors are no more than before, or for as long; give what is there then."""
        until = asyncio.get_running_loop().time() + within_s
        while True:
            now = await self.sample()
            back = now.tasks <= before.tasks and now.descriptors <= before.descriptors
            if back or asyncio.get_running_loop().time() > until:
                return now
            await asyncio.sleep(0.2)


def configuration(ports: Mapping[str, int], server: Mapping[str, Any]) -> dict[str, Any]:
    """Give the gateway's configuration: models with one provider, with two, and with a first one that never works."""
    shared = {"type": "openai", "models": ["m"], "bounds": {"max_event_bytes": faults.MAX_EVENT_BYTES}}
    addresses = {**ports, "dead": free_port()}
    providers = {
        name: {**shared, "base_url": f"http://127.0.0.1:{port}/v1", "api_key": "$UP_KEY"}
        for name, port in addresses.items()
    }
    providers["drip"]["clocks"] = {"total_s": faults.DRIP_TOTAL_S, "idle_s": 60, "first_byte_s": 60}
    providers["evil"]["clocks"] = {"first_byte_s": 60, "idle_s": 60}
    models = {
        "alone": ["a/m"],
        "shared": ["a/m", "b/m"],
        "dead-first": ["dead/m", "b/m"],
        "locked-first": ["locked/m", "b/m"],
        "dripping": ["drip/m"],
        "evil": ["evil/m"],
    }
    clocks = {
        "connect_s": 2,
        "first_byte_s": faults.FIRST_BYTE_S,
        "answer_s": faults.FIRST_BYTE_S,
        "idle_s": faults.IDLE_S,
        "total_s": 120,
    }
    return {"server": {"clocks": clocks, **server}, "providers": providers, "models": models}


@asynccontextmanager
async def stage(
    *, server: Mapping[str, Any] | None = None, ports: Mapping[str, int] | None = None
) -> AsyncGenerator[Stage]:
    """
    Start it all; end it with the block.

    Args:
        server: Options of the server.
        ports: Of further providers.
    """
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="soak-")))
        upstream = await _start(stack, folder, "tests.soak.upstream", *PROVIDERS)
        *known, control_port = json.loads(await _line(upstream))
        evil = await _start(stack, folder, "tests.soak.upstream", "evil")
        evil_port, _ = json.loads(await _line(evil))
        names = {**dict(zip(PROVIDERS, known, strict=True)), "evil": evil_port, **(ports or {})}
        idle = await _start(stack, folder, "tests.soak.inside", "idle", window="idle")
        await _line(idle)
        config = configuration(names, server or {})
        configure(folder, config)
        gateway = await _start(stack, folder, "tests.soak.inside", "serve", "--port", "0", window="window")
        said = ""
        while "//127.0.0.1:" not in said:
            said = await _line(gateway)
        port = int(said.split("//127.0.0.1:")[1].split("/")[0].split()[0])
        reading = asyncio.create_task(_drain(gateway))
        stack.callback(reading.cancel)
        control = await asyncio.open_connection("127.0.0.1", control_port, limit=1 << 28)
        stack.callback(control[1].close)
        yield Stage(folder, port, gateway, config, names, folder / "idle", control)


async def aside(scene: Stage, module: str, *arguments: str) -> Any:
    """Run a module to its end, in a process of its own; give the JSON that it prints."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *arguments, cwd=scene.folder, env=environment(), stdout=asyncio.subprocess.PIPE
    )
    try:
        said, _ = await process.communicate()
    finally:
        await _stop(process)
    return json.loads(said)


async def _start(
    stack: AsyncExitStack, folder: Path, module: str, *arguments: str, window: str = ""
) -> asyncio.subprocess.Process:
    log = stack.enter_context((folder / ("log" if window == "window" else f"{module}.log")).open("wb"))
    extra = {"UP_KEY": "sk-upstream", "WINDOW": str(folder / window)}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        *arguments,
        cwd=folder,
        env=environment(extra) | {"PYTHONPATH": str(ROOT)},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=log,
    )
    stack.push_async_callback(_stop, process)
    return process


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()
    await process.wait()


async def _line(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(_PATIENCE_S):
        line = await process.stdout.readline()
    if not line:
        message = "a process of the stage did not start"
        raise RuntimeError(message)
    return line.decode()


async def _drain(process: asyncio.subprocess.Process) -> None:
    assert process.stdout is not None
    while await process.stdout.readline():
        pass


def machine() -> str:
    """Say what this runs on."""
    names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    cpu = names[0].partition(":")[2].strip() if names else "unknown CPU"
    return f"{len(os.sched_getaffinity(0))} cores ({cpu}), load {os.getloadavg()[0]:.1f}"
