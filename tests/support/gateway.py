"""A gateway on a real socket, in the test's own loop."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web, web_app

from llms import app
from llms.books import Books
from llms.config import Config, load
from llms.records import CallRecord
from llms.web.server import Runner
from llms.web.services import LIVE, Live, Services


@dataclass
class Running:
    """A gateway that listens."""

    port: int
    live: Live
    config: Config
    generations: app.Generations
    records: list[CallRecord] = field(default_factory=list)
    runner: Runner | None = None

    @property
    def requests_count(self) -> int:
        """How many requests it took up, of any kind."""
        return self.runner.server.requests_count

    @property
    def places_taken(self) -> dict[str, int]:
        """How many calls each provider is given just now, where it is given any."""
        made = self.generations._core.made
        running = {name: one.upstream.bulkhead.running for name, one in made.items() if one.upstream is not None}
        return {name: count for name, count in running.items() if count}

    @property
    def books(self) -> Books:
        """What it keeps of keys and calls."""
        return self.generations._books

    @property
    def services(self) -> Services:
        return self.live.now.services

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@asynccontextmanager
async def running(  # noqa: PLR0913 - all have a default
    folder: Path,
    *,
    providers: Mapping[str, Any] | None = None,
    server: Mapping[str, Any] | None = None,
    models: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    listen: str = "127.0.0.1",
    workers: int = 1,
    **sections: Any,
) -> AsyncIterator[Running]:
    """
    Start a gateway on a free port, with the demo provider where no other is named; stop it afterwards.

    Args:
        workers: How many processes there are said to be, so that limits are shared with them.
        sections: Further ones of the configuration: ``limits``, ``prices``, ``store``.
    """
    path = folder / "config.json"
    content = {
        "server": {"drain_s": 1, **(server or {})},
        "providers": {"demo": {"chunk_delay_s": 0}} if providers is None else providers,
        "models": models or {},
        **sections,
    }
    path.write_bytes(orjson.dumps(content))
    records: list[CallRecord] = []
    config = load(path, environ or {})
    built = app.build(config, environ or {}, sink=records.append, workers=workers)
    runner = Runner(built, drain_s=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, listen, 0).start()
        yield Running(runner.addresses[0][1], built[LIVE], config, built[app.GENERATIONS], records, runner)
    finally:
        await runner.cleanup()
        web_app._cached_build_middleware.cache_clear()  # it keeps every application alive
