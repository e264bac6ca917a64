"""How ``llms chat`` shows an answer."""

import json

import click
import pytest
from click.testing import CliRunner

from llms.cli.screen import Screen

DONE = b"data: [DONE]\n\n"


def event(value):
    return f"data: {json.dumps(value)}\n\n".encode()


def delta(**fields):
    return event({"choices": [{"index": 0, "delta": fields}]})


def shown(*reads, raw=False, terminal=False, monkeypatch=None):
    """Standard output, standard error and the failure, if any."""
    runner = CliRunner()

    @click.command()
    @click.pass_context
    def command(ctx):
        if terminal:
            for name in ("stdout", "stderr"):
                monkeypatch.setattr(f"sys.{name}.isatty", lambda: True)
        screen = Screen(raw=raw)
        try:
            for read in reads:
                screen.feed(read)
        finally:
            screen.end()
        screen.require_complete()

    done = runner.invoke(command, standalone_mode=False, color=terminal)
    return done.stdout, done.stderr, done.exception and done.exception.message


def test_text_ends_with_a_line_break():
    """The shell's prompt stands on a line of its own."""
    assert ("Hello\n", "", None) == shown(delta(role="assistant", content="Hel"), delta(content="lo"), delta(), DONE)


def test_text_that_has_a_line_break():
    """There is no second one."""
    assert ("Hello\n", "", None) == shown(delta(content="Hello\n"), event({"choices": [], "usage": {}}), DONE)


def test_a_refusal():
    """It is text too."""
    assert ("No.\n", "", None) == shown(delta(refusal="No."), DONE)


@pytest.mark.parametrize("cut", range(1, 60))
def test_however_it_is_cut(cut):
    """Reads end anywhere."""
    data = delta(content="Grüße 👋") + DONE

    assert ("Grüße 👋\n", "", None) == shown(data[:cut], data[cut:])


def test_half_a_character():
    """Two halves of a character in two chunks are shown as one; one alone as a replacement."""
    assert ("a👋b\n", "", None) == shown(delta(content="a\ud83d"), delta(content="\udc4bb"), DONE)
    assert ("a\ufffdb\n", "", None) == shown(delta(content="a\udc4bb"), DONE)


def test_reasoning_is_for_people():
    """Into a pipe goes the answer alone."""
    assert ("4\n", "", None) == shown(delta(reasoning_content="2+2"), delta(content="4"), DONE)


def test_reasoning_on_a_terminal(monkeypatch):
    """It is dim, and ends before the answer begins."""
    assert ("4.\n", "\x1b[2m2+\x1b[0m\x1b[2m2\x1b[0m\n\n", None) == shown(
        delta(reasoning_content="2+"),
        delta(reasoning_content="2"),
        delta(content="4"),
        delta(content="."),
        DONE,
        terminal=True,
        monkeypatch=monkeypatch,
    )


def test_an_answer_cannot_drive_the_terminal(monkeypatch):
    """Escape sequences do not get through to a terminal; into a pipe text goes as it is."""
    text = delta(content="\x1b]0;title\x07a\tb\n")

    assert "]0;titlea\tb\n" == shown(text, DONE, terminal=True, monkeypatch=monkeypatch)[0]
    assert "\x1b]0;title\x07a\tb\n" == shown(text, DONE)[0]


def test_raw_events():
    """They come as they are."""
    data = delta(content="Hi") + b": keep-alive\n\n"

    assert ((data + DONE).decode(), "", None) == shown(data, DONE, raw=True)


@pytest.mark.parametrize("raw", [False, True])
def test_an_answer_that_is_cut_short(raw):
    """It is said, and the status is not 0."""
    assert "the answer was cut short" == shown(delta(content="Hi"), raw=raw)[2]


def test_an_error_in_the_stream():
    """What was there is kept, the message follows on a line of its own."""
    assert ("Hi\n", "", "The provider went silent.") == shown(
        delta(content="Hi"), event({"error": {"message": "The provider went silent."}})
    )
