from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llms.wire.think import MAX_BLANKS, ThinkParser, ThinkTags

TEXTS = st.lists(st.sampled_from(["<think>", "</think>", "<th", "ink>", "</", "<", ">", "\n", " ", "a"])).map("".join)


def separated(pieces: list[str], tags: ThinkTags = "tagged") -> tuple[str, str]:
    parser = ThinkParser(tags)
    found = [*(parser.feed(piece) for piece in pieces), parser.close()]
    thoughts, texts = zip(*found, strict=True)
    return "".join(thoughts), "".join(texts)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ("", "")),
        ("<think>a</think>b", ("a", "b")),
        (" \n\t<think>a</think>b", ("a", "b")),
        ("<think></think>b", ("", "b")),
        ("<think>a</think>\n\nb", ("a", "\nb")),
        ("<think>a</think> \nb", ("a", " \nb")),
        ("<think>a</think><think>b</think>", ("a", "<think>b</think>")),
        ("<think>a<think></think>b", ("a<think>", "b")),
        ("<think>a</thinks></think>b", ("a</thinks>", "b")),
        ("<think>a<</think>b", ("a<", "b")),
        ("<think>a", ("a", "")),
        ("<think>a</think", ("a</think", "")),
        ("<think", ("", "<think")),
        (" \n", ("", " \n")),
        (" <thought>a", ("", " <thought>a")),
        ("<THINK>a</THINK>", ("", "<THINK>a</THINK>")),
        ("a<think>b</think>", ("", "a<think>b</think>")),
        ("a</think>b", ("", "a</think>b")),
        (" " * MAX_BLANKS + "<think>a</think>b", ("a", "b")),
        (" " * (MAX_BLANKS + 1) + "<think>a</think>b", ("", " " * (MAX_BLANKS + 1) + "<think>a</think>b")),
    ],
)
def test_tagged(text: str, expected: tuple[str, str]) -> None:
    """Only what stands between the tags at the start of the text is reasoning; all else is content, as it was."""
    assert expected == separated([text])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ("", "")),
        ("a</think>b", ("a", "b")),
        (" \na</think>\n\nb", (" \na", "\nb")),
        ("</think>b", ("", "b")),
        ("<think>a</think>b", ("a", "b")),
        ("\n<think>a</think>b", ("a", "b")),
        ("<thi</think>b", ("<thi", "b")),
        (" " * (MAX_BLANKS + 1) + "a</think>b", (" " * (MAX_BLANKS + 1) + "a", "b")),
        ("a", ("a", "")),
        ("<thi", ("<thi", "")),
        ("a</think", ("a</think", "")),
    ],
)
def test_opened(text: str, expected: tuple[str, str]) -> None:
    """Without an opening tag the text begins as reasoning; a tag that is there all the same is no part of it."""
    assert expected == separated([text], "opened")


@given(text=TEXTS, cuts=st.sets(st.integers(0, 40)), tags=st.sampled_from(["tagged", "opened"]))
def test_every_cut(text: str, cuts: set[int], tags: ThinkTags) -> None:
    """However the text is cut, reasoning and content are the same, and reasoning comes first."""
    ends = [0, *sorted(cut for cut in cuts if cut < len(text)), len(text)]
    pieces = [text[start:end] for start, end in pairwise(ends)]

    parser = ThinkParser(tags)
    found = [*(parser.feed(piece) for piece in pieces), parser.close()]

    kinds = [kind for part in found for kind, said in enumerate(part) if said]
    assert sorted(kinds) == kinds
    assert separated([text], tags) == separated(list(text), tags) == separated(pieces, tags)


@given(text=TEXTS)
def test_nothing_lost(text: str) -> None:
    """What is left out is the tags, the blanks before the first and one newline behind the last."""
    thought, rest = separated([text])

    bare = text.lstrip()
    if bare.startswith("<think>"):
        assert bare in {f"<think>{thought}{tag}{rest}" for tag in ("", "</think>", "</think>\n")}
    else:
        assert ("", text) == (thought, rest)


def test_held_back() -> None:
    """No more is held back than may be a tag: six characters of the first, seven of the second."""
    parser = ThinkParser("tagged")

    found = [parser.feed(piece) for piece in ("<think", ">a</think", "b</thin", "k>", "\n", "c<", "/")]

    assert [("", ""), ("a", ""), ("</thinkb", ""), ("", ""), ("", ""), ("", "c<"), ("", "/")] == found


def test_over() -> None:
    """Once the content has begun there is nothing left to do."""
    parser = ThinkParser("tagged")

    found = []
    for piece in ("<think>a", "</think>", "\n", "b"):
        parser.feed(piece)
        found.append(parser.over)

    assert [False, False, True, True] == found


@pytest.mark.parametrize(
    ("tags", "before", "let_go", "after"),
    [
        ("tagged", "<th", ("", "<th"), ("", "<think>a</think>")),
        ("opened", "<th", ("<th", ""), ("<think>a", "")),
        ("tagged", "<think>b</thi", ("</thi", ""), ("<think>a", "")),
        ("tagged", "<think>b</think>", ("", ""), ("", "<think>a</think>")),
    ],
)
def test_text_after_close(tags: ThinkTags, before: str, let_go: tuple[str, str], after: tuple[str, str]) -> None:
    """What was let go is no part of a tag; reasoning goes on until its closing tag."""
    parser = ThinkParser(tags)
    parser.feed(before)

    assert (let_go, after, ("", "")) == (parser.close(), parser.feed("<think>a</think>"), parser.close())
