"""``llms bench``: how the streams of any OpenAI-compatible URL arrive, or those of two, side by side."""

import asyncio
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from llms.bench import client, report
from llms.bench.base_url import base_url
from llms.bench.client import Target
from llms.bench.faults import BenchError
from llms.bench.report import Result
from llms.bench.run import Run
from llms.cli.pick import chat_model
from llms.cli.setup import Failure, show

_KEY_NAME = "OPENAI_API_KEY"
_PROMPT = "Count to 200."
_INTERRUPTED = 130  # a shell's status for what SIGINT ends


@dataclass(frozen=True, slots=True)
class Wish:
    """What the command line asks for, each list as long as ``urls``; a model may be absent."""

    urls: list[str]
    models: list[str | None]
    key_names: list[str]
    prompt: str
    max_tokens: int
    streams: int
    concurrency: int
    timeout_s: float


@click.command("bench")
@click.argument("urls", nargs=-1, required=True, metavar="URL [URL]")
@click.option("-m", "--model", "models", multiple=True, help="The model. Else the first that is listed.")
@click.option(
    "--key-env",
    "key_names",
    multiple=True,
    metavar="NAME",
    help=f"The environment variable that holds the key.  [default: {_KEY_NAME}]",
)
@click.option("-n", "streams", type=click.IntRange(1, 10_000), default=20, show_default=True, help="Streams of a URL.")
@click.option(
    "-c", "concurrency", type=click.IntRange(1, 1_000), default=4, show_default=True, help="Streams at a time."
)
@click.option("-p", "--prompt", default=_PROMPT, show_default=True, help="What to ask for; long answers tell more.")
@click.option("--max-tokens", type=click.IntRange(1, 100_000), default=256, show_default=True, help="Of each answer.")
@click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(0, 3600, min_open=True),
    default=120,
    show_default=True,
    help="Seconds for each stream.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def command(as_json: bool, **given: Any) -> None:  # noqa: FBT001 - click's way
    """
    Measure how streams arrive from an OpenAI-compatible URL.

    Tells the time to the first chunk, the gaps between chunks, and whether something on the way holds chunks back.
    With two URLs, A and B, streams are asked for in turn. -m and --key-env are given once for both, or once for each.
    Each stream is a call that may cost money; one more for each URL comes first and is not counted.
    """
    wish = _wish(**given)
    with _progress() as progress:
        bench = Bench(wish, progress)
        try:
            asyncio.run(bench.run())
        except BenchError as error:
            raise Failure(str(error)) from error
        except KeyboardInterrupt:
            interrupted = True
        else:
            interrupted = False
    bench.tell(as_json=as_json, interrupted=interrupted)


class Bench:
    """One run of the command, as far as it has come."""

    def __init__(self, wish: Wish, progress: Progress) -> None:
        self._wish = wish
        self._progress = progress
        self._done: Run | None = None

    async def run(self) -> None:
        """
        Measure.

        Raises:
            BenchError: There is nothing to measure.
        """
        wish = self._wish
        bar = self._progress.add_task("asking", total=len(wish.urls) * wish.streams)
        self._progress.refresh()
        async with client.session(wish.concurrency) as session:
            targets = [
                await client.warm(session, await _with_model(session, target), wish.timeout_s)
                for target in _targets(wish, os.environ)
            ]
            self._progress.update(bar, description="streams")

            def tick() -> None:
                self._progress.advance(bar)
                self._progress.refresh()

            self._done = Run(targets, wish.streams, wish.concurrency, wish.timeout_s, tick)
            await self._done.measure(session)

    def tell(self, *, as_json: bool, interrupted: bool) -> None:
        """Print what was measured; ends the process unless all is well."""
        run = self._done
        if run is None:
            raise SystemExit(_INTERRUPTED)
        results = [
            Result(target.url, target.body["model"], measured.tally.summary(run.wall_s), measured.head)
            for target, measured in zip(run.targets, run.measured, strict=True)
        ]
        if as_json:
            found = report.document(results, wall_s=run.wall_s, busy=run.busy, interrupted=interrupted)
            click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        else:
            _print(results, run)
        if interrupted:
            click.echo("llms: interrupted; these are the streams so far", err=True)
            raise SystemExit(_INTERRUPTED)
        if any(result.summary.failures for result in results):
            raise SystemExit(1)


def _print(results: Sequence[Result], run: Run) -> None:
    names = "AB" if len(results) == 2 else [""]
    for name, result in zip(names, results, strict=True):
        click.echo(f"{name}  {result.url}  model {result.model}".strip())
    click.echo(f"{run.streams} streams each, {run.concurrency} at a time, {report.seconds(run.wall_s)}\n")
    show(table(results))
    for name, result in zip(names, results, strict=True):
        if result.summary.whole:
            click.echo("\n" + f"{name}  gaps between chunks".strip())
            click.echo("\n".join(report.picture(result.summary.bars, _block())) + "\n")
            click.echo("\n".join(report.verdict(result)))
        for problem in report.problems(result):
            click.echo(f"llms: {name}{' ' * bool(name)}{problem}", err=True)
    for note in report.notes(results, run.busy):
        click.echo(f"\n{note}")


def table(results: Sequence[Result]) -> Table:
    """Give the figures, and of two URLs the difference and the ratio."""
    heads = ["A", "B", "B - A", "B / A"] if len(results) == 2 else [""]
    rows = Table("", *heads, box=None, pad_edge=False)
    for column in rows.columns[1:]:
        column.justify = "right"
    for line in report.lines(results):
        rows.add_row(escape(line.label), *line.cells())
    return rows


def _block() -> str:
    try:
        "█".encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return "#"
    return "█"


def _progress() -> Progress:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    # Drawn when a stream ends: a thread that redraws would take time from what is measured.
    return Progress(*columns, console=console, auto_refresh=False, transient=True, disable=not console.is_terminal)


def _wish(**given: Any) -> Wish:
    given["urls"] = [_url(url) for url in given["urls"]]
    count = len(given["urls"])
    if count > 2:
        message = "Give one URL, or two to compare."
        raise click.UsageError(message)
    given["models"] = _each("-m", given["models"] or (None,), count)
    given["key_names"] = _each("--key-env", given["key_names"] or (_KEY_NAME,), count)
    return Wish(**given)


def _url(given: str) -> str:
    try:
        return base_url(given)
    except ValueError as error:
        message = f"That is no base URL: {error}."
        raise click.UsageError(message) from error


def _each(name: str, values: Sequence[Any], count: int) -> list[Any]:
    if len(values) not in (1, count):
        message = f"Give {name} once, or once for each URL."
        raise click.UsageError(message)
    return list(values) * (count // len(values))


def _targets(wish: Wish, environ: Mapping[str, str]) -> list[Target]:
    body = {
        "messages": [{"role": "user", "content": wish.prompt}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": wish.max_tokens,
    }
    return [
        Target(url, _key(name, environ), name, {"model": model, **body})
        for url, model, name in zip(wish.urls, wish.models, wish.key_names, strict=True)
    ]


def _key(name: str, environ: Mapping[str, str]) -> str | None:
    key = environ.get(name, "").strip()
    if not key:
        if name != _KEY_NAME:
            message = f"{name} is not set; put the key into it"
            raise Failure(message)
        return None
    if not key.isascii() or not key.isprintable():
        message = f"{name} holds no key: a key is of plain characters"
        raise Failure(message)
    return key


async def _with_model(session: Any, target: Target) -> Target:
    if target.body["model"] is not None:
        return target
    model = chat_model(await client.models(session, target))
    return replace(target, body={**target.body, "model": model})
