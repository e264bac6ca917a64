"""``llms logs``: the calls that were made, and those that come."""

import json
import re
from collections.abc import Mapping
from contextlib import aclosing
from typing import Any

import click

from llms.cli.amounts import dollars, second
from llms.cli.desk import Asked, Desk, desk_options
from llms.cli.wanted import Wanted, wanted_options

_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
"""A client chose the model's name: it must not steer the terminal."""


@click.command("logs")
@click.option("-f", "--follow", is_flag=True, help="Go on with the calls that come.")
@click.option("-n", "--limit", type=click.IntRange(0, 1000), default=20, show_default=True, help="How many, at most.")
@click.option("--status", help="ok, client_closed, upstream_error, timeout, rejected, draining or internal.")
@click.option("--code", help="With this error's code.")
@click.option("--failed", is_flag=True, help="Those that failed.")
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each.")
@wanted_options
@desk_options
def command(asked: Asked, wanted: Wanted, **given: Any) -> None:
    """Show the last calls, and those that come."""
    say = _say_json if given["as_json"] else _say
    limit, failed = given["limit"], "true" if given["failed"] else None

    async def work(desk: Desk) -> None:
        query = await wanted.query(desk, status=given["status"], code=given["code"], failed=failed)
        if not given["follow"]:
            for call in await _last(desk, query, limit):
                say(call)
            return
        async with aclosing(desk.follow(query)) as coming:
            await anext(coming)  # from now on none is missed
            shown = await _last(desk, query, limit)
            for call in shown:
                say(call)
            ids = {call["id"] for call in shown}
            async for new in coming:
                if new is not None and new["id"] not in ids:
                    say(new)

    try:
        asked.done(work)
    except KeyboardInterrupt:
        raise SystemExit(130) from None  # as every command ends that is interrupted


async def _last(desk: Desk, query: Mapping[str, str], limit: int) -> list[dict[str, Any]]:
    """Give the last calls, oldest first. A page may be short, or empty, and have others after it."""
    found: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None and len(found) < limit:
        more = {"cursor": cursor} if cursor else {}
        page = await desk.ask("GET", "/calls", query={**query, **more, "limit": str(limit - len(found))})
        found += page["data"]
        cursor = page["next"]
    return found[::-1]


def _say_json(call: Mapping[str, Any]) -> None:
    click.echo(json.dumps(call, ensure_ascii=False))


def _say(call: Mapping[str, Any]) -> None:
    status = call["status"] if call["code"] is None else f"{call['status']} ({call['code']})"
    first = "" if call["first_byte_us"] is None else f", first byte after {call['first_byte_us'] / 1e6:.2f} s"
    tokens = f"{call['input_tokens']} in, {call['output_tokens']} out"
    parts = (
        second(call["at"]),
        status,
        call["model"] or "-",
        call["provider"] or "-",
        tokens if call["counted"] == "exact" else f"{tokens} ({call['counted']})",
        dollars(call["cost_micros"]) if call["priced"] else "no price",
        f"{call['duration_us'] / 1e6:.2f} s{first}",
        call["key_id"] or "-",
        call["id"],
    )
    click.echo(_UNFIT.sub("?", "  ".join(parts)))
