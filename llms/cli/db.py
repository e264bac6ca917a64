"""``llms db``: whether what is kept is whole, a copy of it, its tables brought up to date."""

import asyncio
import os
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import click

from llms.cli.setup import Failure, config_option, configuration
from llms.config.accounting import store_url
from llms.store import StoreError
from llms.store.open import open_store
from llms.store.upkeep import backup as copied
from llms.store.upkeep import check as checked

T = TypeVar("T")


@click.group("db")
def command() -> None:
    """Check, copy and update what keeps keys and calls."""


@command.command("check")
@config_option
def check(chosen: Path | None) -> None:
    """Read all of it: whether it is whole, and usage is the sum of the calls."""
    findings = _done(checked(_url(chosen)))
    for finding in findings:
        click.echo(f"{'WRONG' if finding.bad else 'ok'}: {finding.words}")
    if any(finding.bad for finding in findings):
        raise SystemExit(1)


@command.command("backup")
@click.argument("file", type=click.Path(path_type=Path))
@config_option
def backup(file: Path, chosen: Path | None) -> None:
    """Copy it to FILE as it is at one moment, while the gateway runs."""
    _done(copied(_url(chosen), file))
    click.echo(f"copied to {file}")


@command.command("migrate")
@config_option
def migrate(chosen: Path | None) -> None:
    """Give it the tables of this version, as starting the gateway does."""
    _done(_migrated(_url(chosen)))
    click.echo("the tables are up to date")


async def _migrated(url: str) -> None:
    await (await open_store(url)).close()


def _done(work: Coroutine[Any, Any, T]) -> T:
    try:
        return asyncio.run(work)
    except StoreError as error:
        raise Failure(str(error)) from error


def _url(chosen: Path | None) -> str:
    url, _ = store_url(configuration(chosen).store, os.environ)
    if url is None:
        message = "nothing is kept: the store is `none`, or there is no folder for it; see `store.url`"
        raise Failure(message)
    return url
