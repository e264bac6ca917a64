import re
import time

import pytest

from llms.providers import demo_text


def test_page_is_markdown():
    """The answer shows what a chat has to render: a heading, a list, code, a table; in about 120 words."""
    page = demo_text.page("Why is the sky blue?", "demo")

    assert page.startswith("## ")
    assert 'You said: "Why is the sky blue?"' in page
    assert "\n1. Set a key, such as `OPENAI_API_KEY`" in page
    assert "| --- | --- |" in page
    assert 90 < len(page.split()) < 170


def test_page_holds_code_that_runs():
    """The example in the answer is Python, with the model's name as the client wrote it."""
    page = demo_text.page("x", 'my "model"')

    [code] = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    compile(code, "page", "exec")
    assert 'model="my \\"model\\""' in code


@pytest.mark.parametrize(
    ("asked", "quoted"),
    [
        ("a\n\n  b\tc", "a b c"),
        ("nul\x00, bell\x07, bidi\u202e, half \ud83d", "nul , bell , bidi , half"),
        ("x" * 81, "x" * 79 + "…"),
        ("x" * 80, "x" * 80),
        ("", ""),
        ("héllo 😀", "héllo 😀"),
    ],
)
def test_quote_is_one_clean_line(asked, quoted):
    """What was asked comes back as one line of at most 80 visible characters."""
    assert quoted == demo_text.quoted(asked, 80)


def test_quote_is_no_markdown():
    """What was asked cannot turn into a link, an image, code or a cell of a table."""
    asked = "![x](http://a.example) `b` **c** <d> | e"

    page = demo_text.page(asked, "demo")

    assert r"!\[x\](http://a.example) \`b\` \*\*c\*\* \<d\> \| e" in page


@pytest.mark.parametrize(
    ("asked", "numbers"),
    [
        ("count to 3", "1 2 3"),
        ("  Please count to 2.\n", "1 2"),
        ("Count to 1!", "1"),
        ("count to 0", None),
        ("count to 3 apples", None),
        ("count to -3", None),
        ("recount to 3", None),
    ],
)
def test_counts(asked, numbers):
    """The words "count to N" ask for a stream of N numbers, nothing else does."""
    assert numbers == demo_text.counting(asked)


def test_counts_to_a_hundred_thousand_at_most():
    """A stream that is asked for cannot be endless."""
    numbers = demo_text.counting("count to 999999999")

    assert "100000" == numbers.split()[-1]


def test_long_prompts_take_no_time():
    """A prompt made to keep a pattern busy does not."""
    prompts = [" " * 1_000_000 + "x", "count to 5" + " " * 1_000_000 + "x", "count to " + "5" * 1_000_000]

    started = time.perf_counter()
    for prompt in prompts:
        demo_text.counting(prompt)
        demo_text.page(prompt, "demo")

    assert time.perf_counter() - started < 1


@pytest.mark.parametrize(("text", "count"), [("", 0), ("a", 1), ("abcd", 1), ("abcde", 2)])
def test_counts_tokens(text, count):
    """Four characters are a token, and a part of one counts whole."""
    assert count == demo_text.tokens(text)


def test_words_keep_their_blanks():
    """Text is cut before each word and is whole again when joined."""
    text = "  a b\n\n    c  "

    words = list(demo_text.words(text))

    assert ["  ", "a ", "b\n\n    ", "c  "] == words


def test_fragments_join_to_the_text():
    """JSON is cut into equal pieces."""
    assert ["abcdefghijkl", "mn"] == list(demo_text.fragments("abcdefghijklmn"))


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({"content": "a"}, "a"),
        (
            {"content": [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {}}, {"text": "b"}, "c"]},
            "a\nb",
        ),
        ({"content": None}, ""),
        ({}, ""),
    ],
)
def test_reads_the_text_of_a_message(message, text):
    """Text is found in a string and in parts."""
    assert text == demo_text.content(message)
