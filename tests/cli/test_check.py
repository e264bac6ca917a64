"""``llms check``."""

import asyncio
import re

import pytest
from aiohttp import web

from llms.cli.check import Outcome, table
from llms.cli.pick import chat_model

DEMO = {"demo": {"chunk_delay_s": 0}}


def lines(done):
    """The table without times."""
    return [re.sub(r"\d+\.\d\d s", "T", line).split() for line in done.stdout.splitlines()]


def test_providers_that_are_on_are_asked(llms):
    """One tiny call to each; those that are off are left out."""
    done = llms(
        "check", config={"server": {"port": 0}, "providers": {"groq": {}, **DEMO}}, environ={"GROQ_API_KEY": None}
    )

    assert (0, [["provider", "model", "time", "outcome"], ["demo", "demo", "T", "ok"]]) == (done.exit_code, lines(done))


def test_one_provider_can_be_named(llms):
    """And one of its models."""
    config = {
        "server": {"port": 0},
        "providers": {"other": {"type": "demo"}, **DEMO, "third": {"type": "demo", "models": ["a", "b"]}},
    }

    done = llms("check", "third", "--model", "b", config=config)

    assert [["third", "b", "T", "ok"]] == lines(done)[1:]


def test_a_provider_that_does_not_answer(llms):
    """Its line says why, and the status is 1."""
    config = {
        "server": {"port": 0},
        "providers": {"mine": {"base_url": "http://127.0.0.1:9/v1", "models": ["m"], "api_key": "$K"}, **DEMO},
    }

    done = llms("check", config=config, environ={"K": "k"})

    assert (1, ["failed:", "ok"]) == (done.exit_code, [line[3] for line in lines(done)[1:]])


def test_a_provider_without_models(llms):
    """A server with nothing loaded cannot answer, so it fails."""
    done = llms("check", config={"server": {"port": 0}, "providers": {"demo": {"models": []}}})

    assert (1, ["demo", "-", "T", "failed:", "it", "lists", "no", "model"]) == (done.exit_code, lines(done)[1])


def test_a_provider_whose_models_are_not_known(llms):
    """The reason is that of the catalog."""
    config = {"server": {"port": 0}, "providers": {"mine": {"base_url": "http://127.0.0.1:9/v1", "api_key": "$K"}}}

    done = llms("check", config=config, environ={"K": "k"})

    assert (1, True) == (done.exit_code, "its models are not known" in done.stdout)


def test_a_provider_that_is_off(llms):
    """Asked for by name, it is told why it is off."""
    done = llms(
        "check", "groq", config={"server": {"port": 0}, "providers": {"groq": {}}}, environ={"GROQ_API_KEY": None}
    )

    assert (1, "llms: groq is off: GROQ_API_KEY is not set\n") == (done.exit_code, done.stderr)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(("dmo",), "unknown provider; did you mean `demo`?"), (("--model", "m"), "--model needs a PROVIDER.")],
)
def test_wrong_usage(llms, arguments, message):
    """Status 2."""
    done = llms("check", *arguments, config={"providers": DEMO})

    assert (2, f"Error: {message}") == (done.exit_code, done.stderr.splitlines()[-1])


async def test_a_provider_that_says_nothing(llms, server):
    """It has --timeout seconds."""
    done = asyncio.Event()

    async def hang(_):
        await done.wait()
        return web.Response()

    port = await server(chat__completions=hang)
    mine = {"base_url": f"http://127.0.0.1:{port}", "models": ["m"]}

    shown = await asyncio.to_thread(
        llms, "check", "--timeout", "0.2", config={"server": {"port": 0}, "providers": {"mine": mine}}
    )
    done.set()

    assert (1, ["failed:", "no", "answer", "in", "0.2", "s"]) == (shown.exit_code, lines(shown)[1][3:])


def test_markup_in_a_failure_is_text():
    """What a provider says cannot style the table."""
    rows = table([Outcome("p", "[red]m", "[link=x]no[/]", 0.5)])

    assert [[r"\[red]m"], [r"[red]failed[/]: \[link=x]no\[/]"]] == [
        list(column.cells) for column in (rows.columns[1], rows.columns[3])
    ]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([], None),
        (["text-embedding-3-small", "whisper-1", "gpt-5"], "gpt-5"),
        (["nomic-embed-text"], "nomic-embed-text"),
        (["llama3.2:latest", "gpt-5"], "llama3.2:latest"),
    ],
)
def test_the_model_that_is_asked(names, expected):
    """The first that looks as if it chats: lists hold embeddings and speech too."""
    assert expected == chat_model(iter(names))
