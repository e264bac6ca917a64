"""The gateway that may run on this machine already."""

import aiohttp

from llms.config import Config

_LOOK_S = 0.3


async def running(config: Config) -> str | None:
    """Give the URL of the gateway that runs with this configuration's port; ``None`` if none of ours answers there."""
    url = f"http://127.0.0.1:{config.server.port}"
    timeout = aiohttp.ClientTimeout(total=_LOOK_S)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(f"{url}/healthz") as response:
            return url if response.status == 200 and response.headers.get("Server") == "llms" else None
    except (aiohttp.ClientError, TimeoutError):
        return None
