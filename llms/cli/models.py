"""``llms models``: every model that can be called, and every provider that is off, and why."""

import asyncio
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from rich.markup import escape
from rich.table import Table

from llms import core
from llms.catalog import ProviderState
from llms.cli.local import running
from llms.cli.setup import config_option, configuration, show
from llms.config import Config


@click.command("models")
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def command(chosen: Path | None, as_json: bool) -> None:  # noqa: FBT001 - click's way
    """List the models, and which providers are on and why."""
    config = configuration(chosen)
    states = asyncio.run(_states(config))
    if as_json:
        click.echo(json.dumps(document(config, states), indent=2, ensure_ascii=False))
    else:
        show(table(config, states))


async def _states(config: Config) -> list[ProviderState]:
    async with core.core(config, os.environ, own_url=await running(config)) as made:
        await made.catalog.refresh()
        return made.catalog.states()


def document(config: Config, states: Sequence[ProviderState]) -> dict[str, Any]:
    """Give all there is to know, as JSON has it."""
    return {
        "models": [
            {"id": name, "targets": [target.name for target in route.targets]} for name, route in config.models.items()
        ],
        "providers": [
            {
                "name": state.name,
                "on": state.on,
                "reason": state.reason,
                "models": None if state.models is None else [model.id for model in state.models],
            }
            for state in states
        ],
    }


def table(config: Config, states: Sequence[ProviderState]) -> Table:
    """Give a line for each model, and one for each provider that has none to show."""
    rows = Table("model", "provider", "state", "why", box=None, pad_edge=False)
    on = {state.name for state in states if state.on}
    for name, route in config.models.items():
        words = ", ".join(target.name for target in route.targets)
        on_any = any(target.provider in on for target in route.targets)
        rows.add_row(escape(name), "(alias)", _state(on_any), escape(words))
    for state in states:
        for name in [model.id for model in state.models or ()] or ["-"]:
            rows.add_row(escape(name), state.name, _state(state.on), escape(state.reason))
    return rows


def _state(on: bool) -> str:  # noqa: FBT001 - what it is about
    return "[green]on[/]" if on else "[dim]off[/]"
