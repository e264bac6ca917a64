"""``llms config``: which file is used, whether it is right, and its schema."""

import json
import os
from pathlib import Path

import click

from llms.cli.setup import BadConfig, config_option
from llms.config import ConfigError, find, json_schema, load


@click.group("config")
def command() -> None:
    """Show which configuration is used, check it, give its schema."""


@command.command("path")
@config_option
def path(chosen: Path | None) -> None:
    """Print which file is used."""
    try:
        click.echo(find(chosen, os.environ).absolute())
    except ConfigError as error:
        raise BadConfig(str(error)) from error


@command.command("check")
@config_option
def check(chosen: Path | None) -> None:
    """Check the file: every mistake on a line of its own, as path: message."""
    try:
        config = load(find(chosen, os.environ), os.environ)
    except ConfigError as error:
        for problem in error.problems:
            click.echo(str(problem), err=True)
        count = len(error.problems)
        message = f"{count} mistake{'s' * (count > 1)} in {error.source}"
        raise BadConfig(message) from error
    click.echo(f"{config.source} is right; providers: {len(config.providers)}, models: {len(config.models)}")


@command.command("schema")
def schema() -> None:
    """Print the JSON Schema of the file, for editors."""
    click.echo(json.dumps(json_schema(), indent=2, ensure_ascii=False))
