"""The pages of docs/ say what is so."""

import ast
import json
import re

import pytest

from llms.cli import COMMANDS
from llms.config import ConfigError, Server, parse
from llms.config.aliases import Alias, TargetGiven
from llms.providers import options
from llms.providers.presets import PRESETS
from tests.support import docs, timing
from tests.support.config_docs import kinds, sections_in
from tests.support.raw import RawClient
from tests.upstream import openai
from tests.upstream.server import Upstream

PATH = "/v1/chat/completions"
TEXTS = {path.name: path.read_text("utf-8") for path in docs.PAGES}
NAMES = [path.name for path in docs.PAGES]
LINKED = ["README.md", *(f"docs/{name}" for name in NAMES)]
SECTIONS = {
    "server": Server,
    "providers": options.Options,
    **{f"providers.{name}": kind for name, kind in kinds().items()},
    "models": Alias,
    "models.targets": TargetGiven,
}


def fenced(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXTS[page], re.DOTALL | re.MULTILINE)


def every_option(model):
    return [*model.model_fields, *(name for _, inner in sections_in(model) for name in every_option(inner))]


def masked(text):
    """Without what differs from one call to the next."""
    return re.sub(r'(req_|chatcmpl-)[0-9a-f]{24}|"created":\d+', r"\1…", text)


def shown(page):
    """The example of an answer that the page gives: its head, line by line, and its body."""
    head, _, body = fenced(page, "http")[0].partition("\n\n")
    return head.splitlines(), masked(body.strip())


def head_of(response):
    return [masked(line) for line in response.head.raw.decode().split("\r\n")]


async def ask(port, model, text="count to 2", headers=(), **fields):
    async with RawClient("127.0.0.1", port) as client:
        body = {"model": model, "messages": [{"role": "user", "content": text}], **fields}
        await client.request("POST", PATH, headers, body)
        return await client.read_response()


@pytest.mark.parametrize("page", NAMES)
def test_generated_parts_are_current(page):
    """What a page has from the code is what the code has now."""
    current = docs.renewed(TEXTS[page]) == TEXTS[page]

    assert current, f"docs/{page} is out of date; renew it with: python -m tests.support.docs"


def test_every_option_is_in_its_section():
    """Each option of each section of config.json has its line in the part of the page that is about it."""
    parts = docs.parts_of(TEXTS["configuration.md"])
    common = set(options.Options.model_fields)

    missing = [
        f"{name}.{option}"
        for name, model in SECTIONS.items()
        for option in every_option(model)
        if f"| `{option}` |" not in parts.get(name, "")
        and not (option in common and f"| `{option}` |" in parts["providers"])
    ]

    assert [] == missing


def test_every_line_says_something():
    """No option stands in a table without a description."""
    rows = re.findall(r"^\| `.*\|$", TEXTS["configuration.md"], re.MULTILINE)

    assert len(rows) > 30
    assert [] == [row for row in rows if not row.split("|")[-2].strip()]


def test_every_option_of_the_server_is_read():
    """An option that nothing reads would make the page lie."""
    sources = "".join(path.read_text("utf-8") for path in docs.PACKAGE.rglob("*.py"))

    read = ("server.{name}", "self.{name}")  # the second within the section's own module
    assert [] == [name for name in Server.model_fields if not any(form.format(name=name) in sources for form in read)]


@pytest.mark.parametrize("name", [*PRESETS, *kinds()])
def test_every_provider_is_listed(name):
    """Each type of provider is in the table of providers."""
    assert f"| `{name}` |" in docs.parts_of(TEXTS["providers.md"])["presets"]


def test_every_code_is_listed():
    """Each code that an error is given in the source is on the page of errors."""
    given = {
        keyword.value.value
        for tree in docs.trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg == "code" and isinstance(keyword.value, ast.Constant) and keyword.value.value is not None
    }

    assert {"invalid_json", "duplicate_key"} <= given
    assert [] == [code for code in sorted(given) if f"`{code}`" not in TEXTS["errors.md"]]


@pytest.mark.parametrize("page", ["configuration.md", "providers.md"])
def test_examples_of_configuration_are_right(page):
    """Each example is a file that the gateway takes, if the variables that it names are set."""
    examples = fenced(page, "json")

    assert examples
    for example in examples:
        parse(example.encode(), dict.fromkeys(re.findall(r'"\$(\w+)"', example), "x"), page)


def test_example_of_routing_is_right():
    """The example on the page about routing is a file that the gateway takes."""
    example = fenced("routing.md", "json")[0]

    parse(example.encode(), dict.fromkeys(re.findall(r'"\$(\w+)"', example), "x"), "routing.md")


def test_mistakes_are_worded_as_shown():
    """The mistakes on the page are those that the gateway finds."""
    bad = {"server": {"prot": 1}, "providers": {"groq": {"api_key": "gsk"}}, "models": {"fast": "gpt"}}

    with pytest.raises(ConfigError) as caught:
        parse(json.dumps(bad).encode(), {}, "x")

    assert fenced("configuration.md", "text")[0].splitlines() == [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize("page", LINKED)
def test_links_lead_somewhere(page):
    """Each link to a file, and to a heading in one, is right."""
    path = docs.TOP / page
    links = re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)", path.read_text("utf-8"))

    for file, heading in links:
        target = path.parent / file if file else path
        assert target.is_file(), file
        titles = re.findall(r"^#+ (.*)$", target.read_text("utf-8"), re.MULTILINE)
        assert heading in ("", *(re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles))


@pytest.mark.parametrize("page", LINKED)
def test_commands_exist(page):
    """Each ``llms …`` on a page is a command."""
    used = set(re.findall(r"`llms ([a-z]+)", (docs.TOP / page).read_text("utf-8")))

    assert used <= set(COMMANDS)


async def test_stream_as_shown(gateway):
    """The demo model streams the answer on the page about streaming, with these headers among its own."""
    running = await gateway()
    head, body = shown("streaming.md")

    response = await ask(running.port, "demo", stream=True, stream_options={"include_usage": True})

    assert body == masked(response.body.decode().strip())
    assert [] == [line for line in head if masked(line) not in head_of(response)]


async def test_error_before_the_first_byte_as_shown(gateway):
    """A model that is not there is answered as the page about errors shows."""
    running = await gateway()
    head, body = shown("errors.md")

    response = await ask(running.port, "dmo")

    assert body == masked(response.body.decode().strip())
    assert [] == [line for line in head if masked(line) not in head_of(response)]


async def test_error_after_the_first_byte_as_shown(gateway):
    """A stream that is cut short ends as the page about errors shows."""
    body = masked(fenced("errors.md", "http")[1].partition("\n\n")[2].strip())
    async with Upstream() as upstream:
        upstream.on("POST", PATH, openai.stream(["Hel"], role=False, finish=None, done=False))
        running = await gateway(providers={"up": {"base_url": f"{upstream.url}/v1", "models": ["m"]}})
        response = await ask(running.port, "m", stream=True)

    assert (200, True) == (response.status, response.complete)
    assert body == masked(response.body.decode().strip())


def test_timing_as_shown():
    """The page about timing shows a header that adds up, and has a line for each name in it, in its order."""
    header = fenced("timing.md", "text")[0].removeprefix("Server-Timing: ").strip()

    names = re.findall(r"^\| `([a-z]+)` \|", TEXTS["timing.md"], re.MULTILINE)

    assert list(timing.microseconds(header)) == [name for name in names if name not in {"body", "retries"}]
