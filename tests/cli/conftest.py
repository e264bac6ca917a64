"""The command line, called as a function, on a configuration of the test's own."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from click.testing import CliRunner, Result

from llms.cli import group

Llms = Callable[..., Result]


@pytest.fixture
def llms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Llms:
    """Run ``llms`` with an environment that holds nothing but what the test names."""
    monkeypatch.chdir(tmp_path)

    def run(
        *arguments: str,
        config: Mapping[str, Any] | None = None,
        environ: Mapping[str, str] | None = None,
        piped: str | bytes | None = None,
    ) -> Result:
        if config is not None:
            (tmp_path / "config.json").write_text(json.dumps(config), "utf-8")
        hidden = dict.fromkeys(("LLMS_CONFIG", "LLMS_URL", "LLMS_API_KEY", "LLMS_DEBUG"))
        environ = {**hidden, "HOME": str(tmp_path), "XDG_CONFIG_HOME": None, **(environ or {})}
        return CliRunner(env=environ).invoke(group, arguments, input=piped, prog_name="llms")

    return run


@pytest.fixture
async def server() -> AsyncIterator[Callable[..., Awaitable[int]]]:
    """Start a server that is no gateway of ours: a handler for each path, ``__`` for a slash; give its port."""
    runners = []

    async def start(**handlers: Any) -> int:
        app = web.Application()
        for path, handler in handlers.items():
            app.router.add_route("*", "/" + path.replace("__", "/"), handler)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        runners.append(runner)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return int(runner.addresses[0][1])

    yield start
    for runner in runners:
        await runner.cleanup()
