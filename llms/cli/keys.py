"""``llms keys``: make, see, change, rotate and revoke the keys of a gateway."""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

import click
from rich.markup import escape
from rich.table import Table

from llms.cli.amounts import COUNT, DOLLARS, day, dollars, moment
from llms.cli.desk import Asked, Desk, desk_options, id_of
from llms.cli.setup import show

_WINDOWS = ("day", "week", "month", "total")
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def _described(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that describe a key."""
    for window in _WINDOWS:
        words = "in all" if window == "total" else f"a {window}"
        command = click.option(f"--budget-{window}", type=DOLLARS, help=f"Dollars {words}; none for no budget.")(
            command
        )
    for option in (
        click.option("--concurrency", type=COUNT, help="Calls at once; none for no limit."),
        click.option("--tpm", type=COUNT, help="Tokens a minute; none for no limit."),
        click.option("--rpm", type=COUNT, help="Calls a minute; none for no limit."),
        click.option("--expires", metavar="WHEN", help="30d, 12h, a date as 2026-12-31, or never."),
        click.option("--keep-bodies/--no-keep-bodies", "keeps_bodies", default=None, help="Keep prompts and answers."),
        click.option(
            "--endpoint", "endpoints", multiple=True, help="A dialect it is for, as embeddings, or all; repeatable."
        ),
        click.option("--model", "models", multiple=True, help="A model it may call, or gpt-*, or all; repeatable."),
        click.option("--team", help="Whose limits count as well."),
        click.option("--owner", help="Whose it is."),
        click.option("--role", type=click.Choice(("admin", "member", "viewer")), help="Else member."),
    ):
        command = option(command)
    return command


def _body(given: Mapping[str, Any]) -> dict[str, Any]:
    """Give the body that says what the options say."""
    names = ("name", "role", "owner", "team", "keeps_bodies", "disabled")
    body = {name: given[name] for name in names if given.get(name) is not None}
    body |= {name: _names(given[name]) for name in ("models", "endpoints") if given[name]}
    if given["expires"] is not None:
        never = given["expires"] == "never"
        body["expires_at"] = None if never else int(moment(given["expires"], time.time(), 1))
    limits = {name: _limit(given[name]) for name in ("rpm", "tpm", "concurrency") if given[name] is not None}
    budgets = {name: _limit(given[f"budget_{name}"]) for name in _WINDOWS if given[f"budget_{name}"] is not None}
    if budgets:
        limits["budgets_micros"] = budgets
    return {**body, "limits": limits} if limits else body


def _names(given: tuple[str, ...]) -> list[str]:
    return [] if given == ("all",) else list(given)


def _limit(value: Any) -> Any:
    return None if value == "none" else value


@click.group("keys")
def command() -> None:
    """Make, list, change and revoke keys."""


@command.command("list")
@click.option("--revoked", is_flag=True, help="Revoked ones, too.")
@_json
@desk_options
def list_keys(asked: Asked, revoked: bool, as_json: bool) -> None:  # noqa: FBT001 - click's way
    """List the keys."""
    query = {"revoked": "true"} if revoked else {}
    found = asked.done(lambda desk: desk.ask("GET", "/keys", query=query))["data"]
    if as_json:
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
    elif found:
        show(_table(found))
    else:
        click.echo("No keys. Make the first one with: llms keys add NAME --role admin")


@command.command("show")
@click.argument("key")
@_json
@desk_options
def show_key(asked: Asked, key: str, as_json: bool) -> None:  # noqa: FBT001 - click's way
    """Show KEY: an id, a name, or how the secret begins."""

    async def work(desk: Desk) -> dict[str, Any]:
        return await desk.ask("GET", f"/keys/{await id_of(desk, key)}")

    _print(asked.done(work), as_json)


@command.command("add")
@click.argument("name")
@_described
@click.option("--disabled", is_flag=True, default=None, help="Switched off for now.")
@_json
@desk_options
def add(asked: Asked, as_json: bool, **given: Any) -> None:  # noqa: FBT001 - click's way
    """Make a key called NAME. Its secret is printed this once."""
    body = _body(given)
    _print(asked.done(lambda desk: desk.ask("POST", "/keys", body)), as_json)


@command.command("change")
@click.argument("key")
@click.option("--name", help="What it is called.")
@_described
@click.option("--disable/--enable", "disabled", default=None, help="Switch it off, or on again.")
@_json
@desk_options
def change(asked: Asked, key: str, as_json: bool, **given: Any) -> None:  # noqa: FBT001 - click's way
    """Change KEY; what is not named stays as it is."""
    body = _body(given)
    if not body:
        message = "Say what to change; see: llms keys change --help"
        raise click.UsageError(message)

    async def work(desk: Desk) -> dict[str, Any]:
        return await desk.ask("PATCH", f"/keys/{await id_of(desk, key)}", body)

    _print(asked.done(work), as_json)


@command.command("rotate")
@click.argument("key")
@click.option(
    "--grace",
    "grace_s",
    type=click.IntRange(0, 604_800),
    default=0,
    show_default=True,
    help="Seconds for which the old secret is still accepted.",
)
@_json
@desk_options
def rotate(asked: Asked, key: str, grace_s: int, as_json: bool) -> None:  # noqa: FBT001 - click's way
    """Give KEY another secret, printed this once."""

    async def work(desk: Desk) -> dict[str, Any]:
        return await desk.ask("POST", f"/keys/{await id_of(desk, key)}/rotate", {"grace_s": grace_s})

    _print(asked.done(work), as_json)


@command.command("revoke")
@click.argument("key")
@_json
@desk_options
def revoke(asked: Asked, key: str, as_json: bool) -> None:  # noqa: FBT001 - click's way
    """End KEY, and all keys that came from it, for good."""

    async def work(desk: Desk) -> dict[str, Any]:
        return await desk.ask("POST", f"/keys/{await id_of(desk, key)}/revoke", {})

    _print(asked.done(work), as_json)


def _print(key: Mapping[str, Any], as_json: bool) -> None:  # noqa: FBT001 - click's way
    if as_json:
        click.echo(json.dumps(key, indent=2, ensure_ascii=False))
        return
    rows = Table(show_header=False, box=None, pad_edge=False)
    for name, value in _lines(key):
        rows.add_row(name, escape(value))
    show(rows)
    if "secret" in key:
        click.echo("The secret is kept nowhere and shown this once.", err=True)


def _lines(key: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Give what there is to say of a key."""
    lines = [(name, str(key[name])) for name in ("secret", "id", "name", "role", "owner", "team") if key.get(name)]
    lines += [(name, ", ".join(key[name]) or "all") for name in ("models", "endpoints")]
    return [*lines, ("limits", _limits(key)), ("state", _state(key)), ("secret begins", key["prefix"] or "-")]


def _table(keys: list[dict[str, Any]]) -> Table:
    rows = Table("name", "role", "team", "models", "limits", "state", "secret", "id", box=None, pad_edge=False)
    for key in keys:
        models = ", ".join(key["models"]) or "all"
        cells = (key["name"] or "-", key["role"], key["team"] or "-", models, _limits(key), _state(key))
        rows.add_row(*map(escape, (*cells, f"{key['prefix']}…" if key["prefix"] else "-", key["id"])))
    return rows


def _limits(key: Mapping[str, Any]) -> str:
    limits = key["limits"]
    budgets = limits["budgets_micros"]
    words = [f"{limits[name]} {name}" for name in ("rpm", "tpm") if limits[name] is not None]
    words += [f"{limits['concurrency']} at once"] if limits["concurrency"] is not None else []
    words += [
        f"{dollars(budgets[window])} {'in all' if window == 'total' else f'a {window}'}"
        for window in _WINDOWS
        if budgets[window] is not None
    ]
    return ", ".join(words) or "none"


def _state(key: Mapping[str, Any]) -> str:
    if key["revoked_at"]:
        return f"revoked {day(key['revoked_at'])}"
    if key["disabled"]:
        return "off"
    expires_at = key["expires_at"]
    if expires_at is None:
        return "on"
    return f"{'on until' if time.time() < expires_at else 'ended'} {day(expires_at)}"
