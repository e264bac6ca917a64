"""What ``llms chat`` asks."""

import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from llms.cli import question

PNG = b"\x89PNG\r\n\x1a\n"


def ask(prompt=None, system=None, images=(), piped=""):
    """The messages, or the message of the failure."""

    @click.command()
    def command():
        found.append(question.messages(prompt, system, images))

    found = []
    done = CliRunner().invoke(command, input=piped, standalone_mode=False)
    return found[0] if found else done.exception.message


@pytest.mark.parametrize(
    ("prompt", "piped", "expected"),
    [
        ("Hi", "", "Hi"),
        (None, "Hi\n", "Hi"),
        ("Explain:", "def f(): ...\n", "Explain:\n\ndef f(): ..."),
        (None, b"caf\xe9", "caf\ufffd"),
    ],
)
def test_the_prompt_and_what_is_piped_in(prompt, piped, expected):
    """What is piped in follows the prompt, or is it."""
    assert [{"role": "user", "content": expected}] == ask(prompt, piped=piped)


def test_a_system_message():
    """It stands first."""
    assert [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}] == ask("Hi", "Be brief.")


def test_nothing_to_ask():
    """Wrong usage, said so."""
    assert "Give a PROMPT, or pipe one in." == ask(piped=" \n")


def test_no_standard_input():
    """A process without one asks what it was told to ask."""
    code = "import sys; sys.stdin = None; from llms.cli.question import messages; print(messages('Hi', None, [])[0])"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)  # noqa: S603

    assert "{'role': 'user', 'content': 'Hi'}\n" == done.stdout


def test_too_much_is_piped_in():
    """A file that nobody meant to send is not sent."""
    assert "what is piped in is larger than 16 MiB" == ask("Hi", piped=b"x" * ((16 << 20) + 1))


def test_pictures(tmp_path):
    """Each goes as a data URI with its media type, after the text."""
    paths = [tmp_path / "a.png", tmp_path / "b.JPG"]
    for path in paths:
        path.write_bytes(PNG)

    assert [
        {"type": "text", "text": "What is it?"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}},
        {"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,iVBORw0KGgo="}},
    ] == ask("What is it?", images=paths)[0]["content"]


def test_a_picture_alone(tmp_path):
    """Needs no prompt."""
    path = tmp_path / "a.png"
    path.write_bytes(PNG)

    assert ["image_url"] == [part["type"] for part in ask(images=[path])[0]["content"]]


def test_pictures_that_cannot_be_sent(tmp_path):
    """Not a picture, not there, too large: each is named."""
    text, gone, large = tmp_path / "a.txt", tmp_path / "gone.png", tmp_path / "large.png"
    with large.open("wb") as file:
        file.truncate((20 << 20) + 1)

    assert [
        f"{text} is no picture by its name; use .png, .jpg, .webp or .gif",
        f"{gone} cannot be read: No such file or directory",
        f"{large} is larger than 20 MiB",
    ] == [ask("Hi", images=[path]) for path in (text, gone, large)]
