"""F21: fifty configurations with mistakes, read under load."""

import asyncio
import json
import signal
import time
from collections.abc import Iterator
from typing import Any

from tests.soak.client import get_json
from tests.soak.load import Load
from tests.soak.report import Figure
from tests.soak.stage import stage
from tests.support.process import configure

COUNT = 50
_RATE = 20.0
_PATIENCE_S = 20.0


async def measure() -> list[Figure]:
    """Give it one bad file after the other while calls run."""
    async with stage() as scene:
        load = Load(scene.port, 21, 0.0)
        refused, slowest_s = 0, 0.0
        running = asyncio.create_task(load.run(_RATE, 25.0))
        for bad in bad_files(scene.config):
            began_at = time.monotonic()
            configure(scene.folder, bad)
            scene.process.send_signal(signal.SIGHUP)
            while (state := await get_json(scene.port, "/healthz"))["failed_reloads"] <= refused:
                if time.monotonic() - began_at > _PATIENCE_S:
                    break
                await asyncio.sleep(0.05)
            refused = state["failed_reloads"]
            slowest_s = max(slowest_s, time.monotonic() - began_at)
        configure(scene.folder, scene.config)
        scene.process.send_signal(signal.SIGHUP)
        await running
        status = (await get_json(scene.port, "/healthz"))["status"]
    wrong = load.tally.wrong.total()
    return [
        Figure("F21", f"bad configurations refused, {COUNT} under load", f"{refused} of {COUNT}", f"{COUNT} of {COUNT}", refused == COUNT),
        Figure("F21", f"calls dropped or wrong meanwhile, of {load.tally.calls:,}", str(wrong), "0", wrong == 0),
        Figure("F21", "health once a good file was read", status, "ok", status == "ok"),
    ]  # fmt: skip


def bad_files(config: dict[str, Any]) -> Iterator[bytes]:
    """Give fifty files, none of which may be taken."""
    whole = json.dumps(config).encode()
    yield from (
        b"",
        b"{",
        b"null",
        b"[]",
        b"\xff\xfe",
        b"\x00" * 1000,
        b'{"server": {}',
        b"providers: {}",
        whole + b"}",
        b" ",
    )
    yield from (whole[: len(whole) * part // 11] for part in range(1, 11))
    yield from (json.dumps({**config, name: {}}).encode() for name in ("Server", "provider", "model", "keys", "x"))
    servers: list[dict[str, Any]] = [
        {"port": -1},
        {"port": "8000"},
        {"prot": 1},
        {"clocks": {"idle_s": 0}},
        {"clocks": {"idle": 1}},
        {"keys": ["sk-in-the-file"]},
        {"keys": ["$NOT_SET"]},
        {"keys": "x"},
        {"log_level": "loud"},
        {"drain_s": -1},
        {"max_body_bytes": 1},
        {"reasoning": "some"},
        {"allowed_hosts": [1]},
    ]
    yield from (json.dumps({**config, "server": server}).encode() for server in servers)
    providers: list[Any] = [
        {"type": "nobody"},
        {"base_url": "nowhere"},
        {"base_url": "http://127.0.0.1:1/v1", "api_key": "sk-in-the-file"},
        {"base_url": "file:///etc/passwd"},
        {"base_url": 7},
        {"type": "openai", "retries": -1},
        None,
    ]
    yield from (json.dumps({**config, "providers": {"bad": provider}}).encode() for provider in providers)
    models: list[Any] = ["", ["nobody/m"], [], 7, {"targets": []}]
    yield from (json.dumps({**config, "models": {"bad": model}}).encode() for model in models)
