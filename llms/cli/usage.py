"""``llms usage``: what was called, and what it cost."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import click
from rich.markup import escape
from rich.table import Table

from llms.cli.amounts import dollars
from llms.cli.desk import Asked, Desk, desk_options
from llms.cli.setup import show
from llms.cli.wanted import Wanted, wanted_options

_COUNTS = ("calls", "failed", "input_tokens", "output_tokens", "cached_tokens")


@click.command("usage")
@click.option(
    "--by", default="day", show_default=True, help="What to sum up by: some of day, key, team, model, provider."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@wanted_options
@desk_options
def command(asked: Asked, wanted: Wanted, by: str, as_json: bool) -> None:  # noqa: FBT001 - click's way
    """Sum up calls, tokens and dollars by whole days in UTC."""
    groups = by.split(",")

    async def work(desk: Desk) -> tuple[dict[str, Any], dict[str, str]]:
        found = await desk.ask("GET", "/usage", query=await wanted.query(desk, by=by))
        if "key" not in groups or as_json:
            return found, {}
        keys = await desk.ask("GET", "/keys", query={"revoked": "true"})
        return found, {one["id"]: one["name"] for one in keys["data"]}

    found, names = asked.done(work)
    if as_json:
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        show(_table(found, groups, names))


def _table(found: Mapping[str, Any], groups: Sequence[str], names: Mapping[str, str]) -> Table:
    rows = Table(box=None, pad_edge=False)
    for name in groups:
        rows.add_column(name)
    for name in (*_COUNTS, "cost"):
        rows.add_column(name.replace("_", " "), justify="right")
    for row in found["data"]:
        rows.add_row(*(escape(names.get(row[name]) or row[name] or "-") for name in groups), *_numbers(row))
    if len(found["data"]) != 1:
        rows.add_row("total", *[""] * (len(groups) - 1), *_numbers(found["total"]))
    return rows


def _numbers(row: Mapping[str, Any]) -> list[str]:
    """Give the counts, and the cost: at least so much, where some had no price; about, where some were estimated."""
    about = ">" if row["unpriced"] else "~" if row["estimated"] else ""
    return [*(f"{row[name]:,}" for name in _COUNTS), about + dollars(row["cost_micros"])]
