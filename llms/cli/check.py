"""``llms check``: whether the providers that are on give answers."""

import asyncio
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
from rich.markup import escape
from rich.table import Table

from llms import core
from llms.apis.chat_completions import API
from llms.catalog import ProviderState
from llms.cli.local import running
from llms.cli.pick import chat_model
from llms.cli.setup import Failure, config_option, configuration, forget, show
from llms.config import Config
from llms.config.problems import unknown
from llms.errors import GatewayError
from llms.gateway import Gateway
from llms.web.inference import call
from llms.web.respond import new_id


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one provider fared; ``failure`` is ``None`` if it answered."""

    provider: str
    model: str
    failure: str | None
    duration_s: float


@click.command("check")
@click.argument("provider", required=False)
@click.option("-m", "--model", help="The model to call, instead of the provider's first.")
@click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(0, 3600, min_open=True),
    default=60,
    show_default=True,
    help="Seconds for each call; a local server may have to load a model first.",
)
@config_option
def command(provider: str | None, model: str | None, timeout_s: float, chosen: Path | None) -> None:
    """Send one tiny call to each provider that is on, or to PROVIDER."""
    config = configuration(chosen)
    if provider is None and model is not None:
        message = "--model needs a PROVIDER."
        raise click.UsageError(message)
    if provider is not None and provider not in config.providers:
        raise click.UsageError(unknown("provider", provider, tuple(config.providers)))
    outcomes = asyncio.run(_outcomes(config, provider, model, timeout_s))
    show(table(outcomes))
    if any(outcome.failure for outcome in outcomes):
        raise SystemExit(1)


async def _outcomes(config: Config, only: str | None, model: str | None, timeout_s: float) -> list[Outcome]:
    async with core.core(config, os.environ, sink=forget, own_url=await running(config)) as made:
        await made.catalog.refresh()
        states = [state for state in made.catalog.states() if (state.on if only is None else state.name == only)]
        if only is not None and not states[0].on:
            message = f"{only} is off: {states[0].reason}"
            raise Failure(message)
        return await asyncio.gather(*(_outcome(made.gateway, state, model, timeout_s) for state in states))


async def _outcome(gateway: Gateway, state: ProviderState, model: str | None, timeout_s: float) -> Outcome:
    model = model or chat_model(listed.id for listed in state.models or ())
    if model is None:
        reason = state.reason if state.models is None else "it lists no model"
        return Outcome(state.name, "-", reason, 0.0)
    body = {
        "model": f"{state.name}/{model}",
        "messages": [{"role": "user", "content": "Say OK."}],
        "max_completion_tokens": 16,
    }
    started_at = time.monotonic()
    failure = await _failure(gateway, body, timeout_s)
    return Outcome(state.name, model, failure, time.monotonic() - started_at)


async def _failure(gateway: Gateway, body: dict[str, object], timeout_s: float) -> str | None:
    try:
        async with asyncio.timeout(timeout_s), gateway.open(call(API.read(body), API, new_id())) as running:
            await running.reply()
            return None
    except GatewayError as failure:
        return failure.message
    except TimeoutError:
        return f"no answer in {timeout_s:g} s"


def table(outcomes: Sequence[Outcome]) -> Table:
    """Give a line for each provider."""
    rows = Table("provider", "model", "time", "outcome", box=None, pad_edge=False)
    for outcome in outcomes:
        words = "[green]ok[/]" if outcome.failure is None else f"[red]failed[/]: {escape(outcome.failure)}"
        rows.add_row(outcome.provider, escape(outcome.model), f"{outcome.duration_s:.2f} s", words)
    return rows
