"""``llms chat``: one question, and its answer as it arrives."""

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import click

from llms.cli import answers, question
from llms.cli.local import running
from llms.cli.screen import Screen
from llms.cli.setup import Failure, config_option, configuration
from llms.errors import GatewayError


@click.command("chat")
@click.argument("prompt", required=False)
@click.option("-m", "--model", help="The model. Else the first one of the first provider that is on.")
@click.option("-s", "--system", help="The system message.")
@click.option(
    "--image", "images", multiple=True, type=click.Path(path_type=Path), metavar="FILE", help="A picture; repeatable."
)
@click.option("--raw", is_flag=True, help="Print the events of the stream as they come.")
@click.option("--url", envvar="LLMS_URL", metavar="URL", help="Ask the gateway there; also LLMS_URL.")
@config_option
def command(model: str | None, raw: bool, url: str | None, chosen: Path | None, **asked: Any) -> None:  # noqa: FBT001 - click's way
    """
    Ask a model and stream its answer to the terminal.

    What is piped in follows the PROMPT, or is the prompt. A gateway that runs on this machine is asked, unless --config
    is given; without one the command is its own gateway. LLMS_API_KEY holds the key for it, if it needs one.
    """
    body: dict[str, Any] = {"messages": question.messages(**asked), "stream": True}
    if model:
        body["model"] = model
    try:
        asyncio.run(_answer(body, url, chosen, Screen(raw=raw)))
    except GatewayError as failure:
        raise Failure(failure.message) from failure


async def _answer(body: dict[str, Any], url: str | None, chosen: Path | None, screen: Screen) -> None:
    answer = await _source(body, url, chosen)
    try:
        async with aclosing(answer) as reads:
            async for data in reads:
                screen.feed(data)
    finally:
        screen.end()
    screen.require_complete()


async def _source(body: dict[str, Any], url: str | None, chosen: Path | None) -> AsyncGenerator[bytes, None]:
    key = os.environ.get("LLMS_API_KEY")
    if url is not None:
        return answers.from_server(url.rstrip("/").removesuffix("/v1"), key, body)
    config = configuration(chosen)
    local = await running(config)
    if chosen is None and local is not None:
        return answers.from_server(local, key or answers.own_key(config, os.environ), body)
    return answers.in_process(config, os.environ, body, local)
