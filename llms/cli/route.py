"""``llms route``: which targets a model's name leads to, in which order, and why not to the others."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import aiohttp
import click
from rich.markup import escape
from rich.table import Table

from llms import core
from llms.apis.chat_completions import API
from llms.cli.answers import own_key
from llms.cli.local import asking, require_ok, running
from llms.cli.setup import Failure, config_option, configuration, forget, show
from llms.config import Config
from llms.errors import GatewayError
from llms.web.inference import call
from llms.web.respond import new_id

_ASK_S = 10.0


@click.command("route")
@click.argument("model")
@click.option("--tools", is_flag=True, help="As for a request with tools.")
@click.option("--vision", is_flag=True, help="As for a request with a picture.")
@click.option("--json-schema", is_flag=True, help="As for a request for an answer in the form of a schema.")
@click.option("--tokens", type=click.IntRange(0), default=0, help="As for a request of so many tokens.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@click.option("--url", envvar="LLMS_URL", metavar="URL", help="Ask the gateway there; also LLMS_URL.")
@config_option
def command(model: str, as_json: bool, url: str | None, chosen: Path | None, **needs: Any) -> None:  # noqa: FBT001 - click's way
    """
    Say which targets a model leads to, and why not to others.

    Targets come in the order in which they would be tried.
    No request is sent to any model. A gateway that runs on this machine is asked, unless --config is given: it knows
    who cannot be reached just now. LLMS_API_KEY holds the key for it, if it needs one.
    """
    try:
        found = asyncio.run(_document(_body(model, **needs), url, chosen))
    except GatewayError as failure:
        raise Failure(failure.message) from failure
    if as_json:
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        show(table(found))


def _body(model: str, *, tools: bool, vision: bool, json_schema: bool, tokens: int) -> dict[str, Any]:
    content: list[dict[str, Any]] = [{"type": "text", "text": "x" * 4 * tokens}]
    if vision:
        content.append({"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}})
    body: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": content}]}
    if tools:
        body["tools"] = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
    if json_schema:
        schema = {"name": "s", "schema": {"type": "object"}}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    return body


async def _document(body: dict[str, Any], url: str | None, chosen: Path | None) -> dict[str, Any]:
    key = os.environ.get("LLMS_API_KEY")
    if url is not None:
        return await _from_server(url.rstrip("/").removesuffix("/v1"), key, body)
    config = configuration(chosen)
    local = await running(config)
    if chosen is None and local is not None:
        return await _from_server(local, key or own_key(config, os.environ), body)
    return await _in_process(config, body, local)


async def _from_server(url: str, key: str | None, body: dict[str, Any]) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    timeout = aiohttp.ClientTimeout(total=_ASK_S)
    with asking(url):
        async with (
            aiohttp.ClientSession(headers=headers, timeout=timeout) as session,
            session.post(f"{url}/v1/route/explain", json=body, allow_redirects=False) as response,
        ):
            await require_ok(response)
            found: dict[str, Any] = await response.json()
            return found


async def _in_process(config: Config, body: dict[str, Any], own_url: str | None) -> dict[str, Any]:
    async with core.core(config, os.environ, sink=forget, own_url=own_url) as made:
        await made.catalog.refresh()
        return await made.gateway.explain(call(API.read(body), API, new_id()))


def table(found: dict[str, Any]) -> Table:
    """Give a line for each target: first those that would be tried, in order."""
    rows = Table("", "target", "rank", "weight", "why", box=None, pad_edge=False)
    for number, target in enumerate(found["targets"], start=1):
        why = f"last: {target['last_because']}" if "last_because" in target else ""
        rows.add_row(str(number), escape(target["target"]), str(target["rank"]), f"{target['weight']:g}", escape(why))
    for skipped in found["skipped"]:
        rows.add_row("-", escape(skipped["target"]), "", "", escape(f"skipped: {skipped['reason']}"))
    return rows
