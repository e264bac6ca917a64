"""Gateways that run already: the one that may be on this machine, and what it means when one gives no answer."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp

from llms.cli.setup import Failure
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


@contextmanager
def asking(url: str) -> Iterator[None]:
    """
    Ask the gateway at ``url`` for the length of the block.

    Raises:
        Failure: It is not there, or what came is no answer of a gateway.
    """
    try:
        yield
    except (aiohttp.ClientConnectorError, TimeoutError) as error:
        message = f"nothing answers at {url}; start the gateway with: llms serve"
        raise Failure(message) from error
    except (aiohttp.ClientError, ValueError, LookupError, TypeError) as error:
        message = f"no answer from a gateway at {url}: {str(error) or type(error).__name__}"
        raise Failure(message) from error


async def require_ok(response: aiohttp.ClientResponse) -> None:
    """
    Go on if the gateway served the request.

    Raises:
        Failure: It did not; in its own words.
    """
    if response.status in (200, 201):
        return
    try:
        message = json.loads(await response.read())["error"]["message"]
    except (ValueError, LookupError, TypeError):
        message = f"the gateway answered with the status {response.status}"
    raise Failure(message + (" Put one into LLMS_API_KEY." if response.status == 401 else ""))
