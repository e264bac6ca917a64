"""``llms serve`` as a real process."""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

PATIENCE_S = 30.0


@dataclass
class Served:
    """
    A process that listens.

    Args:
        said: Its standard output up to its URL.
    """

    process: asyncio.subprocess.Process
    said: str
    port: int

    async def ended(self) -> tuple[int, str]:
        """Wait for the end; give the exit status and standard error."""
        async with asyncio.timeout(PATIENCE_S):
            _, errors = await self.process.communicate()
        assert self.process.returncode is not None
        return self.process.returncode, errors.decode()


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Give this process's environment without anybody's keys and settings."""
    own = {name: value for name, value in os.environ.items() if not re.search("_KEY|TOKEN|^LLMS_|^XDG_", name)}
    return {**own, "PYTHONPATH": str(ROOT), **(extra or {})}


async def llms(folder: Path, *arguments: str, environ: Mapping[str, str] | None = None) -> asyncio.subprocess.Process:
    """Start ``llms`` in ``folder``."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "llms",
        *arguments,
        cwd=folder,
        env=environment(environ),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


@asynccontextmanager
async def serving(folder: Path, *arguments: str, environ: Mapping[str, str] | None = None) -> AsyncIterator[Served]:
    """Run ``llms serve`` on a free port until the block ends."""
    process = await llms(folder, "serve", "--port", "0", *arguments, environ=environ)
    try:
        said = ""
        async with asyncio.timeout(PATIENCE_S):
            while not (found := re.search(r"http://127\.0\.0\.1:(\d+)", said)):
                line = await process.stdout.readline()
                assert line, said + (await process.stderr.read()).decode()
                said += line.decode()
            while "curl" not in said:
                said += (await process.stdout.readline()).decode()
        yield Served(process, said, int(found[1]))
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
